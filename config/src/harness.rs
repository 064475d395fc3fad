//! Running a test: its seeds, its runs, and what is printed of them.

use std::any::type_name;
use std::collections::BTreeMap;
use std::env;
use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::panic;
use std::path::Path;
use std::sync::Arc;

use report::{Failure, FailureKind};
use sim::{Clock, Ending};

use crate::cluster::LIMIT;
use crate::describe::{evidence, line};
use crate::outcome::{Measured, RunResult, Verdict};
use crate::settings::Settings;
use crate::t::{Notes, T};

/// How many failing seeds are listed for each message.
const SEEDS_SHOWN: usize = 10;

/// Runs a test's script, once for each seed that the [`Settings`] ask for.
///
/// If all runs pass, prints MIT's two lines, also where the test's output is captured. If one fails,
/// prints the report of the first failing seed and fails the test.
///
/// # Panics
/// If a run fails, or if the environment's settings make no sense. That is how a test fails.
pub fn test<S, Fut>(script: S)
where
    S: Fn(T) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let test = TestName::of_script::<S>();
    let settings = match Settings::from_env() {
        Ok(settings) => settings,
        Err(error) => fail_test(&format!("{error}\n")),
    };
    let first = settings.seed.unwrap_or_else(fresh_seed);
    let seeds: Vec<u64> = (0..settings.iters.get()).map(|i| first.wrapping_add(i)).collect();
    let script = Arc::new(script);
    let results = sim::run_all(&seeds, settings.jobs, |seed| {
        run(&test, seed, settings.clock, script.clone())
    });
    if let Some(out) = &settings.out
        && let Err(error) = save(out, &results)
    {
        fail_test(&format!("failed to write {}: {error}\n", out.join(RESULTS).display()));
    }
    match summarise(&test, &settings, &results) {
        Ok(passed) => print_always(&passed),
        Err(failed) => fail_test(&failed),
    }
}

/// A test's name, as cargo and the test binary know it.
struct TestName {
    /// The name that the user knows: the function's.
    short: String,
}

impl TestName {
    /// The script is a closure within the test function, so its type's name has the function's.
    fn of_script<S>() -> TestName {
        let path = type_name::<S>();
        let path = path.split("::{{closure}}").next().unwrap_or(path);
        TestName { short: path.rsplit("::").next().unwrap_or(path).to_owned() }
    }

    /// The command that runs this test with `seed`.
    fn replay_command(&self, settings: &Settings, seed: u64) -> String {
        let mut command = format!("LAB_SEED={seed} ");
        if settings.clock == Clock::Real {
            command.push_str("LAB_CLOCK=real ");
        }
        // What is under test may depend on variables of its own.
        if let Ok(bug) = env::var("LAB_BUG") {
            write!(command, "LAB_BUG={bug} ").expect("writing to a string can't fail");
        }
        command.push_str("cargo test");
        // Cargo tells the tests that it runs which package they are of.
        if let Ok(package) = env::var("CARGO_PKG_NAME") {
            write!(command, " -p {package}").expect("writing to a string can't fail");
        }
        write!(command, " {}", self.short).expect("writing to a string can't fail");
        command
    }
}

/// A seed that nobody chose, short enough to be copied by hand.
fn fresh_seed() -> u64 {
    u64::from(rand::random::<u32>())
}

/// One run.
fn run<S, Fut>(test: &TestName, seed: u64, clock: Clock, script: Arc<S>) -> RunResult
where
    S: Fn(T) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let notes = Arc::new(Notes::default());
    let (panicked, misusing) = (notes.clone(), notes.clone());
    let settings =
        sim::Settings::new(seed, clock, LIMIT).on_panic(move |panic| panicked.panicked(panic));
    let (test, for_script) = (test.short.clone(), notes.clone());
    sim::run(
        settings,
        move |sim| script(T { sim, notes: for_script }),
        move |sim, ending| conclude(&T { sim: sim.clone(), notes }, ending, test),
    )
}

/// Reads from a run that has ended what came of it, and lets its servers go.
fn conclude(t: &T, ending: Ending<()>, test: String) -> RunResult {
    let notes = &t.notes;
    let at_script = || {
        notes.story().step.map(|(_, location)| location.to_string()).unwrap_or_default()
    };
    let fail = |kind, message: &str| {
        let location = at_script();
        notes.fail(Failure { kind, message: message.to_owned(), location, at: t.now() });
    };
    match ending {
        Ending::Finished(()) if notes.story().measured.is_none() => {
            fail(FailureKind::Tester, "the script came to its end without calling end()");
        }
        Ending::Finished(()) => {}
        Ending::Unwound(_) | Ending::Stopped => {
            // Whatever unwound or stopped the run has noted why; this is for what did not.
            fail(FailureKind::Tester, "the run was ended without a reason");
        }
        Ending::OutOfTime => fail(FailureKind::Stuck, "test took longer than 120 seconds"),
    }
    let verdict = match notes.failure() {
        Some(failure) => Verdict::Failed { failure, evidence: evidence(t) },
        None => Verdict::Passed(notes.story().measured.expect("a run without it has failed")),
    };
    let config = notes.story().config.take();
    if let Some(config) = config {
        config.clean_up();
    }
    let story = notes.story();
    RunResult {
        test,
        seed: t.sim.seed(),
        verdict,
        banner: story.banner.clone(),
        warnings: story.warnings.clone(),
        history: notes.history().hash(),
    }
}

