//! One submission: taken, checked, built, run, and put down in its folder.

use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use report::FailureKind;
use report::text::escaped;

use super::find::Submission;
use super::shared::shared_state;
use super::take::{Taken, take};
use super::workspace::{Built, Workspace};
use super::{check, dependencies};
use crate::course::{Scheme, SharedState};
use crate::error::Error;
use crate::judge::Judge;
use crate::output::tell;
use crate::progress::Progress;
use crate::record::{
    Done, End, Line, Record, Shortage, VERSION, cut_broken_end, read_file, sha256,
};
use crate::runs::{Code, Counted, Keeps, Limits, Plan, Trust};
use crate::sample::{Share, sample};
use crate::seeding::{Key, Seeding};
use crate::shard::Shard;
use crate::stop;
use crate::suite::LabTest;
use crate::tally::Tally;

/// Of how many runs of each cause the report and the history are kept.
const KEPT: usize = 3;

/// Of how many runs in all, as a submission may fail each run with another sentence; how much room their files may take,
/// in bytes; and how long it may take to make these runs again.
const KEPT_IN_ALL: usize = 300;
const ROOM: u64 = 1 << 30;
const REPORTING: Duration = Duration::from_secs(600);

/// Of how many runs of a test that passed one is judged without the submission's code.
const JUDGED_ONE_OF: usize = 100;

/// How long a process may take to run a few seeds.
pub(super) const PATIENCE: Duration = Duration::from_secs(600);

/// What all submissions are judged by.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) scheme: Scheme,
    /// The test targets that have the scheme's tests.
    pub(super) targets: Vec<String>,
    /// The scheme's tests, as they were built with the grader's own Raft.
    pub(super) own: Vec<LabTest>,
    /// Who judges runs with these.
    pub(super) judge: Judge,
    pub(super) key: Option<Key>,
    /// What tells what submissions are built with from other such.
    pub(super) code: String,
    /// The skeleton's `lib.rs`.
    pub(super) default_lib: Vec<u8>,
    /// Crates that submissions may use.
    pub(super) allowed: Vec<String>,
    /// Where results go.
    pub(super) out: PathBuf,
    pub(super) jobs: usize,
}

/// Deals with what somebody has handed in. A bug here or in a library costs that submission its grading, and no other one:
/// then the error says what it was `at`.
fn guarded<T>(at: &str, work: impl FnOnce() -> T) -> Result<T, String> {
    panic::catch_unwind(AssertUnwindSafe(work))
        .map_err(|_| format!("the grader panicked when it {at} it, which is a bug of the grader"))
}

/// The most characters of a reason.
const REASON: usize = 500;

/// A reason in one line, whatever a submission has put into it.
fn one_line(why: &str) -> String {
    let words: Vec<&str> = why.split_whitespace().collect();
    let line = escaped(&words.join(" ")).into_owned();
    match line.char_indices().nth(REASON) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// Notes as they are put down. A submission has a say in them, by the names of crates and what its runs fail with.
fn notes(notes: &[String]) -> Vec<String> {
    notes.iter().map(|note| one_line(note)).collect()
}

/// What came of a submission.
#[derive(Debug)]
pub(super) enum Judged {
    /// It has a verdict.
    Done(Box<Done>),
    /// It was stopped.
    Stopped,
}

/// A submission being judged.
struct Case<'a> {
    rules: &'a Rules,
    submission: &'a Submission,
    shard: Shard,
    /// The folder for its results.
    folder: PathBuf,
    hash: String,
    shortage: Option<Shortage>,
    notes: Vec<String>,
}

/// Judges a submission, or that part of its runs which is the shard's.
pub(super) fn judge(
    rules: &Rules,
    workspace: &Workspace,
    submission: &Submission,
    shard: Shard,
) -> Result<Judged, Error> {
    let folder = rules.out.join(&submission.name);
    fs::create_dir_all(&folder).map_err(|error| Error::write(&folder, error))?;
    let taken = guarded("read", || take(&submission.path, &rules.default_lib)).flatten();
    let hash = hash(rules, &taken);
    let mut case =
        Case { rules, submission, shard, folder, hash, shortage: None, notes: Vec::new() };
    let earlier = match case.earlier()? {
        Earlier::Done(done) => return Ok(Judged::Done(Box::new(done))),
        Earlier::Runs(earlier) => earlier,
    };
    let taken = match taken {
        Ok(taken) => taken,
        Err(why) => return case.end(End::Refused { why }),
    };
    // What comes of its runs is as foreign as its sources.
    guarded("judged", || case.judge(workspace, &taken, &earlier))
        .unwrap_or_else(|why| case.end(End::Refused { why }))
}

