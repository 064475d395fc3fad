//! Counting runs: what the tests write of each, and what is known of a test's so far.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use report::explain::Finding;
use report::{Failure, FailureKind, Measured, Process, RunResult, Time, Verdict, without_numbers};

use crate::first_cause::broken_rule;
use crate::record::{Record, cause};
use crate::statistics::{Claim, claim};

/// How many runs of a test may hang in the same way before its others are given up. The tester does so
/// within a process; this is for a test's processes together.
const HANGS: u64 = 3;

/// The same of runs that die, as long as all do.
const DEATHS: u64 = 3;

/// The same of runs that die among others.
const DEATHS_AMONG_OTHERS: u64 = 30;

/// A run that failed.
#[derive(Clone, Debug)]
pub(crate) struct Failed {
    pub(crate) seed: u64,
    pub(crate) kind: FailureKind,
    /// The first line of its report.
    pub(crate) sentence: String,
    /// Why it failed, in a word.
    pub(crate) cause: String,
    /// The rule that it broke, if it failed by nothing else.
    pub(crate) rule: Option<String>,
    /// When it failed, in its own time.
    pub(crate) at: Time,
    /// Whether it had to be ended.
    pub(crate) has_hung: bool,
}

/// Failed runs that have a cause in common.
#[derive(Clone, Debug)]
pub(crate) struct Cause {
    /// Their sentence, without numbers.
    pub(crate) sentence: String,
    /// Why they failed, in a word.
    pub(crate) cause: String,
    /// Their seeds, by which run it was, and when each failed, in its own time.
    pub(crate) runs: Vec<(u64, Time)>,
}

impl Cause {
    /// The run that fails soonest, by its own time: its seed, and when.
    pub(crate) fn soonest(&self) -> Option<(u64, Time)> {
        self.runs.iter().min_by_key(|(_, at)| at.0).copied()
    }
}

/// Runs that passed although something was wrong.
#[derive(Clone, Debug)]
pub(crate) struct Doubted {
    /// What was found in the first of them.
    pub(crate) finding: Finding,
    /// The variables that chose the Raft under test.
    pub(crate) choices: BTreeMap<String, String>,
    /// Their seeds.
    pub(crate) seeds: Vec<u64>,
}

/// What is known of a test's runs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// How many runs were asked for.
    pub(crate) asked: u64,
    pub(crate) runs: u64,
    /// Those that failed, by which run it was, from 0.
    pub(crate) failures: BTreeMap<u64, Failed>,
    /// What the earliest failure's process printed; if others ran in it too, about them as well.
    pub(crate) printed: Option<(u64, String)>,
    pub(crate) warnings: BTreeMap<String, u64>,
    /// In how many runs the rules could not be checked, because the messages can't be read.
    pub(crate) unreadable: u64,
    /// What was wrong in runs that passed, by the finding's name.
    pub(crate) doubts: BTreeMap<String, Doubted>,
    /// How many runs were skipped, by their reasons. They show nothing.
    pub(crate) skips: BTreeMap<String, u64>,
    /// How many runs hung and how many died, by their sentences without the numbers.
    hangs: BTreeMap<String, u64>,
    deaths: BTreeMap<String, u64>,
    /// Whether the tester itself has left out runs, within a process.
    left_out: bool,
    /// Whether one that hangs is enough to leave out the others, since the code under test hangs in other tests, too.
    expects_hangs: bool,
    /// How long the processes took, taken together.
    pub(crate) busy: Duration,
    /// Of the runs that passed.
    measured: Vec<Measured>,
}

impl Tally {
    /// One of a test of which so many runs are asked for.
    pub(crate) fn of(asked: u64) -> Tally {
        Tally { asked, ..Tally::default() }
    }

