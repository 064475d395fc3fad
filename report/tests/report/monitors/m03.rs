//! M3: a server's term goes back.

use crate::run::Run;

#[test]
fn a_term_goes_back() {
    let mut run = Run::new(3);
    run.in_term(1, 4).at(100).in_term(1, 3);
    run.at(300).in_term(1, 5);
    assert!(run.trips("M3"));
}

#[test]
fn a_term_is_forgotten_at_a_restart() {
    let mut run = Run::new(3);
    run.vote(0, 1, 4).in_term(1, 4).restart(1).at(10).in_term(1, 0);
    run.at(300).in_term(1, 5);
    assert!(run.trips("M3"));
}

#[test]
fn two_looks_at_once_are_noted_in_the_wrong_order() {
    let mut run = Run::new(3);
    run.at(100).in_term(1, 4).in_term(1, 3);
    run.at(110).in_term(1, 4);
    run.at(900).in_term(1, 5);
    assert!(!run.trips("M3"));
}

#[test]
fn a_term_that_was_only_seen_need_not_have_been_saved() {
    let mut run = Run::new(3);
    run.in_term(1, 4).restart(1).at(10).in_term(1, 3);
    run.at(900).in_term(1, 5);
    assert!(!run.trips("M3"));
}
