//! Part 3A: who leads, and who says so.

use config::FailureKind::{Liveness, Safety};
use zoo::Bug;

use super::{Row, row};
use crate::child::Expected;

const INITIAL_ELECTION: &str = "TestInitialElection3A";
const RE_ELECTION: &str = "TestReElection3A";
const MANY_ELECTIONS: &str = "TestManyElections3A";

const fn no_leader(function: &'static str) -> Expected {
    Expected::at(function, "check_one_leader", Liveness, "expected one leader, got none")
}

const fn two_leaders(function: &'static str) -> Expected {
    Expected::at(function, "check_one_leader", Safety, "term N has N (>N) leaders")
}

const NONE_AT_FIRST: Expected = no_leader("TestInitialElection3A");
const NONE_AGAIN: Expected = no_leader("re_election");
const NONE_OF_SEVEN: Expected = no_leader("TestManyElections3A");

const TWO_AT_FIRST: Expected = two_leaders("TestInitialElection3A");
const TWO_AGAIN: Expected = two_leaders("re_election");
const TWO_OF_SEVEN: Expected = two_leaders("TestManyElections3A");

const DISAGREE: Expected =
    Expected::at("TestInitialElection3A", "check_terms", Liveness, "servers disagree on term");
const CLAIMS_TO_LEAD: Expected = Expected::at(
    "re_election",
    "check_no_leader",
    Safety,
    "expected no leader among connected servers, but N claims to be leader",
);
const TERM_0: Expected =
    Expected::at("TestInitialElection3A", "fatal", Safety, "term is N, but should be at least N");