fn shared_state_is(rules: &Rules) -> SharedState {
    rules.scheme.course().rules.shared_state
}

/// A sentence about runs in which the tester itself failed, which nobody can be blamed for unseen.
fn tester_failed(tallies: &[Tally]) -> Option<String> {
    let failures = tallies.iter().flat_map(|tally| tally.failures.values());
    let count = failures.filter(|failed| failed.kind == FailureKind::Tester).count();
    (count > 0).then(|| {
        format!("in {count} runs the tester itself failed: look at them before you take points off")
    })
}

/// What a folder has from before.
enum Earlier {
    /// Everything.
    Done(Done),
    /// These runs.
    Runs(Vec<Record>),
}

impl Case<'_> {
    /// Builds it, has it run, and has its runs judged.
    fn judge(
        &mut self,
        workspace: &Workspace,
        taken: &Taken,
        earlier: &[Record],
    ) -> Result<Judged, Error> {
        let Case { rules, submission, shard, .. } = *self;
        let checked = guarded("read", || {
            check::refusal(&taken.sources).map_or(Ok(()), Err)?;
            let shared = shared_state(&taken.sources);
            if let (SharedState::Refuse, Some(why)) = (shared_state_is(rules), &shared) {
                return Err(why.clone());
            }
            let not_allowed = dependencies::not_allowed(taken.manifest.as_deref(), &rules.allowed);
            Ok(not_allowed.into_iter().chain(shared))
        });
        match checked.flatten() {
            Ok(notes) => self.notes.extend(notes),
            Err(why) => return self.end(End::Refused { why }),
        }
        workspace.put(&taken.sources)?;
        let limits = &rules.scheme.course().limits;
        let log = self.folder.join("build.log");
        let suite = match workspace.build(&rules.targets, &rules.own, &log, limits.build)? {
            Built::Tests(suite) => suite,
            Built::Not { why } => return self.end(End::NotBuilt { why }),
        };
        let patience = PATIENCE.min(limits.submission);
        let confinement = workspace.confinement_of_runs(&suite, patience)?;
        let runs = rules.scheme.course().runs.clone();
        let began = Instant::now();
        let plan = Plan {
            suite: &suite,
            seeding: match &rules.key {
                Some(key) => {
                    Seeding::Hidden { key: key.clone(), submission: submission.name.clone() }
                }
                None => Seeding::Same(runs.seed),
            },
            iterations: runs.each.get(),
            shard,
            call: Some(1),
            jobs: rules.jobs,
            is_real: false,
            variables: Vec::new(),
            limits: Limits { until: Some(began + limits.submission), ..Limits::default() },
            trust: Trust::Nobody { patience, confinement: &confinement },
            keeps: Keeps::Nothing,
            code: Code::Sources { submission: submission.name.clone(), hash: self.hash.clone() },
            out: &self.folder,
            kept: &self.folder,
        };
        let Counted { tests, tallies, error } = plan.run(earlier, &mut Progress::silent());
        if let Some(error) = error {
            return Err(error);
        }
        let plan = plan.until(Instant::now() + REPORTING);
        let left_out = self.keep_reports(&plan, &tests, &tallies)?;
        if stop::is_asked() {
            return Ok(Judged::Stopped);
        }
        // What makes these runs slow costs as much time as the runs themselves have, and not more.
        let plan = plan.until(Instant::now() + limits.submission.max(PATIENCE));
        let share = Share::OneOf(JUDGED_ONE_OF);
        let sampled = sample(&plan, &rules.judge, &tests, &self.runs()?, share)?;
        if stop::is_asked() {
            return Ok(Judged::Stopped);
        }
        self.notes.extend(sampled.notes);
        self.shortage = sampled.shortage;
        if let Some(why) = sampled.objection {
            return self.end(End::Refused { why });
        }
        self.notes.extend(tester_failed(&tallies).into_iter().chain(left_out));
        let is_done = |tally: &Tally| tally.runs >= tally.asked || tally.given_up().is_some();
        if tallies.iter().all(is_done) {
            self.end(End::Run)
        } else {
            self.end(End::OutOfTime {
                limit: humantime::format_duration(limits.submission).to_string(),
            })
        }
    }

    /// What the submission's folder has of the same code. What is of other code goes.
    fn earlier(&self) -> Result<Earlier, Error> {
        let path = self.folder.join(report::RESULTS);
        cut_broken_end(&path)?;
        let lines = if path.exists() { read_file(&path)? } else { Vec::new() };
        let mut runs = Vec::new();
        let mut is_other = false;
        for line in lines {
            match line {
                Line::Done(done) if self.is_mine(&done) => return Ok(Earlier::Done(done)),
                Line::Run(record) if record.stamp.binary == self.hash => runs.push(*record),
                // Another shard's, or that of fewer runs: its runs count, as far as they are asked for.
                Line::Done(done) if done.binary == self.hash => {}
                _ => is_other = true,
            }
        }
        if is_other {
            let name = &self.submission.name;
            tell(&format!("{name} has changed since its results were stored: it is graded anew"));
            fs::remove_dir_all(&self.folder)
                .and_then(|()| fs::create_dir_all(&self.folder))
                .map_err(|error| Error::write(&self.folder, error))?;
            return Ok(Earlier::Runs(Vec::new()));
        }
        Ok(Earlier::Runs(runs))
    }

    /// The runs that are stored.
    fn runs(&self) -> Result<Vec<Record>, Error> {
        let path = self.folder.join(report::RESULTS);
        let lines = if path.exists() { read_file(&path)? } else { Vec::new() };
        let run = |line| match line {
            Line::Run(record) if record.stamp.binary == self.hash => Some(*record),
            _ => None,
        };
        Ok(lines.into_iter().filter_map(run).collect())
    }

    fn is_mine(&self, done: &Done) -> bool {
        let Done { binary, shard, runs, tests, .. } = self.done(End::Run);
        (&done.binary, &done.shard, done.runs, &done.tests) == (&binary, &shard, runs, &tests)
    }

    fn done(&self, end: End) -> Done {
        let scheme = &self.rules.scheme;
        Done {
            submission: self.submission.name.clone(),
            binary: self.hash.clone(),
            version: VERSION.to_owned(),
            shard: self.shard.to_string(),
            runs: scheme.course().runs.each.get(),
            tests: scheme.tests().map(str::to_owned).collect(),
            end,
            shortage: self.shortage,
            notes: notes(&self.notes),
        }
    }

    /// Puts down how it ended.
    fn end(&self, end: End) -> Result<Judged, Error> {
        let end = match end {
            End::NotBuilt { why } => End::NotBuilt { why: one_line(&why) },
            End::Refused { why } => End::Refused { why: one_line(&why) },
            end => end,
        };
        let done = self.done(end);
        let path = self.folder.join(report::RESULTS);
        report::add_lines(&path, Line::Done(done.clone()).text().as_bytes())
            .map_err(|error| Error::write(&path, error))?;
        Ok(Judged::Done(Box::new(done)))
    }

    /// Keeps the reports and histories of the first runs that failed by each cause. Returns a sentence about those that it
    /// leaves out because there are too many.
    fn keep_reports(
        &self,
        plan: &Plan<'_>,
        tests: &[LabTest],
        tallies: &[Tally],
    ) -> Result<Option<String>, Error> {
        let mut kept = Kept { count: 0, folder: &self.folder, began: Instant::now() };
        let mut counts = std::collections::BTreeMap::<(String, String), usize>::new();
        for (test, tally) in tests.iter().zip(tallies) {
            for failed in tally.failures.values() {
                let cause = (report::without_numbers(&failed.sentence), failed.cause.clone());
                let count = counts.entry(cause).or_default();
                // To wait for one that hangs takes seconds.
                if *count >= if failed.has_hung { 1 } else { KEPT } {
                    continue;
                }
                *count += 1;
                if kept.is_enough() {
                    let Kept { count, .. } = kept;
                    return Ok(Some(format!(
                        "its runs fail in too many ways, or with too long reports: {count} reports are kept"
                    )));
                }
                kept.count += 1;
                let path = self.folder.join(format!("{}.txt", test.file_name(failed.seed)));
                if path.exists() || stop::is_asked() {
                    continue;
                }
                let report = plan.report(test, failed.seed)?;
                let text = report.unwrap_or_else(|| format!("{}\n", failed.sentence));
                fs::write(&path, &*report::text::escaped(&text))
                    .map_err(|error| Error::write(&path, error))?;
            }
        }
        Ok(None)
    }
}

