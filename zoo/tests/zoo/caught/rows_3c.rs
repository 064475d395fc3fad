//! Part 3C: what a crash, a bad network or a long history does to a wrong Raft.

use config::FailureKind::{Liveness, Panic, Safety};
use zoo::Bug;

use super::{Row, row};
use crate::child::Expected;

const PERSIST_1: &str = "TestPersist13C";
const PERSIST_2: &str = "TestPersist23C";
const PERSIST_3: &str = "TestPersist33C";
const FIGURE_8: &str = "TestFigure83C";
const UNRELIABLE_AGREE: &str = "TestUnreliableAgree3C";
const RELIABLE_CHURN: &str = "TestReliableChurn3C";
const UNRELIABLE_CHURN: &str = "TestUnreliableChurn3C";
const FIGURE_8_UNRELIABLE: &str = "TestFigure8Unreliable3C";

const fn no_agreement(function: &'static str) -> Expected {
    Expected::at(function, "one", Liveness, "one(N) failed to reach agreement")
}

const TWO_COMMANDS: Expected =
    Expected::anywhere(Safety, "apply error: commit index=N server=N N != server=N N");
const UNREADABLE: Expected = Expected::anywhere(Safety, "server N: snapshot decode error: …");
const TOO_FEW: Expected = Expected::at(
    "TestFigure8Unreliable3C",
    "one",
    Liveness,
    "one(N) failed to reach agreement\n  command   server N accepted it at index N in term N, and \
     still leads, but fewer than N servers applied it\n",
);
const LOST_LEADERSHIP: Expected = Expected::at(
    "TestFigure8Unreliable3C",
    "one",
    Liveness,
    "one(N) failed to reach agreement\n  command   server N accepted it at index N in term N, and \
     then lost its leadership (term N now)\n",
);
const NEXT_INDEX_0: Expected = Expected::anywhere(
    Panic,
    "server N panicked in a task spawned at zoo/src/raft.rs:N: nextIndex is at least N",
);
const TWICE: Expected =
    Expected::anywhere(Safety, "apply error: server N apply out of order, expected index N, got N");
const GAP: Expected = Expected::anywhere(Safety, "apply error: server N apply out of order N");

pub(super) const ROWS: &[Row] = &[
    row(Bug::NeverSavesTerm, PERSIST_2, 5, &[(5, TWO_COMMANDS)]),
    row(Bug::NeverSavesLog, PERSIST_1, 5, &[(5, TWO_COMMANDS)]),
    row(Bug::NeverSavesLog, PERSIST_2, 5, &[(5, TWO_COMMANDS)]),
    row(Bug::NeverSavesLog, PERSIST_3, 5, &[(5, TWO_COMMANDS)]),
    row(Bug::SavesLate, PERSIST_1, 5, &[(5, TWO_COMMANDS)]),
    row(
        Bug::NeverSavesTheirEntries,
        PERSIST_1,
        10,
        &[(5, TWO_COMMANDS), (0, no_agreement("TestPersist13C"))],
    ),
    row(Bug::WinsAmongWhoAnswer, PERSIST_2, 5, &[(5, TWO_COMMANDS)]),
    row(Bug::StopsAtOldTerms, PERSIST_1, 5, &[(5, no_agreement("TestPersist13C"))]),
    row(Bug::KeepsConflictingSuffix, FIGURE_8_UNRELIABLE, 10, &[(2, TWO_COMMANDS)]),
    row(Bug::BacksUpToZero, RELIABLE_CHURN, 12, &[(1, NEXT_INDEX_0)]),
    row(Bug::ResendsSameRequest, FIGURE_8_UNRELIABLE, 4, &[(2, TOO_FEW)]),
    row(Bug::AppliesPerNotice, UNRELIABLE_AGREE, 5, &[(5, TWICE)]),
    row(Bug::TakesSavedForApplied, FIGURE_8, 5, &[(5, GAP)]),
    row(Bug::TruncatesAlways, UNRELIABLE_AGREE, 5, &[(5, no_agreement("TestUnreliableAgree3C"))]),
    row(
        Bug::TruncatesAlways,
        UNRELIABLE_CHURN,
        8,
        &[(2, TWO_COMMANDS), (0, no_agreement("internal_churn"))],
    ),
    row(Bug::BacksUpOneByOne, FIGURE_8_UNRELIABLE, 3, &[(3, TOO_FEW)]),
    row(Bug::CountsUnsentEntries, FIGURE_8_UNRELIABLE, 5, &[(2, TWO_COMMANDS)]),
    row(Bug::NeverSavesOwnCommands, PERSIST_3, 5, &[(5, TWO_COMMANDS)]),
    row(Bug::ReadsStateForSnapshot, PERSIST_1, 5, &[(5, UNREADABLE)]),
    row(Bug::ReadsStateForSnapshot, PERSIST_2, 5, &[(5, UNREADABLE)]),
    row(Bug::CountsFailedCalls, PERSIST_2, 20, &[(10, TWO_COMMANDS)]),
    // Replies must overtake each other, and one come when its candidate has started another election.
    row(Bug::CountsOldVotes, FIGURE_8_UNRELIABLE, 40, &[(1, TWO_COMMANDS)]),
    row(Bug::HeartbeatsTooSeldom, FIGURE_8_UNRELIABLE, 10, &[(2, LOST_LEADERSHIP)]),
    row(Bug::WaitsForEachReply, FIGURE_8_UNRELIABLE, 10, &[(4, LOST_LEADERSHIP)]),
    // A leader must back up for longer than the election timeout of the follower that refuses.
    row(Bug::RestartsTimerOnSuccessOnly, FIGURE_8_UNRELIABLE, 30, &[(1, LOST_LEADERSHIP)]),
    row(Bug::TakesHintForMatch, FIGURE_8, 8, &[(2, no_agreement("TestFigure83C"))]),
    row(Bug::RestartsTimerWhenRefusing, PERSIST_2, 10, &[(8, no_agreement("TestPersist23C"))]),
    row(Bug::RestartsTimerWithTerm, PERSIST_2, 10, &[(8, no_agreement("TestPersist23C"))]),
    row(Bug::AsksWithNextIndex, PERSIST_2, 5, &[(5, TWO_COMMANDS)]),
    row(
        Bug::LosesWhatItSent,
        PERSIST_1,
        5,
        &[(
            5,
            Expected::at(
                "TestPersist13C",
                "wait",
                Liveness,
                "only N decided for index N; wanted N",
            ),
        )],
    ),
    row(
        Bug::StopsAllWhenOneFails,
        UNRELIABLE_AGREE,
        5,
        &[(5, no_agreement("TestUnreliableAgree3C"))],
    ),
    row(Bug::AsksWithCommitIndex, PERSIST_1, 5, &[(5, no_agreement("TestPersist13C"))]),
    row(Bug::AsksWithCommitIndex, PERSIST_2, 5, &[(5, no_agreement("TestPersist23C"))]),
];
