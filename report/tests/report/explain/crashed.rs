//! Crashes, snapshots and logs: what is told as certain is so, and what may be otherwise is likely.

use report::FailureKind::{Safety, Stuck};
use report::explain::Confidence::{self, Certain, Likely};
use report::{Activity, Check, FailureKind, Role, SnapshotFault};
use serde_json::json;

use crate::demands::{ACCEPTED, Demanded, TWO_COMMANDS};
use crate::run::{Ask, Run, append, ask, causes, denied, entries, granted};

/// Asserts that a run that fails by two commands at an index has this finding first.
#[track_caller]
fn assert_first(run: Run, id: &str, confidence: Confidence) {
    let (_, _, explanation) = run.fails(TWO_COMMANDS, "apply error");
    let first = explanation.findings.first().map(|finding| (&*finding.id, finding.confidence));
    assert_eq!(first, Some((id, confidence)), "{explanation:#?}");
}

/// Server 1 has confirmed and saved four entries of server 0's, and is restarted.
fn restarted() -> Run {
    let mut run = Run::new(3);
    run.elect(0, 1);
    for index in 1..=4 {
        run.propose(0, index, 1);
    }
    run.accept(0, 1, &entries(1, &[1, 1, 1, 1]));
    run.save(1, [400, 0]);
    run.restart(1);
    run.in_term(1, 1);
    run.wait(100);
    run
}

#[test]
fn what_is_refused_at_once_is_lost_in_the_crash() {
    let mut run = restarted();
    run.reject(0, 1, &append(1, [4, 1], &[], 0));
    // It may have it, and compare it wrongly.
    assert_first(run, "log-not-saved", Likely);
    let mut run = restarted();
    run.tell(1, (1, Role::Follower), [0, 0], 0);
    run.reject(0, 1, &append(1, [4, 1], &[], 0));
    assert_first(run, "log-not-saved", Certain);
}

/// What came since a server saved its state for the last time isn't on its disk.
#[test]
fn what_came_after_the_last_save_is_lost_in_the_crash() {
    let votes = |is_saved: bool| {
        let mut run = Run::new(3);
        run.elect(0, 1).save(1, [20, 0]).propose(0, 1, 1).accept(0, 1, &entries(1, &[1]));
        if is_saved {
            run.save(1, [40, 0]);
        }
        run.restart(1).in_term(1, 1).wait(100).vote_with(2, 1, &ask(2));
        run
    };
    assert_first(votes(false), "log-not-saved", Certain);
    assert_first(votes(true), "vote-for-outdated-log", Likely);
}

/// A former leader's entries that nobody has confirmed are known by what it says of its last one alone.
#[test]
fn what_is_refused_may_be_dropped_whatever_it_was() {
    let refuses_at = |prev: u64, saves: bool| {
        let mut run = Run::new(3);
        run.elect(1, 1).save(1, [20, 0]).wait(10);
        (1..=9).for_each(|index| _ = run.propose(1, index, 1));
        if saves {
            run.save(1, [90, 0]);
        }
        let sent = run.appends(1, 0, &entries(1, &[1; 9]));
        run.drops(sent).wait(10).restart(1).wait(100).in_term(1, 2);
        let asked = run.asks(1, 2, &Ask { term: 2, last_term: 1, last_index: 9 });
        run.drops(asked).vote_with(2, 0, &Ask { term: 3, last_term: 2, last_index: 12 });
        run.reject(2, 1, &append(3, [prev, 2], &[], 0));
        run.vote_with(0, 1, &Ask { term: 4, last_term: 1, last_index: 5 });
        let (_, _, explanation) = run.fails(TWO_COMMANDS, "apply error");
        causes(&explanation).contains(&"log-not-saved")
    };
    assert!(!refuses_at(5, false));
    assert!(refuses_at(12, false), "it has no such entry, and so drops nothing");
    assert!(!refuses_at(12, true), "it saved what it sent");
}

