//! Commands that make no sense: each is named, and what was perhaps meant.

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
fn no_such_package() {
    let ran = lab(skeleton(), &["test", "-p", "raff"]);
    ran.assert_code(3);
    ran.assert_complains("failed to find the package `raff`: did you mean raft?");
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
    for arguments in [&["--help"][..], &["test", "--help"], &["new", "--help"]] {
        let ran = lab(skeleton(), arguments);
        ran.assert_code(0);
        ran.assert_prints("4    there is no such test");
    }
}
