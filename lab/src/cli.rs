//! The command line.

use std::env;
use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use children::settings;
use clap::{Args, Parser, Subcommand};

use crate::examples;
use crate::exit::{EXIT_CODES, MUTANTS_EXIT_CODES, WHY_EXIT_CODES, ZOO_EXIT_CODES};

mod grade;
mod logs;
mod merge;
mod narrow;
mod test;
mod verify;
mod watch;

pub(crate) use grade::Grade;
pub(crate) use logs::Logs;
pub(crate) use merge::{Form, Merge};
pub(crate) use narrow::narrow;
pub(crate) use test::Test;
pub(crate) use verify::Verify;
pub(crate) use watch::Watch;

/// MIT's Raft lab in Rust: makes your workspace, runs tests many times, and shows single runs
///
/// An option has the same meaning in every subcommand. Environment variables that begin with LAB_ have the same effect
/// as with `cargo test`.
#[derive(Debug, Parser)]
#[command(name = "lab", bin_name = "cargo lab", version, after_help = examples::with(examples::LAB, EXIT_CODES))]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    New(New),
    Upgrade(Upgrade),
    Test(Box<Test>),
    Watch(Watch),
    Grade(Box<Grade>),
    Merge(Merge),
    Replay(Replay),
    Explain(Explain),
    Logs(Box<Logs>),
    Verify(Verify),
    Why(Why),
    Explore(Explore),
    Zoo(Zoo),
    Mutants(Mutants),
}

/// Makes a workspace for your own Raft: the tests, the guide, and a skeleton that fails every test
///
/// The workspace needs nothing else: its folder `tester` has the source code of the tester. You can push the workspace,
/// clone it on another machine, and hand it in.
#[derive(Args, Debug)]
#[command(after_help = examples::with(examples::NEW, EXIT_CODES))]
pub(crate) struct New {
    /// The folder to make. It must be empty, or not exist yet
    pub(crate) dir: PathBuf,

    /// Don't copy the tester, but refer to its folder by its path. This is for developers of the tester: such a
    /// workspace works only on this machine, and only as long as that folder exists
    #[arg(long)]
    pub(crate) link: bool,

    /// Make an adapter's skeleton instead, to test a Raft that wasn't written for the lab. It refers to the tester's
    /// folder by its path
    #[arg(long, conflicts_with_all = ["link", "course"])]
    pub(crate) adapter: bool,

    /// Also write lab.toml, the course file for `cargo lab grade`: a copy of FILE or, without FILE, an example that
    /// explains each key. The crates that FILE allows are added to raft/Cargo.toml
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    pub(crate) course: Option<Option<PathBuf>>,
}

/// Updates a workspace to this version of the tester
///
/// Run it in the folder of the newer tester. Your own files stay as they are: the folder raft, README.md, .gitignore,
/// lab.toml. All other files are replaced. If you have changed one of them, your version stays, and the new version is
/// written beside it, with `.new` after its name.
#[derive(Args, Debug)]
#[command(after_help = examples::with(examples::UPGRADE, EXIT_CODES))]
pub(crate) struct Upgrade {
    /// The workspace
    pub(crate) dir: PathBuf,
}

/// Runs one seed of a test again, and shows the whole run
///
/// Prints how the run ended, why it failed if it did, and its table: time goes down, and each server has a column.
/// The lines that the servers logged with `tracing` are in the table, too. The run's history is stored:
/// `cargo lab explain` and other programs can read it.
#[derive(Args, Debug)]
#[command(after_help = examples::with(examples::REPLAY, EXIT_CODES))]
pub(crate) struct Replay {
    #[command(flatten)]
    pub(crate) run: Run,

    /// Also draw the run as a page for a browser. Default for FILE: beside the history
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    pub(crate) html: Option<Option<PathBuf>>,

    /// Also draw a run that passes, to compare: the first one among the next seeds
    #[arg(long, requires = "html", conflicts_with = "beside")]
    pub(crate) compare: bool,

