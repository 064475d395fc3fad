//! Parts of the work, results put together, and going on with what was cut off.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::student::{Ran, folder, lab, path, skeleton, solved};

/// What `cargo lab merge` makes of these files, without the times.
pub(crate) fn merged(files: &[&Path]) -> Vec<Value> {
    let files: Vec<&str> = files.iter().map(|file| path(file)).collect();
    let ran = lab(solved(), &[&["merge", "--form", "jsonl"], &files[..]].concat());
    ran.assert_code(0);
    ran.stdout.lines().map(without_times).collect()
}

/// A line of results.
pub(crate) fn without_times(line: &str) -> Value {
    let mut line: Value = serde_json::from_str(line).expect("a line is JSON");
    let fields = line.as_object_mut().expect("a line is an object");
    // A line that says how a grading ended has none.
    let times = ["wall_ms", "cpu_ms"].map(|time| fields.remove(time).is_some());
    assert_eq!(times, [fields.contains_key("seed"); 2], "{fields:?}");
    line
}

/// Runs a test on some seeds, and has the results written to `out`.
fn repeat(workspace: &Path, runs: &str, out: &Path, more: &[&str]) -> Ran {
    let arguments = ["test", "3A", "-n", runs, "--seed", "5", "-j", "2", "-o", path(out)];
    lab(workspace, &[&arguments[..], more].concat())
}

#[test]
fn sixteen_parts_are_the_whole() {
    let whole = folder("whole");
    repeat(solved(), "20", &whole, &[]).assert_code(0);
    let parts: Vec<PathBuf> = (1..=16).map(|part| folder(&format!("part-{part}"))).collect();
    for (number, part) in (1..).zip(&parts) {
        repeat(solved(), "20", part, &["--shard", &format!("{number}/16")]).assert_code(0);
    }
    let all: Vec<&Path> = parts.iter().rev().map(PathBuf::as_path).collect();
    let together = merged(&all);
    assert_eq!(together.len(), 60);
    assert_eq!(together, merged(&[&whole]));
    // Of what is missing the reader is told.
    let ran = lab(solved(), &["merge", path(&parts[0]), path(&parts[2])]);
    ran.assert_code(0);
    ran.assert_complains("of 16 parts, 14 parts are missing: 2, 4, 5, 6, 7, 8, 9, 10, …");
}

#[test]
fn a_part_whose_runs_fail_has_done_its_work() {
    let out = folder("failing-part");
    let ran = repeat(skeleton(), "2", &out, &["--shard", "1/2"]);
    ran.assert_code(0);
    ran.assert_prints("3 tests, 3 runs, 3 failures");
    // The two are of different code.
    let other = folder("other-part");
    repeat(solved(), "2", &other, &["--shard", "2/2"]).assert_code(0);
    let ran = lab(skeleton(), &["merge", path(&out), path(&other)]);
    ran.assert_code(3);
    ran.assert_complains("are of different code");
}

#[test]
fn what_was_cut_off_goes_on() {
    let out = folder("cut-off");
    repeat(solved(), "6", &out, &[]).assert_code(0);
    let results = out.join("results.jsonl");
    let text = fs::read_to_string(&results).expect("there are results");
    // Within a line.
    let end = text[text.len() / 2..].find('\n').expect("there are more lines") + text.len() / 2;
    fs::write(&results, &text[..end + 20]).expect("it can be written");
    // Merging half a line is refused; going on with it isn't.
    let ran = lab(solved(), &["merge", path(&out)]);
    ran.assert_code(3);
    ran.assert_complains("it is cut off");
    let ran = repeat(solved(), "6", &out, &["--resume"]);
    ran.assert_code(0);
    ran.assert_prints("3 tests, 18 runs, 0 failures");
    let text = fs::read_to_string(&results).expect("there are results");
    let mut seeds: BTreeMap<(String, u64), u32> = BTreeMap::new();
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).expect("no line is broken");
        if let Some(seed) = line["seed"].as_u64() {
            *seeds.entry((line["test"].to_string(), seed)).or_default() += 1;
        }
    }
    assert_eq!(seeds.len(), 18);
    assert!(seeds.values().all(|&times| times == 1), "{seeds:?}");
    // Other code can't go on with it.
    let ran = repeat(skeleton(), "6", &out, &["--resume"]);
    ran.assert_code(3);
    ran.assert_complains("the code has changed");
}

#[test]
fn a_target_is_met_missed_or_open() {
    let ran = |workspace, more: &[&str]| {
        let arguments = ["test", "TestInitialElection3A", "--seed", "1", "-j", "2"];
        lab(workspace, &[&arguments[..], more].concat())
    };
    let met = ran(solved(), &["--target-rate", "20%"]);
    met.assert_code(0);
    met.assert_prints("pass     TestInitialElection3A: 0 of");
    let missed = ran(skeleton(), &["--target-rate", "0.2", "-n", "1000"]);
    missed.assert_code(1);
    missed.assert_prints("fail     TestInitialElection3A:");
    assert!(!missed.stdout.contains(" 1000 "), "it ends as soon as it is known: {}", missed.stdout);
    let open = ran(solved(), &["--target-rate", "1%", "-n", "9"]);
    open.assert_code(5);
    open.assert_prints("unknown  TestInitialElection3A: 0 of 9 runs failed: 359 more");
    let enough = ran(skeleton(), &["--until-failures", "2", "-n", "1000"]);
    enough.assert_code(1);
    assert!(!enough.stdout.contains("1000 runs, 1000 failures"), "{}", enough.stdout);
}
