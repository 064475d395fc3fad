//! The arguments of `cargo lab watch`.

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;

use children::settings;
use clap::Args;

use super::{Build, Conduct};
use crate::examples;
use crate::exit::WATCH_EXIT_CODES;

/// On each save, builds and runs the tests until the first failure, and says why it failed
///
/// Tests are run one after the other, each with N seeds, as long as they pass. The first run that fails ends the round:
/// its finding is shown, its history is stored, and its page is drawn. `latest.html` in the folder of histories is
/// always the newest page. Then it waits for the next save.
///
/// On a terminal, keys do more: h shows the next hint (the rule, where to look, what was seen), r the whole report, p
/// opens the page, Enter runs again with fresh seeds, and q ends. Elsewhere all hints are printed at once.
#[derive(Args, Debug)]
#[command(after_help = examples::with(examples::WATCH, WATCH_EXIT_CODES))]
pub(crate) struct Watch {
    /// Which tests: a part (3A), a name, or any piece of one. All tests without it
    #[arg(value_name = "FILTER")]
    pub(crate) filters: Vec<String>,

    /// How often each test is run
    #[arg(short = 'n', long, value_name = "N", env = settings::ITERS, default_value = "30")]
    pub(crate) iterations: NonZeroU64,

    /// How many runs to make at the same time. Default: the number of cores
    #[arg(short, long, value_name = "J", env = settings::JOBS)]
    pub(crate) jobs: Option<NonZeroUsize>,

    /// The seed of each test's first run, in each round; the other runs take the seeds that follow. Default: fresh
    /// seeds, and those that have failed first
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
