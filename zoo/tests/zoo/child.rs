//! Runs a test of this binary as its user would: in a process and an environment of its own.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::ops::RangeInclusive;
use std::sync::LazyLock;

use config::{Failure, FailureKind, RunResult};
use report::without_numbers;
use testkit::{Ran, TestBinary};
use zoo::Bug;

use crate::script::lines;

/// What came of a test's runs.
pub(crate) struct Runs {
    pub(crate) results: Vec<RunResult>,
    /// What the test binary printed.
    pub(crate) output: String,
}

/// A failure that is expected.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected {
    /// MIT's sentence, with N for each number, or its first lines; evidence may follow in the next line. If it goes on
    /// in the same line, it ends in `…` here.
    pub(crate) message: &'static str,
    pub(crate) kind: FailureKind,
    /// The function of the script, and its call, at which it comes; `None` if it isn't found at a line of
    /// the script: a failure of what a server applies, for instance.
    pub(crate) at: Option<(&'static str, &'static str)>,
}

/// Runs `test`, named by its path in this binary or its path's end, with `bug` and each of `seeds`.
pub(crate) fn run(test: &str, bug: Bug, seeds: RangeInclusive<u64>) -> Runs {
    run_in(test, [("LAB_BUG", bug.to_string())], seeds)
}

/// Runs `test` with each of `seeds` in an environment that has `variables`, too.
pub(crate) fn run_in<const N: usize>(
    test: &str,
    variables: [(&str, String); N],
    seeds: RangeInclusive<u64>,
) -> Runs {
    let seeded = [
        ("LAB_SEED", seeds.start().to_string()),
        ("LAB_ITERS", (seeds.end() - seeds.start() + 1).to_string()),
    ];
    let runs = run_with(variables.into_iter().chain(seeded), &[path(test), "--exact"]);
    let ran: Vec<u64> = runs.results.iter().map(|result| result.seed).collect();
    assert_eq!(ran, seeds.collect::<Vec<_>>(), "{test} ran other seeds:\n{}", runs.output);
    runs
}

/// The path of a test in this binary, of which the name may be all that is given.
fn path(test: &str) -> &str {
    if test.contains("::") {
        return test;
    }
    PATHS.get(test).unwrap_or_else(|| panic!("no test is named {test}"))
}

/// The names of this binary's tests.
pub(crate) fn tests() -> impl Iterator<Item = &'static str> {
    PATHS.keys().map(String::as_str)
}

static PATHS: LazyLock<BTreeMap<String, String>> = LazyLock::new(paths);

/// The tests of this binary: by their names, the paths.
fn paths() -> BTreeMap<String, String> {
    let paths = this_binary().tests().into_iter();
    paths.map(|path| (testkit::name(&path).to_owned(), path)).collect()
}

fn this_binary() -> TestBinary {
    TestBinary::this(env!("CARGO_PKG_NAME"))
}

/// Runs this binary with `arguments`, and of the variables that begin with LAB_ only `variables`.
pub(crate) fn run_with<N: AsRef<OsStr>>(
    variables: impl IntoIterator<Item = (N, String)>,
    arguments: &[&str],
) -> Runs {
    let Ran { results, output, .. } = this_binary().run(arguments, variables);
    assert!(!results.is_empty(), "{arguments:?} made no run:\n{output}");
    Runs { results, output }
}

/// Runs the tests of this binary that `command` runs, `NAME=value … cargo test -p zoo FILTER`, as a shell
/// would: the variables, then the command; cargo hands the test binary what is left.
pub(crate) fn run_command(command: &str) -> Runs {
    let (variables, filter) =
        command.split_once("cargo test -p zoo ").expect("it is a cargo test of the zoo");
    let variables = variables.split_whitespace().map(|variable| {
        let (name, value) = variable.split_once('=').expect("NAME=value");
        (name, value.to_owned())
    });
    run_with(variables, &[filter])
}

impl Runs {
    pub(crate) fn failures(&self) -> impl Iterator<Item = &Failure> {
        self.results.iter().filter_map(|result| result.failure())
    }

    /// Asserts that every failure is one of `expected`: its message, its kind, its line. Returns
    /// how many there are of each.
    pub(crate) fn assert_only<const N: usize>(&self, expected: [Expected; N]) -> [usize; N] {
        let mut counts = [0; N];
        for failure in self.failures() {
            let found = expected.iter().position(|expected| expected.matches(failure));
            let index = found.unwrap_or_else(|| panic!("unexpected: {failure:?}"));
            counts[index] += 1;
        }
        counts
    }

    /// How often each warning was given.
    pub(crate) fn warnings(&self) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        for warning in self.results.iter().flat_map(|result| &result.warnings) {
            *counts.entry(warning.as_str()).or_default() += 1;
        }
        counts
    }
}

impl Expected {
    /// A failure where `function`, which a script has, calls `call`.
    pub(crate) const fn at(
        function: &'static str,
        call: &'static str,
        kind: FailureKind,
        message: &'static str,
    ) -> Expected {
        Expected { message, kind, at: Some((function, call)) }
    }

    /// A failure that isn't found at a line of the script.
    pub(crate) const fn anywhere(kind: FailureKind, message: &'static str) -> Expected {
        Expected { message, kind, at: None }
    }

    pub(crate) fn matches(&self, failure: &Failure) -> bool {
        let message = without_numbers(&failure.message);
        let is_so = match self.message.strip_suffix('…') {
            Some(beginning) => message.starts_with(beginning),
            None => {
                let rest = message.strip_prefix(self.message.trim_end());
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('\n'))
            }
        };
        is_so
            && failure.kind == self.kind
            && self.at.is_none_or(|(function, call)| lines(function, call).contains(&line(failure)))
    }
}

/// The line that a failure points at.
pub(crate) fn line(failure: &Failure) -> u32 {
    let line = failure.location.rsplit(':').next().and_then(|line| line.parse().ok());
    line.unwrap_or_else(|| panic!("{:?} is no file:line", failure.location))
}
