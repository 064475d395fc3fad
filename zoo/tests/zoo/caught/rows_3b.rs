//! Part 3B: each message of its scripts is caused by a bug.

use config::FailureKind::{Budget, Liveness, Safety, Stuck};
use zoo::Bug;

use super::{Row, row};
use crate::child::Expected;

const BASIC_AGREE: &str = "TestBasicAgree3B";
const RPC_BYTES: &str = "TestRPCBytes3B";
const FOLLOWER_FAILURE: &str = "TestFollowerFailure3B";
const LEADER_FAILURE: &str = "TestLeaderFailure3B";
const FAIL_AGREE: &str = "TestFailAgree3B";
const FAIL_NO_AGREE: &str = "TestFailNoAgree3B";
const CONCURRENT_STARTS: &str = "TestConcurrentStarts3B";
const REJOIN: &str = "TestRejoin3B";
const BACKUP: &str = "TestBackup3B";
const COUNT: &str = "TestCount3B";

const fn not_a_majority(function: &'static str) -> Expected {
    Expected::at(function, "check_not_committed", Safety, "N committed but no majority")
}

const fn no_agreement(function: &'static str) -> Expected {
    Expected::at(function, "one", Liveness, "one(N) failed to reach agreement")
}

const fn nobody_accepted(function: &'static str) -> Expected {
    let message = "one(N) failed to reach agreement\n  command   nobody accepted it: no connected \
                   server reported itself as the leader";
    Expected::at(function, "one", Liveness, message)
}

const fn lost_leadership(function: &'static str) -> Expected {
    let message = "one(N) failed to reach agreement\n  command   server N accepted it at index N in \
                   term N, and then lost its leadership (term N now)\n";
    Expected::at(function, "one", Liveness, message)
}

const fn too_few(function: &'static str) -> Expected {
    let message = "one(N) failed to reach agreement\n  command   server N accepted it at index N in \
                   term N, and still leads, but fewer than N servers applied it\n";
    Expected::at(function, "one", Liveness, message)
}

const fn too_often(function: &'static str) -> Expected {
    Expected::at(function, "fatal", Liveness, "term changed too often")
}

const fn leader_rejected(function: &'static str) -> Expected {
    Expected::at(function, "fatal", Liveness, "leader rejected Start()")
}

const fn too_few_decided(function: &'static str) -> Expected {
    Expected::at(function, "wait", Liveness, "only N decided for index N; wanted N\n  index N: …")
}

const fn only_its_leader_decided(function: &'static str) -> Expected {
    let message = "only N decided for index N; wanted N\n  index N: applied by server N, not by …";
    Expected::at(function, "wait", Liveness, message)
}

const TWO_COMMANDS: Expected =
    Expected::anywhere(Safety, "apply error: commit index=N server=N N != server=N N");
const BEFORE_START: Expected =
    Expected::at("TestBasicAgree3B", "fatal", Safety, "some have committed before Start()");
const GOT_LATER_INDEX: Expected =
    Expected::at("TestRPCBytes3B", "check_index", Safety, "got index N but expected N");
const LEADER_2_REJECTED: Expected =
    Expected::at("TestFailNoAgree3B", "fatal", Liveness, "leaderN rejected Start()");
const TWICE: Expected =
    Expected::anywhere(Safety, "apply error: server N apply out of order, expected index N, got N");
const TOO_MANY_BYTES: Expected =
    Expected::at("TestRPCBytes3B", "fatal", Budget, "too many RPC bytes; got N, expected N");
const TOO_MANY_TO_ELECT: Expected = Expected::at(
    "TestCount3B",
    "fatal",
    Budget,
    "too many or few RPCs (N) to elect initial leader",
);
const TOO_MANY_FOR_ENTRIES: Expected =
    Expected::at("count_agreement", "fatal", Budget, "too many RPCs (N) for N entries");
const TOO_MANY_WHEN_IDLE: Expected =
    Expected::at("TestCount3B", "fatal", Budget, "too many RPCs (N) for N second of idleness");

