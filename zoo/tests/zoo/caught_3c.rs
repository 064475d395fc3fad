//! Part 3C: what a crash, a bad network or a long history does to a wrong Raft.

use config::FailureKind::{Liveness, Panic, Safety};
use zoo::Bug;

use crate::child::{Expected, always_fails, fails_of, run};

pub(crate) const PERSIST_1: &str = "lab3::persistence_3c::TestPersist13C";
pub(crate) const PERSIST_2: &str = "lab3::persistence_3c::TestPersist23C";
const PERSIST_3: &str = "lab3::persistence_3c::TestPersist33C";
pub(crate) const FIGURE_8: &str = "lab3::persistence_3c::TestFigure83C";
const UNRELIABLE_AGREE: &str = "lab3::persistence_3c::TestUnreliableAgree3C";
const RELIABLE_CHURN: &str = "lab3::persistence_3c::TestReliableChurn3C";
pub(crate) const UNRELIABLE_CHURN: &str = "lab3::persistence_3c::TestUnreliableChurn3C";
pub(crate) const FIGURE_8_UNRELIABLE: &str = "lab3::persistence_3c::TestFigure8Unreliable3C";

fn two_commands() -> Expected {
    Expected::anywhere(Safety, "apply error: commit index=1 server=0 1 != server=1 2")
}

fn applied_by_too_few(function: &str) -> Expected {
    let message = "one(1) failed to reach agreement\n  command   server 0 accepted it at index 1 in \
                   term 1, and still leads; it is applied by too few, 5 were wanted\n";
    Expected::at((function, "one"), Liveness, message)
}

#[test]
fn never_saves_term() {
    always_fails(PERSIST_2, Bug::NeverSavesTerm, two_commands());
}

#[test]
fn never_saves_log() {
    for test in [PERSIST_1, PERSIST_2, PERSIST_3] {
        always_fails(test, Bug::NeverSavesLog, two_commands());
    }
    always_fails(PERSIST_1, Bug::SavesLate, two_commands());
    let few =
        || Expected::at(("TestPersist13C", "one"), Liveness, "one(1) failed to reach agreement");
    let runs = run(PERSIST_1, Bug::NeverSavesTheirEntries, 1..=10);
    let [two, few] = runs.assert_only([two_commands(), few()]);
    assert!(two >= 5, "{two} and {few} of 10");
}

#[test]
fn wins_among_who_answer() {
    always_fails(PERSIST_2, Bug::WinsAmongWhoAnswer, two_commands());
}

#[test]
fn stops_at_old_terms() {
    let few =
        || Expected::at(("TestPersist13C", "one"), Liveness, "one(1) failed to reach agreement");
    always_fails(PERSIST_1, Bug::StopsAtOldTerms, few());
}

#[test]
fn keeps_conflicting_suffix() {
    fails_of(FIGURE_8_UNRELIABLE, Bug::KeepsConflictingSuffix, (2, 1..=10), two_commands());
}

#[test]
fn backs_up_to_zero() {
    let panicked =
        "server 0 panicked in a task spawned at zoo/src/raft.rs:1: nextIndex is at least 1";
    let panicked = Expected::anywhere(Panic, panicked);
    fails_of(RELIABLE_CHURN, Bug::BacksUpToZero, (1, 1..=12), panicked);
}

#[test]
fn resends_same_request() {
    let few = applied_by_too_few("TestFigure8Unreliable3C");
    fails_of(FIGURE_8_UNRELIABLE, Bug::ResendsSameRequest, (2, 1..=4), few);
}

#[test]
fn applies_per_notice() {
    let twice = "apply error: server 0 apply out of order, expected index 2, got 1";
    always_fails(UNRELIABLE_AGREE, Bug::AppliesPerNotice, Expected::anywhere(Safety, twice));
}

#[test]
fn takes_saved_for_applied() {
    let gap = "apply error: server 0 apply out of order 3";
    always_fails(FIGURE_8, Bug::TakesSavedForApplied, Expected::anywhere(Safety, gap));
}

#[test]
fn truncates_always() {
    let no_agreement =
        |function| Expected::at((function, "one"), Liveness, "one(1) failed to reach agreement");
    let bug = Bug::TruncatesAlways;
    always_fails(UNRELIABLE_AGREE, bug, no_agreement("TestUnreliableAgree3C"));
    let runs = run(UNRELIABLE_CHURN, bug, 1..=8);
    let [lost, stuck] = runs.assert_only([two_commands(), no_agreement("internal_churn")]);
    assert!(lost >= 2, "{lost} and {stuck} of 8");
}

#[test]
fn backs_up_one_by_one() {
    let few = applied_by_too_few("TestFigure8Unreliable3C");
    fails_of(FIGURE_8_UNRELIABLE, Bug::BacksUpOneByOne, (3, 1..=3), few);
}

#[test]
fn counts_unsent_entries() {
    fails_of(FIGURE_8_UNRELIABLE, Bug::CountsUnsentEntries, (2, 1..=5), two_commands());
}

#[test]
fn never_saves_own_commands() {
    always_fails(PERSIST_3, Bug::NeverSavesOwnCommands, two_commands());
}

#[test]
fn reads_state_for_snapshot() {
    let unreadable = "server 0: snapshot decode error: ";
    for test in [PERSIST_1, PERSIST_2] {
        always_fails(test, Bug::ReadsStateForSnapshot, Expected::anywhere(Safety, unreadable));
    }
}

#[test]
fn counts_failed_calls() {
    fails_of(PERSIST_2, Bug::CountsFailedCalls, (10, 1..=20), two_commands());
}

#[test]
fn counts_old_votes() {
    // Replies must overtake each other, and one come when its candidate stands again.
    fails_of(FIGURE_8_UNRELIABLE, Bug::CountsOldVotes, (1, 1..=40), two_commands());
}

#[test]
fn heartbeats_too_seldom() {
    let lost = "one(1) failed to reach agreement\n  command   server 0 accepted it at index 1 in \
                term 1, and then lost its leadership (term 2 now)\n";
    let lost = Expected::at(("TestFigure8Unreliable3C", "one"), Liveness, lost);
    fails_of(FIGURE_8_UNRELIABLE, Bug::HeartbeatsTooSeldom, (2, 1..=10), lost);
}

#[test]
fn restarts_timer() {
    for bug in [Bug::RestartsTimerWhenRefusing, Bug::RestartsTimerWithTerm] {
        let nobody =
            Expected::at(("TestPersist23C", "one"), Liveness, "one(1) failed to reach agreement");
        fails_of(PERSIST_2, bug, (8, 1..=10), nobody);
    }
}
