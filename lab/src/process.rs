//! A process that runs a test on some seeds: started, watched, and what it leaves.

use std::env;
use std::fs::File;
use std::io::{self, Read as _, Seek as _};
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use children::settings;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use report::RunResult;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use wait4::{ResUse, Wait4 as _};

use crate::error::Error;
use crate::leftovers;
use crate::results;
use crate::stop;
use crate::suite::{LabTest, Suite};

/// How often a process is looked at.
pub(crate) const LOOK: Duration = Duration::from_millis(2);

/// How long a process may take to end when it has been asked to.
const PATIENCE: Duration = Duration::from_secs(3);

/// How many runs at the same time: as many as were asked for, or else as there are cores.
pub(crate) fn jobs(asked: Option<NonZeroUsize>) -> usize {
    asked.or_else(|| thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get)
}

/// A folder for what nobody wants to keep.
pub(crate) fn scratch() -> Result<TempDir, Error> {
    TempDir::with_prefix("lab-").map_err(|error| Error::write(&env::temp_dir(), error))
}

/// What a process takes along when it is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ends {
    /// Itself, for it sees to its children.
    Itself,
    /// All of its group, which it leads.
    Group,
}

/// Waits for a process's end. When the user has had enough it is asked to end, and ended by force if it
/// doesn't; then returns `None`.
pub(crate) fn wait(process: &mut Child, ends: Ends) -> io::Result<Option<ResUse>> {
    wait_until(process, ends, None)
}

/// The same, and also ends it when it is late; then returns `None`, too.
pub(crate) fn wait_until(
    process: &mut Child,
    ends: Ends,
    late: Option<Instant>,
) -> io::Result<Option<ResUse>> {
    let waited = loop {
        match process.try_wait4() {
            Ok(None) => {}
            ended => break ended,
        }
        if stop::is_asked() || late.is_some_and(|late| Instant::now() >= late) {
            break end(process, ends).map(|()| None);
        }
        pause(LOOK);
    };
    leftovers::is_waited_for(process.id());
    waited
}

fn end(process: &mut Child, ends: Ends) -> io::Result<()> {
    let id = Pid::from_raw(process.id().cast_signed());
    let signal = |signal| {
        // It hasn't been waited for, so there is nobody else with this number.
        let _ = match ends {
            Ends::Itself => kill(id, signal),
            Ends::Group => killpg(id, signal),
        };
    };
    signal(Signal::SIGTERM);
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if process.try_wait()?.is_some() {
            return Ok(());
        }
        pause(LOOK);
    }
    signal(Signal::SIGKILL);
    process.wait().map(drop)
}

/// Starts a package's tests.
#[derive(Debug)]
pub(crate) struct Launcher<'a> {
    pub(crate) suite: &'a Suite,
    /// What the tests are told besides the seeds.
    pub(crate) variables: Vec<(&'static str, String)>,
}

/// Seeds that follow one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seeds {
    pub(crate) first: u64,
    pub(crate) count: u64,
}

impl Seeds {
    /// The how manieth of them a seed is, from 0.
    pub(crate) fn place(self, seed: u64) -> u64 {
        seed.wrapping_sub(self.first)
    }

    pub(crate) fn has(self, seed: u64) -> bool {
        self.place(seed) < self.count
    }
}

/// What came of a process.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) lines: Vec<RunResult>,
    pub(crate) status: ExitStatus,
    /// What the tests printed to standard error: the report, if one failed.
    pub(crate) report: String,
    pub(crate) printed: String,
    /// CPU time of the process and of all that it started and waited for.
    pub(crate) cpu: Duration,
    /// Real time.
    pub(crate) wall: Duration,
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
            .env(settings::JOBS, "1")
            // `cargo lab replay` stores histories, one at a time.
            .env(settings::REPORT, "never")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdout(stdout.try_clone().map_err(write)?)
            .stderr(stderr.try_clone().map_err(write)?);
        let began = Instant::now();
        let used = run(&mut command).map_err(|error| test.not_started(error))?;
        // Not before all that could still write has ended.
        let lines = results::read(folder, test, seeds)?;
        let Some(used) = used else { return Ok(None) };
        Ok(Some(Ended {
            lines,
            status: used.status,
            report: text(&mut stderr),
            printed: text(&mut stdout),
            cpu: used.rusage.utime + used.rusage.stime,
            wall: began.elapsed(),
        }))
    }
}

/// Runs a test's process to its end; `None` if it was stopped.
pub(crate) fn run(command: &mut Command) -> io::Result<Option<ResUse>> {
    wait(&mut leftovers::spawn(command)?, Ends::Itself)
}

impl Ended {
    /// What came, if it is a result for each run that was asked for; `None` if it isn't because the process
    /// was stopped, if only by the signal that was also meant for this one.
    pub(crate) fn complete(self, test: &LabTest, seeds: Seeds) -> Result<Option<Ended>, Error> {
        let not_run: u64 = self.lines.iter().map(|line| line.not_run).sum();
        let is_complete = self.lines.len() as u64 + not_run == seeds.count;
        if is_complete && (self.status.success() || !stop::is_asked()) {
            return Ok(Some(self));
        }
        // The last run may have come to an early end.
        if stop::exit_soon().is_some() {
            return Ok(None);
        }
        Err(Error::NoResults {
            test: test.title(),
            seed: seeds.first,
            expected: seeds.count,
            got: self.lines.len(),
            status: self.status,
            printed: format!("{}{}", self.printed, self.report),
        })
    }
}

#[expect(clippy::disallowed_methods, reason = "nothing is simulated in this program")]
pub(crate) fn pause(duration: Duration) {
    thread::sleep(duration);
}

/// What was written to a file. What can't be read is not worth an error: it would hide another.
pub(crate) fn text(file: &mut File) -> String {
    let mut bytes = Vec::new();
    let _ = file.rewind().and_then(|()| file.read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}
