//! What can go wrong, beside a run that fails.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use report::Time;
use thiserror::Error;

use crate::exit::Exit;
use crate::stop;

/// What is wrong with a test that ends well and has no results.
const MUST_CALL: &str = " A test whose name begins with `Test` has to call config::test().";

/// Why there is nothing to show. Its text is meant for who typed the command.
#[derive(Debug, Error)]
pub(crate) enum Error {
    #[error("failed to make {}: it exists, and isn't an empty folder", .0.display())]
    NotEmpty(PathBuf),

    #[error(
        "failed to make {}: it is inside {}, whose cargo settings would also apply to it; choose a \
         folder outside, for example {}",
        dir.display(), checkout.display(), instead.display()
    )]
    InCheckout { dir: PathBuf, checkout: PathBuf, instead: PathBuf },

    #[error("failed to make {}: cargo's files need a path that is UTF-8", .0.display())]
    NotUtf8(PathBuf),

    #[error(
        "failed to find the skeleton: this program was built in {}, which is a student's workspace; run it in \
         the checkout of the tester",
        .0.display()
    )]
    NoSkeleton(PathBuf),

    #[error("failed to understand {}: {why}", path.display())]
    BadManifest { path: PathBuf, why: String },

    #[error(
        "failed to upgrade {}: {why}. `cargo lab new` makes a workspace that can be upgraded",
        dir.display()
    )]
    NoUpgrade { dir: PathBuf, why: String },

    #[error("failed to write {}: {error}", path.display())]
    Write { path: PathBuf, error: io::Error },

    #[error("failed to find a workspace in {}: there is no such folder", .0.display())]
    NoFolder(PathBuf),

    #[error("failed to find a workspace: {0}")]
    NoWorkspace(String),

    #[error(
        "failed to find a log: `{0}` isn't a file; expected a stored history (a file that ends in .json), `-` for \
         standard input, or a test's name together with --seed"
    )]
    NoSource(String),

    #[error(
        "failed to find a log: no history is stored in {}; a test that fails stores one, and so does \
         `cargo lab replay TEST --seed S`",
        .0.display()
    )]
    NoHistories(PathBuf),

    #[error("failed to find the package `{package}`: {hint}")]
    NoPackage { package: String, hint: String },

    #[error("failed to find a test: `{0}` has none whose name begins with `Test`")]
    NoTests(String),

    #[error("failed to find a test: none of `{package}` has `{filter}` in its name; {hint}")]
    NoSuchTest { package: String, filter: String, hint: String },

    #[error(
        "failed to explore: `{0}` has no test `TestExplore`. Its script is `config::test(|t| async move \
         {{ config::explore(&t, raft::make).await; }})`"
    )]
    NoExploration(String),

    #[error(
        "failed to explore: with LAB_PLAN every run follows this plan; unset it to explore, or run \
         `TestExplore` to follow the plan"
    )]
    OnePlan,

    #[error(
        "failed to explore: with the wall clock (--real, LAB_CLOCK=real) no failure repeats; leave it out, or run \
         `TestExplore` with it"
    )]
    NothingRepeats,

    #[error(
        "failed to find the cause: with the wall clock (--real, LAB_CLOCK=real) no run repeats; leave it out, and give a \
         seed that fails with the virtual clock"
    )]
    NothingIsExact,

    #[error(
        "failed to make the run again: until {until} s its events weren't the same each time, so nothing that is found \
         would be about it. Something outside the simulation leaks in, such as a static that remembers earlier \
         runs; LAB_CHECK_DETERMINISM=1 with `cargo test` shows where two runs of the seed part"
    )]
    NotReplayed { until: Time },

    #[error("failed to choose a test: `{name}` is a piece of several names: {}", tests.join(", "))]
    ManyTests { name: String, tests: Vec<String> },

    #[error(
        "failed to find call {call} of config::test() in {tests}: there are fewer calls, or an earlier one fails"
    )]
    NoSuchCall { tests: String, call: u32 },

    #[error("{why}, in {}", path.display())]
    NoHistory { path: PathBuf, why: String },

    #[error("failed to read line {number} of {}: {why}", path.display())]
    BadLine { path: PathBuf, number: usize, why: String },

    #[error("failed to read the course file {}: {why}", path.display())]
    BadCourse { path: PathBuf, why: String },

    #[error("failed to find `{name}`, which the course file {} names: {hint}", path.display())]
    NoSuchWorth { path: PathBuf, name: String, hint: String },

    #[error("failed to find submissions in {}: {why}", path.display())]
    NoSubmissions { path: PathBuf, why: String },

    #[error("failed to make a workspace for submissions: {0}")]
    NotPrepared(String),

    #[error("failed to build the tests in the grader's own copy; {} says why", log.display())]
    OwnNotBuilt { log: PathBuf },

    #[error("failed to merge: {0}")]
    NotMerged(String),

    #[error("failed to find the bug `{name}`: {hint}")]
    NoBug { name: String, hint: String },

    #[error("failed to get the list of bugs from `cargo run -p zoo -- --json`: {0}")]
    NoBugs(String),

    #[error(
        "failed to list the mutants: cargo-mutants isn't installed. `cargo install cargo-mutants --locked` installs it"
    )]
    NoGenerator,

    #[error("failed to list the mutants with `cargo mutants --list`: {0}")]
    NoMutants(String),

    #[error(
        "failed to find a mutant: none has `{0}` in its name; `cargo mutants --list -p raft` lists them"
    )]
    NoMutant(String),

    #[error("{why}, in {}", path.display())]
    NoCampaign { path: PathBuf, why: String },

    #[error(
        "failed to begin: {} exists; --resume continues it, and -o names another file",
        .0.display()
    )]
    Taken(PathBuf),

    #[error("failed to store a result: {0}")]
    NotStored(io::Error),

    #[error("failed to continue {}: it was made with {what}", path.display())]
    NotTheSame { path: PathBuf, what: String },

    #[error("failed to build the tests of `{0}`")]
    NotBuilt(String),

    #[error("interrupted")]
    Stopped(Exit),

    #[error("failed to list the tests of {}: it ended with {status}", binary.display())]
    NotListed { binary: PathBuf, status: ExitStatus },

    #[error("failed to run {what}: {error}")]
    NotStarted { what: String, error: io::Error },

    #[error("failed to read {}: {error}", path.display())]
    Read { path: PathBuf, error: io::Error },

    #[error(
        "failed to get a result for each run of {test}, from seed {seed} on: expected {expected}, \
         got {got}, and the test binary ended with {status}.{} What it printed:\n{}",
        if *got == 0 && status.success() { MUST_CALL } else { "" },
        report::text::printed(printed)
    )]
    NoResults {
        test: String,
        seed: u64,
        expected: u64,
        got: usize,
        status: ExitStatus,
        printed: String,
    },
}

