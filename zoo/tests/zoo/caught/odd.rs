//! Rafts that tell the tester something odd: the messages that no broken rule of the paper leads to.

use config::FailureKind::{Budget, Liveness, Panic, Safety};

use super::{Row, Wrong};
use crate::child::Expected;
use crate::odd::Odd;

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
        &[(3, safety("apply error: server 0 apply out of order, expected index 1, got 0"))],
    ),
    row(
        Odd::AppliesFarAhead,
        "TestBasicAgree3B",
        &[(3, safety("apply error: server 0 apply out of order 18446744073709551615"))],
    ),
    row(
        Odd::AppliesFarAhead,
        "TestSnapshotBasic3D",
        &[(
            3,
            safety(
                "apply error: server 0 apply out of order, expected index 1, got \
                 18446744073709551615",
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
                "one(100) failed to reach agreement\n  command   server 1 accepted it at index \
                 18446744073709551615 in term 1, and still leads",
            ),
        )],
    ),
    row(
        Odd::ReportsFarIndex,
        "TestCount3B",
        &[(
            3,
            safety(
                "server 1's start() returned index 18446744073709551615 after \
                 18446744073709551615 in the same term 1",
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
        &[(3, safety("committed values do not match: index 1, 1, word"))],
    ),
    row(
        Odd::InventsSnapshot,
        "TestBasicAgree3B",
        &[(
            3,
            safety(
                "apply error: server 1 applied a snapshot at index 1, but no snapshot was ever \
                 made",
            ),
        )],
    ),
    row(
        Odd::AppliesGarbledSnapshot,
        "TestSnapshotBasic3D",
        &[(3, safety("apply error: server 0: snapshot decode error at index 1: "))],
    ),
    row(
        Odd::SavesGarbledSnapshot,
        "TestSnapshotInit3D",
        &[(3, safety("server 0: snapshot decode error: "))],
    ),
    // ---- Snapshots that haven't what they claim to have ----
    row(
        Odd::InventsSnapshotOfNothing,
        "TestSnapshotBasic3D",
        &[(
            3,
            safety(
                "apply error: server 1 snapshot at index 0 is none of the service's: it has 0 \
                 commands",
            ),
        )],
    ),
    row(
        Odd::InventsSnapshotFarAhead,
        "TestSnapshotBasic3D",
        &[(
            3,
            safety(
                "apply error: server 1 snapshot at index 18446744073709551615 is none of the \
                 service's: it has 1 commands",
            ),
        )],
    ),
    row(
        Odd::SavesSnapshotFarAhead,
        "TestSnapshotInit3D",
        &[(
            3,
            safety(
                "server 0 snapshot at index 18446744073709551615 is none of the service's: it has \
                 1 commands",
            ),
        )],
    ),
    // ---- Snapshots that don't cover what was applied ----
    row(
        Odd::InventsSnapshotBeyond,
        "TestSnapshotBasic3D",
        &[(
            3,
            safety(
                "apply error: server 1 snapshot at index 2 is beyond index 1, the last that \
                 anybody has applied",
            ),
        )],
    ),
    row(
        Odd::InventsSnapshotBehind,
        "TestSnapshotBasic3D",
        &[(
            3,
            safety(
                "apply error: server 1 snapshot at index 1 goes back behind index 2, which it has \
                 applied",
            ),
        )],
    ),
    // ---- A state that can't be read is the server's panic ----
    row(
        Odd::SavesGarbledState,
        "TestPersist13C",
        &[(
            3,
            Expected::anywhere(Panic, "server 0 panicked in make: failed to read what was saved: "),
        )],
    ),
    // ---- Terms and indexes go up ----
    row(
        Odd::ReportsLaterTerm,
        "TestCount3B",
        &[(3, safety("server 0's start() accepted in term 1 after it had in term 2"))],
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
                "server 0's start() returned index 1 after 2 in the same term 1",
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
                "server 0's start() returned index 1 after 2 in the same term 1",
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
                "too many or few RPCs (0) to elect initial leader",
            ),
        )],
    ),
];
