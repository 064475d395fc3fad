//! Running a test: from its settings to its runs, and from their results to what cargo is told.

use std::any::type_name;
use std::collections::BTreeMap;
use std::env;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::panic::{self, Location};
use std::path::Path;
use std::sync::Arc;
use std::thread;

use sim::Clock;

use crate::RunResult;
use crate::call::Call;
use crate::determinism;
use crate::listen;
use crate::places;
use crate::run::{run, stuck};
use crate::settings::{Place, Settings, choices};
use crate::store;
use crate::summary::summarise;
use crate::t::{Job, T};

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
    run_test(None, Location::caller(), script);
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
    run_test(Some(seed), Location::caller(), script);
}

fn run_test<S, Fut>(seed: Option<u64>, location: &'static Location<'static>, script: S)
where
    S: Fn(T) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let test = match TestName::of_call::<S>(location) {
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
    if supervisor::is_interrupted() {
        fail_test(&interrupted(test, settings, &results));
    }
    match summarise(test, settings, &results) {
        Ok(passed) => print_always(&passed),
        Err(failed) => fail_test(&failed),
    }
}

/// Reports a run that wants to end this process, in which the tester itself runs. What a test prints is
/// lost when its process ends, so this goes to the real standard error.
pub(crate) fn ended_by_exit(job: &Job, seed: u64, why: &supervisor::Stuck) {
    let Job { test, settings, .. } = job;
    let results = [stuck(test, seed, why, "")];
    if let Some(out) = &settings.out {
        // The process has no time for more than to say what it is about to end with.
        let _ = save(out, &results);
    }
    let report = summarise(test, settings, &results).unwrap_or_else(|failed| failed);
    let ended = "LAB_CHILD=1 runs tests in this very process: all others end here, too\n";
    let _ = io::stderr().lock().write_all((report + ended).as_bytes());
}

/// Whether a call is to run its script; if not, another one is.
fn is_to_run(test: &TestName, settings: &Settings) -> bool {
    if places::is_child() {
        return test.call.is_asked_for().unwrap_or_else(|error| fail_test(&error));
    }
    let ordinal = test.call.ordinal;
    let Some(only) = settings.call.filter(|only| only.get() != ordinal) else { return true };
    print_always(&format!(
        "call {ordinal} of config::test() in {}: not run, for LAB_CALL={only} asks for another\n",
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

/// A test's name, as the user and the test binary know it.
#[derive(Clone, Debug)]
pub(crate) struct TestName {
    /// The function's name.
    pub(crate) short: String,
    /// The function's path in the test binary, which picks it and no other.
    pub(crate) path: String,
    /// Which of the function's calls this is.
    pub(crate) call: Call,
    /// The package that it is of: cargo tells the tests that it runs.
    package: Option<String>,
    /// The variables that choose the Raft under test.
    pub(crate) choices: BTreeMap<String, String>,
}

impl TestName {
    /// The test whose function calls [`test()`] at `location` with a script of the type `S`.
    fn of_call<S>(location: &'static Location<'static>) -> Result<TestName, String> {
        let path = match thread::current().name() {
            // The test runner gives each test a thread that has its path as a name.
            Some(path) if path != MAIN_THREAD => path.to_owned(),
            _ => path_in_type::<S>()?.to_owned(),
        };
        Ok(TestName {
            short: path.rsplit("::").next().unwrap_or(&path).to_owned(),
            call: Call::next(&path, location),
            path,
            package: env::var("CARGO_PKG_NAME").ok(),
            choices: choices(),
        })
    }

    /// The first call of a test function, for the harness's own tests.
    #[cfg(test)]
    pub(crate) fn for_tests(name: &str) -> TestName {
        let call = Call::next(name, Location::caller());
        TestName {
            short: name.to_owned(),
            path: name.to_owned(),
            call,
            package: None,
            choices: BTreeMap::new(),
        }
    }

    /// What to say when a child that was to serve this call has ended, or failed, before it came to it.
    pub(crate) fn not_reached(&self, printed: &str) -> String {
        let TestName { short, path, call: Call { ordinal, .. }, .. } = self;
        let (what, why) = if self.call.is_first() {
            let why = format!(
                "`{path} --exact` doesn't lead to a #[test] function that calls config::test() on its own \
                 thread"
            );
            (short.clone(), why)
        } else {
            let why = format!(
                "there the test function didn't come to its call {ordinal}. It must make the same calls, in \
                 the same order, whichever process it is in: what it calls must not depend on chance, on \
                 files, or on what an earlier call has done"
            );
            (format!("call {ordinal} of config::test() in {short}"), why)
        };
        format!(
            "failed to run {what} in a process of its own: {why}. LAB_CHILD=1 runs it in this process. What \
             the process printed:\n{}",
            report::text::printed(printed)
        )
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
        if settings.place == Place::Process {
            words.push("LAB_ISOLATE=process".to_owned());
        }
        if !self.call.is_first() {
            words.push(format!("LAB_CALL={}", self.call.ordinal));
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

/// The name of the thread on which a program begins.
const MAIN_THREAD: &str = "main";

/// The path of the function that has the closure of the type `S`.
fn path_in_type<S>() -> Result<&'static str, String> {
    let path = type_name::<S>();
    let Some((path, _)) = path.split_once("::{{closure}}") else {
        let name = path.rsplit("::").next().unwrap_or(path);
        return Err(format!(
            "failed to tell which test this is: config::test({name}) was called on a thread of the test's \
             own, and given a function, whose name says nothing of the test's; call it on the thread on which \
             the test begins, or write config::test(|t| {name}(t)), with the closure in the #[test] function\n"
        ));
    };
    Ok(path.split_once("::").map_or(path, |(_crate, path)| path))
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
    let mut file =
        OpenOptions::new().create(true).read(true).append(true).open(folder.join(RESULTS))?;
    // Other tests add theirs at the same time, and what they have written in part is no broken end.
    // Where a file can't be locked, a line of a result may be left empty.
    let _ = file.lock();
    if has_broken_end(&mut file)? {
        lines.insert(0, '\n');
    }
    file.write_all(lines.as_bytes())
}

/// Whether the last line of a file isn't whole, because whoever wrote it was cut off.
fn has_broken_end(file: &mut File) -> io::Result<bool> {
    let mut last = [0];
    if file.metadata()?.len() == 0 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
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