/// Also if the server handles a request since that ends before the entry.
#[test]
fn what_was_never_saved_is_lost_whatever_came_since() {
    let refuses = |saves: bool| {
        let mut run = Run::new(3);
        run.elect(0, 1).save(1, [20, 0]).wait(10);
        (1..=4).for_each(|index| _ = run.propose(0, index, 1));
        run.accept(0, 1, &entries(1, &[1, 1, 1, 1])).wait(10);
        if saves {
            run.save(1, [400, 0]);
        }
        run.restart(1).in_term(1, 1).wait(100);
        run.accept(0, 1, &append(1, [0, 0], &[1, 1], 0)).wait(100);
        run.reject(0, 1, &append(1, [4, 1], &[], 0));
        run
    };
    assert_first(refuses(false), "log-not-saved", Likely);
    assert_first(refuses(true), "log-truncated", Likely);
}

#[test]
fn what_was_cut_after_a_crash_is_not_blamed_on_it() {
    let mut run = restarted();
    run.accept(0, 1, &append(1, [2, 1], &[], 0));
    run.wait(100);
    run.reject(0, 1, &append(1, [4, 1], &[], 0));
    assert_first(run, "log-truncated", Likely);
}

/// A snapshot that can't be decoded.
fn unreadable(server: u32) -> Demanded {
    (Safety, Check::Snapshot { server, fault: SnapshotFault::Unreadable })
}

fn install(run: &mut Run, index: u64) {
    let id = run.installs(0, 1, [index, 1]);
    run.answers(id, &json!({"term": 1}));
}

#[test]
fn a_snapshot_that_ends_before_takes_the_blame() {
    let mut run = restarted();
    install(&mut run, 2);
    run.wait(100);
    run.reject(0, 1, &append(1, [4, 1], &[], 0));
    assert_first(run, "log-dropped-for-snapshot", Likely);
}

#[test]
fn without_a_crash_it_is_certain() {
    let mut run = Run::new(3);
    run.elect(0, 1);
    for index in 1..=4 {
        run.propose(0, index, 1);
    }
    run.accept(0, 1, &entries(1, &[1, 1, 1, 1]));
    install(&mut run, 2);
    run.wait(100);
    run.tell(1, (1, Role::Follower), [2, 1], 2);
    run.reject(0, 1, &append(1, [4, 1], &[], 0));
    assert_first(run, "log-dropped-for-snapshot", Certain);
}

/// Server 2 has saved four entries of term 1, and has confirmed one of term 2 in their place.
fn replaced() -> Run {
    let mut run = Run::new(5);
    run.elect(0, 1);
    for index in 1..=4 {
        run.propose(0, index, 1);
    }
    run.accept(0, 2, &entries(1, &[1, 1, 1, 1]));
    run.save(2, [100, 0]);
    // Those who elect the next leader have none of them.
    run.vote(1, 3, 2);
    run.vote(1, 4, 2);
    run.leads(1, 2);
    run.propose(1, 1, 2);
    run.accept(1, 2, &entries(2, &[2]));
    run
}

fn ask_with_old_log(run: &mut Run) {
    run.in_term(2, 2);
    run.wait(500);
    run.tell(2, (3, Role::Follower), [4, 1], 0);
    let asked = Ask { term: 3, last_term: 1, last_index: 4 };
    let id = run.asks(2, 0, &asked);
    run.answers(id, &denied(3));
}

#[test]
fn an_old_suffix_is_kept_or_comes_back_with_a_crash() {
    let mut run = replaced();
    ask_with_old_log(&mut run);
    assert_first(run, "conflicting-suffix-kept", Certain);
    let mut run = replaced();
    run.restart(2);
    ask_with_old_log(&mut run);
    assert_first(run, "log-not-saved", Certain);
}

#[test]
fn what_only_a_request_says_may_be_wrong() {
    let mut run = replaced();
    let asked = Ask { term: 3, last_term: 1, last_index: 4 };
    run.in_term(2, 3);
    let id = run.asks(2, 0, &asked);
    run.answers(id, &denied(3));
    assert_first(run, "conflicting-suffix-kept", Likely);
}

