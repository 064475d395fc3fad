//! Raft: the reference implementation, and the place for a student's own.
//!
//! Read it beside the extended paper (Ongaro and Ousterhout, "In Search of an Understandable
//! Consensus Algorithm"). Names are those of its Figure 2, and the code cites its sections.
//!
//! # Where each rule of Figures 2 and 13 is
//!
//! | rule | place |
//! | --- | --- |
//! | State, persistent and volatile | `state.rs`, `State`; `log.rs`, `Log` |
//! | what is saved, and restored | `persist.rs`; `State::save` before anybody can learn of a change |
//! | RequestVote, receiver 1 and 2 | `election.rs`, `State::vote` |
//! | AppendEntries, receiver 1, 2 and 5 | `replication.rs`, `Raft::append_entries`, `State::conflict_at` |
//! | AppendEntries, receiver 3 and 4 | `replication.rs`, `State::append_new` |
//! | InstallSnapshot, receiver 1 and 5 to 8 (there are no chunks) | `snapshot.rs`, `Raft::install_snapshot` |
//! | All servers 1: apply what is committed | `apply.rs`, `Raft::apply` |
//! | All servers 2: adopt a higher term | `state.rs`, `State::observe_term`, `State::adopt_term` |
//! | Followers 1: answer requests | the three handlers |
//! | Followers 2: time out, start an election | `election.rs`, `Raft::tick` |
//! | Candidates 1: start an election | `state.rs`, `State::start_election`; `election.rs`, `Raft::campaign` |
//! | Candidates 2: become leader by a majority | `state.rs`, `State::count_vote` |
//! | Candidates 3: follow a new leader | `replication.rs`, `State::follow_leader` |
//! | Candidates 4: time out, start another election | `election.rs`, `Raft::tick` |
//! | Leaders 1: heartbeats, at once and always | `replication.rs`, `Raft::replicate` |
//! | Leaders 2: take a command | `state.rs`, `State::append_command` |
//! | Leaders 3: send entries, learn what followers have | `replication.rs`, `Raft::send`, `Raft::take_answer` |
//! | Leaders 3, on failure: back up, a term at a time (end of §5.3) | `replication.rs`, `State::back_up`; `progress.rs`, `Progress::refused` |
//! | Leaders 4: commit what a majority has, of the own term (§5.4.2) | `state.rs`, `State::advance_commit_index` |
//! | a service's snapshot replaces the log's beginning (§7) | `snapshot.rs`, `State::take_snapshot` |
//!
//! # How it runs
//!
//! All state is behind one lock, which is never held across an `.await`. A few tasks share it:
//!
//! * one ticks: it sleeps until the election deadline and starts an election if nothing has moved
//!   the deadline meanwhile;
//! * an election is a task, which ends with it;
//! * a leader has one for each follower, which owns its calls and learns from each answer, however
//!   late;
//! * one applies. It holds no lock while it sends.
//!
//! `kill` aborts them all.

mod apply;
mod election;
mod log;
mod persist;
mod progress;
mod replication;
mod rpc;
mod server;
mod snapshot;
mod state;
#[cfg(test)]
mod tests;

pub use log::Entry;
pub use rpc::{
    AppendEntriesArgs, AppendEntriesReply, Conflict, InstallSnapshotArgs, InstallSnapshotReply,
    RequestVoteArgs, RequestVoteReply,
};
pub use server::{Raft, make};
