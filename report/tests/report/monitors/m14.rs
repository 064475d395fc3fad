//! M14: election follows election although nothing disturbs the servers.

use crate::run::{Run, ask};

#[test]
fn an_election_every_half_second() {
    let mut run = Run::new(3);
    for term in 1..=8 {
        run.at(500 * term).asks((term % 3) as u32, ((term + 1) % 3) as u32, &ask(term));
    }
    run.at(5000).asks(0, 1, &ask(9));
    assert!(run.trips("M14"));
}

#[test]
fn whoever_is_cut_off_tries_again_and_again() {
    let mut run = Run::new(3);
    run.disconnect(2);
    for term in 1..=8 {
        run.at(500 * term).asks(2, 1, &ask(term));
    }
    run.at(5000).asks(0, 1, &ask(1));
    assert!(!run.trips("M14"));
}
