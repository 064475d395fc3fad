//! M17: a server acts as the leader of a term that it wasn't elected in.

use report::Outcome;
use serde_json::{Value, json};

use crate::run::{Run, ask, granted, heartbeat};

#[test]
fn a_server_leads_with_half_of_the_votes() {
    let mut run = Run::new(4);
    run.vote(0, 1, 1).appends(0, 2, &heartbeat(1));
    assert!(run.trips("M17"));
}

#[test]
fn a_vote_that_was_lost_counts_for_nothing() {
    let mut run = Run::new(3);
    let asked = run.asks(0, 1, &ask(1));
    run.delivers(asked).ends(asked, &granted(1)).returns(asked, Outcome::ReplyLost);
    run.appends(0, 2, &heartbeat(1));
    assert!(run.trips("M17"));
}

#[test]
fn a_server_leads_with_a_majority() {
    let mut run = Run::new(3);
    run.vote(0, 1, 1).appends(0, 2, &heartbeat(1));
    assert!(!run.trips("M17"));
}

#[test]
fn the_votes_may_be_among_what_is_missing() {
    let mut run = Run::new(4);
    run.vote(0, 1, 1).appends(0, 2, &heartbeat(1));
    assert!(!run.trips_without_the_beginning("M17"));
}

/// Votes come by messages of the voters' own: whoever leads before one can have come has none.
#[test]
fn a_server_leads_before_its_requests_can_be_answered() {
    let leads = |is_answered: bool| {
        let mut run = Run::new(3);
        let tell = |run: &mut Run, from, to, method: &str, args: &Value| {
            let sent = run.sends(from, to, method, args);
            run.wait(1).delivers(sent).ends(sent, &json!(null));
        };
        let vote = json!({ "term": 1, "vote_granted": true });
        // This one was sent before anybody was asked.
        tell(&mut run, 1, 0, "Raft.RequestVoteReply", &vote);
        let ask = json!({ "term": 1, "candidate_id": 0, "last_log_index": 0, "last_log_term": 0 });
        tell(&mut run, 0, 1, "Raft.RequestVote", &ask);
        if is_answered {
            tell(&mut run, 1, 0, "Raft.RequestVoteReply", &vote);
        }
        run.appends(0, 2, &heartbeat(1));
        run.trips("M17")
    };
    assert!(leads(false));
    assert!(!leads(true));
}