    #[command(flatten)]
    pub(crate) drawing: Drawing,
}

/// One run of a test.
#[derive(Args, Debug)]
pub(crate) struct Run {
    /// The test: its name, or a piece of its name that no other test's name has
    pub(crate) test: String,

    /// The seed of the run
    #[arg(long, value_name = "S", env = settings::SEED)]
    pub(crate) seed: u64,

    /// Which call of config::test, if the test's function has several; 1 is the first
    #[arg(long, value_name = "K", env = settings::CALL, default_value = "1")]
    pub(crate) call: NonZeroU32,

    /// The package whose tests are run
    #[arg(short, long, default_value = "raft")]
    pub(crate) package: String,

    #[command(flatten)]
    pub(crate) build: Build,

    #[command(flatten)]
    pub(crate) conduct: Conduct,

    /// The folder for the run's history. Default: `lab` in cargo's target folder
    #[arg(short, long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

/// Finds out when a run's failure became inevitable, and what caused it
///
/// Repeats the run up to some point, and from there on makes all random choices anew: the network's delays and losses,
/// the script's choices, the servers' random numbers. It does so N times for each of up to 24 points, and counts how
/// many of these runs fail. So it finds the interval after which all of them fail. Then it changes the messages and
/// timers of that interval, one at a time: if the run passes with such a change, this message or timer is a cause.
/// docs/why.md says how to read the result.
///
/// The result is stored as JSON beside the run's history, in a file that ends in `.why.json`. The same command always
/// gives the same result.
#[derive(Args, Debug)]
#[command(after_help = examples::with(examples::WHY, WHY_EXIT_CODES))]
pub(crate) struct Why {
    #[command(flatten)]
    pub(crate) run: Run,

    /// How many runs to make from each point on. Default: 30, or fewer, at least 4, if a run makes thousands of calls
    #[arg(long, value_name = "N")]
    pub(crate) redraws: Option<NonZeroU64>,

    /// The largest number of points
    #[arg(long, value_name = "N", default_value = "24")]
    pub(crate) points: usize,

    /// How many runs to make at the same time. Default: the number of cores
    #[arg(short, long, value_name = "J", env = settings::JOBS)]
    pub(crate) jobs: Option<NonZeroUsize>,
}

/// Shows a stored run, and why it failed
///
/// Prints the same as `cargo lab replay`, but runs nothing.
#[derive(Args, Debug)]
#[command(after_help = examples::with(examples::EXPLAIN, EXIT_CODES))]
pub(crate) struct Explain {
    /// The history that a failed test or `cargo lab replay` has stored
    #[arg(value_name = "HISTORY.json")]
    pub(crate) history: PathBuf,

    /// Also draw the run as a page for a browser. Default for FILE: beside the history
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    pub(crate) html: Option<Option<PathBuf>>,

    #[command(flatten)]
    pub(crate) drawing: Drawing,
}

/// How a run is drawn.
#[derive(Args, Debug)]
pub(crate) struct Drawing {
    /// Also draw this stored run of the same test, to compare
    #[arg(long, value_name = "HISTORY.json", requires = "html")]
    pub(crate) beside: Option<PathBuf>,

    /// Open the page in the browser
    #[arg(long, requires = "html")]
    pub(crate) open: bool,

    /// Also write the run as trace events, for ui.perfetto.dev
    #[arg(long, value_name = "FILE")]
    pub(crate) trace: Option<PathBuf>,
}

/// Tests a Raft with random faults until a run fails or the time is over
///
/// Runs the package's test `TestExplore`. The seed decides its faults and its load. If a run fails, looks for a smaller
/// scenario with the same failure: fewer faults, fewer servers, less time. Then prints the report of the smallest
/// failing run, and a test that you can paste into a test file.
#[derive(Args, Debug)]
#[command(after_help = examples::with(examples::EXPLORE, EXIT_CODES))]
pub(crate) struct Explore {
    /// How long to try, in minutes
    #[arg(short, long, value_name = "M", default_value = "1", value_parser = minutes)]
    minutes: f64,

