//! Running tests: which process runs what, and what comes back.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::error::Error;
use crate::output::tell;
use crate::pages;
use crate::process::{Ended, Launcher, Seeds};
use crate::progress::Progress;
use crate::results::RESULTS;
use crate::stop;
use crate::suite::{LabTest, Suite};
use crate::tally::Tally;

/// How long a process should be at work: short enough for the display to move, long enough for its
/// start not to matter.
const CHUNK: Duration = Duration::from_millis(400);

/// The most runs that a process is given.
const CHUNK_MAX: u64 = 1000;

/// How often whoever has nothing to do looks for work.
const LOOK: Duration = Duration::from_millis(100);

/// What is to be run, and how.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) suite: &'a Suite,
    pub(crate) first_seed: u64,
    pub(crate) iterations: u64,
    /// The only call of `config::test` in each function that is run; `None` for all.
    pub(crate) call: Option<u32>,
    pub(crate) jobs: usize,
    /// Whether the runs go by the wall clock.
    pub(crate) is_real: bool,
    /// Where results and other artefacts go.
    pub(crate) out: &'a Path,
    /// Where histories and pages of reported runs go; it needn't be there yet.
    pub(crate) kept: &'a Path,
}

/// Some runs of a test, which follow one another.
#[derive(Clone, Debug)]
struct Chunk {
    /// The test's place on the desk.
    place: usize,
    test: LabTest,
    call: Known,
    seeds: Seeds,
}

/// A test, and how far it is: a call of `config::test` in a test function.
struct Row {
    /// Which of the suite's it is.
    order: usize,
    test: LabTest,
    call: Known,
    /// How many runs have been given out.
    given: u64,
    tally: Tally,
}

/// What is known of a call. A function's first call is there; whether another follows shows when a run of it
/// is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    There,
    NotYet,
    Missing,
}

/// Where the runs stand.
struct Desk<'a> {
    rows: Vec<Row>,
    progress: &'a mut Progress,
    /// How many chunks are being run.
    under_way: usize,
    error: Option<Error>,
}

/// All tests that were run, and what is known of each in the end.
#[derive(Debug)]
pub(crate) struct Counted {
    /// The suite's tests, and behind each the other calls of its function.
    pub(crate) tests: Vec<LabTest>,
    /// In the same order.
    pub(crate) tallies: Vec<Tally>,
    /// Why not all runs were made, if it wasn't by request.
    pub(crate) error: Option<Error>,
}

