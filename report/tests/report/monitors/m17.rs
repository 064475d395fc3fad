//! M17: a server acts as the leader of a term that it wasn't elected in.

use report::Outcome;

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
