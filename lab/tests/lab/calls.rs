//! A test function that calls `config::test` several times, and one that writes to the file of results.

use std::fs;

use crate::student::{Ran, command, folder, lab, odd, run};

fn row<'a>(ran: &'a Ran, test: &str) -> Vec<&'a str> {
    let rows = ran.stdout.lines().filter(|line| line.contains('┆'));
    let rows = rows.map(|row| row.trim_matches('│').split('┆').map(str::trim).collect::<Vec<_>>());
    let row = rows.into_iter().find(|row| row[0] == test);
    row.unwrap_or_else(|| panic!("no row for {test} in:\n{}\n{}", ran.stdout, ran.stderr))
}

#[test]
fn each_call_is_counted_by_itself() {
    let ran = lab(odd(), &["test", "TestTwice3A", "-n", "20", "--seed", "1", "-j", "2"]);
    ran.assert_code(0);
    assert_eq!(row(&ran, "TestTwice3A")[1..5], ["20", "0", "0 %", "0\u{2013}17 %"]);
    assert_eq!(row(&ran, "TestTwice3A, call 2")[1..5], ["20", "0", "0 %", "0\u{2013}17 %"]);
    ran.assert_prints("2 tests, 40 runs, 0 failures");
    ran.assert_complains("ok     TestTwice3A, call 2 ");
    assert!(!ran.stdout.contains("call 3"), "{}", ran.stdout);
}

#[test]
fn a_call_that_fails_keeps_no_other_from_running() {
    for (servers, failed, passed) in
        [("3", "TestTwice3A", "TestTwice3A, call 2"), ("5", "TestTwice3A, call 2", "TestTwice3A")]
    {
        let out = folder(&format!("twice-{servers}"));
        let mut twice = command(env!("CARGO_BIN_EXE_lab"), odd());
        twice.args(["test", "TestTwice3A", "-n", "10", "--seed", "1", "-o"]).arg(&out);
        let ran = run(twice.env("FAILS", servers));
        ran.assert_code(1);
        assert_eq!(row(&ran, failed)[1..5], ["10", "10", "100 %", "69\u{2013}100 %"]);
        assert_eq!(row(&ran, passed)[1..5], ["10", "0", "0 %", "0\u{2013}31 %"]);
        ran.assert_prints(&format!("\n{failed}: 10 x panicked: not with "));
        ran.assert_prints(&format!(
            "\n{failed}, seed 1:\n\npanicked: not with {servers} servers\n"
        ));
        let (variable, name) = if servers == "5" { ("LAB_CALL=2 ", "-call2") } else { ("", "") };
        ran.assert_prints(&format!(
            "LAB_SEED=1 {variable}cargo test -p raft --test odd TestTwice3A"
        ));
        assert!(out.join(format!("TestTwice3A{name}-1.txt")).exists());
        let results = fs::read_to_string(out.join("results.jsonl")).expect("there are results");
        assert_eq!(results.lines().count(), 21, "what was asked for, and 20 runs");
        assert_eq!(results.lines().filter(|line| line.contains(r#""call":2"#)).count(), 10);
    }
}

#[test]
fn one_call_can_be_chosen() {
    let ran = lab(odd(), &["test", "TestTwice3A", "-n", "3", "--call", "2"]);
    ran.assert_code(0);
    ran.assert_prints("1 tests, 3 runs, 0 failures");
    assert_eq!(row(&ran, "TestTwice3A, call 2")[1], "3");

    let ran = lab(odd(), &["test", "TestTwice3A", "-n", "3", "--call", "3"]);
    ran.assert_code(4);
    ran.assert_complains("error: failed to find call 3 of config::test() in TestTwice3A: ");

    let out = folder("replayed-call");
    let out = out.to_str().expect("it is text");
    let replay =
        |call| lab(odd(), &["replay", "TestTwice3A", "--seed", "7", "--call", call, "-o", out]);
    let ran = replay("2");
    ran.assert_code(0);
    ran.assert_complains("/TestTwice3A-call2-7.json\n");
    let ran = replay("3");
    ran.assert_code(4);
    ran.assert_complains("error: failed to find call 3 of config::test() in TestTwice3A: ");
}

#[test]
fn lines_that_are_not_the_tester_s_are_left_out() {
    let out = folder("scribbled");
    let arguments = ["test", "TestScribbles3A", "-n", "5", "--seed", "1", "-j", "1", "-o"];
    let ran = lab(odd(), &[&arguments[..], &[out.to_str().expect("it is text")]].concat());
    ran.assert_code(0);
    assert_eq!(row(&ran, "TestScribbles3A")[1..5], ["5", "0", "0 %", "0\u{2013}52 %"]);
    let note = "note: line 1 of results.jsonl of TestScribbles3A, from seed 1 on, is no result of the \
                tester's: it is left out, and so are others like it\n";
    ran.assert_complains(note);
    assert_eq!(ran.stderr.matches("note: ").count(), 1, "{}", ran.stderr);
    let results = fs::read_to_string(out.join("results.jsonl")).expect("there are results");
    assert_eq!(results.lines().count(), 6, "what was asked for, and 5 runs");
    let is_result = |line| serde_json::from_str::<serde_json::Value>(line).is_ok();
    assert!(results.lines().all(is_result), "{results}");
}
