//! `cargo lab replay` and `cargo lab explain`: one run, and all that happened in it.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use report::{Record, text};
use serde::Deserialize;

use crate::cli;
use crate::error::Error;
use crate::exit::Exit;
use crate::paint::paint;
use crate::process::RESULTS;
use crate::suite::{self, LabTest, Suite};

/// Runs one seed of a test, and shows the run.
pub(crate) fn replay(asked: &cli::Replay) -> Result<Exit, Error> {
    let suite = suite::prepare(&asked.package, &asked.build, std::slice::from_ref(&asked.test))?;
    let test = only(&suite, &asked.test)?;
    let out = asked.out.clone().unwrap_or_else(|| suite.target.join("lab"));
    fs::create_dir_all(&out).map_err(|error| Error::write(&out, error))?;
    // The test runs in another folder.
    let out = out.canonicalize().map_err(|error| Error::write(&out, error))?;
    let folder = tempfile::TempDir::with_prefix_in(".runs-", &out)
        .map_err(|error| Error::write(&out, error))?;
    let ended = suite
        .command(test, asked.seed, 1, folder.path())
        .env("LAB_REPORT", "always")
        .output()
        .map_err(|error| test.not_started(error))?;
    let Some(stored) = stored(&folder.path().join(RESULTS)) else {
        // Such as settings that make no sense, or a run that took its process along.
        eprint!("{}", text::escaped(&String::from_utf8_lossy(&ended.stderr)));
        return Ok(if ended.status.success() { Exit::Tester } else { Exit::Failed });
    };
    let to = out.join(stored.file_name().unwrap_or_default());
    fs::rename(&stored, &to).map_err(|error| Error::write(&to, error))?;
    let record = read(&to)?;
    show(&record);
    eprintln!("\nstored in {}", to.display());
    Ok(if record.failure.is_some() { Exit::Failed } else { Exit::Passed })
}

/// Shows a stored run.
pub(crate) fn explain(asked: &cli::Explain) -> Result<Exit, Error> {
    show(&read(&asked.history)?);
    Ok(Exit::Passed)
}

fn show(record: &Record) {
    // A closed pipe, such as that of a pager which is left, is no reason to complain.
    let _ = anstream::stdout().lock().write_all(paint(&text::report(record)).as_bytes());
}

fn read(path: &Path) -> Result<Record, Error> {
    let error = |why| Error::NoHistory { path: path.to_owned(), why };
    let text = fs::read_to_string(path)
        .map_err(|why| error(format!("failed to read a run's history: {why}")))?;
    Record::read(&text).map_err(error)
}

/// The one test that is meant by `name`.
fn only<'a>(suite: &'a Suite, name: &str) -> Result<&'a LabTest, Error> {
    let named = suite.tests.iter().find(|test| test.name == name || test.path == name);
    match (named, &suite.tests[..]) {
        (Some(test), _) | (None, [test]) => Ok(test),
        (None, tests) => Err(Error::ManyTests {
            name: name.to_owned(),
            tests: tests.iter().map(|test| test.name.clone()).collect(),
        }),
    }
}

/// Where the run's history is, by its result.
fn stored(results: &Path) -> Option<PathBuf> {
    #[derive(Deserialize)]
    struct Line {
        stored: Option<PathBuf>,
    }
    let text = fs::read_to_string(results).ok()?;
    let line: Line = serde_json::from_str(text.lines().last()?).ok()?;
    line.stored
}
