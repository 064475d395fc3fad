//! Each bug is caught, by the message and at the line where it should be.

use std::ops::RangeInclusive;

use config::FailureKind;
use zoo::Bug;

use crate::child::{Expected, fails_of, run};
use crate::script::lines;

pub(crate) const INITIAL_ELECTION: &str = "lab3::election_3a::TestInitialElection3A";
pub(crate) const RE_ELECTION: &str = "lab3::election_3a::TestReElection3A";
pub(crate) const MANY_ELECTIONS: &str = "lab3::election_3a::TestManyElections3A";

fn no_leader(function: &str) -> Expected {
    Expected {
        message: "expected one leader, got none",
        kind: FailureKind::Liveness,
        lines: lines(function, "check_one_leader"),
    }
}

fn two_leaders(function: &str) -> Expected {
    Expected {
        message: "term 1 has 2 (>1) leaders",
        kind: FailureKind::Safety,
        lines: lines(function, "check_one_leader"),
    }
}

fn disagree() -> Expected {
    Expected {
        message: "servers disagree on term",
        kind: FailureKind::Liveness,
        lines: lines("TestInitialElection3A", "check_terms"),
    }
}

fn claims_to_lead() -> Expected {
    Expected {
        message: "expected no leader among connected servers, but 0 claims to be leader",
        kind: FailureKind::Safety,
        lines: lines("re_election", "check_no_leader"),
    }
}

#[test]
fn blocks_on_votes() {
    let runs = run(MANY_ELECTIONS, Bug::BlocksOnVotes, 1..=300);
    let [failed] = runs.assert_only([no_leader("TestManyElections3A")]);
    assert!(failed >= 3, "{failed} of 300");
}

#[test]
fn waits_for_all_votes() {
    let runs = run(MANY_ELECTIONS, Bug::WaitsForAllVotes, 1..=50);
    let [failed] = runs.assert_only([no_leader("TestManyElections3A")]);
    assert!(failed >= 45, "{failed} of 50");
}

/// Asserts that no leader is found with any of 20 seeds.
fn never_has_a_leader(test: &str, function: &str, bug: Bug) {
    let runs = run(test, bug, 1..=20);
    assert_eq!(runs.assert_only([no_leader(function)]), [20], "{test} with {bug}");
}

/// Asserts that no leader is found with at least so many of these seeds.
fn lacks_a_leader(test: &str, bug: Bug, (least, seeds): (usize, RangeInclusive<u64>)) {
    let function = if test == RE_ELECTION { "re_election" } else { "TestManyElections3A" };
    fails_of(test, bug, (least, seeds), no_leader(function));
}

#[test]
fn stands_once() {
    never_has_a_leader(RE_ELECTION, "re_election", Bug::StandsOnce);
    lacks_a_leader(MANY_ELECTIONS, Bug::StandsOnce, (40, 1..=50));
}

#[test]
fn stands_again_in_same_term() {
    never_has_a_leader(RE_ELECTION, "re_election", Bug::StandsAgainInSameTerm);
}

#[test]
fn stands_until_it_votes_or_leads() {
    never_has_a_leader(RE_ELECTION, "re_election", Bug::StandsUntilItVotes);
    never_has_a_leader(MANY_ELECTIONS, "TestManyElections3A", Bug::StandsUntilItVotes);
    // All of the four that are left must have led before.
    lacks_a_leader(MANY_ELECTIONS, Bug::StandsUntilItLeads, (5, 1..=200));
}

#[test]
fn holds_lock_during_calls() {
    lacks_a_leader(MANY_ELECTIONS, Bug::HoldsLockDuringCalls, (15, 1..=20));
    let runs = run(RE_ELECTION, Bug::HoldsLockDuringCalls, 1..=60);
    let [none, claims] = runs.assert_only([no_leader("re_election"), claims_to_lead()]);
    assert!(none >= 20 && claims >= 10, "{none} and {claims} of 60");
}

#[test]
fn deposed_leaders_send_on() {
    for bug in [Bug::HeedsFormerLeaders, Bug::SendsOnWhenDeposed] {
        lacks_a_leader(MANY_ELECTIONS, bug, (30, 1..=50));
    }
}

#[test]
fn splits_votes() {
    never_has_a_leader(INITIAL_ELECTION, "TestInitialElection3A", Bug::NeverDrawsTimeout);
    // It takes many that stand in the same millisecond, or two that always do.
    lacks_a_leader(MANY_ELECTIONS, Bug::DrawsCloseTimeouts, (2, 1..=200));
    lacks_a_leader(RE_ELECTION, Bug::DrawsTimeoutOnce, (1, 1..=400));
}

#[test]
fn times_out_after_seconds() {
    lacks_a_leader(RE_ELECTION, Bug::TimesOutAfterSeconds, (10, 1..=200));
    lacks_a_leader(MANY_ELECTIONS, Bug::TimesOutAfterSeconds, (5, 1..=200));
}

