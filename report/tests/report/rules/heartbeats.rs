//! Heartbeats bring no entries: a follower that accepts one may lack the entry before it, and a follower that gets nothing
//! else lacks everything.

use report::FailureKind::Liveness;
use report::{Check, NetworkChange, Outcome, Role};
use serde_json::{Value, json};

use super::broken;
use crate::demands::ACCEPTED;
use crate::run::{Ask, Run, append, ask, causes, entries, granted, success};

/// Whether a run breaks each of these rules.
fn breaks<const RULES: usize>(run: &Run, ids: [&str; RULES]) -> [bool; RULES] {
    let broken = broken(run);
    ids.map(|id| broken.contains(&id))
}

/// A follower accepts a heartbeat behind an entry that no request has brought to it.
#[test]
fn a_heartbeat_that_is_accepted_behind_an_entry_that_never_came() {
    let refuses = |is_brought: bool| {
        let mut run = Run::new(3);
        run.elect(0, 1).propose(0, 1, 1).accept(0, 2, &entries(1, &[1]));
        if is_brought {
            run.accept(0, 1, &entries(1, &[1]));
        }
        run.accept(0, 1, &append(1, [1, 1], &[], 0)).wait(10);
        run.reject(0, 1, &append(1, [1, 1], &[], 0));
        breaks(&run, ["log-mismatch-accepted", "confirmed-not-appended"])
    };
    assert_eq!(refuses(false), [true, false]);
    assert_eq!(refuses(true), [false, true]);
}

/// The same of a voter. It reports an empty log when it votes.
#[test]
fn a_vote_for_less_than_was_accepted_blindly() {
    let votes = |is_brought: bool| {
        let mut run = Run::new(5);
        run.elect(0, 1).propose(0, 1, 1).accept(0, 2, &entries(1, &[1]));
        if is_brought {
            run.accept(0, 1, &entries(1, &[1]));
        }
        run.accept(0, 1, &append(1, [1, 1], &[], 0)).wait(10).in_term(3, 2);
        let asked = run.asks(3, 1, &ask(2));
        run.arrives(asked).ends(asked, &granted(2)).tell(1, (2, Role::Follower), [0, 0], 0);
        breaks(&run, ["log-mismatch-accepted", "confirmed-not-appended"])
    };
    assert_eq!(votes(false), [true, false]);
    assert_eq!(votes(true), [false, true]);
}

/// The same of a follower that has another entry there, and applies it.
#[test]
fn an_entry_that_only_a_heartbeat_follows_is_not_replaced() {
    let applies = |is_brought: bool| {
        let mut run = Run::new(3);
        run.elect(0, 1).propose_command(0, [1, 1], "a").accept(0, 1, &entries(1, &[1]));
        run.elect(2, 2).propose_command(2, [1, 2], "b").accept(2, 0, &entries(2, &[2]));
        if is_brought {
            run.accept(2, 1, &entries(2, &[2]));
        }
        run.accept(2, 1, &append(2, [1, 2], &[], 1)).wait(10).apply_command(1, 1, "a");
        breaks(&run, ["log-mismatch-accepted", "conflicting-suffix-kept"])
    };
    assert_eq!(applies(false), [true, false]);
    assert_eq!(applies(true), [false, true]);
}

/// The same of a follower that asks for votes with its old entries.
#[test]
fn a_candidate_with_entries_that_only_a_heartbeat_follows() {
    let asks = |is_brought: bool| {
        let mut run = Run::new(3);
        run.elect(0, 1).propose(0, 1, 1).propose(0, 2, 1).accept(0, 1, &entries(1, &[1, 1]));
        run.elect(2, 2).propose(2, 1, 2).accept(2, 0, &entries(2, &[2]));
        if is_brought {
            run.accept(2, 1, &entries(2, &[2]));
        }
        run.accept(2, 1, &append(2, [1, 2], &[], 0)).wait(10).in_term(1, 3);
        run.asks(1, 0, &Ask { term: 3, last_term: 1, last_index: 2 });
        breaks(&run, ["log-mismatch-accepted", "conflicting-suffix-kept"])
    };
    assert_eq!(asks(false), [true, false]);
    assert_eq!(asks(true), [false, true]);
}

/// A follower learns that an entry is committed, and its service gets the entry right after another has replaced it.
#[test]
fn what_was_on_its_way_to_the_service_was_not_kept() {
    let applies = |is_told: bool, ms: u64| {
        let mut run = Run::new(3);
        run.elect(0, 1).propose_command(0, [1, 1], "a").accept(0, 1, &entries(1, &[1]));
        if is_told {
            run.accept(0, 1, &append(1, [1, 1], &[], 1));
        }
        run.elect(2, 2).propose_command(2, [1, 2], "b");
        let sent = run.appends(2, 1, &entries(2, &[2]));
        run.arrives(sent).ends(sent, &success(2)).wait(ms).apply_command(1, 1, "a");
        breaks(&run, ["conflicting-suffix-kept"]) == [true]
    };
    assert!(applies(false, 0));
    assert!(applies(true, 5));
    assert!(!applies(true, 0));
}

