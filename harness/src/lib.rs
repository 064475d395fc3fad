//! From a `#[test]` function to runs and results: the runner, which knows no Raft.
//!
//! A test is a plain `#[test]` function that hands its script to [`test()`]. The script runs once for each
//! seed that the [`Settings`] ask for, in child processes, by virtual time unless it is told otherwise; the
//! test fails with the report of the first run that fails.
//!
//! * [`T`] is one run of a test, as Go's `testing.T`: what a script, and whoever takes part in its run, tells
//!   of it.
//! * [`Participants`] take part in a run: a cluster of servers. The runner asks them what they are when a run
//!   has failed, and lets them go when it is over.
//! * What comes of a run is a [`report::RunResult`]; what happened in it, a [`report::History`].

mod blame;
mod call;
mod caller;
mod children;
mod confirm;
mod determinism;
mod diagnosis;
mod listen;
mod name;
mod overdue;
mod run;
mod settings;
mod source;
mod store;
mod summary;
mod t;
mod test;
mod trace;
mod variables;
mod vary;

pub use blame::misused;
pub use caller::caller;
pub use settings::{Report, Settings, SettingsError};
pub use source::shown_line;
pub use t::{Participants, T};
pub use test::{leave_out_own_lines, test, test_with_seed, unit_test};
pub use variables::{Owner, VARIABLES, Variable};
