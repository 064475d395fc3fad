//! Tasks and locks: who blocks the thread on which all servers run is told at once, and by its line.

use std::ops::RangeInclusive;

use config::FailureKind::{self, Misuse, Stuck};
use config::Verdict;
use zoo::Bug;

use crate::caught::{INITIAL_ELECTION, RE_ELECTION};
use crate::caught_3b::BASIC_AGREE;
use crate::caught_3c::PERSIST_1;
use crate::caught_3d::BASIC;
use crate::child::{Expected, run};

const IN_TASK: &str =
    "server 0, in a task spawned at zoo/src/raft.rs:1: the simulated thread is blocked";

/// Asserts that `test` fails so with `bug` and one of these seeds at least, and that what is told first, a
/// finding or the sentence itself, names the bug.
fn blocks_with(
    test: &str,
    bug: Bug,
    seeds: RangeInclusive<u64>,
    kind: FailureKind,
    message: &'static str,
) {
    let runs = run(test, bug, seeds);
    let [failed] = runs.assert_only([Expected::anywhere(kind, message)]);
    assert!(failed > 0, "{test} with {bug}");
    for result in &runs.results {
        let Verdict::Failed { explanation, .. } = &result.verdict else { continue };
        let first = explanation.findings.first();
        let told = first.map_or(kind.to_string(), |finding| finding.id.clone());
        assert!(bug.causes().contains(&told.as_str()), "{test} with {bug}: {told}");
    }
}

fn blocks(test: &str, bug: Bug, kind: FailureKind, message: &'static str) {
    blocks_with(test, bug, 1..=1, kind, message);
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
    blocks_with(RE_ELECTION, Bug::LocksTwice, 1..=4, Stuck, in_handler);
    let of_killed = "server 0, crashed at 1.0 s, in a task spawned at zoo/src/raft.rs:1: the simulated \
                     thread is blocked";
    blocks(PERSIST_1, Bug::KeepsLockWhenKilled, Stuck, of_killed);
}

#[test]
fn waits_without_a_sleep_that_others_can_use() {
    let sleeps = "server 0, in a task spawned at zoo/src/raft.rs:1: std::thread::sleep(1ms) ";
    blocks(INITIAL_ELECTION, Bug::SleepsInThread, Misuse, sleeps);
    let polls = "server 0, in a task spawned at zoo/src/raft.rs:1: virtual time stands still";
    blocks(INITIAL_ELECTION, Bug::PollsWithoutSleep, Misuse, polls);
}
