//! `cargo lab mutants`: the report on stored results, and a campaign with a generator that lists two mutants.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use expect_test::expect_file;
use serde_json::Value;

use crate::student::{Ran, command, folder, lab, run, skeleton};

/// A campaign of eight mutants, the last of which hasn't been run.
const CAMPAIGN: &str = include_str!("mutants/campaign.jsonl");

const ZOO: &str = include_str!("zoo/campaign.jsonl");

fn report(purpose: &str, text: &str, more: &[&str]) -> Ran {
    let folder = folder(purpose);
    fs::create_dir_all(&folder).expect("a folder can be made");
    fs::write(folder.join("mutants.jsonl"), text).expect("a file can be written");
    fs::write(folder.join("zoo.jsonl"), ZOO).expect("a file can be written");
    lab(&folder, &[&["mutants", "--report", "mutants.jsonl"], more].concat())
}

#[test]
fn stored_results_are_reported_beside_the_zoo_s() {
    let ran = report("mutants-report", CAMPAIGN, &["--zoo", "zoo.jsonl"]);
    ran.assert_code(0);
    expect_file!["mutants/report.md"].assert_eq(&ran.stdout);
}

#[test]
fn a_right_raft_that_fails_is_told_first() {
    let failing = r#"{"test": "TestBackup3B", "seed": 1, "check": "", "told": "nothing"}"#;
    let wrong = CAMPAIGN.replacen("\"failures\": []", &format!("\"failures\": [{failing}]"), 1);
    report("mutants-alarm", &wrong, &[]).assert_prints("**FALSE ALARM: the right Raft fails 1 ");
}

#[test]
fn a_zoo_is_no_campaign_of_mutants() {
    let ran = report("mutants-zoo", ZOO, &[]);
    ran.assert_code(3);
    ran.assert_complains("failed to read line 1 of a campaign: ");
    lab(skeleton(), &["mutants", "--report", "mutants.jsonl", "-n", "7"]).assert_code(3);
}

/// A Raft as small as can be, and a test of it that writes what a tester would.
const RAFT: &str = "\
//! | rule | functions |
//! | --- | --- |
//! | Leaders 2: take a command | `index` |

/// The index of a command.
pub fn index() -> u64 {
    1
}
";

const TEST: &str = r##"#![allow(non_snake_case)]

use std::fs::OpenOptions;
use std::io::Write as _;

#[test]
fn TestIndex3B() {
    let [out, first, count] = ["LAB_OUT", "LAB_SEED", "LAB_ITERS"].map(|name| std::env::var(name).unwrap());
    let first: u64 = first.parse().unwrap();
    let verdict = match raft::index() {
        1 => r#"{"passed":{"seconds":1.0,"rpcs":9}}"#,
        _ => r#"{"failed":{"failure":{"kind":"safety","message":"index 2","location":"","at":0},"explanation":{"findings":[
            {"id":"index-given-twice","confidence":"certain","what":"","evidence":[],"rule":"","look":""}],"not_the_cause":[]}}}"#,
    };
    let mut file = OpenOptions::new().create(true).append(true).open(format!("{out}/results.jsonl")).unwrap();
    for seed in first..first + count.parse::<u64>().unwrap() {
        let line = format!(r#"{{"test":"TestIndex3B","seed":{seed},"verdict":{verdict}}}"#).replace('\n', "");
        writeln!(file, "{line}").unwrap();
    }
}
"##;

/// Lists a mutant that a test kills, one that doesn't compile, and one that changes nothing.
const GENERATOR: &str = r#"#!/bin/sh
case "$*" in *--version*) exit 0;; esac
cat << 'END'
[{"name":"raft/src/lib.rs:7:5: replace index with 2","file":"raft/src/lib.rs",
  "function":{"function_name":"index"},"diff":"--- a\n+++ b\n@@ -7,1 +7,1 @@\n-    1\n+    2\n"},
 {"name":"raft/src/lib.rs:7:5: replace index with \"\"","file":"raft/src/lib.rs",
  "function":{"function_name":"index"},"diff":"--- a\n+++ b\n@@ -7,1 +7,1 @@\n-    1\n+    \"\"\n"},
 {"name":"raft/src/lib.rs:7:5: replace index with 1 + 0","file":"raft/src/lib.rs",
  "function":{"function_name":"index"},"diff":"--- a\n+++ b\n@@ -7,1 +7,1 @@\n-    1\n+    1 + 0\n"}]
