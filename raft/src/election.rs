//! Leader election (§5.2).

use std::sync::Arc;

use raftapi::{Role, Term};
use tokio::time::{Instant, sleep_until};

use crate::rpc::{RequestVoteArgs, RequestVoteReply};
use crate::server::Raft;

impl Raft {
    /// Followers 2, candidates 4: whoever hears nothing until its deadline stands for election,
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
                    state.stand();
                    let term = state.current_term;
                    drop(state);
                    self.campaign(term);
                }
            }
        }
    }

    /// Candidates 1: asks every other server for its vote, all at the same time.
    fn campaign(self: &Arc<Self>, term: Term) {
        let args = RequestVoteArgs { term, candidate_id: self.me };
        for voter in self.others() {
            let call = self.peers[voter].call("Raft.RequestVote", &args);
            let raft = self.clone();
            self.spawn(async move {
                if let Some(reply) = call.await {
                    raft.count_vote(term, voter, &reply);
                }
            });
        }
    }

    /// Candidates 2: a vote has come, unless the reply is of an election that is over.
    fn count_vote(self: &Arc<Self>, term: Term, voter: usize, reply: &RequestVoteReply) {
        let mut state = self.state();
        state.observe_term(reply.term);
        if state.role != Role::Candidate || state.current_term != term || !reply.vote_granted {
            return;
        }
        if state.is_elected_by(voter, self.peers.len()) {
            drop(state);
            self.spawn(self.clone().lead(term));
        }
    }

    /// A candidate asks for this server's vote.
    pub(crate) async fn request_vote(self: Arc<Self>, args: RequestVoteArgs) -> RequestVoteReply {
        let mut state = self.state();
        state.observe_term(args.term);
        // Receiver 1: a candidate of an earlier term is refused (§5.1).
        let is_current = args.term == state.current_term;
        // Receiver 2: one vote a term, first come, first served; asked again, the same answer.
        let is_free = state.voted_for.is_none_or(|candidate| candidate == args.candidate_id);
        let vote_granted = is_current && is_free;
        if vote_granted {
            state.voted_for = Some(args.candidate_id);
            state.reset_election_timer();
        }
        RequestVoteReply { term: state.current_term, vote_granted }
    }
}
