//! What a report says if no cause of the failure is found.

use report::explain::{Confidence, Explanation};
use report::{Activity, Check, FailureKind};
use serde_json::json;

use crate::demands::TIME;
use crate::run::{Run, append, entries, heartbeat};

/// What the only finding tells, which names no cause.
fn told(explanation: &Explanation) -> Vec<&str> {
    let [finding] = &*explanation.findings else { panic!("{explanation:#?}") };
    assert_eq!(finding.confidence, Confidence::Unknown, "{explanation:#?}");
    finding.evidence.iter().map(|evidence| &*evidence.text).collect()
}

#[test]
fn what_came_before_a_panic() {
    let mut run = Run::new(3);
    run.elect(0, 1).save(1, [40, 0]).restart(1);
    run.propose(0, 1, 1).propose(0, 2, 1).propose(0, 3, 1);
    run.wait(10)
        .accept(0, 2, &entries(1, &[1]))
        .accept(0, 1, &append(1, [0, 0], &[1], 1))
        .apply(1, 1);
    let sent = run.wait(10).appends(0, 1, &append(1, [1, 1], &[1, 1], 1));
    run.delivers(sent).wait(10);
    let activity = Activity::Handler { method: "Raft.AppendEntries".into() };
    let check = Check::Panicked { server: Some(1), life: None, activity, is_assertion: true };
    let (_, _, explanation) = run.fails((FailureKind::Panic, check), "it panicked");
    assert_eq!(
        told(&explanation),
        [
            "server 1 was restarted with 40 bytes of state and no snapshot",
            "server 1 had applied up to index 1",
            "server 1 got server 0's Raft.AppendEntries of term 1, the 2 entries after index 1, and hasn't answered it",
        ]
    );
}

/// Answers and commands come to leaders.
#[test]
fn what_came_to_a_leader_before_its_panic() {
    let mut run = Run::new(3);
    run.elect(0, 1).propose(0, 1, 1).wait(10);
    let sent = run.appends(0, 1, &entries(1, &[1]));
    run.wait(10).answers(sent, &json!({ "term": 1, "success": true })).wait(500);
    let check = Check::Panicked {
        server: Some(0),
        life: None,
        activity: Activity::Task,
        is_assertion: false,
    };
    let (_, _, explanation) = run.fails((FailureKind::Panic, check), "it panicked");
    assert_eq!(
        told(&explanation),
        [
            "server 0's start() returned index 1 in term 1",
            "server 1's answer arrived, to server 0's Raft.AppendEntries of term 1, the entry after index 0, which is yes",
        ]
    );
}

#[test]
fn where_the_time_went() {
    let mut run = Run::new(3);
    run.elect(0, 1);
    for (step, tenths) in [("one", 30), ("check_one_leader", 15), ("one", 20)] {
        run.step(step);
        for _ in 0..tenths {
            run.accept(0, 1, &heartbeat(1)).accept(0, 2, &heartbeat(1)).wait(100);
        }
    }
    run.propose(0, 1, 1).accept(0, 1, &entries(1, &[1])).apply(0, 1);
    let (_, _, explanation) = run.fails(TIME, "test took longer than 120 seconds");
    assert_eq!(
        told(&explanation),
        [
            "the test had spent 5.1 s on one (2 times) and 1.5 s on check_one_leader (1 time)",
            "the servers had reached term 1, with 1 leader in all, and had applied up to index 1",
        ]
    );
}
