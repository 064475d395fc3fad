//! Right Rafts whose requests could be read otherwise than they are meant: of that nobody is accused.

use report::FailureKind::{Liveness, Safety};
use serde_json::{Value, json};

use crate::demands::{
    ACCEPTED, CALLS, Demanded, NO_LEADER, NOBODY, TERMS, TWO_COMMANDS, TWO_LEADERS,
};
use crate::run::{Run, append, causes, granted, success};

const DEMANDS: [Demanded; 7] =
    [TWO_COMMANDS, TWO_LEADERS, NO_LEADER, ACCEPTED, NOBODY, TERMS, CALLS];

/// That a rule isn't said to be broken, whatever the run failed with.
#[track_caller]
fn spares(run: &Run, id: &str) {
    for (_, check) in DEMANDS {
        for kind in [Safety, Liveness] {
            let (_, _, explanation) = run.clone().fails((kind, check.clone()), "it fails");
            assert!(!causes(&explanation).contains(&id), "{explanation:#?}");
        }
    }
}

/// In the paper's words: a snapshot in parts. Three parts that aren't the last came; then the leader is deposed.
#[test]
fn a_snapshot_in_parts() {
    let mut run = Run::new(3);
    run.elect(0, 1).step("one");
    for index in 1..=9 {
        run.propose(0, index, 1);
        run.accept(0, 2, &append(1, [index - 1, u64::from(index > 1)], &[1], index - 1));
        run.apply(0, index);
    }
    run.snapshot(0, 9);
    run.wait(200).in_term(0, 2);
    let args = json!({"term": 2, "candidate_id": 0, "last_log_index": 9, "last_log_term": 1});
    for to in [1, 2] {
        run.call(0, to, "Raft.RequestVote", args.clone(), granted(2)).in_term(to, 2);
    }
    run.leads(0, 2);
    for offset in 0..3 {
        let part = json!({
            "term": 2, "leader_id": 0, "last_included_index": 9, "last_included_term": 1,
            "offset": offset, "data": [1, 2, 3, 4], "done": false,
        });
        run.call(0, 1, "Raft.InstallSnapshot", part, json!({"term": 2})).wait(100);
    }
    // It has no entry: it asks with an empty log, and refuses what follows the snapshot.
    run.wait(300).in_term(1, 3);
    for to in [0, 2] {
        let args = json!({"term": 3, "candidate_id": 1, "last_log_index": 0, "last_log_term": 0});
        run.call(1, to, "Raft.RequestVote", args, json!({"term": 3, "vote_granted": false}));
    }
    run.wait(3000);
    spares(&run, "snapshot-not-delivered");
}

/// A flag that nobody knows tells a question before the vote, which is asked in the sender's own term.
#[test]
fn a_question_by_a_flag() {
    let mut run = Run::new(3);
    let ask = |run: &mut Run, from: u32, to: u32, term: u64, canvass: bool| {
        let args = json!({"zt": term, "zs": from, "zi": 0, "zg": 0, "canvass": canvass});
        run.call(from, to, "Raft.Zv", args, json!({"term": term, "vote_granted": true}));
    };
    for (leader, term) in [(0, 1), (1, 2)] {
        run.wait(300);
        let others = [0, 1, 2].into_iter().filter(|&it| it != leader);
        for to in others.clone() {
            ask(&mut run, leader, to, term - 1, true);
        }
        run.in_term(leader, term);
        for to in others {
            ask(&mut run, leader, to, term, false);
            run.in_term(to, term);
        }
        run.leads(leader, term);
        run.accept(leader, 2, &append(term, [0, 0], &[], 0));
    }
    // The leader is silent: another one asks whether it would be chosen.
    run.wait(500);
    for to in [1, 2] {
        ask(&mut run, 0, to, 2, true);
    }
    run.wait(3000);
    spares(&run, "voted-twice");
}