END
"#;

/// A workspace with that Raft, and the generator as cargo finds it.
fn workspace() -> &'static (PathBuf, String) {
    static WORKSPACE: OnceLock<(PathBuf, String)> = OnceLock::new();
    WORKSPACE.get_or_init(|| {
        let workspace = folder("with-mutants");
        let package = "[package]\nname = \"raft\"\nedition = \"2024\"\n";
        for (name, text) in [
            ("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"raft\"]\n"),
            ("raft/Cargo.toml", package),
            ("raft/src/lib.rs", RAFT),
            ("raft/tests/lab3.rs", TEST),
            ("bin/cargo-mutants", GENERATOR),
        ] {
            let path = workspace.join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder can be made");
            fs::write(path, text).expect("a file can be written");
        }
        let generator = workspace.join("bin/cargo-mutants");
        fs::set_permissions(&generator, fs::Permissions::from_mode(0o755)).expect("it is ours");
        let path = std::env::var("PATH").unwrap_or_default();
        let path = format!("{}:{path}", workspace.join("bin").display());
        (workspace, path)
    })
}

fn mutants(arguments: &[&str]) -> Ran {
    let (workspace, path) = workspace();
    let mut lab = command(env!("CARGO_BIN_EXE_lab"), workspace);
    // Its target folder, too, is its own.
    run(lab.env("PATH", path).env_remove("CARGO_TARGET_DIR").args(arguments))
}

fn stored(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).expect("there is a campaign");
    text.lines().skip(1).map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

#[test]
fn mutants_are_built_and_run() {
    let asked = ["mutants", "-n", "3", "-t", "3B", "-o", "three.jsonl"];
    let ran = mutants(&asked);
    ran.assert_code(0);
    ran.assert_complains("passes   None (0 failing runs, ");
    ran.assert_complains("no build raft/src/lib.rs:7:5: replace index with \"\" (");
    ran.assert_complains("survives raft/src/lib.rs:7:5: replace index with 1 + 0 (");
    ran.assert_complains("killed   raft/src/lib.rs:7:5: replace index with 2 (2 failing runs, ");
    ran.assert_prints("3 of 3 mutants were run: 1 fail a test, 1 fail none, 1 don't compile.");
    ran.assert_prints("| `index` | Leaders 2 | 3 | 1 | 2 | 2 | 0 | 0 | 0 |");
    let cells = stored(&workspace().0.join("three.jsonl"));
    let runs: Vec<u64> = cells.iter().filter_map(|line| line["cell"]["runs"].as_u64()).collect();
    assert_eq!((runs.len(), runs.iter().sum::<u64>()), (4, 9));

    mutants(&asked).assert_complains("three.jsonl exists");
    let ran = mutants(&[&asked[..], &["--resume"]].concat());
    ran.assert_code(0);
    assert!(!ran.stderr.contains("survives"), "{}", ran.stderr);

    let ran = mutants(&["mutants", "--apply", "with 2"]);
    ran.assert_code(0);
    let raft = fs::read_to_string(Path::new(ran.stdout.trim()).join("raft/src/lib.rs"));
    assert_eq!(raft.expect("it is copied"), RAFT.replace("    1\n", "    2\n"));
    mutants(&["mutants", "--apply", "nothing of the sort"]).assert_code(3);
}

#[test]
fn without_a_generator_the_program_says_how_to_get_one() {
    let (workspace, _) = workspace();
    let cargo = std::env::var("CARGO").expect("cargo runs this");
    let mut ran = command(env!("CARGO_BIN_EXE_lab"), workspace);
    // cargo looks there and in its home, where one may be.
    let beside = Path::new(&cargo).parent().expect("it is in a folder").display();
    ran.env("PATH", format!("{beside}:/usr/bin:/bin")).env("CARGO_HOME", workspace.join("home"));
    ran.env("CARGO", &cargo);
    let ran = run(ran.arg("mutants"));
    ran.assert_code(3);
    ran.assert_complains("`cargo install cargo-mutants --locked` installs it");
}
