//! Each style is right: it passes MIT's tests and our own, without a warning.

use std::collections::BTreeMap;

use styles::Style;

use crate::child::run;

/// The seeds of each test.
const SEEDS: u64 = 3;

/// The scripts, all that have tests.
const SCRIPTS: [&str; 11] = [
    include_str!("../../../tests/raft/election_3a.rs"),
    include_str!("../../../tests/raft/agreement_3b.rs"),
    include_str!("../../../tests/raft/persistence_3c.rs"),
    include_str!("../../../tests/raft/snapshot_3d.rs"),
    include_str!("../../../tests/extra/crashes_x.rs"),
    include_str!("../../../tests/extra/elections_x.rs"),
    include_str!("../../../tests/extra/explore.rs"),
    include_str!("../../../tests/extra/logs_x.rs"),
    include_str!("../../../tests/extra/network_x.rs"),
    include_str!("../../../tests/extra/snapshots_x.rs"),
    include_str!("../../../tests/extra/timers_x.rs"),
];

/// The names of all tests: MIT's 28, our 28, and the exploration.
fn tests() -> Vec<&'static str> {
    let names = SCRIPTS.into_iter().flat_map(str::lines).filter_map(|line| {
        line.strip_prefix("fn ")?.strip_suffix("() {").filter(|name| name.starts_with("Test"))
    });
    names.collect()
}

/// Asserts that `style` passes all tests.
fn passes_all(style: &str) {
    let _: Style = style.parse().expect("there is such a style");
    let seeds = SEEDS.to_string();
    let variables =
        [("LAB_STYLE", style), ("LAB_STRICT", "1"), ("LAB_SEED", "1"), ("LAB_ITERS", &*seeds)];
    let runs = run(&variables, &["lab3::", "extra::"]);
    let mut passed: BTreeMap<&str, u64> = BTreeMap::new();
    for result in &runs.results {
        assert_eq!(result.failure(), None, "{style}: {}, seed {}", result.test, result.seed);
        assert!(result.warnings.is_empty(), "{style}: {}, {:?}", result.test, result.warnings);
        assert_eq!(result.choices["LAB_STYLE"], style);
        // MIT's tests read no messages, so none of them can be unable to.
        let is_ours = !["3A", "3B", "3C", "3D"].iter().any(|part| result.test.ends_with(part));
        assert!(is_ours || result.skipped().is_none(), "{style}: {} was skipped", result.test);
        *passed.entry(&result.test).or_default() += 1;
    }
    for test in tests() {
        assert_eq!(passed.remove(test), Some(SEEDS), "{style}: {test}\n{}", runs.output);
    }
    assert_eq!(passed, BTreeMap::new(), "{style}");
}

#[test]
fn no_script_and_no_style_is_left_out() {
    assert_eq!(tests().len(), 28 + 28 + 1);
    let this = include_str!("right.rs");
    for Style { name, .. } in Style::ALL {
        assert!(this.contains(&format!("passes_all(\"{name}\")")), "{name} isn't run");
    }
}

#[test]
fn actor() {
    passes_all("Actor");
}

#[test]
fn leader_disk_in_parallel() {
    passes_all("LeaderDiskInParallel");
}

#[test]
fn polling_ticker() {
    passes_all("PollingTicker");
}

#[test]
fn one_enum() {
    passes_all("OneEnum");
}

#[test]
fn sealed() {
    passes_all("Sealed");
}

#[test]
fn one_way() {
    passes_all("OneWay");
}

#[test]
fn heartbeats() {
    passes_all("Heartbeats");
}

#[test]
fn vote_lease() {
    passes_all("VoteLease");
}
