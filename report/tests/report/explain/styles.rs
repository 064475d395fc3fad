//! Rafts of other styles, each right but for one rule or for none: no other rule is certain to be broken.

use report::FailureKind::{Liveness, Safety};
use report::explain::Confidence::{Certain, Likely};
use report::{Check, NetworkChange, Role, Saved, SnapshotFault, Story, spec};
use serde_json::{Value, json};

use crate::demands::{
    ACCEPTED, BYTES, CALLS, Demanded, LOG_SIZE, NO_LEADER, NOBODY, ORDER, TERM_ADOPTED, TERMS,
    TWO_COMMANDS, TWO_LEADERS,
};
use crate::run::{Run, append, ask, causes, denied, entries, granted, heartbeat, refusal, success};

/// Under each of these, other causes are looked for.
const DEMANDS: [Demanded; 12] = [
    TWO_COMMANDS,
    TWO_LEADERS,
    NO_LEADER,
    ACCEPTED,
    NOBODY,
    TERMS,
    LOG_SIZE,
    CALLS,
    BYTES,
    ORDER,
    TERM_ADOPTED,
    (Safety, Check::Saved { server: 0, what: Saved::Entry { index: 1 } }),
];

/// What is told as certain, whatever the run failed with.
fn certain(run: &Run) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    for (_, check) in DEMANDS {
        for kind in [Safety, Liveness] {
            let (_, _, explanation) = run.clone().fails((kind, check.clone()), "it fails");
            let certain = explanation.findings.into_iter().filter(|it| it.confidence == Certain);
            ids.extend(certain.map(|finding| finding.id));
        }
    }
    ids.sort();
    ids.dedup();
    ids
}

/// The promises that a run is proven to break.
fn broken(story: &Story) -> Vec<&'static str> {
    spec::unsafe_steps(story).iter().map(|breach| breach.rule.id).collect()
}

/// Asserts that all this is legal.
#[track_caller]
fn assert_legal(run: &Run) {
    assert_eq!(broken(&run.story()), [] as [&str; 0]);
    assert_eq!(certain(run), [] as [&str; 0]);
}

fn request(term: u64, last: [u64; 2]) -> Value {
    json!({"term": term, "candidate_id": 9, "last_log_index": last[0], "last_log_term": last[1]})
}

/// AppendEntries with so many entries of `term`.
fn args(term: u64, prev: [u64; 2], count: usize, commit: u64) -> Value {
    json!({
        "term": term, "leader_id": 0, "prev_log_index": prev[0], "prev_log_term": prev[1],
        "entries": vec![json!({"term": term}); count], "leader_commit": commit,
    })
}

/// A leader of three that has taken so many commands.
fn led(commands: u64) -> Run {
    let mut run = Run::new(3);
    run.elect(0, 1);
    run.step("one");
    for index in 1..=commands {
        run.propose(0, index, 1);
    }
    run
}

/// Thesis §10.2.1: a leader writes its disk while it sends. The crash takes what it had sent and didn't
/// count.
#[test]
fn a_disk_in_parallel_with_sending() {
    let mut run = led(3);
    run.accept(0, 1, &entries(1, &[1, 1, 1]));
    run.restart(0);
    run.tell(0, (1, Role::Follower), [0, 0], 0);
    run.wait(300);
    run.in_term(0, 2);
    run.call(0, 1, "Raft.RequestVote", request(2, [0, 0]), denied(2));
    run.in_term(1, 2);
    run.wait(300);
    run.in_term(2, 3);
    run.call(2, 0, "Raft.RequestVote", request(3, [0, 0]), granted(3));
    run.in_term(0, 3);
    assert_legal(&run);
}

/// `Persister::write`, and a sync that a crash forestalls: nobody was told of what `start` took.
#[test]
fn what_start_took_is_promised_to_nobody() {
    let mut run = led(2);
    run.save(0, [90, 0]);
    run.restart(0);
    run.tell(0, (1, Role::Follower), [0, 0], 0);
    run.wait(300);
    run.in_term(0, 2);
    run.call(0, 1, "Raft.RequestVote", request(2, [0, 0]), granted(2));
    assert_legal(&run);
}

