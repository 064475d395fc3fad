//! The case that this project began with: a student's `TestReElection3A` that failed now and then.
//!
//! The ticker collected the votes itself. Two candidates asked for votes while they were cut off;
//! the network answers such calls after up to 7 s. When the two were connected again, and could
//! have elected a leader, both still waited for the answers, and outlasted `check_one_leader`.

use config::{FailureKind, Reliability, Snapshots, Switch, make_config};
use report::explain::Explanation;
use zoo::Bug;

use crate::child::{Expected, Runs, line, run};
use crate::explained;
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
    let [failed] = runs.assert_only([Expected::at(
        "re_election",
        "check_one_leader",
        FailureKind::Liveness,
        "expected one leader, got none",
    )]);
    failed
}

#[test]
fn blocks_on_votes_fails_now_and_then() {
    let runs = run("TestReElection3A", Bug::BlocksOnVotes, 1..=2000);
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
    let failed = leaderless(&run("TestReElection3A", Bug::WaitsForAllVotes, 1..=200));
    assert!(failed > 100, "{failed} of 200 failed");
}

#[test]
fn waits_for_all_votes_never_fails_with_short_delays() {
    let runs = run(SHORT_DELAYS, Bug::WaitsForAllVotes, 1..=500);
    assert_eq!(runs.failures().next(), None);
}

/// The student's own log, as far as it can be told from a run: server 0 leads first and is cut off;
/// server 1 leads, and is cut off with server 2 once server 0 is back; first server 2, then server 0
/// asks for votes in vain; server 2 comes back, and nobody is elected.
#[test]
fn the_student_s_own_log_is_explained() {
    let runs = run("TestReElection3A", Bug::TicksAndBlocksOnVotes, 1..=3000);
    let explanations = explained::leaderless(&runs);
    let same_story = |explanation: &&Explanation| {
        let Some(finding) = explanation.findings.first() else { return false };
        let asked = |server: u32| {
            let asked = format!("server {server} asked for votes in term ");
            finding.evidence.iter().find(|evidence| evidence.text.starts_with(&asked))
        };
        let in_order = matches!(
            (asked(2), asked(0)),
            (Some(first), Some(second)) if first.at < second.at
        );
        let is_not =
            |note: &str| explanation.not_the_cause.iter().any(|other| other.contains(note));
        in_order
            && is_not("server 0 led term")
            && is_not("it has sent no AppendEntries since")
            && is_not("server 1 still reports itself as the leader")
    };
    let told: Vec<&Explanation> = explanations.into_iter().filter(same_story).collect();
    assert!(!told.is_empty(), "no run has the log's story");
    for explanation in told {
        assert_eq!(explanation.findings[0].id, "election-not-restarted");
    }
}
