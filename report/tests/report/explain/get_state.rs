//! What get_state tells isn't what a server does.

use report::explain::Explanation;
use report::{Check, Failure, FailureKind, NetworkChange, Saved, Story};
use serde_json::json;

use crate::demands::{TERM_ADOPTED, TWO_LEADERS};
use crate::explain::golden::assert_explained;
use crate::run::{
    Ask, Run, append, ask, causes, denied, entries, granted, heartbeat, refusal, success,
};

fn finds(run: Run) -> Option<String> {
    let (_, _, explanation) = run.fails(TWO_LEADERS, "term 1 has 2 (>1) leaders");
    causes(&explanation).first().map(|&id| id.to_owned())
}

#[test]
fn leader_only_told() {
    let told = |then: fn(&mut Run)| {
        let mut run = Run::new(3);
        run.elect(0, 1);
        run.leads(2, 1);
        then(&mut run);
        run.wait(200);
        run.network(NetworkChange::Reliable);
        run
    };
    // It was about to send, and acts as a leader.
    assert_eq!(
        finds(told(|run| _ = run.appends(2, 1, &heartbeat(1)))).as_deref(),
        Some("leads-without-majority")
    );
    let (story, failure, explanation) =
        told(|_| {}).fails(TWO_LEADERS, "term 1 has 2 (>1) leaders");
    assert_explained("leader-only-told", &story, &failure, &explanation);
}

#[test]
fn a_candidate_that_says_that_it_leads() {
    let mut run = Run::new(3);
    run.leads(0, 1);
    run.vote(0, 1, 1);
    run.accept(0, 1, &heartbeat(1));
    run.wait(200);
    assert_eq!(finds(run).as_deref(), Some("leader-only-told"));
}

#[test]
fn term_not_told() {
    let mut run = Run::new(3);
    run.in_term(0, 1);
    run.vote(0, 1, 1);
    run.vote(0, 2, 1);
    run.leads(0, 1);
    run.in_term(1, 0);
    let id = run.appends(0, 1, &heartbeat(1));
    run.answers(id, &success(1));
    run.wait(80);
    // It isn't only its answer that says so.
    run.asks(1, 2, &ask(2));
    run.wait(20);
    run.network(NetworkChange::Reliable);
    let (story, failure, explanation) = run.fails(TWO_LEADERS, "term 1 has 2 (>1) leaders");
    assert_explained("term-not-told", &story, &failure, &explanation);
}

/// A server was seen in a term, and is in an earlier one after a crash.
fn crashes(answers: bool) -> Option<String> {
    let mut run = Run::new(3);
    run.in_term(1, 1);
    if answers {
        run.in_term(0, 1);
        run.vote(0, 1, 1);
    }
    run.restart(1);
    run.in_term(1, 0);
    run.wait(100);
    run.network(NetworkChange::Reliable);
    finds(run)
}

#[test]
fn a_term_that_was_only_seen_may_be_lost_in_a_crash() {
    assert_eq!(crashes(true).as_deref(), Some("term-not-saved"));
    assert_eq!(crashes(false), None);
}

#[test]
fn what_a_disk_has_not_synced_may_be_lost_in_a_crash() {
    let lost = |disk| {
        let mut run = Run::new(3);
        run.network(disk);
        run.elect(0, 1);
        run.propose(0, 1, 1);
        run.wait(30);
        run.save(0, [90, 0]);
        run.restart(0);
        run.in_term(0, 1);
        run.in_term(0, 2);
        run.vote(0, 1, 2);
        finds(run)
    };
    assert_eq!(lost(NetworkChange::Reliable).as_deref(), Some("log-not-saved"));
    assert_eq!(lost(NetworkChange::SyncTime { us: 0 }).as_deref(), Some("log-not-saved"));
    assert_eq!(lost(NetworkChange::SyncTime { us: 50_000 }), None);
}

