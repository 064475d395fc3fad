//! M2: a server votes for two candidates in one term.

use report::spec::{Breach, broken_between, judge};
use report::{Outcome, Time};

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

#[test]
fn what_a_server_does_again_is_told_once_and_found_again() {
    let mut run = Run::new(3);
    run.at(100).vote(0, 2, 1).vote(1, 2, 1);
    run.at(500).vote(0, 2, 2).vote(1, 2, 2);
    let story = run.story();
    let twice = |breach: &Breach| breach.rule.id == "voted-twice";
    assert_eq!(judge(&story).into_iter().filter(twice).count(), 1);
    let between = |from: u64, to: u64| {
        broken_between(&story, "voted-twice", Time(from * 1000), Time(to * 1000))
    };
    assert!(between(0, 300).is_some_and(|first| first.at < Time(300_000)));
    assert!(between(400, 600).is_some_and(|again| again.at >= Time(500_000)));
    assert!(between(300, 400).is_none() && between(600, 9000).is_none());
}