/// A heartbeat of a type of its own has a commit index, but no prevLogIndex: only entries that match count as committed.
#[test]
fn a_commit_index_counts_of_what_is_known_to_match() {
    let applies = |confirms: bool, answer: Value| {
        let mut run = Run::new(3);
        run.elect(0, 1).propose(0, 1, 1).accept(0, 2, &entries(1, &[1])).apply(0, 1);
        if confirms {
            run.accept(0, 1, &entries(1, &[1]));
        }
        let heartbeat = json!({ "term": 1, "leader_id": 0, "leader_commit": 1 });
        run.call(0, 1, "Raft.Heartbeat", heartbeat, answer).apply(1, 1);
        breaks(&run, ["commits-beyond-new-entries"]) == [true]
    };
    assert!(applies(false, json!({ "term": 1 })));
    assert!(!applies(true, json!({ "term": 1 })));
    assert!(!applies(false, json!({})), "what such an answer says nobody knows");
}

/// The same in the next term, whose leader may have other entries.
#[test]
fn what_was_confirmed_in_an_earlier_term_matches_nothing() {
    let applies = |term: u64| {
        let mut run = Run::new(3);
        run.elect(0, 1).propose(0, 1, 1).accept(0, 2, &entries(1, &[1]));
        run.accept(0, 1, &entries(1, &[1])).apply(0, 1);
        if term == 2 {
            let ask = Ask { term, last_term: 1, last_index: 1 };
            run.in_term(2, 2).vote_with(2, 0, &ask).leads(2, 2);
        }
        let leader = if term == 2 { 2 } else { 0 };
        let heartbeat = json!({ "term": term, "leader_id": leader, "leader_commit": 1 });
        run.call(leader, 1, "Raft.Heartbeat", heartbeat, json!({ "term": term })).apply(1, 1);
        breaks(&run, ["commits-beyond-new-entries"]) == [true]
    };
    assert!(applies(2));
    assert!(!applies(1));
}

/// The causes that are found if a leader makes a call to server 1, and then sends it only heartbeats of a type of their
/// own; at last perhaps the entries again.
fn only_heartbeats(call: fn(&mut Run), again: bool) -> Vec<String> {
    let mut run = Run::new(3);
    run.elect(0, 1).step("one").crash(2).propose(0, 1, 1);
    call(&mut run);
    for _ in 0..20 {
        let heartbeat = json!({ "term": 1, "leader_id": 0 });
        run.call(0, 1, "Raft.Heartbeat", heartbeat, json!({ "term": 1 })).wait(100);
    }
    if again {
        run.accept(0, 1, &entries(1, &[1]));
    }
    run.leads(0, 1).network(NetworkChange::Reliable);
    let (_, _, explanation) = run.fails(ACCEPTED, "it fails");
    causes(&explanation).into_iter().map(str::to_owned).collect()
}

#[test]
fn nothing_but_heartbeats_since_a_request_failed_or_was_answered() {
    let fails = |run: &mut Run| {
        let lost = run.appends(0, 1, &entries(1, &[1]));
        run.wait(100).returns(lost, Outcome::RequestLost);
    };
    let refuses = |run: &mut Run| _ = run.reject(0, 1, &append(1, [1, 1], &[], 0));
    let confirms = |run: &mut Run| _ = run.accept(0, 1, &entries(1, &[1]));
    let finds = |call: fn(&mut Run), again: bool, id: &str| {
        let found = only_heartbeats(call, again);
        found.iter().any(|other| other == id)
    };
    assert!(finds(fails, false, "stops-at-failed-call"));
    assert!(!finds(fails, true, "stops-at-failed-call"));
    assert!(finds(refuses, false, "entry-not-sent"));
    assert!(!finds(refuses, true, "entry-not-sent"));
    assert!(!finds(confirms, false, "entry-not-sent"));
}

/// A leader whose heartbeats are accepted where they begin, and that sends nothing of what it has behind that.
#[test]
fn entries_of_an_earlier_term_that_are_never_sent() {
    let first = |brings: bool| {
        let mut run = Run::new(3);
        run.elect(0, 1).propose(0, 1, 1).propose(0, 2, 1);
        run.accept(0, 1, &entries(1, &[1, 1])).accept(0, 2, &entries(1, &[1]));
        run.wait(300).in_term(1, 2);
        let last = Ask { last_index: 2, last_term: 1, ..ask(2) };
        for voter in [0, 2] {
            let asked = run.asks(1, voter, &last);
            run.answers(asked, &granted(2)).in_term(voter, 2);
        }
        run.leads(1, 2).step("wait");
        for _ in 0..30 {
            run.wait(100).accept(1, 2, &append(2, [1, 1], &[], 0));
        }
        if brings {
            run.accept(1, 2, &append(2, [1, 1], &[1], 0));
        }
        let (_, _, explanation) = run.fails((Liveness, Check::Replicated), "nothing came");
        explanation.findings[0].id.clone()
    };
    assert_eq!(first(false), "entry-not-sent");
    assert_ne!(first(true), "entry-not-sent");
}

/// Short messages that name neither what comes before their entries nor these bring entries all the same: another entry may
/// have been replaced.
#[test]
fn what_is_short_may_bring_an_entry() {
    let loses = |message: Option<Value>| {
        let mut run = Run::new(3);
        run.elect(0, 1).propose(0, 1, 1).propose(0, 2, 1).accept(0, 1, &entries(1, &[1, 1]));
        if let Some(message) = message {
            run.call(0, 1, "Raft.Append", message, success(1));
        }
        run.wait(500).in_term(1, 2);
        run.vote_with(1, 2, &Ask { term: 2, last_term: 1, last_index: 1 });
        breaks(&run, ["log-truncated", "confirmed-not-appended"]).contains(&true)
    };
    assert!(loses(None));
    assert!(loses(Some(json!({ "term": 1 }))));
    assert!(!loses(Some(json!({ "x": [1] }))));
}
