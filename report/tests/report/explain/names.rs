//! Fields by other names than the paper's, and indexes that are counted in another way.

use report::explain::Confidence::{Certain, Likely};
use report::spec;
use serde_json::{Value, json};

use crate::demands::TWO_COMMANDS;
use crate::run::{Run, append, granted, success};

/// AppendEntries whose commit index has another name.
fn entries(prev: u64, count: usize, commit_name: &str, commit: i64) -> Value {
    let mut args = json!({
        "term": 1, "leader_id": 0, "prev_log_index": prev, "prev_log_term": u64::from(prev > 0),
        "entries": vec![json!({"term": 1}); count],
    });
    args[commit_name] = json!(commit);
    args
}

fn send(run: &mut Run, to: u32, args: Value) {
    run.call(0, to, "Raft.AppendEntries", args, json!({"term": 1, "success": true}));
}

/// A leader and its followers, which commit three commands, one after the other. What is told of the commit
/// index is so much more than it is.
fn commits(name: &str, more: i64, heartbeat: bool) -> Run {
    let mut run = Run::new(3);
    run.elect(0, 1);
    for follower in [1, 2].into_iter().filter(|_| heartbeat) {
        send(&mut run, follower, entries(0, 0, name, more));
    }
    for index in 1..=3 {
        run.propose(0, index, 1);
        for follower in [1, 2] {
            send(&mut run, follower, entries(index - 1, 1, name, index as i64 - 1 + more));
        }
        run.apply(0, index);
        for follower in [1, 2] {
            send(&mut run, follower, entries(index, 0, name, index as i64 + more));
            run.apply(follower, index);
        }
    }
    run
}

/// The ids of what is told as certain, and of what is told as likely.
fn findings(run: Run) -> [Vec<String>; 2] {
    let (_, _, explanation) = run.fails(TWO_COMMANDS, "apply error");
    [Certain, Likely].map(|confidence| {
        let all = explanation.findings.iter().filter(|it| it.confidence == confidence);
        all.map(|finding| finding.id.clone()).collect()
    })
}

fn is_safe(run: &Run) -> bool {
    spec::unsafe_steps(&run.story()).is_empty()
}

#[test]
fn a_commit_index_one_past_the_last_is_no_breach() {
    for name in ["leader_commit_index", "leader_commit"] {
        for heartbeat in [true, false] {
            // Without a heartbeat to empty logs, only the name tells what it is.
            if !heartbeat && name == "leader_commit" {
                continue;
            }
            let run = commits(name, 1, heartbeat);
            assert!(is_safe(&run), "{name}, {heartbeat}");
            let [certain, _] = findings(run);
            assert_eq!(certain, [] as [&str; 0], "{name}, {heartbeat}");
        }
    }
    assert_eq!(
        findings(commits("leader_commit_index", 0, true)),
        [vec![], vec![]] as [Vec<String>; 2]
    );
}

/// A run with one commit that is too early, by a field of this name.
fn too_early(name: &str) -> Run {
    let mut run = commits(name, 0, true);
    run.propose(0, 4, 1);
    send(&mut run, 1, entries(3, 0, name, 4));
    run
}

#[test]
fn a_name_is_believed_if_it_is_the_paper_s_or_the_run_confirms_it() {
    for name in ["leaderCommit", "leader_commit_index"] {
        let broken = spec::unsafe_steps(&too_early(name).story());
        let broken: Vec<_> = broken.iter().map(|breach| breach.rule.alias).collect();
        assert_eq!(broken, [Some("M21")], "{name}");
        // It is one too few of them, or it counted what doesn't confirm that entry.
        let [certain, likely] = findings(too_early(name));
        assert_eq!((certain.len(), likely.len()), (0, 1), "{name}: {certain:?} {likely:?}");
    }
}

/// A leader's service hangs, and the leader sends the same commit index again and again.
#[test]
fn a_name_is_believed_though_the_service_hangs() {
    for times in [1, 40] {
        let mut run = commits("leader_commit_index", 0, true);
        run.propose(0, 4, 1);
        for follower in [1, 2] {
            send(&mut run, follower, entries(3, 1, "leader_commit_index", 3));
        }
        for _ in 0..times {
            send(&mut run, 1, entries(4, 0, "leader_commit_index", 4));
        }
        assert!(is_safe(&run), "{times}");
        run.propose(0, 5, 1);
        send(&mut run, 1, entries(4, 0, "leader_commit_index", 5));
        assert!(!is_safe(&run), "{times}");
    }
}

