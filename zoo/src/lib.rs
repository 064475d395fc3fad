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
//! | bug | the broken rule | what one sees |
//! | --- | --- | --- |
//! | [`None`](Bug::None) | none | every test passes, with every seed |
//! | [`BlocksOnVotes`](Bug::BlocksOnVotes) | a candidate whose timer fires stands again (§5.2) | `expected one leader, got none`, now and then |
//! | [`WaitsForAllVotes`](Bug::WaitsForAllVotes) | a majority is enough (§5.2) | `expected one leader, got none`, mostly |
//! | [`VotesTwice`](Bug::VotesTwice) | one vote a term (§5.2) | `term … has 2 (>1) leaders`, now and then |
//! | [`NeverAdoptsTerm`](Bug::NeverAdoptsTerm) | a higher term is adopted (§5.1) | `servers disagree on term` |
//! | [`WinsWithHalf`](Bug::WinsWithHalf) | a majority is needed (§5.2) | `expected no leader among connected servers, but … claims to be leader` |
//! | [`NeverIncrementsTerm`](Bug::NeverIncrementsTerm) | each election has a term of its own (§5.1) | `term is 0, but should be at least 1` |
//! | [`TimesOutDespiteHeartbeats`](Bug::TimesOutDespiteHeartbeats) | heartbeats keep the leader (§5.2) | `warning: term changed even though there were no failures` |
//!
//! Each variant of [`Bug`] says more. Section numbers are those of the extended Raft paper.

mod bug;
mod raft;

use std::env;
use std::sync::Arc;

use labrpc::ClientEnd;
use raftapi::{ApplyCh, Persister, Raft};

pub use bug::{Bug, UnknownBug};

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
