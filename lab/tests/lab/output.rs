//! Where the program prints to: a pipe whose reader has gone, and a disk that is full.

use std::fs::{self, File};
use std::io::{self, PipeWriter};
use std::process::Command;

use crate::explore::explored;
use crate::student::{Ran, command, copied, folder, run, skeleton, solved};

/// A pipe that nobody reads.
fn closed_pipe() -> PipeWriter {
    let (reader, writer) = io::pipe().expect("a pipe");
    drop(reader);
    writer
}

/// Where everything fails for want of space.
fn full_disk() -> File {
    File::options().write(true).open("/dev/full").expect("there is one")
}

/// Each subcommand, and what it ends with. Their files are those of the test that asks: others run beside it.
fn commands(test: &str) -> Vec<(Command, i32)> {
    let history = folder(&format!("{test}-history"));
    let mut replay = lab(&["replay", "TestInitialElection3A", "--seed", "40", "-o"]);
    run(replay.arg(&history)).assert_code(0);
    let history = history.join("TestInitialElection3A-40.json");
    let campaign = folder(&format!("{test}-campaign"));
    fs::create_dir_all(&campaign).expect("a folder can be made");
    fs::write(campaign.join("zoo.jsonl"), include_str!("zoo/campaign.jsonl")).expect("a file");
    let mut explain = lab(&["explain"]);
    explain.arg(history);
    let mut failing = command(env!("CARGO_BIN_EXE_lab"), skeleton());
    failing.args(["test", "TestInitialElection3A", "-n", "2"]);
    let mut zoo = lab(&["zoo", "--report"]);
    zoo.arg(campaign.join("zoo.jsonl"));
    let mut slice = lab(&["zoo", "--slice"]);
    slice.arg(campaign.join("zoo.jsonl"));
    let mut replay = lab(&["replay", "TestInitialElection3A", "--seed", "41", "-o"]);
    replay.arg(folder(&format!("{test}-replayed")));
    let mut explore = command(env!("CARGO_BIN_EXE_lab"), explored());
    explore.args(["explore", "-m", "0.01", "--seed", "1"]);
    vec![
        (lab(&["--help"]), 0),
        (lab(&["test", "--help"]), 0),
        (lab(&["test", "TestInitialElection3A", "-n", "2"]), 0),
        (failing, 1),
        (explain, 0),
        (replay, 0),
        (explore, 0),
        (zoo, 0),
        (slice, 0),
    ]
}

fn lab(arguments: &[&str]) -> Command {
    let mut lab = command(env!("CARGO_BIN_EXE_lab"), solved());
    lab.args(arguments);
    lab
}

fn assert_quiet(ran: &Ran, command: &Command, code: i32) {
    assert_eq!(ran.code, Some(code), "{command:?}:\n{}\n{}", ran.stdout, ran.stderr);
    assert!(!ran.stderr.contains("panicked"), "{command:?}:\n{}", ran.stderr);
    assert!(!ran.stderr.contains("error: "), "{command:?}:\n{}", ran.stderr);
}

#[test]
fn a_reader_may_go() {
    for (mut command, code) in commands("reader") {
        let ran = run(command.stdout(closed_pipe()));
        assert_quiet(&ran, &command, code);
    }
    for (mut command, code) in commands("reader") {
        let ran = run(command.stderr(closed_pipe()));
        assert_quiet(&ran, &command, code);
        let ran = run(command.stdout(closed_pipe()).stderr(closed_pipe()));
        assert_quiet(&ran, &command, code);
    }
}

#[test]
fn results_that_can_t_be_written_are_an_error() {
    for (mut command, code) in commands("full-disk") {
        let ran = run(command.stdout(full_disk()));
        assert_eq!(ran.code, Some(70), "{command:?}:\n{}", ran.stderr);
        let error = "error: failed to print to standard output: No space left on device";
        ran.assert_complains(error);
        assert_eq!(ran.stderr.matches("No space left").count(), 1, "{}", ran.stderr);
        assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);

        // What is said beside the results is worth no failure.
        let ran = run(command
            .stdout(File::create("/dev/null").expect("it is there"))
            .stderr(full_disk()));
        assert_quiet(&ran, &command, code);
        let ran = run(command.stdout(full_disk()).stderr(full_disk()));
        assert_eq!(ran.code, Some(70), "{command:?}");
    }
}

#[test]
fn a_workspace_is_made_whoever_reads_of_it() {
    for (name, code) in [("unread", 0), ("unprinted", 70)] {
        let made = folder(name);
        let mut new = lab(&["new"]);
        new.arg(&made);
        if code == 0 {
            new.stdout(closed_pipe())
        } else {
            new.stdout(full_disk())
        };
        let ran = run(&mut new);
        assert_eq!(ran.code, Some(code), "{}", ran.stderr);
        assert!(made.join("raft/src/raft.rs").exists());
    }
}

/// The build's own messages have no reader then either. Cargo fails where it can't print them, and the tests
/// are built all the same.
#[test]
fn a_build_that_has_something_to_say_is_no_failure() {
    let workspace = copied(skeleton(), "talkative");
    let manifest = workspace.join("raft/Cargo.toml");
    let text = fs::read_to_string(&manifest).expect("it is there");
    fs::write(manifest, text.replace("0.1.0+", "0.1.0+talkative")).expect("it can be written");
    let source = workspace.join("raft/src/lib.rs");
    let text = fs::read_to_string(&source).expect("it is there");
    fs::write(source, text + "\nfn nobody_calls_it() {}\n").expect("it can be written");
    let mut test = command(env!("CARGO_BIN_EXE_lab"), &workspace);
    test.args(["test", "TestInitialElection3A", "-n", "1"]);
    let ran = run(test.stderr(closed_pipe()));
    ran.assert_code(1);
    ran.assert_prints("1 tests, 1 runs, 1 failures");
}
