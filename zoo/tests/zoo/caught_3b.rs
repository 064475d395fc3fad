//! Part 3B: each message of its scripts is caused by a bug.

use std::time::Duration;

use config::FailureKind::{Budget, Liveness, Safety, Stuck};
use config::{Reliability, Retry, Snapshots, make_config};
use tokio::time::sleep;
use zoo::Bug;

use crate::child::{Expected, always_fails, fails_of, run, run_with};

pub(crate) const BASIC_AGREE: &str = "lab3::agreement_3b::TestBasicAgree3B";
const RPC_BYTES: &str = "lab3::agreement_3b::TestRPCBytes3B";
const FOLLOWER_FAILURE: &str = "lab3::agreement_3b::TestFollowerFailure3B";
pub(crate) const LEADER_FAILURE: &str = "lab3::agreement_3b::TestLeaderFailure3B";
pub(crate) const FAIL_AGREE: &str = "lab3::agreement_3b::TestFailAgree3B";
pub(crate) const FAIL_NO_AGREE: &str = "lab3::agreement_3b::TestFailNoAgree3B";
const CONCURRENT_STARTS: &str = "lab3::agreement_3b::TestConcurrentStarts3B";
pub(crate) const REJOIN: &str = "lab3::agreement_3b::TestRejoin3B";
pub(crate) const BACKUP: &str = "lab3::agreement_3b::TestBackup3B";
const COUNT: &str = "lab3::agreement_3b::TestCount3B";

const NOBODY_ACCEPTED: &str = "one(1) failed to reach agreement\n  command   nobody accepted it: \
                               no connected server said that it leads";
const LOST_LEADERSHIP: &str = "one(1) failed to reach agreement\n  command   server 0 accepted it \
                               at index 1 in term 1, and then lost its leadership (term 2 now)\n";
const APPLIED_BY_TOO_FEW: &str = "one(1) failed to reach agreement\n  command   server 0 accepted it at index 1 in term 1, and \
     still leads; it is applied by too few, 3 were wanted\n";
const TWO_COMMANDS: &str = "apply error: commit index=1 server=0 1 != server=1 2";

fn not_a_majority(function: &str) -> Expected {
    Expected::at((function, "check_not_committed"), Safety, "1 committed but no majority")
}

fn at_one(function: &str, message: &'static str) -> Expected {
    Expected::at((function, "one"), Liveness, message)
}

// ---- Commands, and what start() says of them ----

#[test]
fn appends_twice() {
    let bug = Bug::AppendsTwice;
    let before_start = "some have committed before Start()";
    always_fails(
        BASIC_AGREE,
        bug,
        Expected::at(("TestBasicAgree3B", "fatal"), Safety, before_start),
    );
    let got = "got index 3 but expected 2";
    always_fails(RPC_BYTES, bug, Expected::at(("TestRPCBytes3B", "check_index"), Safety, got));
    let expected = "expected index 4, got 7";
    always_fails(
        FOLLOWER_FAILURE,
        bug,
        Expected::at(("TestFollowerFailure3B", "fatal"), Safety, expected),
    );
    let expected = "expected index 2, got 3";
    always_fails(
        FAIL_NO_AGREE,
        bug,
        Expected::at(("TestFailNoAgree3B", "fatal"), Safety, expected),
    );
    let failed = Expected::at(("count_agreement", "fatal"), Safety, "Start() failed");
    always_fails(COUNT, bug, failed);

    // So does one that appends in the loop that should send.
    let bug = Bug::AppendsOncePerServer;
    always_fails(RPC_BYTES, bug, Expected::at(("TestRPCBytes3B", "check_index"), Safety, got));
    let before_start = Expected::at(("TestBasicAgree3B", "fatal"), Safety, before_start);
    always_fails(BASIC_AGREE, bug, before_start);
}

