//! What the tests beyond MIT's find: each scenario forces what it is made for, so that few seeds do. (The
//! right Raft fails none of them.)

use config::FailureKind::{self, Liveness, Safety};
use zoo::Bug;

use crate::child::{Expected, run};

/// A scenario, a bug that it is made for, and how it says so.
type Case = (&'static str, Bug, FailureKind, &'static str);

/// Of most scenarios a bug that each seed shows.
const CASES: [Case; 28] = [
    (
        "logs_x::TestFigure8X01",
        Bug::CommitsOldTerms,
        Safety,
        "index 2 is committed, though its entry is of an earlier term",
    ),
    (
        "elections_x::TestOneVoteATermX02",
        Bug::VotesTwice,
        Safety,
        "server 2 votes for server 0 and for server 1 in term 3",
    ),
    (
        "elections_x::TestLateVoteX03",
        Bug::CountsOldVotes,
        Safety,
        "server 0 leads term 3 by a vote of term 2",
    ),
    (
        "logs_x::TestLateAppendEntriesX04",
        Bug::TruncatesAlways,
        Safety,
        "server 1 leads without the committed entry at index 2",
    ),
    (
        "crashes_x::TestVoteSurvivesCrashX05",
        Bug::NeverSavesVote,
        Safety,
        "server 2 votes for server 0 and, after a crash, for server 1 in term 3",
    ),
    (
        "crashes_x::TestVoteSurvivesCrashX05",
        Bug::NeverSavesOwnVote,
        Safety,
        "server 1 has stood in term 9 and, after a crash, votes for server 0 in it",
    ),
    (
        "crashes_x::TestEntriesSurviveCrashX06",
        Bug::NeverSavesOwnCommands,
        Safety,
        "server 0 leads without the committed entry at index 4, which it had",
    ),
    (
        "crashes_x::TestCrashAtSaveX07",
        Bug::NeverSavesTerm,
        Safety,
        "server 0 has been in term 3, and is in 0 after a crash",
    ),
    (
        "logs_x::TestAnswerToFormerTermX08",
        Bug::CountsOldAnswers,
        Safety,
        "index 4 is committed, though two of five servers have it: server 0 has counted an answer",
    ),
    (
        "snapshots_x::TestLateSnapshotX09",
        Bug::InstallsAnySnapshot,
        Safety,
        "apply error: server 2 apply out of order",
    ),
    (
        "snapshots_x::TestEntriesBehindSnapshotX10",
        Bug::TruncatesAlways,
        Safety,
        "monitor M7: server 1 refused to go on from index 28 in term 3, and had acknowledged",
    ),
    (
        "timers_x::TestSilentPeersX12",
        Bug::BlocksOnVotes,
        Liveness,
        "server 1 has asked for votes, and has begun 0 more elections in 6 s without an answer",
    ),
    (
        "timers_x::TestRefusedRequestsX13",
        Bug::RestartsTimerForEveryCandidate,
        Liveness,
        "server 1 has refused requests for its vote in an earlier term",
    ),
    (
        "elections_x::TestHigherTermInRepliesX14",
        Bug::LeadsOnInHigherTerm,
        Safety,
        "server 0 was told of term 4 by a reply to AppendEntries",
    ),
    (
        "snapshots_x::TestSlowServiceX16",
        Bug::MissesNotices,
        Liveness,
        "only 0 decided for index 7; wanted 3",
    ),
    (
        "network_x::TestDoubledRequestsX17",
        Bug::InstallsAnySnapshot,
        Safety,
        "apply error: server 4 apply out of order",
    ),
    (
        "timers_x::TestAlignedTimersX20",
        Bug::NeverDrawsTimeout,
        Liveness,
        "expected one leader, got none",
    ),
    (
        "crashes_x::TestSlowDisksX21",
        Bug::NeverSyncs,
        Safety,
        "server 2 votes for server 0 and, after a crash, for server 1 in term 3",
    ),
    (
        "timers_x::TestLeaderStaysX22",
        Bug::TimesOutDespiteHeartbeats,
        Liveness,
        "server 0 led term 20 and has lost its leadership, by term 33, though nothing failed",
    ),
    (
        "logs_x::TestRefusalOfFormerTermX23",
        Bug::TrustsTheirLength,
        FailureKind::Panic,
        "server 0 panicked in a task spawned at zoo/src/raft.rs:79: index out of bounds",
    ),
    (
        "logs_x::TestMatchOfFormerTermX24",
        Bug::KeepsMatchIndexes,
        Safety,
        "index 4 is committed, though two of five servers have it: server 0 has counted what was",
    ),
    (
        "crashes_x::TestInstalledSnapshotSurvivesCrashX25",
        Bug::NeverSavesInstalled,
        Safety,
        "server 2 has acknowledged a snapshot, and has saved none when it crashes",
    ),
    (
        "elections_x::TestEvenClusterX26",
        Bug::WinsWithHalfOfEven,
        Safety,
        "server 2 leads by the votes of two of four servers",
    ),
    (
        "elections_x::TestEvenClusterX26",
        Bug::CommitsWithHalfOfEven,
        Safety,
        "index 2 is committed, and two of four servers have it",
    ),
    (
        "snapshots_x::TestUnevenSnapshotsX27",
        Bug::InstallsOverApplied,
        Safety,
        "apply error: server 2 apply out of order, expected index 17, got 16",
    ),
    (
        "snapshots_x::TestUnevenSnapshotsX27",
        Bug::RefusesBelowSnapshot,
        Liveness,
        "only 2 decided for index 20; wanted 3",
    ),
    (
        "snapshots_x::TestSnapshotWhileApplyingX28",
        Bug::SetsAppliedBack,
        Liveness,
        "one(27) failed to reach agreement",
    ),
    (
        "snapshots_x::TestSnapshotWhileApplyingX28",
        Bug::DeliversSnapshotsBeside,
        Safety,
        "apply error: server 2 apply out of order, expected index 20, got 3",
    ),
];