    /// The package whose Raft is explored
    #[arg(short, long, default_value = "raft")]
    pub(crate) package: String,

    /// How many runs to make at the same time. Default: the number of cores
    #[arg(short, long, value_name = "J", env = settings::JOBS)]
    pub(crate) jobs: Option<NonZeroUsize>,

    /// The seed of the first run; the other runs take the seeds that follow. Default: a fresh seed
    #[arg(long, value_name = "S", env = settings::SEED)]
    pub(crate) seed: Option<u64>,

    #[command(flatten)]
    pub(crate) build: Build,

    #[command(flatten)]
    pub(crate) conduct: Conduct,

    /// The folder for the scenario that was found, and for its test. Default: `lab` in cargo's target folder
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
        _ => Err("it isn't a number of minutes, such as 1 or 0.5".to_owned()),
    }
}

/// Counts how many of the known bugs the tests catch
///
/// The package `zoo` has a Raft with a switch for each known bug. Runs every test N times with the right Raft, then
/// with each bug, and stores a line for each bug and test. A run also fails if it breaks a safety rule. Such failures
/// are counted separately: the same runs show what MIT's tests catch without the rules, and with them.
///
/// If a test has failed 10 times with a bug by its own checks, or has hung twice, its other runs are left out. Its rate
/// counts only the runs that were made.
#[derive(Args, Debug)]
#[command(after_help = examples::with(examples::ZOO, ZOO_EXIT_CODES))]
pub(crate) struct Zoo {
    /// The bugs, by name. Default: all bugs
    #[arg(value_name = "BUG")]
    pub(crate) bugs: Vec<String>,

    /// How often to run each test with each bug
    #[arg(short = 'n', long, value_name = "N", default_value = "20")]
    pub(crate) iterations: NonZeroU64,

    /// How often to run `TestExplore` with each bug. Default: N times
    #[arg(long, value_name = "M")]
    pub(crate) explore: Option<u64>,

    /// The seed of each test's first run; the other runs take the seeds that follow
    #[arg(long, value_name = "S", default_value = "1")]
    pub(crate) seed: u64,

    /// Leave out a test's other seeds when it has failed K times with a bug; failures by rules alone don't count. 0:
    /// run all seeds
    #[arg(long, value_name = "K", default_value = "10")]
    pub(crate) enough: u64,

    /// Run only the tests whose names contain this piece. May be given several times
    #[arg(short, long = "test", value_name = "FILTER")]
    pub(crate) tests: Vec<String>,

    /// How many runs to make at the same time. Default: the number of cores
    #[arg(short, long, value_name = "J", env = settings::JOBS)]
    pub(crate) jobs: Option<NonZeroUsize>,

    #[command(flatten)]
    pub(crate) build: Build,

    /// The folder for the results, or their file, which ends in .jsonl. Default: `lab` in cargo's target folder
    #[arg(short, long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,

    /// Continue a campaign whose results are in the file. All other options must be the same as before
    #[arg(long)]
    pub(crate) resume: bool,

    /// Run nothing; print the report about the results in FILE. docs/zoo.md is such a report
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["bugs", "iterations", "explore", "seed", "enough", "tests", "release", "out", "resume"]
    )]
    pub(crate) report: Option<PathBuf>,

    /// Run nothing; for each bug in FILE, print one run that fails fast and reliably: the bug, the test, the seed
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = [
            "report", "bugs", "iterations", "explore", "seed", "enough", "tests", "release", "out", "resume"
        ]
    )]
    pub(crate) slice: Option<PathBuf>,
}