#[test]
fn what_a_leader_has_counted_it_has_saved() {
    let mut run = led(2);
    run.accept(0, 1, &entries(1, &[1, 1]));
    run.accept(0, 1, &append(1, [2, 1], &[], 2));
    run.restart(0);
    run.tell(0, (1, Role::Follower), [0, 0], 0);
    run.wait(300);
    run.tell(0, (2, Role::Follower), [0, 0], 0);
    run.call(0, 1, "Raft.RequestVote", request(2, [0, 0]), denied(2));
    assert_eq!(certain(&run), ["log-not-saved"]);
}

/// A leader that none answers steps down (thesis §6.2).
#[test]
fn check_quorum() {
    let mut run = led(0);
    run.accept(0, 1, &heartbeat(1));
    for _ in 0..5 {
        run.appends(0, 1, &heartbeat(1));
        run.appends(0, 2, &heartbeat(1));
        run.wait(100);
    }
    run.in_term(0, 1);
    run.wait(300);
    assert_legal(&run);
    let (_, _, explanation) = run.fails(TWO_COMMANDS, "apply error");
    assert_eq!(causes(&explanation), [""; 0]);
}

#[test]
fn a_leader_that_is_answered_gives_up() {
    let mut run = led(0);
    run.accept(0, 1, &heartbeat(1));
    run.wait(10);
    run.in_term(0, 1);
    run.wait(300);
    assert_eq!(certain(&run), [] as [&str; 0]);
    let (_, _, explanation) = run.fails(TWO_COMMANDS, "apply error");
    assert_eq!(explanation.findings[0].id, "leader-gives-up");
}

/// The reply was made before the request's term was adopted.
#[test]
fn answers_from_before_the_adoption() {
    let mut run = led(0);
    run.in_term(2, 2);
    run.call(2, 1, "Raft.RequestVote", request(2, [0, 0]), granted(1));
    run.in_term(1, 2);
    run.call(2, 0, "Raft.RequestVote", request(2, [0, 0]), denied(1));
    run.in_term(0, 2);
    run.leads(2, 2);
    run.call(2, 1, "Raft.AppendEntries", args(2, [0, 0], 0, 0), success(2));
    run.wait(300);
    assert_legal(&run);
}

/// An actor answers a heartbeat, behind the entries that an earlier request has brought, while it saves them
/// for that one.
#[test]
fn handlers_that_overlap() {
    let mut run = led(3);
    let first = run.sends(0, 1, "Raft.AppendEntries", &args(1, [0, 0], 3, 0));
    run.arrives(first);
    let second = run.sends(0, 1, "Raft.AppendEntries", &args(1, [3, 1], 0, 0));
    run.arrives(second);
    run.wait(20);
    run.replies(second, &success(1));
    run.replies(first, &success(1));
    run.wait(300);
    assert_legal(&run);
}

/// Whoever has stopped waiting for a reply doesn't see its term.
#[test]
fn replies_that_come_too_late() {
    let mut run = led(0);
    run.in_term(1, 2);
    run.asks(1, 2, &ask(2));
    let late = run.sends(0, 1, "Raft.AppendEntries", &args(1, [0, 0], 0, 0));
    run.arrives(late);
    run.wait(90);
    run.replies(late, &refusal(2));
    run.wait(50);
    run.appends(0, 2, &heartbeat(1));
    run.wait(300);
    assert_eq!(certain(&run), [] as [&str; 0]);
}

