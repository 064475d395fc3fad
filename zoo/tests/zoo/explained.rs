//! A failure's first finding is its cause: a table of tests that fail, and what the explanations must name.

use std::collections::BTreeMap;
use std::fmt;

use config::Verdict;
use report::explain::{Explanation, Finding};
use zoo::{Bug, Part};

use crate::child::{Runs, run};
use crate::table::assert_all_hold;

const INITIAL_ELECTION: &str = "TestInitialElection3A";
const RE_ELECTION: &str = "TestReElection3A";
const MANY_ELECTIONS: &str = "TestManyElections3A";
const FIGURE_8_UNRELIABLE: &str = "TestFigure8Unreliable3C";
const ALL_CRASH: &str = "TestSnapshotAllCrash3D";
const INSTALL: &str = "TestSnapshotInstall3D";

const NO_LEADER: &str = "expected one leader, got none";

/// A test that fails, and what explains it.
pub(crate) struct Row {
    bug: Bug,
    test: &'static str,
    /// How many seeds it runs with, from 1 on.
    seeds: u64,
    /// How many runs must fail at least.
    least: usize,
    of: Of,
    /// How many of a hundred such failures must have the right first finding.
    percent: usize,
}

/// Which failures are explained, and by which findings.
#[derive(Clone, Copy)]
enum Of {
    /// All failures, by any finding that names the bug.
    All,
    /// The failures for want of a leader, by this finding.
    Leaderless(&'static str),
}

/// All runs fail, and nine of ten failures are explained.
const fn all(bug: Bug, test: &'static str, seeds: u64) -> Row {
    some(bug, test, (seeds as usize, seeds))
}

/// So many runs fail at least.
const fn some(bug: Bug, test: &'static str, (least, seeds): (usize, u64)) -> Row {
    Row { bug, test, seeds, least, of: Of::All, percent: 90 }
}

/// So many runs fail at least for want of a leader, and of a hundred so many are explained by `finding`.
const fn leaderless_as(
    bug: Bug,
    test: &'static str,
    (least, seeds): (usize, u64),
    finding: &'static str,
    percent: usize,
) -> Row {
    Row { bug, test, seeds, least, of: Of::Leaderless(finding), percent }
}

pub(crate) const ROWS: &[Row] = &[
    // ---- Candidates that wait for replies ----
    leaderless_as(Bug::BlocksOnVotes, RE_ELECTION, (20, 1000), "election-not-restarted", 95),
    leaderless_as(Bug::BlocksOnVotes, MANY_ELECTIONS, (10, 500), "election-not-restarted", 95),
    leaderless_as(
        Bug::TicksAndBlocksOnVotes,
        RE_ELECTION,
        (10, 1000),
        "election-not-restarted",
        95,
    ),
    leaderless_as(Bug::WaitsForAllVotes, RE_ELECTION, (25, 50), "waits-for-all-replies", 75),
    // ---- Timers that don't fire ----
    leaderless_as(Bug::StandsOnce, RE_ELECTION, (20, 20), "election-timer-dead", 95),
    leaderless_as(Bug::StandsUntilItVotes, RE_ELECTION, (20, 20), "election-timer-dead", 95),
    leaderless_as(
        Bug::HeedsFormerLeaders,
        MANY_ELECTIONS,
        (10, 20),
        "timer-reset-by-stale-leader",
        95,
    ),
    leaderless_as(
        Bug::TimesOutAfterSeconds,
        MANY_ELECTIONS,
        (8, 150),
        "election-timeout-too-long",
        75,
    ),
    // ---- Votes that are split, refused or miscounted ----
    leaderless_as(
        Bug::NeverDrawsTimeout,
        INITIAL_ELECTION,
        (20, 20),
        "timeout-always-the-same",
        95,
    ),
    leaderless_as(Bug::NeverClearsVote, RE_ELECTION, (20, 20), "vote-refused-without-reason", 95),
    leaderless_as(
        Bug::VotesForNewerLogsOnly,
        INITIAL_ELECTION,
        (20, 20),
        "vote-refused-without-reason",
        95,
    ),
    leaderless_as(Bug::CountsOnlyOthersVotes, RE_ELECTION, (20, 20), "majority-not-recognised", 95),
    // ---- Servers that hang or hide ----
    leaderless_as(Bug::HoldsLockDuringCalls, MANY_ELECTIONS, (20, 30), "server-hangs", 75),
    leaderless_as(Bug::NeverSaysItLeads, INITIAL_ELECTION, (20, 20), "leader-not-told", 95),
    // ---- Commands for which there is no leader ----
    all(Bug::CountsOnlyOthersVotes, "TestLeaderFailure3B", 10),
    all(Bug::NeverClearsVote, "TestLeaderFailure3B", 10),
    all(Bug::StandsOnce, "TestBackup3B", 4),
    all(Bug::HeedsFormerLeaders, "TestRejoin3B", 10),
    // ---- Requests that wait for each other ----
    all(Bug::SendsInTurn, "TestFailAgree3B", 10),
    all(Bug::AnswersOnceApplied, "TestBasicAgree3B", 5),
    all(Bug::HoldsLockDuringCalls, "TestFailNoAgree3B", 10),
    // ---- Servers that apply too little ----
    all(Bug::AppliesOnePerNotice, "TestFailAgree3B", 10),
    all(Bug::AppliesOnePerNotice, "TestBackup3B", 4),
    // ---- Words that acts contradict ----
    all(Bug::SaysItLeadsForEver, RE_ELECTION, 10),
    all(Bug::SaysItLeadsAsCandidate, RE_ELECTION, 10),
    all(Bug::ReportsTermItLed, INITIAL_ELECTION, 10),
    all(Bug::SaysItLeadsForEver, "TestEntriesSurviveCrashX06", 10),
    // ---- Leaderships that end though nothing failed ----
    all(Bug::HeartbeatsTooSeldom, "TestLeaderStaysX22", 10),
    all(Bug::TimesOutBetweenHeartbeats, "TestLeaderStaysX22", 10),
    all(Bug::TimesOutDespiteHeartbeats, "TestLeaderStaysX22", 10),
    some(Bug::HeartbeatsTooSeldom, FIGURE_8_UNRELIABLE, (1, 2)),
    // ---- Terms that a server hears and ignores, or doesn't say ----
    all(Bug::TakesHigherTermForConflict, "TestHigherTermInRepliesX14", 10),
    all(Bug::RefusesWithoutTerm, "TestHigherTermInRepliesX14", 10),
    all(Bug::RefusesWithoutTerm, "TestRefusalOfFormerTermX23", 10),
    // ---- Scenarios that wait for a message or a save ----
    all(Bug::BlocksOnVotes, "TestLateVoteX03", 4),
    all(Bug::NeverSavesOwnCommands, "TestCrashAtSaveX07", 4),
    // ---- Snapshots ----
    all(Bug::IgnoresSnapshotOffset, ALL_CRASH, 10),
    some(Bug::ReadsStateForSnapshot, ALL_CRASH, (3, 10)),
    all(Bug::ReadsStateForSnapshot, "TestFigure83C", 4),
    all(Bug::CountsSnapshotFromZero, INSTALL, 10),
    all(Bug::NeverAdvancesAfterSnapshot, INSTALL, 10),
    all(Bug::InstallsOverApplied, "TestUnevenSnapshotsX27", 10),
    all(Bug::RefusesBelowSnapshot, "TestUnevenSnapshotsX27", 10),
    all(Bug::CommitGoesBackWithSnapshot, "TestLateSnapshotX09", 10),
    all(Bug::IgnoresSnapshots, "TestLateSnapshotX09", 4),
    all(Bug::NeverSavesInstalled, "TestInstalledSnapshotSurvivesCrashX25", 10),
    all(Bug::SavesLate, "TestInstalledSnapshotSurvivesCrashX25", 4),
    all(Bug::NeverAdvancesAfterSnapshot, "TestDoubledRequestsX17", 4),
    // ---- Panics, and what the server was doing ----
    all(Bug::TrustsTheirLength, "TestRefusalOfFormerTermX23", 10),
    all(Bug::AppliesFromOne, ALL_CRASH, 10),
    all(Bug::PanicsBelowSnapshot, "TestUnevenSnapshotsX27", 10),
    // ---- What a crash took, and what it didn't ----
    all(Bug::TakesSavedForApplied, "TestRefusalOfFormerTermX23", 4),
    all(Bug::NeverSavesOwnCommands, "TestSlowDisksX21", 4),
    all(Bug::ForgetsSnapshotIndex, ALL_CRASH, 4),
    // ---- Entries that should be gone ----
    some(Bug::KeepsConflictingSuffix, FIGURE_8_UNRELIABLE, (3, 6)),
    all(Bug::KeepsConflictingSuffix, "TestAnswerToFormerTermX08", 4),
];

/// The explanations of the runs that failed for want of a leader.
pub(crate) fn leaderless(runs: &Runs) -> Vec<&Explanation> {
    explanations(runs, |message| message == NO_LEADER)
}

/// The explanations of the runs that failed with such a message.
fn explanations(runs: &Runs, is_explained: impl Fn(&str) -> bool) -> Vec<&Explanation> {
    let explained = runs.results.iter().filter_map(|result| match &result.verdict {
        Verdict::Failed { failure, explanation, .. } if is_explained(&failure.message) => {
            Some(explanation)
        }
        _ => None,
    });
    explained.collect()
}

impl Row {
    /// Runs it, and says what doesn't hold.
    fn check(&self) -> Result<(), String> {
        let runs = run(self.test, self.bug, 1..=self.seeds);
        let explanations = match self.of {
            Of::All => explanations(&runs, |_| true),
            Of::Leaderless(_) => leaderless(&runs),
        };
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for explanation in &explanations {
            let first = explanation.findings.first();
            *counts.entry(first.map_or("unknown", |Finding { id, .. }| id)).or_default() += 1;
        }
        let is_right = |id: &str| match self.of {
            Of::All => self.bug.causes().contains(&id),
            Of::Leaderless(finding) => id == finding,
        };
        let right: usize =
            counts.iter().filter(|(id, _)| is_right(id)).map(|(_, count)| count).sum();
        let all = explanations.len();
        if all < self.least {
            Err(format!("{all} fail, not {}: {counts:?}", self.least))
        } else if right * 100 < all * self.percent {
            Err(format!("{right} of {all}, not {} %, are explained: {counts:?}", self.percent))
        } else {
            Ok(())
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.bug, self.test, self.seeds)
    }
}

/// Asserts that all rows hold whose bugs are of this part.
fn check(part: Part) {
    let rows: Vec<&Row> = ROWS.iter().filter(|row| row.bug.part() == part).collect();
    assert_all_hold(&rows, |row| row.check());
}

#[test]
fn bugs_of_3a() {
    check(Part::A);
}

#[test]
fn bugs_of_3b() {
    check(Part::B);
}

#[test]
fn bugs_of_3c() {
    check(Part::C);
}

#[test]
fn bugs_of_3d() {
    check(Part::D);
}

#[test]
fn a_row_that_does_not_hold_is_told() {
    assert_eq!(all(Bug::StandsOnce, RE_ELECTION, 2).check(), Ok(()));
    let too_few = all(Bug::None, RE_ELECTION, 2).check();
    assert_eq!(too_few, Err("0 fail, not 2: {}".to_owned()));
    let other = leaderless_as(Bug::StandsOnce, RE_ELECTION, (2, 2), "votes-split", 50).check();
    let error = "0 of 2, not 50 %, are explained: {\"election-timer-dead\": 2}";
    assert_eq!(other, Err(error.to_owned()));
}
