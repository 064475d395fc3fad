//! What a leader sends, and what followers make of it (§5.2).

use std::sync::Arc;
use std::time::Duration;

use raftapi::{Role, Term};
use tokio::time::sleep;

use crate::rpc::{AppendEntriesArgs, AppendEntriesReply};
use crate::server::Raft;

/// How often a leader asserts itself; the lab asks for no more than ten times a second.
const HEARTBEAT: Duration = Duration::from_millis(100);

impl Raft {
    /// Leaders 1: a heartbeat to every other server at once, and again and again while this server
    /// leads `term`.
    pub(crate) async fn lead(self: Arc<Self>, term: Term) {
        while self.leads(term) {
            self.send_heartbeats(term);
            sleep(HEARTBEAT).await;
        }
    }

    fn leads(&self, term: Term) -> bool {
        let state = self.state();
        state.role == Role::Leader && state.current_term == term
    }

    fn send_heartbeats(self: &Arc<Self>, term: Term) {
        let args = AppendEntriesArgs { term, leader_id: self.me };
        for follower in self.others() {
            let call =
                self.peers[follower].call::<_, AppendEntriesReply>("Raft.AppendEntries", &args);
            let raft = self.clone();
            self.spawn(async move {
                if let Some(reply) = call.await {
                    raft.state().observe_term(reply.term);
                }
            });
        }
    }

    /// A leader asserts itself.
    pub(crate) async fn append_entries(
        self: Arc<Self>,
        args: AppendEntriesArgs,
    ) -> AppendEntriesReply {
        let mut state = self.state();
        state.observe_term(args.term);
        // Receiver 1: a leader of an earlier term is refused (§5.1).
        let success = args.term == state.current_term;
        if success {
            assert_ne!(state.role, Role::Leader, "term {} has two leaders", args.term);
            // Candidates 3: somebody else has won this term.
            state.follow();
            state.reset_election_timer();
        }
        AppendEntriesReply { term: state.current_term, success }
    }
}
