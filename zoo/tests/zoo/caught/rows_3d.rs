//! Part 3D: each message of its scripts is caused by a bug.

use config::FailureKind::{Budget, Liveness, Panic, Safety, Stuck};
use zoo::Bug;

use super::{Row, row};
use crate::child::Expected;

const BASIC: &str = "TestSnapshotBasic3D";
const INSTALL: &str = "TestSnapshotInstall3D";
const INSTALL_UNRELIABLE: &str = "TestSnapshotInstallUnreliable3D";
const INSTALL_CRASH: &str = "TestSnapshotInstallCrash3D";
const INSTALL_UN_CRASH: &str = "TestSnapshotInstallUnCrash3D";
const ALL_CRASH: &str = "TestSnapshotAllCrash3D";
const INIT: &str = "TestSnapshotInit3D";

const LOG_TOO_LARGE: Expected = Expected::at("snapcommon", "fatal", Budget, "Log size too large");
const NIL: Expected = Expected::anywhere(Safety, "apply error: server N: nil snapshot…");
const OTHER_INDEX: Expected =
    Expected::anywhere(Safety, "apply error: server N snapshot doesn't match m.SnapshotIndex…");
const UNREADABLE: Expected =
    Expected::anywhere(Safety, "apply error: server N: snapshot decode error at index N: …");
/// All indexes stand for any.
const OUT_OF_ORDER: Expected =
    Expected::anywhere(Safety, "apply error: server N apply out of order, expected index N, got N");
const TWO_COMMANDS: Expected =
    Expected::anywhere(Safety, "apply error: commit index=N server=N N != server=N N");
const TOO_FEW: Expected = Expected::at(
    "snapcommon",
    "one",
    Liveness,
    "one(N) failed to reach agreement\n  command   server N accepted it at index N in term N, and \
     still leads, but fewer than N servers applied it\n",
);
const NOBODY_ACCEPTED: Expected = Expected::at(
    "snapcommon",
    "one",
    Liveness,
    "one(N) failed to reach agreement\n  command   nobody accepted it: no connected server \
     reported itself as the leader",
);
const NOT_IN_LOG: Expected = Expected::anywhere(
    Panic,
    "server N panicked in a task spawned at zoo/src/raft.rs:N: what is applied is in the log",
);
const OUT_OF_BOUNDS_IN_HANDLER: Expected = Expected::anywhere(
    Panic,
    "server N panicked in the handler of Raft.AppendEntries: index out of bounds…",
);
const OUT_OF_BOUNDS_IN_TASK: Expected = Expected::anywhere(
    Panic,
    "server N panicked in a task spawned at zoo/src/raft.rs:N: index out of bounds: …",
);

