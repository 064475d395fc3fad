//! Raft: the reference implementation, and the place for a student's own.
//!
//! Read it beside the extended paper (Ongaro and Ousterhout, "In Search of an Understandable
//! Consensus Algorithm"). Names are those of its Figure 2, and the code cites its sections.
//!
//! # Where each rule of Figure 2 is
//!
//! | rule | place |
//! | --- | --- |
//! | State: `currentTerm`, `votedFor`, role | `state.rs`, `State` |
//! | RequestVote, receiver 1 and 2 | `election.rs`, `Raft::request_vote` |
//! | AppendEntries, receiver 1 | `replication.rs`, `Raft::append_entries` |
//! | All servers 2: adopt a higher term | `state.rs`, `State::observe_term` |
//! | Followers 1: answer requests | the two handlers |
//! | Followers 2: time out, stand for election | `election.rs`, `Raft::tick` |
//! | Candidates 1: start an election | `election.rs`, `Raft::campaign` |
//! | Candidates 2: become leader by a majority | `election.rs`, `Raft::count_vote` |
//! | Candidates 3: follow a new leader | `replication.rs`, `Raft::append_entries` |
//! | Candidates 4: time out, stand again | `election.rs`, `Raft::tick` |
//! | Leaders 1: heartbeats, at once and always | `replication.rs`, `Raft::lead` |
//!
//! # How it runs
//!
//! All state is behind one lock, which is never held across an `.await`. One task ticks: it sleeps
//! until the election deadline and stands for election if nothing has moved the deadline meanwhile.
//! A leader has one more, which sends heartbeats. Each RPC is a task of its own, which handles its
//! reply when that comes, however late. `kill` aborts them all.

mod election;
mod replication;
mod rpc;
mod server;
mod state;

pub use rpc::{AppendEntriesArgs, AppendEntriesReply, RequestVoteArgs, RequestVoteReply};
pub use server::{Raft, make};
