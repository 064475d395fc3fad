//! Causes in runs that are written down step by step: those that no known wrong Raft shows, and
//! those that take a long run.

use report::FailureKind::Safety;
use report::explain::{Confidence, Explanation};
use report::{Accepted, Activity, Check, FailureKind, Outcome, Role, SnapshotFault};
use serde_json::json;

use crate::demands::{
    ACCEPTED, CALLS, Demanded, LOG_SIZE, NO_LEADER, TERMS, TIME, TWO_COMMANDS, TWO_LEADERS,
};
use crate::explain::golden::assert_explained;
use crate::run::{Run, append, ask, causes, entries, heartbeat, success};

fn assert_finds(id: &str, run: Run, demand: Demanded) {
    let (story, failure, explanation) = run.fails(demand, "it fails");
    assert_explained(id, &story, &failure, &explanation);
}

/// A leader that has taken a command, and what the tester waits for.
fn one() -> Run {
    let mut run = Run::new(3);
    run.elect(0, 1);
    run.step("one");
    run.propose(0, 1, 1);
    run
}

#[test]
fn a_right_run_gives_nothing() {
    for demand in [TWO_COMMANDS, ACCEPTED, TWO_LEADERS, LOG_SIZE, CALLS] {
        let mut run = one();
        run.accept(0, 1, &entries(1, &[1]));
        run.apply(0, 1);
        run.accept(0, 1, &append(1, [1, 1], &[], 1));
        run.apply(1, 1);
        run.reject(0, 2, &append(1, [1, 1], &[], 1));
        run.accept(0, 2, &append(1, [0, 0], &[1], 1));
        run.apply(2, 1);
        run.restart(1);
        run.in_term(1, 1);
        run.accept(0, 1, &append(1, [1, 1], &[], 1));
        run.apply(1, 1);
        let (_, _, explanation) = run.fails(demand.clone(), "it fails");
        assert_eq!(causes(&explanation), [""; 0], "{demand:?}");
    }
}

/// A server votes before a crash and after it.
fn vote_again(restarted: impl FnOnce(&mut Run)) -> Run {
    let mut run = Run::new(3);
    run.in_term(0, 1);
    run.vote(0, 1, 1);
    run.leads(0, 1);
    run.restart(1);
    restarted(&mut run);
    run.in_term(2, 1);
    run.vote(2, 1, 1);
    run.leads(2, 1);
    run
}

#[test]
fn vote_not_saved() {
    let run = vote_again(|run| {
        run.tell(1, (1, Role::Follower), [0, 0], 0);
    });
    assert_finds("vote-not-saved", run, TWO_LEADERS);
}

#[test]
fn a_vote_that_may_be_there_still_is_not_certain_to_be_lost() {
    let (_, _, explanation) = vote_again(|_| {}).fails(TWO_LEADERS, "it fails");
    assert_eq!(explanation.findings[0].id, "vote-not-saved");
    assert_eq!(explanation.findings[0].confidence, Confidence::Likely);
}

#[test]
fn two_leaders() {
    // What their votes say can't be read.
    let mut run = Run::new(3);
    for server in [0, 2] {
        let args = json!({"term": 1, "last_log_index": 0, "last_log_term": 0});
        run.call(server, 1, "Raft.RequestVote", args, json!({"given": 1}));
        run.accept(server, 1, &heartbeat(1));
    }
    assert_finds("two-leaders", run, TWO_LEADERS);
}

#[test]
fn old_leader_obeyed() {
    let mut run = Run::new(3);
    run.elect(0, 1);
    run.in_term(2, 2);
    run.vote(2, 1, 2);
    run.in_term(1, 2);
    let id = run.appends(0, 1, &heartbeat(1));
    run.answers(id, &success(2));
    assert_finds("old-leader-obeyed", run, TWO_COMMANDS);
}

#[test]
fn commits_beyond_new_entries() {
    let mut run = one();
    run.accept(0, 2, &entries(1, &[1]));
    run.accept(0, 1, &append(1, [0, 0], &[], 1));
    run.apply(1, 1);
    assert_finds("commits-beyond-new-entries", run, TWO_COMMANDS);
}

