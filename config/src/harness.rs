//! Running a test: from its settings to its runs, and from their results to what cargo is told.

use std::any::type_name;
use std::collections::BTreeMap;
use std::env;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::panic;
use std::path::Path;
use std::sync::Arc;

use sim::Clock;

use crate::RunResult;
use crate::determinism;
use crate::listen;
use crate::places;
use crate::run::run;
use crate::settings::{Settings, choices};
use crate::store;
use crate::summary::summarise;
use crate::t::{Job, T};

/// Runs a test's script, once for each seed that the [`Settings`] ask for. To be called directly in
/// a `#[test]` function, with a closure that is written there: it tells which test this is.
///
/// The runs are in child processes of the test's own binary, which call the test function again. If
/// all runs pass, prints MIT's two lines, also where the test's output is captured. If one fails,
/// prints the report of the first failing seed and fails the test.
///
/// # Panics
/// If a run fails, if the environment's settings make no sense, or if the script is no closure. That is
/// how a test fails.
pub fn test<S, Fut>(script: S)
where
    S: Fn(T) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    run_test(None, script);
}

/// Like [`test()`], with this first seed unless `LAB_SEED` names another: for a script that shows
/// something with that seed.
///
/// # Panics
/// As [`test()`] does.
pub fn test_with_seed<S, Fut>(seed: u64, script: S)
where
    S: Fn(T) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    run_test(Some(seed), script);
}

fn run_test<S, Fut>(seed: Option<u64>, script: S)
where
    S: Fn(T) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let test = match TestName::of_script::<S>() {
        Ok(test) => test,
        Err(error) => fail_test(&error),
    };
    let settings = match Settings::from_env() {
        Ok(settings) => settings,
        Err(error) => fail_test(&format!("{error}\n")),
    };
    if let Some(level) = store::listens(&settings) {
        listen::listen(level);
    }
    let script = Arc::new(script);
    let histories = store::folder_here(&settings);
    let job = Arc::new(Job { test, settings, histories });
    let run_here = |seed| run(job.clone(), seed, script.clone());
    let Job { test, settings, .. } = &*job;
    if places::is_child() {
        places::serve(test, settings.clock, run_here);
    }
    // Better now than after all the runs.
    let save = |results: &[RunResult]| {
        let Some(out) = &settings.out else { return };
        if let Err(error) = save(out, results) {
            let path = out.join(RESULTS);
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
        places::run_all(test, settings, &seeds, run_here)
    };
    let mut results = match results {
        Ok(results) => results,
        Err(message) => fail_test(&message),
    };
    for result in &mut results {
        result.choices.clone_from(&test.choices);
    }
    save(&results);
    if sim::is_interrupted() {
        fail_test(&interrupted(test, settings, &results));
    }
    match summarise(test, settings, &results) {
        Ok(passed) => print_always(&passed),
        Err(failed) => fail_test(&failed),
    }
}

/// What is printed of the runs that were made before the user had enough.
fn interrupted(test: &TestName, settings: &Settings, results: &[RunResult]) -> String {
    let mut text = String::new();
    if !results.is_empty() {
        text = summarise(test, settings, results).unwrap_or_else(|failed| failed);
    }
    text + &format!("interrupted: {} of {} runs were made\n", results.len(), settings.iters)
}

/// A test's name, as the user and the test binary know it.
#[derive(Debug)]
pub(crate) struct TestName {
    /// The function's name.
    pub(crate) short: String,
    /// The function's path in the test binary, which picks it and no other.
    pub(crate) path: String,
    /// The package that it is of: cargo tells the tests that it runs.
    package: Option<String>,
    /// The variables that choose the Raft under test.
    pub(crate) choices: BTreeMap<String, String>,
}

impl TestName {
    /// The script is a closure within the test function, so its type's name has the function's.
    fn of_script<S>() -> Result<TestName, String> {
        let path = type_name::<S>();
        let Some((path, _)) = path.split_once("::{{closure}}") else {
            let name = path.rsplit("::").next().unwrap_or(path);
            return Err(format!(
                "failed to tell which test this is: config::test({name}) was given a function, whose \
                 name says nothing of the test's; write config::test(|t| {name}(t)), with the closure in \
                 the #[test] function\n"
            ));
        };
        let (_crate, path) = path.split_once("::").unwrap_or(("", path));
        let short = path.rsplit("::").next().unwrap_or(path);
        Ok(TestName {
            short: short.to_owned(),
            path: path.to_owned(),
            package: env::var("CARGO_PKG_NAME").ok(),
            choices: choices(),
        })
    }

    /// The command that runs this test with `seed`.
    pub(crate) fn replay_command(&self, settings: &Settings, seed: u64) -> String {
        let mut words = vec![format!("LAB_SEED={seed}")];
        if settings.clock == Clock::Real {
            words.push("LAB_CLOCK=real".to_owned());
        }
        if settings.strict {
            words.push("LAB_STRICT=1".to_owned());
        }
        if let Some(plan) = &settings.plan {
            words.push(format!("LAB_PLAN={}", quoted(&plan.to_string_lossy())));
        }
        for (variable, value) in &self.choices {
            words.push(format!("{variable}={}", quoted(value)));
        }
        words.push("cargo test".to_owned());
        if let Some(package) = &self.package {
            words.push(format!("-p {package}"));
        }
        words.push(self.short.clone());
        words.join(" ")
    }
}

/// A word that a shell reads as it is.
fn quoted(word: &str) -> String {
    if !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// A seed that nobody chose, short enough to be copied by hand.
fn fresh_seed() -> u64 {
    u64::from(rand::random::<u32>())
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