/// What is kept of a submission's failed runs.
struct Kept<'a> {
    /// How many reports.
    count: usize,
    folder: &'a Path,
    /// Since when runs are made again for them.
    began: Instant,
}

impl Kept<'_> {
    fn is_enough(&self) -> bool {
        let files = fs::read_dir(self.folder).into_iter().flatten().flatten();
        let room: u64 = files.filter_map(|file| Some(file.metadata().ok()?.len())).sum();
        self.count >= KEPT_IN_ALL || room > ROOM || self.began.elapsed() > REPORTING
    }
}

/// What tells a submission's code, and that it is built with, from other such.
fn hash(rules: &Rules, taken: &Result<Taken, String>) -> String {
    let mut all = rules.code.clone().into_bytes();
    match taken {
        Ok(taken) => {
            for (path, bytes) in &taken.sources {
                all.extend(format!("{path} {}\n", bytes.len()).into_bytes());
                all.extend(bytes);
            }
        }
        Err(why) => all.extend(why.as_bytes()),
    }
    if shared_state_is(rules) == SharedState::Refuse {
        all.extend(b"no shared state\n");
    }
    // Other seeds are other runs.
    let seeds = match &rules.key {
        Some(key) => format!(
            "key of {}: {}",
            key.len(),
            Seeding::Hidden { key: key.clone(), submission: String::new() }
                .first(&LabTest::named("", 1))
        ),
        None => format!("seed {}", rules.scheme.course().runs.seed),
    };
    sha256(&[&all[..], seeds.as_bytes()].concat())
}

