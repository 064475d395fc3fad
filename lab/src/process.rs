//! A process that runs a test on some seeds: started, watched, and what it leaves.

use std::env;
use std::fs::{self, File};
use std::io::{Read as _, Seek as _};
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use wait4::Wait4 as _;

use crate::error::Error;
use crate::suite::{LabTest, Suite};
use crate::tally::Line;

/// The file to which the tests write a line for each run.
pub(crate) const RESULTS: &str = "results.jsonl";

/// How often a process is looked at.
const LOOK: Duration = Duration::from_millis(2);

/// Is set when the user has had enough.
pub(crate) fn stop_on_signal() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let on_signal = stop.clone();
    // Without a handler Ctrl-C ends the program at once, which is no worse than a failure here.
    let _ = ctrlc::set_handler(move || on_signal.store(true, Ordering::Relaxed));
    stop
}

/// How many runs at the same time: as many as were asked for, or else as there are cores.
pub(crate) fn jobs(asked: Option<NonZeroUsize>) -> usize {
    asked.or_else(|| thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get)
}

/// A folder for what nobody wants to keep.
pub(crate) fn scratch() -> Result<TempDir, Error> {
    TempDir::with_prefix("lab-").map_err(|error| Error::write(&env::temp_dir(), error))
}

/// Starts a package's tests.
#[derive(Debug)]
pub(crate) struct Launcher<'a> {
    pub(crate) suite: &'a Suite,
    /// What the tests are told besides the seeds.
    pub(crate) variables: Vec<(&'static str, String)>,
    /// Set when the user has had enough.
    pub(crate) stop: &'a AtomicBool,
}

/// Seeds that follow one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seeds {
    pub(crate) first: u64,
    pub(crate) count: u64,
}

/// What came of a process.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) lines: Vec<Line>,
    pub(crate) status: ExitStatus,
    /// What the tests printed to standard error: the report, if one failed.
    pub(crate) report: String,
    pub(crate) printed: String,
    /// CPU time of the process and of all that it started and waited for.
    pub(crate) cpu: Duration,
}

impl Launcher<'_> {
    /// Runs a test on `seeds` in a process of its own, which leaves its files in `folder`, an empty one;
    /// `None` if it was stopped.
    pub(crate) fn run(
        &self,
        test: &LabTest,
        seeds: Seeds,
        folder: &Path,
    ) -> Result<Option<Ended>, Error> {
        let write = |error| Error::write(folder, error);
        let mut stdout = tempfile::tempfile_in(folder).map_err(write)?;
        let mut stderr = tempfile::tempfile_in(folder).map_err(write)?;
        let mut command = self.suite.command(test, seeds.first, seeds.count, folder);
        command
            .env("LAB_JOBS", "1")
            // `cargo lab replay` stores histories, one at a time.
            .env("LAB_REPORT", "never")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdout(stdout.try_clone().map_err(write)?)
            .stderr(stderr.try_clone().map_err(write)?);
        let failed = |error| test.not_started(error);
        let mut process = command.spawn().map_err(failed)?;
        let used = loop {
            if let Some(used) = process.try_wait4().map_err(failed)? {
                break used;
            }
            if self.stop.load(Ordering::Relaxed) {
                // Its own children end when it does.
                let _ = process.kill();
                let _ = process.wait();
                return Ok(None);
            }
            pause(LOOK);
        };
        Ok(Some(Ended {
            lines: read(&folder.join(RESULTS))?,
            status: used.status,
            report: text(&mut stderr),
            printed: text(&mut stdout),
            cpu: used.rusage.utime + used.rusage.stime,
        }))
    }
}

impl Ended {
    /// What came, if it is a result for each run that was asked for.
    pub(crate) fn complete(self, test: &LabTest, seeds: Seeds) -> Result<Ended, Error> {
        let not_run: u64 = self.lines.iter().map(|line| line.not_run).sum();
        if self.lines.len() as u64 + not_run == seeds.count {
            return Ok(self);
        }
        Err(Error::NoResults {
            test: test.name.clone(),
            seed: seeds.first,
            expected: seeds.count,
            got: self.lines.len(),
            status: self.status,
            printed: format!("{}{}", self.printed, self.report),
        })
    }
}

#[expect(clippy::disallowed_methods, reason = "nothing is simulated in this program")]
fn pause(duration: Duration) {
    thread::sleep(duration);
}

/// A process's results; none if it didn't get so far as to write any.
fn read(path: &Path) -> Result<Vec<Line>, Error> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text = fs::read_to_string(path).map_err(|error| Error::read(path, error))?;
    let lines = text.lines().map(serde_json::from_str);
    lines.map(|line| line.map_err(|error| Error::read(path, error.into()))).collect()
}

/// What was written to a file. What can't be read is not worth an error: it would hide another.
fn text(file: &mut File) -> String {
    let mut bytes = Vec::new();
    let _ = file.rewind().and_then(|()| file.read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}
