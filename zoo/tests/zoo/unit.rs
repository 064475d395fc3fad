//! A test of one server without a cluster: what a wrong Raft does is seen at its handler.

use config::unit::{self, Single};
use raftapi::{Index, Term};
use serde::{Deserialize, Serialize};
use zoo::Bug;

use crate::child::run;

#[derive(Serialize, Deserialize)]
struct RequestVoteArgs {
    term: Term,
    candidate_id: usize,
    last_log_index: Index,
    last_log_term: Term,
}

#[derive(Serialize, Deserialize)]
struct RequestVoteReply {
    term: Term,
    vote_granted: bool,
}

fn ask(term: Term, candidate_id: usize) -> RequestVoteArgs {
    RequestVoteArgs { term, candidate_id, last_log_index: 0, last_log_term: 0 }
}

/// Figure 2, "Persistent state on all servers".
#[test]
fn a_vote_survives_a_crash() {
    unit::test(|t| async move {
        let server = Single::new(&t, 3, zoo::make);
        let reply: RequestVoteReply = server.call("Raft.RequestVote", &ask(5, 1)).await;
        assert!(reply.vote_granted);
        server.restart();
        assert_eq!(server.get_state(), (5, false), "the term is saved");
        let reply: RequestVoteReply = server.call("Raft.RequestVote", &ask(5, 2)).await;
        assert!(!reply.vote_granted, "the vote is saved");
    });
}

#[test]
fn a_vote_that_is_not_saved_is_seen_at_once() {
    let runs = run("unit::a_vote_survives_a_crash", Bug::NeverSavesVote, 1..=5);
    assert!(runs.failures().all(|failure| failure.message == "panicked: the vote is saved"));
    assert_eq!(runs.failures().count(), 5, "{}", runs.output);
}
