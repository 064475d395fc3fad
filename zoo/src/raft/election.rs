//! Elections (§5.2): who stands, who votes, who wins.

use std::sync::Arc;

use raftapi::{Role, Term};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::Raft;
use super::replication::Followers;
use super::rpc::{RequestVoteArgs, RequestVoteReply};
use super::state::{Led, State};
use crate::bug::Bug;

impl Raft {
    // ---- Candidates ----

    /// Starts an election each time the election timer fires.
    pub(super) async fn ticker(self: Arc<Self>) {
        loop {
            let deadline = self.state().election_deadline;
            sleep_until(deadline).await;
            if self.timer_has_stopped() {
                return;
            }
            let Some((term, mut requests)) = self.election() else { continue };
            match self.bug {
                Bug::BlocksOnVotes | Bug::TicksAndBlocksOnVotes | Bug::WaitsForAllVotes => {
                    self.collect_votes(term, requests).await;
                }
                Bug::StandsOnce => {
                    requests.detach_all();
                    return;
                }
                // The votes are counted as they come in, while the timer runs.
                _ => requests.detach_all(),
            }
        }
    }

    /// Whether a bug has stopped the timer for good.
    fn timer_has_stopped(&self) -> bool {
        match self.bug {
            Bug::StandsUntilItVotes => {
                self.state().voted_for.is_some_and(|server| server != self.me)
            }
            Bug::StandsUntilItLeads => self.state().role == Role::Leader,
            _ => false,
        }
    }

    /// If the timer has fired, starts an election: its term, and a request to each other server.
    fn election(self: &Arc<Self>) -> Option<(Term, JoinSet<Option<bool>>)> {
        let mut state = self.state();
        if Instant::now() < state.election_deadline {
            return None;
        }
        state.reset_election_timer();
        // Followers and candidates: "If election timeout elapses" (§5.2). A leader has no timer.
        if state.role == Role::Leader {
            return None;
        }
        // Candidates: "Increment currentTerm, vote for self, reset election timer, send RequestVote
        // RPCs to all other servers" (§5.2).
        state.role = Role::Candidate;
        if self.bug != Bug::NeverIncrementsTerm {
            state.current_term += 1;
        }
        state.voted_for = Some(self.me);
        self.persist(&mut state);
        state.votes = match self.bug {
            Bug::KeepsOldVotes => state.votes + 1,
            Bug::CountsOnlyOthersVotes => 0,
            _ => 1,
        };
        self.lead_if_elected(&mut state);
        let args = RequestVoteArgs {
            term: state.current_term,
            candidate_id: self.me,
            last_log_index: state.log.last_index(),
            last_log_term: state.log.last_term(),
        };
        let mut requests = JoinSet::new();
        for server in self.others() {
            let request = self.clone().ask_for_vote(server, args.clone());
            requests.spawn(self.clone().until_killed(request));
        }
        Some((args.term, requests))
    }

    /// Asks one server for its vote, and counts it. Returns whether it was granted.
    async fn ask_for_vote(self: Arc<Self>, server: usize, args: RequestVoteArgs) -> bool {
        let _lock = self.lock_calls().await;
        self.sync().await;
        let call = self.peers[server].call::<_, RequestVoteReply>("Raft.RequestVote", &args);
        let reply = match call.await {
            Some(reply) => reply,
            None if self.bug == Bug::CountsFailedCalls => {
                RequestVoteReply { term: args.term, vote_granted: true }
            }
            None => return false,
        };
        let mut state = self.state();
        self.observe_term(&mut state, reply.term);
        // The election may be over: lost, won, or followed by the next.
        let is_late = state.current_term != args.term && self.bug != Bug::CountsOldVotes;
        if state.role != Role::Candidate || is_late {
            return false;
        }
        if reply.vote_granted && self.bug != Bug::WaitsForAllVotes {
            state.votes += 1;
            self.lead_if_elected(&mut state);
        }
        reply.vote_granted
    }

    /// What two bugs make the ticker do: waits for votes, and lets the timer fire unheard.
    async fn collect_votes(self: &Arc<Self>, term: Term, mut requests: JoinSet<Option<bool>>) {
        let mut votes = 1;
        while let Some(reply) = requests.join_next().await {
            votes += usize::from(matches!(reply, Ok(Some(true))));
            if self.bug != Bug::WaitsForAllVotes && votes >= self.votes_needed() {
                requests.detach_all();
                break;
            }
        }
        let mut state = self.state();
        if state.role == Role::Candidate && state.current_term == term {
            state.votes = votes;
            self.lead_if_elected(&mut state);
        }
    }

    fn votes_needed(&self) -> usize {
        if self.bug == Bug::WinsWithHalf { self.peers.len() / 2 } else { self.majority() }
    }

    fn lead_if_elected(&self, state: &mut State) {
        // Candidates: "If votes received from majority of servers: become leader" (§5.2).
        if state.votes >= self.votes_needed() {
            state.role = Role::Leader;
            state.led = Some(Led { term: state.current_term, since: Instant::now() });
            // Leaders: "Upon election: send initial empty AppendEntries RPCs (heartbeat) to each
            // server" (§5.2).
            state.followers = Followers::new(self.others(), state.log.last_index());
            self.propose_unasked(state);
            self.news.notify_one();
        }
    }

    // ---- Voters ----

    pub(super) async fn request_vote(self: Arc<Self>, args: RequestVoteArgs) -> RequestVoteReply {
        let _lock = self.lock_calls().await;
        let reply = self.decide_vote(args);
        self.sync().await;
        reply
    }

    fn decide_vote(&self, args: RequestVoteArgs) -> RequestVoteReply {
        let mut state = self.state();
        self.observe_term(&mut state, args.term);
        // RequestVote 1: "Reply false if term < currentTerm" (§5.1).
        let is_current = args.term >= state.current_term;
        // RequestVote 2: "If votedFor is null or candidateId, and candidate's log is at least as
        // up-to-date as receiver's log, grant vote" (§5.2, §5.4.1).
        let is_free = state.voted_for.is_none_or(|server| server == args.candidate_id)
            || self.bug == Bug::VotesTwice;
        let (last_term, last_index) = (state.log.last_term(), state.log.last_index());
        let is_up_to_date = match self.bug {
            Bug::VotesForAnyLog => true,
            Bug::VotesForNewerLogsOnly => {
                (args.last_log_term, args.last_log_index) > (last_term, last_index)
            }
            Bug::WantsNewerAndLonger => {
                args.last_log_term >= last_term && args.last_log_index >= last_index
            }
            Bug::ComparesLengthsOnly => args.last_log_index >= last_index,
            _ => (args.last_log_term, args.last_log_index) >= (last_term, last_index),
        };
        let vote_granted = is_current && is_free && is_up_to_date;
        if vote_granted {
            state.voted_for = Some(args.candidate_id);
            self.persist(&mut state);
            // Followers: the timer starts anew when a vote is granted (§5.2).
            state.reset_election_timer();
        } else if self.bug == Bug::RestartsTimerWhenRefusing {
            state.reset_election_timer();
        }
        RequestVoteReply { term: state.current_term, vote_granted }
    }
}
