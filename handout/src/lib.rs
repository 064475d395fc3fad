//! Your Raft.
//!
//! Read the extended Raft paper first (Ongaro and Ousterhout, "In Search of an Understandable
//! Consensus Algorithm"), and keep its Figure 2 at hand: nearly every sentence of it is a rule that
//! some test needs. Then open `raft.rs`: your code goes there. You may split it into as many files as
//! you like. The tests use only [`make`].
//!
//! # The four parts
//!
//! Where code is missing, a comment says for which part.
//!
//! | part | what | paper | first test |
//! | --- | --- | --- | --- |
//! | 3A | elect a leader, and keep it by heartbeats | §5.1, §5.2 | `TestInitialElection3A` |
//! | 3B | replicate the log, commit, apply | §5.3, §5.4 | `TestBasicAgree3B` |
//! | 3C | survive crashes | Figure 2, "Persistent state" | `TestPersist13C` |
//! | 3D | cut the log short by snapshots | §7 | `TestSnapshotBasic3D` |
//!
//! Each part needs the parts before it: a bug of 3A makes tests of 3C fail, too.
//!
//! The guide goes in fifteen smaller steps, each with a test of its own. The first is
//! `cargo test TestStep01`. The guide is in the folder `guide/src` of the harness.
//!
//! # When a test fails
//!
//! The report's first line says what was expected. Below it are each server's state, the calls that it
//! waits for, why the run failed, and what your code printed. The `replay` command repeats this very run,
//! as often as you like. So print what you want to know (`println!` will do) and replay.
//!
//! `unit.rs` has tests of single handlers, such as the logs of Figure 7, for you to switch on and to add to.
//!
//! # Rules that are not in the paper
//!
//! The documentation of [`raftapi`] has twelve numbered rules. Three of them surprise people: rules 8 and 9
//! (hold no lock while you wait), and rule 11 (wait by `.await` only). For rules 8 and 9 the compiler
//! helps, if the lock is a [`std::sync::Mutex`]: a spawned task can't hold its guard over an `.await`.

// Nobody calls some parts of the skeleton yet. When all are called, the compiler asks you to delete this
// line.
#![expect(dead_code, reason = "the skeleton waits for its callers")]

mod raft;
#[cfg(test)]
mod unit;

pub use raft::{ExampleArgs, ExampleReply, RequestVoteArgs, RequestVoteReply, make};
