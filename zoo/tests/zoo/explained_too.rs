//! A failure's first finding is its cause: for bugs whose runs fail in many ways, all of which count.

use std::collections::BTreeMap;

use config::Verdict;
use zoo::Bug;

use crate::caught::{INITIAL_ELECTION, RE_ELECTION};
use crate::caught_3b::{BACKUP, BASIC_AGREE, FAIL_AGREE, FAIL_NO_AGREE, LEADER_FAILURE, REJOIN};
use crate::caught_3c::{FIGURE_8, FIGURE_8_UNRELIABLE};
use crate::caught_3d::{ALL_CRASH, INSTALL};
use crate::child::run;

/// Asserts that nine of ten failures have one of the findings that name the bug first; all seeds fail.
fn explained(bug: Bug, test: &str, seeds: u64) {
    explained_of(bug, test, (seeds, seeds));
}

/// The same, of a test that fails with at least so many of the seeds.
fn explained_of(bug: Bug, test: &str, (least, seeds): (u64, u64)) {
    let runs = run(test, bug, 1..=seeds);
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for result in &runs.results {
        let Verdict::Failed { explanation, .. } = &result.verdict else { continue };
        let first = explanation.findings.first().map_or("unknown", |finding| &finding.id);
        *counts.entry(first.to_owned()).or_default() += 1;
    }
    let all: usize = counts.values().sum();
    let named = counts.iter().filter(|(id, _)| bug.causes().contains(&id.as_str()));
    let right: usize = named.map(|(_, count)| count).sum();
    assert!(all as u64 >= least, "{bug}: {counts:?}");
    assert!(right * 10 >= all * 9, "{bug}: {counts:?}");
}

#[test]
fn commands_for_which_there_is_no_leader() {
    explained(Bug::CountsOnlyOthersVotes, LEADER_FAILURE, 10);
    explained(Bug::NeverClearsVote, LEADER_FAILURE, 10);
    explained(Bug::StandsOnce, BACKUP, 4);
    explained(Bug::HeedsFormerLeaders, REJOIN, 10);
}

#[test]
fn requests_that_wait_for_each_other() {
    explained(Bug::SendsInTurn, FAIL_AGREE, 10);
    explained(Bug::AnswersOnceApplied, BASIC_AGREE, 5);
    explained(Bug::HoldsLockDuringCalls, FAIL_NO_AGREE, 10);
}

#[test]
fn servers_that_apply_too_little() {
    explained(Bug::AppliesOnePerNotice, FAIL_AGREE, 10);
    explained(Bug::AppliesOnePerNotice, BACKUP, 4);
}

#[test]
fn words_that_acts_contradict() {
    explained(Bug::SaysItLeadsForEver, RE_ELECTION, 10);
    explained(Bug::SaysItLeadsAsCandidate, RE_ELECTION, 10);
    explained(Bug::ReportsTermItLed, INITIAL_ELECTION, 10);
    explained(Bug::SaysItLeadsForEver, "extra::crashes_x::TestEntriesSurviveCrashX06", 10);
}

#[test]
fn leaderships_that_end_though_nothing_failed() {
    for bug in
        [Bug::HeartbeatsTooSeldom, Bug::TimesOutBetweenHeartbeats, Bug::TimesOutDespiteHeartbeats]
    {
        explained(bug, "extra::timers_x::TestLeaderStaysX22", 10);
    }
    explained_of(Bug::HeartbeatsTooSeldom, FIGURE_8_UNRELIABLE, (1, 2));
}

#[test]
fn terms_that_are_told_and_ignored_or_not_told() {
    for bug in [Bug::TakesHigherTermForConflict, Bug::RefusesWithoutTerm] {
        explained(bug, "extra::elections_x::TestHigherTermInRepliesX14", 10);
    }
    explained(Bug::RefusesWithoutTerm, "extra::logs_x::TestRefusalOfFormerTermX23", 10);
}

#[test]
fn scenarios_that_wait_for_a_word_or_a_save() {
    explained(Bug::BlocksOnVotes, "extra::elections_x::TestLateVoteX03", 4);
    explained(Bug::NeverSavesOwnCommands, "extra::crashes_x::TestCrashAtSaveX07", 4);
}

#[test]
fn snapshots_and_what_goes_with_them() {
    explained(Bug::IgnoresSnapshotOffset, ALL_CRASH, 10);
    explained_of(Bug::ReadsStateForSnapshot, ALL_CRASH, (3, 10));
    explained(Bug::ReadsStateForSnapshot, FIGURE_8, 4);
    explained(Bug::CountsSnapshotFromZero, INSTALL, 10);
    explained(Bug::NeverAdvancesAfterSnapshot, INSTALL, 10);
    let uneven = "extra::snapshots_x::TestUnevenSnapshotsX27";
    explained(Bug::InstallsOverApplied, uneven, 10);
    explained(Bug::RefusesBelowSnapshot, uneven, 10);
    let late = "extra::snapshots_x::TestLateSnapshotX09";
    explained(Bug::CommitGoesBackWithSnapshot, late, 10);
    explained(Bug::IgnoresSnapshots, late, 4);
    let crash = "extra::crashes_x::TestInstalledSnapshotSurvivesCrashX25";
    explained(Bug::NeverSavesInstalled, crash, 10);
    explained(Bug::SavesLate, crash, 4);
    explained(Bug::NeverAdvancesAfterSnapshot, "extra::network_x::TestDoubledRequestsX17", 4);
}

#[test]
fn panics_and_what_the_server_was_at() {
    explained(Bug::TrustsTheirLength, "extra::logs_x::TestRefusalOfFormerTermX23", 10);
    explained(Bug::AppliesFromOne, ALL_CRASH, 10);
    explained(Bug::PanicsBelowSnapshot, "extra::snapshots_x::TestUnevenSnapshotsX27", 10);
}

#[test]
fn what_a_crash_took_and_what_it_did_not() {
    explained(Bug::TakesSavedForApplied, "extra::logs_x::TestRefusalOfFormerTermX23", 4);
    explained(Bug::NeverSavesOwnCommands, "extra::crashes_x::TestSlowDisksX21", 4);
    explained(Bug::ForgetsSnapshotIndex, ALL_CRASH, 4);
}

#[test]
fn entries_that_should_be_gone() {
    explained_of(Bug::KeepsConflictingSuffix, FIGURE_8_UNRELIABLE, (3, 6));
    explained(Bug::KeepsConflictingSuffix, "extra::logs_x::TestAnswerToFormerTermX08", 4);
}