/// Server 1 has confirmed entries and been given a snapshot up to index 20, and is restarted.
fn restarted_with_snapshot() -> Run {
    let mut run = Run::new(3);
    run.elect(0, 1);
    for index in 1..=20 {
        run.propose(0, index, 1);
        run.accept(0, 1, &append(1, [index - 1, u64::from(index > 1)], &[1], 0));
        run.save(1, [60 + 15 * index, 0]);
    }
    run.snapshot(1, 20);
    run.save(1, [60, 500]);
    run.restart(1);
    run.in_term(1, 1);
    run.wait(50);
    run
}

#[test]
fn who_goes_on_behind_its_snapshot_knows_where_it_ends() {
    let mut run = restarted_with_snapshot();
    run.propose(0, 21, 1);
    run.accept(0, 1, &append(1, [20, 1], &[1], 20));
    run.reject(0, 1, &append(1, [10, 1], &[1], 20));
    assert_first(run, "covered-entry-refused", Likely);
    let mut run = restarted_with_snapshot();
    run.propose(0, 21, 1);
    run.reject(0, 1, &append(1, [20, 1], &[1], 20));
    assert_first(run, "snapshot-index-forgotten", Likely);
}

#[test]
fn a_log_that_snapshots_cut_need_not_grow() {
    let mut run = Run::new(3);
    run.elect(0, 1);
    for index in 1..=200 {
        run.propose(0, index, 1);
        run.accept(0, 1, &append(1, [index - 1, u64::from(index > 1)], &[1], 0));
        run.save(1, [60 + 15 * (index % 20), if index > 20 { 500 } else { 0 }]);
        if index % 20 == 0 {
            run.snapshot(1, index);
            run.save(1, [60, 500]);
        }
    }
    run.restart(1);
    run.in_term(1, 1);
    run.in_term(2, 2);
    let seen = |tells: bool| {
        let mut run = run.clone();
        let id = run.asks(2, 1, &ask(2));
        match tells {
            true => run.arrives(id).tell(1, (2, Role::Follower), [200, 1], 0),
            false => run.arrives(id).in_term(1, 2),
        };
        run.replies(id, &granted(2));
        run
    };
    assert_first(seen(true), "vote-for-outdated-log", Certain);
    // By then it may have lost it, for another reason.
    assert_first(seen(false), "vote-for-outdated-log", Likely);
}

#[test]
fn an_older_snapshot_is_rightly_left_alone() {
    let mut run = Run::new(3);
    run.elect(0, 1);
    for index in 1..=30 {
        run.propose(0, index, 1);
    }
    run.save(0, [300, 0]);
    run.snapshot(0, 20);
    run.save(0, [200, 900]);
    run.snapshot(0, 10);
    run.save(0, [70, 900]);
    let (_, _, explanation) =
        run.fails(unreadable(0), "apply error: server 0: nil snapshot at index 20");
    let old = explanation.findings.iter().find(|finding| finding.id == "old-snapshot-kept");
    assert!(old.is_none(), "{explanation:#?}");
}

#[test]
fn a_snapshot_that_comes_to_nothing_is_told_from_another_index() {
    for (bytes, id) in [(0, "snapshot-empty"), (40, "snapshot-of-another-index")] {
        let mut run = Run::new(3);
        run.elect(0, 1);
        install(&mut run, 9);
        run.apply_snapshot(1, 9, bytes);
        let (_, _, explanation) =
            run.fails(unreadable(1), "apply error: server 1: nil snapshot at index 9");
        let first = explanation.findings.first().map(|finding| &*finding.id);
        assert_eq!(first, Some(id), "{explanation:#?}");
    }
}