#[test]
fn counts_from_zero() {
    let bug = Bug::CountsFromZero;
    always_fails(BASIC_AGREE, bug, at_one("TestBasicAgree3B", APPLIED_BY_TOO_FEW));
    let missing = "cmd 104 missing in [1, 100, 101, 102, 103]";
    let missing = Expected::at(("TestConcurrentStarts3B", "fatal"), Safety, missing);
    always_fails(CONCURRENT_STARTS, bug, missing);
    let wrong = "wrong value 1 committed for index 1; expected [1, ";
    always_fails(COUNT, bug, Expected::at(("count_agreement", "fatal"), Safety, wrong));
}

#[test]
fn reports_commit_index() {
    let again = "server 0's start() returned index 2 after 2 in the same term 1";
    let again = Expected::at(("count_agreement", "start"), Safety, again);
    always_fails(COUNT, Bug::ReportsCommitIndex, again);
}

#[test]
fn takes_one_at_a_time() {
    let bug = Bug::TakesOneAtATime;
    let missing =
        Expected::at(("TestConcurrentStarts3B", "fatal"), Safety, "cmd 100 missing in []");
    always_fails(CONCURRENT_STARTS, bug, missing);
    let too_often = Expected::at(("TestCount3B", "fatal"), Liveness, "term changed too often");
    always_fails(COUNT, bug, too_often);
    let rejected = "leader2 rejected Start()";
    let rejected = Expected::at(("TestFailNoAgree3B", "fatal"), Liveness, rejected);
    // Only a leader that still has the command of the one before rejects another.
    fails_of(FAIL_NO_AGREE, bug, (2, 1..=60), rejected);
}

#[test]
fn refuses_between_replies() {
    let bug = Bug::RefusesBetweenReplies;
    let nobody = || at_one("TestFollowerFailure3B", NOBODY_ACCEPTED);
    let runs = run(FOLLOWER_FAILURE, bug, 1..=20);
    let rejected = "leader rejected Start()";
    let rejected = Expected::at(("TestFollowerFailure3B", "fatal"), Liveness, rejected);
    let [unaccepted, rejected] = runs.assert_only([nobody(), rejected]);
    assert!(unaccepted >= 3 && rejected >= 3, "{unaccepted} and {rejected} of 20");

    let rejected = |message| Expected::at(("TestFailNoAgree3B", "fatal"), Liveness, message);
    let runs = run(FAIL_NO_AGREE, bug, 1..=20);
    let [first, second, _] = runs.assert_only([
        rejected("leader rejected Start()"),
        rejected("leader2 rejected Start()"),
        at_one("TestFailNoAgree3B", NOBODY_ACCEPTED),
    ]);
    assert!(first >= 3 && second >= 1, "{first} and {second} of 20");

    let too_often = "term changed too often";
    let too_often = Expected::at(("TestConcurrentStarts3B", "fatal"), Liveness, too_often);
    fails_of(CONCURRENT_STARTS, bug, (1, 1..=60), too_often);
}

#[test]
fn takes_nothing_at_first() {
    let rejected = "leader2 rejected Start()";
    let rejected = Expected::at(("TestFailNoAgree3B", "fatal"), Liveness, rejected);
    always_fails(FAIL_NO_AGREE, Bug::TakesNothingAtFirst, rejected);
}

#[test]
fn reports_term_it_led() {
    for (test, function) in [(CONCURRENT_STARTS, "TestConcurrentStarts3B"), (COUNT, "TestCount3B")]
    {
        let too_often = Expected::at((function, "fatal"), Liveness, "term changed too often");
        always_fails(test, Bug::ReportsTermItLed, too_often);
    }
}

#[test]
fn appends_no_op() {
    let message =
        "apply error: server 0 applied at index 1 what no client has started: 0 undecodable bytes";
    always_fails(BASIC_AGREE, Bug::AppendsNoOp, Expected::anywhere(Safety, message));
}

#[test]
fn proposes_again() {
    let unexpected = Expected::at(("TestFailNoAgree3B", "fatal"), Safety, "unexpected index 4");
    // If one of the three that were cut off leads, there is nothing that it could propose.
    fails_of(FAIL_NO_AGREE, Bug::ProposesAgain, (2, 1..=60), unexpected);
}

// ---- The logs become the same ----

