//! Every bug is caught: of each that isn't harmless, one run that fails, by MIT's checks, by a scenario's,
//! or by a safety monitor. (The right Raft fails none of them.)
//!
//! `slice.txt` has a line for each: the bug, the test, the seed. It is what `cargo lab zoo --slice` prints
//! of a campaign.

use std::collections::BTreeSet;

use zoo::{Bug, Kind, Part};

use crate::caught::{self, Wrong};
use crate::child::{Runs, run_in};

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

fn strictly(test: &str, bug: Bug, seed: u64) -> Runs {
    run_in(test, [("LAB_BUG", bug.to_string()), ("LAB_STRICT", "1".to_owned())], seed..=seed)
}

/// Asserts that the runs of a part's bugs fail, and that the right Raft's don't.
fn each_is_caught(part: Part) {
    let mut missed = Vec::new();
    for Line { bug, test, seed } in lines().into_iter().filter(|line| line.bug.part() == part) {
        if strictly(test, bug, seed).failures().next().is_none() {
            missed.push(format!("{bug} {test} {seed}"));
        }
        let right = strictly(test, Bug::None, seed);
        assert_eq!(right.failures().next(), None, "{test} {seed}");
    }
    assert!(missed.is_empty(), "these runs don't fail: {missed:#?}");
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

#[test]
fn no_bug_is_left_out() {
    let rows = caught::rows().filter_map(|row| match row.raft {
        Wrong::Bug(bug) if row.catches() => Some(bug),
        _ => None,
    });
    let caught: BTreeSet<String> =
        lines().iter().map(|line| line.bug).chain(rows).map(|bug| bug.to_string()).collect();
    let to_catch = Bug::all().filter(|bug| !matches!(bug.kind(), Kind::Harmless { .. }));
    let to_catch: BTreeSet<String> = to_catch.map(|bug| bug.to_string()).collect();
    let left_out: Vec<&String> = to_catch.difference(&caught).collect();
    assert!(left_out.is_empty(), "no run and no row of the table catches {left_out:?}");
    let harmless =
        lines().into_iter().find(|line| matches!(line.bug.kind(), Kind::Harmless { .. }));
    assert!(harmless.is_none(), "a harmless bug is to fail a run");
}
