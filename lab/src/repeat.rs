//! `cargo lab test`: runs tests many times and says what came of it.

mod conclusion;

use std::fmt::Write as _;
use std::fs;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::time::Instant;

use children::settings;
use tempfile::TempDir;

use self::conclusion::Conclusion;
use crate::cli;
use crate::error::Error;
use crate::exit::Exit;
use crate::grade::{self, dependencies};
use crate::output::{print, tell};
use crate::process::{jobs, scratch};
use crate::progress::Progress;
use crate::record::{Asked, Line, Record, cut_broken_end, read_file};
use crate::runs::{Code, Counted, Keeps, Limits, Plan, Trust};
use crate::sample::{Sampled, Share, sample};
use crate::seeding::Seeding;
use crate::shard::Shard;
use crate::statistics::sequential_runs;
use crate::stop;
use crate::suite::{self, LabTest, Suite};
use crate::table::{causes, doubts, table, wall};
use crate::tally::Tally;

/// How often each test is run if nobody says so.
const ITERATIONS: u64 = 10;

/// How often at most if only time limits it.
const UNLIMITED: u64 = 1 << 40;

/// How many failures a test may have before it is given up to show a rate below the target.
const FAILURES_FOR_TARGET: u64 = 5;

/// Runs what is asked for, shows the table, and returns how it went.
pub(crate) fn repeat(asked: &cli::Test) -> Result<Exit, Error> {
    stop::watch();
    let out = Out::new(asked.out.as_deref())?;
    let suite = suite::prepare(&asked.package, &asked.build, &asked.filters)?;
    let suite = suite.conducted(&asked.conduct);
    let remark = dependencies::remark(&suite.folder)?;
    remark.iter().for_each(|remark| tell(&format!("note: {remark}")));
    let code = Code::of_binaries(&suite)?;
    let kept = match &out {
        Out::Given(folder) => folder.clone(),
        Out::Temporary(_) => suite.target.join("lab"),
    };
    let before = if asked.resume {
        Before::read(out.path(), asked, &suite, &code)?
    } else {
        Before::default()
    };
    let seed = asked.seed.or(before.seed).unwrap_or_else(|| u64::from(rand::random::<u32>()));
    let began = Instant::now();
    let mut plan = Plan {
        suite: &suite,
        seeding: Seeding::Same(seed),
        iterations: iterations(asked),
        shard: asked.shard.unwrap_or(Shard::ALL),
        call: asked.call.map(NonZeroU32::get),
        jobs: jobs(asked.jobs),
        is_real: asked.conduct.is_real(),
        variables: variables(asked),
        limits: Limits {
            failures: asked.until_failures.map(std::num::NonZeroU64::get),
            until: asked.budget.map(|budget| began + budget),
            target: asked.target_rate,
        },
        trust: Trust::User,
        keeps: match (asked.archive, asked.verbose) {
            (true, _) => Keeps::All,
            (false, true) => Keeps::FailedLogs,
            (false, false) => Keeps::Nothing,
        },
        code,
        out: out.path(),
        kept: &kept,
    };
    let mut earlier = before.records;
    loop {
        tell(&headline(&plan, seed));
        note_asked(&plan, seed)?;
        let round = Instant::now();
        let mut progress = Progress::new();
        let counted = plan.run(&earlier, &mut progress);
        progress.close();
        let is_late = plan.limits.until.is_some_and(|until| Instant::now() >= until);
        let is_over = stop::is_asked() || is_late || counted.error.is_some() || !asked.looped;
        let is_closed = |tally: &Tally| {
            let failed = tally.failures.len() as u64;
            plan.limits.failures.is_some_and(|most| failed >= most) || tally.given_up().is_some()
        };
        let has_enough = counted.tallies.iter().all(is_closed);
        let exit = show(&plan, counted, asked, round)?;
        if is_over || has_enough {
            return Ok(exit);
        }
        plan.iterations = plan.iterations.saturating_mul(asked.growth);
        earlier = records(out.path())?;
    }
}

