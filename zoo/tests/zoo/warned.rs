//! Bugs that a run only warns of.

use std::collections::BTreeSet;

use zoo::Bug;

use crate::child::run;

#[test]
fn changes_term_without_failures() {
    for (bug, finding) in [
        (Bug::TimesOutDespiteHeartbeats, "election-despite-leader"),
        (Bug::HeartbeatsTooSeldom, "heartbeats-too-seldom"),
    ] {
        let runs = run("TestInitialElection3A", bug, 1..=100);
        assert_eq!(runs.failures().next(), None);
        let warning = "warning: term changed even though there were no failures";
        assert_eq!(runs.warnings().into_iter().collect::<Vec<_>>(), [(warning, 100)]);
        assert!(runs.output.contains(warning), "{}", runs.output);
        // And why that is, once, with a command that shows it again.
        assert!(runs.output.contains("passed, and yet something is wrong:"), "{}", runs.output);
        assert_eq!(runs.output.matches(&format!("[{finding}]")).count(), 1, "{}", runs.output);
        let replay = format!("LAB_SEED=1 LAB_BUG={bug} cargo test -p zoo TestInitialElection3A");
        assert!(runs.output.contains(&replay), "{}", runs.output);
    }
    // Other runs fail, by a check in the middle of an election.
    let runs = run("TestInitialElection3A", Bug::TimesOutBetweenHeartbeats, 1..=100);
    let warned: usize = runs.warnings().into_values().sum();
    assert!(warned >= 90, "{warned} of 100");
}

/// Where no check looks at terms, it is said all the same, once.
#[test]
fn an_election_in_spite_of_a_leader_is_told_though_no_check_has_noticed() {
    for test in ["TestCount3B", "TestManyElections3A"] {
        let runs = run(test, Bug::TimesOutDespiteHeartbeats, 1..=10);
        let passed = runs.results.iter().filter(|result| result.failure().is_none());
        let told = passed.clone().filter(|result| {
            result.doubts.iter().any(|doubt| doubt.id == "election-despite-leader")
        });
        assert!(told.count() > 0, "{test}: {}", runs.output);
        assert_eq!(passed.count(), 10, "{test}: {}", runs.output);
        assert_eq!(runs.output.matches("passed, and yet something is wrong:").count(), 1);
        let replay = format!("LAB_BUG=TimesOutDespiteHeartbeats cargo test -p zoo {test}");
        assert!(runs.output.contains(&replay), "{}", runs.output);
    }
    // Of a leader whose heartbeats come too seldom it is said that it is silent.
    let runs = run("TestBackup3B", Bug::HeartbeatsTooSeldom, 1..=5);
    let passed = runs.results.iter().filter(|result| result.failure().is_none());
    let found: BTreeSet<&str> =
        passed.flat_map(|result| &result.doubts).map(|doubt| &*doubt.id).collect();
    assert!(found.iter().all(|id| *id == "heartbeats-too-seldom"), "{found:?}");
}

/// A promise that is proven to be broken is a finding as well, and is then not warned of in other words.
#[test]
fn a_broken_rule_is_told_once_with_its_replay_command() {
    let runs = run("TestUnreliableChurn3C", Bug::TruncatesWithEntries, 1..=6);
    assert_eq!(runs.failures().next(), None, "{}", runs.output);
    assert_eq!(runs.output.matches("[log-truncated]").count(), 1, "{}", runs.output);
    assert!(!runs.output.contains("rule log-truncated"), "{}", runs.output);
    assert!(runs.output.contains("  strict    LAB_STRICT=1 fails such a run\n"), "{}", runs.output);
}
