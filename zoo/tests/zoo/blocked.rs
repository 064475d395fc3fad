//! Tasks and locks: who blocks the thread on which all servers run is told at once, and by its line.

use config::FailureKind::{self, Misuse, Stuck};
use zoo::Bug;

use crate::caught::{INITIAL_ELECTION, RE_ELECTION};
use crate::caught_3b::BASIC_AGREE;
use crate::caught_3c::PERSIST_1;
use crate::caught_3d::BASIC;
use crate::child::{Expected, fails_of, run};

const IN_TASK: &str =
    "server 0, in a task spawned at zoo/src/raft.rs:1: the simulated thread is blocked";

fn blocks(test: &str, bug: Bug, kind: FailureKind, message: &'static str) {
    fails_of(test, bug, (1, 1..=1), Expected::anywhere(kind, message));
}

#[test]
fn waits_where_nobody_can_await() {
    let in_start = "server 0, in start: the simulated thread is blocked";
    blocks(BASIC_AGREE, Bug::BlocksUntilCommitted, Stuck, in_start);
    blocks(BASIC_AGREE, Bug::BlocksThreadWhileApplying, Stuck, IN_TASK);
    let in_snapshot = "server 0, in snapshot: the simulated thread is blocked";
    blocks(BASIC, Bug::HoldsLockWhileApplying, Stuck, in_snapshot);
    // Without snapshots the service takes each message, and the lock is soon free.
    assert_eq!(run(BASIC_AGREE, Bug::HoldsLockWhileApplying, 1..=3).failures().next(), None);
}

#[test]
fn takes_a_lock_that_is_never_free() {
    let in_handler =
        "server 0, in the handler of Raft.RequestVote: the simulated thread is blocked";
    fails_of(RE_ELECTION, Bug::LocksTwice, (1, 1..=4), Expected::anywhere(Stuck, in_handler));
    blocks(PERSIST_1, Bug::KeepsLockWhenKilled, Stuck, IN_TASK);
}

#[test]
fn waits_without_a_sleep_that_others_can_use() {
    let sleeps = "server 0, in a task spawned at zoo/src/raft.rs:1: std::thread::sleep(1ms) ";
    blocks(INITIAL_ELECTION, Bug::SleepsInThread, Misuse, sleeps);
    let polls = "server 0, in a task spawned at zoo/src/raft.rs:1: virtual time stands still";
    blocks(INITIAL_ELECTION, Bug::PollsWithoutSleep, Misuse, polls);
}
