//! `cargo lab test`: runs tests many times and says what came of it.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Instant;

use report::FailureKind;
use tempfile::TempDir;

use crate::cli;
use crate::error::Error;
use crate::exit::Exit;
use crate::output::{print, tell};
use crate::process::{jobs, scratch};
use crate::progress::Progress;
use crate::runs::{Counted, Plan};
use crate::stop;
use crate::suite::{self, LabTest};
use crate::table::{bound, causes, percent, table, wall};
use crate::tally::Tally;

/// Runs what is asked for, shows the table, and returns how it went.
pub(crate) fn repeat(asked: &cli::Test) -> Result<Exit, Error> {
    stop::watch();
    let out = Out::new(asked.out.as_deref())?;
    let suite = suite::prepare(&asked.package, &asked.build, &asked.filters)?;

    let kept = match &out {
        Out::Given(folder) => folder.clone(),
        Out::Temporary(_) => suite.target.join("lab"),
    };
    let plan = Plan {
        suite: &suite,
        first_seed: asked.seed.unwrap_or_else(|| u64::from(rand::random::<u32>())),
        iterations: asked.iterations.get(),
        call: asked.call.map(NonZeroU32::get),
        jobs: jobs(asked.jobs),
        is_real: asked.real || env::var_os("LAB_CLOCK").is_some_and(|clock| clock == "real"),
        out: out.path(),
        kept: &kept,
    };
    tell(&headline(&plan));
    let began = Instant::now();
    let mut progress = Progress::new(plan.iterations);
    let Counted { tests, tallies, error } = plan.run(&mut progress);
    progress.close();
    if let (Some(call), [], None) = (plan.call, &tests[..], &error)
        && !stop::is_asked()
    {
        let tests: Vec<String> = suite.tests.into_iter().map(|test| test.name).collect();
        return Err(Error::NoSuchCall { tests: tests.join(", "), call });
    }

    print(&format!("{}\n", table(&tests, &tallies)));
    print(&causes(&tests, &tallies, plan.iterations));
    print(&format!("{}, {}\n", sum(&tallies), wall(began.elapsed())));
    if let Some(error) = error {
        return Err(error);
    }
    if stop::exit().is_none() {
        reports(&plan, &tests, &tallies, asked.out.as_deref())?;
    }
    if let Some(exit) = stop::exit() {
        print("interrupted: this is not all\n");
        return Ok(exit);
    }
    Ok(verdict(&plan, &tallies))
}

/// Where artefacts go.
enum Out {
    /// Where the user wants them.
    Given(PathBuf),
    /// Nowhere for long.
    Temporary(TempDir),
}

impl Out {
    fn new(given: Option<&Path>) -> Result<Out, Error> {
        match given {
            Some(path) => {
                fs::create_dir_all(path).map_err(|error| Error::write(path, error))?;
                // The tests run in another folder.
                let path = path.canonicalize().map_err(|error| Error::write(path, error))?;
                Ok(Out::Given(path))
            }
            None => scratch().map(Out::Temporary),
        }
    }

    fn path(&self) -> &Path {
        match self {
            Out::Given(path) => path,
            Out::Temporary(folder) => folder.path(),
        }
    }
}

fn headline(plan: &Plan<'_>) -> String {
    let (tests, runs, first) = (plan.suite.tests.len(), plan.iterations, plan.first_seed);
    let last = first.wrapping_add(runs - 1);
    let seeds =
        if runs == 1 { format!("seed {first}") } else { format!("seeds {first} to {last}") };
    let package = &plan.suite.package;
    format!("{package}: {tests} tests, {runs} runs of each, {seeds}, {} at a time", plan.jobs)
}

fn sum(tallies: &[Tally]) -> String {
    let tests = tallies.iter().filter(|tally| tally.runs > 0).count();
    let runs: u64 = tallies.iter().map(|tally| tally.runs).sum();
    let failures: usize = tallies.iter().map(|tally| tally.failures.len()).sum();
    let mut text = format!("{tests} tests, {runs} runs, {failures} failures");
    let skipped: u64 = tallies.iter().map(Tally::skipped).sum();
    if skipped > 0 {
        write!(text, ", {skipped} skipped").expect("writing to a string can't fail");
    }
    text
}