/// A vote that is refused for a good reason: the voter has more than it offers itself, later, under another
/// bug.
#[test]
fn a_refusal_is_judged_by_what_the_voter_has() {
    let mut run = led(2);
    run.accept(0, 2, &entries(1, &[1, 1]));
    run.wait(5000);
    run.step("checkOneLeader");
    run.in_term(1, 2);
    run.call(1, 0, "Raft.RequestVote", request(2, [0, 0]), denied(2));
    run.in_term(0, 2);
    run.wait(300);
    // It offers less than it has.
    run.in_term(0, 3);
    run.call(0, 2, "Raft.RequestVote", request(3, [0, 0]), denied(3));
    run.in_term(2, 3);
    run.wait(3000);
    assert_eq!(certain(&run), [] as [&str; 0]);
}

/// Leases on RequestVote (thesis §4.2.3), with the term adopted and without.
#[test]
fn a_vote_refused_while_a_leader_is_heard_of() {
    let mut run = led(0);
    run.accept(0, 1, &heartbeat(1));
    run.step("checkOneLeader");
    run.wait(10);
    run.in_term(2, 2);
    run.call(2, 1, "Raft.RequestVote", request(2, [0, 0]), denied(1));
    run.in_term(1, 2);
    run.call(2, 1, "Raft.RequestVote", request(2, [0, 0]), denied(2));
    run.wait(3000);
    run.network(NetworkChange::Reliable);
    assert_legal(&run);
}

/// A pre-vote that is RequestVote with a flag: nobody is in its term, and whoever likes says yes.
#[test]
fn pre_votes_by_a_flag() {
    let mut run = led(0);
    let pre = |term: u64| {
        let mut args = request(term, [0, 0]);
        args["pre_vote"] = json!(true);
        args
    };
    run.wait(300);
    run.call(2, 1, "Raft.RequestVote", pre(2), granted(2));
    run.call(1, 2, "Raft.RequestVote", pre(2), granted(2));
    run.restart(1);
    run.in_term(1, 1);
    run.wait(300);
    run.in_term(2, 2);
    run.call(2, 1, "Raft.RequestVote", request(2, [0, 0]), granted(2));
    run.in_term(1, 2);
    run.leads(2, 2);
    run.wait(300);
    assert_legal(&run);
}

/// Answers that are calls of their own.
#[test]
fn one_way_messages() {
    let mut run = Run::new(3);
    run.in_term(0, 1);
    for voter in [1, 2] {
        run.call(0, voter, "Raft.RequestVote", request(1, [0, 0]), Value::Null);
        run.in_term(voter, 1);
        run.call(voter, 0, "Raft.VoteReply", granted(1), Value::Null);
    }
    run.leads(0, 1);
    run.propose(0, 1, 1);
    for follower in [1, 2] {
        run.call(0, follower, "Raft.AppendEntries", args(1, [0, 0], 1, 0), Value::Null);
        let answer = json!({"term": 1, "match_index": 1});
        run.call(follower, 0, "Raft.AppendEntriesResponse", answer, Value::Null);
    }
    run.apply(0, 1);
    run.call(0, 1, "Raft.AppendEntries", args(1, [1, 1], 0, 1), Value::Null);
    run.apply(1, 1);
    run.wait(300);
    assert_legal(&run);
}

/// A follower says yes to what begins before its commit index, and beside it up to where it agrees: it hasn't looked at
/// the rest (etcd's Raft, `handleAppendEntries`).
#[test]
fn a_yes_to_less_than_was_asked() {
    let answers = |index: Option<u64>, behind: u64| {
        let mut run = led(4);
        let agrees = |index: Option<u64>| match index {
            Some(index) => json!({"term": 1, "success": true, "index": index + behind}),
            None => json!({"term": 1, "success": true}),
        };
        for own in 0..3_u64 {
            for follower in [1, 2] {
                let request = args(1, [own, own.min(1)], 1, 0);
                let answer = agrees(index.map(|_| own + 1));
                run.call(0, follower, "Raft.AppendEntries", request, answer);
            }
        }
        run.call(0, 1, "Raft.AppendEntries", args(1, [1, 1], 3, 3), agrees(index));
        run.wait(10);
        run.reject(0, 1, &append(1, [4, 1], &[], 3));
        spec::judge(&run.story()).iter().any(|breach| breach.rule.id == "confirmed-not-appended")
    };
    for behind in [0, 1] {
        assert!(!answers(Some(3), behind));
        assert!(answers(None, behind));
        assert!(answers(Some(4), behind));
    }
}

