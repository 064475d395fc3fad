//! Part 3D: each message of its scripts is caused by a bug.

use config::FailureKind::{Budget, Liveness, Panic, Safety, Stuck};
use zoo::Bug;

use crate::child::{Expected, always_fails, fails_of, run};

pub(crate) const BASIC: &str = "lab3::snapshot_3d::TestSnapshotBasic3D";
pub(crate) const INSTALL: &str = "lab3::snapshot_3d::TestSnapshotInstall3D";
const INSTALL_UNRELIABLE: &str = "lab3::snapshot_3d::TestSnapshotInstallUnreliable3D";
const INSTALL_CRASH: &str = "lab3::snapshot_3d::TestSnapshotInstallCrash3D";
const INSTALL_UN_CRASH: &str = "lab3::snapshot_3d::TestSnapshotInstallUnCrash3D";
pub(crate) const ALL_CRASH: &str = "lab3::snapshot_3d::TestSnapshotAllCrash3D";
const INIT: &str = "lab3::snapshot_3d::TestSnapshotInit3D";

fn out_of_order(message: &'static str) -> Expected {
    Expected::anywhere(Safety, message)
}

const FROM_ONE: &str = "apply error: server 0 apply out of order, expected index 1, got 10";

#[test]
fn ignores_snapshots() {
    for test in [BASIC, INSTALL, INSTALL_UNRELIABLE, INSTALL_CRASH, INSTALL_UN_CRASH] {
        let large = Expected::at(("snapcommon", "fatal"), Budget, "Log size too large");
        always_fails(test, Bug::IgnoresSnapshots, large);
    }
    let large = Expected::at(("snapcommon", "fatal"), Budget, "Log size too large");
    always_fails(BASIC, Bug::IgnoresSnapshotsAsFollower, large);
}

#[test]
fn drops_snapshot() {
    let nil = "apply error: server 0: nil snapshot";
    always_fails(INSTALL, Bug::DropsSnapshot, Expected::anywhere(Safety, nil));
    always_fails(INIT, Bug::DropsSnapshot, out_of_order(FROM_ONE));
}

#[test]
fn never_saves_snapshot() {
    for test in [ALL_CRASH, INIT] {
        always_fails(test, Bug::NeverSavesSnapshot, out_of_order(FROM_ONE));
    }
}

#[test]
fn never_reads_snapshot() {
    // Only the second crash finds that it is gone.
    always_fails(INIT, Bug::NeverReadsSnapshot, out_of_order(FROM_ONE));
}

#[test]
fn keeps_first_snapshot() {
    let other = "apply error: server 0 snapshot doesn't match m.SnapshotIndex";
    for test in [INSTALL, INSTALL_CRASH] {
        always_fails(test, Bug::KeepsFirstSnapshot, Expected::anywhere(Safety, other));
    }
    let gap = "apply error: server 0 apply out of order, expected index 10, got 20";
    always_fails(ALL_CRASH, Bug::KeepsFirstSnapshot, out_of_order(gap));
}

#[test]
fn forgets_snapshot_index() {
    let again = "apply error: server 0 apply out of order, expected index 10, got 1";
    for test in [ALL_CRASH, INIT] {
        always_fails(test, Bug::ForgetsSnapshotIndex, out_of_order(again));
    }
}

#[test]
fn keeps_snapshot_to_itself() {
    let gap = "apply error: server 0 apply out of order, expected index 3, got 10";
    for test in [INSTALL, INSTALL_CRASH] {
        always_fails(test, Bug::KeepsSnapshotToItself, out_of_order(gap));
    }
}

#[test]
fn never_saves_log() {
    let decreased = "index decreased from 14 to 10";
    let decreased = Expected::at(("TestSnapshotAllCrash3D", "fatal"), Safety, decreased);
    // Without a snapshot the tester still knows what had been applied.
    let two = out_of_order("apply error: commit index=1 server=0 1 != server=1 2");
    let [decreased, two] = run(ALL_CRASH, Bug::NeverSavesLog, 1..=10).assert_only([decreased, two]);
    assert!(decreased >= 3 && decreased + two == 10, "{decreased} and {two} of 10");
}