/// Where a submission's results are.
pub(super) fn results(out: &Path, submission: &Submission) -> PathBuf {
    out.join(&submission.name).join(report::RESULTS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_line_that_can_be_read() {
        assert_eq!(one_line("git failed:\n\n  no such\r\nobject"), "git failed: no such object");
        // A name in an archive may turn a terminal upside down.
        assert_eq!(
            one_line("\u{1b}]0;t\u{7}\u{202e}.rs:1: no"),
            r"\u{1b}]0;t\u{7}\u{202e}.rs:1: no"
        );
        let long = one_line(&"ä".repeat(10_000));
        assert_eq!(long.chars().count(), REASON + 1);
    }

    #[test]
    fn notes_are_lines_as_well() {
        // A key of a manifest may have any characters, and there may be any number of them.
        let manifest = "[dependencies]\n\"\\u001b[2J\" = \"1\"\n";
        let note = dependencies::not_allowed(Some(manifest), &[]).expect("it isn't allowed");
        assert!(note.contains('\u{1b}'), "{note:?}");
        assert_eq!(notes(&[note]), [r"its Cargo.toml asks for \u{1b}[2J, which isn't allowed"]);
        assert_eq!(notes(&["x".repeat(1 << 20)])[0].chars().count(), REASON + 1);
    }

    #[test]
    fn reports_are_kept_as_long_as_they_are_few_and_short() {
        let folder = tempfile::tempdir().expect("a folder");
        let (folder, began) = (folder.path(), Instant::now());
        let is_enough = |count| Kept { count, folder, began }.is_enough();
        assert_eq!(
            [is_enough(0), is_enough(KEPT_IN_ALL - 1), is_enough(KEPT_IN_ALL)],
            [false, false, true]
        );
        let history = fs::File::create(folder.join("TestBackup3B-1.json")).expect("a file");
        history.set_len(ROOM + 1).expect("it takes no room on the disk");
        assert!(is_enough(0));
    }

    #[test]
    fn a_bug_in_reading_costs_one_submission() {
        let read: Result<(), String> = guarded("read", || unreachable!("a library's bug"));
        assert!(read.unwrap_err().contains("a bug of the grader"));
    }
}
