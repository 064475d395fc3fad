//! What a server knows (Figure 2, "State"), and the ways in which its role changes (Figure 4).

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use raftapi::{Index, Persister, Role, Term};
use rand::RngExt as _;
use tokio::time::Instant;
use tracing::debug;

use crate::log::{Entry, Log};
use crate::persist::{self, Saved};

/// How long a server waits for a leader's or a candidate's word before it stands itself, in ms
/// (§5.2). The paper's 150 to 300 ms would leave no room: the lab allows few heartbeats a second.
pub(crate) const ELECTION_TIMEOUT_MS: Range<u64> = 300..600;

/// A server's state; always behind the server's lock.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) me: usize,
    pub(crate) role: Role,
    /// When this server stands for election unless it hears from somebody before.
    pub(crate) election_deadline: Instant,
    /// Who has voted for this server in its current term; empty unless it is a candidate.
    votes: BTreeSet<usize>,
    /// What a leader knows of each server; empty unless it is one.
    pub(crate) followers: Vec<Follower>,

    // Persistent state: saved before anybody can learn of it.
    pub(crate) current_term: Term,
    pub(crate) voted_for: Option<usize>,
    pub(crate) log: Log,
    /// The service's state up to where the log begins; empty if the log begins at 1.
    pub(crate) snapshot: Bytes,
    persister: Arc<Persister>,

    // Volatile state.
    pub(crate) commit_index: Index,
    pub(crate) last_applied: Index,
}

/// What a leader knows of one server (Figure 2, "Volatile state on leaders").
#[derive(Clone, Copy, Debug)]
pub(crate) struct Follower {
    /// The next entry to send to it.
    pub(crate) next_index: Index,
    /// The highest entry that it is known to have.
    pub(crate) match_index: Index,
}

impl State {
    /// A server that comes to life with what it had saved.
    pub(crate) fn new(me: usize, persister: Arc<Persister>) -> State {
        let Saved { current_term, voted_for, log, snapshot } = Saved::read(&persister);
        State {
            me,
            role: Role::Follower,
            election_deadline: new_deadline(),
            votes: BTreeSet::new(),
            followers: Vec::new(),
            current_term,
            voted_for,
            // The service has restored the snapshot by itself; nothing else is known to be committed.
            commit_index: log.base_index(),
            last_applied: log.base_index(),
            log,
            snapshot,
            persister,
        }
    }

    /// Saves the persistent state. Whoever changes it calls this before it lets go of the lock.
    pub(crate) fn save(&self) {
        let state = persist::encode(self.current_term, self.voted_for, &self.log);
        self.persister.save(state, self.snapshot.clone());
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
            self.save();
        }
    }

    /// A candidate or a leader gives up; it keeps its term and its vote.
    pub(crate) fn follow(&mut self) {
        self.role = Role::Follower;
        self.votes.clear();
        self.followers.clear();
    }

    /// Candidates, rule 1: a new term, a vote for itself, a new timeout (§5.2).
    pub(crate) fn stand(&mut self) {
        assert_ne!(self.role, Role::Leader, "a leader doesn't stand for election (Figure 4)");
        self.current_term += 1;
        self.role = Role::Candidate;
        self.voted_for = Some(self.me);
        self.votes = BTreeSet::from([self.me]);
        self.reset_election_timer();
        self.save();
        debug!(me = self.me, term = self.current_term, "stands for election");
    }

    /// Candidates, rule 2: counts a vote, and tells whether it makes this server the leader of a
    /// cluster of `servers` (§5.2).
    pub(crate) fn is_elected_by(&mut self, voter: usize, servers: usize) -> bool {
        assert_eq!(self.role, Role::Candidate, "only a candidate counts votes");
        self.votes.insert(voter);
        let elected = self.votes.len() * 2 > servers;
        if elected {
            debug!(me = self.me, term = self.current_term, votes = ?self.votes, "is elected");
            self.role = Role::Leader;
            self.votes.clear();
            let follower = Follower { next_index: self.log.last_index() + 1, match_index: 0 };
            self.followers = vec![follower; servers];
        }
        elected
    }

    /// Whether this server leads `term`.
    pub(crate) fn leads(&self, term: Term) -> bool {
        self.role == Role::Leader && self.current_term == term
    }

    /// Leaders 2: a client's command becomes an entry of the leader's log (§5.3).
    pub(crate) fn append_command(&mut self, command: Bytes) {
        assert_eq!(self.role, Role::Leader, "only a leader takes commands");
        self.log.append(Entry { term: self.current_term, command });
        self.save();
    }

    /// Leaders 4: what a majority has is committed, if it is of the leader's own term; what is before
    /// it is then committed, too (§5.3, §5.4.2). Returns whether more is committed than before.
    pub(crate) fn advance_commit_index(&mut self) -> bool {
        let mut have: Vec<Index> = self.followers.iter().map(|f| f.match_index).collect();
        have[self.me] = self.log.last_index();
        have.sort_unstable();
        // The middle one, or the lower of two: more than half have at least this.
        let index = have[(have.len() - 1) / 2];
        if index <= self.commit_index || self.log.term_at(index) != Some(self.current_term) {
            return false;
        }
        self.commit_index = index;
        true
    }
}

fn new_deadline() -> Instant {
    Instant::now() + Duration::from_millis(rand::rng().random_range(ELECTION_TIMEOUT_MS))
}