/// The same where an answer is a message of its own.
#[test]
fn a_yes_to_less_that_is_a_message_of_its_own() {
    let answers = |index: u64| {
        let mut run = led(4);
        let mut send = |follower: u32, request: Value, index: u64| {
            run.call(0, follower, "Raft.AppendEntries", request, json!(null));
            let answer = json!({"term": 1, "success": index > 0, "index": index});
            run.call(follower, 0, "Raft.AppendEntriesReply", answer, json!(null)).wait(10);
        };
        // Else it might be learned from the run that no answer is one, too.
        send(2, args(1, [4, 1], 0, 0), 0);
        for own in 0..3_u64 {
            for follower in [1, 2] {
                send(follower, args(1, [own, own.min(1)], 1, 0), own + 1);
            }
        }
        send(1, args(1, [1, 1], 3, 3), index);
        send(1, args(1, [4, 1], 0, 3), 0);
        let (_, _, explanation) = run.fails(TWO_COMMANDS, "it fails");
        eprintln!("{explanation:#?}");
        explanation.findings.iter().any(|it| it.id == "confirmed-not-appended")
    };
    assert!(!answers(3));
    assert!(answers(4));
}

/// Messages of which nothing can be read.
#[test]
fn sealed_messages() {
    let mut run = Run::new(3);
    for (from, to) in [(0, 1), (0, 2), (1, 0)] {
        run.call(from, to, "Raft.Take", json!([1, 2, 3]), json!([4, 5]));
    }
    run.leads(0, 1);
    run.in_term(1, 1);
    run.propose(0, 1, 1);
    for follower in [1, 2, 1, 2] {
        run.call(0, follower, "Raft.Take", json!([1, 2, 3]), json!([4, 5]));
    }
    // Its leader's service takes its time.
    run.apply(1, 1);
    run.apply(2, 1);
    run.apply(0, 1);
    run.wait(3000);
    assert_legal(&run);
}

/// A heartbeat of a kind of its own, which tells the commit index by a name that isn't known.
#[test]
fn heartbeats_of_their_own_kind() {
    let mut run = led(1);
    run.accept(0, 1, &entries(1, &[1]));
    run.accept(0, 2, &entries(1, &[1]));
    run.apply(0, 1);
    let heartbeat = json!({"term": 1, "leader_id": 0, "committed": 1});
    run.call(0, 1, "Raft.Heartbeat", heartbeat, json!({"term": 1}));
    run.apply(1, 1);
    run.wait(300);
    assert_legal(&run);
}

/// The same with a name that is known. It brings no entries: what logs contain is judged all the same.
#[test]
fn heartbeats_that_tell_the_commit_index() {
    let breaks = |heartbeat: Value| {
        let mut run = led(1);
        run.accept(0, 1, &entries(1, &[1]));
        run.call(0, 1, "Raft.Heartbeat", heartbeat, json!({"term": 1}));
        run.wait(10);
        run.reject(0, 1, &append(1, [1, 1], &[], 0));
        !broken(&run.story()).is_empty()
    };
    assert!(breaks(json!({"term": 1, "leader_id": 0, "leader_commit": 0})));
    assert!(!breaks(json!({"term": 1, "leader_id": 0, "leader_commit": 0, "more": [[1, 5]]})));
}

