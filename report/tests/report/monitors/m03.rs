//! M3: a server's term goes back.

use report::Role;

use crate::sketch::{Sketch, ask};

#[test]
fn a_term_goes_back() {
    let mut run = Sketch::of(3);
    run.views(1, 4, Role::Follower).at(100).views(1, 3, Role::Follower);
    run.at(300).views(1, 5, Role::Follower);
    assert!(run.trips("M3"));
}

#[test]
fn a_term_is_forgotten_at_a_restart() {
    let mut run = Sketch::of(3);
    run.elects(0, 1, &ask(4)).restarts(1).at(10).views(1, 0, Role::Follower);
    run.at(300).views(1, 5, Role::Follower);
    assert!(run.trips("M3"));
}

#[test]
fn two_looks_at_once_are_noted_in_the_wrong_order() {
    let mut run = Sketch::of(3);
    run.at(100).views(1, 4, Role::Follower).views(1, 3, Role::Follower);
    run.at(110).views(1, 4, Role::Follower);
    run.at(900).views(1, 5, Role::Follower);
    assert!(!run.trips("M3"));
}

#[test]
fn a_term_that_was_only_seen_need_not_have_been_saved() {
    let mut run = Sketch::of(3);
    run.views(1, 4, Role::Candidate).restarts(1).at(10).views(1, 3, Role::Follower);
    run.at(900).views(1, 5, Role::Follower);
    assert!(!run.trips("M3"));
}
