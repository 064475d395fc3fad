//! The case that this project began with: a student's `TestReElection3A` that failed now and then.
//!
//! The ticker collected the votes itself. Two candidates asked for votes while they were cut off;
//! the network answers such calls after up to 7 s. When the two were connected again, and could
//! have elected a leader, both still waited for the answers, and outlasted `check_one_leader`.

use config::{FailureKind, Reliability, Snapshots, Switch, make_config};
use zoo::Bug;

use crate::caught::RE_ELECTION;
use crate::child::{Expected, Runs, line, run};
use crate::lab3::election_3a::re_election;
use crate::script::lines;

/// MIT's script with calls to unreachable servers that fail after 0.1 s at most.
const SHORT_DELAYS: &str = "seed_case::re_election_with_short_delays";

#[test]
fn re_election_with_short_delays() {
    config::test(|t| async move {
        let cfg = make_config(&t, 3, Reliability::Reliable, Snapshots::Off, zoo::make);
        cfg.set_long_delays(Switch::Off);
        re_election(&cfg).await;
    });
}

/// How many of `runs` failed, all of them for want of a leader.
fn leaderless(runs: &Runs) -> usize {
    let [failed] = runs.assert_only([Expected {
        message: "expected one leader, got none",
        kind: FailureKind::Liveness,
        lines: lines("re_election", "check_one_leader"),
    }]);
    failed
}

#[test]
fn blocks_on_votes_fails_now_and_then() {
    let runs = run(RE_ELECTION, Bug::BlocksOnVotes, 1..=2000);
    let failed = leaderless(&runs);
    assert!((60..=400).contains(&failed), "{failed} of 2000 failed, not 3 to 20 %");

    // The fourth check comes when two of three are together again.
    let fourth = lines("re_election", "check_one_leader")[3];
    let at_fourth = runs.failures().filter(|failure| line(failure) == fourth).count();
    assert!(at_fourth > failed / 2, "{at_fourth} of {failed} failed at the fourth check");
}

#[test]
fn blocks_on_votes_never_fails_with_short_delays() {
    let runs = run(SHORT_DELAYS, Bug::BlocksOnVotes, 1..=2000);
    assert_eq!(runs.failures().next(), None);
}

#[test]
fn waits_for_all_votes_fails_mostly() {
    let failed = leaderless(&run(RE_ELECTION, Bug::WaitsForAllVotes, 1..=200));
    assert!(failed > 100, "{failed} of 200 failed");
}

#[test]
fn waits_for_all_votes_never_fails_with_short_delays() {
    let runs = run(SHORT_DELAYS, Bug::WaitsForAllVotes, 1..=500);
    assert_eq!(runs.failures().next(), None);
}