/// How often each test is run, at most.
fn iterations(asked: &cli::Test) -> u64 {
    match (asked.iterations, asked.target_rate, asked.budget) {
        (Some(iterations), ..) => iterations.get(),
        (None, Some(target), _) => sequential_runs(target, FAILURES_FOR_TARGET),
        (None, None, Some(_)) if !asked.looped => UNLIMITED,
        (None, None, _) => ITERATIONS,
    }
}

fn variables(asked: &cli::Test) -> Vec<(&'static str, String)> {
    let log = asked.verbose.then(|| (settings::LOG, "1".to_owned()));
    log.into_iter().collect()
}

/// Shows what came of the runs.
fn show(
    plan: &Plan<'_>,
    counted: Counted,
    asked: &cli::Test,
    began: Instant,
) -> Result<Exit, Error> {
    let Counted { tests, tallies, error } = counted;
    if let (Some(call), [], None) = (plan.call, &tests[..], &error)
        && !stop::is_asked()
    {
        let tests: Vec<String> = plan.suite.tests.iter().map(|test| test.name.clone()).collect();
        return Err(Error::NoSuchCall { tests: tests.join(", "), call });
    }
    print(&format!("{}\n", table(&tests, &tallies)));
    print(&causes(&tests, &tallies));
    print(&doubts(&tests, &tallies, &plan.suite.package));
    print(&format!("{}, {}\n", sum(&tallies), wall(began.elapsed())));
    if let Some(error) = error {
        return Err(error);
    }
    let mut judged = Exit::Passed;
    if let Some(runs) = asked.judge.filter(|_| stop::exit().is_none()) {
        judged = judge(plan, &tests, runs)?;
    }
    if stop::exit().is_none() {
        reports(plan, &tests, &tallies, asked.out.as_deref())?;
    }
    if let Some(exit) = stop::exit() {
        print("interrupted: these results are incomplete\n");
        return Ok(exit);
    }
    let conclusion = Conclusion::of(&tests, &tallies, plan.limits.target);
    print(&conclusion.text);
    Ok(match conclusion.exit {
        Exit::Passed => judged,
        Exit::Failed if asked.shard.is_some() => Exit::Passed,
        exit => exit,
    })
}

/// Has some runs of each test judged, and says what came of it. Returns [`Exit::Failed`] if something is wrong with
/// them, and [`Exit::Unknown`] if too few could be judged.
fn judge(plan: &Plan<'_>, tests: &[LabTest], runs: NonZeroUsize) -> Result<Exit, Error> {
    tell("building the tests without your Raft");
    let judge = grade::judge_here(plan.suite, tests)?;
    let share = Share::Number(runs.get());
    let sampled = sample(plan, &judge, tests, &records(plan.out)?, share)?;
    for note in &sampled.notes {
        print(&format!("note: {note}\n"));
    }
    let (exit, text) = judged(sampled);
    print(&format!("judged: {text}\n"));
    Ok(exit)
}

fn judged(sampled: Sampled) -> (Exit, String) {
    match (sampled.objection, sampled.shortage) {
        (Some(objection), _) => (Exit::Failed, objection),
        (None, Some(shortage)) => (Exit::Unknown, shortage.to_string()),
        (None, None) => (Exit::Passed, format!("{} runs are what they say", sampled.right)),
    }
}

/// What was run before.
#[derive(Default)]
struct Before {
    seed: Option<u64>,
    records: Vec<Record>,
}

impl Before {
    /// Reads the results in `folder`, if there are any, and takes off a line that was being written when it was cut
    /// off.
    fn read(folder: &Path, asked: &cli::Test, suite: &Suite, code: &Code) -> Result<Before, Error> {
        let path = folder.join(report::RESULTS);
        if !path.exists() {
            return Ok(Before::default());
        }
        cut_broken_end(&path)?;
        let mut before = Before::default();
        let other = |what: String| Error::NotTheSame { path: path.clone(), what };
        for line in read_file(&path)? {
            match line {
                Line::Asked(was) => {
                    if was.package != asked.package {
                        return Err(other(format!("the package `{}`", was.package)));
                    }
                    if let Some(seed) = asked.seed.filter(|seed| *seed != was.seed) {
                        return Err(other(format!("seeds from {} on, not {seed}", was.seed)));
                    }
                    before.seed = Some(was.seed);
                }
                Line::Run(record) => before.records.push(*record),
                Line::Done(_) => return Err(other("`cargo lab grade`".to_owned())),
            }
        }
        let is_other = |record: &&Record| {
            let test = suite.tests.iter().find(|test| test.name == record.result.test);
            test.is_some_and(|test| code.hash(test) != record.stamp.binary)
        };
        if let Some(record) = before.records.iter().find(is_other) {
            let binary = record.stamp.binary.get(..12).unwrap_or("of an older form");
            return Err(other(format!("another test binary ({binary}): the code has changed")));
        }
        Ok(before)
    }
}

