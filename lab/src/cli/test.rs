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

/// Runs tests many times, each time with another seed, and counts
///
/// Builds a package's test binaries once, as `cargo test` does, and runs each test that a FILTER
/// selects N times. MIT's tests and all others whose name begins with `Test` count; a package's other
/// tests are left to `cargo test`.
///
/// The table has for each test how many of its runs failed, and between which rates the true one lies with 95 %
/// confidence (Clopper and Pearson). Below it is a line for each cause.
///
/// Other `LAB_…` variables in the environment have the effect that they have with `cargo test`, but for LAB_OUT and
/// LAB_REPORT, which `cargo lab` sets itself.
#[derive(Args, Debug)]
#[command(after_help = examples::with(examples::TEST, TEST_EXIT_CODES))]
pub(crate) struct Test {
    /// Which tests: a part (3A), a name, or any piece of one. All tests without it
    #[arg(value_name = "FILTER")]
    pub(crate) filters: Vec<String>,

    /// All tests, as without FILTER
    #[arg(long, conflicts_with = "filters")]
    pub(crate) all: bool,

    /// How often each test is run; without it 10 times. With --target-rate, at most so often; with --budget, as
    /// often as there is time for
    #[arg(short = 'n', long, visible_alias = "iter", value_name = "N", env = settings::ITERS)]
    pub(crate) iterations: Option<NonZeroU64>,

    /// How many runs at the same time; without it, as many as there are cores
    #[arg(short, long, value_name = "J", env = settings::JOBS)]
    pub(crate) jobs: Option<NonZeroUsize>,

    /// The package whose tests are run
    #[arg(short, long, default_value = "raft")]
    pub(crate) package: String,

    #[command(flatten)]
    pub(crate) build: Build,

    /// The first run's seed, for each test; the others follow. Without it, a fresh one
    #[arg(long, visible_alias = "seed-from", value_name = "S", env = settings::SEED)]
    pub(crate) seed: Option<u64>,

    /// Only this call of config::test in each test's function, 1 for the first. Without it, each call is a
    /// test of its own
    #[arg(long, value_name = "K", env = settings::CALL)]
    pub(crate) call: Option<NonZeroU32>,

    #[command(flatten)]
    pub(crate) conduct: Conduct,

    /// When all runs are done go on, with G times as many in all, again and again
    #[arg(short, long = "loop", conflicts_with = "shard")]
    pub(crate) looped: bool,

    /// How much each round of --loop adds to what was run before: G times as much in all
    #[arg(short, long, value_name = "G", default_value = "10", requires = "looped",
        value_parser = clap::value_parser!(u64).range(2..))]
    pub(crate) growth: u64,

    /// Begin no more runs of a test that has failed K times
    #[arg(long, value_name = "K")]
    pub(crate) until_failures: Option<NonZeroU64>,

    /// Begin no more runs after this time, such as 90s or 10min. All tests get their share of it
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) budget: Option<Duration>,

    /// Ask whether each test fails in less than this share of its runs, such as 0.01 or 1%. A test's runs end as soon
    /// as that is known with 95 % confidence; if it isn't known in the end, the exit code says so
    #[arg(long, value_name = "P", value_parser = rate)]
    pub(crate) target_rate: Option<f64>,

    /// Only this part of the runs: I/N, or `auto` to take it from a batch system's variables (SLURM_ARRAY_TASK_ID and
    /// SLURM_ARRAY_TASK_COUNT, JOB_COMPLETION_INDEX and LAB_SHARDS, CI_NODE_INDEX and CI_NODE_TOTAL). Needs --seed,
    /// the same for all. Runs that fail are recorded, and don't change the exit code: `cargo lab merge` says what
    /// came of all
    #[arg(long, value_name = "I/N", requires = "seed")]
    pub(crate) shard: Option<Shard>,

    /// A folder for `results.jsonl`, which gets a line for each run, and for the first failing run's
    /// report of each test
    #[arg(short, long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,

    /// Go on with the results in DIR: what they have isn't run again
    #[arg(long, requires = "out")]
    pub(crate) resume: bool,

    /// Keep the history of each run in DIR, also of those that pass
    #[arg(short, long, requires = "out")]
    pub(crate) archive: bool,

    /// When all runs are made, judge K of each test's that passed: they are made again, and then a process that has none
    /// of the code under test makes them once more, by their records. There the script and the network draw anew from
    /// the seed, and all checks and rules are held against what servers sent, saved and applied
    #[arg(long, value_name = "K", conflicts_with = "real")]
    pub(crate) judge: Option<NonZeroUsize>,

    /// Have servers print what they log, in dslogs' form, and keep that of each failed run in DIR
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
        _ => Err("it is no share between 0 and 1, such as 0.01 or 1%".to_owned()),
    }
}
