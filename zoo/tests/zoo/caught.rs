//! Each bug is caught, by the message and at the line where it should be.

use config::FailureKind;
use zoo::Bug;

use crate::child::{Expected, run};
use crate::script::lines;

const INITIAL_ELECTION: &str = "lab3::election_3a::TestInitialElection3A";
pub(crate) const RE_ELECTION: &str = "lab3::election_3a::TestReElection3A";
const MANY_ELECTIONS: &str = "lab3::election_3a::TestManyElections3A";

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

#[test]
fn votes_twice() {
    // It takes two candidates whose timers fire in the same millisecond.
    let runs = run(MANY_ELECTIONS, Bug::VotesTwice, 1..=200);
    let [failed] = runs.assert_only([two_leaders("TestManyElections3A")]);
    assert!(failed >= 10, "{failed} of 200");
}

#[test]
fn never_adopts_term() {
    let disagree = Expected {
        message: "servers disagree on term",
        kind: FailureKind::Liveness,
        lines: lines("TestInitialElection3A", "check_terms")[..1].to_vec(),
    };
    // Who stays in its term forgets its vote at every request, so that it can vote twice.
    let runs = run(INITIAL_ELECTION, Bug::NeverAdoptsTerm, 1..=100);
    let [failed, twice] = runs.assert_only([disagree, two_leaders("TestInitialElection3A")]);
    assert!(failed >= 90 && failed + twice == 100, "{failed} and {twice} of 100");
}

#[test]
fn wins_with_half() {
    let claims = Expected {
        message: "expected no leader among connected servers, but 0 claims to be leader",
        kind: FailureKind::Safety,
        lines: lines("re_election", "check_no_leader"),
    };
    // Its own vote is enough for it, so two that stand at the same time both win.
    let runs = run(RE_ELECTION, Bug::WinsWithHalf, 1..=100);
    let [failed, twice] = runs.assert_only([claims, two_leaders("re_election")]);
    assert!(failed >= 90 && failed + twice == 100, "{failed} and {twice} of 100");
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
fn times_out_despite_heartbeats() {
    let runs = run(INITIAL_ELECTION, Bug::TimesOutDespiteHeartbeats, 1..=100);
    assert_eq!(runs.failures().next(), None);
    let warning = "warning: term changed even though there were no failures";
    assert_eq!(runs.warnings().into_iter().collect::<Vec<_>>(), [(warning, 100)]);
    assert!(runs.output.contains(warning), "{}", runs.output);
}
