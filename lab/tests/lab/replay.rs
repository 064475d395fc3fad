//! `cargo lab replay` and `cargo lab explain`: one run, shown.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::student::{Ran, command, folder, lab, run, skeleton, solved};

/// Runs one seed, and returns the history that is stored, too.
fn replay(workspace: &Path, test: &str, purpose: &str) -> (Ran, PathBuf) {
    let out = folder(purpose);
    let ran =
        lab(workspace, &["replay", test, "--seed", "40", "-o", out.to_str().expect("it is text")]);
    let files = fs::read_dir(&out).expect("the folder was made");
    let files: Vec<PathBuf> = files.map(|file| file.expect("a file").path()).collect();
    let [file] = &files[..] else { panic!("{files:?} are left:\n{}", ran.stderr) };
    ran.assert_complains(&format!("stored in {}\n", file.display()));
    (ran, file.clone())
}

fn explain(file: &Path) -> Ran {
    lab(file.parent().expect("it is in a folder"), &["explain", file.to_str().expect("it is text")])
}

#[test]
fn a_run_that_fails_is_shown_and_stored() {
    let (ran, file) = replay(skeleton(), "TestInitialElection3A", "replayed");
    ran.assert_code(1);
    assert!(ran.stdout.starts_with("expected one leader, got none\n"), "{}", ran.stdout);
    for text in [
        "\n  kind      liveness\n",
        "\n  why       ",
        "\n  seed      40\n",
        "\n  replay    LAB_SEED=40 cargo test -p raft TestInitialElection3A\n",
        "\n\n  t (s)  S0",
        "FAIL expected one leader, got none\n",
    ] {
        ran.assert_prints(text);
    }
    assert!(file.ends_with("TestInitialElection3A-40.json"), "{}", file.display());

    let explained = explain(&file);
    explained.assert_code(0);
    assert_eq!(explained.stdout, ran.stdout);

    // A closed pipe, such as that of a pager which is left, is no reason to complain.
    let (reader, writer) = io::pipe().expect("a pipe");
    drop(reader);
    let mut explain = command(env!("CARGO_BIN_EXE_lab"), skeleton());
    let ran = run(explain.arg("explain").arg(&file).stdout(writer));
    assert_eq!((ran.code, &*ran.stderr), (Some(0), ""));
}

#[test]
fn a_run_that_passes_is_shown_with_what_its_servers_log() {
    let (ran, file) = replay(solved(), "TestInitialElection3A", "replayed-solved");
    ran.assert_code(0);
    assert!(ran.stdout.starts_with("passed\n"), "{}", ran.stdout);
    ran.assert_prints("\n\n  t (s)  S0");
    ran.assert_prints(" leads term 1\n");
    ran.assert_prints(" logs DEBUG: starts an election");
    assert_eq!(explain(&file).stdout, ran.stdout);
}

#[test]
fn one_test_must_be_meant() {
    let ran = lab(skeleton(), &["replay", "3A", "--seed", "1"]);
    ran.assert_code(3);
    ran.assert_complains("error: failed to choose a test: `3A` is a piece of ");
    ran.assert_complains("TestManyElections3A");

    let ran = lab(skeleton(), &["replay", "TestRelection3A", "--seed", "1"]);
    ran.assert_code(4);
    ran.assert_complains("did you mean TestReElection3A?");

    lab(skeleton(), &["replay", "TestReElection3A"]).assert_code(3); // which seed?
}

#[test]
fn what_is_no_history_is_named() {
    let folder = folder("no-histories");
    fs::create_dir_all(&folder).expect("a folder can be made");
    let later = r#"{"format": 999, "runs": []}"#;
    for (name, text, why) in [
        ("missing.json", None, "No such file"),
        ("text.json", Some("expected one leader"), "expected value at line 1 column 1"),
        ("other.json", Some("{}"), "missing field `format`"),
        ("cut.json", Some(r#"{"format": 1, "test": "Te"#), "EOF while parsing"),
        ("later.json", Some(later), "it is of form 999, and this program reads up to form 1"),
    ] {
        let file = folder.join(name);
        if let Some(text) = text {
            fs::write(&file, text).expect("a file can be written");
        }
        let ran = explain(&file);
        ran.assert_code(3);
        ran.assert_complains("error: failed to read a run's history: ");
        ran.assert_complains(why);
        ran.assert_complains(&format!(", in {}\n", file.display()));
        assert_eq!(ran.stdout, "");
    }
}
