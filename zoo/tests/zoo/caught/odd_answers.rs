//! Rafts that tell the tester something odd: the messages that no broken rule of the paper leads to.

use config::FailureKind::{Budget, Liveness, Panic, Safety};

use super::{Row, Wrong};
use crate::child::Expected;
use crate::wrappers::Odd;

/// A row for an oddity, by which each of three runs fails.
const fn row(odd: Odd, test: &'static str, failures: &'static [(usize, Expected)]) -> Row {
    Row::new(Wrong::Odd(odd), test, 3, failures)
}

const fn safety(message: &'static str) -> Expected {
    Expected::anywhere(Safety, message)
}

pub(super) const ROWS: &[Row] = &[
    // ---- Indexes that there can't be ----
    row(
        Odd::AppliesIndexZero,
        "TestBasicAgree3B",
        &[(3, safety("apply error: server N apply out of order, expected index N, got N"))],
    ),
    row(
        Odd::AppliesFarAhead,
        "TestBasicAgree3B",
        &[(3, safety("apply error: server N apply out of order N"))],
    ),
    row(
        Odd::AppliesFarAhead,
        "TestSnapshotBasic3D",
        &[(
            3,
            safety(
                "apply error: server N apply out of order, expected index N, got \
                 N",
            ),
        )],
    ),
    row(
        Odd::ReportsFarIndex,
        "TestBasicAgree3B",
        &[(
            3,
            Expected::at(
                "TestBasicAgree3B",
                "one",
                Liveness,
                "one(N) failed to reach agreement\n  command   server N accepted it at index \
                 N in term N, and still leads…",
            ),
        )],
    ),
    row(
        Odd::ReportsFarIndex,
        "TestCount3B",
        &[(
            3,
            safety(
                "server N's start() returned index N after \
                 N in the same term N",
            ),
        )],
    ),
    // ---- A word is no number ----
    row(Odd::AppliesWords, "TestConcurrentStarts3B", &[(3, safety("value word is not an int"))]),
    row(Odd::AppliesWords, "TestReliableChurn3C", &[(3, safety("wrong command type"))]),
    row(Odd::AppliesWords, "TestUnreliableChurn3C", &[(3, safety("wrong command type"))]),
    // Nor is one that no client has waited for.
    row(Odd::AppliesOneWordLate, "TestReliableChurn3C", &[(3, safety("not an int"))]),
    // ---- Snapshots that the service hasn't made ----
    row(
        Odd::InventsSnapshot,
        "TestSnapshotBasic3D",
        &[(3, safety("committed values do not match: index N, N, word"))],
    ),
    row(
        Odd::InventsSnapshot,
        "TestBasicAgree3B",
        &[(
            3,
            safety(
                "apply error: server N applied a snapshot at index N, but no snapshot was ever \
                 made",
            ),
        )],
    ),
    row(
        Odd::AppliesGarbledSnapshot,
        "TestSnapshotBasic3D",
        &[(3, safety("apply error: server N: snapshot decode error at index N: …"))],
    ),
    row(
        Odd::SavesGarbledSnapshot,
        "TestSnapshotInit3D",
        &[(3, safety("server N: snapshot decode error: …"))],
    ),
    // ---- Snapshots that haven't what they claim to have ----
    row(
        Odd::InventsSnapshotOfNothing,
        "TestSnapshotBasic3D",
        &[(
            3,
            safety(
                "apply error: server N snapshot at index N was not made by the service: it has N commands",
            ),
        )],
    ),
    row(
        Odd::InventsSnapshotFarAhead,
        "TestSnapshotBasic3D",
        &[(
            3,
            safety(
                "apply error: server N snapshot at index N was not made by the service: it has N commands",
            ),
        )],
    ),
    row(
        Odd::SavesSnapshotFarAhead,
        "TestSnapshotInit3D",
        &[(
            3,
            safety("server N snapshot at index N was not made by the service: it has N commands"),
        )],
    ),
    // ---- Snapshots that don't cover what was applied ----
    row(
        Odd::InventsSnapshotBeyond,
        "TestSnapshotBasic3D",
        &[(
            3,
            safety(
                "apply error: server N snapshot at index N ends after index N, the last index that any server has applied",
            ),
        )],
    ),
    row(
        Odd::InventsSnapshotBehind,
        "TestSnapshotBasic3D",
        &[(
            3,
            safety(
                "apply error: server N snapshot at index N is older than index N, which the server has already applied",
            ),
        )],
    ),
    // ---- A state that can't be read is the server's panic ----
    row(
        Odd::SavesGarbledState,
        "TestPersist13C",
        &[(
            3,
            Expected::anywhere(
                Panic,
                "server N panicked in make: failed to read what was saved: …",
            ),
        )],
    ),
    // ---- Terms and indexes go up ----
    row(
        Odd::ReportsLaterTerm,
        "TestCount3B",
        &[(3, safety("server N's start() accepted in term N after it had in term N"))],
    ),
    row(
        Odd::ReportsEarlierIndex,
        "TestCount3B",
        &[(
            3,
            Expected::at(
                "count_agreement",
                "start",
                Safety,
                "server N's start() returned index N after N in the same term N",
            ),
        )],
    ),
    row(
        Odd::ReportsEarlierIndex,
        "TestBasicAgree3B",
        &[(
            3,
            Expected::at(
                "TestBasicAgree3B",
                "one",
                Safety,
                "server N's start() returned index N after N in the same term N",
            ),
        )],
    ),
    // ---- Nobody leads without an RPC ----
    row(
        Odd::LeadsUnasked,
        "TestCount3B",
        &[(
            3,
            Expected::at(
                "TestCount3B",
                "fatal",
                Budget,
                "too many or few RPCs (N) to elect initial leader",
            ),
        )],
    ),
];
