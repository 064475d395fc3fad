//! What a server knows (Figure 2, "State"), and the ways in which its role changes (Figure 4).

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;

use raftapi::{Role, Term};
use rand::RngExt as _;
use tokio::time::Instant;
use tracing::debug;

/// How long a server waits for a leader's or a candidate's word before it stands itself, in ms
/// (§5.2). The paper's 150 to 300 ms would leave no room: the lab allows few heartbeats a second.
pub(crate) const ELECTION_TIMEOUT_MS: Range<u64> = 300..600;

/// A server's state; always behind the server's lock.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) me: usize,
    pub(crate) role: Role,
    pub(crate) current_term: Term,
    pub(crate) voted_for: Option<usize>,
    /// Who has voted for this server in its current term; empty unless it is a candidate.
    votes: BTreeSet<usize>,
    /// When this server stands for election unless it hears from somebody before.
    pub(crate) election_deadline: Instant,
}

impl State {
    /// A server that has just come to life.
    pub(crate) fn new(me: usize) -> State {
        State {
            me,
            role: Role::Follower,
            current_term: 0,
            voted_for: None,
            votes: BTreeSet::new(),
            election_deadline: new_deadline(),
        }
    }

    /// The timer starts anew: with a timeout of its own each time, so that split votes are rare
    /// (§5.2).
    pub(crate) fn reset_election_timer(&mut self) {
        self.election_deadline = new_deadline();
    }

    /// All servers, rule 2: whoever sees a higher term adopts it and follows (§5.1). Nobody has the
    /// vote of the new term yet. The timer goes on: only a leader's word or a vote given resets it.
    pub(crate) fn observe_term(&mut self, term: Term) {
        if term > self.current_term {
            debug!(me = self.me, term, was = ?self.role, "sees a higher term");
            self.current_term = term;
            self.voted_for = None;
            self.follow();
        }
    }

    /// A candidate or a leader gives up; it keeps its term and its vote.
    pub(crate) fn follow(&mut self) {
        self.role = Role::Follower;
        self.votes.clear();
    }

    /// Candidates, rule 1: a new term, a vote for itself, a new timeout (§5.2).
    pub(crate) fn stand(&mut self) {
        self.current_term += 1;
        self.role = Role::Candidate;
        self.voted_for = Some(self.me);
        self.votes = BTreeSet::from([self.me]);
        self.reset_election_timer();
        debug!(me = self.me, term = self.current_term, "stands for election");
    }

    /// Candidates, rule 2: counts a vote, and tells whether it makes this server the leader of a
    /// cluster of `servers` (§5.2).
    pub(crate) fn is_elected_by(&mut self, voter: usize, servers: usize) -> bool {
        assert_eq!(self.role, Role::Candidate, "server {} counts votes only as candidate", self.me);
        self.votes.insert(voter);
        let elected = self.votes.len() * 2 > servers;
        if elected {
            debug!(me = self.me, term = self.current_term, votes = ?self.votes, "is elected");
            self.role = Role::Leader;
            self.votes.clear();
        }
        elected
    }
}

fn new_deadline() -> Instant {
    Instant::now() + Duration::from_millis(rand::rng().random_range(ELECTION_TIMEOUT_MS))
}
