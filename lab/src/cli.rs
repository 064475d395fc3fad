//! The command line.

use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::exit::{EXIT_CODES, MUTANTS_EXIT_CODES, ZOO_EXIT_CODES};

mod grade;
mod merge;
mod test;

pub(crate) use grade::Grade;
pub(crate) use merge::{Form, Merge};
pub(crate) use test::Test;

/// MIT's Raft lab in Rust: a workspace to begin with, and tests that run many times
#[derive(Debug, Parser)]
#[command(name = "lab", bin_name = "cargo lab", version, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    New(New),
    Test(Box<Test>),
    Grade(Box<Grade>),
    Merge(Merge),
    Replay(Replay),
    Explain(Explain),
    Explore(Explore),
    Zoo(Zoo),
    Mutants(Mutants),
}

/// Makes a workspace to write your Raft in: the same tests, and a skeleton that fails them all
///
/// The workspace uses the tester from where this program was built, so that place has to stay.
#[derive(Args, Debug)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct New {
    /// The folder; it must not be there yet, or be empty
    pub(crate) dir: PathBuf,
}

/// Runs one seed of a test once more, and shows all that happened
///
/// Prints how the run ended, why if it failed, and its table: time downwards, a column for each server,
/// with what the servers logged by `tracing` in between. The run's history is stored, for
/// `cargo lab explain` and other programs.
#[derive(Args, Debug)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Replay {
    /// The test: its name, or a piece that no other test has in its name
    pub(crate) test: String,

    /// The run's seed
    #[arg(long, value_name = "S", env = "LAB_SEED")]
    pub(crate) seed: u64,

    /// Which call of config::test, if the test's function makes several
    #[arg(long, value_name = "K", env = "LAB_CALL", default_value = "1")]
    pub(crate) call: NonZeroU32,

    /// The package whose tests are run
    #[arg(short, long, default_value = "raft")]
    pub(crate) package: String,

    #[command(flatten)]
    pub(crate) build: Build,

    /// A folder for the run's history; without it, `lab` in the folder that cargo builds into
    #[arg(short, long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

/// Shows a run whose history is stored, and why it failed
#[derive(Args, Debug)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Explain {
    /// The history, as a failed test or `cargo lab replay` has stored it
    #[arg(value_name = "HISTORY.json")]
    pub(crate) history: PathBuf,
}

/// Looks for faults that break a Raft: random ones, until the time is over or something is found
///
/// Runs the package's test `TestExplore`, whose faults and load are drawn from the seed. What is found
/// is made smaller, with fewer faults, fewer servers and in less time, as long as the same is found; then
/// it is shown, with a test that can be pasted into a file and fails there.
#[derive(Args, Debug)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Explore {
    /// For how long
    #[arg(short, long, value_name = "M", default_value = "1", value_parser = minutes)]
    minutes: f64,

    /// The package whose Raft is explored
    #[arg(short, long, default_value = "raft")]
    pub(crate) package: String,

    /// How many runs at the same time; without it, as many as there are cores
    #[arg(short, long, value_name = "J", env = "LAB_JOBS")]
    pub(crate) jobs: Option<NonZeroUsize>,

    /// The first run's seed; the others follow. Without it, a fresh one
    #[arg(long, value_name = "S", env = "LAB_SEED")]
    pub(crate) seed: Option<u64>,

    #[command(flatten)]
    pub(crate) build: Build,

    /// A folder for the plan that was found, and its test; without it, `lab` in the folder that cargo
    /// builds into
    #[arg(short, long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

impl Explore {
    /// For how long.
    pub(crate) fn time(&self) -> Duration {
        Duration::from_secs_f64(self.minutes * 60.0)
    }
}

fn minutes(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(minutes) if minutes > 0.0 && minutes <= 1e6 => Ok(minutes),
        _ => Err("it is no number of minutes, such as 1 or 0.5".to_owned()),
    }
}

/// Counts how many of the known bugs the tests catch: a mutation score
///
/// The package `zoo` has a Raft with a switch for each known bug. For each of them, and first for the
/// right Raft, runs every test N times, and stores a line for each bug and test. A safety monitor that
/// is tripped fails a run, and is counted apart: so the same runs tell what MIT's tests catch alone, and
/// what they catch with the monitors. When a test has failed 10 times by itself with a bug, or hung
/// twice, its other runs aren't begun: its rate is that of the runs made.
#[derive(Args, Debug)]
#[command(after_help = ZOO_EXIT_CODES)]
pub(crate) struct Zoo {
    /// Which bugs, by name. All bugs without it
    #[arg(value_name = "BUG")]
    pub(crate) bugs: Vec<String>,

    /// How often each test is run with each bug
    #[arg(short = 'n', long, value_name = "N", default_value = "20")]
    pub(crate) iterations: NonZeroU64,