#[test]
fn what_a_request_brings_may_be_applied_before_its_handler_ends() {
    let applied = |told: u64| {
        let mut run = Run::new(3);
        run.elect(0, 1);
        run.propose(0, 1, 1);
        run.accept(0, 2, &entries(1, &[1]));
        let id = run.appends(0, 1, &append(1, [0, 0], &[1], told));
        run.arrives(id).apply(1, 1).replies(id, &success(1));
        finds(run)
    };
    assert_eq!(applied(1), None);
    assert_eq!(applied(0).as_deref(), Some("commits-beyond-new-entries"));
}

/// "It does not update its term or grant its vote" (§6): that is no reason, whatever else fails.
#[test]
fn who_holds_to_its_leader_need_not_adopt_a_term() {
    let first = |answer: serde_json::Value| {
        let mut run = Run::new(3);
        run.elect(0, 1);
        run.accept(0, 1, &heartbeat(1));
        run.wait(10);
        run.in_term(1, 1);
        let id = run.asks(2, 1, &ask(2));
        run.answers(id, &answer);
        run.wait(200);
        run.network(NetworkChange::Reliable);
        finds(run)
    };
    let adopts = Some("term-not-adopted");
    assert_ne!(first(denied(1)).as_deref(), adopts);
    assert_eq!(first(granted(1)).as_deref(), adopts);
}

/// A lease outlasts a crash, but not for ever.
#[test]
fn who_comes_back_may_hold_to_the_leader_of_before() {
    let first = |is_heard: bool, wait: u64| {
        let mut run = Run::new(3);
        run.elect(0, 1).disconnect(0);
        if is_heard {
            run.accept(0, 1, &heartbeat(1));
        }
        run.wait(3000).restart(1).in_term(1, 1).wait(wait);
        let id = run.asks(2, 1, &ask(2));
        run.answers(id, &denied(1)).wait(200).network(NetworkChange::Reliable);
        finds(run)
    };
    let adopts = Some("term-not-adopted");
    assert_ne!(first(true, 100).as_deref(), adopts);
    assert_eq!(first(true, 3000).as_deref(), adopts);
    assert_eq!(first(false, 100).as_deref(), adopts);
}

/// Server 2, which lacks an entry of server 1's, or has it, asks that one for a vote; there is no leader any more.
#[test]
fn who_refuses_an_outdated_candidate_need_not_adopt_its_term() {
    let first = |last_index: u64| {
        let mut run = Run::new(3);
        run.elect(0, 1).propose(0, 1, 1).accept(0, 1, &entries(1, &[1]));
        run.disconnect(0).wait(3000).in_term(1, 1);
        let last_term = last_index.min(1);
        let id = run.asks(2, 1, &Ask { last_index, last_term, ..ask(2) });
        run.answers(id, &denied(1)).wait(200).network(NetworkChange::Reliable);
        finds(run)
    };
    let adopts = Some("term-not-adopted");
    assert_ne!(first(0).as_deref(), adopts);
    assert_eq!(first(1).as_deref(), adopts);
}

/// Server 0 leads term 6 and is refused by server 1, which is in term 7. So many ms later it leads still.
fn refused(answer: serde_json::Value, later: u64) -> (Story, Failure, Explanation) {
    let mut run = Run::new(3);
    run.elect(0, 6);
    run.in_term(1, 7);
    run.refuse(1, 2, 7);
    let id = run.appends(0, 1, &heartbeat(6));
    run.answers(id, &answer);
    run.wait(later);
    // It doesn't hang.
    run.propose(0, 1, 6);
    run.step("look");
    let sentence =
        "server 0 was told of term 7 by a reply to AppendEntries, and isn't a follower in it";
    run.fails(TERM_ADOPTED, sentence)
}

#[test]
fn a_term_that_a_reply_tells_is_ignored() {
    let answer = refusal(7);
    let (_, _, explanation) = refused(answer.clone(), 100);
    assert_eq!(explanation.findings[0].id, "term-not-adopted");
    // It may be about to deal with it.
    assert_eq!(causes(&refused(answer, 10).2), [""; 0]);
}

