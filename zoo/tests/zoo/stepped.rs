//! The ladder's tests: the right Raft passes each, and each fails wrong Rafts, among them the one that it is for.

use std::collections::BTreeSet;

use zoo::Bug;

use crate::child::run;

/// The scripts, by their modules.
const SCRIPTS: [(&str, &str); 4] = [
    ("crashes", include_str!("../../../tests/steps/crashes.rs")),
    ("elections", include_str!("../../../tests/steps/elections.rs")),
    ("logs", include_str!("../../../tests/steps/logs.rs")),
    ("snapshots", include_str!("../../../tests/steps/snapshots.rs")),
];

/// A bug, a step's test, and how many of its first six seeds must fail. Step 1 has no row: a Raft that calls nobody is
/// the skeleton, whose tests see that it fails.
const ROWS: [(Bug, &str, usize); 20] = [
    (Bug::NeverAdoptsTerm, "TestStep02TermsSpread", 6),
    (Bug::VotesTwice, "TestStep03LeaderIsElected", 1),
    (Bug::CountsItselfTwice, "TestStep03LeaderIsElected", 6),
    (Bug::CountsOnlyOthersVotes, "TestStep03LeaderIsElected", 6),
    (Bug::BlocksOnVotes, "TestStep04CandidateTriesAgain", 6),
    (Bug::TicksAndBlocksOnVotes, "TestStep04CandidateTriesAgain", 6),
    (Bug::NeverDrawsTimeout, "TestStep04CandidateTriesAgain", 6),
    (Bug::TimesOutDespiteHeartbeats, "TestStep05LeaderStays", 6),
    (Bug::HeartbeatsTooOften, "TestStep05LeaderStays", 6),
    (Bug::LeadsOnInHigherTerm, "TestStep06FormerLeaderFollows", 6),
    (Bug::CountsFromZero, "TestStep07LeaderTakesCommands", 6),
    (Bug::NeverSendsEntries, "TestStep08EntriesArrive", 6),
    (Bug::CommitsAtOnce, "TestStep09MajorityCommits", 6),
    (Bug::CommitsWhenAllHave, "TestStep09MajorityCommits", 6),
    (Bug::NeverTakesNextBack, "TestStep10LogsAreRepaired", 6),
    (Bug::VotesForAnyLog, "TestStep11NewestLogWins", 6),
    (Bug::NeverSavesLog, "TestStep12RestartKeepsState", 6),
    (Bug::TruncatesAlways, "TestStep13RepeatsDoNoHarm", 6),
    (Bug::IgnoresSnapshots, "TestStep14SnapshotCutsLog", 6),
    (Bug::NeverSendsSnapshot, "TestStep15SnapshotIsInstalled", 6),
];

/// The tests, as this binary has them: `steps::MODULE::NAME`.
fn tests() -> impl Iterator<Item = String> {
    SCRIPTS.into_iter().flat_map(|(module, source)| {
        let names = source.lines().filter_map(|l| l.strip_prefix("fn Test")?.strip_suffix("() {"));
        names.map(move |name| format!("steps::{module}::Test{name}"))
    })
}

#[test]
fn the_right_raft_climbs_each_step() {
    assert_eq!(tests().count(), 15);
    for test in tests() {
        let runs = run(&test, Bug::None, 1..=10);
        assert_eq!(runs.failures().next(), None, "{test}");
        assert!(runs.warnings().is_empty(), "{test}: {:?}", runs.warnings());
    }
}

#[test]
fn each_step_fails_the_raft_that_it_is_for() {
    for (bug, test, least) in ROWS {
        let failed = run(test, bug, 1..=6).failures().count();
        assert!(failed >= least, "{bug} fails {test} with {failed} of 6 seeds");
    }
    let shown: BTreeSet<&str> = ROWS.into_iter().map(|(_, test, _)| test).collect();
    assert_eq!(shown.len(), 14, "{shown:?}");
}

/// A word that selects a part selects no step: the names are no parts of one another.
#[test]
fn no_step_is_taken_for_a_part() {
    for test in tests() {
        let is_taken = ["3A", "3B", "3C", "3D", "X"].into_iter().find(|part| test.contains(part));
        assert_eq!(is_taken, None, "{test}");
    }
}
