//! Raft: the reference implementation, and the place for a student's own.
//!
//! Read it beside the extended paper (Ongaro and Ousterhout, "In Search of an Understandable
//! Consensus Algorithm"). Names are those of its Figure 2, and the code cites its sections.
//!
//! # Where each rule of Figures 2 and 13 is
//!
//! Every function stands beside the rules that it has a part in; `Contract` is the list in `raftapi`. A
//! test holds the table to the code, and `cargo lab mutants` judges explanations by it.
//!
//! | rule | functions |
//! | --- | --- |
//! | Persistent state: saved before anybody can learn of a change; restored | `State::save`, `State::new`, `State::observe_term`, `State::vote`, `State::append_new`, `encode`, `Saved::read`, `Log::new`, `Log::encoded`, `Log::append`, `Log::truncate`, `Log::compact`, `Encoded::push`, `Encoded::cut_front`, `Encoded::cut_back`, `Encoded::parts` |
//! | Volatile state: begins anew with each start | `State::new` |
//! | RequestVote 1: refuse a lower term | `Raft::request_vote`, `State::vote` |
//! | RequestVote 2: one vote a term, for a log that is up-to-date | `Raft::request_vote`, `State::vote`, `Log::last_term`, `Log::last_index` |
//! | AppendEntries 1: refuse a lower term | `Raft::append_entries` |
//! | AppendEntries 2: refuse what the log doesn't match | `Raft::append_entries`, `State::conflict_at`, `Log::term_at` |
//! | AppendEntries 3: delete what conflicts | `State::append_new`, `Log::truncate`, `Log::term_at`, `Log::offset` |
//! | AppendEntries 4: append what is new | `State::append_new`, `Log::append` |
//! | AppendEntries 5: commit what the leader has committed | `Raft::append_entries` |
//! | InstallSnapshot 1: refuse a lower term | `Raft::install_snapshot` |
//! | InstallSnapshot 5: save the snapshot (there are no chunks, so no 2 to 4) | `Raft::install_snapshot` |
//! | InstallSnapshot 6: keep what follows the snapshot | `Raft::install_snapshot`, `Log::compact`, `Log::term_at` |
//! | InstallSnapshot 7: discard another's log | `Raft::install_snapshot`, `Log::new` |
//! | InstallSnapshot 8: the service gets the snapshot | `Raft::install_snapshot`, `State::messages_to_apply` |
//! | All Servers 1: apply what is committed | `Raft::apply`, `State::messages_to_apply`, `Log::commands`, `Log::offset` |
//! | All Servers 2: adopt a higher term, and follow | `State::observe_term`, `State::adopt_term`, `State::follow`, `State::vote` |
//! | Followers 1: answer requests | `Raft::service`, `Raft::request_vote`, `Raft::append_entries`, `Raft::install_snapshot` |
//! | Followers 2: time out, start an election | `Raft::tick`, `Raft::spawn`, `State::reset_election_timer`, `State::follow_leader`, `State::vote` |
//! | Election timeout: drawn anew each time (§5.2) | `State::reset_election_timer`, `new_deadline` |
//! | Candidates 1: start an election | `State::start_election`, `Raft::campaign`, `Raft::others`, `Raft::spawn` |
//! | Candidates 2: become leader by a majority | `State::count_vote`, `Raft::campaign`, `State::leads` |
//! | Candidates 3: follow a new leader | `State::follow_leader`, `State::follow` |
//! | Candidates 4: time out, start another election | `Raft::tick` |
//! | Leaders 1: heartbeats, at once and always | `Raft::lead`, `Raft::replicate`, `Raft::take_answer`, `Raft::others`, `Raft::spawn`, `State::leads` |
//! | Leaders 2: take a command | `Raft::start`, `State::append_command`, `Log::append`, `Log::last_index` |
//! | Leaders 3: send entries, learn what followers have, back up | `Raft::send`, `Raft::send_entries`, `Raft::send_more`, `Raft::replicate`, `Raft::take_answer`, `Raft::others`, `State::back_up`, `State::leads`, `Progress::new`, `Progress::next_index`, `Progress::match_index`, `Progress::acknowledged`, `Progress::refused`, `Log::entries_from`, `Log::offset`, `Log::term_at`, `Log::last_index` |
//! | Leaders 4: commit what a majority has, of the own term (§5.4.2) | `State::advance_commit_index`, `Progress::match_index`, `Raft::take_answer`, `Log::term_at` |
//! | Fast backup: go back a term at a time (end of §5.3) | `State::conflict_at`, `State::back_up`, `Progress::refused`, `Log::first_index_of_term_at`, `Log::last_index_of_term` |
//! | Snapshots: the service's snapshot replaces the log's beginning (§7) | `Raft::snapshot`, `State::take_snapshot`, `Raft::send`, `Raft::send_snapshot`, `Log::compact`, `Log::base_index`, `Log::base_term`, `Log::offset` |
//! | Contract 1: a server is made, and its tasks run | `make`, `Raft::spawn` |
//! | Contract 2: `start` returns at once | `Raft::start` |
//! | Contract 4: what a server says of itself | `Raft::get_state`, `Raft::debug_state` |
//! | Contract 9: no lock is held while waiting | `Raft::state` |
//! | Contract 12: a killed server ends | `Raft::kill` |
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
mod encoded;
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
#[cfg(test)]
mod unit;

pub use log::Entry;
pub use rpc::{
    AppendEntriesArgs, AppendEntriesReply, Conflict, InstallSnapshotArgs, InstallSnapshotReply,
    RequestVoteArgs, RequestVoteReply,
};
pub use server::{Raft, make};
