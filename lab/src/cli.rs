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
mod test;
mod verify;
mod watch;

pub(crate) use grade::Grade;
pub(crate) use logs::Logs;
pub(crate) use merge::{Form, Merge};
pub(crate) use test::Test;
pub(crate) use verify::Verify;
pub(crate) use watch::Watch;

/// MIT's Raft lab in Rust: makes your workspace, runs tests many times, and shows single runs
///
/// These mean the same in each subcommand that has them: FILTER is a part (3A), a test's name, or a piece of a
/// name; --seed is the seed of the first run, and the other runs take the seeds that follow; -n is how often each
/// test is run; -j is how many runs are made at the same time; -p is the package whose tests are run; -o is the folder
/// for what is stored; --strict fails a run that breaks a safety rule, also if no test notices; --real makes runs by
/// the wall clock.
///
/// Environment variables whose names begin with LAB_ have the effect that they have with `cargo test`:
/// LAB_STRICT=1, for instance, fails a run that breaks a safety rule, also if no test notices.
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

/// Makes a workspace to write your Raft in: the same tests, and a skeleton that fails them all
///
/// The workspace stands alone: the tester's crates are in its folder `tester`, as sources. Push it, clone it
/// elsewhere, hand it in.
#[derive(Args, Debug)]
#[command(after_help = examples::with(examples::NEW, EXIT_CODES))]
pub(crate) struct New {
    /// The folder to make. It must be empty, or not exist yet
    pub(crate) dir: PathBuf,

    /// Use the tester from where this program was built, by its path, and copy nothing of it. For those who work on
    /// the tester: the workspace works on this machine only, while that place stays
    #[arg(long)]
    pub(crate) link: bool,

    /// Make the frame of an adapter instead, to test a Raft that wasn't written for the lab. It uses the lab from where
    /// this program was built
    #[arg(long, conflicts_with_all = ["link", "course"])]
    pub(crate) adapter: bool,

    /// Also write the course file lab.toml: this one, or without FILE an example that explains each key. `cargo lab
    /// grade` grades by it. The crates that FILE allows are added to raft/Cargo.toml
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    pub(crate) course: Option<Option<PathBuf>>,
}

/// Brings this tester into a workspace that an older one has made
///
/// Run it where the newer tester is. What you write stays as it is: the folder raft, README.md, .gitignore, lab.toml.
/// All else is replaced, but for files that you have changed: they stay, and the newer one is put beside them, with
/// `.new` behind its name.
#[derive(Args, Debug)]
#[command(after_help = examples::with(examples::UPGRADE, EXIT_CODES))]
pub(crate) struct Upgrade {
    /// The workspace
    pub(crate) dir: PathBuf,
}

/// Runs one seed of a test again, and shows the whole run
///
/// Prints how the run ended, why it failed if it did, and its table: time goes down, and each server has a column.
/// Between the events stand the lines that the servers logged by `tracing`. The run's history is stored, for
/// `cargo lab explain` and for other programs.
#[derive(Args, Debug)]
#[command(after_help = examples::with(examples::REPLAY, EXIT_CODES))]
pub(crate) struct Replay {
    #[command(flatten)]
    pub(crate) run: Run,

    /// Also draw the run: a page that opens in any browser. Without FILE, it is beside the history
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    pub(crate) html: Option<Option<PathBuf>>,

    /// Draw beside it the nearest run of the test that passes: by the next seeds, in order
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

    /// If the test's function calls config::test several times: which call, 1 for the first
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

/// Finds out when a run's failure became inevitable, and what made it so
///
/// Makes the run again up to a time, and draws everything anew from there on: the network's delays and losses,
/// the script's choices, the servers' random numbers. Doing so many times at each of some points gives the share
/// of runs that fail as a curve, and the interval in which it comes to all. Then each message and each timer of
/// that interval is changed alone: what turns the verdict is a cause. docs/why.md says how to read it.
///
/// What was found is stored as JSON beside the run's history, in a file that ends in `.why.json`. The same
/// command finds the same.
#[derive(Args, Debug)]
#[command(after_help = examples::with(examples::WHY, WHY_EXIT_CODES))]
pub(crate) struct Why {
    #[command(flatten)]
    pub(crate) run: Run,

