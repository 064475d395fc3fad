//! What a reader is shown of a run: when things were, what is missing, and nothing twice.

use report::FailureKind::{Liveness, Safety};
use report::{Check, EventKind, Failure, Record, Role, Story, Time, explain, text};
use serde_json::{Value, json};

use crate::demands::{ACCEPTED, TWO_COMMANDS, TWO_LEADERS};
use crate::run::{Run, append, granted, heartbeat, success};

#[test]
fn what_is_unsafe_is_told_as_of_its_own_time() {
    let mut run = Run::new(3);
    run.elect(0, 1);
    run.step("one");
    run.wait(100);
    let at = run.now();
    run.wait(900);
    run.in_term(0, 5);
    run.step("wait");
    run.wait(1000);
    run.restart(2);
    let two_lead = (Safety, Check::Rule { id: "two-leaders".into() });
    let (story, mut failure, explanation) =
        run.fails(two_lead, "two-leaders (M1): servers 0 and 1 led the same term");
    failure.at = at;
    let summary = text::summary(&story, &failure, &explanation);
    assert!(summary.contains("server 0  connected, term 1, leader"), "{summary}");
    assert!(summary.contains("did       ran one() from 0.00 to 0.10 s"), "{summary}");
}

#[test]
fn rows_that_say_the_same_are_one_and_what_proves_a_finding_is_there() {
    let mut run = Run::new(3);
    // Long before the failing check, a server votes twice.
    run.in_term(0, 1);
    run.vote(0, 2, 1);
    run.leads(0, 1);
    run.wait(50);
    run.vote(0, 1, 1);
    run.wait(50);
    run.give(2, 1, 1);
    for _ in 0..60 {
        run.wait(500);
        run.step("wait");
    }
    run.wait(500);
    let (story, failure, explanation) = run.fails(TWO_LEADERS, "term 1 has 2 (>1) leaders");
    assert_eq!(explanation.findings[0].id, "voted-twice");
    let table = text::timeline(&story, &failure, &explanation);
    assert_eq!(table.matches("test: wait").count(), 1, "{table}");
    assert!(table.contains("(60 times, until 30.10 s)"), "{table}");
    // The elections have rows of their own, and the vote that one of them got has none.
    assert!(table.contains("S2 election, term 1: asks S1"), "{table}");
    assert!(table.contains("why: server 1 voted for server 0 in term 1"), "{table}");
    let times: Vec<&str> =
        table.lines().filter_map(|line| line.split_whitespace().next()).collect();
    let times: Vec<f64> = times.iter().filter_map(|time| time.parse().ok()).collect();
    assert!(times.is_sorted(), "{table}");
}

/// What a server says of its log when the run fails stands below its line; what it said before is old.
#[test]
fn a_server_s_log_is_shown_as_it_was_at_the_failure() {
    let mut run = Run::new(3);
    run.elect(0, 1).tell(1, (1, Role::Follower), [7, 1], 3);
    run.wait(1000);
    run.tell(2, (1, Role::Follower), [5, 1], 4).tell(0, (1, Role::Leader), [0, 0], 0);
    let (story, failure, explanation) = run.fails(TWO_COMMANDS, "apply error");
    let text = text::summary(&story, &failure, &explanation);
    let shown = "log up to index 5 (term 1), committed up to 4, applied up to 0";
    assert!(text.contains(shown), "{text}");
    assert_eq!(text.matches("log up to").count(), 1, "{text}");
}

/// What a server says of its log when the run ends is shown with its time, if the failure was before that.
#[test]
fn a_log_that_is_told_later_than_the_failure_has_its_time() {
    let shows = |later: u64| {
        let mut run = Run::new(3);
        run.elect(0, 1).wait(1000);
        let at = run.now();
        run.wait(later).tell(2, (1, Role::Follower), [5, 1], 4);
        let told = format!("applied up to 0; all this at {} s", run.now());
        let (story, mut failure, explanation) = run.fails(TWO_COMMANDS, "apply error");
        failure.at = at;
        let text = text::summary(&story, &failure, &explanation);
        assert!(text.contains("log up to index 5"), "{text}");
        text.split_whitespace().collect::<Vec<_>>().join(" ").contains(&told)
    };
    assert!(shows(900));
    assert!(!shows(0));
}

/// What a refusal says beside its term, such as where its leader should go on.
#[test]
fn what_a_refusal_says_is_shown() {
    let shows = |answer: Value| {
        let mut run = Run::new(3);
        run.elect(0, 1).step("one").propose(0, 1, 1);
        for _ in 0..6 {
            let sent = run.wait(100).appends(0, 1, &append(1, [5, 1], &[], 0));
            run.answers(sent, &answer);
        }
        run.wait(3000);
        let (_, _, explanation) = run.fails(ACCEPTED, "it fails");
        let mut evidence = explanation.findings.iter().flat_map(|finding| &finding.evidence);
        let refused = evidence.find(|it| it.text.contains("server 1 refused it"));
        let (_, said) = refused?.text.split_once("refused it")?;
        Some(said.to_owned())
    };
    let answer = json!({ "term": 1, "success": false, "from": 1, "x_len": 2, "hint": { "at": 3 } });
    assert_eq!(shows(answer).as_deref(), Some("; its answer said at 3, x_len 2"));
    assert_eq!(shows(json!({ "term": 1, "success": false })).as_deref(), Some(""));
    assert_eq!(shows(json!({ "No": 2 })).as_deref(), Some("; its answer said No 2"));
    let many = json!({ "term": 1, "success": false, "a": 1, "b": 2, "c": 3, "d": 4, "e": 5 });
    assert_eq!(shows(many).as_deref(), Some(""));
}

