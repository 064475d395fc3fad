//! M13: a majority that can talk stays without a leader.

use report::Role;

use crate::sketch::Sketch;

#[test]
fn nobody_leads_for_long() {
    let mut run = Sketch::of(3);
    run.at(500).views(0, 1, Role::Leader);
    run.at(1000).views(0, 2, Role::Follower);
    run.at(5000).views(1, 9, Role::Follower);
    assert!(run.trips("M13"));
}

#[test]
fn a_leader_leads_all_the_while() {
    let mut run = Sketch::of(3);
    run.at(500).views(0, 1, Role::Leader);
    run.at(5000).views(1, 1, Role::Follower);
    assert!(!run.trips("M13"));
}

#[test]
fn without_a_majority_there_is_no_leader() {
    let mut run = Sketch::of(3);
    run.cuts_off(1).cuts_off(2).at(5000).views(1, 9, Role::Follower);
    assert!(!run.trips("M13"));
}