    /// How many runs are drawn anew at each point
    #[arg(long, value_name = "N", default_value = "30")]
    pub(crate) redraws: NonZeroU64,

    /// How many points there are at most
    #[arg(long, value_name = "N", default_value = "24")]
    pub(crate) points: usize,

    /// How many runs at the same time; without it, as many as there are cores
    #[arg(short, long, value_name = "J", env = settings::JOBS)]
    pub(crate) jobs: Option<NonZeroUsize>,
}

/// Shows a run whose history is stored, and why it failed
///
/// Prints the same as `cargo lab replay`, without running anything.
#[derive(Args, Debug)]
#[command(after_help = examples::with(examples::EXPLAIN, EXIT_CODES))]
pub(crate) struct Explain {
    /// The history, which a failed test or `cargo lab replay` has stored
    #[arg(value_name = "HISTORY.json")]
    pub(crate) history: PathBuf,

    /// Also draw the run: a page that opens in any browser. Without FILE, it is beside the history
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    pub(crate) html: Option<Option<PathBuf>>,

    #[command(flatten)]
    pub(crate) drawing: Drawing,
}

/// How a run is drawn.
#[derive(Args, Debug)]
pub(crate) struct Drawing {
    /// Draw beside it the run of another stored history, of the same test
    #[arg(long, value_name = "HISTORY.json", requires = "html")]
    pub(crate) beside: Option<PathBuf>,

    /// Open the page in the browser
    #[arg(long, requires = "html")]
    pub(crate) open: bool,

    /// Also write Chrome's trace events, for ui.perfetto.dev
    #[arg(long, value_name = "FILE")]
    pub(crate) trace: Option<PathBuf>,
}

/// Tries random faults on a Raft until a run fails or the time is over
///
/// Runs the package's test `TestExplore`, which draws its faults and its load from the seed. If a run fails, makes
/// its scenario smaller (fewer faults, fewer servers, less time) as long as the same failure comes back. Then prints
/// the report of the smallest failing run, and a test that you can paste into a test file.
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
        _ => Err("it is no number of minutes, such as 1 or 0.5".to_owned()),
    }
}

/// Counts how many of the known bugs the tests catch
///
/// The package `zoo` has a Raft with a switch for each known bug. Runs every test N times with the right Raft, then with
/// each bug, and stores a line for each bug and test. A run also fails if a safety rule is broken. Such failures are
/// counted apart, so the same runs show what MIT's tests catch alone, and what they catch with the rules.
///
/// When a test has failed 10 times by its own checks with a bug, or hung twice, its other runs are left out. Its rate
/// is the rate of the runs that were made.
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

    /// Leave out a test's other seeds when it has failed K times with a bug; failures by rules alone don't count. 0: run
    /// all seeds
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

/// Counts how often failures are explained rightly, on mutants of the reference Raft
///
/// cargo-mutants lists the mutants of the package `raft`. Each is put into a copy of the workspace and built, and the
/// tests are run on it until a few have failed. The first explanation of each failed run is compared with the rules of
/// the mutated function, which the documentation of `raft` lists. docs/explained.md is such a report.
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
    /// Run by the wall clock and on many threads, as the Go lab does; nothing repeats exactly then: LAB_CLOCK=real
    #[arg(long)]
    real: bool,

    /// Fail also a run that breaks a safety rule without any check of its test noticing: LAB_STRICT=1
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
    /// Build with optimisations. Default: the build of `cargo test`, which is done sooner and also notices
    /// overflows. The same seed is the same run in both
    #[arg(long)]
    pub(crate) release: bool,

    /// The workspace: its folder or its Cargo.toml. Default: the workspace around the current folder
    #[arg(long, value_name = "PATH")]
    pub(crate) manifest_path: Option<PathBuf>,
}
