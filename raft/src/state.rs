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
use crate::progress::Progress;

/// How long a server waits for a leader or a candidate before it starts an election, in ms (§5.2).
/// The paper's 150 to 300 ms would leave no room: the lab allows few heartbeats a second.
pub(crate) const ELECTION_TIMEOUT_MS: Range<u64> = 300..600;

/// A server's state; always behind the server's lock.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) me: usize,
    /// The size of the cluster.
    servers: usize,
    pub(crate) role: Role,
    /// When this server starts an election unless a leader or a candidate moves the deadline.
    pub(crate) election_deadline: Instant,
    /// The servers that have voted for this one in its current term; empty unless it is a candidate.
    votes: BTreeSet<usize>,
    /// A leader's knowledge of each server's log; empty unless this server leads.
    pub(crate) followers: Vec<Progress>,

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

impl State {
    /// Server `me` of a cluster of `servers`, with what it had saved.
    pub(crate) fn new(me: usize, servers: usize, persister: Arc<Persister>) -> State {
        let Saved { current_term, voted_for, log, snapshot } = Saved::read(&persister);
        State {
            me,
            servers,
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
        self.persister.save_parts(state, self.snapshot.clone());
    }

    /// The timer starts anew: with a timeout of its own each time, so that split votes are rare
    /// (§5.2).
    pub(crate) fn reset_election_timer(&mut self) {
        self.election_deadline = new_deadline();
    }

    /// All servers, rule 2: a server that sees a higher term adopts it and follows (§5.1). The vote of
    /// the new term is free. The timer goes on: only a leader's request or a vote given resets it.
    pub(crate) fn observe_term(&mut self, term: Term) {
        if self.adopt_term(term) {
            self.save();
        }
    }

    /// Adopts `term` if it is higher, and returns whether it was; the caller saves it.
    pub(crate) fn adopt_term(&mut self, term: Term) -> bool {
        if term <= self.current_term {
            return false;
        }
        debug!(me = self.me, term, was = ?self.role, "sees a higher term");
        self.current_term = term;
        self.voted_for = None;
        self.follow();
        true
    }

    /// A candidate or a leader becomes a follower; it keeps its term and its vote.
    pub(crate) fn follow(&mut self) {
        self.role = Role::Follower;
        self.votes.clear();
        self.followers.clear();
    }

    /// Candidates, rule 1: a new term, a vote for itself, a new timeout (§5.2).
    pub(crate) fn start_election(&mut self) {
        assert_ne!(
            self.role,
            Role::Leader,
            "server {} leads term {} and starts an election (Figure 4)",
            self.me,
            self.current_term
        );
        self.current_term += 1;
        self.role = Role::Candidate;
        self.voted_for = Some(self.me);
        self.votes.clear();
        self.reset_election_timer();
        self.save();
        debug!(me = self.me, term = self.current_term, "starts an election");
        self.count_vote(self.me);
    }

    /// Candidates, rule 2: counts a vote. Votes from a majority make this server the leader (§5.2).
    pub(crate) fn count_vote(&mut self, voter: usize) {
        assert_eq!(
            self.role,
            Role::Candidate,
            "server {} counts a vote of server {voter} in term {}, as no candidate",
            self.me,
            self.current_term
        );
        self.votes.insert(voter);
        if self.votes.len() * 2 > self.servers {
            debug!(me = self.me, term = self.current_term, votes = ?self.votes, "is elected");
            self.role = Role::Leader;
            self.votes.clear();
            self.followers = vec![Progress::new(self.log.last_index()); self.servers];
        }
    }

    /// Whether this server leads `term`.
    pub(crate) fn leads(&self, term: Term) -> bool {
        self.role == Role::Leader && self.current_term == term
    }

    /// Leaders 2: a client's command becomes an entry of the leader's log (§5.3).
    pub(crate) fn append_command(&mut self, command: Bytes) {
        assert_eq!(
            self.role,
            Role::Leader,
            "server {} takes a command in term {}, as no leader",
            self.me,
            self.current_term
        );
        self.log.append(Entry { term: self.current_term, command });
        self.save();
    }

    /// Leaders 4: what a majority has is committed, if it is of the leader's own term; what is before
    /// it is then committed, too (§5.3, §5.4.2). Returns whether more is committed than before.
    pub(crate) fn advance_commit_index(&mut self) -> bool {
        let mut have: Vec<Index> = self.followers.iter().map(Progress::match_index).collect();
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
