//! Exploration: what it finds becomes small, and is the same again.

use std::fs;
use std::ops::RangeInclusive;

use config::Verdict;
use nemesis::{Plan, shrink_with};
use zoo::Bug;

use crate::child::{Runs, run, run_in};

pub(crate) const EXPLORE: &str = "extra::explore::TestExplore";

/// How many seeds a smaller plan is tried with.
const TRIES: u64 = 8;

/// Runs what `plan` says, whatever the seeds draw.
pub(crate) fn follow(plan: &Plan, bug: Bug, seeds: RangeInclusive<u64>) -> Runs {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("plan.json");
    fs::write(&file, serde_json::to_string(plan).expect("a plan is plain data")).expect("a file");
    let file = file.to_str().expect("it is text").to_owned();
    run_in(EXPLORE, [("LAB_BUG", bug.to_string()), ("LAB_PLAN", file)], seeds)
}

/// The first seed with which `what` was found.
fn seed_of(runs: &Runs, what: &str) -> Option<u64> {
    let found = runs.results.iter().find(|result| match &result.verdict {
        Verdict::Passed(_) | Verdict::Skipped { .. } => false,
        Verdict::Failed { explanation, .. } => {
            explanation.findings.first().is_some_and(|finding| finding.id == what)
        }
    });
    found.map(|result| result.seed)
}

#[test]
fn what_is_found_becomes_small() {
    for (bug, what) in [
        (Bug::CommitsOldTerms, "old-term-committed"),
        (Bug::VotesTwice, "voted-twice"),
        (Bug::NeverSavesVote, "vote-not-saved"),
    ] {
        let seed = seed_of(&run(EXPLORE, bug, 1..=60), what);
        let plan = Plan::draw(seed.unwrap_or_else(|| panic!("{bug} isn't found")));
        let smallest = shrink_with(&plan, |candidate| {
            let seeds = candidate.seed..=candidate.seed + TRIES - 1;
            let seed = seed_of(&follow(candidate, bug, seeds), what)?;
            Some(Plan { seed, ..candidate.clone() })
        });
        let (from, Plan { seed, acts, servers, .. }) = (plan.acts.len(), &smallest);
        eprintln!("{bug}: {} acts of {from}, {servers}", acts.len());
        assert!(acts.len() <= 4 && *servers <= 5, "{bug}, of {from} acts: {smallest:?}");
        let again = seed_of(&follow(&smallest, bug, *seed..=*seed), what);
        assert_eq!(again, Some(*seed), "{bug}: {smallest:?}");
        // Of a right Raft nothing is found with it.
        let right = follow(&smallest, Bug::None, *seed..=*seed + 20);
        assert_eq!(right.failures().next(), None, "{smallest:?}");
    }
}

#[test]
fn the_same_seed_is_the_same_exploration() {
    let variables = [("LAB_BUG", Bug::None.to_string()), ("LAB_CHECK_DETERMINISM", "1".to_owned())];
    let runs = run_in(EXPLORE, variables, 1..=20);
    assert_eq!(runs.failures().next(), None);
    let counts = runs.results.iter().map(|result| match &result.verdict {
        Verdict::Passed(measured) => (measured.rpcs, measured.bytes, measured.commands),
        other => panic!("{other:?}"),
    });
    let counts: Vec<(u64, u64, u64)> = counts.take(3).collect();
    assert_eq!(counts, SEEDS_1_TO_3, "if runs were to change, the first are the new counts");
}

/// RPCs, bytes and commands with seeds 1 to 3, which are the same in every build.
const SEEDS_1_TO_3: [(u64, u64, u64); 3] = [(215, 12695, 10), (851, 40328, 145), (203, 10900, 33)];
