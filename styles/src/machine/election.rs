//! Elections (§5.2, §5.4.1), and what precedes them (thesis §9.6, §4.2.3).

use std::collections::BTreeSet;
use tracing::debug;

use raftapi::Term;
use rand::RngExt as _;

use crate::bug::Bug;
use crate::message::{Number, Request, RequestVoteArgs, RequestVoteReply};
use crate::style::{Guard, Terms, Timer};

use super::leader::Progress;
use super::{Machine, Role, Sent};

impl Machine {
    /// Followers 2, candidates 4: starts an election if the timer has fired.
    pub(super) fn look_at_timer(&mut self) {
        if self.now < self.election_at {
            return;
        }
        self.election_at = self.now + self.draw_timeout();
        let has_heard = std::mem::take(&mut self.has_heard);
        let is_quiet = has_heard || self.bug == Bug::NeverAsks;
        if is_quiet || matches!(self.role, Role::Leader(_)) {
            return;
        }
        match self.style.guard {
            Guard::PreVote => self.ask_before(),
            Guard::None | Guard::Lease => self.start_election(),
        }
    }

    /// A leader's word, or a vote given: the server waits for another timeout.
    pub(super) fn restart_timer(&mut self) {
        match self.style.timer {
            Timer::Deadline(_) => self.election_at = self.now + self.draw_timeout(),
            Timer::Polling(_) | Timer::PollingTerms(_) => self.has_heard = true,
        }
    }

    /// Asks whether it would get votes in the next term. It stays in this one.
    fn ask_before(&mut self) {
        self.follow();
        self.role = Role::PreCandidate(BTreeSet::new());
        self.ask_all();
        self.count_vote(self.me);
    }

    /// Candidates 1: a new term, a vote for itself, a request to each other server.
    fn start_election(&mut self) {
        let left_out = match self.style.terms {
            Terms::Next => 0,
            Terms::Later => self.rng.random_range(0..4),
        };
        self.observe(self.saved.current_term + 1 + left_out);
        self.saved.voted_for = Some(self.me);
        self.role = Role::Candidate(BTreeSet::new());
        debug!(me = self.me, term = self.saved.current_term, "starts an election");
        self.ask_all();
        self.count_vote(self.me);
    }

    fn ask_all(&mut self) {
        for voter in self.others() {
            self.ask(voter);
        }
    }

    /// Asks one server for its vote, or whether it would give it; nothing unless this is a candidate.
    pub(super) fn ask(&mut self, voter: usize) {
        let current_term = self.saved.current_term;
        let (term, request): (Term, fn(RequestVoteArgs) -> Request) = match self.role {
            Role::PreCandidate(_) => (current_term + 1, Request::PreVote),
            Role::Candidate(_) => (current_term, Request::RequestVote),
            Role::Follower | Role::Leader(_) => return,
        };
        let last_log_index = self.saved.log.last_index();
        let last_log_term = match self.bug {
            Bug::AsksWithCurrentTerm => current_term,
            _ => self.saved.log.last_term(),
        };
        let candidate_id = self.me;
        self.send(voter, Sent::Vote { voter }, |number: Number| {
            request(RequestVoteArgs { number, term, candidate_id, last_log_index, last_log_term })
        });
    }

    /// Counts a vote, or what would be one.
    pub(super) fn count_vote(&mut self, voter: usize) {
        let (Role::PreCandidate(votes) | Role::Candidate(votes)) = &mut self.role else { return };
        votes.insert(voter);
        let again = votes.iter().filter(|&&voter| voter != self.me);
        let votes = match self.bug {
            Bug::CountsVotersTwice => votes.len() + again.count(),
            _ => votes.len(),
        };
        if !self.is_majority(votes) {
            return;
        }
        match self.role {
            Role::PreCandidate(_) => self.start_election(),
            _ => self.lead(),
        }
    }

    /// Candidates 2: it is elected.
    fn lead(&mut self) {
        self.calls.clear();
        let next_index = self.saved.log.last_index() + 1;
        let progress = |_| Progress::new(next_index, self.now);
        self.role = Role::Leader((0..self.servers).map(progress).collect());
        debug!(me = self.me, term = self.saved.current_term, "leads");
    }

    /// Whether there is a leader that this server has heard lately, or itself is.
    fn has_leader(&self) -> bool {
        let [least, _] = self.timeouts();
        let hears = self.heard_leader_at.is_some_and(|at| self.now < at + least);
        hears || matches!(self.role, Role::Leader(_))
    }

    /// RequestVote, receiver 2: the candidate's log must be good enough (§5.4.1).
    fn is_up_to_date(&self, args: &RequestVoteArgs) -> bool {
        self.bug == Bug::VotesForAnyLog
            || self.saved.log.is_matched_by(args.last_log_index, args.last_log_term)
    }

    pub(super) fn answer_pre_vote(&self, args: &RequestVoteArgs) -> RequestVoteReply {
        let term = self.saved.current_term;
        let vote_granted = args.term > term && !self.has_leader() && self.is_up_to_date(args);
        RequestVoteReply { number: args.number, from: self.me, term, vote_granted }
    }

    pub(super) fn answer_vote(&mut self, args: &RequestVoteArgs) -> RequestVoteReply {
        let refuses = self.style.guard == Guard::Lease && self.has_leader();
        if !refuses {
            if matches!(self.style.timer, Timer::PollingTerms(_))
                && args.term > self.saved.current_term
            {
                self.restart_timer();
            }
            self.observe(args.term);
        }
        let term = self.saved.current_term;
        let is_free = self.saved.voted_for.is_none_or(|voted| voted == args.candidate_id);
        let vote_granted = args.term == term && is_free && self.is_up_to_date(args);
        if vote_granted {
            self.is_changed |= self.saved.voted_for.is_none();
            self.saved.voted_for = Some(args.candidate_id);
            self.follow();
            self.restart_timer();
        }
        RequestVoteReply { number: args.number, from: self.me, term, vote_granted }
    }
}
