//! The arguments of `cargo lab verify`.

use std::path::PathBuf;

use clap::Args;

use crate::examples;
use crate::exit::VERIFY_EXIT_CODES;

/// Checks a stored history without running the code under test: could its seed have produced it?
///
/// Computes from the seed what the network must have done: which messages arrive, and when. If the run passed, also
/// checks which servers led, what they applied, and the rules of Raft that a history can prove broken. It doesn't run
/// the test script again, because that needs a longer record: `cargo lab test --judge` makes such records of your runs,
/// and `cargo lab grade` makes them of some runs of each submission.
#[derive(Args, Debug)]
#[command(after_help = examples::with(examples::VERIFY, VERIFY_EXIT_CODES))]
pub(crate) struct Verify {
    /// The history that a failed test or `cargo lab replay` has stored
    #[arg(value_name = "HISTORY.json")]
    pub(crate) history: PathBuf,
}
