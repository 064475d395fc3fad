//! M6: a server accepts entries from a leader of an earlier term.

use report::Outcome;

use crate::run::{Run, ask, granted, heartbeat, success};

#[test]
fn an_old_leader_is_accepted() {
    let mut run = Run::new(3);
    run.vote(0, 1, 4);
    run.accept(2, 1, &heartbeat(3));
    assert!(run.trips("M6"));
}

#[test]
fn a_leader_is_accepted_before_the_term_changes() {
    let mut run = Run::new(3);
    let append = run.appends(2, 1, &heartbeat(3));
    run.delivers(append);
    let asked = run.asks(0, 1, &ask(4));
    run.answers(asked, &granted(4));
    run.ends(append, &success(4)).returns(append, Outcome::Replied);
    assert!(!run.trips("M6"));
}
