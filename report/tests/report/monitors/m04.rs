//! M4: a reply has a lower term than its server has reached.

use report::Outcome;

use crate::run::{Run, ask, denied, granted, heartbeat, refusal, success};

#[test]
fn a_server_answers_in_a_lower_term_than_before() {
    let mut run = Run::new(3);
    run.vote(0, 1, 4);
    run.accept(2, 1, &heartbeat(3));
    assert!(run.trips("M4"));
}

/// It has adopted the higher term, and its answer was made before.
#[test]
fn an_answer_may_have_the_term_from_before_the_request() {
    let mut run = Run::new(3);
    let asked = run.asks(0, 1, &ask(4));
    run.answers(asked, &denied(3));
    let asked = run.asks(0, 1, &ask(5));
    run.answers(asked, &granted(4));
    assert!(!run.trips("M4"));
}

#[test]
fn whoever_votes_in_a_term_has_reached_it() {
    let mut run = Run::new(3);
    let asked = run.asks(0, 1, &ask(4));
    run.answers(asked, &granted(3));
    run.reject(2, 1, &heartbeat(3));
    assert!(run.trips("M4"));
}

#[test]
fn a_request_of_an_earlier_term_is_refused() {
    let mut run = Run::new(3);
    run.vote(0, 1, 4);
    let stale = run.appends(2, 1, &heartbeat(3));
    run.answers(stale, &refusal(4));
    assert!(!run.trips("M4"));
}

#[test]
fn of_two_handlers_at_once_the_earlier_may_be_noted_later() {
    let mut run = Run::new(3);
    let (one, other) = (run.appends(2, 1, &heartbeat(3)), run.asks(0, 1, &ask(4)));
    run.delivers(one).delivers(other);
    run.ends(other, &granted(4)).ends(one, &success(3));
    run.returns(one, Outcome::Replied).returns(other, Outcome::Replied);
    assert!(!run.trips("M4"));
}

/// "It does not update its term or grant its vote" (§6).
#[test]
fn a_server_may_hold_to_the_leader_that_it_has_just_heard() {
    let mut run = Run::new(3);
    run.vote(0, 1, 3);
    run.accept(0, 1, &heartbeat(3));
    let asked = run.asks(2, 1, &ask(4));
    run.answers(asked, &denied(3));
    assert!(!run.trips("M4"));

    // It doesn't if it votes, nor if it answers another leader.
    let mut votes = Run::new(3);
    let heard = votes.appends(0, 1, &heartbeat(3));
    votes.answers(heard, &success(3));
    let asked = votes.asks(2, 1, &ask(4));
    votes.answers(asked, &granted(3));
    let heard = votes.appends(0, 1, &heartbeat(3));
    votes.answers(heard, &success(3));
    assert!(votes.trips("M4"));
}
