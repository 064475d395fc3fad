//! The program `zoo` lists every bug with what is known of it.

use std::process::Command;

use serde_json::{Value, json};
use zoo::{Bug, Kind};

fn printed(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_zoo")).args(arguments).output();
    let output = output.expect("the program runs");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("the output is text")
}

fn bugs() -> impl Iterator<Item = Bug> {
    Bug::all().filter(|&bug| bug != Bug::None)
}

#[test]
fn programs_get_an_object_a_line() {
    let text = printed(&["--json"]);
    let rows: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect();
    assert_eq!(rows.len(), bugs().count());
    for (bug, row) in bugs().zip(rows) {
        let harmless = match bug.kind() {
            Kind::Harmless { reason } => Some(reason),
            _ => None,
        };
        let expected = json!({
            "name": bug.to_string(),
            "part": bug.part().to_string(),
            "kind": bug.kind().to_string(),
            "rule": format!("{} ({})", bug.breaks(), bug.rule().section),
            "words": bug.rule().words,
            "symptom": bug.symptom(),
            "harmless": harmless,
            "causes": bug.causes(),
            "source": bug.source(),
        });
        assert_eq!(row, expected);
    }
    assert!(
        text.starts_with("{\"name\":\"BlocksOnVotes\",\"part\":\"3A\",\"kind\":\"liveness\","),
        "{text}"
    );
}

#[test]
fn people_get_a_table() {
    let text = printed(&[]);
    for bug in bugs() {
        let name = bug.to_string();
        assert!(text.split_whitespace().any(|word| word == name), "{bug} is missing:\n{text}");
    }
    assert!(text.contains("harmless") && text.contains("the broken rule"), "{text}");
}
