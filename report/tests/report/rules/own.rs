//! What a server's requests and its `start()` tell of itself, and the elections that it starts.

use report::{Outcome, spec};
use serde_json::json;

use super::broken;
use crate::demands::{ACCEPTED, NO_LEADER};
use crate::run::{Ask, Run, append, ask, causes, entries, heartbeat};

#[test]
fn snapshot_cuts_too_much() {
    let gives_again = |snapshot: bool| {
        let mut run = Run::new(3);
        run.elect(0, 1);
        for index in 1..=5 {
            run.propose_command(0, [index, 1], &format!("command {index}"));
        }
        if snapshot {
            run.snapshot(0, 3);
        }
        run.wait(10).propose_command(0, [4, 1], "another");
        broken(&run)
    };
    assert_eq!(gives_again(true).first(), Some(&"snapshot-cuts-too-much"));
    assert_eq!(gives_again(false).first(), Some(&"index-given-twice"));
}

#[test]
fn asks_in_later_term() {
    let asks = |all: bool| {
        let mut run = Run::new(5);
        run.in_term(0, 2);
        let first = if all { 1..=4 } else { 1..=2 };
        first.for_each(|voter| _ = run.asks(0, voter, &ask(2)));
        run.wait(5).in_term(0, 3).vote(1, 0, 3);
        // What is left of the election goes out in the term that it has come to.
        run.wait(5).asks(0, 3, &ask(3));
        broken(&run)
    };
    assert_eq!(asks(false).first(), Some(&"asks-in-later-term"));
    assert_eq!(asks(true).first(), Some(&"voted-twice"));
    // It asks once more those from whom no answer came, in the term that it has come to.
    let again = |all: bool| {
        let mut run = Run::new(5);
        run.in_term(0, 2);
        let asked: Vec<_> = (1..=4).map(|voter| run.asks(0, voter, &ask(2))).collect();
        run.wait(300).in_term(0, 3).vote(1, 0, 3).wait(300);
        run.returns(asked[2], Outcome::RequestLost).asks(0, 3, &ask(3));
        if all {
            run.asks(0, 4, &ask(3));
        }
        broken(&run)
    };
    assert_eq!(again(false).first(), Some(&"asks-in-later-term"));
    assert_eq!(again(true).first(), Some(&"voted-twice"));
    // It has heard of the later term, asks in it, and votes in it.
    let mut run = Run::new(5);
    run.in_term(0, 2).asks(0, 1, &ask(2));
    run.wait(5).in_term(0, 3).asks(0, 3, &ask(3));
    run.wait(5).vote(1, 0, 3);
    assert_eq!(broken(&run).first(), Some(&"asks-in-later-term"));
}

#[test]
fn entry_in_another_term() {
    let sends = |term: u64| {
        let mut run = Run::new(3);
        run.elect(0, 2).propose(0, 1, 2).propose(0, 2, 2);
        run.accept(0, 1, &append(2, [0, 0], &[term], 0));
        run.accept(0, 1, &append(2, [1, term], &[2], 0));
        broken(&run)
    };
    assert!(sends(1).contains(&"entry-in-another-term"), "{:?}", sends(1));
    assert_eq!(sends(2), [] as [&str; 0]);
}

/// A log can't end before a snapshot that its server has made since it began.
#[test]
fn a_log_that_ends_before_its_snapshot() {
    let asks = |last: u64| {
        let mut run = Run::new(3);
        run.elect(1, 1);
        for index in 1..=4 {
            run.propose_command(1, [index, 1], &format!("command {index}"));
        }
        run.accept(1, 0, &append(1, [0, 0], &[1; 4], 0)).accept(1, 0, &append(1, [4, 1], &[], 4));
        for index in 1..=4 {
            run.apply_command(0, index, &format!("command {index}"));
        }
        run.snapshot(0, 3).wait(500).in_term(0, 2);
        run.asks(0, 2, &Ask { term: 2, last_term: 1, last_index: last });
        broken(&run)
    };
    assert_eq!(asks(1).first(), Some(&"snapshot-offset-ignored"));
    assert_eq!(asks(4), [] as [&str; 0]);
}

/// Where a command has another index than its own, that says more than that an index comes twice.
#[test]
fn a_command_at_a_place_in_the_log() {
    let applies = |command: &str| {
        let mut run = Run::new(3);
        run.elect(0, 1);
        for index in 1..=4 {
            run.propose_command(0, [index, 1], &format!("command {index}"));
        }
        run.accept(0, 1, &append(1, [0, 0], &[1; 4], 0));
        (1..=3).for_each(|index| _ = run.apply_command(0, index, &format!("command {index}")));
        run.snapshot(0, 3).wait(10).apply_command(0, 1, command);
        broken(&run)
    };
    let moved = applies("command 4");
    assert!(moved.contains(&"applied-at-another-index") && !moved.contains(&"applied-twice"));
    assert!(applies("command 1").contains(&"applied-twice"));
}

/// An index that a snapshot has covered is applied behind it: the same rule, but it wasn't applied before.
#[test]
fn what_a_snapshot_covers_is_not_said_to_be_applied_twice() {
    let says = |first: u64| {
        let mut run = Run::new(3);
        run.elect(0, 1);
        (1..=3).for_each(|index| _ = run.propose(0, index, 1));
        run.accept(0, 1, &append(1, [0, 0], &[1; 3], 3));
        (1..=first).for_each(|index| _ = run.apply(1, index));
        run.wait(10).apply_snapshot(1, 3, 10).wait(10).apply(1, 2);
        let story = run.story();
        let broken = report::spec::judge(&story);
        let twice = broken.into_iter().find(|breach| breach.rule.id == "applied-twice");
        twice.expect("it goes back").what
    };
    assert!(says(2).contains("the same index twice"), "{}", says(2));
    assert!(says(1).contains("a snapshot had already covered"), "{}", says(1));
}

