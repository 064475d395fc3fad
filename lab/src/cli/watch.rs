//! The arguments of `cargo lab watch`.

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;

use children::settings;
use clap::Args;

use super::{Build, Conduct};
use crate::examples;
use crate::exit::WATCH_EXIT_CODES;

/// On each save, builds, runs tests until the first failure, and explains it
///
/// Runs the tests one after the other, each with N seeds. At the first run that fails, it stops, shows the explanation,
/// stores the run's history, and draws its page. `latest.html` in the folder of histories is always the newest page.
/// Then it waits for the next save.
///
/// On a terminal, you can press keys: h shows the next hint (the rule, where to look, the evidence), r shows the whole
/// report, p opens the page, Enter runs the tests again with fresh seeds, and q ends. If the output isn't a terminal,
/// all hints are printed at once.
#[derive(Args, Debug)]
#[command(after_help = examples::with(examples::WATCH, WATCH_EXIT_CODES))]
pub(crate) struct Watch {
    /// Which tests: a part (3A), a test's name, or a piece of a name. Default: all tests
    #[arg(value_name = "FILTER")]
    pub(crate) filters: Vec<String>,

    /// How often to run each test
    #[arg(short = 'n', long, value_name = "N", env = settings::ITERS, default_value = "30")]
    pub(crate) iterations: NonZeroU64,

    /// How many runs to make at the same time. Default: the number of cores
    #[arg(short, long, value_name = "J", env = settings::JOBS)]
    pub(crate) jobs: Option<NonZeroUsize>,

    /// The seed of each test's first run; the other runs take the seeds that follow. Default: first the seeds that have
    /// failed, then fresh seeds
    #[arg(long, value_name = "S", env = settings::SEED)]
    pub(crate) seed: Option<u64>,

    /// The package whose tests are run
    #[arg(short, long, default_value = "raft")]
    pub(crate) package: String,

    #[command(flatten)]
    pub(crate) build: Build,

    #[command(flatten)]
    pub(crate) conduct: Conduct,

    /// Open the page of the first failed run in the browser
    #[arg(long)]
    pub(crate) open: bool,

    /// The folder for histories and pages. Default: `lab` in cargo's target folder
    #[arg(short, long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}