    /// How often the test that explores at random is run with each bug; without it, N times
    #[arg(long, value_name = "M")]
    pub(crate) explore: Option<u64>,

    /// The first run's seed, for each test; the others follow
    #[arg(long, value_name = "S", default_value = "1")]
    pub(crate) seed: u64,

    /// After how many failures of a test with a bug, monitors' not counted, its other seeds aren't run; 0
    /// for all seeds
    #[arg(long, value_name = "K", default_value = "10")]
    pub(crate) enough: u64,

    /// Only tests that have this piece in their name; may be given again
    #[arg(short, long = "test", value_name = "FILTER")]
    pub(crate) tests: Vec<String>,

    /// How many runs at the same time; without it, as many as there are cores
    #[arg(short, long, value_name = "J", env = "LAB_JOBS")]
    pub(crate) jobs: Option<NonZeroUsize>,

    #[command(flatten)]
    pub(crate) build: Build,

    /// The file that gets the results; without it, `lab/zoo.jsonl` in the folder that cargo builds into
    #[arg(short, long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,

    /// Go on with what the file has; everything else must be asked for as before
    #[arg(long)]
    pub(crate) resume: bool,

    /// Run nothing, and print the report on the results in FILE: docs/zoo.md was made so
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["bugs", "iterations", "explore", "seed", "enough", "tests", "release", "out", "resume"]
    )]
    pub(crate) report: Option<PathBuf>,

    /// Run nothing, and print of the results in FILE for each bug a run that fails, soon and surely: the
    /// bug, the test, the seed
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = [
            "report", "bugs", "iterations", "explore", "seed", "enough", "tests", "release", "out", "resume"
        ]
    )]
    pub(crate) slice: Option<PathBuf>,
}

/// Counts how often failures are explained rightly, on bugs that nobody chose: mutants of the reference Raft
///
/// cargo-mutants lists the mutants of the package `raft`. Each is put into a copy of the workspace and built, and
/// the tests are run on it until a few have failed. What each failed run says first about its cause is held
/// against the rules of the mutated function, by the table in the documentation of `raft`. docs/explained.md is
/// the report.
#[derive(Args, Debug)]
#[command(after_help = MUTANTS_EXIT_CODES)]
pub(crate) struct Mutants {
    /// Which mutants: a piece of their names, such as `State::vote`. All mutants without it
    #[arg(value_name = "MUTANT")]
    pub(crate) filters: Vec<String>,

    /// How often each test is run with each mutant
    #[arg(short = 'n', long, value_name = "N", default_value = "3")]
    pub(crate) iterations: NonZeroU64,

    /// The first run's seed, for each test; the others follow
    #[arg(long, value_name = "S", default_value = "1")]
    pub(crate) seed: u64,

    /// Only tests that have this piece in their name; may be given again
    #[arg(short, long = "test", value_name = "FILTER")]
    pub(crate) tests: Vec<String>,

    /// Begin no mutant after so many minutes; --resume goes on
    #[arg(short, long, value_name = "M", value_parser = minutes)]
    pub(crate) minutes: Option<f64>,

    #[command(flatten)]
    pub(crate) build: Build,

    /// The file that gets the results; without it, `lab/mutants/mutants.jsonl` in the folder that cargo
    /// builds into
    #[arg(short, long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,

    /// Go on with what the file has; everything else must be asked for as before
    #[arg(long)]
    pub(crate) resume: bool,

    /// The results of `cargo lab zoo`, whose score the report puts beside the mutants'
    #[arg(long, value_name = "FILE")]
    pub(crate) zoo: Option<PathBuf>,

    /// Run nothing, and print the report on the results in FILE: docs/explained.md was made so
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["filters", "iterations", "seed", "tests", "minutes", "release", "out", "resume"]
    )]
    pub(crate) report: Option<PathBuf>,

    /// Run nothing, put the mutant into the copy of the workspace, and print the copy's folder, which `cargo lab
    /// replay` takes as --manifest-path
    #[arg(
        long,
        value_name = "MUTANT",
        conflicts_with_all = ["report", "filters", "iterations", "seed", "tests", "minutes", "out", "resume"]
    )]
    pub(crate) apply: Option<String>,
}

/// How tests are built.
#[derive(Args, Debug)]
pub(crate) struct Build {
    /// Build with optimisations. Without it, the build is that of `cargo test`, which is soonest
    /// done and also notices overflows; the same seed is the same run in both
    #[arg(long)]
    pub(crate) release: bool,

    /// Another workspace than the one around the current folder: its folder or its Cargo.toml
    #[arg(long, value_name = "PATH")]
    pub(crate) manifest_path: Option<PathBuf>,
}
