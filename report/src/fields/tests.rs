//! What is found in messages of all sorts.

use serde::Serialize;
use serde_json::json;

use super::{Fields, Named, Names, Slot};
use crate::Purpose;

#[derive(Serialize)]
struct Entry {
    term: u64,
    command: Vec<u8>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Args {
    term: u32,
    leader_id: usize,
    prev_log_index: u64,
    entries: Vec<Entry>,
    leader_commit: i64,
}

fn args() -> Args {
    let entry = |term| Entry { term, command: vec![1] };
    Args {
        term: 7,
        leader_id: 2,
        prev_log_index: 4,
        entries: vec![entry(6), entry(7)],
        leader_commit: 5,
    }
}

#[test]
fn fields_are_found_by_name() {
    let fields = Fields::of(&args());
    assert_eq!(fields.term, Some(7));
    assert_eq!(fields.sender, Some(2));
    assert_eq!(fields.prev_log_index, Some(4));
    assert_eq!(fields.prev_log_term, None);
    assert_eq!(fields.entries, Some(vec![Some(6), Some(7)]));
    assert_eq!(fields.leader_commit, Some(5));
}

#[test]
fn a_flag_that_is_set_may_say_no() {
    let said = |answer: serde_json::Value| Fields::of(&answer).success;
    assert_eq!(said(json!({ "term": 7, "reject": false })), Some(true));
    assert_eq!(said(json!({ "term": 7, "reject": true, "hint": 4 })), Some(false));
    assert_eq!(
        said(json!({ "from": 1, "term": 7, "body": { "Resp": { "rejected": true } } })),
        Some(false)
    );
    assert_eq!(said(json!({ "term": 7, "approved": true, "is_pre_vote": false })), Some(true));
    // What is set or not by a name that says neither may mean anything.
    assert_eq!(said(json!({ "term": 7, "flag": true })), None);
}

#[test]
fn flags_that_contradict_each_other_say_nothing() {
    let said = |success: bool, matched: bool| {
        let one = Fields::of(&json!({ "term": 7, "success": success, "matched": matched }));
        let other = Fields::of(&json!({ "term": 7, "accepted": matched, "success": success }));
        assert_eq!(one.success, other.success);
        one.success
    };
    assert_eq!(said(true, true), Some(true));
    assert_eq!(said(false, false), Some(false));
    assert_eq!(said(true, false), None);
    let apart = json!({ "term": 7, "success": true, "log_ok": false, "hint": 4 });
    assert_eq!(Fields::of(&apart).success, None);
    let vote = json!({ "log_ok": true, "term_ok": true, "vote": false, "term": 7 });
    assert_eq!(Fields::of(&vote).gives_vote(), Some(false));
}

/// A yes beside a conflict only says that the request was current.
#[test]
fn what_names_a_conflict_says_no_yes() {
    #[derive(Serialize)]
    struct Reply {
        conflict_index: Option<u64>,
        term: u64,
        success: bool,
        conflict_term: Option<u64>,
    }
    let said = |success, conflict_index, conflict_term| {
        Fields::of(&Reply { conflict_index, term: 7, success, conflict_term }).success
    };
    assert_eq!(said(true, None, None), Some(true));
    assert_eq!(said(false, Some(3), Some(2)), Some(false));
    assert_eq!(said(true, Some(3), None), None);
    assert_eq!(said(true, None, Some(2)), None);
    // A number that is always there may mean anything.
    let always = json!({ "term": 7, "success": true, "conflict_index": 3 });
    assert_eq!(Fields::of(&always).success, Some(true));
}

/// Where the commit index or the entries have a name that is known, too.
#[test]
fn the_entry_before_may_be_a_struct() {
    let base = json!({ "term": 6, "index": 4 });
    for name in ["base", "prev", "after"] {
        for (list, commit) in
            [("items", "commit"), ("entries", "leader_commit"), ("entries", "sure")]
        {
            let message = json!({ "term": 7, "leader": 1, name: base, list: [{ "term": 6, "command": [1] }], commit: 3 });
            let fields = Fields::of(&message);
            let prev = (fields.prev_log_index, fields.prev_log_term);
            assert_eq!(prev, (Some(4), Some(6)), "{message}");
            assert_eq!(fields.entries, Some(vec![Some(6)]), "{message}");
            assert_eq!((fields.term, fields.leader_commit), (Some(7), Some(3)), "{message}");
        }
    }
    // Which of two numbers is the index nobody says.
    let pair = json!({ "term": 7, "prev_log": [6, 4], "entries": [], "commit": 3 });
    assert_eq!(Fields::of(&pair).prev_log_index, None);
    // A heartbeat that follows no entry.
    let heartbeat = json!({ "term": 7, "leader_id": 1, "leader_commit": 3 });
    assert_eq!(Fields::of(&heartbeat).prev_log_index, None);
}

#[test]
fn the_entry_before_may_be_called_so() {
    let message = json!({ "term": 7, "prev_log_entry": 4, "prev_log_term": 6, "entries": [] });
    assert_eq!(Fields::of(&message).prev_log_index, Some(4));
}

#[test]
fn entries_are_found_by_what_they_are() {
    let of = |list: serde_json::Value| {
        let message = json!({ "term": 7, "prev_idx": 4, "prev_term": 6, "cargo": list });
        Fields::of(&message).entries
    };
    let entry = |term: u64| json!({ "term": term, "command": [1] });
    assert_eq!(of(json!([entry(6), entry(7)])), Some(vec![Some(6), Some(7)]));
    assert_eq!(of(json!([])), Some(vec![]));
    // Nobody knows which of two lists it is.
    let two = json!({ "term": 7, "prev_idx": 4, "commit": 3, "commands": [], "terms": [] });
    assert_eq!((Fields::of(&two).prev_log_index, Fields::of(&two).entries), (Some(4), None));
    // Bytes are none, nor is a list in a message that follows no entry.
    assert_eq!(of(json!([1, 2, 3])), None);
    let members = json!({ "term": 7, "members": [entry(6)] });
    assert_eq!(Fields::of(&members).entries, None);
}

#[test]
fn an_entry_s_term_may_have_a_name_of_its_own() {
    let term_of = |entry: serde_json::Value| {
        let message = json!({ "term": 7, "prev_idx": 4, "prev_term": 6, "ents": [entry] });
        Fields::of(&message).entries.and_then(|entries| entries[0])
    };
    assert_eq!(term_of(json!({ "t": 6, "cmd": [10, 19] })), Some(6));
    assert_eq!(term_of(json!({ "i": 5, "t": 6, "cmd": [10, 19] })), Some(6));
    assert_eq!(term_of(json!({ "Normal": [6, [10, 19]] })), Some(6));
    // Which of two numbers it is nobody knows; and a command's bytes aren't terms.
    assert_eq!(term_of(json!({ "a": 5, "b": 6, "cmd": [10, 19] })), None);
    assert_eq!(term_of(json!({ "kind": "normal", "cmd": [10, 19] })), None);
}

#[test]
fn a_stored_message_says_the_same() {
    let stored = serde_json::to_value(args()).expect("plain data");
    assert_eq!(Fields::of(&stored), Fields::of(&args()));
}

#[test]
fn packing_changes_nothing() {
    let all = Fields {
        term: Some(u64::MAX),
        sender: Some(0),
        last_log_index: Some(127),
        last_log_term: Some(128),
        vote_granted: Some(false),
        prev_log_index: Some(1 << 40),
        prev_log_term: None,
        entries: Some(vec![Some(1), Some(1), None, None, Some(300)]),
        leader_commit: Some(3),
        success: Some(true),
        last_included_index: Some(5),
        last_included_term: Some(6),
        named: Some(Named::Append),
        done: Some(false),
        commands_before: Some(2),
        guessed: Fields::of(&json!({"commit_index": 1, "log": [[1]]})).guessed,
    };
    for fields in [all, Fields::default(), Fields::of(&args())] {
        let mut bytes = Vec::new();
        fields.pack(&mut bytes);
        assert_eq!(Fields::unpack(&bytes), fields);
    }
    let none = Fields { entries: Some(Vec::new()), ..Fields::default() };
    let mut bytes = Vec::new();
    none.pack(&mut bytes);
    assert_eq!(Fields::unpack(&bytes), none);
}

#[test]
fn a_request_may_say_how_many_commands_come_before_it() {
    let says = |fields: serde_json::Value| Fields::of(&fields).commands_before;
    assert_eq!(says(json!({"prevLogIndex": 3, "commandsBefore": 1, "entries": []})), Some(1));
    assert_eq!(says(json!({"prev_log_index": 3, "commands_before": true, "entries": []})), None);
}

#[test]
fn a_request_s_term_may_be_the_first_of_two_numbers() {
    #[derive(Serialize)]
    struct Mark {
        slot: u64,
        ballot: u64,
    }
    #[derive(Serialize)]
    struct Lease {
        holder: (u64, usize),
        after: Mark,
        proposals: Vec<Entry>,
        chosen: u64,
    }
    let after = Mark { slot: 4, ballot: 2 };
    let proposals = vec![Entry { term: 3, command: vec![1] }];
    let lease = Lease { holder: (3, 1), after, proposals, chosen: 4 };
    let fields = Fields::of(&lease);
    let said = (fields.term, fields.prev_log_index, fields.prev_log_term, fields.leader_commit);
    assert_eq!(said, (Some(3), Some(4), Some(2), Some(4)));
    assert!(fields.guessed.has(Slot::Term));
    let stored = serde_json::to_value(&lease).expect("it is data");
    assert_eq!(Fields::of(&stored), fields, "in a stored history a tuple is a list");
    let other = json!({ "after": { "slot": 4, "ballot": 2 }, "proposals": [], "chosen": 4 });
    assert_eq!(Fields::of(&other).term, None);
}

#[test]
fn a_request_s_term_may_be_in_its_header() {
    let term_of = |message: serde_json::Value| Fields::of(&message).term;
    let header = json!({ "server_id": 1, "term": 7 });
    assert_eq!(
        term_of(json!({ "header": header, "last_log_index": 0, "last_log_term": 0 })),
        Some(7)
    );
    let append = json!({
        "entries": [{ "term": 3, "command": [1] }], "first": { "term": 3, "command": [1] }, "head": header,
        "leader_commit": 0, "prev": { "term": 2, "index": 4 }, "prev_log_index": 4, "prev_log_term": 2,
    });
    assert_eq!(term_of(append), Some(7));
    let ask =
        json!({ "header": header, "last_log_index": 0, "last_log_term": 0, "pre_vote": false });
    assert_eq!(term_of(ask), Some(7));
    let replicate = json!({
        "entries": [], "header": header, "leader_commit": 0, "prev_log_index": 0, "prev_log_term": 0, "round": 1,
    });
    assert_eq!(term_of(replicate), Some(7));
    let without = json!({ "prev": { "term": 2, "index": 4 }, "prev_log_index": 4, "entries": [] });
    assert_eq!(term_of(without), None);
}

#[test]
fn an_entry_s_place_may_be_two_numbers() {
    #[derive(Serialize)]
    struct Ask {
        epoch: u64,
        who: usize,
        tail: (u64, u64),
    }
    let ask = Ask { epoch: 7, who: 1, tail: (4, 3) };
    let fields = Fields::of(&ask);
    let said = (fields.term, fields.last_log_index, fields.last_log_term);
    assert_eq!(said, (Some(7), Some(4), Some(3)));
    assert!(fields.guessed.has(Slot::LastLogIndex) && fields.guessed.has(Slot::LastLogTerm));
    assert_eq!(Fields::of(&serde_json::to_value(&ask).expect("it is data")), fields);

    let append =
        json!({ "epoch": 7, "after": [4, 3], "batch": [{ "epoch": 7, "cargo": "" }], "safe": 2 });
    let fields = Fields::of(&append);
    let said = (fields.prev_log_index, fields.prev_log_term, fields.leader_commit);
    assert_eq!(said, (Some(4), Some(3), Some(2)));
    let install = json!({ "epoch": 7, "last": [4, 3], "image": [1, 2, 3] });
    assert_eq!(Fields::of(&install).last_included_index, Some(4));
    let other = json!({ "epoch": 7, "range": [4, 3] });
    assert_eq!(Fields::of(&other).last_log_index, None);
}

#[test]
fn a_conflict_term_is_no_term() {
    assert_eq!(Fields::of(&json!({"x_term": 3, "conflict": {"term": 4}})), Fields::default());
}

/// A term, and the commands of the entries that have it.
#[test]
fn entries_of_a_term_may_come_together() {
    let terms = |groups: serde_json::Value| Fields::of(&json!({ "entries": groups })).entries;
    let both = Some(vec![Some(3), Some(3), Some(4)]);
    assert_eq!(
        terms(json!([{ "term": 3, "cmds": [[1], [2]] }, { "term": 4, "cmds": [[3]] }])),
        both
    );
    assert_eq!(
        terms(json!([{ "epoch": 3, "batch": [[1], [2]] }, { "epoch": 4, "batch": ["c"] }])),
        both
    );
    assert_eq!(terms(json!([[3, [[1], [2]]], [4, [[3]]]])), both);
    let index = json!([{ "term": 3, "index": 1, "items": [[1], [2]] }, { "term": 4, "index": 3, "items": [[3]] }]);
    assert_eq!(terms(index), both);
    // Bytes are one command, and what comes beside one is no list of them.
    let one = Some(vec![Some(3)]);
    assert_eq!(terms(json!([{ "term": 3, "data": [1, 2, 3] }])), one);
    assert_eq!(terms(json!([[3, [1, 2, 3]]])), one);
    assert_eq!(terms(json!([{ "term": 3, "data": [1, 2, 3], "peers": ["a", "b"] }])), one);
    assert_eq!(terms(json!([{ "term": 3, "change": { "Peers": ["a", "b"] } }])), one);
}

#[test]
fn entries_may_be_tuples() {
    let fields = Fields::of(&json!({"entries": [[3, "a"], ["b", 4], "c"]}));
    assert_eq!(fields.entries, Some(vec![Some(3), None, None]));
    assert!(fields.guessed.has(Slot::EntryTerm), "{:?}", fields.guessed);
}

#[test]
fn a_name_that_isn_t_the_paper_s_is_a_guess() {
    assert_eq!(Fields::of(&args()).guessed, Names::default());
    let fields = Fields::of(&json!({"leaderCommitIndex": 3, "term": 1, "currentTerm": 2}));
    assert_eq!((fields.leader_commit, fields.term), (Some(3), Some(2)));
    let names: Vec<Slot> = fields.guessed.iter().collect();
    assert_eq!(names, [Slot::Term, Slot::LeaderCommit]);
    // Whatever comes first.
    let fields = Fields::of(&json!({"leader_term": 2, "term": 1}));
    assert_eq!(fields.term, Some(2));
    assert!(fields.guessed.has(Slot::Term), "{:?}", fields.guessed);
    let fields = Fields::of(&json!({"entries": [{"leader_term": 4}]}));
    assert_eq!(fields.guessed.iter().collect::<Vec<_>>(), [Slot::EntryTerm]);
}

#[test]
fn a_message_that_is_no_struct_says_nothing() {
    assert_eq!(Fields::of(&(1, 2, 3, true)), Fields::default());
    assert_eq!(Fields::of(&-1), Fields::default());
}

#[derive(Serialize)]
struct VoteArgs {
    term: u64,
    candidate_id: u64,
    last_log_index: u64,
    last_log_term: u64,
}

#[derive(Serialize)]
struct AppendReply {
    term: u64,
    success: bool,
    hint: Hint,
}

#[derive(Serialize)]
struct Hint {
    term: u64,
    prev_log_index: u64,
}

/// All messages in one type, as for a single method.
#[derive(Serialize)]
enum Message {
    RequestVote(VoteArgs),
    AppendEntries { term: u64, prev_log_index: u64, entries: Vec<LogEntry>, leader_commit: u64 },
    AppendEntriesReply(Box<AppendReply>),
    Heartbeat { term: u64 },
    PreVote(VoteArgs),
    InstallSnapshot(u64, u64),
    TimeoutNow,
}

#[derive(Serialize)]
enum LogEntry {
    Noop { term: u64 },
    Command(Entry),
}

#[derive(Serialize)]
struct Wrapper(Envelope);

#[derive(Serialize)]
struct Envelope {
    from: u64,
    to: u64,
    message: Option<Message>,
}

/// All messages in one struct, with a tag.
#[derive(Serialize)]
struct Flat {
    msg_type: Tag,
    term: u64,
    entries: Vec<Entry>,
    last_log_index: u64,
    reject: bool,
}

#[derive(Serialize)]
#[expect(clippy::enum_variant_names, reason = "so some call them")]
enum Tag {
    MsgRequestVote,
    MsgAppend,
    MsgAppendResponse,
}

fn vote_args() -> VoteArgs {
    VoteArgs { term: 3, candidate_id: 1, last_log_index: 9, last_log_term: 2 }
}

fn append() -> Message {
    Message::AppendEntries {
        term: 7,
        prev_log_index: 4,
        entries: vec![
            LogEntry::Noop { term: 6 },
            LogEntry::Command(Entry { term: 7, command: vec![] }),
        ],
        leader_commit: 3,
    }
}

/// What a message is for and what it says; the same when it was stored in between.
#[track_caller]
fn said(message: &impl Serialize) -> (Purpose, Fields) {
    let fields = Fields::of(message);
    let stored = serde_json::to_value(message).expect("plain data");
    assert_eq!(Fields::of(&stored), fields, "{stored}");
    let mut bytes = Vec::new();
    fields.pack(&mut bytes);
    assert_eq!(Fields::unpack(&bytes), fields);
    (Purpose::of("Raft.Handle", &fields), fields)
}

#[test]
fn an_enum_of_messages_is_looked_through() {
    let (purpose, fields) = said(&Message::RequestVote(vote_args()));
    assert_eq!(purpose, Purpose::Vote);
    assert_eq!((fields.term, fields.sender, fields.last_log_index), (Some(3), Some(1), Some(9)));
    let (purpose, fields) = said(&append());
    assert_eq!(purpose, Purpose::Append);
    assert_eq!(fields.prev_log_index, Some(4));
    assert_eq!(fields.entries, Some(vec![Some(6), Some(7)]));
    // What has nothing but its term is known by its name, and so is what has no fields.
    assert_eq!(said(&Message::Heartbeat { term: 5 }).0, Purpose::Append);
    assert_eq!(said(&Message::PreVote(vote_args())).0, Purpose::Other);
    assert_eq!(Purpose::of("", &Fields::of(&Message::InstallSnapshot(1, 2))), Purpose::Snapshot);
    assert_eq!(said(&Message::TimeoutNow).0, Purpose::Other);
}

#[test]
fn an_envelope_is_looked_into() {
    let wrapped = |message| Wrapper(Envelope { from: 1, to: 2, message });
    assert_eq!(said(&wrapped(Some(append()))), said(&append()));
    let vote = Message::RequestVote(vote_args());
    assert_eq!(said(&wrapped(Some(vote))), said(&Message::RequestVote(vote_args())));
    assert_eq!(said(&wrapped(None)), (Purpose::Other, Fields::default()));
    // A field for each kind of message does as well.
    let one_of = json!({"request_vote": null, "append_entries": {"term": 2, "prev_log_index": 1}});
    let (purpose, fields) = said(&one_of);
    assert_eq!((purpose, fields.term, fields.prev_log_index), (Purpose::Append, Some(2), Some(1)));
}

#[test]
fn an_answer_that_is_a_message_of_its_own_is_no_request() {
    let reply = || {
        Box::new(AppendReply { term: 4, success: false, hint: Hint { term: 2, prev_log_index: 1 } })
    };
    let (purpose, fields) = said(&Message::AppendEntriesReply(reply()));
    assert_eq!(purpose, Purpose::Other);
    // What is in it beside is not looked at.
    assert_eq!((fields.term, fields.success, fields.prev_log_index), (Some(4), Some(false), None));
    let vote = Fields::of(&json!({"term": 1, "vote_granted": true}));
    assert_eq!(Purpose::of("Raft.Vote", &vote), Purpose::Other);
    assert_eq!(Purpose::of("Raft.RequestVoteReply", &Fields::default()), Purpose::Other);
}

#[test]
fn a_tag_tells_what_a_message_is() {
    let flat =
        |msg_type| Flat { msg_type, term: 3, entries: vec![], last_log_index: 4, reject: false };
    assert_eq!(said(&flat(Tag::MsgRequestVote)).0, Purpose::Vote);
    assert_eq!(said(&flat(Tag::MsgAppend)).0, Purpose::Append);
    assert_eq!(said(&flat(Tag::MsgAppendResponse)).0, Purpose::Other);
    for name in ["pre_vote", "isPreVote", "pre", "is_pre", "dry_run"] {
        let flagged = |flag: bool| json!({"term": 3, "last_log_index": 1, name: flag});
        assert_eq!(said(&flagged(true)).0, Purpose::Other, "{name}");
        assert_eq!(said(&flagged(false)).0, Purpose::Vote, "{name}");
    }
}

#[test]
fn a_name_is_understood_by_its_words() {
    let fields = Fields::of(&json!({"epoch": 3, "tipIdx": 4, "tipTerm": 2}));
    assert_eq!(
        (fields.term, fields.last_log_index, fields.last_log_term),
        (Some(3), Some(4), Some(2))
    );
    let fields = Fields::of(
        &json!({"prior_entry_pos": 5, "prior_epoch": 1, "committed_to": 1, "committed": 4}),
    );
    assert_eq!(
        (fields.prev_log_index, fields.prev_log_term, fields.leader_commit),
        (Some(5), Some(1), Some(4))
    );
    let fields = Fields::of(&json!({"snap_index": 6, "snapTerm": 2, "included_ix": 6}));
    assert_eq!((fields.last_included_index, fields.last_included_term), (Some(6), Some(2)));
    // Of no entry, or of one that nobody knows.
    for name in ["index", "tip", "hint_index", "lasting_index", "last_applied", "commit_hint"] {
        assert_eq!(Fields::of(&json!({name: 1})), Fields::default(), "{name}");
    }
}

/// Whatever an entry is called: its index and its term tell it, and what comes with them says which it is.
#[test]
fn a_message_is_understood_by_its_shape() {
    let fields = Fields::of(&json!({"round": 3, "who": 1, "mine_slot": 4, "mine_round": 2}));
    assert_eq!(
        (fields.term, fields.last_log_index, fields.last_log_term),
        (Some(3), Some(4), Some(2))
    );
    let items = json!([{"round": 3, "what": [1, 2]}]);
    for items in [json!([]), items] {
        let push = json!(
            {"era": 3, "from": 1, "onto_at": 4, "onto_era": 2, "stuff": items, "firm": 3}
        );
        let fields = Fields::of(&push);
        assert_eq!(
            (fields.term, fields.prev_log_index, fields.prev_log_term, fields.leader_commit),
            (Some(3), Some(4), Some(2), Some(3))
        );
        assert!(fields.entries.is_some());
    }
    // An object, or a name and the same with a term's; and bytes.
    let object = json!({"gen": 3, "upto": {"pos": 9, "gen": 2}, "blob": [7, 7]});
    let pair = json!({"gen": 3, "upto": 9, "upto_gen": 2, "blob": [7, 7]});
    let stored = json!({"gen": 3, "upto": 9, "upto_gen": 2, "blob": "200 bytes"});
    for message in [object, pair, stored] {
        let fields = Fields::of(&message);
        assert_eq!(
            (fields.last_included_index, fields.last_included_term),
            (Some(9), Some(2)),
            "{message}"
        );
    }
    // The rest of a message that has names for the entry before.
    let push = json!(
        {"from": 1, "term": 3, "prev_index": 4, "prev_term": 2, "items": [], "safe_upto": 3}
    );
    assert_eq!(Fields::of(&push).leader_commit, Some(3));
    assert_eq!(Fields::of(&json!({"term": 3, "sure": true})).success, Some(true));
    // Two entries, a list of whatever beside bytes, and what no list follows are not told apart.
    for nothing in [
        json!({"a_at": 1, "a_era": 1, "b_at": 2, "b_era": 2}),
        json!({"a_at": 1, "a_era": 1, "list": [{"x": 1}], "bytes": [1]}),
        json!({"a_at": 1, "a_era": 1, "flag": true, "list": []}),
    ] {
        assert_eq!(Fields::of(&nothing), Fields::default(), "{nothing}");
    }
}

#[test]
fn a_message_may_bring_a_snapshot_beside_entries() {
    let named = |snapshot: serde_json::Value| {
        let entries = json!([{"term": 1, "command": 5}]);
        let message = json!({"prev_log_index": 3, "entries": entries, "snapshot": snapshot});
        Fields::of(&json!({"from": 1, "Append": message})).named
    };
    for none in [json!(null), json!([]), json!(""), json!({}), json!(false), json!(12345678901_u64)]
    {
        assert_eq!(named(none.clone()), Some(Named::Append), "{none}");
    }
    for some in [json!([1, 2]), json!("base64"), json!({"index": 3, "data": [7]})] {
        assert_eq!(named(some.clone()), Some(Named::Snapshot), "{some}");
    }
}

/// An answer may be an enum: what it says, it says by its variant's name.
#[test]
fn an_answer_may_be_an_enum() {
    #[derive(serde::Serialize)]
    enum Vote {
        Yes,
        No { term: u64 },
    }
    #[derive(serde::Serialize)]
    enum Append {
        Ok { matched: u64 },
        Conflict { term: Option<u64>, hint: u64 },
        Stale { term: u64 },
        Behind(u64),
        Rejected { term: u64, first: Option<u64> },
    }
    #[derive(serde::Serialize)]
    struct WithResult {
        term: u64,
        result: Vote,
    }
    #[derive(serde::Serialize)]
    struct Fine {
        term: u64,
        index: u64,
    }
    #[derive(serde::Serialize)]
    enum Refused {
        Stale { term: u64 },
        Mismatch { term: u64, index: u64 },
    }
    type Outcome = Result<Fine, Refused>;
    #[derive(serde::Serialize)]
    enum Reply {
        Vote(Vote),
    }
    fn said<T: serde::Serialize>(message: &T) -> (Option<bool>, Option<u64>) {
        let fields = Fields::of(message);
        let stored = serde_json::to_value(message).expect("plain data");
        assert_eq!(fields, Fields::of(&stored), "{stored}");
        assert_eq!(fields.is_answer(), fields.success.is_some(), "{stored}");
        (fields.success, fields.term)
    }
    assert_eq!(said(&Vote::Yes), (Some(true), None));
    assert_eq!(said(&Vote::No { term: 3 }), (Some(false), Some(3)));
    assert_eq!(said(&Append::Ok { matched: 7 }), (Some(true), None));
    assert_eq!(said(&Append::Conflict { term: Some(2), hint: 1 }), (Some(false), None));
    assert_eq!(said(&Append::Stale { term: 4 }), (Some(false), Some(4)));
    assert_eq!(said(&Append::Behind(4)), (Some(false), None));
    assert_eq!(said(&Append::Rejected { term: 2, first: None }), (Some(false), None));
    assert_eq!(said(&Outcome::Ok(Fine { term: 3, index: 9 })), (Some(true), Some(3)));
    assert_eq!(said(&Outcome::Err(Refused::Stale { term: 3 })), (Some(false), Some(3)));
    let refused = Refused::Mismatch { term: 3, index: 9 };
    assert_eq!(said(&Outcome::Err(refused)), (Some(false), None));
    assert_eq!(said(&WithResult { term: 5, result: Vote::Yes }), (Some(true), Some(5)));
    assert_eq!(Fields::of(&Reply::Vote(Vote::Yes)).success, Some(true));
    assert_eq!(Fields::of(&json!({"Vote": "Yes"})).success, Some(true));
    // What a request is called, or a command, is no answer.
    for message in
        [json!({"AppendEntries": {"x": 1}}), json!("RequestVote"), json!({"command": "ok"})]
    {
        assert_eq!(Fields::of(&message).success, None, "{message}");
    }
}

/// A term's everyday name tells it beside whatever else, but for what may be the term of an entry.
#[test]
fn a_term_may_have_an_everyday_name() {
    let term = |message: serde_json::Value| Fields::of(&message).term;
    let tip = json!({"at": 7, "round": 2});
    let fields = Fields::of(&json!({"AskVote": {"round": 3, "from": 0, "tip": tip}}));
    assert_eq!(
        (fields.term, fields.last_log_index, fields.last_log_term),
        (Some(3), Some(7), Some(2))
    );
    let append = json!({"round": 3, "boss": 0, "after": tip, "items": [], "sure": 5});
    let fields = Fields::of(&json!({"Append": append}));
    assert_eq!(
        (fields.term, fields.prev_log_index, fields.leader_commit),
        (Some(3), Some(7), Some(5))
    );
    assert_eq!(term(json!({"Ballot": {"round": 3, "yes": true}})), Some(3));
    assert_eq!(term(json!({"Took": {"round": 3, "upto": 9}})), Some(3));
    assert_eq!(term(json!({"Gap": {"round": 3, "retry": 9}})), None);
    #[derive(serde::Serialize)]
    enum Answer {
        Gap { round: u64, retry: u64 },
        Old { round: u64 },
    }
    let snapshot = Fields::of(&json!({"Snap": [3, 0, tip, "bytes"]}));
    assert_eq!((snapshot.named, snapshot.term), (Some(Named::Snapshot), None));
    assert_eq!(Fields::of(&Answer::Gap { round: 3, retry: 9 }).term, None);
    assert_eq!(Fields::of(&Answer::Old { round: 3 }).term, Some(3));
}

/// An answer may have no names at all. A number beside a yes or a no may be a term, and an index.
#[test]
fn an_answer_may_be_a_pair() {
    #[derive(serde::Serialize)]
    struct Reply(u64, bool);
    let said = |message: serde_json::Value| {
        let fields = Fields::of(&message);
        assert_eq!(fields.term, None, "{message}");
        fields.success
    };
    assert_eq!(Fields::of(&Reply(3, true)).success, Some(true));
    assert_eq!(Fields::of(&(false, 4_u64)).success, Some(false));
    assert_eq!(said(json!([3, true])), Some(true));
    assert_eq!(said(json!(true)), Some(true));
    assert_eq!(said(json!([1, true, 2])), Some(true));
    let more = json!([1, 2, true, 3]);
    for none in [json!([true]), json!([1, 2]), more, json!([]), json!(7), json!([1, "a"])] {
        assert_eq!(said(none.clone()), None, "{none}");
    }
}

#[test]
fn of_two_terms_the_own_one_says_so() {
    let term = |message: serde_json::Value| Fields::of(&message).term;
    let own = json!({ "current_term": 7, "success": false, "term": 3 });
    let behind = json!({ "success": false, "term": 3, "currentTerm": 7 });
    assert_eq!((term(own), term(behind)), (Some(7), Some(7)));
    assert_eq!(term(json!({ "epoch": 9, "success": true })), Some(9));
    assert_eq!(term(json!({ "term": 7, "success": true, "epoch": 9 })), Some(7));
}

/// As etcd's: all messages are of one struct, which has all fields.
#[test]
fn an_answer_may_have_the_fields_of_requests() {
    let message = |msg_type: &str, reject: bool| {
        json!({
            "msg_type": msg_type, "to": 1, "from": 2, "term": 7, "log_term": 0, "index": 4, "entries": [], "commit": 3,
            "reject": reject, "reject_hint": 2, "snapshot": null,
        })
    };
    for kind in ["MsgVoteResp", "MsgAppResp"] {
        for reject in [false, true] {
            let fields = Fields::of(&message(kind, reject));
            let said = (fields.term, fields.gives_vote(), fields.is_answer());
            assert_eq!(said, (Some(7), Some(!reject), true), "{kind}");
            assert_eq!((fields.leader_commit, fields.entries), (None, None), "{kind}");
        }
    }
    assert!(!Fields::of(&message("MsgApp", false)).is_answer());
}

/// Where the run uses one name that is known, the other number of a place in a log is what is left.
#[test]
fn one_name_tells_both_numbers_of_an_entry() {
    for after in [json!({ "trm": 6, "idx": 4 }), json!({ "term": 6, "nr": 4 })] {
        let message = json!({ "epoch": 7, "boss": 1, "after": after, "recs": [{ "at": after, "cmd": [1, 2] }], "safe": 3 });
        let fields = Fields::of(&message);
        let prev = (fields.prev_log_index, fields.prev_log_term, fields.leader_commit);
        assert_eq!(prev, (Some(4), Some(6), Some(3)), "{message}");
        assert_eq!(fields.entries, Some(vec![Some(6)]), "{message}");
        let vote = Fields::of(&json!({ "epoch": 7, "who": 1, "tip": after }));
        assert_eq!((vote.last_log_index, vote.last_log_term), (Some(4), Some(6)));
        // It may be anything where the name tells no place.
        let head = Fields::of(&json!({ "epoch": 7, "who": 1, "meta": after }));
        assert_eq!((head.last_log_index, head.last_log_term), (None, None));
    }
}
