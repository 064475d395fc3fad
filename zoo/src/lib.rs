//! A second, plain Raft with one switch for each known bug: what the tests must tell from a right
//! one.
//!
//! # What it is for
//!
//! Tests of a Raft are worth something if every right Raft passes them and every wrong one fails.
//! This crate has both: with [`Bug::None`] a right Raft, written on its own and in a student's
//! manner, that must never fail; with any other [`Bug`] the same Raft without one rule of the
//! paper. The crate's tests run MIT's scripts on each and say which message catches it, and how
//! often.
//!
//! # Running one bug
//!
//! [`make`] reads the bug from the environment variable `LAB_BUG`:
//!
//! ```sh
//! LAB_BUG=BlocksOnVotes LAB_ITERS=100 cargo test -p zoo TestReElection3A
//! ```
//!
//! The report of a failure, and the command in it that replays the run, are what a student with
//! that bug would see. Without `LAB_BUG` the tests pass. Code that chooses for itself has
//! [`make_with`]:
//!
//! ```
//! use config::{Reliability, Snapshots, make_config};
//! use zoo::Bug;
//!
//! config::test(|t| async move {
//!     let make = zoo::make_with(Bug::None);
//!     let cfg = make_config(&t, 3, Reliability::Reliable, Snapshots::Off, make);
//!     cfg.begin("Example: a leader is elected");
//!     cfg.check_one_leader().await;
//!     cfg.end();
//! });
//! ```
//!
//! # The bugs
//!
//! Each constant of [`Bug`] says what the bug does, which rule it breaks, and what one sees of it. Section
//! numbers are those of the extended Raft paper. How often which test catches it is measured, and is in
//! `docs/zoo.md`. A list of all of them:
//!
//! ```sh
//! cargo run -q -p zoo              # a table
//! cargo run -q -p zoo -- --json    # an object a line, for programs
//! ```
//!
//! The objects also have the rule's own words, the symptom, the findings that name the bug, and its source.
//!
//! # To add a bug
//!
//! Two files of this crate:
//!
//! 1. A row in the file of its family in `src/bug/`: its name, which is the broken rule as a verb phrase;
//!    in the doc comment what it does; part, kind, the rule in a few words, the constant of `rules.rs` that
//!    quotes it, the symptom, the findings that name it, and its source. If no quoted rule fits,
//!    add one to `rules.rs`.
//! 2. A switch in `src/raft/`, at each place where the rule is kept, which for most bugs is one:
//!    `match self.bug { Bug::TheName => …, _ => … }`. With [`Bug::None`] the Raft must draw and await exactly
//!    what it did before.
//!
//! That is all. The test `slice::no_bug_is_left_out` then looks for a run that the bug fails, first among
//! the tests of its part, and fails if there is none. It prints the run, as a line for `tests/zoo/slice.txt`:
//! with the line there, the same run is made each time and nothing is looked for.
//!
//! ```sh
//! cargo test -p zoo no_bug_is_left_out -- --nocapture
//! LAB_BUG=TheName LAB_ITERS=30 cargo test -p zoo TestBackup3B    # to look at its failures
//! ```
//!
//! A row in `tests/zoo/caught/` is optional. It is for a bug whose sentence and line in the script are to
//! stay as they are: a test, a number of seeds, and the failures that you see. To run the new row alone:
//!
//! ```sh
//! ROW=TheName cargo test -p zoo --test zoo caught::
//! ```
//!
//! The crate's tests fail if a row has no switch, if no finding has the name of a cause, and if no run
//! catches a bug that isn't harmless. If a finding explains the bug, add a row to `tests/zoo/explained.rs`.
//!
//! # Bugs that Rust doesn't have
//!
//! Some that are known from the Go lab can't be written here, or not without going out of one's way:
//!
//! * *Entries shared with a request*: in Go a slice of the log that is sent may change while it is
//!   encoded. Here a request owns its entries or borrows the log, and a call has encoded them before
//!   it returns for the first time.
//! * *State that is read without the lock*, such as a role for `GetState` or a term for a log line:
//!   what a mutex guards can't be reached otherwise. What remains is a copy that is out of date,
//!   which [`Bug::SaysItLeadsForEver`] and [`Bug::ReportsTermItLed`] have.
//! * *A return with the lock held*, or a lock that is unlocked twice: a guard unlocks when it goes out
//!   of scope, once. [`Bug::KeepsLockWhenKilled`] has to forget its guard on purpose.
//! * *A std mutex held while a task waits*: its guard can't be sent to another thread, so that such a
//!   task can't be spawned. [`Bug::HoldsLockDuringCalls`] and [`Bug::HoldsLockWhileApplying`] use
//!   tokio's mutex, and [`Bug::BlocksThreadWhileApplying`] blocks its thread, which compiles.
//! * *A channel that is closed while somebody sends*: a sender doesn't close. If the receiver is gone,
//!   sending ends, and nothing panics.
//! * *Fields of an old reply that stay*, because gob leaves out zeros, and *fields in lower case* that
//!   it doesn't send at all: decoding makes a whole value or fails. A reply that is kept in a variable
//!   and used again is [`Bug::ReusesReply`].
//! * *A loop's variable that all its goroutines share*: each turn of a loop has a variable of its own,
//!   which a task takes with it.
//! * *A service that has its own lock while it calls a Raft that waits for the service*: the tester's
//!   service calls nothing but `snapshot`, with no lock. What a Raft can contribute is in
//!   [`Bug::HoldsLockWhileApplying`] and [`Bug::BlocksUntilCommitted`].

mod bug;
mod raft;

use std::env;
use std::sync::Arc;

use labrpc::ClientEnd;
use raftapi::{ApplyCh, Persister, Raft};

pub use bug::{Bug, Kind, Part, Rule, UnknownBug};

/// The environment variable that names the bug.
const LAB_BUG: &str = "LAB_BUG";

/// Makes a server with the bug that `LAB_BUG` names; a right one if the variable isn't set.
///
/// # Panics
/// If `LAB_BUG` names no bug. The message lists those that there are.
#[must_use]
pub fn make(
    peers: Vec<ClientEnd>,
    me: usize,
    persister: Arc<Persister>,
    apply_ch: ApplyCh,
) -> Arc<dyn Raft> {
    make_with(bug_from_env())(peers, me, persister, apply_ch)
}

/// A function like [`make`] whose servers have `bug`, whatever the environment says.
pub fn make_with(
    bug: Bug,
) -> impl Fn(Vec<ClientEnd>, usize, Arc<Persister>, ApplyCh) -> Arc<dyn Raft> + Copy + Send + Sync {
    move |peers, me, persister, apply_ch| raft::Raft::make(peers, me, persister, apply_ch, bug)
}

fn bug_from_env() -> Bug {
    let Some(name) = env::var_os(LAB_BUG) else { return Bug::None };
    match name.to_string_lossy().parse() {
        Ok(bug) => bug,
        Err(error) => panic!("failed to read {LAB_BUG}: {error}"),
    }
}
