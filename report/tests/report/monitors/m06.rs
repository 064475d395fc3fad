//! M6: a server accepts entries from a leader of an earlier term.

use report::Outcome;

use crate::sketch::{Sketch, ask, granted, heartbeat, success};

#[test]
fn an_old_leader_is_accepted() {
    let mut run = Sketch::of(3);
    run.elects(0, 1, &ask(4));
    let stale = run.appends(2, 1, &heartbeat(3));
    run.answers(stale, &success(4));
    assert!(run.trips("M6"));
}

#[test]
fn a_leader_is_accepted_before_the_term_changes() {
    let mut run = Sketch::of(3);
    let append = run.appends(2, 1, &heartbeat(3));
    run.delivers(append);
    let asked = run.asks(0, 1, &ask(4));
    run.answers(asked, &granted(4));
    run.ends(append, &success(4)).returns(append, Outcome::Replied);
    assert!(!run.trips("M6"));
}
