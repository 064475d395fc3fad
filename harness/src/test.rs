//! Running a test: from its settings to its runs, and from their results to what cargo is told.

use std::any::type_name;
use std::env;
use std::io::{self, Write as _};
use std::panic::{self, Location};
use std::sync::Arc;

use report::{Measured, RunResult};
use sim::Clock;
use supervisor::{Isolation, is_child, is_interrupted, variables};

use crate::children::{self, until_enough};
use crate::confirm::confirm;
use crate::name::TestName;
use crate::run::{Script, run, stuck};
use crate::settings::Settings;
use crate::summary::summarise;
use crate::t::{Job, T};
use crate::{determinism, listen, store, vary};

/// Runs a test's script, once for each seed that the [`Settings`] ask for. Call it in a `#[test]`
/// function, or in what that calls, on the thread that the test runner has made for it: the thread's
/// name tells which test this is.
///
/// The runs are in child processes of the test's own binary, which call the test function again. If
/// all runs pass, prints MIT's two lines, also where the test's output is captured. If one fails,
/// prints the report of the first failing seed and fails the test.
///
/// A test function may call it several times, as in `for n in [3, 5] { config::test(move |t| …) }`. Each
/// call is a test of its own, with its own seeds and its own children. So the function must make the same
/// calls, in the same order, whichever process it is in.
///
/// # Panics
/// If a run fails, or if the environment's settings make no sense. That is how a test fails.
#[track_caller]
pub fn test<S, Fut>(script: S)
where
    S: Fn(T) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    run_test(None, Location::caller(), type_name::<S>(), untyped(script));
}

/// Like [`test()`], for a script that measures nothing: its run has passed when it has come to its end. Then nothing is
/// printed but what a test of MIT's warns of.
///
/// # Panics
/// As [`test()`] does.
#[track_caller]
pub fn unit_test<S, Fut>(script: S)
where
    S: Fn(T) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let measured = untyped(move |t: T| {
        let script = script(t.clone());
        async move {
            script.await;
            t.end(Measured::default());
        }
    });
    run_test(None, Location::caller(), type_name::<S>(), measured);
}

/// Like [`test()`], with this first seed unless `LAB_SEED` names another: for a script that shows
/// something with that seed.
///
/// # Panics
/// As [`test()`] does.
#[track_caller]
pub fn test_with_seed<S, Fut>(seed: u64, script: S)
where
    S: Fn(T) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    run_test(Some(seed), Location::caller(), type_name::<S>(), untyped(script));
}

/// No line of this crate, nor of those that it is made of, counts as the user's from now on.
#[doc(hidden)]
pub fn leave_out_own_lines() {
    supervisor::leave_out_own_lines();
    sim::leave_out_lines_of(&[concat!(env!("CARGO_MANIFEST_DIR"), "/src"), report::SOURCE]);
}

fn untyped<S, Fut>(script: S) -> Script
where
    S: Fn(T) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    Arc::new(move |t| Box::pin(script(t)))
}