/// A no-op of a new leader's, which is hidden from the service: its log counts one more than `start()`.
#[test]
fn a_no_op_that_the_service_doesn_t_see() {
    let mut run = led(0);
    for follower in [1, 2] {
        run.accept(0, follower, &entries(1, &[1]));
    }
    run.propose(0, 1, 1);
    for follower in [1, 2] {
        run.accept(0, follower, &append(1, [1, 1], &[1], 1));
    }
    run.apply(0, 1);
    run.accept(0, 1, &append(1, [2, 1], &[], 2));
    run.apply(1, 1);
    run.wait(3000);
    assert_legal(&run);
}

/// A snapshot in parts: the first of them confirms nothing.
#[test]
fn a_snapshot_in_parts() {
    let mut run = led(9);
    run.accept(0, 2, &entries(1, &[1; 9]));
    let part = |done: bool| {
        json!({
            "term": 1, "leader_id": 0, "last_included_index": 9, "last_included_term": 1,
            "offset": 0, "data": [1], "done": done,
        })
    };
    run.call(0, 1, "Raft.InstallSnapshot", part(false), json!({"term": 1}));
    run.wait(300);
    run.in_term(1, 2);
    run.call(1, 2, "Raft.RequestVote", request(2, [0, 0]), denied(2));
    assert_legal(&run);
}

/// A candidate that offers less than it has, by mistake: whether it has lost the rest, nobody knows.
#[test]
fn a_request_that_says_something_wrong() {
    let mut run = led(4);
    run.accept(0, 1, &entries(1, &[1, 1, 1, 1]));
    run.accept(0, 2, &entries(1, &[1, 1, 1, 1]));
    run.wait(300);
    run.tell(1, (2, Role::Follower), [4, 1], 0);
    run.call(1, 2, "Raft.RequestVote", request(2, [3, 1]), denied(2));
    run.in_term(2, 2);
    run.wait(300);
    run.tell(0, (3, Role::Leader), [4, 1], 0);
    run.accept(0, 1, &append(3, [4, 1], &[], 0));
    let certain = certain(&run);
    for id in ["log-truncated", "log-not-saved", "log-mismatch-accepted"] {
        assert!(!certain.iter().any(|other| other == id), "{certain:?}");
    }
}

/// A right snapshot that is older than what the service has.
#[test]
fn a_snapshot_that_is_right_and_old() {
    let snapshot = |fault| (Safety, Check::Snapshot { server: 1, fault });
    let mut run = led(9);
    let install = |index: u64| {
        json!({
            "term": 1, "leader_id": 0, "last_included_index": index, "last_included_term": 1,
            "data": [1],
        })
    };
    run.call(0, 1, "Raft.InstallSnapshot", install(4), json!({"term": 1}));
    run.call(0, 1, "Raft.InstallSnapshot", install(7), json!({"term": 1}));
    // It takes its time with the first.
    run.apply_snapshot(1, 4, 99);
    let mut later = run.clone();
    let (_, _, explanation) = run
        .fails(snapshot(SnapshotFault::Unreadable), "server 1: snapshot decode error at index 4");
    let is_other = |id: &str| id == "snapshot-of-another-index";
    let found: Vec<_> = explanation.findings.iter().filter(|it| is_other(&it.id)).collect();
    assert!(found.iter().all(|finding| finding.confidence != Certain), "{found:#?}");

    later.apply_snapshot(1, 7, 99);
    later.apply_snapshot(1, 4, 99);
    let sentence =
        "server 1 snapshot at index 4 is older than index 7, which the server has already applied";
    let (_, _, explanation) = later.fails(snapshot(SnapshotFault::Older), sentence);
    let ids: Vec<&str> = explanation.findings.iter().map(|finding| &*finding.id).collect();
    assert_eq!(ids, ["snapshot-goes-back"]);
}

/// What a server was at when it crashed it may have saved.
#[test]
fn a_request_that_a_crash_interrupts() {
    let mut run = Run::new(3);
    run.elect(0, 1).propose(0, 1, 1).accept(0, 1, &entries(1, &[1])).save(1, [20, 0]);
    let sent = run.propose(0, 2, 1).appends(0, 1, &append(1, [1, 1], &[1], 0));
    run.delivers(sent).save(1, [40, 0]).restart(1).in_term(1, 1).wait(10);
    run.accept(0, 1, &append(1, [2, 1], &[], 0));
    assert_legal(&run);
}

