//! M1: two servers lead one term.

use crate::run::{Run, heartbeat};

#[test]
fn two_servers_lead_one_term() {
    let mut run = Run::new(3);
    run.appends(0, 2, &heartbeat(1));
    run.appends(1, 2, &heartbeat(1));
    assert!(run.trips("M1"));
}

#[test]
fn an_old_leader_does_not_know_yet_of_the_new_one() {
    let mut run = Run::new(3);
    run.appends(0, 2, &heartbeat(1));
    run.appends(1, 2, &heartbeat(2));
    run.appends(0, 2, &heartbeat(1));
    assert!(!run.trips("M1"));
}
