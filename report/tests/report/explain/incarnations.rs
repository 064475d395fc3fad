//! A server's incarnations are kept apart: what one did is no evidence against another.

use report::explain::{Confidence, overlooked};
use report::{Activity, Caller, Check, EventKind, FailureKind, RpcId};
use serde_json::json;

use crate::demands::{ACCEPTED, LEADERSHIP, ORDER, TWO_COMMANDS};
use crate::run::{Run, append, ask, causes, entries, heartbeat};

/// A server's tasks go on after its crash, and one of them asks for a vote.
fn asks_after_its_crash(run: &mut Run, server: u32, term: u64) {
    let args = json!({
        "term": term, "candidate_id": server, "last_log_index": 0, "last_log_term": 0,
    });
    let from = Caller { server, incarnation: 1 };
    let sent = run.sends_as(from, 2, "Raft.RequestVote", &args);
    run.returns(sent, report::Outcome::Unreachable);
}

/// Server 0 leads, and server 1 hears it every 100 ms, in the incarnation that follows its crash. An election starts
/// 40 ms after the last of its words, twice: by the old incarnation's tasks, or by the new one's.
fn despite_leader(by_former: bool) -> Run {
    let mut run = Run::new(3);
    run.elect(0, 1);
    run.restart(1).in_term(1, 1);
    for term in [2, 3] {
        for _ in 0..6 {
            run.accept(0, 1, &heartbeat(term - 1)).wait(100);
        }
        run.accept(0, 1, &heartbeat(term - 1)).wait(40);
        match by_former {
            true => asks_after_its_crash(&mut run, 1, term),
            false => _ = run.asks(1, 2, &ask(term)),
        }
        run.in_term(0, term).leads(0, term).in_term(1, term);
    }
    run
}

