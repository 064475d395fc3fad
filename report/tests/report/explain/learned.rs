//! Answers in words of their author's own: what they say is learned from the run.

use report::explain::Confidence::{Certain, Likely};
use report::explain::Explanation;
use report::spec;
use serde_json::{Value, json};

use crate::demands::{ACCEPTED, NO_LEADER, TWO_COMMANDS};
use crate::run::{Run, append, ask, causes};

/// How an author answers AppendEntries that reaches up to an index: with yes, or with no and where to go on.
type Answer = fn(is_yes: bool, up_to: u64) -> Value;

/// By an enum's variants, by what is left out, by numbers alone, and by a tuple.
const ANSWERS: [Answer; 4] = [
    |is_yes, up_to| match is_yes {
        true => json!({"term": 1, "body": {"Have": {"upto": up_to}}}),
        false => json!({"term": 1, "body": {"Lack": {"after": 0}}}),
    },
    |is_yes, _| json!({"term": 1, "hint": if is_yes { Value::Null } else { json!(1) }}),
    |is_yes, up_to| json!({"term": 1, "next": if is_yes { up_to + 1 } else { 1 }}),
    |is_yes, up_to| json!([1, if is_yes { json!(up_to) } else { Value::Null }]),
];

/// A leader whose followers answer in some way. One of them confirms an entry and, if it loses it, says later that it
/// doesn't have it.
fn run(answer: Answer, loses_it: bool) -> Run {
    let mut run = Run::new(3);
    run.elect(0, 1);
    let send = |run: &mut Run, prev: u64, entries: &[u64], is_yes: bool| {
        let up_to = prev + entries.len() as u64;
        let id = run.appends(0, 1, &append(1, [prev, u64::from(prev > 0)], entries, 0));
        run.answers(id, &answer(is_yes, up_to));
    };
    for at in [100, 200, 300] {
        send(run.at(at), 0, &[], true);
    }
    // What it hasn't been sent it can't have.
    run.propose(0, 1, 1).propose(0, 2, 1);
    send(&mut run, 2, &[], false);
    send(&mut run, 0, &[1], true);
    for at in [400, 500, 600] {
        send(run.at(at), 1, &[], !loses_it);
    }
    run
}

fn explained(run: Run) -> Explanation {
    run.fails(TWO_COMMANDS, "one(100) failed to reach agreement").2
}

#[test]
fn what_followers_answer_is_learned() {
    for (number, answer) in ANSWERS.into_iter().enumerate() {
        let explanation = explained(run(answer, true));
        let first = explanation.findings.first().expect("it is found");
        assert_eq!(&*first.id, "confirmed-not-appended", "{number}: {explanation:#?}");
        assert_eq!(first.confidence, Likely, "{number}");
        let wrong_if = first.refuted_if.as_deref().unwrap_or_default();
        assert!(wrong_if.contains("mean yes"), "{number}: {wrong_if}");
    }
}

/// What is learned fails nobody, and a run in which nothing is wrong accuses nobody.
#[test]
fn what_is_learned_is_no_breach() {
    for (number, answer) in ANSWERS.into_iter().enumerate() {
        let right = run(answer, false);
        assert_eq!(spec::unsafe_steps(&right.story()).len(), 0, "{number}");
        assert_eq!(spec::unsafe_steps(&run(answer, true).story()).len(), 0, "{number}");
        let findings = explained(right).findings;
        assert!(
            findings.iter().all(|it| it.id == "unknown" || it.id == "entry-not-sent"),
            "{findings:#?}"
        );
    }
}

/// A number that means yes or no is no index, and isn't told from other numbers.
#[test]
fn a_number_that_hides_the_answer_is_not_read() {
    let flag: Answer = |is_yes, _| json!({"term": 1, "ok_code": u8::from(is_yes)});
    let opaque: Answer = |is_yes, _| json!(vec![u8::from(is_yes); 10]);
    for answer in [flag, opaque] {
        assert_is_unread(&explained(run(answer, true)));
    }
}

fn assert_is_unread(explanation: &Explanation) {
    let facts = explanation.findings.iter().flat_map(|it| &it.evidence);
    let texts: Vec<&str> = facts.map(|it| &*it.text).collect();
    assert!(texts.iter().all(|text| !text.contains("the run tells")), "{texts:#?}");
}

/// An answer that isn't seen where it must be yes or no isn't read.
#[test]
fn what_the_run_does_not_tell_is_not_read() {
    let mut run = Run::new(3);
    run.elect(0, 1).propose(0, 1, 1);
    for (at, body) in [(100, "Alpha"), (200, "Beta"), (300, "Alpha")] {
        let id = run.at(at).appends(0, 1, &append(1, [1, 1], &[], 0));
        run.answers(id, &json!({"term": 1, "body": {body: {"upto": 1}}}));
    }
    assert_is_unread(&explained(run));
}

