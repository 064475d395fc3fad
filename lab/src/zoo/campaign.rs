//! Running a campaign: who runs what, and what is counted.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use children::settings;
use report::{FailureKind, KnownBug, Process, RunResult, Verdict};

use super::progress::Progress;
use super::stored::{Campaign, Cell, Plan};
use crate::error::Error;
use crate::first_cause::{FirstCause, broken_rule, message};
use crate::process::{Launcher, Seeds, scratch};
use crate::stored::Store;
use crate::suite::{LabTest, Suite};

/// How many runs of a test the first two processes make, the first of them one. Each of the next makes
/// twice as many as there were before: a bug that hangs is given up soon, and one that is rare costs few
/// starts. The machine has no say in it, so that the same campaign makes the same runs everywhere.
const FIRST: u64 = 10;

/// From which CPU time on the runs of a test are made one by one, and after which time no more are made.
/// There are bugs that make a test a hundred times as slow.
const SLOW: Duration = Duration::from_secs(1);
const ENOUGH_CPU: Duration = Duration::from_secs(30);

/// The most different messages of a test that are stored.
const MESSAGES: usize = 8;

/// What is told of a failure that nothing is known of.
pub(crate) const UNKNOWN: &str = "unknown";

/// Runs what a campaign has left.
pub(crate) struct Work<'a> {
    pub(crate) suite: &'a Suite,
    pub(crate) jobs: usize,
}

/// Where the campaign stands.
struct Shared {
    store: Store,
    campaign: Campaign,
    progress: Progress,
    error: Option<Error>,
}

impl Work<'_> {
    /// Runs all that is left and returns the campaign, with what has been run so far if a request or an error
    /// ended it early.
    pub(crate) fn run(&self, store: Store, campaign: Campaign) -> (Campaign, Option<Error>) {
        let (plan, open) = (campaign.plan.clone(), campaign.open());
        let progress = Progress::new(&campaign);
        let shared = Mutex::new(Shared { store, campaign, progress, error: None });
        let next = AtomicUsize::new(0);
        #[expect(clippy::disallowed_methods, reason = "nothing is simulated in this program")]
        thread::scope(|scope| {
            for _ in 0..self.jobs {
                scope.spawn(|| {
                    while let Some((raft, test)) = open.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let measured = self.measure(&plan, raft, &plan.tests[*test]);
                        if !enter(
                            &mut shared.lock().unwrap_or_else(PoisonError::into_inner),
                            measured,
                        ) {
                            return;
                        }
                    }
                });
            }
        });
        let shared = shared.into_inner().unwrap_or_else(PoisonError::into_inner);
        shared.progress.close();
        (shared.campaign, shared.error)
    }

    /// Runs a test on one Raft; `None` if it was stopped.
    fn measure(&self, plan: &Plan, raft: &str, name: &str) -> Result<Option<Cell>, Error> {
        let test = self.suite.tests.iter().find(|test| test.name == name);
        let test: &LabTest = test.expect("the plan has the suite's tests");
        let bug = plan.bugs.iter().find(|bug| bug.name == raft);
        let launcher = Launcher {
            suite: self.suite,
            variables: vec![
                (settings::BUG, raft.to_owned()),
                (settings::STRICT, "1".to_owned()),
                (settings::CLOCK, "virtual".to_owned()),
            ],
        };
        let asked = plan.count(name);
        let mut count = Count::new(raft, name, plan.seeds.first);
        let (mut given, mut size) = (0, 1);
        while given < asked && !count.is_enough(plan) {
            let seeds = Seeds {
                first: plan.seeds.first.wrapping_add(given),
                count: size.min(asked - given),
            };
            let folder = scratch()?;
            let Some(ended) = launcher.run(test, seeds, folder.path())? else { return Ok(None) };
            let Some(ended) = ended.complete(test, seeds)? else { return Ok(None) };
            count.add(ended.lines, ended.cpu, bug);
            given += seeds.count;
            size = if count.is_slow(given) { 1 } else { (2 * given).max(FIRST - 1) };
        }
        Ok(Some(count.done()))
    }
}

/// Stores what came of a test. Returns whether there is more to do.
fn enter(shared: &mut Shared, measured: Result<Option<Cell>, Error>) -> bool {
    let Shared { store, campaign, progress, error } = shared;
    if error.is_some() {
        return false;
    }
    match measured {
        Ok(None) => return false,
        Ok(Some(cell)) => match store.add(&cell) {
            Ok(()) => {
                campaign.cells.push(cell);
                progress.show(campaign);
            }
            Err(why) => *error = Some(Error::NotStored(why)),
        },
        Err(why) => *error = Some(why),
    }
    error.is_none()
}

/// Counts the runs of a test on one Raft.
struct Count {
    cell: Cell,
    first_seed: u64,
    cpu: Duration,
}

