//! Elections that don't come: what a server waited for, and what can't be known of it.

use report::Outcome;
use serde_json::json;

use crate::demands::{ACCEPTED, NO_LEADER};
use crate::run::{Run, append, ask, causes, denied, entries, granted, heartbeat, refusal, success};

fn found(run: Run) -> Vec<String> {
    let (_, _, explanation) = run.fails(NO_LEADER, "expected one leader, got none");
    causes(&explanation).into_iter().map(str::to_owned).collect()
}

/// Server 0 led and is cut off; the others do nothing about it, or exchange what can't be read.
fn leaderless(exchange: bool) -> Vec<String> {
    let mut run = Run::new(3);
    run.elect(0, 1);
    run.accept(0, 1, &heartbeat(1)).accept(0, 2, &heartbeat(1)).disconnect(0).step("check");
    for round in 0..50 {
        run.wait(100);
        if exchange {
            let (from, to) = (1 + round % 2, 2 - round % 2);
            run.call(from, to, "Raft.Post", json!({ "a": 1 }), json!({ "b": 2 }));
        }
    }
    found(run)
}

#[test]
fn what_cannot_be_read_may_be_an_election() {
    assert_eq!(leaderless(false).first().map(|id| &**id), Some("election-timer-dead"));
    assert_eq!(leaderless(true), [""; 0]);
}

/// Server 1 starts an election, whose requests for votes are lost.
fn asks_in_vain(run: &mut Run, term: u64) {
    run.in_term(1, term);
    for voter in [0, 2] {
        let asked = run.asks(1, voter, &ask(term));
        run.returns(asked, Outcome::RequestLost);
    }
    run.wait(400);
}

/// Server 1 hears its leader, server 0, ten times, and starts an election so many ms later; before and after it
/// starts others, 400 ms apart.
fn after_ten_words(ms: u64) -> Vec<String> {
    let mut run = Run::new(3);
    run.crash(2).step("check").wait(350);
    for term in [1, 2] {
        asks_in_vain(&mut run, term);
    }
    run.in_term(0, 3).in_term(1, 3).vote(0, 1, 3).leads(0, 3);
    for _ in 0..10 {
        run.accept(0, 1, &heartbeat(3)).wait(100);
    }
    run.disconnect(0).wait(ms);
    for term in [4, 5] {
        asks_in_vain(&mut run, term);
    }
    found(run)
}

#[test]
fn timeouts_that_add_up() {
    // Eleven timeouts of 0.35 to 0.4 s are some 4 s, less the second in which they began.
    assert_eq!(after_ten_words(3400).first().map(|id| &**id), Some("timeouts-add-up"));
    // As long a wait for every election; and one that is no sum.
    let is_sum = |found: &[String]| found.iter().any(|id| id == "timeouts-add-up");
    assert!(!is_sum(&after_ten_words(300)));
    assert!(!is_sum(&after_ten_words(20_000)));
}

/// Server 2 led and is gone. Server 0, which had heard it, refuses its vote and keeps its term, or adopts the term
/// in the end.
fn lease(adopts: bool, heard: bool) -> Option<String> {
    let mut run = Run::new(3);
    run.elect(2, 1);
    if heard {
        run.accept(2, 0, &heartbeat(1)).accept(2, 1, &heartbeat(1));
    }
    run.disconnect(2).step("check").wait(2500);
    for term in 2..6 {
        run.in_term(1, term);
        let id = run.asks(1, 0, &ask(term));
        run.answers(id, &denied(1)).wait(400);
    }
    if adopts {
        run.in_term(1, 6).refuse(1, 0, 6).in_term(0, 6).wait(100);
    }
    found(run).into_iter().next()
}

#[test]
fn a_lease_that_outlasts_its_leader() {
    assert_eq!(lease(false, true).as_deref(), Some("lease-outlasts-leader"));
    // One that it adopts shows that it holds to no leader; nor does a server that has heard none.
    assert_eq!(lease(true, true).as_deref(), Some("term-not-adopted"));
    assert_eq!(lease(false, false).as_deref(), Some("term-not-adopted"));
}

/// A leader sends a snapshot up to index 2, and goes on behind index 4; with what lies between, or without.
fn counted(sends_between: bool) -> Option<String> {
    let mut run = Run::new(3);
    run.elect(0, 1);
    for index in 1..=5 {
        run.propose(0, index, 1);
    }
    run.accept(0, 2, &entries(1, &[1; 5])).apply(0, 1).snapshot(0, 2).wait(10).step("one");
    run.reject(0, 1, &append(1, [2, 1], &[1; 3], 0));
    let id = run.installs(0, 1, [2, 1]);
    run.answers(id, &json!({ "term": 1 })).wait(10);
    if sends_between {
        let id = run.appends(0, 1, &append(1, [2, 1], &[1, 1], 0));
        run.answers(id, &success(1)).wait(10);
    }
    for _ in 0..20 {
        let id = run.appends(0, 1, &append(1, [4, 1], &[1], 0));
        run.answers(id, &refusal(1)).wait(100);
    }
    let (_, _, explanation) = run.fails(ACCEPTED, "one(100) failed to reach agreement");
    causes(&explanation).into_iter().find(|id| *id == "unsent-entry-counted").map(str::to_owned)
}

#[test]
fn an_answer_confirms_what_its_request_had() {
    assert_eq!(counted(false).as_deref(), Some("unsent-entry-counted"));
    assert_eq!(counted(true), None);
}

#[test]
fn of_calls_without_an_answer_nobody_agreed() {
    let mut run = Run::new(3);
    run.elect(0, 1).step("one").wait(10);
    for _ in 0..3 {
        let id = run.appends(0, 1, &heartbeat(1));
        run.arrives(id).ends(id, &success(1)).returns(id, Outcome::ReplyLost);
    }
    let (_, _, explanation) = run.wait(10).clone().fails(NO_LEADER, "expected one leader");
    let text = format!("{:?}", explanation.findings);
    assert!(text.contains("3 AppendEntries calls (none answered)"), "{text}");
}

/// The votes of two servers come late, and server 1 doesn't lead; until then it has asked about the next term, or not.
fn votes_come_late(asks_anew: bool) -> Vec<String> {
    let mut run = Run::new(5);
    run.crash(4).step("check").wait(400).in_term(1, 1);
    let asked: Vec<_> =
        [0, 2, 3].into_iter().map(|voter| (voter, run.asks(1, voter, &ask(1)))).collect();
    run.wait(400);
    if asks_anew {
        let args = json!({ "term": 2, "candidate_id": 1, "last_log_index": 0, "last_log_term": 0 });
        run.sends(1, 3, "Raft.PreVote", &args);
    }
    run.wait(50);
    for &(voter, asked) in asked.iter().filter(|&&(voter, _)| voter != 3) {
        run.in_term(voter, 1).replies(asked, &granted(1));
    }
    run.wait(2000);
    found(run)
}

#[test]
fn votes_for_an_election_that_was_given_up() {
    let waits = |found: &[String]| found.iter().any(|id| id == "waits-for-all-replies");
    assert!(waits(&votes_come_late(false)));
    assert!(!waits(&votes_come_late(true)));
}
