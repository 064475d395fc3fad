//! Ctrl-C: the run that is under way is told of, and no other is begun.

use std::env;
use std::fs;
use std::process::Command;

use config::FailureKind;

use crate::child::{FAILED, run_while};
use crate::server::{Habits, everybody};

/// Names a file that a run makes when it is under way.
const UNDER_WAY: &str = "ISOLATION_UNDER_WAY";

#[test]
#[ignore = "takes long unless it is interrupted; the test below does so"]
fn takes_long() {
    config::test(|t| async move {
        if let Some(file) = env::var_os(UNDER_WAY) {
            fs::write(file, "").expect("the file can be written");
        }
        everybody(t, Habits::GOOD).await;
    });
}

#[test]
fn an_interrupted_run_is_told_of() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let under_way = folder.path().join("under-way");
    let path = under_way.to_str().expect("a path of letters");
    let variables =
        [("LAB_CLOCK", "real"), ("LAB_JOBS", "1"), ("LAB_ITERS", "5"), (UNDER_WAY, path)];
    let tests = ["interrupted::takes_long", "well_behaved::servers_without_a_bad_habit_pass"];
    let mut is_interrupted = false;
    let ran = run_while(&tests, &variables, |process| {
        if !is_interrupted && under_way.exists() {
            let kill = Command::new("kill").args(["-INT", &process.to_string()]).status();
            assert!(kill.expect("kill runs").success());
            is_interrupted = true;
        }
    });
    ran.assert_status(FAILED);
    let [result] = &ran.results_of(tests[0])[..] else { panic!("not one run:\n{}", ran.output) };
    let failure = result.failure().expect("it has not come to its end");
    assert_eq!(failure.kind, FailureKind::Stuck);
    assert_eq!(failure.message, "interrupted: this is how far the run had come");
    ran.assert_says(&[
        "\n  server 0  connected, term ",
        "\n  t (s)  S0    S1    S2    event\n",
        "FAIL interrupted: this is how far the run had come\n",
        "\ninterrupted: 1 of 5 runs were made\n",
        // What comes behind it is not begun.
        "... interrupted: 0 of 5 runs were made\n",
    ]);
}
