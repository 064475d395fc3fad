//! What the tests beyond MIT's find: each scenario forces what it is made for, so that each of three seeds
//! does.

use config::FailureKind::{Liveness, Panic, Safety};
use zoo::Bug;

use super::{Row, row};
use crate::child::Expected;

pub(super) const ROWS: &[Row] = &[
    row(
        Bug::CommitsOldTerms,
        "TestFigure8X01",
        3,
        &[(
            3,
            Expected::anywhere(
                Safety,
                "index 2 is committed, though its entry is of an earlier term",
            ),
        )],
    ),
    row(
        Bug::VotesTwice,
        "TestOneVoteATermX02",
        3,
        &[(
            3,
            Expected::anywhere(Safety, "server 2 votes for server 0 and for server 1 in term 3"),
        )],
    ),
    row(
        Bug::CountsOldVotes,
        "TestLateVoteX03",
        3,
        &[(3, Expected::anywhere(Safety, "server 0 leads term 3 by a vote of term 2"))],
    ),
    row(
        Bug::TruncatesAlways,
        "TestLateAppendEntriesX04",
        3,
        &[(3, Expected::anywhere(Safety, "server 1 leads without the committed entry at index 2"))],
    ),
    row(
        Bug::NeverSavesVote,
        "TestVoteSurvivesCrashX05",
        3,
        &[(
            3,
            Expected::anywhere(
                Safety,
                "server 2 votes for server 0 and, after a crash, for server 1 in term 3",
            ),
        )],
    ),
    row(
        Bug::NeverSavesOwnVote,
        "TestVoteSurvivesCrashX05",
        3,
        &[(
            3,
            Expected::anywhere(
                Safety,
                "server 1 has stood in term 9 and, after a crash, votes for server 0 in it",
            ),
        )],
    ),
    row(
        Bug::NeverSavesOwnCommands,
        "TestEntriesSurviveCrashX06",
        3,
        &[(
            3,
            Expected::anywhere(
                Safety,
                "server 0 leads without the committed entry at index 4, which it had",
            ),
        )],
    ),
    row(
        Bug::NeverSavesTerm,
        "TestCrashAtSaveX07",
        3,
        &[(
            3,
            Expected::anywhere(Safety, "server 0 has been in term 3, and is in 0 after a crash"),
        )],
    ),
    row(
        Bug::CountsOldAnswers,
        "TestAnswerToFormerTermX08",
        3,
        &[(
            3,
            Expected::anywhere(
                Safety,
                "index 4 is committed, though two of five servers have it: server 0 has counted an answer",
            ),
        )],
    ),
    row(
        Bug::InstallsAnySnapshot,
        "TestLateSnapshotX09",
        3,
        &[(3, Expected::anywhere(Safety, "apply error: server 2 apply out of order"))],
    ),
    row(
        Bug::TruncatesAlways,
        "TestEntriesBehindSnapshotX10",
        3,
        &[(
            3,
            Expected::anywhere(
                Safety,
                "monitor M7: server 1 refused to go on from index 28 in term 3, and had acknowledged",
            ),
        )],
    ),
    row(
        Bug::BlocksOnVotes,
        "TestSilentPeersX12",
        3,
        &[(
            3,
            Expected::anywhere(
                Liveness,
                "server 1 has asked for votes, and has begun 0 more elections in 6 s without an answer",
            ),
        )],
    ),
    row(
        Bug::RestartsTimerForEveryCandidate,
        "TestRefusedRequestsX13",
        3,
        &[(
            3,
            Expected::anywhere(
                Liveness,
                "server 1 has refused requests for its vote in an earlier term",
            ),
        )],
    ),
    row(
        Bug::LeadsOnInHigherTerm,
        "TestHigherTermInRepliesX14",
        3,
        &[(
            3,
            Expected::anywhere(Safety, "server 0 was told of term 4 by a reply to AppendEntries"),
        )],
    ),
    row(
        Bug::MissesNotices,
        "TestSlowServiceX16",
        3,
        &[(3, Expected::anywhere(Liveness, "only 0 decided for index 7; wanted 3"))],
    ),
    row(
        Bug::InstallsAnySnapshot,
        "TestDoubledRequestsX17",
        3,
        &[(3, Expected::anywhere(Safety, "apply error: server 4 apply out of order"))],
    ),
    row(
        Bug::NeverDrawsTimeout,
        "TestAlignedTimersX20",
        3,
        &[(3, Expected::anywhere(Liveness, "expected one leader, got none"))],
    ),
    row(
        Bug::NeverSyncs,
        "TestSlowDisksX21",
        3,
        &[(
            3,
            Expected::anywhere(
                Safety,
                "server 2 votes for server 0 and, after a crash, for server 1 in term 3",
            ),
        )],
    ),
    row(
        Bug::TimesOutDespiteHeartbeats,
        "TestLeaderStaysX22",
        3,
        &[(
            3,
            Expected::anywhere(
                Liveness,
                "server 0 led term 20 and has lost its leadership, by term 33, though nothing failed",
            ),
        )],
    ),
    row(
        Bug::TrustsTheirLength,
        "TestRefusalOfFormerTermX23",
        3,
        &[(
            3,
            Expected::anywhere(
                Panic,
                "server 0 panicked in a task spawned at zoo/src/raft.rs:79: index out of bounds",
            ),
        )],
    ),
    row(
        Bug::KeepsMatchIndexes,
        "TestMatchOfFormerTermX24",
        3,
        &[(
            3,
            Expected::anywhere(
                Safety,
                "index 4 is committed, though two of five servers have it: server 0 has counted what was",
            ),
        )],
    ),
    row(
        Bug::NeverSavesInstalled,
        "TestInstalledSnapshotSurvivesCrashX25",
        3,
        &[(
            3,
            Expected::anywhere(
                Safety,
                "server 2 has acknowledged a snapshot, and has saved none when it crashes",
            ),
        )],
    ),
    row(
        Bug::WinsWithHalfOfEven,
        "TestEvenClusterX26",
        3,
        &[(3, Expected::anywhere(Safety, "server 2 leads by the votes of two of four servers"))],
    ),
    row(
        Bug::CommitsWithHalfOfEven,
        "TestEvenClusterX26",
        3,
        &[(3, Expected::anywhere(Safety, "index 2 is committed, and two of four servers have it"))],
    ),
    row(
        Bug::InstallsOverApplied,
        "TestUnevenSnapshotsX27",
        3,
        &[(
            3,
            Expected::anywhere(
                Safety,
                "apply error: server 2 apply out of order, expected index 17, got 16",
            ),
        )],
    ),
    row(
        Bug::RefusesBelowSnapshot,
        "TestUnevenSnapshotsX27",
        3,
        &[(3, Expected::anywhere(Liveness, "only 2 decided for index 20; wanted 3"))],
    ),
    row(
        Bug::SetsAppliedBack,
        "TestSnapshotWhileApplyingX28",
        3,
        &[(3, Expected::anywhere(Liveness, "one(27) failed to reach agreement"))],
    ),
    row(
        Bug::DeliversSnapshotsBeside,
        "TestSnapshotWhileApplyingX28",
        3,
        &[(
            3,
            Expected::anywhere(
                Safety,
                "apply error: server 2 apply out of order, expected index 20, got 3",
            ),
        )],
    ),
    row(
        Bug::CountsTheirLength,
        "TestCrashAtSaveX07",
        20,
        &[(
            6,
            Expected::anywhere(
                Safety,
                "monitor M21: server 0 applied index 4, which had been sent to so few that at most 1 of \
                 3 servers could have it",
            ),
        )],
    ),
    row(
        Bug::ShiftsEntriesBehindSnapshot,
        "TestDoubledRequestsX17",
        3,
        &[(3, Expected::anywhere(Safety, "apply error: commit index=1 server=0 1 != server=1 2"))],
    ),
    row(
        Bug::ShiftsEntriesBehindSnapshot,
        "TestUnevenSnapshotsX27",
        3,
        &[(3, Expected::anywhere(Safety, "apply error: commit index=1 server=0 1 != server=1 2"))],
    ),
];
