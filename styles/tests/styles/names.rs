//! A right Raft is right whatever its author has called the fields of its messages: the same run under other names
//! breaks no rule.
//!
//! More of them: `NAMES=1000 cargo test -p styles --test styles names -- --nocapture`.

use std::collections::BTreeMap;
use std::env;

use rand::rngs::SmallRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use report::explain::overlooked;
use report::{Record, Story, explain, spec};
use serde_json::{Map, Value, json};
use styles::Bug;
use testkit::TestBinary;

/// How many times each run is renamed.
const RENAMED: u64 = 12;

/// Tests with elections, lost messages, crashes and snapshots.
const TESTS: [&str; 5] = [
    "lab3::agreement_3b::TestBackup3B",
    "lab3::persistence_3c::TestFigure83C",
    "lab3::persistence_3c::TestUnreliableAgree3C",
    "lab3::snapshot_3d::TestSnapshotInstallCrash3D",
    "lab3::snapshot_3d::TestSnapshotInstallUnreliable3D",
];

/// What a field may be called in the messages that have it; the messages are those of the paper, and `Entry` and
/// `Answer`. Where names differ between two messages, a student meant two things by them.
const NAMES: [(&str, &str, &[&str]); 20] = [
    ("", "term", &["term", "term", "term", "t", "currentTerm", "epoch", "my_term", "ballot"]),
    ("RequestVote", "candidate_id", &["candidateId", "cand", "id", "me", "from", "who", "server"]),
    (
        "RequestVote",
        "last_log_index",
        &["lastLogIndex", "lastIdx", "last", "li", "lastIndex", "log_len", "end", "index", "n"],
    ),
    (
        "RequestVote",
        "last_log_term",
        &["lastLogTerm", "lastT", "lt", "lastTerm", "logTerm", "end_term"],
    ),
    (
        "RequestVote reply",
        "vote_granted",
        &["voteGranted", "ok", "granted", "yes", "vote", "v", "success"],
    ),
    ("AppendEntries", "leader_id", &["leaderId", "leader", "from", "me", "id", "l"]),
    (
        "AppendEntries",
        "prev_log_index",
        &[
            "prevLogIndex",
            "prev",
            "pi",
            "prevIdx",
            "lastIdx",
            "start",
            "index",
            "after",
            "prevIndex",
        ],
    ),
    (
        "AppendEntries",
        "prev_log_term",
        &["prevLogTerm", "pt", "prevT", "lastTerm", "prevTerm", "afterTerm"],
    ),
    (
        "AppendEntries",
        "entries",
        &["entries", "ents", "es", "log", "items", "new", "data", "e", "slots"],
    ),
    (
        "AppendEntries",
        "leader_commit",
        &["leaderCommit", "commit", "lc", "commitIdx", "committed", "c", "done"],
    ),
    (
        "AppendEntries reply",
        "success",
        &["success", "ok", "matched", "good", "s", "accepted", "granted"],
    ),
    (
        "AppendEntries reply",
        "retry_from",
        &["xLen", "conflictIndex", "next", "hint", "lastIdx", "index", "term2"],
    ),
    (
        "InstallSnapshot",
        "last_included_index",
        &[
            "lastIncludedIndex",
            "lastIdx",
            "lastIndex",
            "index",
            "upTo",
            "snapIdx",
            "last",
            "prevIdx",
            "commit",
        ],
    ),
    (
        "InstallSnapshot",
        "last_included_term",
        &["lastIncludedTerm", "lastTerm", "snapTerm", "logTerm", "prevTerm", "t2"],
    ),
    ("InstallSnapshot", "leader_id", &["leaderId", "leader", "from", "me", "id"]),
    ("InstallSnapshot", "data", &["data", "snapshot", "bytes", "image", "log", "state"]),
    ("Entry", "term", &["term", "t", "epoch", "Term", "tm", "created"]),
    ("Entry", "index", &["index", "i", "idx", "n", "pos"]),
    ("Entry", "command", &["command", "cmd", "c", "data", "op", "payload", "x"]),
    ("", "number", &["number", "seq", "id", "request", "rpc", "time"]),
];

/// The messages that tell of an entry by its index and its term.
const ENTRIES: [(&str, &str, &str); 3] = [
    ("RequestVote", "last_log_index", "last_log_term"),
    ("AppendEntries", "prev_log_index", "prev_log_term"),
    ("InstallSnapshot", "last_included_index", "last_included_term"),
];

/// What an author may call an entry whose index and term have its name, and what these are called then.
const STEMS: [&str; 10] =
    ["tail", "mine", "onto", "upto", "base", "cut", "edge", "my_log", "x", "covers"];
