//! The reference's own figures, which `cargo lab test` shows beside a Raft's.

use std::env;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::student::{folder, lab, path, solved};

/// Where the figures are.
const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/reference.tsv");

/// How far a figure of a few runs may be from that of many: so many times as much, or as little.
const NEAR: f64 = 3.0;

/// A line for each of these tests: its medians over so many runs.
fn figures(runs: &str, filters: &[&str]) -> Vec<(String, [f64; 3])> {
    let out = folder("reference-figures");
    let asked = ["test", "-n", runs, "--seed", "1", "-j", "2", "-o", path(&out)];
    let ran = lab(solved(), &[&asked[..], filters].concat());
    ran.assert_code(0);
    let text = fs::read_to_string(out.join("results.jsonl")).expect("there are results");
    let runs = text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON"));
    let mut tests: Vec<(String, Vec<[f64; 3]>)> = Vec::new();
    for run in runs.filter(|run: &Value| run["seed"].is_u64()) {
        let name = run["test"].as_str().expect("a name").to_owned();
        let title = match run["call"].as_u64() {
            None | Some(1) => name,
            Some(call) => format!("{name}, call {call}"),
        };
        let passed = &run["verdict"]["passed"];
        let figure = |figure: &str| passed[figure].as_f64();
        // A run that was skipped has none.
        let (Some(seconds), Some(rpcs), Some(bytes)) =
            (figure("seconds"), figure("rpcs"), figure("bytes"))
        else {
            continue;
        };
        match tests.iter_mut().find(|(test, _)| *test == title) {
            Some((_, runs)) => runs.push([seconds, rpcs, bytes]),
            None => tests.push((title, vec![[seconds, rpcs, bytes]])),
        }
    }
    tests.sort_by(|a, b| a.0.cmp(&b.0));
    let medians = |runs: Vec<[f64; 3]>| {
        [0, 1, 2].map(|figure| {
            let mut figures: Vec<f64> = runs.iter().map(|run| run[figure]).collect();
            figures.sort_by(f64::total_cmp);
            figures[figures.len() / 2]
        })
    };
    tests.into_iter().map(|(test, runs)| (test, medians(runs))).collect()
}

#[test]
fn the_figures_shown_are_the_reference_s() {
    if env::var_os("UPDATE_EXPECT").is_some() {
        let lines = figures("50", &[]).into_iter().map(|(test, [seconds, rpcs, bytes])| {
            format!("{test}\t{seconds:.2}\t{rpcs}\t{bytes}\n")
        });
        fs::write(FILE, lines.collect::<String>()).expect("it can be written");
        return;
    }
    let stored = fs::read_to_string(Path::new(FILE)).expect("it is text");
    let figures = figures("2", &["3A", "3B"]);
    assert_eq!(figures.len(), 13, "{figures:?}");
    for (test, found) in figures {
        let line = stored.lines().find(|line| line.split('\t').next() == Some(&test));
        let line = line.unwrap_or_else(|| panic!("{FILE} lacks {test}"));
        let shown: Vec<f64> =
            line.split('\t').skip(1).map(|figure| figure.parse().expect("a number")).collect();
        for (shown, found) in shown.iter().zip(found) {
            // Of small numbers it says little that one is twice the other.
            let (shown, found) = (shown + 10.0, found + 10.0);
            let is_near = shown < found * NEAR && found < shown * NEAR;
            assert!(is_near, "{test} has {found}, and {FILE} says {shown}");
        }
    }
}