/// The runs that are stored in `folder`.
fn records(folder: &Path) -> Result<Vec<Record>, Error> {
    let path = folder.join(report::RESULTS);
    let lines = if path.exists() { read_file(&path)? } else { Vec::new() };
    Ok(lines
        .into_iter()
        .filter_map(|line| if let Line::Run(record) = line { Some(*record) } else { None })
        .collect())
}

/// Writes down what is asked for.
fn note_asked(plan: &Plan<'_>, seed: u64) -> Result<(), Error> {
    let Limits { failures, until, target } = plan.limits;
    let has_limits = failures.is_some() || until.is_some() || target.is_some();
    let asked = Asked {
        package: plan.suite.package.clone(),
        seed,
        runs: if has_limits { 0 } else { plan.iterations },
        shard: plan.shard.to_string(),
        tests: plan.suite.tests.iter().map(|test| test.name.clone()).collect(),
    };
    let path = plan.out.join(report::RESULTS);
    report::add_lines(&path, Line::Asked(asked).text().as_bytes())
        .map_err(|error| Error::write(&path, error))
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

fn headline(plan: &Plan<'_>, first: u64) -> String {
    let (tests, runs) = (plan.suite.tests.len(), plan.iterations);
    let last = first.wrapping_add(runs - 1);
    let seeds = match runs {
        1 => format!("seed {first}"),
        UNLIMITED => format!("seeds from {first} on"),
        _ => format!("seeds {first} to {last}"),
    };
    let how_often = if runs == UNLIMITED {
        "as often as there is time for".to_owned()
    } else {
        format!("{runs} runs of each")
    };
    let shard =
        if plan.shard.is_all() { String::new() } else { format!(", part {} of them", plan.shard) };
    let package = &plan.suite.package;
    format!("{package}: {tests} tests, {how_often}, {seeds}{shard}, {} at a time", plan.jobs)
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
    let Some(failed) = tally.first_failure() else { return Ok(String::new()) };
    let again = if plan.is_real { None } else { plan.report(test, failed.seed)? };
    let first =
        || tally.printed.as_ref().map_or(failed.sentence.clone(), |(_, first)| first.clone());
    // What a test prints of itself, and not by the tester, is in there, too.
    Ok(report::text::escaped(&again.unwrap_or_else(first)).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Shortage;

    #[test]
    fn what_could_not_be_judged_has_an_exit_code_of_its_own() {
        let of = |objection: Option<&str>, shortage| {
            let objection = objection.map(str::to_owned);
            judged(Sampled { right: 1, objection, shortage, notes: Vec::new() }).0
        };
        let few = Some(Shortage { wanted: 2, judged: 1 });
        assert_eq!([of(None, None), of(None, few)], [Exit::Passed, Exit::Unknown]);
        assert_eq!(of(Some("no"), few), Exit::Failed);
    }

    #[test]
    fn the_sum_counts_tests_runs_and_failures() {
        let tally = |runs, skipped| {
            let mut tally = Tally::of(runs);
            tally.runs = runs;
            if skipped > 0 {
                tally.skips.insert("no votes".to_owned(), skipped);
            }
            tally
        };
        assert_eq!(sum(&[tally(300, 0)]), "1 tests, 300 runs, 0 failures");
        assert_eq!(
            sum(&[tally(300, 0), tally(300, 300)]),
            "2 tests, 600 runs, 0 failures, 300 skipped"
        );
    }
}