/// In the paper's words: heartbeats are of a type of their own, and tell the commit index. Each server makes a
/// snapshot of each command.
#[test]
fn heartbeats_that_tell_where_snapshots_end() {
    let mut run = Run::new(3);
    run.elect(0, 1).step("one");
    for index in 1..=4 {
        run.propose(0, index, 1);
        run.accept(0, 2, &append(1, [index - 1, u64::from(index > 1)], &[1], index - 1));
        run.apply(0, index).snapshot(0, index);
        for to in [1, 2] {
            // The first lacks the entries: its links lost them.
            let beat = json!({"term": 1, "leader_id": 0, "leader_commit": index});
            run.call(0, to, "Raft.Heartbeat", beat, json!({"term": 1, "success": true}));
        }
        run.wait(100);
    }
    run.wait(300).in_term(1, 2);
    let args = json!({"term": 2, "candidate_id": 1, "last_log_index": 0, "last_log_term": 0});
    run.call(1, 2, "Raft.RequestVote", args, json!({"term": 2, "vote_granted": false}));
    run.wait(3000);
    spares(&run, "snapshot-not-delivered");
}

/// One entry a request, and two of five followers that are slow.
#[test]
fn commit_index_for_index_before() {
    let mut run = Run::new(5);
    run.elect(0, 1).step("one");
    let send = |run: &mut Run, to: u32, prev: u64, entries: usize, commit: u64, got: bool| {
        let args = json!({
            "zt": 1, "zs": 0, "zi": prev, "zg": u64::from(prev > 0),
            "ze": vec![json!({"zg": 1, "zb": "c"}); entries], "zc": commit,
        });
        if got {
            run.call(0, to, "Raft.Zap", args, success(1));
        } else {
            let id = run.sends(0, to, "Raft.Zap", &args);
            run.wait(1).returns(id, report::Outcome::RequestLost);
        }
    };
    for index in 1..=8 {
        run.propose(0, index, 1).wait(20);
        for to in [1, 2] {
            send(&mut run, to, index - 1, 1, index - 1, true);
        }
        run.apply(0, index);
        for to in [3, 4] {
            // Its requests are lost until now, and each is tried three times.
            let first = u64::from(index > 1);
            for _ in 0..3 {
                send(&mut run, to, first, 1, index - 1, index == 1 || index == 8);
            }
        }
    }
    run.leads(0, 1).wait(3000);
    spares(&run, "log-mismatch-accepted");
}

/// One struct for all messages, told apart by a number.
#[test]
fn kinds_by_number() {
    let mut run = Run::new(3);
    let message = |kind: u8, from: u32, term: u64| json!({"zk": kind, "zt": term, "zs": from, "zi": 0, "zg": 0, "ze": [], "zc": 0});
    run.in_term(0, 1);
    for to in [1, 2] {
        run.call(0, to, "Raft.Zip", message(1, 0, 1), json!({"term": 1, "ok": true}))
            .in_term(to, 1);
    }
    run.leads(0, 1);
    for _ in 0..10 {
        for to in [1, 2] {
            run.call(0, to, "Raft.Zip", message(2, 0, 1), json!({"term": 1, "ok": true}));
        }
        run.wait(100);
    }
    run.disconnect(0).wait(300).in_term(1, 2);
    run.call(1, 2, "Raft.Zip", message(1, 1, 2), json!({"term": 2, "ok": true}));
    run.wait(10).in_term(2, 3);
    run.call(2, 1, "Raft.Zip", message(1, 2, 3), json!({"term": 3, "ok": true}));
    run.wait(3000);
    spares(&run, "votes-not-asked-for");
}