#[test]
fn snapshot_of_another_index() {
    let mut run = Run::new(3);
    run.elect(0, 1);
    let id = run.installs(0, 1, [9, 1]);
    run.answers(id, &json!({"term": 1}));
    run.apply_snapshot(1, 9, 99);
    let check = Check::Snapshot { server: 1, fault: SnapshotFault::AnotherIndex };
    assert_finds("snapshot-of-another-index", run, (Safety, check));
}

#[test]
fn log_not_cut() {
    let mut run = Run::new(3);
    run.save(0, [900, 0]);
    run.snapshot(0, 9);
    run.save(0, [900, 500]);
    run.snapshot(0, 19);
    run.save(0, [900, 500]);
    assert_finds("log-not-cut", run, LOG_SIZE);
}

#[test]
fn election_despite_leader() {
    let mut run = Run::new(3);
    run.elect(0, 1);
    run.accept(0, 1, &heartbeat(1));
    run.wait(20);
    run.in_term(1, 2);
    run.vote(1, 2, 2);
    assert_finds("election-despite-leader", run, TERMS);
}

#[test]
fn entry_not_sent() {
    let mut run = one();
    for _ in 0..20 {
        run.accept(0, 1, &heartbeat(1));
        run.accept(0, 2, &heartbeat(1));
        run.wait(100);
    }
    assert_finds("entry-not-sent", run, ACCEPTED);
}

#[test]
fn majority_not_committed() {
    let mut run = one();
    run.accept(0, 1, &entries(1, &[1]));
    run.accept(0, 2, &entries(1, &[1]));
    run.wait(2000);
    run.appends(0, 1, &heartbeat(1));
    assert_finds("majority-not-committed", run, ACCEPTED);
}

/// Index 2 of the messages is the first command, behind a blank entry: nobody says that the second is committed.
#[test]
fn what_messages_with_other_entries_commit_is_not_an_index_of_start() {
    let blames = |says_so: bool| {
        let accepts = |run: &mut Run, server: u32, prev: u64, sent: usize, commit: u64| {
            let mut args = json!({
                "term": 1, "leader_id": 0, "prev_log_index": prev, "prev_log_term": prev.min(1),
                "entries": vec![json!({ "term": 1 }); sent], "leader_commit": commit,
            });
            if says_so {
                args["commands_before"] = json!(prev.saturating_sub(1));
            }
            let id = run.sends(0, server, "Raft.AppendEntries", &args);
            run.arrives(id).answers(id, &success(1));
        };
        let mut run = one();
        [1, 2].into_iter().for_each(|server| accepts(&mut run, server, 0, 2, 0));
        run.apply(0, 1);
        for server in [1, 2] {
            accepts(&mut run, server, 2, 0, 2);
            run.apply(server, 1);
        }
        run.propose(0, 2, 1);
        for _ in 0..8 {
            accepts(&mut run, 1, 2, 0, 2);
            run.wait(100);
        }
        run.wait(2000);
        let accepted = Some(Accepted { index: 2, term: Some(1) });
        let demand = (FailureKind::Liveness, Check::Agreed { accepted });
        let (_, _, explanation) = run.fails(demand, "one(100) failed to reach agreement");
        let found = causes(&explanation);
        found.iter().any(|id| ["committed-not-applied", "last-committed-not-applied"].contains(id))
    };
    assert!(blames(false));
    assert!(!blames(true));
}

#[test]
fn committed_not_applied() {
    let mut run = one();
    run.accept(0, 1, &entries(1, &[1]));
    run.accept(0, 2, &entries(1, &[1]));
    run.apply(0, 1);
    run.propose(0, 2, 1);
    run.accept(0, 1, &append(1, [1, 1], &[1], 1));
    run.wait(2000);
    run.tell(1, (1, Role::Follower), [2, 1], 1);
    assert_finds("committed-not-applied", run, ACCEPTED);
}

#[test]
fn next_index_stays() {
    let mut run = one();
    for _ in 0..6 {
        run.reject(0, 1, &append(1, [1, 1], &[], 0));
        run.wait(100);
    }
    assert_finds("next-index-stays", run, ACCEPTED);
}

