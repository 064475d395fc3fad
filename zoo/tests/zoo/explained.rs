//! A failure's first finding is its cause: for each bug that leaves a cluster without a leader.

use std::collections::BTreeMap;

use config::Verdict;
use report::explain::{Explanation, Finding};
use zoo::Bug;

use crate::caught::{INITIAL_ELECTION, MANY_ELECTIONS, RE_ELECTION};
use crate::child::{Runs, run};

const NO_LEADER: &str = "expected one leader, got none";

/// The explanations of the runs that failed for want of a leader.
pub(crate) fn leaderless(runs: &Runs) -> Vec<&Explanation> {
    let explained = runs.results.iter().filter_map(|result| match &result.verdict {
        Verdict::Failed { failure, explanation, .. } if failure.message == NO_LEADER => {
            Some(explanation)
        }
        _ => None,
    });
    explained.collect()
}

fn first(explanation: &Explanation) -> &str {
    explanation.findings.first().map_or("unknown", |Finding { id, .. }| id)
}

/// Asserts that the first finding is `id` in at least `percent` of the runs that fail for want of a
/// leader, which are `least` at least.
fn explained_as(bug: Bug, test: &str, seeds: u64, least: usize, id: &str, percent: usize) {
    let runs = run(test, bug, 1..=seeds);
    let explanations = leaderless(&runs);
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for explanation in &explanations {
        *counts.entry(first(explanation)).or_default() += 1;
    }
    let (all, right) = (explanations.len(), counts.get(id).copied().unwrap_or(0));
    assert!(all >= least, "{bug}: {all} of {seeds} runs have no leader");
    assert!(right * 100 >= all * percent, "{bug}: {counts:?}, not {percent} % {id}");
}

#[test]
fn candidates_that_wait_for_replies() {
    explained_as(Bug::BlocksOnVotes, RE_ELECTION, 1000, 20, "election-not-restarted", 95);
    explained_as(Bug::BlocksOnVotes, MANY_ELECTIONS, 500, 10, "election-not-restarted", 95);
    explained_as(Bug::TicksAndBlocksOnVotes, RE_ELECTION, 1000, 10, "election-not-restarted", 95);
    explained_as(Bug::WaitsForAllVotes, RE_ELECTION, 50, 25, "waits-for-all-replies", 90);
}

#[test]
fn timers_that_do_not_fire() {
    explained_as(Bug::StandsOnce, RE_ELECTION, 20, 20, "election-timer-dead", 95);
    explained_as(Bug::StandsUntilItVotes, RE_ELECTION, 20, 20, "election-timer-dead", 95);
    explained_as(
        Bug::HeedsFormerLeaders,
        MANY_ELECTIONS,
        20,
        10,
        "timer-reset-by-stale-leader",
        95,
    );
    explained_as(
        Bug::TimesOutAfterSeconds,
        MANY_ELECTIONS,
        150,
        8,
        "election-timeout-too-long",
        75,
    );
}

#[test]
fn votes_that_are_split_refused_or_miscounted() {
    explained_as(Bug::NeverDrawsTimeout, INITIAL_ELECTION, 20, 20, "votes-split", 95);
    let refused = "vote-refused-without-reason";
    explained_as(Bug::NeverClearsVote, RE_ELECTION, 20, 20, refused, 95);
    explained_as(Bug::VotesForNewerLogsOnly, INITIAL_ELECTION, 20, 20, refused, 95);
    explained_as(Bug::CountsOnlyOthersVotes, RE_ELECTION, 20, 20, "majority-not-recognised", 95);
}

#[test]
fn servers_that_hang_or_hide() {
    explained_as(Bug::HoldsLockDuringCalls, MANY_ELECTIONS, 30, 20, "server-hangs", 75);
    explained_as(Bug::NeverSaysItLeads, INITIAL_ELECTION, 20, 20, "leader-not-told", 95);
}
