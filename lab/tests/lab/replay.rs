//! `cargo lab replay` and `cargo lab explain`: one run, shown.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::student::{Ran, command, folder, lab, run, skeleton, solved};

/// Runs one seed, and returns the history that is stored, too.
fn replay(workspace: &Path, test: &str, purpose: &str, more: &[&str]) -> (Ran, PathBuf) {
    let out = folder(purpose);
    let shown = out.to_str().expect("it is text");
    let ran = lab(workspace, &[&["replay", test, "--seed", "40", "-o", shown], more].concat());
    let stored = files(&out).into_iter().find(|file| file.ends_with("-40.json"));
    let file = out.join(stored.unwrap_or_else(|| panic!("nothing is left:\n{}", ran.stderr)));
    ran.assert_complains(&format!("stored in {}\n", file.display()));
    (ran, file)
}

/// The names of the files in a folder, in order.
fn files(folder: &Path) -> Vec<String> {
    let files = fs::read_dir(folder).expect("the folder was made");
    let name = |file: io::Result<fs::DirEntry>| file.expect("a file").file_name();
    let mut names: Vec<String> =
        files.map(|file| name(file).to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn is_page(file: &Path) -> bool {
    fs::read_to_string(file).expect("a page is text").starts_with("<!DOCTYPE html>")
}

fn explain(file: &Path) -> Ran {
    lab(file.parent().expect("it is in a folder"), &["explain", file.to_str().expect("it is text")])
}

#[test]
fn a_run_that_fails_is_shown_and_stored() {
    let (ran, file) = replay(skeleton(), "TestInitialElection3A", "replayed", &[]);
    ran.assert_code(1);
    assert!(ran.stdout.starts_with("expected one leader, got none\n"), "{}", ran.stdout);
    for text in [
        "\n  kind      liveness\n",
        "\n  why       ",
        "\n  seed      40\n",
        "\n  replay    LAB_SEED=40 cargo test -p raft --test lab3 TestInitialElection3A\n",
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
    let (ran, file) = replay(solved(), "TestInitialElection3A", "replayed-solved", &[]);
    ran.assert_code(0);
    assert!(ran.stdout.starts_with("passed\n"), "{}", ran.stdout);
    ran.assert_prints("\n\n  t (s)  S0");
    ran.assert_prints(" leads term 1\n");
    ran.assert_prints(" logs DEBUG: starts an election");
    assert_eq!(explain(&file).stdout, ran.stdout);
    // There is nothing to look at, unless one wants to.
    assert_eq!(files(file.parent().expect("a folder")), ["TestInitialElection3A-40.json"]);
}

#[test]
fn a_run_that_fails_is_drawn_beside_its_history() {
    let (ran, file) = replay(skeleton(), "TestInitialElection3A", "drawn", &[]);
    let out = file.parent().expect("a folder");
    let [page, latest] =
        ["TestInitialElection3A-40.html", "latest.html"].map(|name| out.join(name));
    assert_eq!(
        files(out),
        ["TestInitialElection3A-40.html", "TestInitialElection3A-40.json", "latest.html"]
    );
    ran.assert_complains(&format!("page in {}\n", page.display()));
    assert!(is_page(&page) && is_page(&latest));
    assert_eq!(fs::read_link(&latest).expect("a link"), Path::new("TestInitialElection3A-40.html"));

    // A page that can't be written is a sentence, and the run ends as it would have.
    fs::remove_file(&page).expect("it is there");
    fs::create_dir(&page).expect("nothing is there");
    let shown = out.to_str().expect("it is text");
    let test = "TestInitialElection3A";
    let ran = lab(skeleton(), &["replay", test, "--seed", "40", "-o", shown]);
    ran.assert_code(1);
    ran.assert_complains("note: the run is not drawn: failed to write ");
}

#[test]
fn a_stored_run_is_drawn_traced_and_compared() {
    let (ran, file) =
        replay(solved(), "TestInitialElection3A", "compared", &["--html", "--compare"]);
    ran.assert_code(0);
    ran.assert_complains("compared with seed 41, which passes; stored in ");
    let out = file.parent().expect("a folder");
    let other = out.join("TestInitialElection3A-41.json");
    let compared = fs::read_to_string(file.with_extension("html")).expect("a page is there");
    assert!(compared.contains("Beside it: seed 41, which passes"));

    let explain = |more: &[&str]| {
        let name = file.file_name().expect("it has a name").to_str().expect("it is text");
        lab(out, &[&["explain", name], more].concat())
    };
    let other = other.to_str().expect("it is text");
    explain(&["--html", "again.html", "--beside", other, "--trace", "t.json"]).assert_code(0);
    let again = fs::read_to_string(out.join("again.html")).expect("a page is there");
    assert_eq!(again, compared, "the same two runs are the same page");
    let trace = fs::read_to_string(out.join("t.json")).expect("a trace is there");
    let trace: serde_json::Value = serde_json::from_str(&trace).expect("it is JSON");
    assert!(trace["traceEvents"].as_array().is_some_and(|events| events.len() > 10));

    for (more, why) in [
        (&["--html", "no/such/folder.html"][..], "error: failed to write no/such/folder.html: "),
        (&["--trace", "no/such/trace.json"], "error: failed to write no/such/trace.json: "),
        (&["--html", "x.html", "--beside", "none.json"], "error: failed to read a run's history: "),
        (&["--open"], "--html"),
    ] {
        let ran = explain(more);
        ran.assert_code(3);
        ran.assert_complains(why);
    }
}

#[test]
fn where_no_run_passes_there_is_none_to_compare_with() {
    let more = ["--html", "--compare"];
    let (ran, file) = replay(skeleton(), "TestInitialElection3A", "incomparable", &more);
    ran.assert_code(1);
    ran.assert_complains("none of the next 64 seeds passes");
    assert!(is_page(&file.with_extension("html")));
}

#[test]
fn one_test_must_be_meant() {
    let ran = lab(skeleton(), &["replay", "3A", "--seed", "1"]);
    ran.assert_code(3);
    ran.assert_complains("error: failed to choose a test: `3A` is a piece of several names: ");
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

/// Judges a history, which `tamper` has changed.
fn verify(file: &Path, tamper: impl Fn(&str) -> String) -> Ran {
    let text = fs::read_to_string(file).expect("the history is text");
    let tampered = tamper(&text);
    let other = file.with_file_name("tampered.json");
    fs::write(&other, tampered).expect("it can be written");
    lab(file.parent().expect("it is in a folder"), &["verify", other.to_str().expect("it is text")])
}

#[test]
fn a_history_is_judged_without_the_code_that_made_it() {
    let (ran, file) = replay(solved(), "TestBackup3B", "verified", &[]);
    ran.assert_code(0);
    let right = verify(&file, str::to_owned);
    right.assert_code(0);
    right.assert_prints("this is a history that seed 40 gives in TestBackup3B: ");
    let events = |text: &str| -> serde_json::Value { serde_json::from_str(text).expect("JSON") };
    // The first event of a kind behind the middle, changed or taken out.
    let change = |kind: &'static str, change: fn(&mut serde_json::Value) -> bool| {
        move |text: &str| {
            let mut record = events(text);
            let all = record["events"].as_array_mut().expect("events");
            let half = all.len() / 2;
            let found = (half..all.len()).find(|&i| all[i]["event"] == kind).expect("there is one");
            if !change(&mut all[found]) {
                all.remove(found);
            }
            record.to_string()
        }
    };
    let another_seed = |text: &str| text.replace("\"seed\":40,", "\"seed\":41,");
    let told = verify(&file, another_seed);
    told.assert_code(1);
    told.assert_prints("seed 41 can't have produced this history: call ");
    for (tamper, why) in [
        (change("rpc_delivered", |_| false), "arrive"),
        (
            change("rpc_delivered", |event| {
                event["event"] = "rpc_returned".into();
                event["outcome"] = "Replied".into();
                true
            }),
            "out of turn",
        ),
        (
            change("rpc_returned", |event| {
                event["outcome"] = "RequestLost".into();
                true
            }),
            "where the seed gives another end",
        ),
        (change("applied", |_| false), "out of order"),
        (
            change("applied", |event| {
                event["index"] = 1.into();
                true
            }),
            "out of order",
        ),
    ] {
        let told = verify(&file, tamper);
        told.assert_code(1);
        told.assert_prints("seed 40 can't have produced this history: ");
        told.assert_prints(why);
    }
    // Nor is another file a history.
    verify(&file, |_| "{}".to_owned()).assert_code(3);
}

#[test]
fn runs_that_passed_are_made_again_without_the_code_that_made_them() {
    let arguments = ["test", "TestBasicAgree3B", "-n", "2", "--seed", "1", "--judge", "1"];
    let ran = lab(solved(), &arguments);
    ran.assert_code(0);
    ran.assert_complains("building the tests without your Raft\n");
    ran.assert_prints("judged: 1 runs are what they say\n");
    lab(solved(), &["test", "--judge", "1", "--real"]).assert_code(3);
}
