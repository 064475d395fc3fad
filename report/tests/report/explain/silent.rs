//! Leaderships that end though nothing has failed.

use crate::demands::LEADERSHIP;
use crate::explain::golden::assert_explained;
use crate::run::{Run, causes, heartbeat};

const LOST: &str =
    "server 0 led term 1 and has lost its leadership, by term 2, though nothing failed";

/// A run in which server 1 stands for election 300 ms after it has answered its leader, server 0.
fn run(meanwhile: impl FnOnce(&mut Run)) -> Run {
    let mut run = Run::new(3);
    run.elect(0, 1);
    run.accept(0, 1, &heartbeat(1));
    run.wait(200);
    meanwhile(&mut run);
    run.wait(100);
    run.vote(1, 2, 2);
    run
}

#[test]
fn heartbeats_too_seldom() {
    let (story, failure, explanation) = run(|_| ()).fails(LEADERSHIP, LOST);
    assert_explained("heartbeats-too-seldom", &story, &failure, &explanation);
}

#[test]
fn a_leader_that_can_t_be_heard_is_not_silent() {
    let found = |run: Run| causes(&run.fails(LEADERSHIP, LOST).2).join(", ");
    // What it sends is lost; or it has crashed.
    assert_eq!(found(run(|run| _ = run.appends(0, 1, &heartbeat(1)))), "");
    assert_eq!(found(run(|run| _ = run.restart(0))), "");
}