/// A short word for an index is the paper's word.
#[test]
fn a_shortened_name_is_the_paper_s() {
    let accepts = |name: &str| {
        let mut run = Run::new(3);
        run.elect(0, 1);
        run.propose(0, 1, 1);
        let mut args = json!({ "term": 1, "prev_log_term": 1, "entries": [], "leader_commit": 0 });
        args[name] = json!(1);
        send(&mut run, 1, args);
        !is_safe(&run)
    };
    assert!(accepts("prev_log_idx") && accepts("prevLogIndex"));
    assert!(!accepts("prev_idx"));
}

#[test]
fn a_name_that_nothing_confirms_makes_nothing_certain() {
    let mut run = Run::new(3);
    run.elect(0, 1);
    run.propose(0, 1, 1);
    send(&mut run, 1, entries(0, 0, "commitIndex", 1));
    assert!(is_safe(&run));
    let (_, _, explanation) = run.fails(TWO_COMMANDS, "apply error");
    let [finding] = &explanation.findings[..] else { panic!("{explanation:#?}") };
    assert_eq!((&*finding.id, finding.confidence), ("committed-before-any-answer", Likely));
    let wrong_if = finding.refuted_if.as_deref().unwrap_or_default();
    assert!(wrong_if.contains("reads as leaderCommit"), "{wrong_if}");
}

/// The first entry has index 0 on the wire, and 1 for the service.
#[test]
fn indexes_that_begin_at_zero() {
    let mut run = Run::new(3);
    run.elect(0, 1);
    for index in 1..=4_i64 {
        run.propose(0, index as u64, 1);
        for follower in [1, 2] {
            let mut args = entries(0, 1, "leader_commit", (index - 2).max(0));
            args["prev_log_index"] = json!(index - 2);
            send(&mut run, follower, args);
        }
        run.apply(0, index as u64);
        for follower in [1, 2] {
            let mut args = entries(0, 0, "leader_commit", index - 1);
            args["prev_log_index"] = json!(index - 1);
            send(&mut run, follower, args);
            run.apply(follower, index as u64);
        }
    }
    assert!(is_safe(&run));
    assert_eq!(findings(run)[0], [] as [&str; 0]);
}

/// What an empty log is said to end with tells how it is counted.
#[test]
fn candidates_that_count_one_past_the_last() {
    let mut run = Run::new(3);
    let ask = |run: &mut Run, [from, to]: [u32; 2], term: u64, next: u64, granted: bool| {
        let args = json!({
            "term": term, "candidate_id": from, "last_log_index": next, "last_log_term": 0,
        });
        let reply = json!({"term": term, "vote_granted": granted});
        run.call(from, to, "Raft.RequestVote", args, reply);
    };
    run.in_term(0, 1);
    ask(&mut run, [0, 1], 1, 1, true);
    ask(&mut run, [0, 2], 1, 1, true);
    run.leads(0, 1);
    run.propose(0, 1, 1);
    send(&mut run, 1, entries(0, 1, "leader_commit", 0));
    run.in_term(2, 2);
    ask(&mut run, [2, 1], 2, 1, false);
    assert!(is_safe(&run));
    assert_eq!(findings(run)[0], [] as [&str; 0]);
}

/// Whoever counts so when it asks, and otherwise when it compares, votes for logs that are shorter by one.
#[test]
fn a_voter_that_counts_otherwise_than_candidates() {
    let mut run = Run::new(3);
    let ask = |run: &mut Run, [from, to]: [u32; 2], term: u64, [last_term, next]: [u64; 2]| {
        let args = json!({
            "term": term, "candidate_id": from, "last_log_index": next, "last_log_term": last_term,
        });
        run.call(from, to, "Raft.RequestVote", args, json!({"term": term, "vote_granted": true}));
    };
    run.in_term(0, 1);
    ask(&mut run, [0, 1], 1, [0, 1]);
    ask(&mut run, [0, 2], 1, [0, 1]);
    run.leads(0, 1);
    run.propose(0, 1, 1);
    send(&mut run, 1, entries(0, 1, "leader_commit", 0));
    send(&mut run, 2, entries(0, 1, "leader_commit", 0));
    run.propose(0, 2, 1);
    send(&mut run, 1, entries(1, 1, "leader_commit", 1));
    run.in_term(2, 2);
    ask(&mut run, [2, 1], 2, [1, 2]);
    assert!(is_safe(&run), "it may be another way to count");
    assert_eq!(findings(run), [vec![], vec!["says-another-state".to_owned()]]);
}

/// What some followers accept may be another way to count; what all refuse is none.
#[test]
fn a_leader_that_is_always_refused() {
    let beats = |accepts: bool| {
        let mut run = Run::new(3);
        run.elect(0, 1);
        for follower in [1, 2, 1, 2] {
            let mut args = entries(2, 0, "leader_commit", 0);
            args["prev_log_term"] = json!(0);
            let reply = json!({"term": 1, "success": accepts});
            run.call(0, follower, "Raft.AppendEntries", args, reply);
        }
        let found = findings(run);
        found.concat()
    };
    assert!(beats(false).contains(&"next-index-beyond-log".to_owned()), "{:?}", beats(false));
    assert!(beats(true).is_empty());
}

