//! `cargo lab zoo`: a campaign, what is stored of it, and the report.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use expect_test::expect_file;
use serde_json::Value;

use crate::student::{Ran, command, copied, folder, lab, run, skeleton, solved};

/// A campaign of four tests and six bugs.
const CAMPAIGN: &str = include_str!("zoo/campaign.jsonl");

/// The report on the campaign that `text` is.
fn report(purpose: &str, text: &str) -> Ran {
    let folder = folder(purpose);
    fs::create_dir_all(&folder).expect("a folder can be made");
    fs::write(folder.join("zoo.jsonl"), text).expect("a file can be written");
    lab(&folder, &["zoo", "--report", "zoo.jsonl"])
}

/// Asserts that `text` is the campaign's report.
#[track_caller]
fn assert_reported(text: &str) {
    expect_file!["zoo/report.md"].assert_eq(text);
}

#[test]
fn a_campaign_is_reported() {
    let ran = report("zoo-report", CAMPAIGN);
    ran.assert_code(0);
    assert_reported(&ran.stdout);
    // What was being written when it was cut off is nothing.
    let ran = report("zoo-cut", &format!("{CAMPAIGN}{{\"cell\":{{\"bug\":\"Blo"));
    assert_reported(&ran.stdout);
}

#[test]
fn a_right_raft_that_fails_is_told_first() {
    let right = r#""test":"TestFigure83C","runs":40,"failures":0,"monitor_only":0,"failed":[],"flagged":[],"monitors":{},"messages":{}"#;
    let wrong = r#""test":"TestFigure83C","runs":40,"failures":3,"monitor_only":3,"failed":[],"flagged":[0,1,2],"monitors":{"M8":3},"messages":{"monitor MN: it commits":3}"#;
    let ran = report("zoo-alarm", &CAMPAIGN.replacen(right, wrong, 1));
    ran.assert_code(0);
    let score = ran.stdout.split("## The score\n\n").nth(1).expect("a score");
    assert!(
        score.starts_with("**FALSE ALARM: the right Raft fails in 3 of 220 runs. "),
        "{}",
        ran.stdout
    );
    ran.assert_prints("\n* `TestFigure83C`: 3 of 40 runs: 3 x monitor MN: it commits\n");
    assert!(!ran.stdout.contains("The right Raft passes"), "{}", ran.stdout);
}