    /// Counts the runs of a process that began at `began` and printed `printed`. `run_of` tells which
    /// run a seed is for.
    pub(crate) fn add(
        &mut self,
        results: Vec<RunResult>,
        began: Instant,
        run_of: impl Fn(u64) -> u64,
        printed: String,
    ) {
        for result in results {
            let process = result.process;
            let cause = cause(&result);
            self.left_out |= result.not_run > 0;
            self.runs += 1;
            self.unreadable += u64::from(result.unreadable.is_some());
            for warning in result.warnings {
                *self.warnings.entry(warning).or_default() += 1;
            }
            for doubt in result.doubts {
                let doubted = self.doubts.entry(doubt.id.clone()).or_insert_with(|| Doubted {
                    finding: doubt,
                    choices: result.choices.clone(),
                    seeds: Vec::new(),
                });
                doubted.seeds.push(result.seed);
            }
            match result.verdict {
                Verdict::Passed(measured) => self.measured.push(measured),
                Verdict::Skipped { reason } => *self.skips.entry(reason).or_default() += 1,
                Verdict::Failed { failure, .. } => {
                    let rule = broken_rule(&failure).map(str::to_owned);
                    let Failure { kind, message, at, .. } = failure;
                    let (run, seed) = (run_of(result.seed), result.seed);
                    let sentence = message.lines().next().unwrap_or_default().to_owned();
                    let alike = match process {
                        Process::Survived => None,
                        Process::Died => Some(&mut self.deaths),
                        Process::Hung => Some(&mut self.hangs),
                    };
                    if let Some(alike) = alike {
                        *alike.entry(without_numbers(&sentence)).or_default() += 1;
                    }
                    let has_hung = process == Process::Hung;
                    let failed = Failed { seed, kind, sentence, cause, rule, at, has_hung };
                    self.failures.insert(run, failed);
                    if self.printed.as_ref().is_none_or(|(earliest, _)| run < *earliest) {
                        self.printed = Some((run, printed.clone()));
                    }
                }
            }
        }
        let ended = Instant::now();
        self.busy += ended - began;
    }

    /// Counts a run that was made before, by another process of this program.
    pub(crate) fn add_earlier(&mut self, record: Record, run_of: impl Fn(u64) -> u64) {
        let took = Duration::try_from_secs_f64(record.stamp.wall_ms / 1000.0);
        let busy = self.busy + took.unwrap_or_default();
        self.add(vec![record.result], Instant::now(), run_of, String::new());
        // What was printed is no longer known.
        (self.busy, self.printed) = (busy, None);
    }

    /// How many passed.
    pub(crate) fn passed(&self) -> u64 {
        self.played() - self.failures.len() as u64
    }

    /// Whether its rate is below `target`, as far as is known.
    pub(crate) fn claim(&self, target: f64) -> Claim {
        claim(target, self.failures.len() as u64, self.played())
    }

    /// What its failures have in common, the most frequent first.
    pub(crate) fn causes(&self) -> Vec<Cause> {
        let mut causes: BTreeMap<(String, String), Cause> = BTreeMap::new();
        for failed in self.failures.values() {
            let (sentence, cause) = (without_numbers(&failed.sentence), failed.cause.clone());
            let entry = causes.entry((sentence.clone(), cause.clone())).or_insert_with(|| Cause {
                sentence,
                cause,
                runs: Vec::new(),
            });
            entry.runs.push((failed.seed, failed.at));
        }
        let mut causes: Vec<Cause> = causes.into_values().collect();
        causes.sort_by_key(|cause| std::cmp::Reverse(cause.runs.len()));
        causes
    }

    /// How many runs hung or died, and which of the two, if that is so many that no more are to be begun.
    pub(crate) fn given_up(&self) -> Option<(u64, &'static str)> {
        let total = |alike: &BTreeMap<String, u64>| alike.values().sum::<u64>();
        let (hung, died) = (total(&self.hangs), total(&self.deaths));
        let deaths = if hung + died == self.runs { DEATHS } else { DEATHS_AMONG_OTHERS };
        let any =
            |alike: &BTreeMap<String, u64>, limit| alike.values().any(|&count| count >= limit);
        let hangs = if self.expects_hangs { 1 } else { HANGS };
        if any(&self.hangs, hangs) || (self.left_out && hung > 0) {
            Some((hung, "hung"))
        } else {
            (self.left_out || any(&self.deaths, deaths)).then_some((died, "died"))
        }
    }