const ENDS: [(&str, &str); 5] =
    [("_index", "_term"), ("Idx", "Epoch"), ("", "_term"), ("_at", "_gen"), ("_pos", "_round")];

/// The names of one author.
struct Author {
    names: BTreeMap<(&'static str, &'static str), String>,
    method: Option<&'static str>,
    are_tuples: bool,
    are_bytes: bool,
    /// The part of a message that says its term and its sender, if it isn't the message itself.
    header: Option<&'static str>,
}

/// What an author may call that part.
const HEADERS: [&str; 5] = ["header", "head", "meta", "envelope", "who_speaks"];

impl Author {
    fn draw(random: &mut SmallRng) -> Author {
        let mut choose = |among: &[&'static str]| *among.choose(random).expect("there is one");
        let names = NAMES.map(|(of, field, among)| ((of, field), choose(among).to_owned()));
        let method = Some(choose(&["", "Raft.Handle", "Rf.msg"])).filter(|name| !name.is_empty());
        let (are_tuples, are_bytes) = (random.random_ratio(1, 4), random.random());
        let names = names.into();
        let mut author = Author { names, method, are_tuples, are_bytes, header: None };
        for entry in ENTRIES {
            if random.random() {
                author.has_stem(random, entry);
            }
        }
        author.header = HEADERS.choose(random).copied().filter(|_| random.random_ratio(1, 3));
        author
    }

    /// An author whose names tell nothing: a message must be understood by its shape.
    fn with_stems(random: &mut SmallRng) -> Author {
        let (names, method, are_tuples, are_bytes) = (BTreeMap::new(), None, false, false);
        let mut author = Author { names, method, are_tuples, are_bytes, header: None };
        ENTRIES.into_iter().for_each(|entry| author.has_stem(random, entry));
        for (of, field, name) in [
            ("", "term", "round"),
            ("RequestVote reply", "vote_granted", "fine"),
            ("AppendEntries reply", "success", "fine"),
            ("AppendEntries", "entries", "stuff"),
            ("AppendEntries", "leader_commit", "firm"),
            ("AppendEntries", "leader_id", "who"),
            ("InstallSnapshot", "leader_id", "who"),
            ("InstallSnapshot", "data", "blob"),
            ("RequestVote", "candidate_id", "who"),
        ] {
            author.names.insert((of, field), name.to_owned());
        }
        author
    }

    fn has_stem(
        &mut self,
        random: &mut SmallRng,
        (of, index, term): (&'static str, &'static str, &'static str),
    ) {
        let stem = STEMS.choose(random).expect("there is one");
        let (index_end, term_end) = ENDS.choose(random).expect("there is one");
        self.names.insert((of, index), format!("{stem}{index_end}"));
        self.names.insert((of, term), format!("{stem}{term_end}"));
    }

    fn name(&self, of: &'static str, field: &str) -> String {
        let of_any = |of| self.names.iter().find(|((at, own), _)| *at == of && *own == field);
        of_any(of).or_else(|| of_any("")).map_or_else(|| field.to_owned(), |(_, name)| name.clone())
    }

    /// A message under other names. Two fields of one name would be no message: then the second keeps its own.
    fn rename(&self, of: &'static str, message: &Value) -> Value {
        let Value::Object(fields) = message else { return message.clone() };
        let mut renamed = Map::new();
        for (field, value) in fields {
            let value = match (field.as_str(), value) {
                ("entries", Value::Array(entries)) => {
                    entries.iter().map(|entry| self.entry(entry)).collect()
                }
                _ => value.clone(),
            };
            let name = self.name(of, field);
            let name = if renamed.contains_key(&name) { field.clone() } else { name };
            renamed.insert(name, value);
        }
        if let Some(header) = self.header.filter(|_| of != "Entry") {
            let mut within = Map::new();
            for field in ["term", "candidate_id", "leader_id"] {
                within.extend(renamed.remove_entry(&self.name(of, field)));
            }
            renamed.insert(header.to_owned(), Value::Object(within));
        }
        Value::Object(renamed)
    }

    fn entry(&self, entry: &Value) -> Value {
        let Value::Object(fields) = self.rename("Entry", entry) else { return entry.clone() };
        let command = self.name("Entry", "command");
        let bytes = |value: Value| match value {
            // As a list of numbers, of which each command begins with the same.
            Value::String(text) if self.are_bytes => {
                json!([7].into_iter().chain(text.bytes()).collect::<Vec<u8>>())
            }
            value => value,
        };
        let fields = fields.into_iter().map(|(name, value)| match name == command {
            true => (name, bytes(value)),
            false => (name, value),
        });
        match self.are_tuples {
            true => {
                let mut fields: Vec<_> = fields.collect();
                fields.sort_by_key(|(name, _)| *name == command);
                Value::Array(fields.into_iter().map(|(_, value)| value).collect())
            }
            false => Value::Object(fields.collect()),
        }
    }

    /// The whole run as this author would have written it.
    fn rewrite(&self, record: &Record) -> Record {
        let mut record = serde_json::to_value(record).expect("a record is plain data");
        let mut sent: BTreeMap<u64, &str> = BTreeMap::new();
        for event in record["events"].as_array_mut().expect("a list") {
            let id = event["id"].as_u64();
            let (part, of) = match event["event"].as_str() {
                Some("rpc_sent") => {
                    let method = event["method"].as_str().expect("a method");
                    let all = ["RequestVote", "AppendEntries", "InstallSnapshot"];
                    let of =
                        all.into_iter().find(|of| method.ends_with(of)).expect("one of Raft's");
                    sent.extend(id.map(|id| (id, of)));
                    if let Some(name) = self.method {
                        event["method"] = json!(name);
                    }
                    ("args", of)
                }
                Some("rpc_copied") => {
                    let of = event["of"].as_u64().and_then(|of| sent.get(&of).copied());
                    sent.extend(id.zip(of));
                    continue;
                }
                Some("rpc_handled") => {
                    let of = match *id.and_then(|id| sent.get(&id)).expect("it was sent") {
                        "RequestVote" => "RequestVote reply",
                        "AppendEntries" => "AppendEntries reply",
                        _ => "InstallSnapshot reply",
                    };
                    ("reply", of)
                }
                _ => continue,
            };
            let value = &mut event[part]["value"];
            *value = self.rename(of, value);
        }
        serde_json::from_value(record).expect("it is still a record")
    }
}

#[test]
fn under_no_names_does_a_right_raft_break_a_rule() {
    let many = env::var("NAMES").map_or(RENAMED, |many| many.parse().expect("a number"));
    let binary = TestBinary::this(env!("CARGO_PKG_NAME"));
    let mut wrong = Vec::new();
    for test in TESTS {
        let run = binary.whole_run(test, 3, &[("LAB_STYLE", "Plain"), ("LAB_STRICT", "1")]);
        let record = run.record.expect("its record is asked for");
        for number in 0..many {
            let author = Author::draw(&mut SmallRng::seed_from_u64(number));
            let record = author.rewrite(&record);
            let story = Story::new(&record.to_history(), record.servers as usize);
            let broken = spec::broken_promises(&story);
            let said = broken.iter().map(|breach| format!("{}: {}", breach.rule.id, breach.what));
            let doubts = overlooked(&story, &broken);
            let doubts = doubts.iter().map(|doubt| format!("{}: {}", doubt.id, doubt.what));
            if let Some(said) = said.chain(doubts).next() {
                wrong.push(format!("{test}, {number}: {said}; {:?}", author.names));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        many * TESTS.len() as u64,
        wrong.join("\n")
    );
}

/// Runs that fail, and by what.
const WRONG: [(Bug, &str, &str); 5] = [
    (Bug::VotesForAnyLog, "lab3::persistence_3c::TestFigure8Unreliable3C", "vote-for-outdated-log"),
    (Bug::CountsWhatItSends, "lab3::agreement_3b::TestFailNoAgree3B", "commits-without-majority"),
    (Bug::KeepsConflicts, "lab3::agreement_3b::TestRejoin3B", "conflicting-suffix-kept"),
    (Bug::KeepsConflicts, "lab3::agreement_3b::TestBackup3B", "conflicting-suffix-kept"),
    (Bug::SavesNoEntries, "lab3::persistence_3c::TestPersist13C", "log-not-saved"),
];

/// A Raft whose author has names of its own fails for the same reason, and that is told.
#[test]
fn a_cause_is_found_whatever_the_names() {
    let binary = TestBinary::this(env!("CARGO_PKG_NAME"));
    for (bug, test, cause) in WRONG {
        let run =
            binary.whole_run(test, 1, &[("LAB_STYLE", "Plain"), ("LAB_BUG", &format!("{bug:?}"))]);
        let record = run.record.expect("its record is asked for");
        let failure = record.failure.as_ref().expect("it fails");
        for number in 0..4 {
            let author = Author::with_stems(&mut SmallRng::seed_from_u64(number));
            let renamed = author.rewrite(&record);
            let story = Story::new(&renamed.to_history(), renamed.servers as usize);
            let found = explain(&story, failure).findings;
            let first = found.first().map(|finding| &*finding.id);
            assert_eq!(first, Some(cause), "{bug:?} {test}, {:?}", author.names);
        }
    }
}