impl Plan<'_> {
    /// Runs everything, and returns what is known of each test in the end: also if that came early,
    /// by request or by an error.
    pub(crate) fn run(&self, progress: &mut Progress) -> Counted {
        let call = self.call.unwrap_or(1);
        let known = if call == 1 { Known::There } else { Known::NotYet };
        let tests = self.suite.tests.iter().enumerate();
        let rows = tests.map(|(order, test)| Row::new(order, test.at(call), known)).collect();
        let desk = Mutex::new(Desk { rows, progress, under_way: 0, error: None });
        let changed = Condvar::new();
        #[expect(clippy::disallowed_methods, reason = "nothing is simulated in this program")]
        thread::scope(|scope| {
            for _ in 0..self.jobs {
                scope.spawn(|| self.work(&desk, &changed));
            }
        });
        let mut desk = desk.into_inner().unwrap_or_else(PoisonError::into_inner);
        desk.rows.retain(|row| row.call == Known::There);
        desk.rows.sort_by_key(|row| (row.order, row.test.call));
        let (tests, tallies) = desk.rows.into_iter().map(|row| (row.test, row.tally)).unzip();
        Counted { tests, tallies, error: desk.error }
    }

    /// Takes chunks from the desk until there are no more.
    fn work(&self, desk: &Mutex<Desk<'_>>, changed: &Condvar) {
        while let Some(chunk) = self.next(lock(desk), changed) {
            let began = Instant::now();
            let ended = self.run_chunk(&chunk);
            let mut desk = lock(desk);
            desk.under_way -= 1;
            match ended {
                Ok(None) => {}
                Ok(Some(ended)) => self.enter(&mut desk, &chunk, ended, began),
                Err(error) => drop(desk.error.get_or_insert(error)),
            }
            changed.notify_all();
        }
    }

    /// The next chunk; waits for one as long as there may be more.
    fn next(&self, mut desk: MutexGuard<'_, Desk<'_>>, changed: &Condvar) -> Option<Chunk> {
        loop {
            if stop::is_asked() || desk.error.is_some() {
                return None;
            }
            if let Some(chunk) = self.take(&mut desk) {
                desk.under_way += 1;
                return Some(chunk);
            }
            if desk.under_way == 0 {
                return None;
            }
            let waited = changed.wait_timeout(desk, LOOK);
            desk = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// A chunk of the first test that has runs left and isn't given up.
    fn take(&self, desk: &mut Desk<'_>) -> Option<Chunk> {
        let (place, row) = desk.rows.iter_mut().enumerate().find(|(_, row)| {
            let is_open = match row.call {
                Known::There => row.given < self.iterations,
                Known::NotYet => row.given == 0,
                Known::Missing => false,
            };
            is_open && row.tally.given_up().is_none()
        })?;
        let left = self.iterations - row.given;
        let Tally { runs, busy, .. } = row.tally;
        let fitting = match runs {
            0 => 1,
            runs => (CHUNK.as_secs_f64() * runs as f64 / busy.as_secs_f64()) as u64,
        };
        // Nobody should be left with the last runs while others have nothing to do.
        let fair = left.div_ceil(self.jobs as u64);
        let first = self.first_seed.wrapping_add(row.given);
        let seeds = Seeds { first, count: fitting.min(fair).clamp(1, CHUNK_MAX) };
        row.given += seeds.count;
        Some(Chunk { place, test: row.test.clone(), call: row.call, seeds })
    }

    /// Enters what came of a chunk. Behind a test's first runs, its function's next call is looked for.
    fn enter(&self, desk: &mut Desk<'_>, chunk: &Chunk, ended: Ended, began: Instant) {
        let Desk { rows, progress, .. } = desk;
        let row = &mut rows[chunk.place];
        if row.call == Known::NotYet {
            row.call = if ended.lines.is_empty() { Known::Missing } else { Known::There };
        }
        if row.call == Known::Missing {
            if !ended.status.success() {
                tell(&unknown(&row.test));
            }
            return;
        }
        let is_first = row.tally.runs == 0;
        let run_of = |seed: u64| seed.wrapping_sub(self.first_seed);
        row.tally.add(ended.lines, began, run_of, ended.report);
        progress.show(chunk.place, &row.test, &row.tally);
        if is_first && self.call.is_none() {
            let (order, call) = (row.order, row.test.call + 1);
            let next = row.test.at(call);
            // Of several first chunks one is the first to come back.
            if !rows.iter().any(|row| row.order == order && row.test.call == call) {
                rows.push(Row::new(order, next, Known::NotYet));
            }
        }
    }

    /// Runs a chunk in a process of its own; `None` if it was stopped.
    fn run_chunk(&self, chunk: &Chunk) -> Result<Option<Ended>, Error> {
        let Chunk { test, call, seeds, .. } = chunk;
        let Some(ended) = self.run_process(test, *seeds, self.out)? else { return Ok(None) };
        if ended.lines.is_empty() && *call == Known::NotYet {
            return Ok(Some(ended)); // there is no such call
        }
        ended.complete(test, *seeds)
    }

    /// Runs one seed alone, stores its history, draws it, and returns the report; `None` if it passed this
    /// time, or was stopped.
    pub(crate) fn report(&self, test: &LabTest, seed: u64) -> Result<Option<String>, Error> {
        let write = |error| Error::write(self.kept, error);
        fs::create_dir_all(self.kept).map_err(write)?;
        // Its result is known already and must not be counted twice.
        let folder = TempDir::with_prefix_in(".runs-", self.kept).map_err(write)?;
        let mut launcher = self.launcher();
        launcher.variables.push(("LAB_REPORT", "always".to_owned()));
        let ended = launcher.run(test, Seeds { first: seed, count: 1 }, folder.path())?;
        let failed = ended.filter(|ended| !ended.status.success());
        Ok(failed.map(|ended| pages::keep(ended, folder.path(), self.kept)))
    }

    fn launcher(&self) -> Launcher<'_> {
        let clock = self.is_real.then(|| ("LAB_CLOCK", "real".to_owned()));
        Launcher { suite: self.suite, variables: clock.into_iter().collect() }
    }

    fn run_process(
        &self,
        test: &LabTest,
        seeds: Seeds,
        out: &Path,
    ) -> Result<Option<Ended>, Error> {
        let folder = TempDir::with_prefix_in(".runs-", out);
        let folder = folder.map_err(|error| Error::write(out, error))?;
        let ended = self.launcher().run(test, seeds, folder.path())?;
        if let Some(ended) = &ended {
            keep(folder.path(), &ended.results, out)?;
        }
        Ok(ended)
    }
}

impl Row {
    fn new(order: usize, test: LabTest, call: Known) -> Row {
        Row { order, test, call, given: 0, tally: Tally::default() }
    }
}

/// What is said where it can't be told whether there is such a call.
fn unknown(test: &LabTest) -> String {
    format!(
        "note: the function of {} fails when its earlier calls of config::test() aren't run; whether it makes a \
         call {} isn't known",
        test.name, test.call
    )
}

fn lock<'a, 'b>(desk: &'a Mutex<Desk<'b>>) -> MutexGuard<'a, Desk<'b>> {
    desk.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Adds a process's results to those in `out`, and moves there whatever else it has left in `folder`.
fn keep(folder: &Path, results: &[u8], out: &Path) -> Result<(), Error> {
    let read = |error| Error::read(folder, error);
    for entry in fs::read_dir(folder).map_err(read)? {
        let path = entry.map_err(read)?.path();
        let to: PathBuf = out.join(path.file_name().unwrap_or_default());
        if path.ends_with(RESULTS) {
            append(&to, results).map_err(|error| Error::write(&to, error))?;
        } else {
            fs::rename(&path, &to).map_err(|error| Error::write(&to, error))?;
        }
    }
    Ok(())
}

/// Adds lines to a file. If its last line isn't whole, because whoever wrote it was cut off, they begin
/// behind that.
fn append(path: &Path, lines: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).read(true).append(true).open(path)?;
    let separator: &[u8] = if has_broken_end(&mut file)? { b"\n" } else { b"" };
    file.write_all(&[separator, lines].concat())
}

fn has_broken_end(file: &mut File) -> io::Result<bool> {
    let mut last = [b'\n'];
    if file.metadata()?.len() > 0 {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
    }
    Ok(last != *b"\n")
}
