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
                "index N is committed, though its entry is of an earlier term…",
            ),
        )],
    ),
    row(
        Bug::VotesTwice,
        "TestOneVoteATermX02",
        3,
        &[(
            3,
            Expected::anywhere(Safety, "server N votes for server N and for server N in term N"),
        )],
    ),
    row(
        Bug::CountsOldVotes,
        "TestLateVoteX03",
        3,
        &[(3, Expected::anywhere(Safety, "server N leads term N by a vote of term N"))],
    ),
    row(
        Bug::TruncatesAlways,
        "TestLateAppendEntriesX04",
        3,
        &[(3, Expected::anywhere(Safety, "server N leads without the committed entry at index N…"))],
    ),
    row(
        Bug::NeverSavesVote,
        "TestVoteSurvivesCrashX05",
        3,
        &[(
            3,
            Expected::anywhere(
                Safety,
                "server N votes for server N and, after a crash, for server N in term N",
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
                "server N was a candidate in term N and, after a crash, voted for server N in that term",
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
                "server N leads without the committed entry at index N, which it had…",
            ),
        )],
    ),
    row(
        Bug::NeverSavesTerm,
        "TestCrashAtSaveX07",
        3,
        &[(
            3,
            Expected::anywhere(Safety, "server N was in term N, but is in term N after a crash"),
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
                "index N is committed, though only two of five servers have it; an answer to a request of an…",
            ),
        )],
    ),
    row(
        Bug::InstallsAnySnapshot,
        "TestLateSnapshotX09",
        3,
        &[(3, Expected::anywhere(Safety, "apply error: server N apply out of order…"))],
    ),
    row(
        Bug::TruncatesAlways,
        "TestEntriesBehindSnapshotX10",
        3,
        &[(
            3,
            Expected::anywhere(
                Safety,
                "rule log-truncated (MN): server N deleted the entry of term N at index N…",
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
                "server N asked for votes, got no answer for N s, and began N more elections in that time",
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
                "server N gets nothing but vote requests of an earlier term…",
            ),
        )],
    ),
    row(
        Bug::LeadsOnInHigherTerm,
        "TestHigherTermInRepliesX14",
        3,
        &[(
            3,
            Expected::anywhere(Safety, "server N was told of term N by a reply to AppendEntries…"),
        )],
    ),
    row(
        Bug::MissesNotices,
        "TestSlowServiceX16",
        3,
        &[(3, Expected::anywhere(Liveness, "only N decided for index N; wanted N"))],
    ),
    row(
        Bug::InstallsAnySnapshot,
        "TestDoubledRequestsX17",
        3,
        &[(3, Expected::anywhere(Safety, "apply error: server N apply out of order…"))],
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
                "server N votes for server N and, after a crash, for server N in term N",
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
                "server N led term N and has lost its leadership (term N now), though nothing failed",
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
                "server N panicked in a task spawned at zoo/src/raft.rs:N: index out of bounds…",
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
                "index N is committed, though only two of five servers have it; in an earlier term server N had…",
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
                "server N acknowledged a snapshot, but had saved none when it crashed",
            ),
        )],
    ),
    row(
        Bug::WinsWithHalfOfEven,
        "TestEvenClusterX26",
        3,
        &[(3, Expected::anywhere(Safety, "server N leads by the votes of two of four servers"))],
    ),
    row(
        Bug::CommitsWithHalfOfEven,
        "TestEvenClusterX26",
        3,
        &[(3, Expected::anywhere(Safety, "index N is committed, though only two of four servers have it"))],
    ),
    row(
        Bug::InstallsOverApplied,
        "TestUnevenSnapshotsX27",
        3,
        &[(
            3,
            Expected::anywhere(
                Safety,
                "apply error: server N apply out of order, expected index N, got N",
            ),
        )],
    ),
    row(
        Bug::RefusesBelowSnapshot,
        "TestUnevenSnapshotsX27",
        3,
        &[(3, Expected::anywhere(Liveness, "only N decided for index N; wanted N"))],
    ),
    row(
        Bug::SetsAppliedBack,
        "TestSnapshotWhileApplyingX28",
        3,
        &[(3, Expected::anywhere(Liveness, "one(N) failed to reach agreement"))],
    ),
    row(
        Bug::DeliversSnapshotsBeside,
        "TestSnapshotWhileApplyingX28",
        3,
        &[(
            3,
            Expected::anywhere(
                Safety,
                "apply error: server N apply out of order, expected index N, got N",
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
                "rule commits-without-majority (MN): server N treated index N as committed without a majority…",
            ),
        )],
    ),
    row(
        Bug::ShiftsEntriesBehindSnapshot,
        "TestDoubledRequestsX17",
        3,
        &[(3, Expected::anywhere(Safety, "apply error: commit index=N server=N N != server=N N"))],
    ),
    row(
        Bug::ShiftsEntriesBehindSnapshot,
        "TestUnevenSnapshotsX27",
        3,
        &[(3, Expected::anywhere(Safety, "apply error: commit index=N server=N N != server=N N"))],
    ),
    row(
        Bug::WaitsForEachReply,
        "TestCallWithoutAnswerX29",
        3,
        &[(3, Expected::anywhere(Liveness, "server N leads, and sends server N nothing for N s, with a heartbeat to it under way"))],
    ),
    row(
        Bug::HeartbeatsWaitForEntries,
        "TestCallWithoutAnswerX29",
        3,
        &[
            (0, Expected::anywhere(Liveness, "server N led, and has lost its leadership, with entries to server N under way")),
            (0, Expected::anywhere(Liveness, "server N leads, and sends server N nothing for N s, with entries to it under way")),
        ],
    )
    .in_all(3),
    row(
        Bug::KeepsLogOverSnapshot,
        "TestSnapshotOverConflictX30",
        3,
        &[(3, Expected::anywhere(Liveness, "one(N) failed to reach agreement"))],
    ),
    row(
        Bug::RestartsTimerOnSuccessOnly,
        "TestRefusingFollowerX31",
        3,
        &[(3, Expected::anywhere(Liveness, "server N started an election N ms after a request from server N, which leads: …"))],
    ),
    row(
        Bug::StopsAllWhenOneFails,
        "TestRefusingFollowerX31",
        3,
        &[(3, Expected::anywhere(Liveness, "server N started an election…"))],
    ),
    row(
        Bug::GivesUpCallsSoon,
        "TestSlowMessagesX32",
        3,
        &[(3, Expected::anywhere(Liveness, "one(N) failed to reach agreement"))],
    ),
    row(
        Bug::DropsCallsUnderWay,
        "TestSlowMessagesX32",
        3,
        &[(3, Expected::anywhere(Liveness, "one(N) failed to reach agreement"))],
    ),
    row(
        Bug::WaitsBrieflyForVotes,
        "TestSlowMessagesX32",
        3,
        &[(3, Expected::anywhere(Liveness, "servers N and N are connected, all messages take N to N ms, and neither leads after N s"))],
    ),
    row(
        Bug::AppendsInTwoSteps,
        "TestRequestsAtOnceX33",
        3,
        &[(3, Expected::anywhere(Safety, "apply error: commit index=N server=N N != server=N N"))],
    ),
    row(
        Bug::VotesInTwoSteps,
        "TestRequestsAtOnceX33",
        3,
        &[(3, Expected::anywhere(Safety, "server N votes for both server N and server N in term N: they ask at the same instant"))],
    ),
    row(
        Bug::GivesUpAtRefusal,
        "TestVotesBehindRefusalX34",
        3,
        &[(3, Expected::anywhere(Liveness, "server N asks server N for its vote when server N has refused, and isn't elected in N s"))],
    ),
    row(
        Bug::GivesUpAtFailedCall,
        "TestVotesBehindRefusalX34",
        3,
        &[(3, Expected::anywhere(Liveness, "server N asks server N for its vote when its call to server N has failed, and isn't elected…"))],
    ),
    row(
        Bug::RefusesInTheirTerm,
        "TestHigherTermInRepliesX14",
        3,
        &[(3, Expected::anywhere(Safety, "server N, which is in term N, answers AppendEntries of an earlier term with term N, so that its sender can't know that it leads no more"))],
    ),
    row(
        Bug::CountsRepeatedVotes,
        "TestEvenClusterX26",
        3,
        &[(3, Expected::anywhere(Safety, "server N leads by the votes of two of four servers"))],
    ),
    row(
        Bug::AppendsInTwoSteps,
        "TestDoubledRequestsX17",
        3,
        &[(3, Expected::anywhere(Safety, "apply error: commit index=N server=N N != server=N N"))],
    ),
    row(
        Bug::DropsWhatServiceHasNoTimeFor,
        "TestSlowServiceX16",
        3,
        &[(3, Expected::anywhere(Safety, "apply error: server N apply out of order…"))],
    ),
    row(
        Bug::WaitsToAskAgain,
        "TestOneVoteATermX02",
        3,
        &[(3, Expected::anywhere(Liveness, "none of the RequestVote requests from server N to server N came for N s"))],
    ),
];