impl Error {
    /// The code that the program ends with.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Error::Stopped(exit) => *exit,
            Error::Write { error, .. } | Error::NotStored(error) if is_full(error) => Exit::Tester,
            Error::NotEmpty(_)
            | Error::NoSkeleton(_)
            | Error::BadManifest { .. }
            | Error::NoUpgrade { .. }
            | Error::InCheckout { .. }
            | Error::NotUtf8(_)
            | Error::Write { .. }
            | Error::NoFolder(_)
            | Error::ManyTests { .. }
            | Error::OnePlan
            | Error::NothingRepeats
            | Error::NothingIsExact
            | Error::NoHistory { .. }
            | Error::BadLine { .. }
            | Error::BadCourse { .. }
            | Error::NoSubmissions { .. }
            | Error::NotPrepared(_)
            | Error::NotMerged(_)
            | Error::NoBug { .. }
            | Error::NoGenerator
            | Error::NoMutant(_)
            | Error::NoCampaign { .. }
            | Error::NotStored(_)
            | Error::Taken(_)
            | Error::NotTheSame { .. }
            | Error::NoWorkspace(_)
            | Error::NoSource(_)
            | Error::NoHistories(_)
            | Error::NoPackage { .. } => Exit::Usage,
            Error::NoTests(_)
            | Error::NoSuchTest { .. }
            | Error::NoSuchCall { .. }
            | Error::NoSuchWorth { .. }
            | Error::NoExploration(_) => Exit::NoSuchTest,
            Error::NotReplayed { .. } => Exit::NotReplayed,
            Error::NotBuilt(_) | Error::OwnNotBuilt { .. } => Exit::NotBuilt,
            Error::NoBugs(_)
            | Error::NoMutants(_)
            | Error::NotListed { .. }
            | Error::NotStarted { .. }
            | Error::Read { .. }
            | Error::NoResults { .. } => Exit::Tester,
        }
    }

    /// How the program ends if this came of a request to stop: a process that had failed may have got the
    /// same signal, and first.
    pub(crate) fn stopped(&self) -> Option<Exit> {
        match self {
            Error::Stopped(exit) => Some(*exit),
            Error::NoResults { .. }
            | Error::NotListed { .. }
            | Error::NoBugs(_)
            | Error::NoMutants(_) => stop::exit_soon(),
            // Cargo says why there is none; if it doesn't, it didn't come to its end.
            Error::NoWorkspace(why) if why.is_empty() => stop::exit_soon(),
            _ => stop::exit(),
        }
    }

    pub(crate) fn write(path: &Path, error: io::Error) -> Error {
        Error::Write { path: path.to_owned(), error }
    }

    pub(crate) fn read(path: &Path, error: io::Error) -> Error {
        Error::Read { path: path.to_owned(), error }
    }
}

/// Whether it is the disk that has no room, and not the command that makes no sense.
fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}
