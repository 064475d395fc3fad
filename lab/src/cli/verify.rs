//! The arguments of `cargo lab verify`.

use std::path::PathBuf;

use clap::Args;

use crate::examples;
use crate::exit::VERIFY_EXIT_CODES;

/// Judges a stored history without any of the code under test: is it one that its seed gives?
///
/// The network's part is drawn anew from the seed: what becomes of each message, and when. Of a run that passed, what
/// servers applied and which led is judged, too, and the rules of Raft's that a run can be proven to break. The script
/// isn't run again: that needs a run's whole record, and is what `cargo lab grade` does with some of each submission's runs,
/// and `cargo lab test --judge` with yours.
#[derive(Args, Debug)]
#[command(after_help = examples::with(examples::VERIFY, VERIFY_EXIT_CODES))]
pub(crate) struct Verify {
    /// The history, which a failed test or `cargo lab replay` has stored
    #[arg(value_name = "HISTORY.json")]
    pub(crate) history: PathBuf,
}