    /// Whether no more runs are to be begun because all hung.
    pub(crate) fn only_hangs(&self) -> bool {
        let has_hung = |failed: &Failed| failed.has_hung;
        self.runs > 0
            && self.failures.len() as u64 == self.runs
            && self.failures.values().all(has_hung)
            && self.given_up().is_some()
    }

    /// From now on one run that hangs is enough to give up the others: so it is in other tests.
    pub(crate) fn expect_hangs(&mut self) {
        self.expects_hangs = true;
    }

    /// How many runs were skipped.
    pub(crate) fn skipped(&self) -> u64 {
        self.skips.values().sum()
    }

    /// How many runs show something: those that passed or failed.
    pub(crate) fn played(&self) -> u64 {
        self.runs - self.skipped()
    }

    /// The earliest run that failed.
    pub(crate) fn first_failure(&self) -> Option<&Failed> {
        self.failures.values().next()
    }

    /// The median of the runs that passed, of some figure.
    pub(crate) fn median(&self, figure: impl Fn(&Measured) -> f64) -> Option<f64> {
        let mut figures: Vec<f64> = self.measured.iter().map(figure).collect();
        figures.sort_by(f64::total_cmp);
        figures.get(figures.len() / 2).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(tally: &mut Tally, line: &str) {
        let line: RunResult = serde_json::from_str(line).expect("a line");
        tally.add(vec![line], Instant::now(), |seed| seed, String::new());
    }

    fn hung(seed: u64) -> String {
        let failure = format!(
            r#"{{"kind":"stuck","message":"server {seed}, in start: an endless loop","location":"","at":0}}"#
        );
        format!(
            r#"{{"seed":{seed},"verdict":{{"failed":{{"failure":{failure}}}}},"process":"hung"}}"#
        )
    }

    #[test]
    fn a_run_that_is_skipped_is_no_run_that_passed() {
        let mut tally = Tally::default();
        for seed in 0..3 {
            add(
                &mut tally,
                &format!(r#"{{"seed":{seed},"verdict":{{"skipped":{{"reason":"no votes"}}}}}}"#),
            );
        }
        add(&mut tally, r#"{"seed":3,"verdict":{"passed":{"seconds":1.5,"rpcs":9}}}"#);
        assert_eq!((tally.runs, tally.skipped(), tally.played()), (4, 3, 1));
        assert_eq!(tally.skips["no votes"], 3);
        assert_eq!(
            (tally.median(|measured| measured.seconds), tally.failures.len()),
            (Some(1.5), 0)
        );
    }

    #[test]
    fn a_test_that_hangs_again_and_again_is_given_up() {
        let mut tally = Tally::default();
        for seed in 0..2 {
            add(&mut tally, &hung(seed));
            add(&mut tally, &hung(seed + 100).replace(r#","process":"hung""#, ""));
        }
        assert_eq!(tally.given_up(), None);
        add(&mut tally, &hung(9).replace("an endless loop", "another"));
        assert_eq!(tally.given_up(), None, "this one hung in another way");
        add(&mut tally, &hung(10));
        assert_eq!(tally.given_up(), Some((4, "hung")));
        assert_eq!(tally.runs, 6);
    }

    #[test]
    fn one_hang_is_enough_where_hangs_are_expected() {
        let mut tally = Tally::of(100);
        add(&mut tally, &hung(1));
        assert_eq!((tally.given_up(), tally.only_hangs()), (None, false));
        tally.expect_hangs();
        assert_eq!((tally.given_up(), tally.only_hangs()), (Some((1, "hung")), true));
    }

    #[test]
    fn a_test_whose_runs_all_die_is_given_up_sooner_than_others() {
        let died = |seed| hung(seed).replace("hung", "died");
        let (mut all, mut some) = (Tally::default(), Tally::default());
        add(&mut some, &hung(0).replace(r#","process":"hung""#, ""));
        for seed in 1..=3 {
            assert_eq!(all.given_up(), None);
            add(&mut all, &died(seed));
            add(&mut some, &died(seed));
        }
        assert_eq!((all.given_up(), some.given_up()), (Some((3, "died")), None));
        (4..=30).for_each(|seed| add(&mut some, &died(seed)));
        assert_eq!(some.given_up(), Some((30, "died")));
    }
}
