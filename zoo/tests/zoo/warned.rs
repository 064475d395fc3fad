//! Bugs that a run only warns of.

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
