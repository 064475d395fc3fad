//! M13: a majority that can talk stays without a leader.

use crate::run::Run;

#[test]
fn nobody_leads_for_long() {
    let mut run = Run::new(3);
    run.at(500).leads(0, 1);
    run.at(1000).in_term(0, 2);
    run.at(5000).in_term(1, 9);
    assert!(run.trips("M13"));
}

#[test]
fn a_leader_leads_all_the_while() {
    let mut run = Run::new(3);
    run.at(500).leads(0, 1);
    run.at(5000).in_term(1, 1);
    assert!(!run.trips("M13"));
}

#[test]
fn without_a_majority_there_is_no_leader() {
    let mut run = Run::new(3);
    run.disconnect(1).disconnect(2).at(5000).in_term(1, 9);
    assert!(!run.trips("M13"));
}
