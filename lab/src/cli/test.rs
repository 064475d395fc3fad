//! The arguments of `cargo lab test`.

use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use children::settings;
use clap::Args;

use super::{Build, Conduct};
use crate::examples;
use crate::exit::TEST_EXIT_CODES;
use crate::shard::Shard;

/// Runs tests many times, each time with another seed, and counts the failures
///
/// Builds the test binaries of a package once, like `cargo test`, and runs each test that a FILTER selects N times. It
/// runs only tests whose names begin with `Test`: MIT's, the guide's and the stricter ones.
///
/// The table shows how many runs of each test failed, and the interval that contains the true failure rate with 95 %
/// confidence (Clopper and Pearson). Below the table is a line for each cause.
///
/// Environment variables that begin with LAB_ have the same effect as with `cargo test`, except LAB_OUT and LAB_REPORT,
/// which `cargo lab` sets itself.
#[derive(Args, Debug)]
#[command(after_help = examples::with(examples::TEST, TEST_EXIT_CODES))]
pub(crate) struct Test {
    /// Which tests: a part (3A), a test's name, or a piece of a name. Default: all tests
    #[arg(value_name = "FILTER")]
    pub(crate) filters: Vec<String>,

    /// Run all tests, as without FILTER
    #[arg(long, conflicts_with = "filters")]
    pub(crate) all: bool,

    /// How often to run each test. Default: 10 times; with --target-rate or --budget, until they end the runs
    #[arg(short = 'n', long, visible_alias = "iter", value_name = "N", env = settings::ITERS)]
    pub(crate) iterations: Option<NonZeroU64>,

    /// How many runs to make at the same time. Default: the number of cores
    #[arg(short, long, value_name = "J", env = settings::JOBS)]
    pub(crate) jobs: Option<NonZeroUsize>,

    /// The package whose tests are run
    #[arg(short, long, default_value = "raft")]
    pub(crate) package: String,

    #[command(flatten)]
    pub(crate) build: Build,

    /// The seed of each test's first run; the other runs take the seeds that follow. Default: a fresh seed
    #[arg(long, visible_alias = "seed-from", value_name = "S", env = settings::SEED)]
    pub(crate) seed: Option<u64>,

    /// Run only this call of config::test in each test's function; 1 is the first. Default: each call counts as a test
    /// of its own
    #[arg(long, value_name = "K", env = settings::CALL)]
    pub(crate) call: Option<NonZeroU32>,

    #[command(flatten)]
    pub(crate) conduct: Conduct,

    /// When all runs are done, make more, until there are G times as many; and so on, until you stop it
    #[arg(short, long = "loop", conflicts_with = "shard")]
    pub(crate) looped: bool,

    /// With --loop: the factor by which each round increases the number of runs
    #[arg(short, long, value_name = "G", default_value = "10", requires = "looped",
        value_parser = clap::value_parser!(u64).range(2..))]
    pub(crate) growth: u64,

    /// Start no more runs of a test that has failed K times
    #[arg(long, value_name = "K")]
    pub(crate) until_failures: Option<NonZeroU64>,

    /// Start no more runs after this time, such as 90s or 10min. The tests share the time
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) budget: Option<Duration>,

    /// Find out whether each test's failure rate is below P, such as 0.01 or 1%. The runs of a test end as soon as this
    /// is known with 95 % confidence. If there are too few runs to know, the exit code is 5
    #[arg(long, value_name = "P", value_parser = rate)]
    pub(crate) target_rate: Option<f64>,

    /// Make only part I of N of the runs, so that N machines can share them. `auto` takes I and N from the variables of
    /// a batch system (SLURM_ARRAY_TASK_ID and SLURM_ARRAY_TASK_COUNT, JOB_COMPLETION_INDEX and LAB_SHARDS,
    /// CI_NODE_INDEX and CI_NODE_TOTAL). All parts need the same --seed. Failed runs are recorded, but don't change the
    /// exit code: `cargo lab merge` puts the parts together
    #[arg(long, value_name = "I/N", requires = "seed")]
    pub(crate) shard: Option<Shard>,

    /// The folder for `results.jsonl`, which has a line for each run, and for the history of each test's first failing
    /// run
    #[arg(short, long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,

    /// Continue with the results in DIR, without repeating their runs
    #[arg(long, requires = "out")]
    pub(crate) resume: bool,

    /// Store the history of each run in DIR, even if it passes
    #[arg(short, long, requires = "out")]
    pub(crate) archive: bool,

    /// At the end, check K passed runs of each test for deceit. Each is repeated and recorded. Then another process,
    /// which doesn't contain the code under test, repeats it from the record: it runs the script and the network from
    /// the seed, and applies all checks and rules to what the servers sent, saved and applied
    #[arg(long, value_name = "K", conflicts_with = "real")]
    pub(crate) judge: Option<NonZeroUsize>,

    /// Make the servers print their logs in the format of dslogs, and store those of each failed run in DIR
    #[arg(short, long, requires = "out")]
    pub(crate) verbose: bool,
}

/// A share from 0 to 1, exclusive, or a percentage.
fn rate(text: &str) -> Result<f64, String> {
    let share = match text.trim().strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().map(|percent| percent / 100.0),
        None => text.trim().parse(),
    };
    match share {
        Ok(share) if share > 0.0 && share < 1.0 => Ok(share),
        _ => Err("it isn't a share between 0 and 1, such as 0.01 or 1%".to_owned()),
    }
}