#[test]
fn what_a_former_incarnation_does_is_nobodys_election() {
    let doubts = |run: &Run| {
        let found = overlooked(&run.story(), &[]);
        found.into_iter().map(|finding| finding.id).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(doubts(&despite_leader(false)), "election-despite-leader");
    assert_eq!(doubts(&despite_leader(true)), "");
    let found = |run: Run| causes(&run.fails(LEADERSHIP, "server 0 has lost it").2).join(", ");
    assert!(found(despite_leader(false)).contains("election-despite-leader"));
    assert!(!found(despite_leader(true)).contains("election-despite-leader"));
    assert_eq!(despite_leader(true).story().elections.len(), 1);
}

#[test]
fn what_a_former_incarnation_saves_or_answers_is_not_collected() {
    let mut run = Run::new(3);
    let id = run.appends(0, 1, &heartbeat(1));
    run.delivers(id);
    let former = run.caller(1);
    run.restart(1).ends(id, &json!({ "term": 1, "success": true }));
    run.event(EventKind::Saved { server: former, state: 9, snapshot: 0 });
    let story = run.story();
    assert_eq!(story.handled_by(1).count(), 0);
    assert_eq!(story.saved_by(1).count(), 0);
    let id: RpcId = run.appends(0, 1, &heartbeat(1));
    run.arrives(id).replies(id, &json!({ "term": 1, "success": true })).save(1, [9, 0]);
    let story = run.story();
    assert_eq!((story.handled_by(1).count(), story.saved_by(1).count()), (1, 1));
    assert_eq!(story.answered_by(run.caller(1)).count(), 1);
    assert_eq!(story.answered_by(former).count(), 0);
}

/// A server fails by a panic in the function that makes it.
fn panics_in_make(mut run: Run) -> (String, Option<(String, Confidence)>) {
    run.wait(10);
    let (server, life) = (Some(1), Some(run.caller(1).incarnation));
    let check = Check::Panicked { server, life, activity: Activity::Make, is_assertion: false };
    let (story, failure, explanation) =
        run.fails((FailureKind::Panic, check), "server 1 panicked in make");
    let text = report::text::summary(&story, &failure, &explanation);
    let first = explanation.findings.into_iter().next();
    (text, first.map(|finding| (finding.id, finding.confidence)))
}

#[test]
fn a_server_that_panics_over_what_it_had_saved_is_not_what_it_was() {
    let mut run = Run::new(3);
    run.elect(1, 1).save(1, [40, 0]).wait(10).disconnect(1).restart(1);
    let (text, first) = panics_in_make(run);
    assert_eq!(first, Some(("saved-state-not-restored".to_owned(), Confidence::Likely)));
    assert!(text.contains("disconnected, restarted; its state has not been seen since"), "{text}");
    assert!(!text.contains("still reports itself as the leader"), "{text}");
    // What it begins with isn't what it has saved.
    let mut run = Run::new(3);
    run.wait(10);
    assert_eq!(panics_in_make(run).1, None);
}

/// Server 0 told server 1 of a commit before its crash, so many times, and `after` has come since.
fn told(after: impl FnOnce(&mut Run)) -> Vec<String> {
    let mut run = Run::new(3);
    run.elect(0, 1).propose(0, 1, 1);
    run.accept(0, 1, &entries(1, &[1])).accept(0, 2, &entries(1, &[1]));
    run.apply(0, 1).accept(0, 2, &append(1, [1, 1], &[], 1)).apply(2, 1);
    for _ in 0..8 {
        run.accept(0, 1, &append(1, [1, 1], &[], 1)).wait(100);
    }
    after(&mut run);
    run.wait(800);
    let (_, _, explanation) = run.fails(ACCEPTED, "one(100) failed to reach agreement");
    causes(&explanation).into_iter().map(str::to_owned).collect()
}

#[test]
fn what_was_told_before_a_restart_is_not_known_after_it() {
    let is_blamed = |found: &[String]| {
        found.iter().any(|id| id == "committed-not-applied" || id == "heartbeat-commit-ignored")
    };
    assert!(is_blamed(&told(|_| ())), "{:?}", told(|_| ()));
    let found = told(|run| _ = run.restart(1).in_term(1, 1));
    assert!(!is_blamed(&found), "{found:?}");
}

/// Whether the log and the snapshot of a server don't go together that is restarted with an older snapshot, and applies
/// index 3 first.
fn restarted_behind(installs: bool) -> bool {
    let mut run = Run::new(3);
    run.elect(0, 1);
    for index in 1..=2 {
        run.propose(0, index, 1);
    }
    run.accept(0, 2, &entries(1, &[1, 1])).accept(0, 1, &append(1, [0, 0], &[1], 0));
    run.accept(0, 1, &append(1, [1, 1], &[], 1)).apply(1, 1).snapshot(1, 1).save(1, [20, 50]);
    if installs {
        let id = run.installs(0, 1, [2, 1]);
        run.arrives(id).save(1, [10, 50]);
        run.replies(id, &json!({ "term": 1 })).apply_snapshot(1, 2, 70);
    }
    run.wait(10).restart(1).in_term(1, 1).wait(10).propose(0, 3, 1);
    run.accept(0, 2, &append(1, [2, 1], &[1], 0));
    run.accept(0, 1, &append(1, [2, 1], &[1], 3)).apply(1, 3);
    let check = Check::InOrder { server: 1, index: 3, expected: Some(2) };
    let (_, _, explanation) = run.fails((ORDER.0, check), "apply out of order");
    causes(&explanation).contains(&"old-snapshot-kept")
}

#[test]
fn a_log_goes_with_its_own_snapshot() {
    assert!(restarted_behind(true));
    assert!(!restarted_behind(false));
}

#[test]
fn what_a_leader_of_a_later_term_dropped_it_need_not_have() {
    // Server 0's start() has returned index 1, and it hears of term 2 at the same time, or some time later.
    let votes = |later: u64| {
        let mut run = Run::new(3);
        run.elect(0, 1).propose(0, 1, 1).wait(later).in_term(0, 2).wait(50);
        run.in_term(1, 3).vote(1, 0, 3).in_term(0, 3).wait(10);
        causes(&run.fails(TWO_COMMANDS, "apply error").2).join(", ")
    };
    assert_eq!(votes(0), "");
    assert!(votes(100).contains("vote-for-outdated-log"), "{}", votes(100));
}
