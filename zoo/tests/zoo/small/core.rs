//! What a small Raft does with a message: Figure 2, in one type.

use std::time::Duration;

use bytes::Bytes;
use raftapi::{Command, Index, Start, Term};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{
    AppendEntriesArgs, AppendEntriesReply, Entry, RequestVoteArgs, RequestVoteReply, Style,
};

/// How long a server waits for a leader, in ms.
const TIMEOUT_MS: std::ops::Range<u64> = 300..600;

/// How long it holds with a leader that it has heard.
const LEASE: Duration = Duration::from_millis(300);

/// How long a leader goes on without a majority.
const QUORUM_WITHIN: Duration = Duration::from_millis(900);

#[derive(Clone, Serialize, Deserialize)]
pub(crate) enum Message {
    RequestVote(RequestVoteArgs),
    RequestVoteReply(RequestVoteReply),
    AppendEntries(AppendEntriesArgs),
    AppendEntriesReply(AppendEntriesReply),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Follower,
    PreCandidate,
    Candidate,
    Leader,
}

/// What is saved.
#[derive(Default, Serialize, Deserialize)]
struct Saved {
    term: Term,
    voted_for: Option<usize>,
    log: Vec<Entry>,
}

/// What is to be done after a step.
pub(super) struct Due {
    /// What is to be saved, if that is new.
    pub(super) state: Option<Bytes>,
    /// What is to be sent then.
    pub(super) out: Vec<(usize, Message)>,
    /// The term, and the last index, that are safe then.
    pub(super) last: (Term, Index),
}

pub(super) struct Core {
    style: Style,
    me: usize,
    saved: Saved,
    is_dirty: bool,
    role: Role,
    votes: Vec<bool>,
    next: Vec<Index>,
    matches: Vec<Index>,
    answered: Vec<Instant>,
    commit: Index,
    applied: Index,
    deadline: Instant,
    heard_leader: Option<Instant>,
    /// For a ticker that polls.
    pub(super) has_heard: bool,
    out: Vec<(usize, Message)>,
}

impl Core {
    pub(super) fn restore(style: Style, me: usize, servers: usize, state: &Bytes) -> Core {
        let now = Instant::now();
        let mut core = Core {
            style,
            me,
            saved: labgob::decode(state).unwrap_or_default(),
            is_dirty: false,
            role: Role::Follower,
            votes: vec![false; servers],
            next: vec![1; servers],
            matches: vec![0; servers],
            answered: vec![now; servers],
            commit: 0,
            applied: 0,
            deadline: now,
            heard_leader: None,
            has_heard: false,
            out: Vec::new(),
        };
        core.restart_timer();
        core
    }

    pub(super) fn state(&self) -> (Term, bool) {
        (self.saved.term, self.role == Role::Leader)
    }

    fn last(&self) -> (Term, Index) {
        let last_term = self.saved.log.last().map_or(0, |entry| entry.term);
        (last_term, self.saved.log.len() as Index)
    }

    fn term_at(&self, index: Index) -> Option<Term> {
        match index {
            0 => Some(0),
            index => self.saved.log.get(index as usize - 1).map(|entry| entry.term),
        }
    }

    fn others(&self) -> impl Iterator<Item = usize> + use<> {
        let me = self.me;
        (0..self.votes.len()).filter(move |&other| other != me)
    }

    fn majority(&self) -> usize {
        self.votes.len() / 2 + 1
    }

    fn restart_timer(&mut self) {
        self.has_heard = true;
        let timeout = Duration::from_millis(rand::random_range(TIMEOUT_MS));
        self.deadline = Instant::now() + timeout;
    }

    pub(super) fn is_over(&self) -> bool {
        self.role != Role::Leader && Instant::now() >= self.deadline
    }

    /// An election begins, or the question whether it should.
    pub(super) fn stand(&mut self) {
        if self.role == Role::Leader {
            return;
        }
        self.restart_timer();
        self.has_heard = false;
        if self.style == Style::AsksFirst {
            self.role = Role::PreCandidate;
        } else {
            self.become_candidate();
        }
        self.ask();
    }

