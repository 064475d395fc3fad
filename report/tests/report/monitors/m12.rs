//! M12: a candidate that doesn't start its election anew.

use crate::run::{Run, ask, heartbeat, success};

#[test]
fn a_candidate_asks_once_and_no_more() {
    let mut run = Run::new(3);
    run.at(300).asks(0, 1, &ask(1));
    run.at(3000).asks(1, 2, &ask(1));
    assert!(run.trips("M12"));
}

#[test]
fn a_candidate_gives_way_to_a_leader() {
    let mut run = Run::new(3);
    run.at(300).asks(0, 1, &ask(1));
    let append = run.at(400).appends(1, 0, &heartbeat(1));
    run.answers(append, &success(1));
    run.at(3000).asks(1, 2, &ask(2));
    assert!(!run.trips("M12"));
}