pub(super) const ROWS: &[Row] = &[
    row(Bug::IgnoresSnapshots, BASIC, 5, &[(5, LOG_TOO_LARGE)]),
    row(Bug::IgnoresSnapshots, INSTALL, 5, &[(5, LOG_TOO_LARGE)]),
    row(Bug::IgnoresSnapshots, INSTALL_UNRELIABLE, 5, &[(5, LOG_TOO_LARGE)]),
    row(Bug::IgnoresSnapshots, INSTALL_CRASH, 5, &[(5, LOG_TOO_LARGE)]),
    row(Bug::IgnoresSnapshots, INSTALL_UN_CRASH, 5, &[(5, LOG_TOO_LARGE)]),
    row(Bug::IgnoresSnapshotsAsFollower, BASIC, 5, &[(5, LOG_TOO_LARGE)]),
    row(Bug::DropsSnapshot, INSTALL, 5, &[(5, NIL)]),
    row(Bug::DropsSnapshot, INIT, 5, &[(5, OUT_OF_ORDER)]),
    row(Bug::NeverSavesSnapshot, ALL_CRASH, 5, &[(5, OUT_OF_ORDER)]),
    row(Bug::NeverSavesSnapshot, INIT, 5, &[(5, OUT_OF_ORDER)]),
    // Only the second crash finds that it is gone.
    row(Bug::NeverReadsSnapshot, INIT, 5, &[(5, OUT_OF_ORDER)]),
    row(Bug::KeepsFirstSnapshot, INSTALL, 5, &[(5, OTHER_INDEX)]),
    row(Bug::KeepsFirstSnapshot, INSTALL_CRASH, 5, &[(5, OTHER_INDEX)]),
    row(Bug::KeepsFirstSnapshot, ALL_CRASH, 5, &[(5, OUT_OF_ORDER)]),
    row(Bug::ForgetsSnapshotIndex, ALL_CRASH, 5, &[(5, OUT_OF_ORDER)]),
    row(Bug::ForgetsSnapshotIndex, INIT, 5, &[(5, OUT_OF_ORDER)]),
    row(Bug::KeepsSnapshotToItself, INSTALL, 5, &[(5, OUT_OF_ORDER)]),
    row(Bug::KeepsSnapshotToItself, INSTALL_CRASH, 5, &[(5, OUT_OF_ORDER)]),
    // Without a snapshot the tester still knows what had been applied.
    row(
        Bug::NeverSavesLog,
        ALL_CRASH,
        10,
        &[
            (
                3,
                Expected::at(
                    "TestSnapshotAllCrash3D",
                    "fatal",
                    Safety,
                    "index decreased from N to N",
                ),
            ),
            (0, TWO_COMMANDS),
        ],
    )
    .in_all(10),
    row(Bug::SavesSnapshotBeforeState, INSTALL_CRASH, 10, &[(3, OUT_OF_ORDER)]),
    row(Bug::SavesStateBeforeSnapshot, INSTALL_CRASH, 10, &[(3, OUT_OF_ORDER)]),
    row(Bug::AppliesFromOne, ALL_CRASH, 5, &[(5, NOT_IN_LOG)]),
    row(Bug::AppliesFromOne, INIT, 5, &[(5, NOT_IN_LOG)]),
    row(Bug::PanicsBelowSnapshot, INSTALL_UNRELIABLE, 20, &[(1, OUT_OF_BOUNDS_IN_HANDLER)]),
    row(Bug::TakesSavedForApplied, INIT, 5, &[(5, OUT_OF_ORDER)]),
    row(Bug::KeepsOwnSnapshot, INSTALL, 5, &[(5, NIL)]),
    row(Bug::KeepsOwnSnapshot, INSTALL_CRASH, 5, &[(5, NIL)]),
    row(Bug::SendsHalfSnapshot, INSTALL, 5, &[(5, UNREADABLE)]),
    row(Bug::SendsHalfSnapshot, INSTALL_CRASH, 5, &[(5, UNREADABLE)]),
    row(Bug::DeliversGarbage, INSTALL, 5, &[(5, UNREADABLE)]),
    row(Bug::DeliversGarbage, INSTALL_CRASH, 5, &[(5, UNREADABLE)]),
    row(Bug::CountsSnapshotFromZero, INSTALL, 5, &[(5, OTHER_INDEX)]),
    row(Bug::CountsSnapshotFromZero, INSTALL_CRASH, 5, &[(5, OTHER_INDEX)]),
    row(
        Bug::ReadsStateForSnapshot,
        INIT,
        5,
        &[(5, Expected::anywhere(Safety, "server N: snapshot decode error: …"))],
    ),
    row(Bug::NeverAdvancesAfterSnapshot, INSTALL, 5, &[(5, TOO_FEW)]),
    row(Bug::NeverAdvancesAfterSnapshot, INSTALL_CRASH, 5, &[(5, TOO_FEW)]),
    // Each run makes tens of thousands of calls, and each fails.
    row(Bug::CountsSnapshotOneShort, INSTALL, 1, &[(1, TOO_FEW)]),
    row(Bug::CountsSnapshotOneShort, INSTALL_CRASH, 1, &[(1, TOO_FEW)]),
    // Until it is restarted with a snapshot it is right.
    row(Bug::IdlesBehindSnapshot, BASIC, 5, &[]),
    row(Bug::IdlesBehindSnapshot, INSTALL_CRASH, 5, &[(5, TOO_FEW)]),
    row(
        Bug::IdlesBehindSnapshot,
        INIT,
        5,
        &[(5, Expected { at: Some(("TestSnapshotInit3D", "one")), ..NOBODY_ACCEPTED })],
    ),
    row(Bug::NeverSendsSnapshot, INSTALL, 1, &[(1, TOO_FEW)]),
    row(Bug::NeverSendsSnapshot, INSTALL_UN_CRASH, 5, &[(5, TOO_FEW)]),
    // A follower that was cut off must have led, and have other entries where the snapshot ends.
    row(Bug::KeepsLogOverSnapshot, INSTALL, 30, &[(2, TOO_FEW)]),
    // The same snapshot must come twice, and the first reply be lost.
    row(Bug::NeverConfirmsLateSnapshots, INSTALL_UN_CRASH, 20, &[(8, TOO_FEW)]),
    row(Bug::IgnoresSnapshotOffset, BASIC, 5, &[(5, OUT_OF_BOUNDS_IN_TASK)]),
    row(
        Bug::AppliesOnePerTick,
        INSTALL,
        2,
        &[(2, Expected::anywhere(Stuck, "test took longer than N seconds"))],
    ),
    row(Bug::TimesOutAfterSeconds, INSTALL_UN_CRASH, 20, &[(2, NOBODY_ACCEPTED)]),
    // ---- The term at a snapshot's end, and the indexes behind it ----
    // An entry must be applied, and a snapshot made of it, in a later term than its own.
    row(Bug::CutsWithCurrentTerm, ALL_CRASH, 40, &[(1, Expected { at: None, ..TOO_FEW })]),
    row(Bug::InstallsInLeadersTerm, INSTALL_UNRELIABLE, 20, &[(2, TOO_FEW)]),
    row(Bug::NeverSavesSnapshotTerm, INSTALL_CRASH, 5, &[(4, TOO_FEW)]),
    row(Bug::SendsZeroForSnapshotTerm, INSTALL, 5, &[(5, TOO_FEW)]),
    row(Bug::CutsOneTooFew, ALL_CRASH, 5, &[(5, TWO_COMMANDS)]),
    row(Bug::SkipsFirstBehindSnapshot, INSTALL, 5, &[(5, TWO_COMMANDS)]),
    row(Bug::AppliesNotFirstBehindSnapshot, INSTALL, 5, &[(5, OUT_OF_ORDER)]),
    row(
        Bug::NeverStandsBehindSnapshot,
        INIT,
        5,
        &[(5, Expected { at: Some(("TestSnapshotInit3D", "one")), ..NOBODY_ACCEPTED })],
    ),
    row(
        Bug::EndsLoopAtFailedCall,
        INSTALL_UN_CRASH,
        5,
        &[
            (0, Expected::at("snapcommon", "one", Liveness, "one(N) failed to reach agreement")),
            (0, Expected::anywhere(Stuck, "test took longer than N seconds")),
        ],
    )
    .in_all(5),
];
