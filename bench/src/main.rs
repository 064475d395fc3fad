//! Measures what the harness costs: a call, a seed, a worker.
//!
//! `cargo run --release -p bench` prints some tables within about a minute. Times are CPU time where
//! nothing else is said, the best of three: a machine that is busy with other things makes them
//! longer, so compare the figures of one run with each other.
//!
//! * [`calls`]: one RPC, by size of the cluster, beside the least that it could cost.
//! * [`seeds`]: whole tests, in the reference's own test binary.

mod calls;
mod seeds;

use std::process::ExitCode;

use comfy_table::Table;
use comfy_table::presets::UTF8_FULL_CONDENSED;

fn main() -> ExitCode {
    println!("CPU time of a call, in ns\n{}\n", calls::table());
    println!("start and end of an empty run: {:.1} µs of CPU time\n", calls::empty_run_us());
    match seeds::tables() {
        Ok(tables) => {
            println!("{tables}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

/// An empty table with these columns.
fn table(columns: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header(columns);
    table
}

/// The best of three.
fn best(mut measure: impl FnMut() -> f64) -> f64 {
    (0..3).map(|_| measure()).fold(f64::INFINITY, f64::min)
}