#[test]
fn wins_with_too_many_or_gives_no_vote() {
    for bug in [Bug::CountsOnlyOthersVotes, Bug::NeverClearsVote] {
        never_has_a_leader(RE_ELECTION, "re_election", bug);
        never_has_a_leader(MANY_ELECTIONS, "TestManyElections3A", bug);
    }
    for bug in [Bug::VotesForNewerLogsOnly, Bug::NeverSaysItLeads] {
        never_has_a_leader(INITIAL_ELECTION, "TestInitialElection3A", bug);
        never_has_a_leader(RE_ELECTION, "re_election", bug);
    }
}

#[test]
fn votes_twice() {
    // It takes two candidates whose timers fire in the same millisecond.
    let runs = run(MANY_ELECTIONS, Bug::VotesTwice, 1..=200);
    let [failed] = runs.assert_only([two_leaders("TestManyElections3A")]);
    assert!(failed >= 10, "{failed} of 200");
}

#[test]
fn never_adopts_term() {
    // Who stays in its term forgets its vote at every request, so that it can vote twice.
    let runs = run(INITIAL_ELECTION, Bug::NeverAdoptsTerm, 1..=100);
    let [failed, twice] = runs.assert_only([disagree(), two_leaders("TestInitialElection3A")]);
    assert!(failed >= 90 && failed + twice == 100, "{failed} and {twice} of 100");
}

#[test]
fn wins_with_half() {
    // Its own vote is enough for it, so two that stand at the same time both win.
    let runs = run(RE_ELECTION, Bug::WinsWithHalf, 1..=100);
    let [failed, twice] = runs.assert_only([claims_to_lead(), two_leaders("re_election")]);
    assert!(failed >= 90 && failed + twice == 100, "{failed} and {twice} of 100");
}

#[test]
fn wins_with_votes_that_nobody_gave() {
    fails_of(RE_ELECTION, Bug::KeepsOldVotes, (20, 1..=20), claims_to_lead());
    let two = two_leaders("TestManyElections3A");
    fails_of(MANY_ELECTIONS, Bug::KeepsOldVotes, (10, 1..=20), two);
    // The first two that answer decide.
    let two = two_leaders("TestManyElections3A");
    fails_of(MANY_ELECTIONS, Bug::WinsAmongWhoAnswer, (3, 1..=60), two);
    // The call has to fail before the next election.
    fails_of(RE_ELECTION, Bug::CountsFailedCalls, (10, 1..=100), claims_to_lead());
}

#[test]
fn leads_or_says_so() {
    for bug in [Bug::LeadsOnInHigherTerm, Bug::SaysItLeadsForEver] {
        fails_of(RE_ELECTION, bug, (20, 1..=20), two_leaders("re_election"));
        fails_of(MANY_ELECTIONS, bug, (20, 1..=20), two_leaders("TestManyElections3A"));
    }
    let runs = run(RE_ELECTION, Bug::SaysItLeadsAsCandidate, 1..=100);
    let [failed, twice] = runs.assert_only([claims_to_lead(), two_leaders("re_election")]);
    assert!(failed >= 90 && failed + twice == 100, "{failed} and {twice} of 100");
}

#[test]
fn forgets_vote_when_led() {
    let two = two_leaders("TestManyElections3A");
    fails_of(MANY_ELECTIONS, Bug::ForgetsVoteWhenLed, (15, 1..=200), two);
}

#[test]
fn never_increments_term() {
    let term_0 = Expected {
        message: "term is 0, but should be at least 1",
        kind: FailureKind::Safety,
        lines: lines("TestInitialElection3A", "fatal"),
    };
    let runs = run(INITIAL_ELECTION, Bug::NeverIncrementsTerm, 1..=100);
    assert_eq!(runs.assert_only([term_0]), [100]);

    // All votes of term 0 have been given, and there is no other term.
    let runs = run(RE_ELECTION, Bug::NeverIncrementsTerm, 1..=100);
    assert_eq!(runs.assert_only([no_leader("re_election")]), [100]);
}

#[test]
fn reports_term_it_led() {
    fails_of(INITIAL_ELECTION, Bug::ReportsTermItLed, (20, 1..=20), disagree());
}

#[test]
fn changes_term_without_failures() {
    for bug in [Bug::TimesOutDespiteHeartbeats, Bug::HeartbeatsTooSeldom] {
        let runs = run(INITIAL_ELECTION, bug, 1..=100);
        assert_eq!(runs.failures().next(), None);
        let warning = "warning: term changed even though there were no failures";
        assert_eq!(runs.warnings().into_iter().collect::<Vec<_>>(), [(warning, 100)]);
        assert!(runs.output.contains(warning), "{}", runs.output);
    }
    // A check may come in the middle of an election.
    let runs = run(INITIAL_ELECTION, Bug::TimesOutBetweenHeartbeats, 1..=100);
    let [failed] = runs.assert_only([disagree()]);
    let warned: usize = runs.warnings().into_values().sum();
    assert!(warned >= 90, "{warned} warned, {failed} failed of 100");
}
