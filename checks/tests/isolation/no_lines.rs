//! A build without debug information knows no lines: a report says so, and what to set.

use std::env;
use std::process::Command;

use crate::child::{FAILED, run_other};

#[test]
fn a_build_without_debug_information_says_why_a_line_is_missing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let binary = folder.path().join("isolation");
    let mut strip = Command::new("strip");
    strip.arg("--strip-debug").arg("-o").arg(&binary);
    strip.arg(env::current_exe().expect("this binary's path"));
    assert!(strip.status().expect("strip, which comes with the linker").success());

    let why = "unknown, as this build has no debug information; set CARGO_PROFILE_DEV_DEBUG=";
    // A misuse, a death, and what the watchdog finds out.
    let victims =
        ["confirmed::sleeps_in_every_run", "deaths::aborts", "confirmed::blocks_in_every_run"];
    for (victim, label) in victims.into_iter().zip(["line", "stack", "stack"]) {
        // Enough that one draws the bad lot, where there are lots.
        let variables = [("LAB_SEED", "1"), ("LAB_ITERS", "20")];
        let ran = run_other(&binary, &[victim], &variables);
        ran.assert_status(FAILED);
        ran.assert_says(&[&format!("\n  {label:<9} {why}")]);
    }
}