impl Count {
    fn new(raft: &str, test: &str, first_seed: u64) -> Count {
        let cell = Cell { bug: raft.to_owned(), test: test.to_owned(), ..Cell::default() };
        Count { cell, first_seed, cpu: Duration::ZERO }
    }

    /// Whether more runs would say nothing new, or take too long.
    fn is_enough(&self, plan: &Plan) -> bool {
        (plan.enough > 0 && self.cell.own() >= plan.enough)
            || self.cell.hung >= plan.enough_hung
            || self.cpu > ENOUGH_CPU
    }

    /// Whether a run takes seconds.
    fn is_slow(&self, runs: u64) -> bool {
        self.cell.hung > 0 || self.cpu.as_secs_f64() > runs as f64 * SLOW.as_secs_f64()
    }

    fn add(&mut self, lines: Vec<RunResult>, cpu: Duration, bug: Option<&KnownBug>) {
        self.cpu += cpu;
        for line in lines {
            let run = line.seed.wrapping_sub(self.first_seed);
            let has_hung = line.process == Process::Hung;
            let cell = &mut self.cell;
            let (failure, explanation) = match line.verdict {
                Verdict::Failed { failure, explanation, .. } => (failure, explanation),
                Verdict::Passed(_) => {
                    cell.runs += 1;
                    continue;
                }
                Verdict::Skipped { .. } => {
                    cell.skipped += 1;
                    continue;
                }
            };
            if failure.kind == FailureKind::Tester {
                cell.tester += 1;
                continue;
            }
            cell.runs += 1;
            cell.failures += 1;
            cell.hung += u64::from(has_hung);
            cell.first = Some(cell.first.map_or(run, |first| first.min(run)));
            let rule = broken_rule(&failure);
            match rule {
                None => cell.failed.push(run),
                Some(_) => cell.flagged.push(run),
            }
            if let Some(id) = rule {
                cell.monitor_only += 1;
                *cell.monitors.entry(id.to_owned()).or_default() += 1;
            }
            let told = FirstCause::of(&failure, &explanation, line.process);
            let names =
                |id: &str| bug.is_some_and(|bug| bug.causes.iter().any(|cause| cause == id));
            // The rule also counts beside a finding.
            cell.right += u64::from(told.id().into_iter().chain(rule).any(names));
            *cell.findings.entry(told.id().unwrap_or(UNKNOWN).to_owned()).or_default() += 1;
            *cell.messages.entry(message(&failure)).or_default() += 1;
        }
    }

    fn done(self) -> Cell {
        let Count { mut cell, cpu, .. } = self;
        let milliseconds = |seconds: f64| (seconds * 1000.0).round() / 1000.0;
        cell.cpu = milliseconds(cpu.as_secs_f64());
        cell.cpu_to_first = cell.first.map(|first| milliseconds(cell.cpu_of(first + 1)));
        cell.messages = most(cell.messages);
        cell
    }
}