/// Answers are messages of their own.
#[test]
fn answers_of_their_own() {
    let mut run = Run::new(5);
    let tell = |run: &mut Run, from: u32, to: u32, method: &str, args: Value| {
        run.call(from, to, method, args, Value::Null);
    };
    let ask = |term: u64, from: u32| json!({"zt": term, "zs": from, "zi": 0, "zg": 0});
    let give = |term: u64, from: u32, yes: u8| json!({"zt": term, "zs": from, "zy": yes});
    run.in_term(0, 1).in_term(1, 1);
    for to in [1, 2, 3, 4] {
        tell(&mut run, 0, to, "Raft.Zv", ask(1, 0));
    }
    for to in [0, 2, 3, 4] {
        tell(&mut run, 1, to, "Raft.Zv", ask(1, 1));
    }
    run.in_term(2, 1).in_term(3, 1).in_term(4, 1);
    tell(&mut run, 1, 0, "Raft.Zw", give(1, 1, 0));
    for from in [2, 3, 4] {
        tell(&mut run, from, 0, "Raft.Zw", give(1, from, 1));
        tell(&mut run, from, 1, "Raft.Zw", give(1, from, 0));
    }
    tell(&mut run, 0, 1, "Raft.Zw", give(1, 0, 0));
    run.leads(0, 1);
    for _ in 0..5 {
        for to in 1..5 {
            run.call(0, to, "Raft.Zap", json!({"zt": 1, "zs": 0, "zc": 0}), Value::Null);
        }
        run.wait(100);
    }
    run.disconnect(0).wait(200).in_term(1, 2);
    for to in [2, 3, 4] {
        tell(&mut run, 1, to, "Raft.Zv", ask(2, 1));
        run.in_term(to, 2);
        tell(&mut run, to, 1, "Raft.Zw", give(2, to, 0));
    }
    run.wait(1000);
    spares(&run, "votes-not-asked-for");
}

/// Terms and commands are lists apart, and a command's kind is 1 as the first term is.
#[test]
fn a_commands_kind_for_its_term() {
    let mut run = Run::new(3);
    run.elect(0, 1).step("one");
    let send = |run: &mut Run, from: u32, to: u32, term: u64, prev: u64, of: u64| {
        let args = json!({
            "zt": term, "zs": from, "zi": prev, "zg": if prev == 0 { 0 } else { of },
            "zr": [term], "ze": [{"zk": 1, "zb": "c"}], "zc": prev,
        });
        run.call(from, to, "Raft.Zap", args, success(term));
    };
    for index in 1..=30 {
        run.propose(0, index, 1).wait(20);
        for to in [1, 2] {
            send(&mut run, 0, to, 1, index - 1, 1);
        }
        (0..2).for_each(|server| _ = run.apply(server, index));
    }
    run.wait(300).in_term(1, 2);
    let args = json!({"term": 2, "candidate_id": 1, "last_log_index": 30, "last_log_term": 1});
    for to in [0, 2] {
        run.call(1, to, "Raft.RequestVote", args.clone(), granted(2)).in_term(to, 2);
    }
    run.leads(1, 2).propose(1, 31, 2);
    for to in [0, 2] {
        send(&mut run, 1, to, 2, 30, 1);
    }
    run.apply(1, 31);
    run.wait(300).in_term(2, 3);
    let args = json!({"term": 3, "candidate_id": 2, "last_log_index": 31, "last_log_term": 2});
    for to in [0, 1] {
        run.call(2, to, "Raft.RequestVote", args.clone(), granted(3)).in_term(to, 3);
    }
    run.leads(2, 3);
    run.wait(1000);
    spares(&run, "entry-term-changed");
}

/// Before there is a log (lab 3A): a request for votes has a number of its own, and the time.
#[test]
fn a_request_without_a_log() {
    let mut run = Run::new(3);
    let mut number = 0;
    for (leader, term) in [(0, 1), (1, 2), (2, 3)] {
        run.wait(300).in_term(leader, term);
        for to in [0, 1, 2].into_iter().filter(|&to| to != leader) {
            let now = run.now().0 / 1000;
            number += 1;
            let args = json!({"zt": term, "zs": leader, "zn": number, "zw": now});
            run.call(leader, to, "Raft.Zv", args, granted(term)).in_term(to, term);
        }
        run.leads(leader, term);
        run.propose(leader, 1, term).propose(leader, 2, term).propose(leader, 3, term);
        for _ in 0..3 {
            for to in [0, 1, 2].into_iter().filter(|&to| to != leader) {
                let beat = json!({"zt": term, "zs": leader});
                run.call(leader, to, "Raft.Zb", beat, json!({"term": term}));
            }
            run.wait(50);
        }
    }
    run.wait(3000);
    spares(&run, "vote-for-outdated-log");
}
