//! A run that is stored and read again is the same run.

use report::{
    Accepted, Check, Failure, FailureKind, Outcome, Record, Role, Story, TaskEnding, Time, text,
};
use serde_json::{Value, json};

use crate::run::{Run, ask, denied, entries, granted, success};

/// A run with one of everything, up to its failure.
fn run() -> Run {
    let mut run = Run::new(3);
    let id = run.at(300).asks(1, 0, &ask(1));
    run.delivers(id).ends(id, &granted(1)).returns(id, Outcome::Replied);
    let id = run.asks(1, 2, &ask(1));
    run.delivers(id).ends(id, &denied(1)).returns(id, Outcome::ReplyLost);
    run.tell(0, (1, Role::Follower), [9, 1], 0).propose_bytes(1, 1, 40);
    let id = run.at(400).appends(1, 0, &entries(1, &[1]));
    run.answers(id, &success(1));
    run.at(500)
        .apply_command(0, 1, "one")
        .snapshot(0, 1)
        .save(0, [30, 10])
        .disconnect(2)
        .restart(2);
    let id = run.at(900).installs(1, 2, [1, 1]);
    run.drops(id).refuses(0).ends_task(2, 7, TaskEnding::LikelyAborted);
    run
}

fn record(run: &Run) -> Record {
    Record {
        history: String::new(),
        format: Record::FORMAT,
        test: "TestStored3D".to_owned(),
        replay: "LAB_SEED=7 cargo test -p raft TestStored3D".to_owned(),
        seed: u64::MAX,
        clock: "virtual".to_owned(),
        banner: "Test (3D): what is stored".to_owned(),
        servers: 3,
        failure: Some(Failure {
            kind: FailureKind::Liveness,
            check: Check::Agreed { accepted: Some(Accepted { index: 3, term: Some(2) }) },
            message: "one(103) failed to reach agreement".to_owned(),
            location: "tests/raft/snapshot_3d.rs:7".to_owned(),
            at: Time(900_000),
        }),
        end: Time(900_000),
        warnings: vec!["warning: a \"warning\"\twith\nall sorts of characters: é, →".to_owned()],
        dropped: 0,
        events: run.events().to_vec(),
    }
}

fn stored(record: &Record) -> Record {
    let text = serde_json::to_string(record).expect("a run can be stored");
    Record::read(&text).expect("it can be read")
}

/// Asserts that monitors and explanations have the same of both.
#[track_caller]
fn assert_same_story(one: &Record, other: &Record) {
    let told = |record: &Record| {
        format!("{:#?}", Story::new(&record.to_history(), record.servers as usize))
    };
    let (one, other) = (told(one), told(other));
    for (one, other) in one.lines().zip(other.lines()) {
        assert_eq!(one, other);
    }
    assert_eq!(one.len(), other.len());
}

#[test]
fn what_is_stored_is_what_was() {
    let record = record(&run());
    let read = stored(&record);
    assert_same_story(&read, &record);
    assert_eq!(text::report(&read), text::report(&record));
    assert_eq!(read.warnings, record.warnings);
    assert_eq!((read.seed, read.failure), (record.seed, record.failure));
}

#[test]
fn stored_again_it_stays_the_same() {
    // The messages' own bytes aren't stored, so the hash is another than the run's; but not each time.
    let read = stored(&record(&run()));
    let again = stored(&read);
    assert_eq!(again.to_history().hash(), read.to_history().hash());
    let json = |record| serde_json::to_value(record).expect("a run can be stored");
    assert_eq!(json(&again), json(&read));
}

#[test]
fn what_is_missing_is_known_to_be_missing() {
    let record = Record { dropped: 12, ..record(&run()) };
    let read = stored(&record);
    assert_eq!(read.to_history().dropped(), 12);
    assert_eq!(Story::new(&read.to_history(), 3).dropped, 12);
    assert!(text::report(&read).contains("  missing   the 12 oldest events, "));
}

#[test]
fn what_is_no_history_is_refused() {
    let mut later: Value = serde_json::to_value(record(&run())).expect("a run can be stored");
    later["format"] = json!(Record::FORMAT + 1);
    for (text, error) in [
        ("", "EOF while parsing"),
        ("{\"test\": \"TestStored3D\"}", "missing field `format`"),
        ("{\"format\": 1}", "missing field `test`"),
        (&*later.to_string(), "it is of form 2, and this program reads up to form 1"),
    ] {
        let told = Record::read(text).expect_err("it is no history");
        assert!(told.starts_with("failed to read a run's history: "), "{told}");
        assert!(told.contains(error), "{told}");
    }
}

#[test]
fn fields_that_are_added_later_do_no_harm() {
    let mut value = serde_json::to_value(record(&run())).expect("a run can be stored");
    value["weather"] = json!("fine");
    value["events"][0]["mood"] = json!({"of": "server 0"});
    let read = Record::read(&value.to_string()).expect("it can be read");
    assert_same_story(&read, &record(&run()));
}
