//! The program `cargo lab`: makes a student's workspace, runs tests many times, and shows single runs.
//!
//! It knows no Raft and no tester. It asks cargo for a package's test binaries, runs them with the
//! `LAB_…` variables that the tests understand, and reads the `results.jsonl` that they write. So it
//! works for any package whose tests are built on the harness.
//!
//! * `cargo lab new` is in `create`, `cargo lab upgrade` in `upgrade`; `layout` is what a workspace consists of, and
//!   `written` what one was given.
//! * `cargo lab test` is in `repeat`, which builds and chooses tests by `suite`, runs them by `runs`,
//!   each process by `process`, reads what that leaves by `results`, counts in `tally`, and shows what it
//!   knows by `progress` and `table`.
//! * `cargo lab explore` is in `explore`.
//! * `cargo lab replay` and `cargo lab explain` are in `replay`. `pages` draws runs.
//! * `cargo lab watch` is in `watch`, and its parts in a folder of that name.
//! * `cargo lab logs` is in `logs`.
//! * `cargo lab verify` is in `verify`, whose `network` draws anew what became of messages.
//! * `cargo lab why` is in `why`, and its parts in a folder of that name.
//! * `cargo lab zoo` is in `zoo`, and its parts in a folder of that name.
//! * `cargo lab mutants` is in `mutants`, likewise. What both store is in files of `stored`; `first_cause` is what a
//!   failed run says first.
//! * All that is printed goes through `output`; `stop` notes requests to stop.
//! * [`exit::Exit`] are the exit codes. Scripts may rely on them. `examples` are those of `--help`.

mod adapter;
mod cargo;
mod cli;
mod course;
mod create;
mod error;
mod examples;
mod exit;
mod explore;
mod first_cause;
mod grade;
mod judge;
mod layout;
mod leftovers;
mod logs;
mod merge;
mod mutants;
mod output;
mod pages;
mod paint;
mod process;
mod progress;
mod record;
mod reference;
mod repeat;
mod replay;
mod results;
mod runs;
mod sample;
mod seeding;
mod shard;
mod sheet;
mod standing;
mod statistics;
mod stop;
mod stored;
mod suite;
mod table;
mod tally;
mod upgrade;
mod verify;
mod watch;
mod why;
mod written;
mod zoo;

use std::env;
use std::io::{self, Write as _};
use std::process::ExitCode;

use children::settings;
use clap::error::ErrorKind;
use clap::{CommandFactory as _, FromArgMatches as _};

use crate::cli::{Cli, Command};
use crate::exit::Exit;

fn main() -> ExitCode {
    let parsed = cli::narrow(Cli::command()).try_get_matches();
    let cli = match parsed.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => {
            let is_error = error.use_stderr();
            let printed = error.print().and_then(|()| io::stdout().flush());
            if !is_error {
                output::note(printed);
            }
            if error.kind() == ErrorKind::ValueValidation {
                // Some options take their value from there.
                for name in [settings::ITERS, settings::JOBS, settings::SEED, settings::CALL] {
                    if let Ok(value) = env::var(name) {
                        output::tell(&format!("note: the environment has {name}={value:?}"));
                    }
                }
            }
            return end(if is_error { Exit::Usage } else { Exit::Passed });
        }
    };
    if let Command::Explain(_) | Command::Replay(_) | Command::Watch(_) | Command::Why(_) =
        cli.command
    {
        children::terminal_columns().into_iter().for_each(report::text::write_for);
    }
    let outcome = match cli.command {
        Command::New(asked) => create::create(&asked),
        Command::Upgrade(asked) => upgrade::upgrade(&asked),
        Command::Test(test) => repeat::repeat(&test),
        Command::Watch(asked) => watch::watch(&asked),
        Command::Grade(asked) => grade::grade(&asked),
        Command::Merge(asked) => merge::merge(&asked),
        Command::Replay(asked) => replay::replay(&asked),
        Command::Why(asked) => why::why(&asked),
        Command::Explain(asked) => replay::explain(&asked),
        Command::Logs(asked) => logs::logs(&asked),
        Command::Verify(asked) => verify::run(&asked),
        Command::Explore(asked) => explore::explore(&asked),
        Command::Zoo(asked) => zoo::zoo(&asked),
        Command::Mutants(asked) => mutants::mutants(&asked),
    };
    match outcome {
        Ok(exit) => end(exit),
        Err(error) => {
            if let Some(exit) = error.stopped() {
                output::tell("interrupted");
                return exit.into();
            }
            output::tell(&format!("error: {error}"));
            error.exit().into()
        }
    }
}

/// How the program ends when a command has. What couldn't be printed is as good as not found.
fn end(exit: Exit) -> ExitCode {
    match output::failure() {
        // After a hang-up there is no terminal to print to.
        Some(error) if stop::exit().is_none() => {
            output::tell(&format!("error: failed to print to standard output: {error}"));
            Exit::Tester.into()
        }
        _ => exit.into(),
    }
}