#[test]
fn adopts_lower_term() {
    let two = || Expected::anywhere(Safety, TWO_COMMANDS);
    always_fails(REJOIN, Bug::AdoptsLowerTerm, two());
    fails_of(BACKUP, Bug::AdoptsLowerTerm, (10, 1..=20), two());
    // Who stays in its term can still accept what is of another.
    always_fails(REJOIN, Bug::AcceptsEntriesOfOldTerms, two());
}

#[test]
fn votes_for_any_log() {
    always_fails(BACKUP, Bug::VotesForAnyLog, Expected::anywhere(Safety, TWO_COMMANDS));
    let two = Expected::anywhere(Safety, TWO_COMMANDS);
    fails_of(FAIL_AGREE, Bug::VotesForAnyLog, (10, 1..=20), two);
    // A higher term is enough.
    always_fails(BACKUP, Bug::VotesForAnyHigherTerm, Expected::anywhere(Safety, TWO_COMMANDS));
}

#[test]
fn compares_lengths_only() {
    for test in [REJOIN, BACKUP] {
        always_fails(test, Bug::ComparesLengthsOnly, Expected::anywhere(Safety, TWO_COMMANDS));
    }
}

#[test]
fn skips_consistency_check() {
    for test in [REJOIN, BACKUP] {
        for bug in [Bug::SkipsConsistencyCheck, Bug::SkipsCheckForHeartbeats] {
            always_fails(test, bug, Expected::anywhere(Safety, TWO_COMMANDS));
        }
    }
}

#[test]
fn leads_after_its_term() {
    for bug in [Bug::LeadsOnInHigherTerm, Bug::SendsOnWhenDeposed] {
        for test in [REJOIN, BACKUP] {
            always_fails(test, bug, Expected::anywhere(Safety, TWO_COMMANDS));
        }
    }
}

/// Nobody can win: the one that may always stands too late, or there is none.
#[test]
fn elects_nobody() {
    let no_agreement = "one(1) failed to reach agreement";
    for bug in [
        Bug::WantsNewerAndLonger,
        Bug::RestartsTimerWhenRefusing,
        Bug::RestartsTimerWithTerm,
        Bug::HeedsFormerLeaders,
    ] {
        fails_of(REJOIN, bug, (10, 1..=20), at_one("TestRejoin3B", no_agreement));
        always_fails(BACKUP, bug, at_one("TestBackup3B", no_agreement));
    }
    // They keep their timeouts, which alone does no harm.
    for test in [REJOIN, BACKUP] {
        assert_eq!(run(test, Bug::DrawsTimeoutOnce, 1..=10).failures().next(), None);
    }
    for bug in [Bug::NeverClearsVote, Bug::CountsOnlyOthersVotes] {
        always_fails(LEADER_FAILURE, bug, at_one("TestLeaderFailure3B", NOBODY_ACCEPTED));
    }
}

#[test]
fn never_backs_up() {
    for (test, function) in
        [(FAIL_AGREE, "TestFailAgree3B"), (REJOIN, "TestRejoin3B"), (BACKUP, "TestBackup3B")]
    {
        always_fails(test, Bug::NeverBacksUp, at_one(function, APPLIED_BY_TOO_FEW));
    }
    for (test, function) in [(REJOIN, "TestRejoin3B"), (BACKUP, "TestBackup3B")] {
        always_fails(test, Bug::BacksUpToTheirEnd, at_one(function, APPLIED_BY_TOO_FEW));
    }
}

#[test]
fn waits_for_who_is_cut_off() {
    for (test, function) in
        [(FAIL_AGREE, "TestFailAgree3B"), (FOLLOWER_FAILURE, "TestFollowerFailure3B")]
    {
        always_fails(test, Bug::SendsInTurn, at_one(function, LOST_LEADERSHIP));
        always_fails(test, Bug::HoldsLockDuringCalls, at_one(function, APPLIED_BY_TOO_FEW));
        for bug in [Bug::CommitsWhenAllHave, Bug::CountsOnlyFollowers] {
            always_fails(test, bug, at_one(function, APPLIED_BY_TOO_FEW));
        }
    }
}