pub(super) const ROWS: &[Row] = &[
    row(Bug::BlocksOnVotes, MANY_ELECTIONS, 150, &[(1, NONE_OF_SEVEN)]),
    row(Bug::WaitsForAllVotes, MANY_ELECTIONS, 50, &[(45, NONE_OF_SEVEN)]),
    row(Bug::StandsOnce, RE_ELECTION, 20, &[(20, NONE_AGAIN)]),
    row(Bug::StandsOnce, MANY_ELECTIONS, 50, &[(40, NONE_OF_SEVEN)]),
    row(Bug::StandsAgainInSameTerm, RE_ELECTION, 20, &[(20, NONE_AGAIN)]),
    row(Bug::StandsUntilItVotes, RE_ELECTION, 20, &[(20, NONE_AGAIN)]),
    row(Bug::StandsUntilItVotes, MANY_ELECTIONS, 20, &[(20, NONE_OF_SEVEN)]),
    // All of the four that are left must have led before.
    row(Bug::StandsUntilItLeads, MANY_ELECTIONS, 100, &[(2, NONE_OF_SEVEN)]),
    row(Bug::HoldsLockDuringCalls, MANY_ELECTIONS, 20, &[(15, NONE_OF_SEVEN)]),
    row(Bug::HoldsLockDuringCalls, RE_ELECTION, 60, &[(20, NONE_AGAIN), (10, CLAIMS_TO_LEAD)]),
    row(Bug::HeedsFormerLeaders, MANY_ELECTIONS, 15, &[(9, NONE_OF_SEVEN)]),
    row(Bug::SendsOnWhenDeposed, MANY_ELECTIONS, 15, &[(9, NONE_OF_SEVEN)]),
    row(Bug::NeverDrawsTimeout, INITIAL_ELECTION, 20, &[(20, NONE_AT_FIRST)]),
    row(Bug::SeedsByClock, INITIAL_ELECTION, 20, &[(20, NONE_AT_FIRST)]),
    row(Bug::SeedsByClock, RE_ELECTION, 20, &[(20, NONE_AGAIN)]),
    // It takes many timers that fire in the same millisecond, or two that always do.
    row(Bug::DrawsCloseTimeouts, MANY_ELECTIONS, 200, &[(2, NONE_OF_SEVEN)]),
    row(Bug::DrawsTimeoutOnce, RE_ELECTION, 400, &[(1, NONE_AGAIN)]),
    row(Bug::TimesOutAfterSeconds, RE_ELECTION, 100, &[(4, NONE_AGAIN)]),
    row(Bug::TimesOutAfterSeconds, MANY_ELECTIONS, 100, &[(2, NONE_OF_SEVEN)]),
    row(Bug::CountsOnlyOthersVotes, RE_ELECTION, 20, &[(20, NONE_AGAIN)]),
    row(Bug::CountsOnlyOthersVotes, MANY_ELECTIONS, 20, &[(20, NONE_OF_SEVEN)]),
    row(Bug::NeverClearsVote, RE_ELECTION, 20, &[(20, NONE_AGAIN)]),
    row(Bug::NeverClearsVote, MANY_ELECTIONS, 20, &[(20, NONE_OF_SEVEN)]),
    row(Bug::VotesForNewerLogsOnly, INITIAL_ELECTION, 20, &[(20, NONE_AT_FIRST)]),
    row(Bug::VotesForNewerLogsOnly, RE_ELECTION, 20, &[(20, NONE_AGAIN)]),
    row(Bug::NeverSaysItLeads, INITIAL_ELECTION, 20, &[(20, NONE_AT_FIRST)]),
    row(Bug::NeverSaysItLeads, RE_ELECTION, 20, &[(20, NONE_AGAIN)]),
    // It takes two candidates whose timers fire in the same millisecond.
    row(Bug::VotesTwice, MANY_ELECTIONS, 80, &[(3, TWO_OF_SEVEN)]),
    // A server that stays in its term forgets its vote at every request, so that it can vote twice.
    row(Bug::NeverAdoptsTerm, INITIAL_ELECTION, 20, &[(16, DISAGREE), (0, TWO_AT_FIRST)])
        .in_all(20),
    // Its own vote is enough for it, so two that become candidates at the same time both win.
    row(Bug::WinsWithHalf, RE_ELECTION, 100, &[(90, CLAIMS_TO_LEAD), (0, TWO_AGAIN)]).in_all(100),
    row(Bug::KeepsOldVotes, RE_ELECTION, 20, &[(20, CLAIMS_TO_LEAD)]),
    row(Bug::KeepsOldVotes, MANY_ELECTIONS, 20, &[(10, TWO_OF_SEVEN)]),
    // The first two that answer decide.
    row(Bug::WinsAmongWhoAnswer, MANY_ELECTIONS, 60, &[(3, TWO_OF_SEVEN)]),
    // The call has to fail before the next election.
    row(Bug::CountsFailedCalls, RE_ELECTION, 100, &[(10, CLAIMS_TO_LEAD)]),
    row(Bug::LeadsOnInHigherTerm, RE_ELECTION, 20, &[(20, TWO_AGAIN)]),
    row(Bug::LeadsOnInHigherTerm, MANY_ELECTIONS, 20, &[(20, TWO_OF_SEVEN)]),
    row(Bug::SaysItLeadsForEver, RE_ELECTION, 20, &[(20, TWO_AGAIN)]),
    row(Bug::SaysItLeadsForEver, MANY_ELECTIONS, 20, &[(20, TWO_OF_SEVEN)]),
    row(Bug::SaysItLeadsAsCandidate, RE_ELECTION, 20, &[(16, CLAIMS_TO_LEAD), (0, TWO_AGAIN)])
        .in_all(20),
    row(Bug::ForgetsVoteWhenLed, MANY_ELECTIONS, 80, &[(5, TWO_OF_SEVEN)]),
    row(Bug::NeverIncrementsTerm, INITIAL_ELECTION, 20, &[(20, TERM_0)]),
    // All votes of term 0 have been given, and there is no other term.
    row(Bug::NeverIncrementsTerm, RE_ELECTION, 20, &[(20, NONE_AGAIN)]),
    row(Bug::ReportsTermItLed, INITIAL_ELECTION, 20, &[(20, DISAGREE)]),
    // A call to a server that is cut off must take longer than the election timeout.
    row(Bug::WaitsForEachReply, RE_ELECTION, 40, &[(9, CLAIMS_TO_LEAD)]),
    // A check may come in the middle of an election.
    row(Bug::TimesOutBetweenHeartbeats, INITIAL_ELECTION, 100, &[(0, DISAGREE)]),
    row(Bug::CountsItselfTwice, RE_ELECTION, 20, &[(18, CLAIMS_TO_LEAD), (0, TWO_AGAIN)])
        .in_all(20),
];
