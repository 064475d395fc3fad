//! `cargo lab why`: when a failure became inevitable.

use std::fs;
use std::path::PathBuf;

use report::RunResult;
use report::why::{Relation, Subject, Why};

use crate::student::{Ran, folder, lab, odd, skeleton};

/// Looks into one seed with few redraws, and returns what is stored, too.
fn why(test: &str, seed: &str, purpose: &str) -> (Ran, PathBuf) {
    let out = folder(purpose);
    let few = ["--redraws", "8", "--points", "12", "-j", "2"];
    let run = ["why", test, "--seed", seed, "-o", out.to_str().expect("it is text")];
    let ran = lab(odd(), &[&run[..], &few].concat());
    (ran, out.join(format!("{test}-{seed}.why.json")))
}

/// The first seeds with which `TestChance3A` fails and passes.
fn seeds() -> [String; 2] {
    let out = folder("why-seeds");
    let out_text = out.to_str().expect("it is text");
    lab(odd(), &["test", "TestChance3A", "-n", "20", "--seed", "1", "-o", out_text]).assert_code(1);
    let text = fs::read_to_string(out.join("results.jsonl")).expect("it is there");
    // The first line says what was asked for.
    let lines = text.lines().skip(1);
    let results: Vec<RunResult> =
        lines.map(|line| serde_json::from_str(line).expect("it is a result")).collect();
    let seed = |fails: bool| {
        let mut seeds = results.iter().filter(|result| result.failure().is_some() == fails);
        seeds.next().expect("of 20 runs some fail and some pass").seed.to_string()
    };
    [seed(true), seed(false)]
}

fn read(file: &PathBuf) -> Why {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{file:?}: {error}"));
    serde_json::from_str(&text).expect("it is what is documented")
}

/// Who leads first is decided when the servers draw their timeouts.
#[test]
fn the_timers_that_made_a_failure_inevitable_are_found() {
    let [seed, passing] = seeds();
    let (ran, file) = why("TestChance3A", &seed, "why");
    ran.assert_code(1);
    ran.assert_prints(&format!("TestChance3A, seed {seed}, failed at "));
    ran.assert_prints("  lost      the failure became inevitable between ");
    ran.assert_prints("  causes    ");
    ran.assert_complains(&format!("stored in {}, beside the run's history\n", file.display()));
    assert!(file.with_file_name(format!("TestChance3A-{seed}.json")).is_file());
    // The run's page shows it.
    let page = file.with_file_name(format!("TestChance3A-{seed}.html"));
    let page = fs::read_to_string(page).expect("it is drawn");
    assert!(page.contains("Until when could it have passed?") && page.contains("<polygon"));

    let found = read(&file);
    let interval = found.interval.expect("other seeds pass");
    let first = found.curve.first().expect("a point");
    assert!(first.at.0 == 0 && first.tally.failed < first.tally.runs, "{first:?}");
    let later = found.curve.iter().filter(|point| point.at >= interval.lost);
    later.for_each(|point| assert_eq!(point.tally.failed, point.tally.runs, "{point:?}"));
    assert!(found.curve.is_sorted_by_key(|point| point.at));
    let draws = |cause: &&report::why::Cause| matches!(cause.what, Subject::Draw { .. });
    let draw = found.causes.iter().find(draws).expect("a timer that turns the verdict");
    assert!(draw.turned <= draw.tried && draw.turned == draw.changed.len() as u64, "{draw:?}");
    assert_ne!(found.specification.map(|first| first.relation), Some(Relation::CannotPass));

    // The same command finds the same.
    let (_, again) = why("TestChance3A", &seed, "why-again");
    assert_eq!(fs::read(file).expect("it is there"), fs::read(again).expect("it is there"));

    let (ran, file) = why("TestChance3A", &passing, "why-passes");
    ran.assert_code(0);
    ran.assert_prints(": it didn't fail, so there is nothing to explain\n");
    assert!(!file.exists());
}

#[test]
fn a_run_that_is_not_the_same_each_time_is_refused() {
    let (ran, file) = why("TestRemembers3A", "1", "why-remembers");
    ran.assert_code(6);
    ran.assert_complains("error: failed to make the run again: until ");
    assert!(!file.exists());
}

#[test]
fn code_that_cannot_pass_is_named() {
    let out = folder("why-skeleton");
    let out = out.to_str().expect("it is text");
    let few = ["--redraws", "4", "-o", out];
    let ran =
        lab(skeleton(), &[&["why", "TestInitialElection3A", "--seed", "40"][..], &few].concat());
    ran.assert_code(1);
    ran.assert_prints("from the beginning: this code can't pass this test. 12 of 12");
}