    fn become_candidate(&mut self) {
        self.role = Role::Candidate;
        self.saved.term += 1;
        self.saved.voted_for = Some(self.me);
        self.is_dirty = true;
    }

    fn ask(&mut self) {
        self.votes.fill(false);
        self.votes[self.me] = true;
        let (last_log_term, last_log_index) = self.last();
        let pre_vote = self.role == Role::PreCandidate;
        let term = self.saved.term + u64::from(pre_vote);
        let args = RequestVoteArgs {
            term,
            candidate_id: self.me,
            last_log_index,
            last_log_term,
            pre_vote,
        };
        for other in self.others() {
            self.out.push((other, Message::RequestVote(args.clone())));
        }
    }

    fn observe(&mut self, term: Term) {
        if term > self.saved.term {
            self.saved.term = term;
            self.saved.voted_for = None;
            self.is_dirty = true;
            if self.role == Role::Leader || self.style == Style::RestartsForTerms {
                self.restart_timer();
            }
            self.role = Role::Follower;
        }
    }

    /// Takes a message, and answers it if it is a request.
    pub(super) fn receive(&mut self, from: usize, message: Message) -> Option<Message> {
        match message {
            Message::RequestVote(args) => Some(Message::RequestVoteReply(self.decide_vote(&args))),
            Message::AppendEntries(args) => Some(Message::AppendEntriesReply(self.append(args))),
            Message::RequestVoteReply(reply) => {
                self.count(from, &reply);
                None
            }
            Message::AppendEntriesReply(reply) => {
                self.acknowledged(from, &reply);
                None
            }
        }
    }

    fn decide_vote(&mut self, args: &RequestVoteArgs) -> RequestVoteReply {
        let is_up_to_date = (args.last_log_term, args.last_log_index) >= self.last();
        let is_leased = self.role == Role::Leader
            || self.heard_leader.is_some_and(|heard| heard.elapsed() < LEASE);
        let reply = |core: &Core, vote_granted| RequestVoteReply {
            term: core.saved.term,
            vote_granted,
            of_term: args.term,
            pre_vote: args.pre_vote,
        };
        if args.pre_vote {
            return reply(self, args.term > self.saved.term && is_up_to_date && !is_leased);
        }
        if self.style == Style::Leases && is_leased && self.role != Role::Leader {
            return reply(self, false);
        }
        self.observe(args.term);
        let is_free = self.saved.voted_for.is_none_or(|server| server == args.candidate_id);
        let is_granted = args.term == self.saved.term && is_free && is_up_to_date;
        if is_granted {
            self.saved.voted_for = Some(args.candidate_id);
            self.is_dirty = self.style != Style::ForgetsVote;
            self.restart_timer();
        }
        reply(self, is_granted)
    }

    fn count(&mut self, from: usize, reply: &RequestVoteReply) {
        self.observe(reply.term);
        let (role, term) = match reply.pre_vote {
            true => (Role::PreCandidate, self.saved.term + 1),
            false => (Role::Candidate, self.saved.term),
        };
        if self.role != role || reply.of_term != term || !reply.vote_granted {
            return;
        }
        self.votes[from] = true;
        if self.votes.iter().filter(|vote| **vote).count() < self.majority() {
            return;
        }
        if reply.pre_vote {
            self.become_candidate();
            self.ask();
            return;
        }
        self.role = Role::Leader;
        let last = self.last().1;
        self.next.fill(last + 1);
        self.matches.fill(0);
        self.answered.fill(Instant::now());
        self.matches[self.me] = last;
        self.speak();
    }

    /// A leader that hears of no majority leads no more.
    pub(super) fn check_quorum(&mut self) {
        let lately = |answered: &&Instant| answered.elapsed() < QUORUM_WITHIN;
        self.answered[self.me] = Instant::now();
        let count = self.answered.iter().filter(lately).count();
        if self.style == Style::AsksFirst && self.role == Role::Leader && count < self.majority() {
            self.role = Role::Follower;
            self.restart_timer();
        }
    }

