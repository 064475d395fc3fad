//! M15: a leader sends nothing to one server while it waits for another.

use report::Outcome;

use crate::run::{Run, heartbeat};

#[test]
fn a_leader_waits_for_one_server_before_it_turns_to_the_next() {
    let mut run = Run::new(3);
    run.accept(0, 1, &heartbeat(1));
    let slow = run.at(100).appends(0, 2, &heartbeat(1));
    run.at(3000).returns(slow, Outcome::Unreachable).appends(0, 1, &heartbeat(1));
    assert!(run.trips("M15"));
}

#[test]
fn a_server_leads_in_two_terms() {
    let mut run = Run::new(3);
    run.accept(0, 1, &heartbeat(1));
    let slow = run.at(100).appends(0, 2, &heartbeat(1));
    run.at(3000).returns(slow, Outcome::Unreachable).appends(0, 1, &heartbeat(3));
    assert!(!run.trips("M15"));
}