/// Runs a test, whose name is in the type of its script, if not in the thread's name.
fn run_test(
    seed: Option<u64>,
    location: &'static Location<'static>,
    type_of_script: &'static str,
    script: Script,
) {
    leave_out_own_lines();
    write_for_terminal();
    let test = match TestName::of_call(location, type_of_script) {
        Ok(test) => test,
        Err(error) => fail_test(&error),
    };
    let settings = match Settings::from_env() {
        Ok(settings) => settings,
        Err(error) => fail_test(&format!("{error}\n")),
    };
    if !is_to_run(&test, &settings) {
        return;
    }
    if let Some(level) = store::listens(&settings) {
        listen::listen(level);
    }
    let histories = store::folder_here(&settings);
    let variations = vary::read(&settings).unwrap_or_else(|error| fail_test(&error));
    let judged = store::judged().unwrap_or_else(|error| fail_test(&error)).map(Arc::new);
    let job = Arc::new(Job { test, settings, histories, variations, judged });
    let run_here = |seed| run(job.clone(), seed, script.clone(), ended_by_exit);
    let Job { test, settings, .. } = &*job;
    if is_child() {
        children::serve(test, settings.clock, run_here);
    }
    // Better now than after all the runs.
    let save = |results: &[RunResult]| {
        let Some(out) = &settings.out else { return };
        if let Err(error) = store::add_results(out, results) {
            let path = out.join(report::RESULTS);
            fail_test(&format!(
                "failed to write {}: {error}; expected LAB_OUT={:?} to be a folder that can be written\n",
                path.display(),
                out.as_os_str()
            ));
        }
    };
    save(&[]);
    let first = settings.seed.or(seed).unwrap_or_else(fresh_seed);
    let seeds: Vec<u64> = (0..settings.iters.get()).map(|i| first.wrapping_add(i)).collect();
    let results = if settings.check_determinism {
        determinism::check(test, settings, &seeds)
    } else {
        run_all(test, settings, &seeds, run_here)
    };
    let mut results = match results {
        Ok(results) => results,
        Err(message) => fail_test(&message),
    };
    for result in &mut results {
        result.choices.clone_from(&test.choices);
    }
    save(&results);
    if is_interrupted() {
        fail_test(&interrupted(test, settings, &results));
    }
    match summarise(test, settings, &results) {
        Ok(passed) => print_always(&passed),
        Err(failed) => fail_test(&failed),
    }
}

/// Reports are as wide as the terminal for which they are: a child's parent knows it.
fn write_for_terminal() {
    let columns = if is_child() {
        env::var(variables::COLUMNS).ok().and_then(|columns| columns.parse().ok())
    } else {
        supervisor::terminal_columns()
    };
    columns.into_iter().for_each(report::text::write_for);
}

/// Runs all seeds where the settings say, and confirms the failures.
fn run_all(
    test: &TestName,
    settings: &Settings,
    seeds: &[u64],
    run: impl Fn(u64) -> RunResult,
) -> Result<Vec<RunResult>, String> {
    let Some(isolation) = settings.isolation else {
        return Ok(seeds.iter().map(|&seed| run(seed)).collect());
    };
    // Without its seeded generator tokio chooses by a counter of the process.
    let isolation = if cfg!(tokio_unstable) { isolation } else { Isolation::Process };
    let mut results = until_enough(test, settings, seeds, isolation)?;
    // Whoever compares varied runs has one for each point that isn't varied, and finds out.
    if settings.clock == Clock::Virtual && settings.vary.is_none() {
        confirm(test, settings, &mut results)?;
    }
    Ok(results)
}

/// Reports a run that wants to end this process, in which the tester itself runs. What a test prints is
/// lost when its process ends, so this goes to the real standard error.
fn ended_by_exit(job: &Job, seed: u64, why: &supervisor::Stuck) {
    let Job { test, settings, .. } = job;
    let results = [stuck(test, seed, why, "")];
    if let Some(out) = &settings.out {
        // The process has no time for more than to say what it is about to end with.
        let _ = store::add_results(out, &results);
    }
    let report = summarise(test, settings, &results).unwrap_or_else(|failed| failed);
    let ended = "LAB_CHILD=1 runs all tests in this process: the other tests end here, too\n";
    let _ = io::stderr().lock().write_all((report + ended).as_bytes());
}

/// Whether a call is to run its script; if not, another one is.
fn is_to_run(test: &TestName, settings: &Settings) -> bool {
    if is_child() {
        return test.call.is_asked_for().unwrap_or_else(|error| fail_test(&error));
    }
    let ordinal = test.call.ordinal;
    let Some(only) = settings.call.filter(|only| only.get() != ordinal) else { return true };
    print_always(&format!(
        "call {ordinal} of config::test() in {}: not run, because LAB_CALL={only} selects another call\n",
        test.short
    ));
    false
}

/// What is printed of the runs that were made before the user had enough.
fn interrupted(test: &TestName, settings: &Settings, results: &[RunResult]) -> String {
    let mut text = String::new();
    if !results.is_empty() {
        text = summarise(test, settings, results).unwrap_or_else(|failed| failed);
    }
    text + &format!("interrupted: {} of {} runs were made\n", results.len(), settings.iters)
}

/// A seed that nobody chose, short enough to be copied by hand.
fn fresh_seed() -> u64 {
    u64::from(rand::random::<u32>())
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
