//! Rafts of other styles: the scenarios call none of them wrong, and say so where they can't be played. A
//! Raft that really doesn't do what it should fails all the same.

use std::collections::BTreeMap;

use config::FailureKind::{Liveness, Safety};

use crate::child::{Expected, Runs, run_in};
use crate::odd::ODD_RAFT;
use crate::small::Style;

/// Scenarios without snapshots.
const SCENARIOS: [&str; 17] = [
    "logs_x::TestFigure8X01",
    "elections_x::TestOneVoteATermX02",
    "elections_x::TestLateVoteX03",
    "logs_x::TestLateAppendEntriesX04",
    "crashes_x::TestVoteSurvivesCrashX05",
    "crashes_x::TestEntriesSurviveCrashX06",
    "crashes_x::TestCrashAtSaveX07",
    "logs_x::TestAnswerToFormerTermX08",
    "logs_x::TestCommitBehindDivergenceX11",
    "timers_x::TestSilentPeersX12",
    "timers_x::TestRefusedRequestsX13",
    "elections_x::TestRepeatedRequestVoteX15",
    "crashes_x::TestSlowDisksX21",
    "timers_x::TestLeaderStaysX22",
    "logs_x::TestRefusalOfFormerTermX23",
    "logs_x::TestMatchOfFormerTermX24",
    "elections_x::TestEvenClusterX26",
];

const SEEDS: u64 = 4;

fn run(test: &str, style: Style) -> Runs {
    let path = format!("extra::{test}");
    run_in(&path, [(ODD_RAFT, format!("{style:?}"))], 1..=SEEDS)
}

/// Why scenarios are skipped, by their numbers. Asserts that all other runs pass.
fn skips(style: Style) -> BTreeMap<String, String> {
    let mut skips = BTreeMap::new();
    for test in SCENARIOS {
        for result in run(test, style).results {
            if let Some(failure) = result.failure() {
                panic!("{style:?} fails {test} with seed {}: {failure:?}", result.seed);
            }
            if let Some(reason) = result.skipped() {
                let number = test[test.len() - 3..].to_owned();
                skips.insert(number, reason.to_owned());
            }
        }
    }
    skips
}

/// Asserts which scenarios are skipped, and that each has a reason that begins like this one.
#[track_caller]
fn only_skips(style: Style, numbers: &str, reason: &str) {
    let skips = skips(style);
    let skipped: Vec<&str> = skips.keys().map(String::as_str).collect();
    assert_eq!(skipped.join(" "), numbers, "{style:?}: {skips:#?}");
    for why in skips.values() {
        assert!(why.starts_with(reason), "{style:?}: {why}");
    }
}

#[test]
fn right_rafts_of_other_styles_pass() {
    for style in [
        Style::Plain,
        Style::Polls,
        Style::Leases,
        Style::SavesLater,
        Style::RestartsForTerms,
        Style::OneEnum,
        Style::TriesAtOnce,
    ] {
        only_skips(style, "", "");
    }
}

#[test]
fn two_candidates_can_t_be_made_of_rafts_that_ask_first() {
    only_skips(
        Style::AsksFirst,
        "X02 X05 X21",
        "no server starts an election unless others answer",
    );
}

#[test]
fn what_nobody_can_read_is_skipped() {
    only_skips(
        Style::Opaque,
        "X01 X02 X03 X04 X05 X06 X08 X13 X15 X21 X23 X24",
        "can't read this Raft's messages: no call has ",
    );
}

#[test]
fn answers_that_are_calls_of_their_own_are_skipped() {
    only_skips(
        Style::OneWay,
        "X01 X02 X03 X05 X06 X08 X15 X21 X23 X24",
        "can't read this Raft's answers: they are calls of their own, and no reply has ",
    );
}

#[test]
fn neither_read_nor_answered_is_skipped() {
    let skips = skips(Style::OpaqueOneWay);
    assert!(!skips.contains_key("X12"), "{skips:?}");
    assert!(skips.len() > 12, "{skips:?}");
    for why in skips.values() {
        assert!(why.starts_with("can't read this Raft's messages: no call has "), "{why}");
    }
}

#[test]
fn a_raft_that_asks_for_nothing_fails() {
    for test in ["elections_x::TestOneVoteATermX02", "crashes_x::TestVoteSurvivesCrashX05"] {
        let message = "server N hears from nobody for N s, and asks nobody for its vote";
        let expected = Expected::anywhere(Liveness, message);
        assert_eq!(run(test, Style::Silent).assert_only([expected]), [SEEDS as usize]);
    }
    let message = "none of the RequestVote replies from server N to server N came for N s";
    let expected = Expected::anywhere(Liveness, message);
    let runs = run("elections_x::TestLateVoteX03", Style::Silent);
    assert_eq!(runs.assert_only([expected]), [SEEDS as usize]);
}

#[test]
fn a_wrong_raft_with_one_enum_fails() {
    let message = "server N votes for server N and, after a crash, for server N in term N";
    let expected = Expected::anywhere(Safety, message);
    let runs = run("crashes_x::TestVoteSurvivesCrashX05", Style::ForgetsVote);
    assert_eq!(runs.assert_only([expected]), [SEEDS as usize]);
}

#[test]
fn a_skipped_run_says_why() {
    let runs = run("elections_x::TestOneVoteATermX02", Style::AsksFirst);
    let line = "  ... Skipped -- no server starts an election unless others answer, as with PreVote \
                (4 of 4 runs)\n";
    assert!(runs.output.contains(line), "{}", runs.output);
    assert!(runs.output.contains("test result: ok. 1 passed"), "{}", runs.output);
    assert!(runs.results.iter().all(|result| result.warnings.is_empty()));
}