#[test]
fn the_life_that_blocks_is_the_one_of_which_the_sentence_speaks() {
    let mut run = Run::new(3);
    run.elect(0, 1);
    run.wait(1000);
    run.restart(1);
    run.wait(1000);
    run.restart(1);
    let check = Check::Blocked { server: Some(1), life: Some(1), activity: Activity::Task };
    let message = "server 1, crashed at 1.00 s, in a task spawned at raft/src/lib.rs:7: the simulated \
                   thread is blocked, and with it the whole cluster";
    let (_, _, explanation) = run.fails((Stuck, check), message);
    let [finding] = &explanation.findings[..] else { panic!("{explanation:#?}") };
    assert_eq!(finding.id, "killed-server-waits");
    assert_eq!(finding.evidence[0].text, "server 1 was killed, in its incarnation 1");
}

#[test]
fn numbers_that_wrapped_are_explained_without_a_panic() {
    let acts: [fn(&mut Run); 8] = [
        |run| {
            run.reject(0, 1, &append(1, [u64::MAX, 0], &[], 0));
        },
        |run| {
            run.accept(0, 1, &append(1, [u64::MAX, 0], &[], 0));
        },
        |run| {
            run.accept(0, 1, &append(1, [u64::MAX - 1, 0], &[1, 1, 1], 0));
        },
        |run| {
            run.apply(1, u64::MAX);
        },
        |run| {
            run.apply_snapshot(1, u64::MAX, 99);
        },
        |run| {
            run.propose(0, u64::MAX, 1);
        },
        |run| {
            run.vote(2, 1, u64::MAX);
        },
        |run| install(run, u64::MAX),
    ];
    for act in acts {
        for demand in [
            ACCEPTED,
            (Safety, Check::InOrder { server: 1, index: u64::MAX, expected: Some(1) }),
            (Safety, Check::Snapshot { server: 1, fault: SnapshotFault::AnotherIndex }),
            TWO_COMMANDS,
        ] {
            let mut run = Run::new(3);
            run.elect(0, 1);
            run.propose(0, 1, 1);
            act(&mut run);
            run.apply(1, 1);
            run.restart(1);
            run.wait(3000);
            run.fails(demand, "it fails");
        }
    }
}

