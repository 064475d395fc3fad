//! Running tests: which process runs what, and what comes back.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::error::Error;
use crate::process::{Ended, Launcher, RESULTS, Seeds, scratch};
use crate::progress::Progress;
use crate::suite::{LabTest, Suite};
use crate::tally::Tally;

/// How long a process should be at work: short enough for the display to move, long enough for its
/// start not to matter.
const CHUNK: Duration = Duration::from_millis(400);

/// The most runs that a process is given.
const CHUNK_MAX: u64 = 1000;

/// What is to be run, and how.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) suite: &'a Suite,
    pub(crate) first_seed: u64,
    pub(crate) iterations: u64,
    pub(crate) jobs: usize,
    /// Whether the runs go by the wall clock.
    pub(crate) is_real: bool,
    /// Where results and other artefacts go.
    pub(crate) out: &'a Path,
    /// Set when the user has had enough.
    pub(crate) stop: &'a AtomicBool,
}

/// Some runs of a test, which follow one another.
#[derive(Clone, Copy, Debug)]
struct Chunk {
    test: usize,
    first: u64,
    count: u64,
}

/// Where the runs stand.
struct Desk<'a> {
    /// For each test, how many runs have been given out.
    given: Vec<u64>,
    tallies: Vec<Tally>,
    progress: &'a mut Progress,
    error: Option<Error>,
}

impl Plan<'_> {
    /// Runs everything, and returns what is known of each test in the end: also if that came early,
    /// by request or by an error.
    pub(crate) fn run(&self, progress: &mut Progress) -> (Vec<Tally>, Option<Error>) {
        let tests = self.suite.tests.len();
        let desk = Mutex::new(Desk {
            given: vec![0; tests],
            tallies: (0..tests).map(|_| Tally::default()).collect(),
            progress,
            error: None,
        });
        #[expect(clippy::disallowed_methods, reason = "nothing is simulated in this program")]
        thread::scope(|scope| {
            for _ in 0..self.jobs {
                scope.spawn(|| self.work(&desk));
            }
        });
        let desk = desk.into_inner().unwrap_or_else(PoisonError::into_inner);
        (desk.tallies, desk.error)
    }

    /// Takes chunks from the desk until there are no more.
    fn work(&self, desk: &Mutex<Desk<'_>>) {
        loop {
            let Some(chunk) = self.take(&mut lock(desk)) else { return };
            let began = Instant::now();
            let ended = self.run_chunk(chunk);
            let mut desk = lock(desk);
            match ended {
                Ok(None) => return,
                Ok(Some(ended)) => {
                    let run_of = |seed: u64| seed.wrapping_sub(self.first_seed);
                    let tally = &mut desk.tallies[chunk.test];
                    tally.add(ended.lines, began, run_of, ended.report);
                    let Desk { tallies, progress, .. } = &mut *desk;
                    progress.show(chunk.test, &tallies[chunk.test]);
                }
                Err(error) => {
                    desk.error.get_or_insert(error);
                    return;
                }
            }
        }
    }

    /// The next chunk: of the first test that has runs left and isn't given up.
    fn take(&self, desk: &mut Desk<'_>) -> Option<Chunk> {
        if self.is_stopped() || desk.error.is_some() {
            return None;
        }
        let has_runs = |test: &usize| {
            desk.given[*test] < self.iterations && desk.tallies[*test].given_up().is_none()
        };
        let test = (0..desk.given.len()).find(has_runs)?;
        let (first, left) = (desk.given[test], self.iterations - desk.given[test]);
        let Tally { runs, busy, .. } = desk.tallies[test];
        let fitting = match runs {
            0 => 1,
            runs => (CHUNK.as_secs_f64() * runs as f64 / busy.as_secs_f64()) as u64,
        };
        // Nobody should be left with the last runs while others have nothing to do.
        let fair = left.div_ceil(self.jobs as u64);
        let count = fitting.min(fair).clamp(1, CHUNK_MAX);
        desk.given[test] += count;
        Some(Chunk { test, first, count })
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Runs a chunk in a process of its own; `None` if it was stopped.
    fn run_chunk(&self, chunk: Chunk) -> Result<Option<Ended>, Error> {
        let test = &self.suite.tests[chunk.test];
        let seeds = Seeds { first: self.first_seed.wrapping_add(chunk.first), count: chunk.count };
        let ended = self.run_process(test, seeds, self.out)?;
        ended.map(|ended| ended.complete(test, seeds)).transpose()
    }

    /// Runs one seed alone and returns the report; `None` if it passed this time, or was stopped.
    pub(crate) fn report(&self, test: &LabTest, seed: u64) -> Result<Option<String>, Error> {
        // Its result is known already and must not be counted twice.
        let nowhere = scratch()?;
        let ended = self.run_process(test, Seeds { first: seed, count: 1 }, nowhere.path())?;
        Ok(ended.filter(|ended| !ended.status.success()).map(|ended| ended.report))
    }

    fn run_process(
        &self,
        test: &LabTest,
        seeds: Seeds,
        out: &Path,
    ) -> Result<Option<Ended>, Error> {
        let folder = TempDir::with_prefix_in(".runs-", out);
        let folder = folder.map_err(|error| Error::write(out, error))?;
        let clock = self.is_real.then(|| ("LAB_CLOCK", "real".to_owned()));
        let launcher =
            Launcher { suite: self.suite, variables: clock.into_iter().collect(), stop: self.stop };
        let ended = launcher.run(test, seeds, folder.path())?;
        if ended.is_some() {
            keep(folder.path(), out)?;
        }
        Ok(ended)
    }
}

fn lock<'a, 'b>(desk: &'a Mutex<Desk<'b>>) -> MutexGuard<'a, Desk<'b>> {
    desk.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Adds a process's results in `folder` to those in `out`, and moves whatever else it has left there.
fn keep(folder: &Path, out: &Path) -> Result<(), Error> {
    let read = |error| Error::read(folder, error);
    for entry in fs::read_dir(folder).map_err(read)? {
        let path = entry.map_err(read)?.path();
        let to: PathBuf = out.join(path.file_name().unwrap_or_default());
        if path.ends_with(RESULTS) {
            let text = fs::read_to_string(&path).map_err(|error| Error::read(&path, error))?;
            append(&to, &text).map_err(|error| Error::write(&to, error))?;
        } else {
            fs::rename(&path, &to).map_err(|error| Error::write(&to, error))?;
        }
    }
    Ok(())
}

fn append(path: &Path, text: &str) -> io::Result<()> {
    OpenOptions::new().create(true).append(true).open(path)?.write_all(text.as_bytes())
}