/// If a candidate leads right after an answer, that answer gave it a vote. A voter that answers two candidates of a term so
/// votes twice.
#[test]
fn what_voters_answer_is_learned() {
    // In words of their own, and by whom they have voted for.
    assert_votes_twice(|says_yes, _| json!(if says_yes { "Ja" } else { "Nein" }));
    assert_votes_twice(|says_yes, candidate| json!(if says_yes { candidate } else { 4 }));
}

#[track_caller]
fn assert_votes_twice(answer: fn(says_yes: bool, candidate: u32) -> Value) {
    let mut run = Run::new(5);
    let vote = |run: &mut Run, from: u32, to: u32, term: u64, says_yes: bool| {
        let id = run.asks(from, to, &ask(term));
        run.answers(id, &json!({"term": term, "choice": answer(says_yes, from)}));
    };
    for (term, leader) in [(1, 0), (2, 3)] {
        run.at(1000 * term).in_term(leader, term);
        for voter in (0..5).filter(|&voter| voter != leader) {
            vote(&mut run, leader, voter, term, true);
        }
        run.leads(leader, term);
        run.appends(leader, 1, &append(term, [0, 0], &[], 0));
    }
    run.at(3000).in_term(1, 3).in_term(2, 3);
    vote(&mut run, 1, 2, 3, false);
    vote(&mut run, 2, 1, 3, false);
    vote(&mut run, 1, 0, 3, true);
    vote(&mut run, 2, 0, 3, true);
    let explanation = run.at(6000).clone().fails(NO_LEADER, "expected one leader, got none").2;
    let first = explanation.findings.first().expect("it is found");
    assert_eq!((&*first.id, first.confidence), ("voted-twice", Likely), "{explanation:#?}");
    assert_eq!(spec::unsafe_steps(&run.story()).len(), 0);
    assert!(explanation.findings.iter().all(|finding| finding.confidence != Certain));
}

/// A follower that accepts entries which don't follow its log, in requests that go by names of their author's own.
#[test]
fn requests_in_foreign_words_are_learned() {
    let accuses = |skipped: u64, fits: bool| {
        let mut run = Run::new(3);
        run.elect(0, 1).step("one");
        for index in 1..=8 {
            run.propose(0, index, 1).wait(50);
            for follower in [1, 2] {
                // The second follower misses some.
                if follower == 2 && (3..3 + skipped).contains(&index) {
                    continue;
                }
                let (before, gen_before) = (index - 1, u64::from(index > 1));
                let place = json!({ "zq": before, "zr": gen_before });
                let args = json!({
                    "zt": if fits { 1 } else { 7 + index % 2 }, "zs": 0, "zp": place,
                    "ze": [{ "zr": 1, "zb": [104, 1] }], "zc": before,
                });
                run.call(0, follower, "Raft.Zap", args, json!({ "term": 1, "success": true }));
            }
        }
        run.leads(0, 1).wait(2000);
        let found = run.fails(ACCEPTED, "it fails").2.findings;
        let found = found.into_iter().find(|found| found.id == "log-mismatch-accepted");
        let wrong_if = found.as_ref().and_then(|found| found.refuted_if.clone());
        let says_how = wrong_if.unwrap_or_default().contains("\"zp.zq\" isn't prevLogIndex");
        assert_eq!(says_how, found.is_some(), "{found:?}");
        found.is_some()
    };
    assert!(accuses(2, true));
    assert!(!accuses(0, true), "all fit");
    assert!(!accuses(2, false), "no number is the leader's term");
}

/// What a flag says is known from the votes that made a leader, and said of questions before the next vote.
#[test]
fn questions_are_answered_as_votes_are() {
    let first = |nod: bool| {
        let mut run = Run::new(3);
        let poll = |run: &mut Run, from: u32, to: u32, term: u64, kind: &str, nod: bool| {
            let tip = json!({ "epoch": 0, "place": 0 });
            let args = json!({ "epoch": term, "kind": kind, "seat": from, "tip": tip });
            run.call(from, to, "Raft.Poll", args, json!({ "epoch": term, "nod": nod }));
        };
        (0..3).for_each(|server| _ = run.in_term(server, 0));
        for (kind, now) in [("Sounding", 0), ("Ballot", 1)] {
            run.wait(1).in_term(0, now);
            [1, 2].into_iter().for_each(|voter| poll(&mut run, 0, voter, 1, kind, true));
        }
        run.leads(0, 1).in_term(1, 1).in_term(2, 1);
        run.appends(0, 1, &append(1, [0, 0], &[], 0));
        run.wait(100).crash(0).step("elect");
        for _ in 0..6 {
            poll(run.wait(400), 1, 2, 2, "Sounding", nod);
        }
        let (_, _, explanation) = run.fails(NO_LEADER, "it fails");
        causes(&explanation).first().map(|&id| id.to_owned())
    };
    assert_eq!(first(false).as_deref(), Some("pre-votes-refused"));
    assert_ne!(first(true).as_deref(), Some("pre-votes-refused"));
}
