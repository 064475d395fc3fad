//! `cargo lab logs`.

use std::fs;
use std::io::Write as _;
use std::process::Stdio;

use crate::student::{Ran, command, folder, lab, solved};

/// A run of three servers whose servers log something.
const HISTORY: &str = r#"{"format":1,"test":"TestMine","replay":"","seed":1,"clock":"virtual","banner":"",
"servers":3,"end":3000000,"warnings":[],"events":[
{"at":1000000,"event":"logged","server":{"server":1,"incarnation":1},"level":"INFO","target":"raft","text":"VOTE grants it to 2"},
{"at":2000000,"event":"crashed","server":{"server":1,"incarnation":1}},
{"at":2500000,"event":"viewed","server":{"server":2,"incarnation":1},"term":4,"is_leader":true}]}"#;

fn piped(input: &str, arguments: &[&str]) -> Ran {
    let here = folder("piped-logs");
    fs::create_dir_all(&here).unwrap();
    let mut command = command(env!("CARGO_BIN_EXE_lab"), &here);
    command.arg("logs").args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().unwrap();
    process.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    process.wait_with_output().unwrap().into()
}

#[test]
fn a_stored_run_is_shown_in_columns() {
    let here = folder("logs");
    fs::create_dir_all(&here).unwrap();
    fs::write(here.join("run.json"), HISTORY).unwrap();
    let ran = lab(&here, &["logs", "run.json"]);
    ran.assert_code(0);
    let expected =
        "  1.0000 VOTE                       grants it to 2\n  2.0000 TEST server 1 crashes\n";
    assert_eq!(ran.stdout, expected, "without colours, for it is no terminal");

    let ran = lab(&here, &["logs", "run.json", "--events", "-c", "1", "-i", "test"]);
    ran.assert_code(0);
    assert_eq!(ran.stdout, "  1.0000 VOTE S1 grants it to 2\n  2.5000 ROLE S2 term 4, leads\n");

    // Without a source it is the failed run that was stored last, or else the last one.
    let ran = lab(&here, &["logs", "-o", "."]);
    ran.assert_code(0);
    ran.assert_complains("run.json:\n");
    assert_eq!(ran.stdout, expected);
}

#[test]
fn lines_from_standard_input_are_laid_out_too() {
    let input = "010000 VOTE S1 grants\nhello\u{1b}[2J\n020000 TERM S0 is 4\n";
    let ran = piped(input, &["-", "-c", "2", "-i", "TERM"]);
    ran.assert_code(0);
    let indent = " ".repeat(33);
    assert_eq!(ran.stdout, format!("  1.0000 VOTE {indent}grants\nhello\\u{{1b}}[2J\n"));
    let ran = piped(input, &["-"]);
    ran.assert_prints("  1.0000 VOTE S1 grants\n");
    ran.assert_prints("  2.0000 TERM S0 is 4\n");
}

#[test]
fn a_test_is_run_with_a_seed() {
    let out = folder("logs-of-a-test");
    let test = ["logs", "TestInitialElection3A", "--seed", "1", "-o", out.to_str().unwrap()];
    let ran = lab(solved(), &[&test[..], &["-e", "-j", "ROLE,TEST"]].concat());
    ran.assert_code(0);
    ran.assert_prints("term 1, leads\n");
    ran.assert_prints(" TEST check_one_leader, line ");
    assert!(!ran.stdout.contains(" CALL "), "{}", ran.stdout);
}

#[test]
fn what_is_no_source_is_said_so() {
    let here = folder("no-logs");
    fs::create_dir_all(&here).unwrap();
    let ran = lab(&here, &["logs", "TestMine"]);
    ran.assert_code(3);
    ran.assert_complains(
        "error: failed to find a log: `TestMine` isn't a file; expected a stored history",
    );
    let ran = lab(&here, &["logs", "gone.json"]);
    ran.assert_code(3);
    ran.assert_complains("gone.json");
    let ran = lab(&here, &["logs", "-o", "."]);
    ran.assert_code(3);
    ran.assert_complains("no history is stored in .;");
    lab(&here, &["logs", "-", "-i", "A", "-j", "B"]).assert_code(3);
}