    /// A leader sends what its followers lack.
    pub(super) fn speak(&mut self) {
        if self.role == Role::Leader {
            self.others().for_each(|other| self.speak_to(other));
        }
    }

    fn speak_to(&mut self, other: usize) {
        let prev_log_index = self.next[other] - 1;
        let args = AppendEntriesArgs {
            term: self.saved.term,
            leader_id: self.me,
            prev_log_index,
            prev_log_term: self.term_at(prev_log_index).unwrap_or(0),
            entries: self.saved.log[prev_log_index as usize..].to_vec(),
            leader_commit: self.commit,
        };
        self.out.push((other, Message::AppendEntries(args)));
    }

    fn append(&mut self, args: AppendEntriesArgs) -> AppendEntriesReply {
        self.observe(args.term);
        let (term, of_term) = (self.saved.term, args.term);
        if args.term < term {
            return AppendEntriesReply { term, success: false, of_term, index: 0 };
        }
        self.role = Role::Follower;
        self.heard_leader = Some(Instant::now());
        self.restart_timer();
        if self.term_at(args.prev_log_index) != Some(args.prev_log_term) {
            let index = args.prev_log_index.min(self.last().1 + 1);
            return AppendEntriesReply { term, success: false, of_term, index };
        }
        let mut index = args.prev_log_index;
        for entry in args.entries {
            index += 1;
            if self.term_at(index) != Some(entry.term) {
                self.saved.log.truncate(index as usize - 1);
                self.saved.log.push(entry);
                self.is_dirty = true;
            }
        }
        self.commit = self.commit.max(args.leader_commit.min(index));
        AppendEntriesReply { term, success: true, of_term, index }
    }

    fn acknowledged(&mut self, from: usize, reply: &AppendEntriesReply) {
        self.observe(reply.term);
        if self.role != Role::Leader || reply.of_term != self.saved.term {
            return;
        }
        self.answered[from] = Instant::now();
        if reply.success {
            self.matches[from] = self.matches[from].max(reply.index);
            self.next[from] = self.next[from].max(self.matches[from] + 1);
            self.advance();
        } else if reply.index < self.next[from] {
            self.next[from] = reply.index.max(self.matches[from] + 1).max(1);
            self.speak_to(from);
        }
    }

    fn advance(&mut self) {
        let mut matches = self.matches.clone();
        matches.sort_unstable();
        let index = matches[matches.len() - self.majority()];
        if index > self.commit && self.term_at(index) == Some(self.saved.term) {
            self.commit = index;
        }
    }

    pub(super) fn start(&mut self, command: Command) -> Option<Start> {
        let term = self.saved.term;
        (self.role == Role::Leader).then(|| {
            self.saved.log.push(Entry { term, command });
            self.is_dirty = true;
            Start { index: self.last().1, term }
        })
    }

    /// What is due.
    pub(super) fn take(&mut self) -> Due {
        let is_dirty = std::mem::take(&mut self.is_dirty);
        let state = is_dirty.then(|| labgob::encode(&self.saved));
        let out = std::mem::take(&mut self.out);
        Due { state, out, last: (self.saved.term, self.last().1) }
    }

    /// A leader's own disk counts.
    pub(super) fn has_saved(&mut self, (term, index): (Term, Index)) {
        if self.role == Role::Leader && self.saved.term == term {
            self.matches[self.me] = self.matches[self.me].max(index);
            self.advance();
        }
    }

    pub(super) fn next_applied(&mut self) -> Option<(Index, Command)> {
        if self.applied == self.commit {
            return None;
        }
        self.applied += 1;
        let command = self.saved.log[self.applied as usize - 1].command.clone();
        Some((self.applied, command))
    }

    /// Whether it would still say that.
    pub(super) fn still_says(&self, message: &Message) -> bool {
        match message {
            Message::AppendEntries(args) => self.state() == (args.term, true),
            _ => false,
        }
    }

    /// Has an answer sent as a message of its own.
    pub(super) fn post(&mut self, to: usize, answer: Option<Message>) {
        self.out.extend(answer.map(|answer| (to, answer)));
    }
}