/// Prints the report of the first test's first failure. Where the user wants artefacts, each test's
/// is written there.
fn reports(
    plan: &Plan<'_>,
    tests: &[LabTest],
    tallies: &[Tally],
    folder: Option<&Path>,
) -> Result<(), Error> {
    let mut is_first = true;
    for (test, tally) in tests.iter().zip(tallies) {
        let Some(failed) = tally.first_failure() else { continue };
        let text = report(plan, test, tally)?;
        if is_first {
            print(&format!("\n{}, seed {}:\n\n{text}\n", test.title(), failed.seed));
        }
        is_first = false;
        let Some(folder) = folder else { break };
        let path = folder.join(format!("{}.txt", test.file_name(failed.seed)));
        fs::write(&path, text).map_err(|error| Error::write(&path, error))?;
    }
    Ok(())
}

/// The report of a test's first failure.
///
/// The run is run once more, alone, because the first time others ran in the same process, and the
/// report was about them as well. Where that one passes, the first report is all there is.
fn report(plan: &Plan<'_>, test: &LabTest, tally: &Tally) -> Result<String, Error> {
    let (Some(failed), Some((_, first))) = (tally.first_failure(), &tally.printed) else {
        return Ok(String::new());
    };
    let again = if plan.is_real { None } else { plan.report(test, failed.seed)? };
    // What a test prints of itself, and not by the tester, is in there, too.
    Ok(report::text::escaped(&again.unwrap_or_else(|| first.clone())).into_owned())
}

/// What it says that no run failed. A test that was skipped has shown nothing, so that it doesn't
/// count; one that was skipped now and then has shown less.
fn no_failure(iterations: u64, tallies: &[Tally]) -> String {
    let skipped = tallies.iter().filter(|tally| tally.runs > 0 && tally.played() == 0).count();
    let played = tallies.iter().filter(|tally| tally.skipped() > 0).map(Tally::played);
    let least = played.filter(|&played| played > 0).min().unwrap_or(iterations);
    if skipped > 0 && skipped == tallies.iter().filter(|tally| tally.runs > 0).count() {
        return "no failure, and nothing is shown by that: all runs were skipped".to_owned();
    }
    let which = match skipped {
        0 => "each test".to_owned(),
        1 => "each test but the one that was always skipped".to_owned(),
        skipped => format!("each test but the {skipped} that were always skipped"),
    };
    let most = percent(bound(least));
    format!("no failure: with 95 % confidence, {which} fails in less than {most} of its runs")
}

/// What is to be concluded.
fn verdict(plan: &Plan<'_>, tallies: &[Tally]) -> Exit {
    let mut failures = tallies.iter().flat_map(|tally| tally.failures.values()).peekable();
    if failures.peek().is_none() {
        print(&format!("{}\n", no_failure(plan.iterations, tallies)));
        Exit::Passed
    } else if failures.any(|failed| failed.kind == FailureKind::Tester) {
        Exit::Tester
    } else {
        Exit::Failed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A test of which so many runs passed, and so many were skipped.
    fn tally(passed: u64, skipped: u64) -> Tally {
        let mut tally = Tally::default();
        tally.runs = passed + skipped;
        if skipped > 0 {
            tally.skips.insert("no votes".to_owned(), skipped);
        }
        tally
    }

    #[test]
    fn what_was_skipped_has_shown_nothing() {
        let said = |tallies: &[Tally]| no_failure(300, tallies);
        let most = "fails in less than 0.99 % of its runs";
        assert!(said(&[tally(300, 0)]).ends_with(&format!(" confidence, each test {most}")));
        let but_one = format!(" confidence, each test but the one that was always skipped {most}");
        assert!(said(&[tally(300, 0), tally(0, 300)]).ends_with(&but_one));
        assert!(said(&[tally(300, 0), tally(10, 290)]).ends_with("less than 26 % of its runs"));
        assert!(said(&[tally(0, 300)]).ends_with("all runs were skipped"));
        assert_eq!(sum(&[tally(300, 0)]), "1 tests, 300 runs, 0 failures");
        assert_eq!(
            sum(&[tally(300, 0), tally(0, 300)]),
            "2 tests, 600 runs, 0 failures, 300 skipped"
        );
    }
}
