//! How often foreign Rafts fail the lab's tests: measures it, and writes PRODUCTION.md.
//!
//! ```sh
//! cd adapters/production
//! cargo run -- measure            # all campaigns; minutes to an hour
//! cargo run -- measure P1 P4      # those of two bugs
//! cargo run -- share              # whose CPU time it is, by the profiler perf
//! cargo run -- report             # writes ../PRODUCTION.md from what is stored
//! ```
//!
//! What was measured is stored in `results.jsonl`, a line for each campaign and test. A campaign that is measured
//! again takes the place of what was stored of it.

mod campaigns;
mod exempt;
mod measure;
mod report;
mod right;
mod share;
mod stored;

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Measures foreign Rafts in the lab, and writes PRODUCTION.md
///
/// Exit codes: 0, done; 1, something failed, and the message says what.
#[derive(Debug, Parser)]
#[command(name = "production")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs campaigns and stores what comes of them
    Measure {
        /// The bugs whose campaigns are run, such as P1; for right Rafts `right` (MIT's tests), `extra` or
        /// `explored`; all if there is none
        names: Vec<String>,
        /// The only adapter that is measured, by its folder
        #[arg(short, long)]
        peer: Option<String>,
        /// The runs of each test, in place of the campaign's own number
        #[arg(short = 'n', long)]
        seeds: Option<u64>,
    },
    /// Finds by `perf` which share of the CPU time is the lab's, for each crate with all its fixes
    Share {
        /// The only adapter that is looked at, by its folder
        #[arg(short, long)]
        peer: Option<String>,
    },
    /// Writes PRODUCTION.md from what is stored
    Report,
}

/// Why it didn't work.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("failed to {verb} {}: {error}", path.display())]
    File { verb: &'static str, path: PathBuf, error: io::Error },
    #[error("failed to read {} line {line}: {error}", path.display())]
    Stored { path: PathBuf, line: usize, error: serde_json::Error },
    #[error("failed to run {program}: {error}; is it installed?")]
    Start { program: String, error: io::Error },
    #[error("the tests of {peer} with the patches `{patches}` don't build:\n{output}")]
    Build { peer: &'static str, patches: &'static str, output: String },
    #[error("{test} of {peer} made {made} of {asked} runs:\n{output}")]
    Runs { test: String, peer: &'static str, made: u64, asked: u64, output: String },
    #[error("perf has no samples of the lab, the adapter or the crate:\n{0}")]
    NoSamples(String),
    #[error("there is no campaign {0}; write one of {1}")]
    NoCampaign(String, String),
}

impl Error {
    /// Something that failed with a file.
    fn file(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
        move |error| Error::File { verb, path: path.to_owned(), error }
    }
}

/// The folder of the adapters.
fn adapters() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Measure { names, peer, seeds } => measure::measure(&names, peer.as_deref(), seeds),
        Command::Share { peer } => campaigns::fixed()
            .filter(|campaign| peer.as_ref().is_none_or(|peer| campaign.peer == peer))
            .try_for_each(share::measure),
        Command::Report => report::write(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
