//! Every one of MIT's tests, of those beyond them and of the ladder's fails on the skeleton, at once, and tells
//! the student where to begin.
//!
//! The tests are the targets `lab3`, `extra` and `steps` of this package, which have `test = false`: cargo
//! neither builds nor runs them unasked, for they are red by design. So this test asks cargo for them, by
//! the flags that make them share everything that has been built already, and runs them as a student
//! would.

use std::collections::BTreeMap;
use std::env;
use std::path::PathBuf;
use std::process::Command;

use config::{FailureKind, Verdict};
use testkit::{FAILED, TestBinary, name};

/// Runs of each test.
const RUNS: usize = 5;

/// What a student reads first, up to the first number.
const SENTENCES: [&str; 10] = [
    "expected one leader, got none",
    "one(",
    "server 0 was not elected in 30 s",
    "server 2 was not elected in 30 s",
    "server 0 hears from nobody for 5 s, and asks nobody for its vote",
    "none of the ",
    "no server has called another one",
    "servers are in the terms [0, 0, 0]",
    "a majority is connected, and no server is elected",
    "server 1 hears from nobody for 5 s, and calls nobody",
];

/// What the skeleton itself says, once for each server.
const HINT: &str = "the skeleton never starts an election: begin with `ticker`";

/// Builds tests on the skeleton, and returns the test binary.
fn build(target_name: &str) -> PathBuf {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // The whole workspace, as in `cargo test --workspace`, so that the dependencies have the same
    // features and nothing is compiled twice.
    cargo.args(["test", "--no-run", "--workspace", "--test", target_name, "--offline"]);
    cargo.args(["--message-format", "json-render-diagnostics"]);
    let me = env::current_exe().expect("this binary's path");
    let built = me.ancestors().nth(2).expect("it is in the target folder's debug/deps");
    // A profile's builds are in a folder of its name, except that of `dev`.
    let profile = match built.file_name().and_then(|name| name.to_str()).expect("it is UTF-8") {
        "debug" => "dev",
        profile => profile,
    };
    cargo.args(["--profile", profile]);
    let target = built.parent().expect("it is in the target folder's debug/deps");
    cargo.arg("--target-dir").arg(target);
    let output = cargo.output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let messages = String::from_utf8(output.stdout).expect("cargo writes text");
    let binary = messages.lines().find_map(|message| {
        let message: serde_json::Value = serde_json::from_str(message).expect("cargo writes JSON");
        let is_ours = message["manifest_path"]
            == concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")
            && message["target"]["name"] == target_name;
        message["executable"].as_str().filter(|_| is_ours).map(PathBuf::from)
    });
    binary.expect("cargo says where the binary is")
}

#[test]
fn every_test_fails_and_says_where_to_begin() {
    all_fail("lab3", "TestInitialElection3A");
}

#[test]
fn every_extra_test_fails_and_says_where_to_begin() {
    all_fail("extra", "TestFigure8X01");
}

#[test]
fn every_step_fails_and_says_where_to_begin() {
    all_fail("steps", "TestStep01RpcIsAnswered");
}

fn all_fail(target: &str, one: &str) {
    let binary = TestBinary::at(&build(target), env!("CARGO_PKG_NAME"));
    let tests = binary.tests();
    let tests: Vec<&str> = tests.iter().map(|path| name(path)).collect();
    assert!(tests.contains(&one), "{tests:?}");

    let ran = binary.run(&[], [("LAB_ITERS", RUNS.to_string())]);
    ran.assert_status(FAILED);
    let mut failures: BTreeMap<&str, usize> = BTreeMap::new();
    for result in &ran.results {
        let Verdict::Failed { failure, .. } = &result.verdict else {
            panic!("the skeleton passes {}, seed {}", result.test, result.seed);
        };
        // Not stuck, no panic, no misuse: what is missing is missing, and nothing is wrong.
        assert_eq!(failure.kind, FailureKind::Liveness, "{}: {failure:?}", result.test);
        let says_why = SENTENCES.iter().any(|sentence| failure.message.starts_with(sentence));
        assert!(says_why, "{}: {failure:?}", result.test);
        assert!(result.printed.contains(HINT), "{}: {:?}", result.test, result.printed);
        *failures.entry(&result.test).or_default() += 1;
    }
    let expected = tests.into_iter().map(|test| (test, RUNS)).collect();
    assert_eq!(failures, expected);
    ran.assert_says(&[HINT]);
}
