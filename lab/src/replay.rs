//! `cargo lab replay` and `cargo lab explain`: one run, and all that happened in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use report::Record;

use crate::cli;
use crate::error::Error;
use crate::exit::Exit;
use crate::output::{print_painted, tell};
use crate::paint::paint;
use crate::process::{self, Seeds, text};
use crate::results;
use crate::stop;
use crate::suite::{self, LabTest, Suite};

/// Runs one seed of a test, and shows the run.
pub(crate) fn replay(asked: &cli::Replay) -> Result<Exit, Error> {
    stop::watch();
    let suite = suite::prepare(&asked.package, &asked.build, std::slice::from_ref(&asked.test))?;
    let test = only(&suite, &asked.test)?.at(asked.call.get());
    let to = match store(&suite, &test, asked.seed, asked.out.as_deref())? {
        Ok(to) => to,
        Err(exit) => return Ok(exit),
    };
    let record = read(&to)?;
    show(&record);
    tell(&format!("\nstored in {}", to.display()));
    Ok(if record.failure.is_some() { Exit::Failed } else { Exit::Passed })
}

/// Runs one seed of a test, and stores its history in `out`, or else where histories are. Returns the file; if
/// there is no history, says why, and returns how the program is to end.
pub(crate) fn store(
    suite: &Suite,
    test: &LabTest,
    seed: u64,
    out: Option<&Path>,
) -> Result<Result<PathBuf, Exit>, Error> {
    let out = out.map_or_else(|| suite.target.join("lab"), Path::to_owned);
    fs::create_dir_all(&out).map_err(|error| Error::write(&out, error))?;
    // The test runs in another folder.
    let out = out.canonicalize().map_err(|error| Error::write(&out, error))?;
    let folder = tempfile::TempDir::with_prefix_in(".runs-", &out)
        .map_err(|error| Error::write(&out, error))?;
    let write = |error| Error::write(folder.path(), error);
    let mut stderr = tempfile::tempfile_in(folder.path()).map_err(write)?;
    let mut command = suite.command(test, seed, 1, folder.path());
    command.env("LAB_REPORT", "always").stdout(Stdio::null());
    command.stderr(stderr.try_clone().map_err(write)?);
    let ended = process::run(&mut command).map_err(|error| test.not_started(error))?;
    // A run that was interrupted has a history, too, but not the one that was asked for.
    let Some(ended) = ended.filter(|_| !stop::is_asked()) else {
        return Err(Error::Stopped(stop::exit().unwrap_or(Exit::Interrupted)));
    };
    let Some(stored) = stored(folder.path(), test, seed)? else {
        if ended.status.success() && test.call > 1 {
            return Err(Error::NoSuchCall { tests: test.name.clone(), call: test.call });
        }
        // Such as settings that make no sense, or a run that took its process along.
        tell(report::text::escaped(&text(&mut stderr)).trim_end());
        return Ok(Err(if ended.status.success() { Exit::Tester } else { Exit::Failed }));
    };
    let to = out.join(stored.file_name().unwrap_or_default());
    fs::rename(&stored, &to).map_err(|error| Error::write(&to, error))?;
    Ok(Ok(to))
}

/// Shows a stored run.
pub(crate) fn explain(asked: &cli::Explain) -> Result<Exit, Error> {
    show(&read(&asked.history)?);
    Ok(Exit::Passed)
}

fn show(record: &Record) {
    print_painted(&paint(&report::text::report(record)));
}

pub(crate) fn read(path: &Path) -> Result<Record, Error> {
    let error = |why| Error::NoHistory { path: path.to_owned(), why };
    let text = fs::read_to_string(path)
        .map_err(|why| error(format!("failed to read a run's history: {why}")))?;
    Record::read(&text).map_err(error)
}

/// The one test that is meant by `name`.
pub(crate) fn only<'a>(suite: &'a Suite, name: &str) -> Result<&'a LabTest, Error> {
    let named = suite.tests.iter().find(|test| test.name == name || test.path == name);
    match (named, &suite.tests[..]) {
        (Some(test), _) | (None, [test]) => Ok(test),
        (None, tests) => Err(Error::ManyTests {
            name: name.to_owned(),
            tests: tests.iter().map(|test| test.name.clone()).collect(),
        }),
    }
}

/// Where the run's history is, by its result in `folder`.
fn stored(folder: &Path, test: &LabTest, seed: u64) -> Result<Option<PathBuf>, Error> {
    let results = results::read(folder, test, Seeds { first: seed, count: 1 })?;
    Ok(results.lines.into_iter().next().and_then(|line| line.stored))
}