#[test]
fn what_is_left_to_run_is_left_out() {
    let last_but: Vec<&str> = CAMPAIGN.lines().take(11).collect();
    let ran = report("zoo-half", &format!("{}\n", last_but.join("\n")));
    ran.assert_code(0);
    ran.assert_prints("**This campaign isn't done: 5 of 7 Rafts still have tests to run");
    ran.assert_prints("| all | 1 |");
    assert!(!ran.stdout.contains("| `CommitsOldTerm` |"), "{}", ran.stdout);

    let only_plan = format!("{}\n", CAMPAIGN.lines().next().expect("a plan"));
    let ran = report("zoo-begun", &only_plan);
    ran.assert_prints("**Not all tests of the right Raft are done");
    ran.assert_prints("| all | 0 | 0.0 | 0 |");

    let with_tester = CAMPAIGN.replacen(r#""right":4,"#, r#""right":4,"tester":2,"#, 1);
    let ran = report("zoo-tester", &with_tester);
    ran.assert_prints("**The tester itself failed in 2 runs, about which nothing is known.");
}

#[test]
fn what_is_no_campaign_is_named() {
    let plan = CAMPAIGN.lines().next().expect("a plan");
    let cell = CAMPAIGN.lines().nth(1).expect("a cell");
    for (purpose, text, why) in [
        ("zoo-none", "{}\n".to_owned(), "failed to read line 1 of a campaign: "),
        ("zoo-empty", String::new(), "a campaign begins with its plan, in zoo.jsonl"),
        ("zoo-headless", format!("{cell}\n"), "a campaign begins with its plan, in zoo.jsonl"),
        ("zoo-double", format!("{plan}\n{plan}\n"), "a campaign has one plan, not two"),
        (
            "zoo-later",
            format!("{}\n", plan.replacen(r#""form":1"#, r#""form":2"#, 1)),
            "the campaign is of form 2, and this reads form 1",
        ),
    ] {
        let ran = report(purpose, &text);
        ran.assert_code(3);
        ran.assert_complains(why);
        assert_eq!(ran.stdout, "");
    }
    lab(skeleton(), &["zoo", "--report", "zoo.jsonl", "-n", "7"]).assert_code(3);
}

/// A zoo as small as can be: the reference, which one bug ends as soon as it begins.
const ZOO_TOML: &str = r#"[package]
name = "zoo"
edition = "2024"

[dev-dependencies]
config = { path = "{checkout}/config" }
labrpc = { path = "{checkout}/labrpc" }
raftapi = { path = "{checkout}/raftapi" }
right = { package = "raft", path = "../raft" }
tokio = "1"
"#;

const ZOO_MAIN: &str = r##"fn main() {
    assert_eq!(std::env::args().nth(1).as_deref(), Some("--json"));
    print!("{}", r#"
{"name":"None","part":"3A","kind":"harmless","rule":"none","harmless":"it is right","causes":[]}
{"name":"EndsAtOnce","part":"3A","kind":"liveness","rule":"a server goes on","harmless":null,"causes":["election-timer-dead"]}
{"name":"LooksRight","part":"3B","kind":"safety","rule":"nobody knows","harmless":null,"causes":[]}
{"name":"HasAnotherName","part":"3A","kind":"harmless","rule":"none","harmless":"a name is nothing","causes":[]}
"#.trim_start());
}
"##;

const ZOO_TESTS: &str = r#"#![allow(non_snake_case)]

extern crate self as raft;

#[path = "../../tests/raft/election_3a.rs"]
mod election_3a;

use std::env;
use std::sync::Arc;

use config::{Reliability, Snapshots, make_config};
use labrpc::ClientEnd;
use raftapi::{ApplyCh, Persister, Raft};

fn make(peers: Vec<ClientEnd>, me: usize, persister: Arc<Persister>, apply_ch: ApplyCh) -> Arc<dyn Raft> {
    let raft = right::make(peers, me, persister, apply_ch);
    let bug = env::var("LAB_BUG").expect("there is a bug");
    if bug == "EndsAtOnce" || (bug == "None" && env::var_os("RIGHT_IS_WRONG").is_some()) {
        raft.kill();
    }
    raft
}

#[test]
fn TestLeaderX01() {
    config::test(|t| async move {
        let cfg = make_config(&t, 3, Reliability::Reliable, Snapshots::Off, make);
        cfg.begin("Test (X01): there is a leader");
        cfg.check_one_leader().await;
        cfg.end();
    });
}

#[test]
fn TestExplore() {
    config::test(|t| async move {
        let cfg = make_config(&t, 3, Reliability::Reliable, Snapshots::Off, make);
        cfg.begin("Test (X): nothing happens");
        cfg.end();
    });
}
"#;

fn zoo() -> &'static Path {
    static WORKSPACE: OnceLock<PathBuf> = OnceLock::new();
    WORKSPACE.get_or_init(|| {
        let workspace = copied(solved(), "with-zoo");
        let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the checkout");
        let checkout = checkout.to_str().expect("it is text");
        let read = |name| fs::read_to_string(workspace.join(name)).expect("it is there");
        for (name, text) in [
            ("Cargo.toml", read("Cargo.toml").replace("[\"raft\"]", "[\"raft\", \"zoo\"]")),
            // Another version, so that its build doesn't take the place of the other workspace's.
            ("raft/Cargo.toml", read("raft/Cargo.toml").replace("0.1.0+", "0.1.0+zoo")),
            ("zoo/Cargo.toml", ZOO_TOML.replace("{checkout}", checkout)),
            ("zoo/src/main.rs", ZOO_MAIN.to_owned()),
            ("zoo/tests/lab3.rs", ZOO_TESTS.to_owned()),
        ] {
            let path = workspace.join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder can be made");
            fs::write(path, text).expect("a file can be written");
        }
        workspace
    })
}

/// What a campaign stored of each bug and test: all but the CPU times.
fn stored(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).expect("there is a campaign");
    let mut cells: Vec<Value> = text
        .lines()
        .skip(1)
        .map(|line| serde_json::from_str::<Value>(line).expect("a line is JSON")["cell"].take())
        .collect();
    for cell in &mut cells {
        assert!(cell["cpu"].take().as_f64().is_some_and(|cpu| cpu > 0.0), "{cell}");
        cell["cpu_to_first"].take();
    }
    cells.sort_by_key(|cell| format!("{}{}", cell["bug"], cell["test"]));
    cells
}

#[test]
fn a_campaign_is_run_and_goes_on() {
    let file = zoo().join("zoo.jsonl");
    let asked =
        ["zoo", "EndsAtOnce", "HasAnotherName", "-n", "30", "--explore", "3", "-o", "zoo.jsonl"];
    let filters = ["-t", "ReElection", "-t", "X01", "-t", "Explore"];
    let asked = [&asked[..], &filters].concat();
    let ran = lab(zoo(), &asked);
    ran.assert_code(0);
    ran.assert_complains("zoo: the right Raft and 2 bugs, 3 tests of each; 30 seeds from 1 on");
    ran.assert_complains("ok     None                               0 of 3 tests fail");
    ran.assert_complains(
        "caught EndsAtOnce                         2 of 3 tests fail, 1 by MIT's checks",
    );
    ran.assert_complains("ok     HasAnotherName                     0 of 3 tests fail");
    ran.assert_prints("The right Raft passes: none of its 63 runs fails.");
    ran.assert_prints("| all | 1 | 1.0 | 1 | 1.0 | 1 | 1.0 | 1 | 1.0 | 1 |");

    let cells = stored(&file);
    let counts = |cell: &Value| {
        let number = |name: &str| cell[name].as_u64();
        (number("runs"), number("failures"), number("monitor_only"), number("first"))
    };
    let counts: Vec<_> = cells.iter().map(counts).collect();
    // Ten failures are enough.
    let [three, ten, thirty] = [(3, 0, None), (10, 10, Some(0)), (30, 0, None)]
        .map(|(runs, failures, first)| (Some(runs), Some(failures), Some(0), first));
    assert_eq!(counts, [three, ten, ten, three, thirty, thirty, three, thirty, thirty]);
    assert_eq!(cells[1]["test"], "TestLeaderX01");
    assert_eq!(cells[1]["messages"]["expected one leader, got none"], 10);

    // Cut off in the middle of its fifth line, it makes the same of what is left.
    let text = fs::read_to_string(&file).expect("there is a campaign");
    let fifth = text.match_indices('\n').nth(4).expect("five lines").0;
    fs::write(&file, &text[..fifth - 7]).expect("it can be cut");
    lab(zoo(), &asked).assert_code(3);
    let resume = |more: &[&str]| lab(zoo(), &[&asked[..], &["--resume"], more].concat());
    resume(&["--seed", "2"]).assert_complains("it was made with 30 seeds from 1 on");
    resume(&["-t", "TestInitial"])
        .assert_complains("it was made with other tests: TestReElection3A");
    assert_eq!(fs::read_to_string(&file).expect("it is there").len(), fifth - 7);
    let ran = resume(&[]);
    ran.assert_code(0);
    ran.assert_complains(", of which 3 pairs are done; ");
    assert_eq!(stored(&file), cells);
}

#[test]
fn what_is_taken_for_something_else_fails_the_campaign() {
    let asked = ["zoo", "-n", "2", "-t", "X01", "-o"];
    let ran = lab(zoo(), &[&asked[..], &["missed.jsonl", "LooksRight"]].concat());
    ran.assert_code(1);
    ran.assert_complains("missed LooksRight ");

    let mut wrong = command(env!("CARGO_BIN_EXE_lab"), zoo());
    let ran = run(wrong.args(asked).args(["wrong.jsonl", "EndsAtOnce"]).env("RIGHT_IS_WRONG", "1"));
    ran.assert_code(1);
    ran.assert_complains("ALARM  None ");
    ran.assert_prints("**FALSE ALARM: the right Raft fails in 2 of 2 runs.");

    let ran = lab(zoo(), &[&asked[..], &["never.jsonl", "EndAtOnce"]].concat());
    ran.assert_code(3);
    ran.assert_complains("error: failed to find the bug `EndAtOnce`: did you mean EndsAtOnce?");
    assert!(!zoo().join("never.jsonl").exists());
}
