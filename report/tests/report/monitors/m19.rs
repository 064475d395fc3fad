//! M19: a leader sends far more than its followers lack.

use crate::run::{Run, entries};

/// A run with commands of 100 bytes, and with the whole log sent with each of them, or not.
fn run(sends: impl Fn(u64) -> usize) -> Run {
    let mut run = Run::new(3);
    let log = vec![1; 200];
    for index in 1..=200 {
        run.at(10 * index).propose_bytes(0, index, 100);
        for follower in [1, 2] {
            let append = run.appends(0, follower, &entries(1, &log[..sends(index)]));
            run.delivers(append);
        }
    }
    run
}

#[test]
fn the_whole_log_goes_with_each_command() {
    assert!(run(|index| index as usize).trips("M19"));
}

#[test]
fn each_command_goes_once() {
    assert!(!run(|_| 1).trips("M19"));
}

#[test]
fn what_never_arrives_is_sent_again() {
    let mut run = Run::new(3);
    for index in 1..=200 {
        run.at(10 * index).propose_bytes(0, index, 100).appends(0, 1, &entries(1, &[1; 200]));
    }
    assert!(!run.trips("M19"));
}
