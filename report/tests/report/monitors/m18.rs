//! M18: a leader sends the same again and again.

use crate::run::{Append, Run, heartbeat};

#[test]
fn a_heartbeat_every_20_ms() {
    let mut run = Run::new(3);
    for beat in 0..100 {
        run.at(20 * beat).appends(0, 1, &heartbeat(1));
    }
    assert!(run.trips("M18"));
}

#[test]
fn a_heartbeat_every_100_ms() {
    let mut run = Run::new(3);
    for beat in 0..100 {
        run.at(100 * beat).appends(0, 1, &heartbeat(1));
    }
    assert!(!run.trips("M18"));
}

#[test]
fn each_message_brings_something_new() {
    let mut run = Run::new(3);
    for commit in 0..100 {
        run.at(5 * commit).appends(0, 1, &Append { commit, ..heartbeat(1) });
    }
    assert!(!run.trips("M18"));
}

#[test]
fn each_message_goes_twice() {
    let mut run = Run::new(3);
    for commit in 0..100 {
        run.at(5 * commit).appends(0, 1, &Append { commit, ..heartbeat(1) });
        run.appends(0, 1, &Append { commit, ..heartbeat(1) });
    }
    assert!(!run.trips("M18"));
}
