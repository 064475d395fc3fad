//! `cargo lab replay` and `cargo lab explain`: one run, and all that happened in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use children::settings;
use report::{Record, RunResult, Verdict};

use crate::cli;
use crate::error::Error;
use crate::exit::Exit;
use crate::output::{print_painted, tell};
use crate::pages::{self, Said};
use crate::paint::paint;
use crate::process::{self, Launcher, Seeds, text};
use crate::results;
use crate::stop;
use crate::suite::{self, LabTest, Suite};

/// Runs one seed of a test, and shows the run.
pub(crate) fn replay(asked: &cli::Replay) -> Result<Exit, Error> {
    stop::watch();
    let run = &asked.run;
    let suite = suite::prepare(&run.package, &run.build, std::slice::from_ref(&run.test))?;
    let suite = suite.conducted(&run.conduct);
    let test = only(&suite, &run.test)?.at(run.call.get());
    let to = match store(&suite, &test, run.seed, run.out.as_deref())? {
        Ok(to) => to,
        Err(exit) => return Ok(exit),
    };
    let record = pages::read(&to)?;
    show(&record);
    tell(&format!("\nstored in {}", to.display()));
    if asked.html.is_none() && record.failure.is_some() {
        pages::draw_beside(&to, Said::Where);
    }
    let folder = to.parent().unwrap_or(&to);
    let beside = if asked.compare { passing(&suite, &test, run.seed, folder)? } else { None };
    draw(&record, &to, asked.html.as_ref(), beside.as_deref(), &asked.drawing)?;
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
    command.env(settings::REPORT, "always").stdout(Stdio::null());
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

/// How many seeds are tried for a run that passes.
const TRIES: u64 = 64;

/// The stored history of the first run behind `seed` that passes; `None` if none of some passes.
fn passing(suite: &Suite, test: &LabTest, seed: u64, out: &Path) -> Result<Option<PathBuf>, Error> {
    let seeds = Seeds { first: seed.wrapping_add(1), count: TRIES };
    let launcher = Launcher { suite, variables: Vec::new() };
    let folder = process::scratch()?;
    let ended = launcher.run(test, seeds, folder.path())?;
    let ended = ended.ok_or(Error::Stopped(stop::exit().unwrap_or(Exit::Interrupted)))?;
    let has_passed = |line: &&RunResult| matches!(line.verdict, Verdict::Passed(_));
    let Some(passed) = ended.lines.iter().find(has_passed) else {
        tell(&format!(
            "note: none of the next {TRIES} seeds passes, so there is no run to compare with"
        ));
        return Ok(None);
    };
    // Once more, for its history.
    let folder = tempfile::TempDir::with_prefix_in(".runs-", out)
        .map_err(|error| Error::write(out, error))?;
    let variables = vec![(settings::REPORT, "always".to_owned())];
    let launcher = Launcher { suite, variables };
    let seeds = Seeds { first: passed.seed, count: 1 };
    let ended = launcher.run(test, seeds, folder.path())?;
    let line = ended.and_then(|ended| ended.lines.into_iter().next());
    let Some(stored) = line.and_then(|line| line.stored) else { return Ok(None) };
    let to = out.join(stored.file_name().unwrap_or_default());
    fs::rename(&stored, &to).map_err(|error| Error::write(&to, error))?;
    tell(&format!("compared with seed {}, which passes; stored in {}", passed.seed, to.display()));
    Ok(Some(to))
}

/// Shows a stored run.
pub(crate) fn explain(asked: &cli::Explain) -> Result<Exit, Error> {
    let record = pages::read(&asked.history)?;
    show(&record);
    draw(&record, &asked.history, asked.html.as_ref(), None, &asked.drawing)?;
    Ok(Exit::Passed)
}

/// Draws a run as it is asked for.
fn draw(
    record: &Record,
    history: &Path,
    html: Option<&Option<PathBuf>>,
    beside: Option<&Path>,
    asked: &cli::Drawing,
) -> Result<(), Error> {
    if let Some(html) = html {
        let beside = asked.beside.as_deref().or(beside).map(pages::read).transpose()?;
        let page = html.clone().unwrap_or_else(|| history.with_extension("html"));
        let why = pages::found_why(record, history);
        pages::write(record, beside.as_ref(), why.as_ref(), &page)?;
        if asked.open {
            pages::open(&page);
        }
    }
    if let Some(trace) = &asked.trace {
        pages::write_trace(record, trace)?;
    }
    Ok(())
}

fn show(record: &Record) {
    print_painted(&paint(&report::text::report(record)));
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
    Ok(results.into_iter().next().and_then(|line| line.stored))
}