/// A server starts an election and crashes. Nobody has asked its `get_state` in that term. It begins again in that term.
#[test]
fn an_election_that_a_crash_interrupts() {
    let comes_back = |stood: bool| {
        let mut run = Run::new(3);
        run.elect(0, 1).in_term(1, 1).wait(10);
        if stood {
            for term in [2, 3, 4] {
                run.sends(1, 2, "Raft.RequestVote", &request(term, [0, 0]));
            }
        }
        run.restart(1).wait(10).in_term(2, 4).wait(10).in_term(1, 4).wait(300);
        broken(&run.story())
    };
    assert_eq!(comes_back(true), [] as [&str; 0]);
    assert_eq!(comes_back(false), ["knows-what-nothing-told"]);
}

/// Candidates may leave terms out; then two come to the same one of which nobody has told them.
#[test]
fn terms_that_leap() {
    let meet = |first: u64| {
        let mut run = Run::new(3);
        run.elect(0, first).wait(10).in_term(2, first + 3).wait(10).in_term(1, first + 3).wait(300);
        broken(&run.story())
    };
    assert_eq!(meet(3), [] as [&str; 0]);
    assert_eq!(meet(1), ["knows-what-nothing-told"]);
}

/// A leader sends a snapshot and the entries behind it in one message.
#[test]
fn a_snapshot_within_append_entries() {
    let takes = |snapshot: serde_json::Value| {
        let mut run = Run::new(3);
        run.elect(0, 1);
        for index in 1..=3 {
            run.propose(0, index, 1);
        }
        run.accept(0, 2, &entries(1, &[1, 1, 1])).accept(0, 2, &append(1, [3, 1], &[], 3));
        (1..=3).for_each(|index| _ = run.apply(0, index));
        run.snapshot(0, 2).wait(10);
        let args = json!({
            "term": 1, "leader_id": 0, "prev_log_index": 2, "prev_log_term": 1,
            "entries": [{"term": 1, "command": 100}], "leader_commit": 3, "snapshot": snapshot,
        });
        run.call(0, 1, "Raft.AppendEntries", args, success(1));
        broken(&run.story())
    };
    assert_eq!(takes(json!({"index": 2, "term": 1, "data": [7]})), [] as [&str; 0]);
    assert_eq!(takes(json!(null)), ["log-mismatch-accepted"]);
}

/// Answers that are messages of their own tell what replies tell, if it is likely what they answer. No run fails by it.
#[test]
fn answers_as_messages_of_their_own() {
    let leads = |granted: bool, late: bool| {
        let mut run = Run::new(3);
        run.in_term(0, 1);
        for voter in [1, 2] {
            run.call(0, voter, "Raft.RequestVote", request(1, [0, 0]), json!(null));
            run.wait(if late { 10 } else { 0 });
            let answer = json!({"term": 1, "vote_granted": granted});
            run.call(voter, 0, "Raft.RequestVoteReply", answer, json!(null));
        }
        run.wait(10).leads(0, 1);
        for follower in [1, 2] {
            let id = run.appends(0, follower, &heartbeat(1));
            run.answers(id, &json!(null)).wait(100);
        }
        assert_eq!(broken(&run.story()), [] as [&str; 0]);
        let (_, _, explanation) = run.fails(TWO_LEADERS, "it fails");
        let is_it = |it: &report::explain::Finding| it.id == "leads-without-majority";
        explanation.findings.into_iter().find(is_it).map(|finding| finding.confidence)
    };
    assert_eq!(leads(true, false), None);
    assert_eq!(leads(false, false), Some(Likely));
    // It may be the answer to something else.
    assert_eq!(leads(false, true), None);
}
