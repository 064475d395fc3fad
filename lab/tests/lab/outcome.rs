//! `cargo lab test`: what it shows, and how it ends.

use std::fs;
use std::path::Path;

use crate::student::{Ran, folder, lab, skeleton, solved, workspace};

/// The lines that the tests wrote to `folder`.
fn results(folder: &Path) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(folder.join("results.jsonl")).expect("there are results");
    let lines = text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON"));
    // What was asked for stands there as well.
    lines.filter(|line: &serde_json::Value| line.get("seed").is_some()).collect()
}

fn row<'a>(ran: &'a Ran, test: &str) -> Vec<&'a str> {
    let row = ran.stdout.lines().find(|line| line.contains(test) && line.contains('┆'));
    let row = row.unwrap_or_else(|| panic!("no row for {test} in:\n{}", ran.stdout));
    row.trim_matches('│').split('┆').map(str::trim).collect()
}

#[test]
fn a_right_raft_passes() {
    let ran = lab(solved(), &["test", "3A", "-n", "20", "-j", "2"]);
    ran.assert_code(0);
    assert_eq!(row(&ran, "TestInitialElection3A")[1..5], ["20", "0", "0 %", "0\u{2013}17 %"]);
    assert_eq!(row(&ran, "TestManyElections3A")[1..5], ["20", "0", "0 %", "0\u{2013}17 %"]);
    ran.assert_prints("3 tests, 60 runs, 0 failures");
    ran.assert_prints("each test fails in less than 14 % of its runs");
    // Where nobody watches there are lines instead of bars.
    ran.assert_complains("ok     TestReElection3A");
}

#[test]
fn the_skeleton_fails_and_the_report_says_how_to_repeat_it() {
    let out = folder("out");
    let arguments = ["test", "TestInitialElection3A", "-n", "7", "--seed", "40", "-o"];
    let ran = lab(skeleton(), &[&arguments[..], &[out.to_str().unwrap()]].concat());
    ran.assert_code(1);
    ran.assert_complains("raft: 1 tests, 7 runs of each, seeds 40 to 46");
    let row = row(&ran, "TestInitialElection3A");
    assert_eq!(row[1..], ["7", "7", "100 %", "59\u{2013}100 %", "-", "-", "-"]);
    let cause = "TestInitialElection3A: 7 x expected one leader, got none; seeds 40, 41, 42, …";
    ran.assert_prints(cause);
    ran.assert_prints("\nTestInitialElection3A, seed 40:\n\nexpected one leader, got none\n");
    ran.assert_prints("LAB_SEED=40 cargo test -p raft --test lab3 TestInitialElection3A");
    // The report is about that run alone.
    assert!(!ran.stdout.contains("runs failed:"), "{}", ran.stdout);

    let mut seeds: Vec<_> = results(&out).iter().map(|run| run["seed"].as_u64()).collect();
    seeds.sort_unstable();
    assert_eq!(seeds, (40..47).map(Some).collect::<Vec<_>>());
    let report = fs::read_to_string(out.join("TestInitialElection3A-40.txt")).unwrap();
    assert!(report.starts_with("expected one leader, got none\n"), "{report}");
    // The reported run's history, and its page.
    let stored = out.join("TestInitialElection3A-40.json").canonicalize().unwrap();
    assert!(report.contains(&format!("\n  stored    {}\n", stored.display())), "{report}");
    for drawn in ["TestInitialElection3A-40.html", "latest.html"] {
        assert!(fs::read_to_string(out.join(drawn)).unwrap().starts_with("<!DOCTYPE html>"));
    }
    assert_eq!(fs::read_dir(&out).unwrap().count(), 5, "nothing else is left");
}

#[test]
fn the_same_seeds_are_the_same_runs_however_they_are_shared_out() {
    let histories = |jobs: &str| {
        let out = folder(&format!("out-{jobs}"));
        let arguments = ["test", "TestReElection3A", "-n", "30", "--seed", "1", "-j", jobs, "-o"];
        lab(solved(), &[&arguments[..], &[out.to_str().unwrap()]].concat()).assert_code(0);
        let mut runs: Vec<_> = results(&out)
            .iter()
            .map(|run| (run["seed"].as_u64(), run["history"].as_u64()))
            .collect();
        runs.sort_unstable();
        runs
    };
    let runs = histories("1");
    assert_eq!(runs.len(), 30);
    assert_eq!(runs, histories("3"));
}

#[test]
fn what_does_not_compile_is_shown() {
    let folder = workspace("broken");
    fs::write(folder.join("raft/src/lib.rs"), "pub fn make() -> u8 { \"leader\" }\n").unwrap();
    let ran = lab(&folder, &["test"]);
    ran.assert_code(2);
    ran.assert_complains("error[E0308]: mismatched types");
    ran.assert_complains("error: failed to build the tests of `raft`");
    assert_eq!(ran.stdout, "");
}

#[test]
fn a_test_without_the_tester_is_the_testers_failure() {
    let folder = workspace("odd");
    fs::create_dir_all(folder.join("raft/tests")).unwrap();
    let odd = "#[test]\n#[allow(non_snake_case)]\nfn TestOdd3A() {}\n";
    fs::write(folder.join("raft/tests/odd.rs"), odd).unwrap();
    let ran = lab(&folder, &["test", "TestOdd3A"]);
    ran.assert_code(70);
    ran.assert_complains("failed to get a result for each run of TestOdd3A");
    ran.assert_complains("has to call config::test()");
}

#[test]
fn the_real_clock_passes_a_right_raft_too() {
    let arguments = ["test", "TestInitialElection3A", "-n", "2", "-j", "2", "--real"];
    let ran = lab(solved(), &arguments);
    ran.assert_code(0);
    let seconds = row(&ran, "TestInitialElection3A")[5];
    let own = seconds.split(' ').next().expect("the reference's are behind it");
    assert!(own.parse::<f64>().unwrap() >= 2.0, "{seconds}");
}