/// A server is told of a later term, and get_state still shows the former one.
#[test]
fn a_term_that_only_get_state_ignores() {
    let first = |now: u64, leads: bool| {
        let mut run = Run::new(3);
        run.elect(0, 6).in_term(1, 7).refuse(1, 2, 7);
        let id = run.appends(0, 1, &heartbeat(6));
        run.answers(id, &refusal(7)).wait(100).step("look");
        if leads {
            run.leads(0, now);
        } else {
            run.in_term(0, now);
        }
        let (_, _, explanation) = run.fails(TERM_ADOPTED, "server 0 isn't a follower in term 7");
        causes(&explanation).first().map(|&id| id.to_owned())
    };
    let adopts = Some("term-not-adopted");
    assert_eq!(first(6, true).as_deref(), adopts);
    assert_eq!(first(6, false).as_deref(), adopts);
    assert_ne!(first(7, true).as_deref(), adopts);
}

#[test]
fn answer_without_term() {
    let (story, failure, explanation) = refused(refusal(0), 100);
    assert_explained("answer-without-term", &story, &failure, &explanation);
}

/// What is asked before a vote (PreVote) is of a term in which nobody is yet.
#[test]
fn a_vote_before_the_vote_makes_no_term() {
    let mut run = Run::new(3);
    run.elect(0, 1);
    let args = json!({"term": 2, "candidate_id": 2, "last_log_index": 0, "last_log_term": 0});
    run.call(2, 1, "Raft.PreVote", args, granted(1));
    run.wait(200);
    run.network(NetworkChange::Reliable);
    assert_ne!(finds(run).as_deref(), Some("term-not-adopted"));
}

/// A server that has confirmed five entries and been given a snapshot of four is asked to go on from
/// the third.
fn asked_again(crash: bool) -> Option<String> {
    let mut run = Run::new(3);
    run.elect(0, 1);
    for index in 1..=5 {
        run.propose(0, index, 1);
    }
    run.accept(0, 1, &entries(1, &[1, 1, 1, 1, 1]));
    run.save(1, [40, 0]);
    run.snapshot(1, 4);
    run.wait(10);
    if crash {
        run.restart(1);
    }
    run.reject(0, 1, &append(1, [3, 1], &[], 0));
    run.wait(200);
    run.network(NetworkChange::Reliable);
    let lost = (FailureKind::Safety, Check::Saved { server: 1, what: Saved::Entry { index: 4 } });
    let (_, _, explanation) = run.fails(lost, "server 1 lost something");
    causes(&explanation).first().map(|&id| id.to_owned())
}

#[test]
fn a_refusal_of_what_a_snapshot_covers() {
    assert_eq!(asked_again(false).as_deref(), Some("covered-entry-refused"));
    assert_eq!(asked_again(true).as_deref(), Some("log-not-saved"));
}

/// A leader that takes over a later term, and not the role that goes with it.
#[test]
fn a_leader_that_stays_one_in_a_later_term() {
    let says = |stood: bool, silent_ms: u64| {
        let mut run = Run::new(3);
        run.elect(0, 1).wait(100);
        if stood {
            run.sends(
                0,
                1,
                "Raft.RequestVote",
                &json!({"term": 2, "last_log_index": 0, "last_log_term": 0}),
            );
        } else {
            run.refuse(2, 0, 2);
        }
        run.leads(0, 2).wait(silent_ms).in_term(0, 2);
        finds(run)
    };
    assert_eq!(says(false, 300).as_deref(), Some("role-kept-in-later-term"));
    assert_ne!(says(true, 300).as_deref(), Some("role-kept-in-later-term"));
    // Who has sent nothing for long doesn't lead, whatever it says.
    assert_eq!(says(false, 500).as_deref(), Some("leader-only-told"));
}