#[test]
fn steps_down_when_refused() {
    let bug = Bug::StepsDownWhenRefused;
    always_fails(FAIL_AGREE, bug, at_one("TestFailAgree3B", LOST_LEADERSHIP));
    always_fails(REJOIN, bug, at_one("TestRejoin3B", LOST_LEADERSHIP));
}

// ---- What is committed, and applied ----

#[test]
fn commits_with_half() {
    let bug = Bug::CommitsWithHalf;
    for (test, function) in [
        (FOLLOWER_FAILURE, "TestFollowerFailure3B"),
        // A leader and its only follower are two of five.
        (FAIL_NO_AGREE, "TestFailNoAgree3B"),
    ] {
        always_fails(test, bug, not_a_majority(function));
    }
    // The old leader alone has committed another command than the others.
    always_fails(LEADER_FAILURE, bug, Expected::anywhere(Safety, TWO_COMMANDS));
    for (test, function) in
        [(FOLLOWER_FAILURE, "TestFollowerFailure3B"), (FAIL_NO_AGREE, "TestFailNoAgree3B")]
    {
        always_fails(test, Bug::CommitsAtOnce, not_a_majority(function));
    }
    always_fails(LEADER_FAILURE, Bug::CommitsAtOnce, Expected::anywhere(Safety, TWO_COMMANDS));
    // A follower that hasn't answered counts by another's reply.
    let bug = Bug::ReusesReply;
    always_fails(FOLLOWER_FAILURE, bug, not_a_majority("TestFollowerFailure3B"));
    always_fails(LEADER_FAILURE, bug, Expected::anywhere(Safety, TWO_COMMANDS));
    // One that has its second copy where the next command is to be looks as if it had.
    always_fails(LEADER_FAILURE, Bug::AppendsTwice, not_a_majority("TestLeaderFailure3B"));
}

/// A heartbeat without entries proves less than the leader's commit index.
#[test]
fn commits_beyond_new_entries() {
    for bug in [Bug::CommitsWhatHeartbeatsTell, Bug::CommitsWhatItHas] {
        fails_of(BACKUP, bug, (6, 1..=10), Expected::anywhere(Safety, TWO_COMMANDS));
    }
}

#[test]
fn never_decides() {
    let only = "only 1 decided for index 7; wanted 3\n  index 7: ";
    let by_one = "only 1 decided for index 7; wanted 3\n  index 7: applied by server 0; not by ";
    for (bug, only) in [
        (Bug::CommitsOnlyWithEntries, by_one),
        (Bug::CommitsOnlyOnStart, only),
        (Bug::NeverSendsEntries, only),
        (Bug::AnswersOnceApplied, only),
    ] {
        always_fails(BASIC_AGREE, bug, at_one("TestBasicAgree3B", APPLIED_BY_TOO_FEW));
        for (test, function) in
            [(CONCURRENT_STARTS, "concurrent_starts"), (COUNT, "count_agreement")]
        {
            always_fails(test, bug, Expected::at((function, "wait"), Liveness, only));
        }
    }
}

#[test]
fn applies_one_at_a_time() {
    let only = "only 0 decided for index 7; wanted 3\n  index 7: ";
    let bug = Bug::AppliesOnePerNotice;
    for (test, function) in [(CONCURRENT_STARTS, "concurrent_starts"), (COUNT, "count_agreement")] {
        always_fails(test, bug, Expected::at((function, "wait"), Liveness, only));
    }
    always_fails(FAIL_AGREE, bug, at_one("TestFailAgree3B", APPLIED_BY_TOO_FEW));
    let bug = Bug::AppliesOnePerTick;
    fails_of(BACKUP, bug, (2, 1..=2), at_one("TestBackup3B", APPLIED_BY_TOO_FEW));
}

#[test]
fn applies_twice() {
    let twice = "apply error: server 0 apply out of order, expected index 2, got 1";
    for bug in [Bug::AppliesTwice, Bug::RunsTwoAppliers] {
        always_fails(BASIC_AGREE, bug, Expected::anywhere(Safety, twice));
    }
}