/// The name of the file, in the folder of `LAB_OUT`, that has a line for each run.
const RESULTS: &str = "results.jsonl";

/// Adds a line for each run to the results in `folder`.
fn save(folder: &Path, results: &[RunResult]) -> io::Result<()> {
    let mut lines = String::new();
    for result in results {
        lines.push_str(&serde_json::to_string(result)?);
        lines.push('\n');
    }
    fs::create_dir_all(folder)?;
    let mut file = OpenOptions::new().create(true).append(true).open(folder.join(RESULTS))?;
    file.write_all(lines.as_bytes())
}

/// What is printed of a test's runs: `Ok` if all passed, else the report of the first that failed.
fn summarise(
    test: &TestName,
    settings: &Settings,
    results: &[RunResult],
) -> Result<String, String> {
    let runs = results.len();
    let mut failures: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    let mut passed: Vec<Measured> = Vec::new();
    let mut warnings: BTreeMap<&str, usize> = BTreeMap::new();
    for result in results {
        match &result.verdict {
            Verdict::Passed(measured) => passed.push(*measured),
            Verdict::Failed { failure, .. } => {
                let sentence = failure.message.lines().next().unwrap_or_default();
                failures.entry(sentence).or_default().push(result.seed);
            }
        }
        for warning in &result.warnings {
            *warnings.entry(warning).or_default() += 1;
        }
    }
    let mut text = format!("{} ...\n", results[0].banner);
    for (warning, count) in warnings {
        text.push_str(warning);
        if runs > 1 {
            write!(text, " ({count} times in {runs} runs)").expect(CANNOT_FAIL);
        }
        text.push('\n');
    }
    let failed = results.iter().find(|result| matches!(result.verdict, Verdict::Failed { .. }));
    let Some(failed) = failed else {
        write!(text, "{}", medians(passed)).expect(CANNOT_FAIL);
        if runs > 1 {
            write!(text, "  {runs} runs, 0 failures").expect(CANNOT_FAIL);
        }
        text.push('\n');
        return Ok(text);
    };
    // MIT's sentence comes first, so that it is what one reads first.
    let mut report = failure_report(test, settings, failed);
    if runs > 1 {
        let count: usize = failures.values().map(Vec::len).sum();
        writeln!(report, "\n{count} of {runs} runs failed:").expect(CANNOT_FAIL);
        for (sentence, seeds) in failures {
            let shown: Vec<String> = seeds.iter().take(SEEDS_SHOWN).map(u64::to_string).collect();
            let more = if seeds.len() > SEEDS_SHOWN { ", …" } else { "" };
            writeln!(report, "  {:>6}  {sentence}; seeds {}{more}", seeds.len(), shown.join(", "))
                .expect(CANNOT_FAIL);
        }
    }
    report.push('\n');
    report.push_str(&text);
    Err(report)
}

const CANNOT_FAIL: &str = "writing to a string can't fail";

/// The columns of MIT's line, each by its median.
fn medians(mut passed: Vec<Measured>) -> Measured {
    let middle = passed.len() / 2;
    let mut median = |column: fn(&Measured) -> u64| {
        passed.sort_by_key(column);
        column(&passed[middle])
    };
    let (rpcs, bytes, commands) = (median(|m| m.rpcs), median(|m| m.bytes), median(|m| m.commands));
    passed.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
    let Measured { seconds, peers, .. } = passed[middle];
    Measured { seconds, peers, rpcs, bytes, commands }
}

/// All that is said of one failed run.
fn failure_report(test: &TestName, settings: &Settings, result: &RunResult) -> String {
    let Verdict::Failed { failure, evidence } = &result.verdict else {
        unreachable!("only a failed run is reported")
    };
    let clock = match settings.clock {
        Clock::Virtual => "virtual",
        Clock::Real => "real",
    };
    let mut text = format!("{}\n", failure.message);
    line(&mut text, "kind", format_args!("{}", failure.kind));
    line(&mut text, "time", format_args!("{} s, {clock}", failure.at));
    if failure.kind == FailureKind::Panic {
        line(&mut text, "line", format_args!("{}", failure.location));
    }
    text.push_str(evidence);
    line(&mut text, "seed", format_args!("{}", result.seed));
    line(&mut text, "history", format_args!("{:016x}", result.history));
    let command = test.replay_command(settings, result.seed);
    line(&mut text, "replay", format_args!("{command}"));
    match (settings.clock, sim::self_check()) {
        (Clock::Real, _) => {
            line(&mut text, "", format_args!("(the real clock never repeats itself: may pass)"));
        }
        (Clock::Virtual, Err(leaks)) => line(&mut text, "", format_args!("(not exact: {leaks})")),
        (Clock::Virtual, Ok(())) => {}
    }
    text
}

/// Prints to the real standard output, which the test runner doesn't capture, in one piece.
fn print_always(text: &str) {
    // A closed pipe is no reason to fail a test.
    let _ = io::stdout().lock().write_all(text.as_bytes());
}

/// Fails the test with `report`, which the test runner shows.
fn fail_test(report: &str) -> ! {
    eprint!("{report}");
    // The report says it all; a panic message would only repeat where the harness is.
    panic::resume_unwind(Box::new("the test has failed"));
}
