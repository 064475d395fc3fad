//! Running tests: which process runs what, and what comes back.

pub(crate) mod foreign;
mod queue;
mod row;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use children::settings;
use confine::Confinement;
use tempfile::TempDir;

use self::foreign::{Asked, Ran};
use crate::error::Error;
use crate::pages::{self, Said};
use crate::process::{Ended, Launcher, Seeds};
use crate::progress::Progress;
use crate::record::{Line, Record, Stamp, VERSION, cause, sha256};
use crate::seeding::Seeding;
use crate::shard::Shard;
use crate::suite::{LabTest, Suite};
use crate::tally::Tally;

/// How much longer than the time for all runs a run may take that was begun before.
const GRACE: Duration = Duration::from_secs(10);

/// How long a process of the user's own code may take to make one run again.
const PATIENCE: Duration = Duration::from_secs(600);

/// The exit code of a test's process of which a run has failed.
const FAILED: i32 = 101;

/// What is to be run, and how.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) suite: &'a Suite,
    pub(crate) seeding: Seeding,
    /// How many runs of each test, by all shards together.
    pub(crate) iterations: u64,
    /// Which of them.
    pub(crate) shard: Shard,
    /// The only call of `config::test` in each function that is run; `None` for all.
    pub(crate) call: Option<u32>,
    pub(crate) jobs: usize,
    /// Whether the runs go by the wall clock.
    pub(crate) is_real: bool,
    /// What the tests are told besides the seeds.
    pub(crate) variables: Vec<(&'static str, String)>,
    pub(crate) limits: Limits,
    pub(crate) trust: Trust<'a>,
    pub(crate) keeps: Keeps,
    /// Whose the code is, and what tells it from other code.
    pub(crate) code: Code,
    /// Where results and other artefacts go.
    pub(crate) out: &'a Path,
    /// Where histories and pages of reported runs go; it needn't be there yet.
    pub(crate) kept: &'a Path,
}

/// When a test's other runs aren't begun.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Limits {
    /// After so many failures of it.
    pub(crate) failures: Option<u64>,
    /// At this time.
    pub(crate) until: Option<Instant>,
    /// When it is known whether its rate is below this.
    pub(crate) target: Option<f64>,
}

/// Whose code is run.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Trust<'a> {
    /// The user's: the test's own process sees to its runs. If it leaves no results, the tests are wrong.
    User,
    /// Somebody's: it runs in children of this program, confined. If a child has no result for a run, the run has
    /// failed. A child may take so long.
    Nobody { patience: Duration, confinement: &'a Confinement },
}

/// What is kept of runs besides their results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keeps {
    /// Nothing.
    Nothing,
    /// What servers logged, of runs that failed. Each run has a process of its own then.
    FailedLogs,
    /// Histories of all runs; and what servers logged, of those whose process was told to print it.
    All,
}

/// What tells code from other code.
#[derive(Clone, Debug)]
pub(crate) enum Code {
    /// The SHA-256 of each test binary.
    Binaries(BTreeMap<PathBuf, String>),
    /// That of a submission's sources.
    Sources { submission: String, hash: String },
}

/// All tests that were run, and what is known of each in the end.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    /// The suite's tests, and behind each the other calls of its function.
    pub(crate) tests: Vec<LabTest>,
    /// In the same order.
    pub(crate) tallies: Vec<Tally>,
    /// Why not all runs were made, if it wasn't by request.
    pub(crate) error: Option<Error>,
}

impl Code {
    /// Reads the binaries of a suite.
    pub(crate) fn of_binaries(suite: &Suite) -> Result<Code, Error> {
        let mut hashes = BTreeMap::new();
        for test in &suite.tests {
            if !hashes.contains_key(&test.binary) {
                let bytes =
                    fs::read(&test.binary).map_err(|error| Error::read(&test.binary, error))?;
                hashes.insert(test.binary.clone(), sha256(&bytes));
            }
        }
        Ok(Code::Binaries(hashes))
    }

    /// What tells a test's code from other code.
    pub(crate) fn hash(&self, test: &LabTest) -> &str {
        match self {
            Code::Binaries(hashes) => hashes.get(&test.binary).map_or("", String::as_str),
            Code::Sources { hash, .. } => hash,
        }
    }

    fn stamp(&self, test: &LabTest) -> Stamp {
        let submission = match self {
            Code::Binaries(_) => String::new(),
            Code::Sources { submission, .. } => submission.clone(),
        };
        Stamp {
            submission,
            binary: self.hash(test).to_owned(),
            version: VERSION.to_owned(),
            ..Stamp::default()
        }
    }
}