#[test]
fn each_scenario_finds_its_bug() {
    for (test, bug, kind, message) in CASES {
        let runs = run(&format!("extra::{test}"), bug, 1..=3);
        let [failed] = runs.assert_only([Expected::anywhere(kind, message)]);
        assert_eq!(failed, 3, "{test} with {bug}");
    }
}

/// The names of the tests in these sources, as this binary has them.
fn tests() -> Vec<String> {
    let sources = [
        ("crashes_x", include_str!("../../../tests/extra/crashes_x.rs")),
        ("elections_x", include_str!("../../../tests/extra/elections_x.rs")),
        ("logs_x", include_str!("../../../tests/extra/logs_x.rs")),
        ("network_x", include_str!("../../../tests/extra/network_x.rs")),
        ("snapshots_x", include_str!("../../../tests/extra/snapshots_x.rs")),
        ("timers_x", include_str!("../../../tests/extra/timers_x.rs")),
    ];
    let names = |(module, source): (&str, &'static str)| {
        let module = module.to_owned();
        let names = source.lines().filter_map(|l| l.strip_prefix("fn Test")?.strip_suffix("() {"));
        names.map(move |name| format!("{module}::Test{name}"))
    };
    sources.into_iter().flat_map(names).collect()
}

#[test]
fn the_right_raft_passes_each_scenario() {
    let tests = tests();
    let numbers: Vec<String> = (1..=28).map(|number| format!("X{number:02}")).collect();
    for number in &numbers {
        let of_number = tests.iter().filter(|test| test.ends_with(number.as_str()));
        assert_eq!(of_number.count(), 1, "{number} in {tests:?}");
    }
    assert_eq!(tests.len(), numbers.len());
    for test in tests {
        let runs = run(&format!("extra::{test}"), Bug::None, 1..=30);
        assert_eq!(runs.failures().next(), None, "{test}");
        assert!(runs.warnings().is_empty(), "{test}: {:?}", runs.warnings());
    }
}