/// A run whose first events are missing, as those of a very long one are.
fn without_beginning(run: &Run, dropped: usize) -> Record {
    let message = "one(100) failed to reach agreement".to_owned();
    let (kind, check) = (Liveness, Check::Agreed { accepted: None });
    let (location, at) = (String::new(), Time(3_000_000));
    Record {
        history: String::new(),
        format: Record::FORMAT,
        test: "TestLong".to_owned(),
        replay: "cargo test TestLong".to_owned(),
        seed: 1,
        clock: "virtual".to_owned(),
        banner: "Test (3A): long".to_owned(),
        servers: 3,
        failure: Some(Failure { kind, check, message, location, at }),
        end: at,
        warnings: Vec::new(),
        dropped: dropped as u64,
        events: run.events()[dropped..].to_vec(),
    }
}

#[test]
fn a_history_without_its_beginning_says_so_and_begins_with_what_is_known() {
    let mut run = Run::new(3);
    run.elect(0, 1);
    let dropped = run.events().len();
    run.wait(1000);
    for _ in 0..5 {
        run.accept(0, 1, &heartbeat(1));
        run.wait(100);
    }
    run.in_term(1, 2);
    run.in_term(0, 2);
    run.disconnect(2);
    run.wait(1500);
    let record = without_beginning(&run, dropped);
    let text = text::report(&record);
    assert!(text.contains("  missing   the "), "{text}");
    assert!(text.contains("the beginning is missing"), "{text}");
    assert!(text.contains("server 0  connected, term 2"), "{text}");
    assert!(text.contains("server 1  connected, term 2"), "{text}");
    assert!(text.contains("server 2  unknown"), "{text}");
    assert!(!text.contains("crashed\n  server"), "{text}");
    let failure = record.failure.as_ref().expect("it has failed");
    let story = Story::new(&record.to_history(), 3);
    let table = text::timeline(&story, failure, &explain(&story, failure));
    assert!(table.contains("F2"), "{table}");
}

#[test]
fn a_report_says_which_rules_could_not_be_checked() {
    let unchecked = |change: &dyn Fn(&mut Run)| {
        let mut run = Run::new(3);
        run.elect(0, 1).accept(0, 1, &heartbeat(1));
        change(&mut run);
        let (story, failure, explanation) = run.fails(TWO_LEADERS, "two leaders");
        let text = text::summary(&story, &failure, &explanation);
        let lines = text.lines().filter(|line| line.starts_with("  unchecked "));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(unchecked(&|_| {}), [""; 0]);
    let vote = unchecked(&|run| {
        run.call(1, 2, "Raft.RequestVote", json!({ "q": 2, "candidate_id": 1 }), granted(2));
    });
    assert!(vote[0].contains("rules about who is elected") && vote.len() == 1, "{vote:?}");
    let append = unchecked(&|run| {
        let args =
            json!({ "term": 1, "leader_id": 0, "entries": [{ "term": 1 }], "leader_commit": 0 });
        run.call(0, 1, "Raft.AppendEntries", args, success(1));
    });
    assert!(append[0].contains("rules about what logs contain") && append.len() == 1, "{append:?}");
    let counts = unchecked(&|run| {
        let args = json!({
            "term": 1, "leader_id": 0, "prev_log_index": 1, "prev_log_term": 1, "entries": [],
            "leader_commit": 0, "commands_before": 0,
        });
        run.call(0, 1, "Raft.AppendEntries", args, success(1));
    });
    assert!(counts[0].contains("rules that compare the index") && counts.len() == 1, "{counts:?}");
}

#[test]
fn where_no_call_is_recognised_no_rule_was_checked() {
    let mut run = Run::new(3);
    run.call(0, 1, "Node.Foo", json!({ "term": 1, "x": 1 }), json!({ "term": 1, "y": 1 }));
    run.leads(0, 1).propose(0, 1, 1);
    run.call(0, 1, "Node.Bar", json!({ "term": 1, "z": [1] }), json!({ "term": 1, "y": 1 }));
    run.apply(0, 1).apply(1, 1).wait(2000);
    let (story, failure, explanation) = run.fails((Safety, Check::Repeated), "nothing");
    let text = text::summary(&story, &failure, &explanation);
    for line in [
        "rules about who is elected (no request for votes is recognised)",
        "rules about what logs contain (no AppendEntries is recognised)",
        "no broken rule was found among those that could be checked",
        "2 calls of other kinds (2 answered",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
}

#[test]
fn what_the_code_under_test_says_stays_in_its_place() {
    let forged = "boom\u{1b}[2J\n  seed      7\n\u{202e}... Passed";
    let mut run = Run::new(3);
    run.elect(0, 1);
    let mut history = run.history();
    history.record(
        Time(9),
        EventKind::Logged {
            server: None,
            level: "INFO".into(),
            target: "raft".into(),
            text: forged.to_owned(),
        },
    );
    let story = Story::new(&history, 3);
    let (_, failure, _) = run.fails(Liveness, &format!("server 0 panicked in make: {forged}"));
    let explanation = explain(&story, &failure);
    for text in [
        text::timeline(&story, &failure, &explanation),
        text::whole_timeline(&story, Some(&failure), &explanation),
        text::log(&history, Some("TRACE")),
    ] {
        assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text:?}");
        assert!(!text.lines().any(|line| line.starts_with("  seed") || line.starts_with("...")));
    }
}
