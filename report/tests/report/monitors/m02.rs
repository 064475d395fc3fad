//! M2: a server votes for two candidates in one term.

use report::Outcome;

use crate::run::{Run, ask, granted};

#[test]
fn a_server_forgets_its_vote_when_it_restart() {
    let mut run = Run::new(3);
    run.vote(0, 2, 1).restart(2).vote(1, 2, 1);
    assert!(run.trips("M2"));
}

#[test]
fn a_candidate_votes_for_another_in_its_own_term() {
    let mut run = Run::new(3);
    run.in_term(1, 1).asks(1, 2, &ask(1));
    let own = run.asks(1, 0, &ask(1));
    run.delivers(own).vote(0, 1, 1);
    assert!(run.trips("M2"));
}

#[test]
fn a_vote_is_confirmed_or_given_in_another_term() {
    let mut run = Run::new(3);
    run.vote(0, 2, 1).vote(0, 2, 1).vote(1, 2, 2);
    assert!(!run.trips("M2"));
}

#[test]
fn the_vote_of_a_dead_server_is_none() {
    let mut run = Run::new(3);
    let late = run.asks(0, 2, &ask(1));
    run.delivers(late).restart(2);
    run.ends(late, &granted(1)).returns(late, Outcome::ServerDied);
    run.vote(1, 2, 1);
    assert!(!run.trips("M2"));
}
