//! Leader election (§5.2), and who may win it (§5.4.1).

use std::sync::Arc;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use raftapi::Role;
use tokio::time::{Instant, sleep_until};

use crate::rpc::{RequestVoteArgs, RequestVoteReply};
use crate::server::Raft;
use crate::state::State;

impl Raft {
    /// Followers 2, candidates 4: a server that hears nothing until its deadline starts an election,
    /// again and again. It waits for no reply.
    pub(crate) async fn tick(self: Arc<Self>) {
        loop {
            let deadline = self.state().election_deadline;
            sleep_until(deadline).await;
            let mut state = self.state();
            if Instant::now() < state.election_deadline {
                continue; // it was moved meanwhile
            }
            match state.role {
                Role::Leader => state.reset_election_timer(),
                Role::Follower | Role::Candidate => {
                    state.start_election();
                    let term = state.current_term;
                    // Alone, a server is its own majority.
                    if state.leads(term) {
                        self.lead(term);
                        continue;
                    }
                    let args = RequestVoteArgs {
                        term,
                        candidate_id: self.me,
                        last_log_index: state.log.last_index(),
                        last_log_term: state.log.last_term(),
                    };
                    drop(state);
                    self.spawn(self.clone().campaign(args));
                }
            }
        }
    }

    /// Candidates 1: asks every other server for its vote, all at the same time.
    async fn campaign(self: Arc<Self>, args: RequestVoteArgs) {
        let ask = |voter: usize| {
            let call = self.peers[voter].call("Raft.RequestVote", &args);
            async move { (voter, call.await) }
        };
        let mut replies: FuturesUnordered<_> = self.others().map(ask).collect();
        while let Some((voter, reply)) = replies.next().await {
            let Some(reply) = reply else { continue };
            let reply: RequestVoteReply = reply;
            let mut state = self.state();
            state.observe_term(reply.term);
            if state.role != Role::Candidate || state.current_term != args.term {
                return; // this election is over
            }
            if reply.vote_granted {
                state.count_vote(voter);
            }
            if state.leads(args.term) {
                drop(state);
                self.lead(args.term);
                return;
            }
        }
    }

    /// A candidate asks for this server's vote.
    pub(crate) async fn request_vote(self: Arc<Self>, args: RequestVoteArgs) -> RequestVoteReply {
        let mut state = self.state();
        let vote_granted = state.vote(&args);
        RequestVoteReply { term: state.current_term, vote_granted }
    }
}

impl State {
    /// Decides whether the candidate gets this server's vote. A new term and the vote in it are saved
    /// together.
    pub(crate) fn vote(&mut self, args: &RequestVoteArgs) -> bool {
        let is_new_term = self.adopt_term(args.term);
        // Receiver 1: a candidate of an earlier term is refused (§5.1).
        let is_current = args.term == self.current_term;
        // Receiver 2: one vote a term, first come, first served; asked again, the same answer.
        let is_free = self.voted_for.is_none_or(|candidate| candidate == args.candidate_id);
        // Only a candidate whose log has everything that is committed may win: the higher last term
        // decides, then the longer log (§5.4.1).
        let is_up_to_date = (args.last_log_term, args.last_log_index)
            >= (self.log.last_term(), self.log.last_index());
        let vote_granted = is_current && is_free && is_up_to_date;
        let is_new_vote = vote_granted && self.voted_for.is_none();
        if vote_granted {
            self.voted_for = Some(args.candidate_id);
            self.reset_election_timer();
        }
        if is_new_term || is_new_vote {
            self.save();
        }
        vote_granted
    }
}