/// In `snapshot()` the log that begins later is the one of the snapshot before.
#[test]
fn a_panic_in_snapshot_behind_another_snapshot() {
    let panics = |snapshots: &[u64]| {
        let mut run = Run::new(3);
        run.elect(0, 1);
        for &index in snapshots {
            run.snapshot(0, index).wait(10);
        }
        let activity = Activity::Method { name: "snapshot".into() };
        let check = Check::Panicked { server: Some(0), life: None, activity, is_assertion: false };
        let (_, _, explanation) = run.fails((FailureKind::Panic, check), "it panicked");
        causes(&explanation).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(panics(&[9, 19]), ["snapshot-offset-ignored"]);
    assert!(panics(&[9]).is_empty());
}

/// A log that begins later is blamed for a panic only if it wasn't used since without one.
#[test]
fn a_panic_over_a_log_that_begins_behind_a_snapshot() {
    let panics = |goes_well: bool| {
        let mut run = Run::new(3);
        run.elect(0, 1);
        run.propose(0, 1, 1).propose(0, 2, 1).accept(0, 1, &entries(1, &[1, 1]));
        run.accept(0, 1, &append(1, [2, 1], &[], 2)).apply(1, 1).apply(1, 2).snapshot(1, 2);
        run.propose(0, 3, 1).propose(0, 4, 1);
        if goes_well {
            run.wait(10).accept(0, 1, &append(1, [2, 1], &[1], 2));
        }
        let sent = run.wait(10).appends(0, 1, &append(1, [3, 1], &[1], 2));
        run.delivers(sent);
        let activity = Activity::Handler { method: "Raft.AppendEntries".into() };
        let check =
            Check::Panicked { server: Some(1), life: Some(1), activity, is_assertion: false };
        let (_, _, explanation) = run.fails((FailureKind::Panic, check), "it panicked");
        causes(&explanation).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(panics(false), ["snapshot-offset-ignored"]);
    assert!(panics(true).is_empty());
}

#[test]
fn a_snapshot_that_nobody_made() {
    let first = |is_sent: bool| {
        let mut run = Run::new(3);
        run.elect(0, 1).propose(0, 1, 1).accept(0, 1, &entries(1, &[1]));
        if is_sent {
            install(&mut run, 1);
        }
        let check = Check::Snapshot { server: 1, fault: SnapshotFault::NeverMade };
        let (_, _, explanation) = run.fails((Safety, check), "it fails");
        explanation.findings.first().map(|finding| finding.id.clone())
    };
    assert_eq!(first(false).as_deref(), Some("snapshot-of-nothing"));
    assert_ne!(first(true).as_deref(), Some("snapshot-of-nothing"));
}

/// What a server refuses that follows a snapshot: whoever was sent it hasn't taken all of it, and whoever made it
/// doesn't know its end.
#[test]
fn what_follows_a_snapshot_is_refused() {
    let refused = |is_sent: bool| {
        let mut run = Run::new(3);
        run.elect(0, 1).propose(0, 1, 1).propose(0, 2, 1).accept(0, 2, &entries(1, &[1, 1]));
        if is_sent {
            run.snapshot(0, 2);
            let id = run.installs(0, 1, [2, 1]);
            run.answers(id, &json!({ "term": 1 })).apply_snapshot(1, 2, 9);
        } else {
            run.accept(0, 1, &append(1, [0, 0], &[1, 1], 2)).apply(1, 1).apply(1, 2).snapshot(1, 2);
        }
        run.wait(10).step("one").reject(0, 1, &append(1, [2, 1], &[], 2)).wait(100);
        let (_, _, explanation) = run.fails(ACCEPTED, "it fails");
        explanation.findings.first().map(|finding| finding.id.clone())
    };
    assert_eq!(refused(true).as_deref(), Some("snapshot-taken-half"));
    assert_eq!(refused(false).as_deref(), Some("snapshot-term-wrong"));
}

/// All that a task does at once after a restart is to apply: a snapshot says where that begins.
#[test]
fn a_task_that_panics_at_once() {
    let first = |(snapshot, ms): (u64, u64)| {
        let mut run = Run::new(3);
        run.elect(0, 1).save(1, [40, snapshot]).restart(1).wait(ms);
        let check = Check::Panicked {
            server: Some(1),
            life: None,
            activity: Activity::Task,
            is_assertion: false,
        };
        let (_, _, explanation) = run.fails((FailureKind::Panic, check), "it panicked");
        explanation.findings.first().map(|finding| finding.id.clone())
    };
    assert_eq!(first((200, 0)).as_deref(), Some("snapshot-index-forgotten"));
    // Without a snapshot there is none; and later it may have begun an election.
    assert_eq!(first((0, 0)).as_deref(), Some("saved-state-not-restored"));
    assert_eq!(first((200, 300)).as_deref(), Some("saved-state-not-restored"));
}

/// What a refusal names that lies beyond the leader's log is blamed for the leader's panic right after it.
#[test]
fn a_leader_that_panics_over_a_refusal() {
    let panics = |hint: u64| {
        let mut run = Run::new(3);
        run.elect(0, 1).propose(0, 1, 1);
        let refused =
            json!({"term": 1, "success": false, "conflict_index": hint, "conflict_term": 9});
        let request = json!({
            "term": 1, "leader_id": 0, "prev_log_index": 1, "prev_log_term": 1, "entries": [],
            "leader_commit": 0,
        });
        run.call(0, 1, "Raft.AppendEntries", request, refused);
        let activity = Activity::Task;
        let check =
            Check::Panicked { server: Some(0), life: Some(1), activity, is_assertion: false };
        let (_, _, explanation) = run.fails((FailureKind::Panic, check), "it panicked");
        let finding = &explanation.findings[0];
        (finding.id.clone(), format!("{finding:?}"))
    };
    let (id, text) = panics(7);
    assert_eq!(id, "next-index-beyond-log");
    assert!(text.contains("its answer said conflict_index 7"), "{text}");
    // The entry behind the last, and the term of one, lie not beyond it.
    let (id, text) = panics(2);
    assert_eq!(id, "unknown");
    assert!(text.contains("which is no; it says conflict_index 2, conflict_term 9"), "{text}");
}