/// Server 0 is elected by messages whose names are guessed, and server 2 then asks both others a question of the same
/// form in `term`, which both answer with yes. What comes of it?
fn asked(term: u64) -> Run {
    let mut run = Run::new(3);
    let poll = |run: &mut Run, from: u32, to: u32, term: u64| {
        let args = json!({ "Poll": { "term": term, "tipIdx": 0, "tipTerm": 0 } });
        run.call(from, to, "Raft.Post", args, json!({ "Poll": { "term": term, "yes": true } }));
    };
    run.in_term(0, 1);
    for voter in [1, 2] {
        poll(&mut run, 0, voter, 1);
        run.in_term(voter, 1);
    }
    run.leads(0, 1);
    for follower in [1, 2] {
        send(&mut run, follower, entries(0, 0, "leader_commit", 0));
    }
    assert_eq!(run.story().elections.len(), 1, "votes are known by what they tell");
    for voter in [0, 1] {
        poll(&mut run, 2, voter, term);
    }
    run
}

#[test]
fn a_question_before_the_vote_is_no_vote() {
    // It asks in its leader's term, or in a term in which it isn't yet.
    for term in [1, 2] {
        let run = asked(term);
        assert!(is_safe(&run), "{term}");
        assert!(run.story().elections.is_empty(), "{term}");
        assert_eq!(findings(run), [vec![], vec![]] as [Vec<String>; 2], "{term}");
    }
}

/// One call asks for votes and, with another word in it, whether there would be any: in a term in which its sender isn't
/// yet, and to which it may never come.
#[test]
fn a_word_tells_questions_from_votes() {
    let mut run = Run::new(3);
    let poll = |run: &mut Run, from: u32, to: u32, term: u64, kind: &str, now: u64| {
        let tip = json!({ "epoch": 0, "place": 0 });
        let args = json!({ "epoch": term, "kind": kind, "seat": from, "tip": tip });
        run.call(from, to, "Raft.Poll", args, json!({ "epoch": now, "nod": true }));
    };
    (0..3).for_each(|server| _ = run.in_term(server, 0));
    for kind in ["Sounding", "Ballot"] {
        let now = u64::from(kind == "Ballot");
        run.wait(1).in_term(0, now);
        for voter in [1, 2] {
            poll(&mut run, 0, voter, 1, kind, now);
            run.in_term(voter, now);
        }
    }
    run.leads(0, 1);
    for _ in 0..4 {
        poll(&mut run, 2, 1, 2, "Sounding", 1);
        run.wait(100).accept(0, 2, &crate::run::heartbeat(1));
    }
    assert!(is_safe(&run), "a question proves no term");
    let story = run.story();
    assert_eq!(story.elections.len(), 1);
    assert_eq!(story.calls.iter().filter(|call| call.is_pre_vote()).count(), 6);
    assert_eq!(findings(run), [vec![], vec![]] as [Vec<String>; 2]);
}

/// A log that counts from 0 ends at -1 while it is empty, and its first entry follows -1.
#[test]
fn indexes_below_zero() {
    let votes = |empty: i64| {
        let mut run = Run::new(3);
        let ask = |run: &mut Run, term: u64, last: i64, last_term: u64| {
            let args = json!({
                "term": term, "candidate_id": 0, "last_log_index": last, "last_log_term": last_term,
            });
            run.in_term(0, term);
            run.call(0, 1, "Raft.RequestVote", args.clone(), granted(term)).in_term(1, term);
            run.call(0, 2, "Raft.RequestVote", args, granted(term)).in_term(2, term).leads(0, term);
        };
        ask(&mut run, 1, empty, 0);
        run.propose(0, 1, 1);
        for follower in [1, 2] {
            run.accept(0, follower, &append(1, [0, 0], &[1], 0));
        }
        ask(&mut run, 2, empty + 1, 1);
        is_safe(&run)
    };
    assert!(votes(-1));
    assert!(votes(0));
    let follows = |first: i64| {
        let mut run = Run::new(3);
        run.elect(0, 1).propose(0, 1, 1).propose(0, 2, 1);
        for (prev, prev_term) in [(first, 0), (first + 1, 1)] {
            let args = json!({
                "term": 1, "leader_id": 0, "prev_log_index": prev, "prev_log_term": prev_term,
                "entries": [{ "term": 1, "command": [1] }], "leader_commit": first,
            });
            run.call(0, 1, "Raft.AppendEntries", args, success(1));
        }
        is_safe(&run)
    };
    assert!(follows(-1));
    assert!(follows(0));
}