#[test]
fn applies_only_the_last() {
    let bug = Bug::AppliesOnlyTheLast;
    let gap = "apply error: server 0 apply out of order, expected index 2, got 6";
    always_fails(CONCURRENT_STARTS, bug, Expected::anywhere(Safety, gap));
    // Nothing was applied before.
    let gap = "apply error: server 0 apply out of order 12";
    always_fails(COUNT, bug, Expected::anywhere(Safety, gap));
}

#[test]
fn polls_for_commits() {
    let message = "test took longer than 120 seconds";
    fails_of(BACKUP, Bug::PollsForCommits, (2, 1..=2), Expected::anywhere(Stuck, message));
}

// ---- What it costs ----

#[test]
fn sends_too_much() {
    let bytes = "too many RPC bytes; got 200000, expected 150000";
    for bug in [Bug::SendsWholeLog, Bug::SendsTwice] {
        always_fails(RPC_BYTES, bug, Expected::at(("TestRPCBytes3B", "fatal"), Budget, bytes));
    }
}

#[test]
fn sends_too_often() {
    let elect = "too many or few RPCs (31) to elect initial leader";
    let elect = Expected::at(("TestCount3B", "fatal"), Budget, elect);
    always_fails(COUNT, Bug::SendsWithoutPause, elect);
    let elect = "too many or few RPCs (31) to elect initial leader";
    let elect = Expected::at(("TestCount3B", "fatal"), Budget, elect);
    always_fails(COUNT, Bug::TimesOutBetweenHeartbeats, elect);
    for bug in [Bug::SendsOneThingAtATime, Bug::NeverNotesWhatItTold] {
        let entries = "too many RPCs (43) for 10 entries";
        let entries = Expected::at(("count_agreement", "fatal"), Budget, entries);
        always_fails(COUNT, bug, entries);
    }
    let [idle, elect] = run(COUNT, Bug::SendsHeartbeatsFourTimes, 1..=10).assert_only([
        Expected::at(
            ("TestCount3B", "fatal"),
            Budget,
            "too many RPCs (61) for 1 second of idleness",
        ),
        Expected::at(
            ("TestCount3B", "fatal"),
            Budget,
            "too many or few RPCs (31) to elect initial leader",
        ),
    ]);
    assert!(idle >= 7 && idle + elect == 10, "{idle} and {elect} of 10");
    for bug in [Bug::HeartbeatsTooOften, Bug::HeartbeatsPerCommand] {
        let idle = "too many RPCs (61) for 1 second of idleness";
        let idle = Expected::at(("TestCount3B", "fatal"), Budget, idle);
        always_fails(COUNT, bug, idle);
    }
}

// ---- A right Raft in a wrong script ----

#[test]
#[ignore = "fails on purpose; the test below runs it"]
fn crashes_within_one() {
    config::test(|t| async move {
        let cfg = make_config(&t, 3, Reliability::Reliable, Snapshots::Off, zoo::make);
        cfg.begin("Zoo: the leader crashes while its command is waited for");
        let leader = cfg.check_one_leader().await;
        for server in (0..3).filter(|&server| server != leader) {
            cfg.disconnect(server);
        }
        let crash = {
            let cfg = cfg.clone();
            async move {
                sleep(Duration::from_secs(1)).await;
                cfg.crash1(leader);
            }
        };
        tokio::spawn(crash);
        cfg.one(1, 3, Retry::No).await;
        cfg.end();
    });
}

#[test]
fn a_crash_within_one_is_told() {
    let arguments = ["caught_3b::crashes_within_one", "--exact", "--ignored"];
    let runs = run_with([("LAB_SEED", "1".to_owned())], &arguments);
    let crashed = "one(1) failed to reach agreement\n  command   server 0 accepted it at index 1 in \
                   term 1, and was crashed\n";
    assert_eq!(runs.assert_only([Expected::anywhere(Liveness, crashed)]), [1]);
}
