//! M21: a command is applied that no majority can have.

use report::Outcome;

use crate::run::{Run, entries, success};

#[test]
fn a_leader_applies_what_it_has_sent_to_nobody() {
    let mut run = Run::new(3);
    run.elect(0, 1).propose(0, 1, 1);
    run.accept(0, 1, &entries(1, &[1])).apply_command(0, 1, "a");
    assert!(!run.trips("M21"));
    run.propose(0, 2, 1).apply_command(0, 2, "b");
    assert!(run.trips("M21"));
}

#[test]
fn a_leader_applies_what_was_delivered_to_one_of_four_others() {
    let mut run = Run::new(5);
    let append = run.appends(0, 1, &entries(1, &[1]));
    run.delivers(append).apply_command(0, 1, "a");
    assert!(run.trips("M21"));
}

#[test]
fn a_leader_applies_what_a_majority_has_confirmed() {
    let applied = |is_confirmed: bool| {
        let mut run = Run::new(3);
        run.elect(0, 1).propose(0, 1, 1);
        let append = run.appends(0, 1, &entries(1, &[1]));
        run.arrives(append).ends(append, &success(1));
        if is_confirmed {
            run.returns(append, Outcome::Replied);
        }
        run.apply_command(0, 1, "a").trips("M21")
    };
    assert!(!applied(true));
    assert!(applied(false));
}

#[test]
fn what_a_snapshot_brings_a_server_may_have() {
    let mut run = Run::new(3);
    let snapshot = run.installs(2, 1, [6, 1]);
    run.delivers(snapshot).apply_command(1, 6, "f");
    assert!(!run.trips("M21"));
}

#[test]
fn the_entries_may_be_among_what_is_missing() {
    let mut run = Run::new(3);
    run.apply_command(0, 1, "a");
    assert!(!run.trips_without_the_beginning("M21"));
}
