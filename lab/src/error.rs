//! What can go wrong, beside a run that fails.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use thiserror::Error;

use crate::exit::Exit;

/// Why there is nothing to show. Its text is meant for who typed the command.
#[derive(Debug, Error)]
pub(crate) enum Error {
    #[error("failed to make {}: it is there already, and isn't an empty folder", .0.display())]
    NotEmpty(PathBuf),

    #[error(
        "failed to make {}: it is inside {}, whose cargo settings would get in its way; choose a \
         folder outside, for example {}",
        dir.display(), checkout.display(), instead.display()
    )]
    InCheckout { dir: PathBuf, checkout: PathBuf, instead: PathBuf },

    #[error("failed to make {}: cargo's files need a path that is UTF-8", .0.display())]
    NotUtf8(PathBuf),

    #[error("failed to write {}: {error}", path.display())]
    Write { path: PathBuf, error: io::Error },

    #[error("failed to find a workspace in {}: there is no such folder", .0.display())]
    NoFolder(PathBuf),

    #[error("failed to find a workspace: {0}")]
    NoWorkspace(String),

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
        "failed to explore: with LAB_PLAN every run has that plan; unset it to have plans drawn, or run \
         `TestExplore` to follow that one"
    )]
    OnePlan,

    #[error(
        "failed to explore: with LAB_CLOCK=real nothing that is found happens again; unset it, or run \
         `TestExplore` with it"
    )]
    NothingRepeats,

    #[error("failed to choose a test: `{name}` is a piece of {}", tests.join(", "))]
    ManyTests { name: String, tests: Vec<String> },

    #[error("{why}, in {}", path.display())]
    NoHistory { path: PathBuf, why: String },

    #[error("failed to find the bug `{name}`: {hint}")]
    NoBug { name: String, hint: String },

    #[error("failed to get the list of bugs from `cargo run -p zoo -- --json`: {0}")]
    NoBugs(String),

    #[error("{why}, in {}", path.display())]
    NoCampaign { path: PathBuf, why: String },

    #[error(
        "failed to begin: {} is there already; --resume goes on with it, and -o names another file",
        .0.display()
    )]
    Taken(PathBuf),

    #[error("failed to store a result: {0}")]
    NotStored(io::Error),

    #[error("failed to go on with {}: it was made with {what}", path.display())]
    NotTheSame { path: PathBuf, what: String },

    #[error("failed to build the tests of `{0}`")]
    NotBuilt(String),

    #[error("failed to run {what}: {error}")]
    NotStarted { what: String, error: io::Error },

    #[error("failed to read {}: {error}", path.display())]
    Read { path: PathBuf, error: io::Error },

    #[error(
        "failed to get a result for each run of {test}, from seed {seed} on: {expected} were asked \
         for, {got} came, and the test binary ended with {status}. A test whose name begins with \
         `Test` has to call config::test(). What it printed:\n{}",
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
            Error::NotEmpty(_)
            | Error::InCheckout { .. }
            | Error::NotUtf8(_)
            | Error::Write { .. }
            | Error::NoFolder(_)
            | Error::ManyTests { .. }
            | Error::OnePlan
            | Error::NothingRepeats
            | Error::NoHistory { .. }
            | Error::NoBug { .. }
            | Error::NoCampaign { .. }
            | Error::NotStored(_)
            | Error::Taken(_)
            | Error::NotTheSame { .. }
            | Error::NoWorkspace(_)
            | Error::NoPackage { .. } => Exit::Usage,
            Error::NoTests(_) | Error::NoSuchTest { .. } | Error::NoExploration(_) => {
                Exit::NoSuchTest
            }
            Error::NotBuilt(_) => Exit::NotBuilt,
            Error::NoBugs(_)
            | Error::NotStarted { .. }
            | Error::Read { .. }
            | Error::NoResults { .. } => Exit::Tester,
        }
    }

    pub(crate) fn write(path: &Path, error: io::Error) -> Error {
        Error::Write { path: path.to_owned(), error }
    }

    pub(crate) fn read(path: &Path, error: io::Error) -> Error {
        Error::Read { path: path.to_owned(), error }
    }
}
