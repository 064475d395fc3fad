//! Commands that make no sense: each is named, and what was perhaps meant.

use std::fs;

use crate::student::{lab, skeleton};

#[test]
fn no_such_test() {
    let ran = lab(skeleton(), &["test", "TestRelection3A"]);
    ran.assert_code(4);
    ran.assert_complains("none of `raft` has `TestRelection3A` in its name");
    ran.assert_complains("did you mean TestReElection3A?");

    let ran = lab(skeleton(), &["test", "3A", "paxos"]);
    ran.assert_code(4);
    ran.assert_complains("none of `raft` has `paxos` in its name; there are ");
}

#[test]
fn no_test_at_all() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("src")).unwrap();
    fs::write(folder.path().join("src/lib.rs"), "").unwrap();
    fs::write(folder.path().join("Cargo.toml"), "[package]\nname = \"bare\"\n").unwrap();
    let ran = lab(folder.path(), &["test", "-p", "bare", "3A"]);
    ran.assert_code(4);
    ran.assert_complains("failed to find a test: `bare` has none whose name begins with `Test`");
}

#[test]
fn no_such_package() {
    let ran = lab(skeleton(), &["test", "-p", "raff"]);
    ran.assert_code(3);
    ran.assert_complains("failed to find the package `raff`: did you mean raft?");

    let ran = lab(skeleton(), &["test", "-p", "zookeeper"]);
    ran.assert_code(3);
    ran.assert_complains("failed to find the package `zookeeper`: ");
    ran.assert_complains("skeleton has raft\n");
}

#[test]
fn no_such_folder() {
    let ran = lab(skeleton(), &["test", "--manifest-path", "nowhere"]);
    ran.assert_code(3);
    ran.assert_complains("failed to find a workspace in nowhere: there is no such folder");
}

#[test]
fn no_workspace() {
    let folder = tempfile::tempdir().unwrap();
    let ran = lab(folder.path(), &["test"]);
    ran.assert_code(3);
    ran.assert_complains("failed to find a workspace: could not find `Cargo.toml`");

    let ran = lab(skeleton(), &["test", "--manifest-path", folder.path().to_str().unwrap()]);
    ran.assert_code(3);
    ran.assert_complains("failed to find a workspace: manifest path ");

    fs::write(folder.path().join("Cargo.toml"), "[package").unwrap();
    let ran = lab(folder.path(), &["test"]);
    ran.assert_code(3);
    ran.assert_complains("failed to find a workspace: ");
    ran.assert_complains("unclosed table");
}

#[test]
fn no_folder_for_results() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    for out in [file.clone(), file.join("out")] {
        let ran = lab(skeleton(), &["test", "-o", out.to_str().unwrap()]);
        ran.assert_code(3);
        ran.assert_complains(&format!("error: failed to write {}: ", out.display()));
    }
}

#[test]
fn numbers_that_make_no_sense() {
    for arguments in [["-n", "0"], ["-n", "many"], ["-j", "0"], ["--seed", "-1"]] {
        lab(skeleton(), &[&["test"], &arguments[..]].concat()).assert_code(3);
    }
    lab(skeleton(), &["test", "3A", "--all"]).assert_code(3);
    lab(skeleton(), &[]).assert_code(3);
}

#[test]
fn help_has_the_exit_codes() {
    for command in [None, Some("test"), Some("new"), Some("explore"), Some("zoo")] {
        let arguments: Vec<&str> = command.into_iter().chain(["--help"]).collect();
        let ran = lab(skeleton(), &arguments);
        ran.assert_code(0);
        ran.assert_prints("4    there is no such test");
    }
}
