//! Tasks and locks: a server that blocks the thread on which all servers run fails at once, by its line.
//! What is told first names the bug.

use config::FailureKind::{Misuse, Stuck};
use zoo::Bug;

use super::{Row, row};
use crate::child::Expected;

const IN_TASK: Expected = Expected::anywhere(
    Stuck,
    "server N, in a task spawned at zoo/src/raft.rs:N: the simulated thread is blocked…",
);
const IN_START: Expected =
    Expected::anywhere(Stuck, "server N, in start: the simulated thread is blocked…");
const IN_SNAPSHOT: Expected =
    Expected::anywhere(Stuck, "server N, in snapshot: the simulated thread is blocked…");
const IN_HANDLER: Expected = Expected::anywhere(
    Stuck,
    "server N, in the handler of Raft.RequestVote: the simulated thread is blocked…",
);
const OF_KILLED: Expected = Expected::anywhere(
    Stuck,
    "server N, crashed at N.N s, in a task spawned at zoo/src/raft.rs:N: the simulated thread is \
     blocked…",
);
const SLEEPS: Expected = Expected::anywhere(
    Misuse,
    "server N, in a task spawned at zoo/src/raft.rs:N: std::thread::sleep(Nms) …",
);
const POLLS: Expected = Expected::anywhere(
    Misuse,
    "server N, in a task spawned at zoo/src/raft.rs:N: virtual time stands still…",
);

pub(super) const ROWS: &[Row] = &[
    row(Bug::BlocksUntilCommitted, "TestBasicAgree3B", 1, &[(1, IN_START)]).named(),
    row(Bug::BlocksThreadWhileApplying, "TestBasicAgree3B", 1, &[(1, IN_TASK)]).named(),
    row(Bug::HoldsLockWhileApplying, "TestSnapshotBasic3D", 1, &[(1, IN_SNAPSHOT)]).named(),
    // Without snapshots the service takes each message, and the lock is soon free.
    row(Bug::HoldsLockWhileApplying, "TestBasicAgree3B", 3, &[]),
    row(Bug::LocksTwice, "TestReElection3A", 4, &[(1, IN_HANDLER)]).named(),
    row(Bug::KeepsLockWhenKilled, "TestPersist13C", 1, &[(1, OF_KILLED)]).named(),
    row(Bug::SleepsInThread, "TestInitialElection3A", 1, &[(1, SLEEPS)]).named(),
    row(Bug::PollsWithoutSleep, "TestInitialElection3A", 1, &[(1, POLLS)]).named(),
];
