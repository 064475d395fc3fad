//! Every bug is caught: each that isn't harmless fails a run, by a check of MIT's, by a scenario's, or by a
//! safety rule. (The right Raft fails none of them.)
//!
//! `slice.txt` has a line for a bug: its name, the test, the seed. It is what `cargo lab zoo --slice` prints
//! of a campaign. For a bug with neither a line nor a row in `caught`, the test looks for a run that fails.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use zoo::{Bug, Kind, Part};

use crate::caught::{self, Wrong};
use crate::child::{self, Runs, run_in};

const SLICE: &str = include_str!("slice.txt");

/// A run that fails.
struct Line {
    bug: Bug,
    test: &'static str,
    seed: u64,
}

fn lines() -> Vec<Line> {
    let line = |line: &'static str| {
        let [bug, test, seed] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        Line { bug: bug.parse().expect("a bug"), test, seed: seed.parse().expect("a seed") }
    };
    SLICE.lines().map(line).collect()
}

fn strictly(test: &str, bug: Bug, seeds: RangeInclusive<u64>) -> Runs {
    run_in(test, [("LAB_BUG", bug.to_string()), ("LAB_STRICT", "1".to_owned())], seeds)
}

/// Asserts that the runs of a part's bugs fail.
fn each_is_caught(part: Part) {
    let mut missed = Vec::new();
    for Line { bug, test, seed } in lines().into_iter().filter(|line| line.bug.part() == part) {
        if strictly(test, bug, seed..=seed).failures().next().is_none() {
            missed.push(format!("{bug} {test} {seed}"));
        }
    }
    assert!(missed.is_empty(), "these runs don't fail: {missed:#?}");
}

/// Several bugs have the same run.
#[test]
fn the_right_raft_fails_none_of_them() {
    let runs: BTreeSet<(&str, u64)> = lines().iter().map(|line| (line.test, line.seed)).collect();
    for (test, seed) in runs {
        let right = strictly(test, Bug::None, seed..=seed);
        assert_eq!(right.failures().next(), None, "{test} {seed}");
    }
}

#[test]
fn each_bug_of_3a_is_caught() {
    each_is_caught(Part::A);
}

#[test]
fn each_bug_of_3b_is_caught() {
    each_is_caught(Part::B);
}

#[test]
fn each_bug_of_3c_is_caught() {
    each_is_caught(Part::C);
}

#[test]
fn each_bug_of_3d_is_caught() {
    each_is_caught(Part::D);
}

/// The seeds with which each test is tried when a run is looked for that fails.
const TRIED: RangeInclusive<u64> = 600_001..=600_003;

/// A run that a bug fails: of a test of its part if there is one, or else of any.
fn find_failing_run(bug: Bug) -> Option<String> {
    let mut tests: Vec<&str> = child::tests().filter(|test| test.starts_with("Test")).collect();
    tests.sort_by_key(|test| !test.ends_with(&bug.part().to_string()));
    tests.into_iter().find_map(|test| {
        let runs = strictly(test, bug, TRIED);
        let failed = runs.results.iter().find(|result| result.failure().is_some())?;
        Some(format!("{bug} {test} {}", failed.seed))
    })
}

#[test]
fn no_bug_is_left_out() {
    let rows = caught::rows().filter_map(|row| match row.raft {
        Wrong::Bug(bug) if row.catches() => Some(bug),
        _ => None,
    });
    let written: BTreeSet<String> =
        lines().iter().map(|line| line.bug).chain(rows).map(|bug| bug.to_string()).collect();
    let to_catch = Bug::all().filter(|bug| !matches!(bug.kind(), Kind::Harmless { .. }));
    let mut missed = Vec::new();
    for bug in to_catch.filter(|bug| !written.contains(&bug.to_string())) {
        match find_failing_run(bug) {
            Some(line) => println!("found for slice.txt: {line}"),
            None => missed.push(bug.to_string()),
        }
    }
    assert!(missed.is_empty(), "no test fails with {missed:?}, tried with the seeds {TRIED:?}");
    let harmless =
        lines().into_iter().find(|line| matches!(line.bug.kind(), Kind::Harmless { .. }));
    assert!(harmless.is_none(), "a harmless bug is to fail a run");
}