impl Plan<'_> {
    /// Runs everything that isn't among the `earlier` runs, and returns what is known of each test in the end: also
    /// if that came early, by request or by an error.
    pub(crate) fn run(&self, earlier: &[Record], progress: &mut Progress) -> Counted {
        queue::run(self, earlier, progress)
    }

    /// The same, of which nothing goes on behind `late`.
    pub(crate) fn until(self, late: Instant) -> Self {
        Plan { limits: Limits { until: Some(late), ..self.limits }, ..self }
    }

    /// Runs one seed alone, stores its history, draws it, and returns the report; `None` if it passed this
    /// time, or was stopped.
    pub(crate) fn report(&self, test: &LabTest, seed: u64) -> Result<Option<String>, Error> {
        let write = |error| Error::write(self.kept, error);
        fs::create_dir_all(self.kept).map_err(write)?;
        let seeds = Seeds { first: seed, count: 1 };
        if let Trust::Nobody { .. } = self.trust {
            let again = self.again(test, seed, Asked::Records)?;
            let lines = again.and_then(|again| again.lines.into_iter().next());
            let failed = lines.filter(|line| line.failure().is_some());
            return failed.map(|line| pages::keep_record(line, test, self.kept)).transpose();
        }
        // Its result is known already and must not be counted twice.
        let folder = TempDir::with_prefix_in(".runs-", self.kept).map_err(write)?;
        let report = Some((settings::REPORT, "always".to_owned()));
        let ended = self.run_process(test, seeds, folder.path(), report)?;
        let failed = ended.filter(|ended| !ended.status.success());
        Ok(failed.map(|ended| pages::keep(ended, folder.path(), self.kept, Said::Where)))
    }

    /// Runs one seed once more, in a process of its own, and returns what came of it with what is `asked` for; `None` if
    /// this program was stopped.
    pub(crate) fn again(
        &self,
        test: &LabTest,
        seed: u64,
        asked: Asked<'_>,
    ) -> Result<Option<Ran>, Error> {
        let late = |patience| Instant::now() + patience;
        let (late, confinement) = match self.trust {
            Trust::Nobody { patience, confinement } => {
                let until = self.limits.until.unwrap_or(late(patience));
                (late(patience).min(until), Some(confinement))
            }
            Trust::User => (late(PATIENCE), None),
        };
        let seeds = Seeds { first: seed, count: 1 };
        foreign::run((self.suite, test), seeds, confinement, late, asked)
    }

    /// Runs some seeds and stores what came of them; `None` if it was stopped.
    fn run_seeds(
        &self,
        test: &LabTest,
        seeds: Seeds,
        may_be_missing: bool,
    ) -> Result<Option<Ended>, Error> {
        if let Trust::Nobody { patience, confinement } = self.trust {
            let late = Instant::now() + patience;
            let late = self.limits.until.map_or(late, |until| late.min(until + GRACE));
            let which = (self.suite, test);
            let ran = foreign::run(which, seeds, Some(confinement), late, Asked::Results)?;
            let Some(ran) = ran else {
                return Ok(None);
            };
            let ended = ended(ran);
            self.store(test, &ended)?;
            return Ok(Some(ended));
        }
        let folder = TempDir::with_prefix_in(".runs-", self.out);
        let folder = folder.map_err(|error| Error::write(self.out, error))?;
        let report = (self.keeps == Keeps::All).then(|| (settings::REPORT, "always".to_owned()));
        let Some(ended) = self.run_process(test, seeds, folder.path(), report)? else {
            return Ok(None);
        };
        let ended = if ended.lines.is_empty() && may_be_missing {
            ended // there is no such call
        } else {
            match ended.complete(test, seeds)? {
                Some(ended) => ended,
                None => return Ok(None),
            }
        };
        move_artefacts(folder.path(), self.out)?;
        self.store(test, &ended)?;
        Ok(Some(ended))
    }

    fn run_process(
        &self,
        test: &LabTest,
        seeds: Seeds,
        folder: &Path,
        report: Option<(&'static str, String)>,
    ) -> Result<Option<Ended>, Error> {
        let mut variables = self.variables.clone();
        variables.extend(self.is_real.then(|| (settings::CLOCK, "real".to_owned())));
        variables.extend(report);
        Launcher { suite: self.suite, variables }.run(test, seeds, folder)
    }

    /// Adds the results of a process to those in the folder for artefacts, and what it logged.
    fn store(&self, test: &LabTest, ended: &Ended) -> Result<(), Error> {
        let share = |time: Duration| {
            let milliseconds = time.as_secs_f64() * 1000.0 / ended.lines.len().max(1) as f64;
            (milliseconds * 1000.0).round() / 1000.0
        };
        let stamp = self.code.stamp(test);
        let mut lines = String::new();
        for result in &ended.lines {
            let (wall_ms, cpu_ms) = (share(ended.wall), share(ended.cpu));
            let stamp = Stamp { cause: cause(result), wall_ms, cpu_ms, ..stamp.clone() };
            let mut record = Record { result: result.clone(), stamp };
            record.result.stored = None; // it was moved
            record.result.record = None;
            lines += &Line::Run(Box::new(record)).text();
        }
        let path = self.out.join(report::RESULTS);
        report::add_lines(&path, lines.as_bytes()).map_err(|error| Error::write(&path, error))?;
        for result in &ended.lines {
            let is_kept = match self.keeps {
                Keeps::Nothing => false,
                Keeps::FailedLogs => result.failure().is_some(),
                Keeps::All => true,
            };
            // Of a run that failed its result has it; one that passed has printed it itself.
            let logged =
                [&result.printed, &ended.printed].into_iter().find(|text| !text.trim().is_empty());
            if let (true, Some(logged)) = (is_kept, logged) {
                let path = self.out.join(format!("{}.log", test.file_name(result.seed)));
                fs::write(&path, logged).map_err(|error| Error::write(&path, error))?;
            }
        }
        Ok(())
    }
}

/// What came of children, in the form of what comes of a test's own process.
fn ended(ran: Ran) -> Ended {
    let Ran { lines, record: _, cpu, wall } = ran;
    let has_failed = lines.iter().any(|line| line.failure().is_some());
    let status = ExitStatus::from_raw(if has_failed { FAILED << 8 } else { 0 });
    Ended { lines, status, report: String::new(), printed: String::new(), cpu, wall }
}

/// Moves to `out` what a process has left in `folder` besides its results.
fn move_artefacts(folder: &Path, out: &Path) -> Result<(), Error> {
    let read = |error| Error::read(folder, error);
    for entry in fs::read_dir(folder).map_err(read)? {
        let path = entry.map_err(read)?.path();
        if !path.ends_with(report::RESULTS) {
            let to = out.join(path.file_name().unwrap_or_default());
            // Another file system may hold the one, so that renaming doesn't do.
            fs::copy(&path, &to).map_err(|error| Error::write(&to, error))?;
        }
    }
    Ok(())
}
