//! Tasks and locks: what a server does with its threads.

use super::Kind::{Harmless, Liveness};
use super::Part::{A, B, C, D};
use super::rules::{KILLED, NO_LOCK_WHILE_WAITING, START_RETURNS, TASKS_AWAIT};
use super::{Bug, Row, bugs};

bugs! {
    /// Holds a lock while it hands a message to the service, and waits for that lock when the
    /// service gives it a snapshot.
    HoldsLockWhileApplying {
        part: D,
        kind: Liveness,
        breaks: "no lock is held while the service is waited for",
        rule: NO_LOCK_WHILE_WAITING,
        symptom: "`server …, in snapshot: the simulated thread is blocked`: the service waits for \
            the Raft, and the Raft for the service",
        causes: ["lock-held-while-applying", "server-hangs"],
        source: "students' repositories",
    }

    /// Answers no request while a message waits for the service.
    AnswersNothingWhileApplying {
        part: B,
        kind: Liveness,
        breaks: "no lock is held while the service is waited for",
        rule: NO_LOCK_WHILE_WAITING,
        symptom: "elections and commands that wait for a slow service",
        causes: ["server-hangs"],
        source: "students' repositories",
    }

    /// Blocks its thread, with its state locked, until the service has taken a message.
    BlocksThreadWhileApplying {
        part: B,
        kind: Liveness,
        breaks: "the runtime's thread is never blocked",
        rule: TASKS_AWAIT,
        symptom: "`server …, in a task spawned at …: the simulated thread is blocked`",
        causes: ["stuck"],
        source: "constructed: a channel's blocking send",
    }

    /// `start` blocks until something is committed.
    BlocksUntilCommitted {
        part: B,
        kind: Liveness,
        breaks: "start() returns at once",
        rule: START_RETURNS,
        symptom: "`server …, in start: the simulated thread is blocked`",
        causes: ["start-waits"],
        source: "Students' Guide to Raft: services that wait for each other",
    }

    /// Takes the lock that it holds already where it refuses a vote.
    LocksTwice {
        part: A,
        kind: Liveness,
        breaks: "a lock is taken once",
        rule: TASKS_AWAIT,
        symptom: "`server …, in the handler of Raft.RequestVote: the simulated thread is blocked`, \
            at the first vote that is refused",
        causes: ["stuck"],
        source: "students' repositories",
    }

    /// Waits for its timer by `std::thread::sleep`.
    SleepsInThread {
        part: A,
        kind: Liveness,
        breaks: "the runtime's thread is never blocked",
        rule: TASKS_AWAIT,
        symptom: "`server …, in a task spawned at …: std::thread::sleep(…) blocks`",
        causes: ["misuse"],
        source: "constructed",
    }

    /// Waits for its timer in a loop that does nothing.
    SpinsInThread {
        part: A,
        kind: Liveness,
        breaks: "the runtime's thread is never blocked",
        rule: TASKS_AWAIT,
        symptom: "`server …, in a task spawned at …: an endless loop`",
        causes: ["stuck"],
        source: "students' repositories: a loop without a sleep",
    }

    /// Waits for its timer in a loop that lets others run and never sleeps.
    PollsWithoutSleep {
        part: A,
        kind: Liveness,
        breaks: "a task that waits sleeps",
        rule: TASKS_AWAIT,
        symptom: "`server …, in a task spawned at …: virtual time stands still`",
        causes: ["misuse"],
        source: "students' repositories: a loop without a sleep",
    }

    /// Goes on with all its tasks when it is killed.
    WorksOnWhenKilled {
        part: C,
        kind: Harmless {
            reason: "what a crashed server sends or saves reaches nobody; it only costs time",
        },
        breaks: "a killed server stops",
        rule: KILLED,
        symptom: "`warning: … tasks of server … still run`",
        causes: [],
        source: "students' repositories",
    }

    /// Keeps its lock when it is killed, and goes on with its tasks, which wait for it.
    KeepsLockWhenKilled {
        part: C,
        kind: Liveness,
        breaks: "a killed server leaves no lock behind",
        rule: KILLED,
        symptom: "`server …, crashed at …, in a task spawned at …: the simulated thread is \
            blocked`",
        causes: ["killed-server-waits"],
        source: "students' repositories: a return with the lock held",
    }
}
