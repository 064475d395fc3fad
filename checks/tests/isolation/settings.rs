//! The environment of a real test run: what makes no sense is a clear error, and seeds follow seeds.

use std::time::{Duration, Instant};

use config::T;
use testkit::{Victim, victims};

use crate::child::{FAILED, PASSED, run};
use crate::server::{Habits, everybody};

pub(crate) const VICTIMS: &[Victim] = victims![passes_a_script_by_its_name];

const TEST: &str = "well_behaved::servers_without_a_bad_habit_pass";

#[test]
fn a_value_that_makes_no_sense_fails_the_test_and_is_named() {
    for (variable, value, text) in [
        ("LAB_SEED", "abc", "expected a whole number from 0 to 18446744073709551615"),
        ("LAB_SEED", "seven", "expected a whole number from 0 to 18446744073709551615"),
        ("LAB_ITERS", "abc", "expected a whole number of runs, at least 1, as in LAB_ITERS=1000"),
        ("LAB_ITERS", "0", "expected a whole number of runs, at least 1, as in LAB_ITERS=1000"),
        ("LAB_JOBS", "-1", "expected a whole number of runs at the same time, at least 1"),
        ("LAB_CLOCK", "wall", "expected `virtual` or `real`, as in LAB_CLOCK=virtual"),
        ("LAB_ISOLATE", "1", "expected `process` or `batch`, as in LAB_ISOLATE=process"),
        ("LAB_CHECK_DETERMINISM", "yes", "expected `1` or `0`, as in LAB_CHECK_DETERMINISM=1"),
        ("LAB_CHILD", "2", "expected `1` or `0`, as in LAB_CHILD=1"),
        ("LAB_CHILD", "", "expected `1` or `0`, as in LAB_CHILD=1"),
        ("LAB_OUT", "", "expected a folder, as in LAB_OUT=target/lab"),
        (
            "LAB_SEEDS",
            "5",
            "there is no such variable; did you mean LAB_SEED? There are LAB_SEED, ",
        ),
    ] {
        let ran = run(&[TEST], &[(variable, value)]);
        ran.assert_status(FAILED);
        ran.assert_says(&[&format!("failed to read {variable}={value:?}: {text}")]);
        assert!(ran.results.is_empty(), "{variable}={value} was run:\n{}", ran.output);
    }
}

#[test]
fn no_run_by_the_real_clock_is_asked_to_be_the_same_twice() {
    let ran = run(&[TEST], &[("LAB_CLOCK", "real"), ("LAB_CHECK_DETERMINISM", "1")]);
    ran.assert_status(FAILED);
    ran.assert_says(&[
        "failed to read LAB_CHECK_DETERMINISM=\"1\": expected `0` with LAB_CLOCK=real",
    ]);
    assert!(ran.results.is_empty(), "it was run:\n{}", ran.output);
}

#[test]
fn no_run_in_the_test_s_own_process_is_compared_with_others() {
    let ran = run(&[TEST], &[("LAB_CHILD", "1"), ("LAB_CHECK_DETERMINISM", "1")]);
    ran.assert_status(FAILED);
    ran.assert_says(&["failed to read LAB_CHECK_DETERMINISM=\"1\": expected `0` with LAB_CHILD=1"]);
    assert!(ran.results.is_empty(), "it was run:\n{}", ran.output);
}

#[test]
fn a_variable_of_somebody_else_s_does_no_harm() {
    run(&[TEST], &[("LAB_NAME", "ours"), ("LAB_SEED", "1")]).assert_status(PASSED);
}

/// Before any run begins: there may be many, and all of them for nothing.
#[test]
fn a_folder_that_can_t_be_written_is_named() {
    let begun = Instant::now();
    let ran = run(&[TEST], &[("LAB_OUT", "/dev/null/results"), ("LAB_ITERS", "100000")]);
    assert!(begun.elapsed() < Duration::from_secs(10), "it took {:?}", begun.elapsed());
    ran.assert_status(FAILED);
    ran.assert_says(&[
        "failed to write /dev/null/results/results.jsonl: ",
        "; expected LAB_OUT=\"/dev/null/results\" to be a folder that can be written\n",
    ]);
}

/// Whoever was writing it may have been cut off; what comes behind that is whole.
#[test]
fn results_are_added_behind_a_line_that_isn_t_whole() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let results = folder.path().join("results.jsonl");
    std::fs::write(&results, r#"{"test":"servers_without"#).expect("a file");
    let out = folder.path().to_str().expect("a path is text");
    run(&[TEST], &[("LAB_OUT", out), ("LAB_ITERS", "2")]).assert_status(PASSED);
    let results = std::fs::read_to_string(&results).expect("there are results");
    let is_result = |line| serde_json::from_str::<config::RunResult>(line).is_ok();
    let whole: Vec<bool> = results.lines().map(is_result).collect();
    assert_eq!(whole, [false, true, true], "{results}");
}

async fn by_its_name(t: T) {
    everybody(t, Habits::GOOD).await;
}

fn passes_a_script_by_its_name() {
    // A thread of its own, without a name, doesn't tell the test either.
    #[expect(clippy::disallowed_methods, reason = "this is no simulated thread")]
    let call = std::thread::spawn(|| config::test(by_its_name));
    assert!(call.join().is_ok(), "it has failed");
}

#[test]
fn who_passes_a_script_by_its_name_is_told_what_to_write() {
    let ran = run(&["settings::passes_a_script_by_its_name"], &[]);
    ran.assert_status(FAILED);
    ran.assert_says(&[
        ", or write config::test(|t| by_its_name(t)), with the closure in the #[test]",
    ]);
}

#[test]
fn seeds_follow_one_another() {
    let ran = run(&[TEST], &[("LAB_SEED", "100"), ("LAB_ITERS", "40")]);
    ran.assert_status(PASSED);
    let seeds: Vec<u64> = ran.results.iter().map(|result| result.seed).collect();
    assert_eq!(seeds, (100..140).collect::<Vec<_>>());
    ran.assert_says(&["  40 runs, 0 failures\n"]);

    // The last seed is followed by the first, and the same seed is the same run.
    let last = u64::MAX.to_string();
    let ran = run(&[TEST], &[("LAB_SEED", &last), ("LAB_ITERS", "2")]);
    ran.assert_status(PASSED);
    let seeds: Vec<u64> = ran.results.iter().map(|result| result.seed).collect();
    assert_eq!(seeds, [u64::MAX, 0]);
    let again = run(&[TEST], &[("LAB_SEED", "0")]);
    assert_eq!(again.results, ran.results[1..]);
}
