//! M11: a leader's log lacks a committed entry.

use crate::sketch::{Ask, Sketch, entries, heartbeat, success};

/// The leader of term 1 has one follower that has its two entries: two of three.
fn two_entries_are_committed() -> Sketch {
    let mut run = Sketch::of(3);
    let append = run.appends(0, 1, &entries(1, &[1, 1]));
    run.answers(append, &success(1));
    run
}

const SHORTER: Ask = Ask { term: 2, last_term: 1, last_index: 1 };

#[test]
fn a_leader_lacks_what_is_committed() {
    let mut run = two_entries_are_committed();
    run.asks(2, 0, &SHORTER);
    run.appends(2, 0, &heartbeat(2));
    assert!(run.trips("M11"));
}

#[test]
fn a_candidate_that_is_not_elected_lacks_it() {
    let mut run = two_entries_are_committed();
    run.asks(2, 0, &SHORTER);
    assert!(!run.trips("M11"));
}

#[test]
fn a_leader_lacks_what_no_majority_has() {
    let mut run = Sketch::of(5);
    let append = run.appends(0, 1, &entries(1, &[1, 1]));
    run.answers(append, &success(1));
    run.asks(2, 3, &SHORTER);
    run.appends(2, 3, &heartbeat(2));
    assert!(!run.trips("M11"));
}