/// Those that came most often.
fn most(messages: BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    let mut rows: Vec<(String, u64)> = messages.into_iter().collect();
    rows.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    rows.truncate(MESSAGES);
    rows.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The line of a run that failed with `message`, and whose first finding is `finding`.
    fn failed(seed: u64, kind: &str, message: &str, finding: Option<&str>) -> RunResult {
        failed_by(seed, kind, r#"{"check":"script"}"#, message, finding)
    }

    /// The line of a run that this rule failed.
    fn flagged(seed: u64, id: &str, message: &str, finding: Option<&str>) -> RunResult {
        let check = format!(r#"{{"check":"rule","id":"{id}"}}"#);
        failed_by(seed, "safety", &check, message, finding)
    }

    fn failed_by(
        seed: u64,
        kind: &str,
        check: &str,
        message: &str,
        finding: Option<&str>,
    ) -> RunResult {
        let finding = finding.map(|id| {
            format!(
                r#"{{"id":"{id}","confidence":"certain","what":"","evidence":[],"rule":"","look":"","normal":null}}"#
            )
        });
        let line = format!(
            r#"{{"seed":{seed},"verdict":{{"failed":{{
                "failure":{{"kind":"{kind}","check":{check},"message":"{message}","location":"","at":0}},
                "explanation":{{"findings":[{}],"not_the_cause":[]}}}}}}}}"#,
            finding.unwrap_or_default()
        );
        serde_json::from_str(&line).expect("a line")
    }

    fn passed(seed: u64) -> RunResult {
        let line =
            format!(r#"{{"seed":{seed},"verdict":{{"passed":{{"seconds":1.0,"rpcs":9}}}}}}"#);
        serde_json::from_str(&line).expect("a line")
    }

    #[test]
    fn what_a_run_failed_by_is_told_apart() {
        let bug = r#"{"name":"VotesTwice","part":"3A","kind":"Safety","rule":"","harmless":null,
            "causes":["voted-twice","M2"]}"#;
        let bug: KnownBug = serde_json::from_str(bug).expect("a bug");
        let mut count = Count::new("VotesTwice", "TestManyElections3A", u64::MAX);
        let two = "term 7 has 2 (>1) leaders";
        let lines = vec![
            passed(u64::MAX),
            failed(3, "safety", two, None),
            flagged(0, "M2", "monitor M2: server 1 voted for 2\\n  rule one vote", None),
            flagged(1, "M1", "monitor M1: two leaders", Some("voted-twice")),
            failed(2, "safety", two, Some("majority-not-needed")),
            failed(4, "tester", "the run was ended without a reason", None),
            serde_json::from_str(r#"{"seed":5,"verdict":{"skipped":{"reason":"no votes"}}}"#)
                .expect("a line"),
        ];
        count.add(lines, Duration::from_millis(70), Some(&bug));
        let cell = count.done();
        assert_eq!(cell.own(), 2);
        let counts = |counts: &[(&str, u64)]| -> BTreeMap<String, u64> {
            counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
        };
        let expected = Cell {
            bug: "VotesTwice".to_owned(),
            test: "TestManyElections3A".to_owned(),
            runs: 5,
            failures: 4,
            monitor_only: 2,
            failed: vec![4, 3],
            flagged: vec![1, 2],
            monitors: counts(&[("M1", 1), ("M2", 1)]),
            messages: counts(&[
                ("monitor MN: server N voted for N", 1),
                ("monitor MN: two leaders", 1),
                ("term N has N (>N) leaders", 2),
            ]),
            findings: counts(&[
                ("M2", 1),
                ("majority-not-needed", 1),
                ("unknown", 1),
                ("voted-twice", 1),
            ]),
            right: 2,
            hung: 0,
            tester: 1,
            skipped: 1,
            cpu: 0.07,
            // The seeds wrap around.
            first: Some(1),
            cpu_to_first: Some(0.02),
        };
        assert_eq!(cell, expected);
    }

    #[test]
    fn a_panic_or_a_block_explains_itself_if_nothing_else_is_said() {
        let counted = |causes: &str, kind: &str, finding: Option<&str>| {
            let bug = format!(
                r#"{{"name":"BacksUpToZero","part":"3B","kind":"Liveness","rule":"","harmless":null,
                    "causes":[{causes}]}}"#
            );
            let bug: KnownBug = serde_json::from_str(&bug).expect("a bug");
            let mut count = Count::new("BacksUpToZero", "TestReliableChurn3C", 1);
            let line = failed(1, kind, "server 0 panicked in a task", finding);
            count.add(vec![line], Duration::ZERO, Some(&bug));
            let told = count.cell.findings.into_keys().next().expect("something is told");
            (count.cell.right, told)
        };
        let panic = r#""panic""#;
        assert_eq!(counted(panic, "panic", None), (1, "panic".to_owned()));
        assert_eq!(counted("", "panic", None), (0, "panic".to_owned()));
        assert_eq!(counted(panic, "stuck", None), (0, "unknown".to_owned()));
        assert_eq!(counted(r#""misuse""#, "misuse", None), (1, "misuse".to_owned()));
        assert_eq!(counted(panic, "liveness", None), (0, "unknown".to_owned()));
        let wrong = "log-truncated";
        assert_eq!(counted(panic, "panic", Some(wrong)), (0, wrong.to_owned()));
    }

    #[test]
    fn runs_that_hang_are_soon_enough() {
        let plan: Plan = serde_json::from_str(
            r#"{"form":1,"code":"","profile":"debug","seeds":{"first":1,"count":9},"explore":9,
                "enough":4,"enough_hung":2,"tests":[],"bugs":[]}"#,
        )
        .expect("a plan");
        let mut count = Count::new("SpinsInThread", "TestReElection3A", 1);
        let mut add = |hung: &[&str]| {
            let line = |process: &&str| {
                let failure =
                    r#"{"kind":"stuck","message":"an endless loop","location":"","at":0}"#;
                let line = format!(
                    r#"{{"seed":1,"verdict":{{"failed":{{"failure":{failure}}}}},"process":"{process}"}}"#
                );
                serde_json::from_str(&line).expect("a line")
            };
            count.add(hung.iter().map(line).collect(), Duration::ZERO, None);
            (count.cell.hung, count.is_enough(&plan))
        };
        assert_eq!(add(&["hung"]), (1, false));
        assert_eq!(add(&["died"]), (1, false));
        assert_eq!(add(&["hung"]), (2, true));
        let mut count = Count::new("DiesAtOnce", "TestReElection3A", 1);
        count.cell.failures = 4;
        assert!(count.is_enough(&plan));
        count.cell.monitor_only = 1;
        assert!(!count.is_enough(&plan), "monitors aren't all that is counted");
    }
}