#[test]
fn saves_the_halves_of_a_snapshot_apart() {
    let gap =
        || out_of_order("apply error: server 0 apply out of order, expected index 10, got 20");
    for bug in [Bug::SavesSnapshotBeforeState, Bug::SavesStateBeforeSnapshot] {
        fails_of(INSTALL_CRASH, bug, (3, 1..=10), gap());
    }
}

#[test]
fn applies_from_one() {
    let panicked =
        "server 0 panicked in a task spawned at zoo/src/raft.rs:1: what is applied is in the log";
    for test in [ALL_CRASH, INIT] {
        always_fails(test, Bug::AppliesFromOne, Expected::anywhere(Panic, panicked));
    }
}

#[test]
fn panics_below_snapshot() {
    let panicked = "server 0 panicked in the handler of Raft.AppendEntries: index out of bounds";
    let panicked = Expected::anywhere(Panic, panicked);
    fails_of(INSTALL_UNRELIABLE, Bug::PanicsBelowSnapshot, (1, 1..=20), panicked);
}

#[test]
fn takes_saved_for_applied() {
    let gap = "apply error: server 0 apply out of order, expected index 10, got 14";
    always_fails(INIT, Bug::TakesSavedForApplied, out_of_order(gap));
}

#[test]
fn installs_another_snapshot() {
    for (bug, message) in [
        (Bug::KeepsOwnSnapshot, "apply error: server 0: nil snapshot"),
        (Bug::SendsHalfSnapshot, "apply error: server 0: snapshot decode error at index 9: "),
        (Bug::DeliversGarbage, "apply error: server 0: snapshot decode error at index 9: "),
        (
            Bug::CountsSnapshotFromZero,
            "apply error: server 0 snapshot doesn't match m.SnapshotIndex",
        ),
    ] {
        for test in [INSTALL, INSTALL_CRASH] {
            always_fails(test, bug, Expected::anywhere(Safety, message));
        }
    }
}

#[test]
fn reads_state_for_snapshot() {
    let unreadable = "server 0: snapshot decode error: ";
    always_fails(INIT, Bug::ReadsStateForSnapshot, Expected::anywhere(Safety, unreadable));
}

#[test]
fn sends_the_snapshot_for_ever() {
    let few = "one(1) failed to reach agreement\n  command   server 0 accepted it at index 1 in \
               term 1, and still leads; it is applied by too few, 3 were wanted\n";
    for bug in [Bug::NeverAdvancesAfterSnapshot, Bug::CountsSnapshotOneShort] {
        for test in [INSTALL, INSTALL_CRASH] {
            always_fails(test, bug, Expected::at(("snapcommon", "one"), Liveness, few));
        }
    }
}

#[test]
fn ignores_snapshot_offset() {
    let panicked =
        "server 0 panicked in a task spawned at zoo/src/raft.rs:1: index out of bounds: ";
    always_fails(BASIC, Bug::IgnoresSnapshotOffset, Expected::anywhere(Panic, panicked));
}

#[test]
fn applies_one_per_tick() {
    let message = "test took longer than 120 seconds";
    let stuck = Expected::anywhere(Stuck, message);
    fails_of(INSTALL, Bug::AppliesOnePerTick, (2, 1..=2), stuck);
}

#[test]
fn times_out_after_seconds() {
    let nobody = "one(1) failed to reach agreement\n  command   nobody accepted it: no connected \
                  server said that it leads";
    let nobody = Expected::at(("snapcommon", "one"), Liveness, nobody);
    fails_of(INSTALL_UN_CRASH, Bug::TimesOutAfterSeconds, (2, 1..=20), nobody);
}
