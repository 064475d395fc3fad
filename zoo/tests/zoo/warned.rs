//! Bugs that a run only warns of.

use zoo::Bug;

use crate::child::run;

#[test]
fn changes_term_without_failures() {
    for bug in [Bug::TimesOutDespiteHeartbeats, Bug::HeartbeatsTooSeldom] {
        let runs = run("TestInitialElection3A", bug, 1..=100);
        assert_eq!(runs.failures().next(), None);
        let warning = "warning: term changed even though there were no failures";
        assert_eq!(runs.warnings().into_iter().collect::<Vec<_>>(), [(warning, 100)]);
        assert!(runs.output.contains(warning), "{}", runs.output);
    }
    // Other runs fail, by a check in the middle of an election.
    let runs = run("TestInitialElection3A", Bug::TimesOutBetweenHeartbeats, 1..=100);
    let warned: usize = runs.warnings().into_values().sum();
    assert!(warned >= 90, "{warned} of 100");
}