/// An index that is applied after a later one was left out before. A server that has gone back leaves nothing out when it
/// goes on.
#[test]
fn an_index_that_comes_after_a_later_one() {
    let applies = |order: &[u64], snapshot: bool| {
        let mut run = Run::new(3);
        run.elect(0, 1);
        (1..=4).for_each(|index| _ = run.propose_command(0, [index, 1], &format!("{index}")));
        run.accept(0, 2, &append(1, [0, 0], &[1; 4], 0));
        run.accept(0, 1, &append(1, [0, 0], &[1; 4], 4));
        if snapshot {
            let sent = run.installs(0, 1, [3, 1]);
            run.answers(sent, &json!({ "term": 1 }));
        }
        order.iter().for_each(|&index| _ = run.apply_command(1, index, &format!("{index}")));
        let broken = spec::judge(&run.story()).into_iter();
        broken.map(|breach| (breach.rule.id, breach.what)).collect::<Vec<_>>()
    };
    let left_out = |what: &str| vec![("apply-left-out", what.to_owned())];
    assert_eq!(applies(&[3, 2], false), left_out("server 1 applied index 2 after index 3"));
    for snapshot in [false, true] {
        assert_eq!(
            applies(&[3, 2, 4], snapshot),
            left_out("server 1 applied index 2 after index 3"),
            "{snapshot}"
        );
    }
}

#[test]
fn election_timer_not_restarted() {
    let found = |ms: u64| {
        let mut run = Run::new(3);
        run.crash(0).step("check");
        for term in 1..=20 {
            run.wait(ms).in_term(1, term).refuse(1, 2, term).in_term(2, term);
        }
        run.wait(100);
        let (_, _, explanation) = run.fails(NO_LEADER, "it fails");
        causes(&explanation).contains(&"election-timer-not-restarted")
    };
    assert!(found(15));
    assert!(!found(250));
}

/// Who sends ahead learns by a refusal that something was lost, and of a server that can't be reached nothing.
#[test]
fn what_is_sent_ahead_to_nobody() {
    let mut run = Run::new(3);
    run.elect(0, 1).step("one").propose(0, 1, 1);
    let lost = run.appends(0, 2, &entries(1, &[1]));
    run.wait(100).returns(lost, Outcome::RequestLost);
    for _ in 0..20 {
        let id = run.wait(100).appends(0, 2, &append(1, [1, 1], &[], 0));
        run.returns(id, Outcome::Unreachable);
    }
    let (_, _, explanation) = run.fails(ACCEPTED, "it fails");
    assert!(!causes(&explanation).contains(&"next-index-moved-at-sending"), "{explanation:#?}");
}

/// A vote counts once, however often its reply comes.
#[test]
fn the_same_vote_again_is_no_majority() {
    let found = |again: bool| {
        let mut run = Run::new(5);
        run.step("check").in_term(0, 1);
        run.vote(0, 1, 1).wait(5);
        let voters = if again { [1, 1] } else { [2, 3] };
        voters.iter().for_each(|&voter| _ = run.vote(0, voter, 1));
        let _ = run.asks(0, 4, &ask(1));
        run.wait(3000);
        let (_, _, explanation) = run.fails(NO_LEADER, "it fails");
        causes(&explanation).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let waits = "majority-not-recognised".to_owned();
    assert!(found(false).contains(&waits), "{:?}", found(false));
    assert!(!found(true).contains(&waits), "{:?}", found(true));
}

/// A leader whose log has more entries since it made a snapshot counts them otherwise.
#[test]
fn entries_that_nobody_asked_for_behind_a_snapshot() {
    let first = |snapshot: bool| {
        let mut run = Run::new(3);
        run.elect(0, 1);
        for index in 1..=3 {
            run.propose_command(0, [index, 1], &format!("command {index}"));
        }
        run.accept(0, 1, &entries(1, &[1, 1, 1]));
        if snapshot {
            run.accept(0, 2, &append(1, [0, 0], &[1; 3], 0));
            (1..=3).for_each(|index| _ = run.apply_command(0, index, &format!("command {index}")));
            run.snapshot(0, 2);
        }
        run.wait(10).accept(0, 1, &append(1, [3, 1], &[1, 1], 0));
        broken(&run).first().copied()
    };
    assert_eq!(first(true), Some("snapshot-offset-ignored"));
    assert_eq!(first(false), Some("entry-nobody-asked-for"));
}

/// Who leads no more in its own term was replaced by nobody.
#[test]
fn who_gives_up_is_not_replaced() {
    let first = |gives_up: bool| {
        let mut run = Run::new(3);
        run.step("check");
        for term in 1..=6 {
            run.wait(400).elect(0, term).wait(20).accept(0, 1, &heartbeat(term)).wait(20);
            if gives_up {
                run.in_term(0, term);
            }
        }
        let (_, _, explanation) = run.fails(NO_LEADER, "it fails");
        causes(&explanation).contains(&"leader-replaced-at-once")
    };
    assert!(!first(true));
}

/// Who has asked for votes, and leads before any has come, counts wrong; who never asked has it from elsewhere.
#[test]
fn who_leads_without_votes_has_asked_for_them_or_not() {
    let first = |asks: bool| {
        let mut run = Run::new(3);
        run.wait(300).in_term(0, 1);
        if asks {
            run.asks(0, 1, &ask(1));
        }
        run.leads(0, 1).wait(500).in_term(0, 1);
        broken(&run).first().copied()
    };
    assert_eq!(first(true), Some("leads-without-majority"));
    assert_eq!(first(false), Some("leads-unelected"));
}
