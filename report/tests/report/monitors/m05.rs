//! M5: a vote for a candidate whose log is behind the voter's.

use crate::run::{Ask, Run, entries, success};

fn two_entries_reach_server_1() -> Run {
    let mut run = Run::new(3);
    run.accept(0, 1, &entries(1, &[1, 1]));
    run
}

#[test]
fn a_vote_goes_to_a_shorter_log() {
    let mut run = two_entries_reach_server_1();
    run.vote_with(2, 1, &Ask { term: 2, last_term: 1, last_index: 1 });
    assert!(run.trips("M5"));
}

#[test]
fn a_vote_goes_to_a_shorter_log_of_a_later_term() {
    let mut run = two_entries_reach_server_1();
    run.vote_with(2, 1, &Ask { term: 3, last_term: 2, last_index: 1 });
    assert!(!run.trips("M5"));
}

#[test]
fn another_leader_may_have_shortened_the_log() {
    let mut run = two_entries_reach_server_1();
    // Whether it was taken, nobody knows.
    let append = run.appends(0, 1, &entries(3, &[0]));
    run.delivers(append);
    run.vote_with(2, 1, &Ask { term: 4, last_term: 1, last_index: 1 });
    assert!(!run.trips("M5"));
}

/// A leader may save its entries while it sends them (thesis §10.2.1).
#[test]
fn a_crash_may_take_what_a_leader_has_only_sent() {
    let mut run = Run::new(3);
    let append = run.appends(1, 0, &entries(1, &[1, 1]));
    run.answers(append, &success(1)).restart(1);
    run.at(1).vote_with(2, 1, &Ask { term: 2, last_term: 0, last_index: 0 });
    assert!(!run.trips("M5"));
}

#[test]
fn a_former_leader_votes_for_a_shorter_log() {
    let mut run = Run::new(3);
    let append = run.appends(1, 0, &entries(1, &[1, 1]));
    run.delivers(append).vote_with(2, 1, &Ask { term: 2, last_term: 0, last_index: 0 });
    assert!(run.trips("M5"));
}
