//! Your Raft.
//!
//! Read the extended Raft paper first (Ongaro and Ousterhout, "In Search of an Understandable
//! Consensus Algorithm"), and keep its Figure 2 at hand: nearly every sentence of it is a rule that
//! some test needs. Then open `raft.rs`, where everything is that you write. You may split it into
//! as many files as you like; all that the tests know of this crate is [`make`].
//!
//! # The four parts
//!
//! Each place where code is missing says which part it is for.
//!
//! | part | what | paper | first test |
//! | --- | --- | --- | --- |
//! | 3A | elect a leader, and keep it by heartbeats | §5.1, §5.2 | `TestInitialElection3A` |
//! | 3B | replicate the log, commit, apply | §5.3, §5.4 | `TestBasicAgree3B` |
//! | 3C | survive crashes | Figure 2, "Persistent state" | `TestPersist13C` |
//! | 3D | cut the log short by snapshots | §7 | `TestSnapshotBasic3D` |
//!
//! The parts build on each other, and their tests are in that order of difficulty: a test of 3C
//! fails as surely by a bug of 3A.
//!
//! # When a test fails
//!
//! Its first line says what was expected. Below are each server's state, the calls that it is waiting
//! for, what your code has printed, and a `replay` command that repeats the very same run, as often
//! as you like. So print what you want to know (`println!` will do) and replay.
//!
//! # Rules that are not in the paper
//!
//! The documentation of [`raftapi`] numbers what the tester relies on. Code that works in other
//! places mostly comes to grief here over rules 8 and 9 (hold no lock while you wait) and rule 11
//! (wait by `.await` only). The compiler helps with both if the lock is a [`std::sync::Mutex`]: its
//! guard can't be held over an `.await` in a spawned task.

// Some of the skeleton is called by nobody yet. When all of it is, the compiler will ask you to
// delete this line.
#![expect(dead_code, reason = "the skeleton waits for its callers")]

mod raft;

pub use raft::{ExampleArgs, ExampleReply, RequestVoteArgs, RequestVoteReply, make};