pub(super) const ROWS: &[Row] = &[
    // ---- Commands, and what start() says of them ----
    row(Bug::AppendsTwice, BASIC_AGREE, 5, &[(5, BEFORE_START)]),
    row(Bug::AppendsTwice, RPC_BYTES, 5, &[(5, GOT_LATER_INDEX)]),
    row(
        Bug::AppendsTwice,
        FOLLOWER_FAILURE,
        5,
        &[(5, Expected::at("TestFollowerFailure3B", "fatal", Safety, "expected index N, got N"))],
    ),
    row(
        Bug::AppendsTwice,
        FAIL_NO_AGREE,
        5,
        &[(5, Expected::at("TestFailNoAgree3B", "fatal", Safety, "expected index N, got N"))],
    ),
    row(
        Bug::AppendsTwice,
        COUNT,
        5,
        &[(5, Expected::at("count_agreement", "fatal", Safety, "Start() failed"))],
    ),
    // So does one that appends in the loop that should send.
    row(Bug::AppendsOncePerServer, RPC_BYTES, 5, &[(5, GOT_LATER_INDEX)]),
    row(Bug::AppendsOncePerServer, BASIC_AGREE, 5, &[(5, BEFORE_START)]),
    row(Bug::CountsFromZero, BASIC_AGREE, 5, &[(5, too_few("TestBasicAgree3B"))]),
    row(
        Bug::CountsFromZero,
        CONCURRENT_STARTS,
        5,
        &[(
            5,
            Expected::at(
                "TestConcurrentStarts3B",
                "fatal",
                Safety,
                "cmd N missing in [N, N, N, N, N]",
            ),
        )],
    ),
    row(
        Bug::CountsFromZero,
        COUNT,
        5,
        &[(
            5,
            Expected::at(
                "count_agreement",
                "fatal",
                Safety,
                "wrong value N committed for index N; expected [N, …",
            ),
        )],
    ),
    row(
        Bug::ReportsCommitIndex,
        COUNT,
        5,
        &[(
            5,
            Expected::at(
                "count_agreement",
                "start",
                Safety,
                "server N's start() returned index N after N in the same term N",
            ),
        )],
    ),
    row(
        Bug::TakesOneAtATime,
        CONCURRENT_STARTS,
        5,
        &[(5, Expected::at("TestConcurrentStarts3B", "fatal", Safety, "cmd N missing in []"))],
    ),
    row(Bug::TakesOneAtATime, COUNT, 5, &[(5, too_often("TestCount3B"))]),
    // Only a leader that still has the command of the one before rejects another.
    row(Bug::TakesOneAtATime, FAIL_NO_AGREE, 60, &[(2, LEADER_2_REJECTED)]),
    row(
        Bug::RefusesBetweenReplies,
        FOLLOWER_FAILURE,
        20,
        &[
            (3, nobody_accepted("TestFollowerFailure3B")),
            (3, leader_rejected("TestFollowerFailure3B")),
        ],
    ),
    row(
        Bug::RefusesBetweenReplies,
        FAIL_NO_AGREE,
        20,
        &[
            (3, leader_rejected("TestFailNoAgree3B")),
            (1, LEADER_2_REJECTED),
            (0, nobody_accepted("TestFailNoAgree3B")),
        ],
    ),
    row(
        Bug::RefusesBetweenReplies,
        CONCURRENT_STARTS,
        60,
        &[(1, too_often("TestConcurrentStarts3B"))],
    ),
    row(Bug::TakesNothingAtFirst, FAIL_NO_AGREE, 5, &[(5, LEADER_2_REJECTED)]),
    row(Bug::ReportsTermItLed, CONCURRENT_STARTS, 5, &[(5, too_often("TestConcurrentStarts3B"))]),
    row(Bug::ReportsTermItLed, COUNT, 5, &[(5, too_often("TestCount3B"))]),
    row(
        Bug::AppendsNoOp,
        BASIC_AGREE,
        5,
        &[(
            5,
            Expected::anywhere(
                Safety,
                "apply error: server N applied at index N a command that no client submitted: N \
                 undecodable bytes",
            ),
        )],
    ),
    // If one of the three that were cut off leads, there is nothing that it could propose.
    row(
        Bug::ProposesAgain,
        FAIL_NO_AGREE,
        60,
        &[(2, Expected::at("TestFailNoAgree3B", "fatal", Safety, "unexpected index N"))],
    ),
    // ---- The logs become the same ----
    row(Bug::AdoptsLowerTerm, REJOIN, 5, &[(5, TWO_COMMANDS)]),
    row(Bug::AdoptsLowerTerm, BACKUP, 20, &[(10, TWO_COMMANDS)]),
    // A server that stays in its term can still accept what is of another.
    row(Bug::AcceptsEntriesOfOldTerms, REJOIN, 5, &[(5, TWO_COMMANDS)]),
    row(Bug::VotesForAnyLog, BACKUP, 5, &[(5, TWO_COMMANDS)]),
    row(Bug::VotesForAnyLog, FAIL_AGREE, 20, &[(10, TWO_COMMANDS)]),
    // A higher term is enough.
    row(Bug::VotesForAnyHigherTerm, BACKUP, 5, &[(5, TWO_COMMANDS)]),
    row(Bug::ComparesLengthsOnly, REJOIN, 5, &[(5, TWO_COMMANDS)]),
    row(Bug::ComparesLengthsOnly, BACKUP, 5, &[(5, TWO_COMMANDS)]),
    row(Bug::SkipsConsistencyCheck, REJOIN, 5, &[(5, TWO_COMMANDS)]),
    row(Bug::SkipsConsistencyCheck, BACKUP, 5, &[(5, TWO_COMMANDS)]),
    row(Bug::SkipsCheckForHeartbeats, REJOIN, 5, &[(5, TWO_COMMANDS)]),
    row(Bug::SkipsCheckForHeartbeats, BACKUP, 5, &[(5, TWO_COMMANDS)]),
    row(Bug::LeadsOnInHigherTerm, REJOIN, 5, &[(5, TWO_COMMANDS)]),
    row(Bug::LeadsOnInHigherTerm, BACKUP, 5, &[(5, TWO_COMMANDS)]),
    row(Bug::SendsOnWhenDeposed, REJOIN, 5, &[(5, TWO_COMMANDS)]),
    row(Bug::SendsOnWhenDeposed, BACKUP, 5, &[(5, TWO_COMMANDS)]),
    // Nobody can win: the one that may always becomes a candidate too late, or there is none.
    row(Bug::WantsNewerAndLonger, REJOIN, 20, &[(10, no_agreement("TestRejoin3B"))]),
    row(Bug::WantsNewerAndLonger, BACKUP, 5, &[(5, no_agreement("TestBackup3B"))]),
    row(Bug::RestartsTimerWhenRefusing, REJOIN, 20, &[(10, no_agreement("TestRejoin3B"))]),
    row(Bug::RestartsTimerWhenRefusing, BACKUP, 5, &[(5, no_agreement("TestBackup3B"))]),
    row(Bug::RestartsTimerWithTerm, REJOIN, 20, &[(10, no_agreement("TestRejoin3B"))]),
    row(Bug::RestartsTimerWithTerm, BACKUP, 5, &[(5, no_agreement("TestBackup3B"))]),
    row(Bug::HeedsFormerLeaders, REJOIN, 20, &[(10, no_agreement("TestRejoin3B"))]),
    row(Bug::HeedsFormerLeaders, BACKUP, 5, &[(5, no_agreement("TestBackup3B"))]),
    row(Bug::LosesTimerToHigherTerm, BACKUP, 10, &[(8, no_agreement("TestBackup3B"))]),
    // They keep their timeouts, which alone does no harm.
    row(Bug::DrawsTimeoutOnce, REJOIN, 10, &[]),
    row(Bug::DrawsTimeoutOnce, BACKUP, 10, &[]),
    row(Bug::NeverClearsVote, LEADER_FAILURE, 5, &[(5, nobody_accepted("TestLeaderFailure3B"))]),
    row(
        Bug::CountsOnlyOthersVotes,
        LEADER_FAILURE,
        5,
        &[(5, nobody_accepted("TestLeaderFailure3B"))],
    ),
    row(Bug::NeverBacksUp, FAIL_AGREE, 5, &[(5, too_few("TestFailAgree3B"))]),
    row(Bug::NeverBacksUp, REJOIN, 5, &[(5, too_few("TestRejoin3B"))]),
    row(Bug::NeverBacksUp, BACKUP, 5, &[(5, too_few("TestBackup3B"))]),
    row(Bug::BacksUpToTheirEnd, REJOIN, 5, &[(5, too_few("TestRejoin3B"))]),
    row(Bug::BacksUpToTheirEnd, BACKUP, 5, &[(5, too_few("TestBackup3B"))]),
    row(Bug::TakesHintForMatch, BACKUP, 12, &[(2, too_few("TestBackup3B"))]),
    // They wait for a server that is cut off.
    row(Bug::SendsInTurn, FAIL_AGREE, 5, &[(5, lost_leadership("TestFailAgree3B"))]),
    row(Bug::SendsInTurn, FOLLOWER_FAILURE, 5, &[(5, lost_leadership("TestFollowerFailure3B"))]),
    row(Bug::HoldsLockDuringCalls, FAIL_AGREE, 5, &[(5, too_few("TestFailAgree3B"))]),
    row(Bug::HoldsLockDuringCalls, FOLLOWER_FAILURE, 5, &[(5, too_few("TestFollowerFailure3B"))]),
    row(Bug::CommitsWhenAllHave, FAIL_AGREE, 5, &[(5, too_few("TestFailAgree3B"))]),
    row(Bug::CommitsWhenAllHave, FOLLOWER_FAILURE, 5, &[(5, too_few("TestFollowerFailure3B"))]),
    row(Bug::CountsOnlyFollowers, FAIL_AGREE, 5, &[(5, too_few("TestFailAgree3B"))]),
    row(Bug::CountsOnlyFollowers, FOLLOWER_FAILURE, 5, &[(5, too_few("TestFollowerFailure3B"))]),
    row(Bug::StepsDownWhenRefused, FAIL_AGREE, 5, &[(5, lost_leadership("TestFailAgree3B"))]),
    row(Bug::StepsDownWhenRefused, REJOIN, 5, &[(5, lost_leadership("TestRejoin3B"))]),
    // ---- What is committed, and applied ----
    row(Bug::CommitsWithHalf, FOLLOWER_FAILURE, 5, &[(5, not_a_majority("TestFollowerFailure3B"))]),
    // A leader and its only follower are two of five.
    row(Bug::CommitsWithHalf, FAIL_NO_AGREE, 5, &[(5, not_a_majority("TestFailNoAgree3B"))]),
    // The old leader alone has committed another command than the others.
    row(Bug::CommitsWithHalf, LEADER_FAILURE, 5, &[(5, TWO_COMMANDS)]),
    row(Bug::CommitsAtOnce, FOLLOWER_FAILURE, 5, &[(5, not_a_majority("TestFollowerFailure3B"))]),
    row(Bug::CommitsAtOnce, FAIL_NO_AGREE, 5, &[(5, not_a_majority("TestFailNoAgree3B"))]),
    row(Bug::CommitsAtOnce, LEADER_FAILURE, 5, &[(5, TWO_COMMANDS)]),
    // A follower that hasn't answered counts by another's reply.
    row(Bug::ReusesReply, FOLLOWER_FAILURE, 5, &[(5, not_a_majority("TestFollowerFailure3B"))]),
    row(Bug::ReusesReply, LEADER_FAILURE, 5, &[(5, TWO_COMMANDS)]),
    // One that has its second copy where the next command is to be looks as if it had.
    row(Bug::AppendsTwice, LEADER_FAILURE, 5, &[(5, not_a_majority("TestLeaderFailure3B"))]),
    // A heartbeat without entries proves less than the leader's commit index.
    row(Bug::CommitsWhatHeartbeatsTell, BACKUP, 10, &[(6, TWO_COMMANDS)]),
    row(Bug::CommitsWhatItHas, BACKUP, 10, &[(6, TWO_COMMANDS)]),
    row(Bug::CommitsOnlyWithEntries, BASIC_AGREE, 5, &[(5, too_few("TestBasicAgree3B"))]),
    row(
        Bug::CommitsOnlyWithEntries,
        CONCURRENT_STARTS,
        5,
        &[(5, only_its_leader_decided("concurrent_starts"))],
    ),
    row(Bug::CommitsOnlyWithEntries, COUNT, 5, &[(5, only_its_leader_decided("count_agreement"))]),
    row(Bug::CommitsOnlyOnStart, BASIC_AGREE, 5, &[(5, too_few("TestBasicAgree3B"))]),
    row(
        Bug::CommitsOnlyOnStart,
        CONCURRENT_STARTS,
        5,
        &[(5, too_few_decided("concurrent_starts"))],
    ),
    row(Bug::CommitsOnlyOnStart, COUNT, 5, &[(5, too_few_decided("count_agreement"))]),
    row(Bug::NeverSendsEntries, BASIC_AGREE, 5, &[(5, too_few("TestBasicAgree3B"))]),
    row(Bug::NeverSendsEntries, CONCURRENT_STARTS, 5, &[(5, too_few_decided("concurrent_starts"))]),
    row(Bug::NeverSendsEntries, COUNT, 5, &[(5, too_few_decided("count_agreement"))]),
    row(Bug::AnswersOnceApplied, BASIC_AGREE, 2, &[(2, too_few("TestBasicAgree3B"))]),
    row(
        Bug::AnswersOnceApplied,
        CONCURRENT_STARTS,
        1,
        &[(1, too_few_decided("concurrent_starts"))],
    ),
    row(Bug::AnswersOnceApplied, COUNT, 1, &[(1, too_few_decided("count_agreement"))]),
    row(
        Bug::AppliesOnePerNotice,
        CONCURRENT_STARTS,
        5,
        &[(5, too_few_decided("concurrent_starts"))],
    ),
    row(Bug::AppliesOnePerNotice, COUNT, 5, &[(5, too_few_decided("count_agreement"))]),
    row(Bug::AppliesOnePerNotice, FAIL_AGREE, 5, &[(5, too_few("TestFailAgree3B"))]),
    row(Bug::AppliesOnePerTick, BACKUP, 2, &[(2, too_few("TestBackup3B"))]),
    row(Bug::AppliesTwice, BASIC_AGREE, 5, &[(5, TWICE)]),
    row(Bug::RunsTwoAppliers, BASIC_AGREE, 5, &[(5, TWICE)]),
    row(
        Bug::AppliesOnlyTheLast,
        CONCURRENT_STARTS,
        5,
        &[(
            5,
            Expected::anywhere(
                Safety,
                "apply error: server N apply out of order, expected index N, got N",
            ),
        )],
    ),
    // Nothing was applied before.
    row(
        Bug::AppliesOnlyTheLast,
        COUNT,
        5,
        &[(5, Expected::anywhere(Safety, "apply error: server N apply out of order N"))],
    ),
    row(
        Bug::PollsForCommits,
        BACKUP,
        2,
        &[(2, Expected::anywhere(Stuck, "test took longer than N seconds"))],
    ),
    // ---- What it costs ----
    row(Bug::SendsWholeLog, RPC_BYTES, 5, &[(5, TOO_MANY_BYTES)]),
    row(Bug::SendsTwice, RPC_BYTES, 5, &[(5, TOO_MANY_BYTES)]),
    row(Bug::SendsWithoutPause, COUNT, 5, &[(5, TOO_MANY_TO_ELECT)]),
    row(Bug::TimesOutBetweenHeartbeats, COUNT, 5, &[(5, TOO_MANY_TO_ELECT)]),
    row(Bug::SendsOneThingAtATime, COUNT, 5, &[(5, TOO_MANY_FOR_ENTRIES)]),
    row(Bug::NeverNotesWhatItTold, COUNT, 5, &[(5, TOO_MANY_FOR_ENTRIES)]),
    row(
        Bug::SendsHeartbeatsFourTimes,
        COUNT,
        10,
        &[(7, TOO_MANY_WHEN_IDLE), (0, TOO_MANY_TO_ELECT)],
    )
    .in_all(10),
    row(Bug::HeartbeatsTooOften, COUNT, 5, &[(5, TOO_MANY_WHEN_IDLE)]),
    row(Bug::HeartbeatsPerCommand, COUNT, 5, &[(5, TOO_MANY_WHEN_IDLE)]),
    // ---- Of what a request or a reply doesn't say as it is ----
    row(Bug::AsksWithCurrentTerm, BACKUP, 5, &[(5, TWO_COMMANDS)]),
    row(Bug::CommitsBeforeItLooks, BACKUP, 5, &[(5, TWO_COMMANDS)]),
    row(Bug::CommitsBeforeItLooks, REJOIN, 5, &[(5, TWO_COMMANDS)]),
    row(Bug::CommitsWhatItRefuses, BACKUP, 5, &[(5, TWO_COMMANDS)]),
    row(Bug::CommitsWhatItRefuses, REJOIN, 5, &[(5, TWO_COMMANDS)]),
    row(Bug::SendsLastTermAsPrev, BASIC_AGREE, 5, &[(5, no_agreement("TestBasicAgree3B"))]),
    row(Bug::SendsLastTermAsPrev, BACKUP, 5, &[(5, no_agreement("TestBackup3B"))]),
    row(Bug::NeverTakesNextBack, BACKUP, 5, &[(5, no_agreement("TestBackup3B"))]),
    row(Bug::NeverTakesNextBack, FAIL_AGREE, 5, &[(5, no_agreement("TestFailAgree3B"))]),
    // A request that was lost is sent again by a leader that leads no more.
    row(Bug::RetriesInNewTerm, BACKUP, 5, &[(0, no_agreement("TestBackup3B")), (0, TWO_COMMANDS)])
        .in_all(4),
];