#[test]
fn back_one_by_one() {
    let mut run = Run::new(3);
    run.elect(0, 1);
    run.step("one");
    for index in 1..=20 {
        run.propose(0, index, 1);
    }
    run.accept(0, 2, &entries(1, &[1; 20]));
    for index in 1..=20 {
        run.apply(0, index);
    }
    for prev in (1..=20).rev() {
        run.reject(0, 1, &append(1, [prev, 1], &[], 20));
        run.wait(100);
    }
    assert_finds("back-one-by-one", run, ACCEPTED);
}

#[test]
fn applies_late() {
    let mut run = Run::new(3);
    run.elect(0, 1);
    run.step("one");
    for index in 1..=4 {
        run.propose(0, index, 1);
        let prev = [index - 1, u64::from(index > 1)];
        run.accept(0, 1, &append(1, prev, &[1], index - 1));
        run.accept(0, 1, &append(1, [index, 1], &[], index));
        run.wait(600);
        run.apply(0, index);
        run.apply(1, index);
    }
    assert_finds("applies-late", run, TIME);
}

#[test]
fn snapshot_handed_on_again() {
    let stands_still = |times: usize| {
        let mut run = Run::new(3);
        for _ in 0..times {
            run.apply_snapshot(1, 9, 99);
        }
        let (server, life, activity) = (None, None, Activity::Elsewhere);
        let check = Check::Misused { server, life, activity };
        run.fails((FailureKind::Misuse, check), "virtual time stands still")
    };
    let (story, failure, explanation) = stands_still(101);
    assert_explained("snapshot-handed-on-again", &story, &failure, &explanation);
    // The sentence says what is known of others.
    assert_eq!(stands_still(100).2, Explanation::default());
}

#[test]
fn stops_at_failed_call() {
    // Each leader's last call to the next one is lost, or is answered.
    let stops = |outcome: Outcome| {
        let mut run = Run::new(3);
        for (term, leader) in (1..=4).zip([0, 1, 0, 1]) {
            run.at(1000 * term).elect(leader, term);
            run.accept(leader, 1 - leader, &heartbeat(term));
            let last = run.at(1000 * term + 100).appends(leader, 1 - leader, &heartbeat(term));
            run.wait(10);
            if outcome == Outcome::Replied {
                run.answers(last, &success(term));
            } else {
                run.returns(last, outcome);
            }
        }
        run.at(5000).in_term(0, 5);
        run.asks(0, 1, &ask(5));
        run.wait(100);
        run.fails(TERMS, "term changed")
    };
    let (story, failure, explanation) = stops(Outcome::RequestLost);
    assert_explained("stops-at-failed-call", &story, &failure, &explanation);
    assert_eq!(causes(&stops(Outcome::Replied).2)[0], "heartbeats-too-seldom");
}

#[test]
fn reply_of_no_use() {
    // Messages that nobody can read are answered, and their callers have gone.
    let asks = |drops: bool| {
        let mut run = Run::new(3);
        for term in 1..=6 {
            run.at(500 * term).in_term(0, term);
            for voter in [1, 2] {
                let id = run.sends(0, voter, "Raft.Post", &json!({ "round": term }));
                run.arrives(id);
                if drops {
                    run.drops(id);
                }
                run.replies(id, &json!({ "term": term })).in_term(voter, term);
            }
        }
        run.at(5000);
        run.fails(NO_LEADER, "expected one leader, got none")
    };
    let first = |drops| causes(&asks(drops).2).first().map(|&id| id.to_owned());
    assert_eq!(first(true).as_deref(), Some("reply-not-taken"));
    assert_ne!(first(false).as_deref(), Some("reply-not-taken"));
}

#[test]
fn entry_not_sent_again() {
    let mut run = one();
    run.accept(0, 2, &entries(1, &[1])).apply(0, 1);
    let lost = run.appends(0, 1, &entries(1, &[1]));
    run.wait(10).returns(lost, Outcome::RequestLost);
    for beat in 1..40 {
        run.at(100 * beat).accept(0, 2, &append(1, [1, 1], &[], 1));
        run.accept(0, 1, &heartbeat(1));
    }
    run.apply(2, 1);
    let (_, _, explanation) = run.fails(ACCEPTED, "it fails");
    assert_eq!(causes(&explanation)[0], "entry-not-sent");
    assert!(explanation.findings[0].what.ends_with("but not again after that call failed"));
}
