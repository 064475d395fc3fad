//! Measures what the harness costs: a call, a run, a test, a worker.
//!
//! ```text
//! cargo run --release -p bench
//! ```
//!
//! prints a few tables within some minutes; `--quick` takes a fifth of the time and scatters more,
//! and naming parts (`calls`, `runs`, …) measures only these.
//!
//! * [`calls`]: the CPU time of one RPC, by the size of the cluster and on both kinds of network,
//!   beside its *floor*: to encode and decode what it carries and to wait in a heap for its turn,
//!   which no network with these properties can do without.
//! * [`runs`]: whole runs of the reference Raft within this process: what it costs to begin and end
//!   one, and what share goes into recording it and holding it against the rules.
//! * [`tests`]: the tests of part 3A, run as a user runs them, by one worker and by two, beside what
//!   MadRaft's tests of the same name cost.
//! * [`pass`]: all 28 tests, each by itself and all together; and all together on a Raft as many students write it
//!   (`bench/tests/student`).
//! * [`sizes`]: the reference Raft in clusters of up to 101 servers.
//! * [`memory`]: whether a worker grows while it runs one seed after another.
//! * [`replay`]: whether the same seed is the same run in other processes, beside other tests, and
//!   in debug builds.
//!
//! `cargo run --release -p bench compare CHECKOUT` measures each of the 28 tests here and in another checkout,
//! in turns ([`compare`]). `cargo run --release -p bench build` measures a first build, crate by crate, and an edit
//! after it ([`build`]).
//!
//! `cargo run --release -p bench grade` measures what the protection of graders costs ([`grade`]).
//!
//! Everything but seeds a second is CPU time, and the best of several measurements that alternate
//! with those it is compared with: other load on the machine makes all of them longer, but it makes
//! ratios much less wrong. Compare figures of one run with each other.

mod binary;
mod build;
mod calls;
mod compare;
mod grade;
mod memory;
mod pass;
mod replay;
mod runs;
mod sizes;
mod stopwatch;
mod tests;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};

use crate::binary::{Binary, Profile};

/// Measures what the harness costs.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Options {
    #[command(subcommand)]
    other: Option<Other>,
    /// Measure less often: faster, and less exact
    #[arg(long)]
    quick: bool,
    /// What to measure; everything, unless some are named
    parts: Vec<Part>,
}

/// What is measured only if it is asked for.
#[derive(Debug, Subcommand)]
enum Other {
    /// Each test here and in another checkout, in turns
    Compare {
        /// Measure less often: faster, and less exact
        #[arg(long)]
        quick: bool,
        /// The other checkout's folder
        checkout: PathBuf,
    },
    /// A first build of the last commit, crate by crate, and an edit after it
    Build,
    /// Runs a second by `cargo lab test --strict` and by `cargo lab grade`, in turns
    Grade {
        /// Measure less often: faster, and less exact
        #[arg(long)]
        quick: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum Part {
    /// One RPC, beside its floor
    Calls,
    /// Whole runs: their beginning and end, their record, and the rules
    Runs,
    /// The tests of part 3A, seed by seed
    Tests,
    /// All 28 tests
    Pass,
    /// Clusters of up to 101 servers
    Sizes,
    /// The size of a worker
    Memory,
    /// Whether the same seed is the same run
    Replay,
}

/// How long to measure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Effort {
    /// A few seconds.
    Quick,
    /// As the crate's documentation says.
    Full,
}

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    if let Some(code) = build::wrap_rustc() {
        return code;
    }
    let options = Options::parse();
    let effort = |quick| if quick { Effort::Quick } else { Effort::Full };
    let measured = match options.other {
        Some(Other::Compare { quick, checkout }) => compare::table(effort(quick), &checkout)
            .map(|table| println!("A test: ms of CPU time for a seed\n{table}")),
        Some(Other::Build) => {
            build::tables().map(|[whole, crates]| println!("{whole}\n\nThe first build\n{crates}"))
        }
        Some(Other::Grade { quick }) => grade::table(effort(quick))
            .map(|table| println!("Runs a second of real time, one at a time\n{table}")),
        None => measure(effort(options.quick), &options.parts),
    };
    match measured {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(effort: Effort, parts: &[Part]) -> Result<()> {
    let wanted = |part| parts.is_empty() || parts.contains(&part);
    if wanted(Part::Replay) {
        println!(
            "A seed: how many of its runs differ from the first\n{}\n",
            replay::table(effort)?
        );
    }
    if wanted(Part::Calls) {
        println!("A call: ns of CPU time\n{}\n", calls::table(effort));
    }
    if wanted(Part::Runs) {
        println!("A run: µs of CPU time\n{}\n", runs::table(effort));
    }
    if wanted(Part::Sizes) {
        println!("A cluster that elects a leader and agrees on 100 commands");
        println!("{}\n", sizes::table(effort));
    }
    if ![Part::Tests, Part::Pass, Part::Memory].into_iter().any(wanted) {
        return Ok(());
    }
    let binary = Binary::reference(Profile::Release)?;
    if wanted(Part::Tests) {
        println!("A test: ms of CPU time for a seed, and seeds a second of real time");
        println!("{}\n{}\n", tests::table(effort, &binary)?, tests::ABOUT_MADRAFT);
    }
    if wanted(Part::Pass) {
        println!("A pass: each test by itself, means for a seed");
        println!("{}\n", pass::table(effort, &binary)?);
        println!("A pass: all tests together, and passes a second of real time");
        println!("{}\n", pass::together(effort, &binary)?);
    }
    if wanted(Part::Memory) {
        println!("A worker: resident size\n{}", memory::table(effort, &binary)?);
    }
    Ok(())
}

/// An empty table with these columns: words in the first `words`, numbers in the others.
fn table(words: usize, columns: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header(columns);
    for column in table.column_iter_mut().skip(words) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// A share, in per cent.
fn percent(part: f64, whole: f64) -> String {
    format!("{:.0} %", 100.0 * part / whole)
}

#[cfg(test)]
mod smoke {
    use super::*;

    #[test]
    fn what_needs_no_other_binary_is_measured() {
        measure(Effort::Quick, &[Part::Calls, Part::Runs, Part::Sizes]).unwrap();
    }

    #[test]
    fn the_options_are_consistent() {
        use clap::CommandFactory as _;
        Options::command().debug_assert();
    }
}
