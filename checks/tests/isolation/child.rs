//! Runs tests of this binary as their user would: in a process and an environment of its own.

use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use config::{Failure, FailureKind};
use sim::{Clock, Ending};
pub(crate) use testkit::{FAILED, PASSED, Ran, VICTIM_TEST as VICTIM};
use testkit::{TestBinary, VICTIM_VARIABLE, assert_says, name};

use crate::VICTIMS;
use crate::server::draws_the_bad_lot;

/// The test behind each victim, which must run whatever became of the victim.
const NEXT: &str = "well_behaved::servers_without_a_bad_habit_pass";

/// How many seeds a victim is run with, of which one draws the bad lot.
const SEEDS: u64 = 8;

/// Runs `tests`, named by their paths in this binary, of which one may be a victim: that one's results are
/// of the test [`VICTIM`]. Of the variables that the harness and the test runner read the process has
/// `variables` and no others.
pub(crate) fn run(tests: &[&str], variables: &[(&str, &str)]) -> Ran {
    run_while(tests, variables, |_| {})
}

/// The same; does `meanwhile` again and again with the process's id.
pub(crate) fn run_while(
    tests: &[&str],
    variables: &[(&str, &str)],
    meanwhile: impl FnMut(u32),
) -> Ran {
    run_binary(&TestBinary::this(PACKAGE), tests, variables, meanwhile)
}

/// The package that this binary is of.
const PACKAGE: &str = env!("CARGO_PKG_NAME");

/// The same, with the binary at `path`, which is as good as this one.
pub(crate) fn run_other(path: &Path, tests: &[&str], variables: &[(&str, &str)]) -> Ran {
    run_binary(&TestBinary::at(path, PACKAGE), tests, variables, |_| {})
}

fn run_binary(
    binary: &TestBinary,
    tests: &[&str],
    variables: &[(&str, &str)],
    meanwhile: impl FnMut(u32),
) -> Ran {
    let victims: Vec<&str> = tests.iter().copied().filter(|path| VICTIMS.has(path)).collect();
    assert!(victims.len() <= 1, "a process runs one victim, not {victims:?}");
    let arguments: Vec<&str> = tests
        .iter()
        .map(|&path| if VICTIMS.has(path) { VICTIM } else { path })
        .chain(["--exact", "--include-ignored", "--nocapture"])
        .collect();
    let few = [("LAB_JOBS", "2"), ("RUST_TEST_THREADS", "1")];
    let victim = victims.iter().map(|&path| (VICTIM_VARIABLE, path));
    binary.run_while(
        &arguments,
        few.into_iter().chain(victim).chain(variables.iter().copied()),
        meanwhile,
    )
}

/// The first of [`SEEDS`] seeds of which exactly one draws the bad lot, and that one. It is the last
/// but one: then a single seed is left, which might take the blame.
fn seeds() -> (u64, u64) {
    static FOUND: OnceLock<(u64, u64)> = OnceLock::new();
    let is_bad = |&seed: &u64| {
        let settings = sim::Settings::new(seed, Clock::Virtual, Duration::from_secs(1));
        let draw = |_| async { draws_the_bad_lot() };
        sim::run(settings, draw, |_, ending| matches!(ending, Ending::Finished(true)))
    };
    *FOUND.get_or_init(|| {
        let batch = |&first: &u64| {
            let bad: Vec<u64> = (first..first + SEEDS).filter(is_bad).collect();
            bad == [first + SEEDS - 2]
        };
        let first = (1..).find(batch).expect("there are many seeds");
        (first, first + SEEDS - 2)
    })
}

/// Runs the victim at `path` with several seeds of which one is bad, and then another test.
pub(crate) fn run_batch(path: &str) -> Ran {
    let (first, _) = seeds();
    let (first, count) = (first.to_string(), SEEDS.to_string());
    let ran = run(&[path, NEXT], &[("LAB_SEED", &first), ("LAB_ITERS", &count)]);
    let (victim, next) = (ran.results_of(VICTIM), ran.results_of(name(NEXT)));
    assert_eq!((victim.len(), next.len()), (SEEDS as usize, SEEDS as usize), "{}", ran.output);
    assert!(next.iter().all(|result| result.failure().is_none()), "{}", ran.output);
    ran.assert_says(&[&format!("test {NEXT} ... ")]);
    ran
}

/// A failure as the driver of a victim finds it.
pub(crate) struct Caught {
    pub(crate) failure: Failure,
    pub(crate) output: String,
}

/// Runs the victim at `path` with several seeds of which one is bad. Asserts that this one has
/// failed, again so when it was run once more, and is reported, and that all else has passed.
pub(crate) fn catch(path: &str) -> Caught {
    let ran = run_batch(path);
    let (_, bad) = seeds();
    ran.assert_status(FAILED);
    let mut caught = None;
    for result in ran.results_of(VICTIM) {
        match result.failure() {
            Some(failure) if result.seed == bad => {
                assert_eq!(result.note, None, "{}", ran.output);
                caught = Some(failure.clone());
            }
            Some(failure) => panic!("seed {} has failed, too: {failure:?}", result.seed),
            None => assert_ne!(result.seed, bad, "the bad seed has passed:\n{}", ran.output),
        }
    }
    let failure = caught.unwrap_or_else(|| panic!("seed {bad} was not run:\n{}", ran.output));
    ran.assert_says(&[
        &format!("{}\n  kind      {}\n", failure.message, failure.kind),
        &format!("  seed      {bad}\n"),
        &format!("  replay    LAB_SEED={bad} LAB_VICTIM='{path}' cargo test -p checks --test isolation {VICTIM}\n"),
        &format!("\n1 of {SEEDS} runs failed:\n"),
    ]);
    Caught { failure, output: ran.output }
}

impl Caught {
    /// Asserts the failure's kind, and that its message has each of `texts`: what happened, why it
    /// matters, what to write instead.
    #[track_caller]
    pub(crate) fn assert_is(&self, kind: FailureKind, texts: &[&str]) -> &Caught {
        assert_eq!(self.failure.kind, kind, "{}", self.output);
        assert_says("the message", &self.failure.message, texts);
        self
    }

    /// Asserts that the failure points at the line of `place`, and that the report shows it.
    #[track_caller]
    pub(crate) fn assert_at(&self, place: &Place) {
        let line = place.to_string();
        let location = &self.failure.location;
        let rest = location.strip_prefix(&line);
        let rest = rest.unwrap_or_else(|| panic!("at {location}, not {line}:\n{}", self.output));
        assert!(!rest.starts_with(|c: char| c.is_ascii_digit()), "at {location}, not {line}");
        assert_says("the output", &self.output, &[&line]);
    }
}

/// A line of this binary's source.
pub(crate) struct Place {
    file: &'static str,
    line: usize,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "checks/tests/isolation/{}:{}", self.file, self.line)
    }
}

/// A source file of this binary: its name and its text.
pub(crate) type Source = (&'static str, &'static str);

/// The line of `function` that has `text`.
pub(crate) fn place((file, source): Source, function: &str, text: &str) -> Place {
    let head = format!("fn {function}(");
    let numbered = (1..).zip(source.lines());
    let body =
        numbered.skip_while(|(_, line)| !line.contains(&head)).take_while(|(_, line)| *line != "}");
    let lines: Vec<usize> = body.filter(|(_, line)| line.contains(text)).map(|(n, _)| n).collect();
    let [line] = lines[..] else { panic!("{function} has {text:?} in the lines {lines:?}") };
    Place { file, line }
}
