//! The reports in `docs/failures.md` are what the commands above them print.
//!
//! `UPDATE_EXPECT=1 cargo test -p zoo docs` writes them anew.

use std::fs;

use expect_test::expect_file;

use crate::child::run_command;

const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/failures.md");

/// What `command` prints of the failure.
fn printed(command: &str) -> String {
    let output = run_command(command).output;
    let (_, report) = output.split_once(" stdout ----\n").expect("the test has failed");
    let (report, _) = report.split_once("\n\n\nfailures:").expect("a list of failures follows");
    // As it is without LAB_OUT.
    let stored = |line: &str| {
        let labels = ["  stored    ", "  picture   cargo lab explain "];
        let label = labels.into_iter().find(|label| line.starts_with(label))?;
        let (folder, name) = line[label.len()..].rsplit_once('/')?;
        (!folder.is_empty()).then(|| format!("{label}target/lab/{name}\n"))
    };
    report.lines().map(|line| stored(line).unwrap_or_else(|| format!("{line}\n"))).collect()
}

/// The text with what each block marked `sh run` prints in the block below it.
fn with_output(text: &str) -> String {
    let mut parts = text.split("```sh run\n");
    let mut done = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (command, rest) = part.split_once("\n```\n```text\n").expect("command, then output");
        let (_, rest) = rest.split_once("```\n").expect("the output's block ends");
        done += &format!("```sh run\n{command}\n```\n```text\n{}```\n{rest}", printed(command));
    }
    done
}

#[test]
fn the_reports_are_current() {
    let text = fs::read_to_string(DOCS).expect("the page is there");
    let current = with_output(&text);
    assert!(text.contains("```sh run\n"), "no command is marked");
    expect_file![DOCS].assert_eq(&current);
}
