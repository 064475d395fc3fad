//! The program `cargo lab`: makes a student's workspace, runs tests many times, and shows single runs.
//!
//! It knows no Raft and no tester. It asks cargo for a package's test binaries, runs them with the
//! `LAB_…` variables that the tests understand, and reads the `results.jsonl` that they write. So it
//! works for any package whose tests are built on the harness.
//!
//! * `cargo lab new` is in `create`.
//! * `cargo lab test` is in `repeat`, which builds and chooses tests by `suite`, runs them by `runs`,
//!   each process by `process`, counts in `tally`, and shows what it knows by `progress` and `table`.
//! * `cargo lab explore` is in `explore`.
//! * `cargo lab replay` and `cargo lab explain` are in `replay`.
//! * `cargo lab zoo` is in `zoo`, and its parts in a folder of that name.
//! * [`exit::Exit`] are the exit codes. Scripts may rely on them.

mod cargo;
mod cli;
mod create;
mod error;
mod exit;
mod explore;
mod paint;
mod process;
mod progress;
mod repeat;
mod replay;
mod runs;
mod suite;
mod table;
mod tally;
mod zoo;

use std::env;
use std::process::ExitCode;

use clap::Parser as _;
use clap::error::ErrorKind;

use crate::cli::{Cli, Command};
use crate::exit::Exit;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // A closed pipe is no reason to say more.
            let _ = error.print();
            let is_error = error.use_stderr();
            if error.kind() == ErrorKind::ValueValidation {
                // Some options take their value from there.
                for name in ["LAB_ITERS", "LAB_JOBS", "LAB_SEED"] {
                    if let Ok(value) = env::var(name) {
                        eprintln!("note: the environment has {name}={value:?}");
                    }
                }
            }
            return if is_error { Exit::Usage } else { Exit::Passed }.into();
        }
    };
    let outcome = match cli.command {
        Command::New(new) => create::create(&new.dir),
        Command::Test(test) => repeat::repeat(&test),
        Command::Replay(asked) => replay::replay(&asked),
        Command::Explain(asked) => replay::explain(&asked),
        Command::Explore(asked) => explore::explore(&asked),
        Command::Zoo(asked) => zoo::zoo(&asked),
    };
    match outcome {
        Ok(exit) => exit.into(),
        Err(error) => {
            eprintln!("error: {error}");
            error.exit().into()
        }
    }
}