/// Counts how often the first explanation of a failure is right, on mutants of the reference Raft
///
/// cargo-mutants lists the mutants of the package `raft`. This command puts each mutant into a copy of the workspace,
/// builds it, and runs the tests until a few have failed. It compares the first explanation of each failed run with the
/// rules of the mutated function, which the documentation of `raft` lists. docs/explained.md is such a report.
#[derive(Args, Debug)]
#[command(after_help = examples::with(examples::MUTANTS, MUTANTS_EXIT_CODES))]
pub(crate) struct Mutants {
    /// The mutants: a piece of their names, such as `State::vote`. Default: all mutants
    #[arg(value_name = "MUTANT")]
    pub(crate) filters: Vec<String>,

    /// How often to run each test with each mutant
    #[arg(short = 'n', long, value_name = "N", default_value = "3")]
    pub(crate) iterations: NonZeroU64,

    /// The seed of each test's first run; the other runs take the seeds that follow
    #[arg(long, value_name = "S", default_value = "1")]
    pub(crate) seed: u64,

    /// Run only the tests whose names contain this piece. May be given several times
    #[arg(short, long = "test", value_name = "FILTER")]
    pub(crate) tests: Vec<String>,

    /// Start no mutant after M minutes. --resume continues later
    #[arg(short, long, value_name = "M", value_parser = minutes)]
    pub(crate) minutes: Option<f64>,

    #[command(flatten)]
    pub(crate) build: Build,

    /// The folder for the results, or their file, which ends in .jsonl. Default: `lab/mutants` in cargo's target
    /// folder
    #[arg(short, long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,

    /// Continue a campaign whose results are in the file. All other options must be the same as before
    #[arg(long)]
    pub(crate) resume: bool,

    /// The results of `cargo lab zoo`. The report shows their score beside the mutants'
    #[arg(long, value_name = "FILE")]
    pub(crate) zoo: Option<PathBuf>,

    /// Run nothing; print the report about the results in FILE. docs/explained.md is such a report
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["filters", "iterations", "seed", "tests", "minutes", "release", "out", "resume"]
    )]
    pub(crate) report: Option<PathBuf>,

    /// Run nothing; put the mutant into the copy of the workspace and print the copy's folder, for the option
    /// --manifest-path of `cargo lab replay`
    #[arg(
        long,
        value_name = "MUTANT",
        conflicts_with_all = ["report", "filters", "iterations", "seed", "tests", "minutes", "out", "resume"]
    )]
    pub(crate) apply: Option<String>,
}

/// How runs are made.
#[derive(Args, Debug)]
pub(crate) struct Conduct {
    /// Use the wall clock and many threads, like the Go lab. Then no run repeats exactly. The same as LAB_CLOCK=real
    #[arg(long)]
    real: bool,

    /// A run also fails if it breaks a safety rule that no check of its test notices. The same as LAB_STRICT=1
    #[arg(long)]
    strict: bool,
}

impl Conduct {
    /// Whether runs are made by the wall clock, as the option or the environment says.
    pub(crate) fn is_real(&self) -> bool {
        self.real || env::var_os(settings::CLOCK).is_some_and(|clock| clock == "real")
    }

    /// What the tests are told of it.
    pub(crate) fn switches(&self) -> Vec<(&'static str, &'static str)> {
        let switches = [(settings::CLOCK, "real", self.real), (settings::STRICT, "1", self.strict)];
        let on = switches.into_iter().filter(|(.., is_on)| *is_on);
        on.map(|(name, value, _)| (name, value)).collect()
    }
}

/// How tests are built.
#[derive(Args, Debug)]
pub(crate) struct Build {
    /// Build with optimisations. Default: the same build as `cargo test`, which takes less time. A seed gives the same
    /// run in both
    #[arg(long)]
    pub(crate) release: bool,

    /// The workspace: its folder or its Cargo.toml. Default: the workspace around the current folder
    #[arg(long, value_name = "PATH")]
    pub(crate) manifest_path: Option<PathBuf>,
}
