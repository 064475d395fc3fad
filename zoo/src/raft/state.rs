//! What a server knows: Figure 2, "State".

use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use raftapi::{Index, Role, Term};
use rand::RngExt as _;
use tokio::time::Instant;

use super::log::Log;
use super::replication::Followers;

/// How long a server waits for its leader, or for its election, before it starts another one; in
/// ms. Drawn anew each time, so that split votes are rare (§5.2).
const ELECTION_TIMEOUT_MS: Range<u64> = 300..600;

/// Everything that the mutex guards.
pub(super) struct State {
    // Saved before it is answered to.
    pub(super) current_term: Term,
    pub(super) voted_for: Option<usize>,
    pub(super) log: Log,
    /// The snapshot that stands for the log's beginning; empty without one.
    pub(super) snapshot: Bytes,

    // Lost in a crash.
    pub(super) commit_index: Index,
    pub(super) last_applied: Index,
    pub(super) role: Role,
    /// When the election timer fires. A leader's means nothing.
    pub(super) election_deadline: Instant,
    /// The votes of this server's latest election, its own included.
    pub(super) votes: usize,
    /// What a leader knows of the others, made anew at its election.
    pub(super) followers: Followers,
}

impl State {
    pub(super) fn reset_election_timer(&mut self) {
        self.election_deadline = Instant::now() + election_timeout();
    }

    /// Whether this server still leads `term`.
    pub(super) fn leads(&self, term: Term) -> bool {
        self.role == Role::Leader && self.current_term == term
    }
}

pub(super) fn election_timeout() -> Duration {
    Duration::from_millis(rand::rng().random_range(ELECTION_TIMEOUT_MS))
}
