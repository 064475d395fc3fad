//! Roles that are kept, or given up, for the wrong reason; and what a server does with its own vote.

use report::explain::Confidence::{Certain, Likely};
use report::{Accepted, Check, Detail, FailureKind, Role};
use serde_json::json;

use super::broken;
use crate::demands::{ACCEPTED, NO_LEADER, NOBODY, TWO_LEADERS};
use crate::run::{Run, append, ask, causes, denied, entries, heartbeat};

/// Server 1 is a candidate, and then votes for server 0 in the same term.
fn gives_its_own_vote_away(run: &mut Run, term: u64) {
    run.in_term(1, term);
    let own = run.asks(1, 2, &ask(term));
    run.drops(own).wait(10).vote(0, 1, term);
}

#[test]
fn own_vote_not_kept() {
    let mut run = Run::new(3);
    gives_its_own_vote_away(&mut run, 1);
    assert_eq!(broken(&run).first(), Some(&"own-vote-not-kept"));
    // Who also gives others a vote twice looks at none.
    let mut run = Run::new(3);
    run.vote(0, 2, 1).vote(1, 2, 1);
    gives_its_own_vote_away(&mut run, 2);
    assert!(!broken(&run).contains(&"own-vote-not-kept"));
    // And where another candidate keeps its own, it is noted.
    let mut run = Run::new(3);
    run.in_term(2, 1);
    let own = run.asks(2, 1, &ask(1));
    let other = run.drops(own).asks(0, 2, &ask(1));
    run.answers(other, &denied(1));
    gives_its_own_vote_away(&mut run, 2);
    assert_eq!(broken(&run).first(), Some(&"voted-twice"));
}

/// A crash took nothing that was never there.
#[test]
fn who_says_that_it_voted_for_nobody_forgot_nothing_in_a_crash() {
    let says = |voted_for: Option<u64>| {
        let mut run = Run::new(3);
        run.in_term(1, 1);
        let own = run.asks(1, 2, &ask(1));
        let detail = Box::new(Detail {
            role: Role::Candidate,
            voted_for,
            last_index: 0,
            last_term: 0,
            commit_index: 0,
            last_applied: 0,
            snapshot_index: 0,
        });
        run.drops(own).view(1, 1, Role::Candidate, Some(detail));
        run.restart(1).wait(10).vote(0, 1, 1);
        let (_, _, explanation) = run.fails(TWO_LEADERS, "it fails");
        let first = explanation.findings.first().expect("it is found");
        (first.id.clone(), first.confidence)
    };
    assert_eq!(says(None), ("own-vote-not-kept".to_owned(), Certain));
    assert_eq!(says(Some(1)), ("vote-not-saved".to_owned(), Likely));
}

/// A leader stays the leader when a leader of an earlier term sends it something.
#[test]
fn old_leader_obeyed_by_a_leader() {
    let finds = |term: u64, follows: bool| {
        let mut run = Run::new(3);
        run.elect(2, 1).wait(100).elect(0, 2).wait(200);
        for to in 1..=2 {
            run.accept(0, to, &heartbeat(2));
        }
        let late = run.wait(5).appends(2, 0, &heartbeat(term));
        run.answers(late, &denied(2));
        if follows {
            run.in_term(0, 2);
        }
        run.wait(300);
        let (_, _, explanation) = run.fails(NO_LEADER, "it fails");
        causes(&explanation).first().map(|id| (*id).to_owned())
    };
    assert_eq!(finds(1, true).as_deref(), Some("old-leader-obeyed"));
    assert_ne!(finds(1, false).as_deref(), Some("old-leader-obeyed"));
}

/// A snapshot's last entry has the term that its leader's log has there.
#[test]
fn snapshot_sent_with_a_wrong_term() {
    let sends = |said: u64| {
        let mut run = Run::new(3);
        run.elect(0, 1).propose(0, 1, 1).propose(0, 2, 1);
        run.accept(0, 1, &entries(1, &[1, 1])).apply(0, 1).apply(0, 2).snapshot(0, 2);
        let sent = run.installs(0, 2, [2, said]);
        run.drops(sent);
        broken(&run)
    };
    assert!(sends(4).contains(&"snapshot-term-wrong"));
    assert!(!sends(1).contains(&"snapshot-term-wrong"));
}

/// A server that has been told of many commands applies all of them.
#[test]
fn one_command_each_time() {
    let finds = |each: u64| {
        let mut run = Run::new(3);
        run.elect(0, 1);
        (1..=8).for_each(|index| _ = run.propose(0, index, 1));
        for (turn, commit) in [2, 5, 6, 8].into_iter().enumerate() {
            run.accept(0, 1, &append(1, [0, 0], &[1; 8], commit));
            let first = turn as u64 * each + 1;
            (first..first + each).filter(|&it| it <= commit).for_each(|it| _ = run.apply(1, it));
            run.wait(400);
        }
        for _ in 0..30 {
            run.accept(0, 1, &append(1, [8, 1], &[], 8)).wait(100);
        }
        (1..=8).for_each(|index| _ = run.apply(0, index));
        let accepted = Some(Accepted { index: 8, term: Some(1) });
        run.wait(500);
        let (_, _, explanation) =
            run.fails((FailureKind::Liveness, Check::Agreed { accepted }), "it fails");
        causes(&explanation).contains(&"one-command-each-time")
    };
    assert!(finds(1));
    assert!(!finds(2));
}

/// Who accepts an entry in the place of another and refuses what follows it may have the other still.
#[test]
fn conflicting_entry_kept() {
    let refuses = |had: u64| {
        let mut run = Run::new(3);
        run.accept(0, 1, &append(2, [0, 0], &[1, had], 0)).wait(10);
        run.accept(2, 1, &append(3, [1, 1], &[3], 0)).wait(10);
        run.reject(2, 1, &append(3, [2, 3], &[], 0));
        broken(&run)
    };
    assert!(refuses(2).contains(&"conflicting-suffix-kept"));
    let mut run = Run::new(3);
    run.accept(2, 1, &append(3, [0, 0], &[1, 3], 0)).wait(10);
    run.reject(2, 1, &append(3, [2, 3], &[], 0));
    assert!(!broken(&run).contains(&"conflicting-suffix-kept"));
    // What it has accepted behind the entry shows that it had it.
    let mut run = Run::new(3);
    run.accept(0, 1, &append(2, [0, 0], &[1, 2], 0)).wait(10);
    run.accept(2, 1, &append(3, [1, 1], &[3], 0)).wait(10);
    run.accept(2, 1, &append(3, [2, 3], &[], 0)).wait(10);
    run.reject(2, 1, &append(3, [2, 3], &[], 0));
    assert!(!broken(&run).contains(&"conflicting-suffix-kept"));
}

/// Requests that were on their way together, and were refused together, are no steps.
#[test]
fn back_one_by_one() {
    let finds = |one_by_one: bool| {
        let mut run = Run::new(3);
        run.elect(0, 1);
        (1..=30).for_each(|index| _ = run.propose(0, index, 1));
        let sent = |run: &mut Run, prev: u64| run.appends(0, 1, &append(1, [prev, 1], &[1], 0));
        let no = crate::run::refusal(1);
        if one_by_one {
            (1..30).rev().for_each(|prev| {
                let id = sent(&mut run, prev);
                run.answers(id, &no).wait(20);
            });
        } else {
            let all: Vec<_> = (1..30).rev().map(|prev| sent(&mut run, prev)).collect();
            all.into_iter().for_each(|id| _ = run.answers(id, &no));
        }
        run.wait(500);
        let (_, _, explanation) = run.fails(ACCEPTED, "it fails");
        causes(&explanation).contains(&"back-one-by-one")
    };
    assert!(finds(true));
    assert!(!finds(false));
}

/// If each entry has a term of its own, a leap over all entries of a term is one step long.
#[test]
fn a_leap_over_a_term_of_one_entry_is_no_step() {
    let finds = |entry_term: fn(u64) -> u64| {
        let mut run = Run::new(3);
        run.elect(0, 31);
        for prev in (1..30).rev() {
            run.reject(0, 1, &append(31, [prev, entry_term(prev)], &[31], 0)).wait(20);
        }
        run.wait(500);
        let (_, _, explanation) = run.fails(ACCEPTED, "it fails");
        causes(&explanation).contains(&"back-one-by-one")
    };
    assert!(finds(|_| 1));
    assert!(!finds(|prev| prev));
}

/// A former leader sends in a new term before it asks for votes in that term, or before it is elected: it has counted no
/// votes wrongly.
#[test]
fn a_former_leader_sends_before_it_stands() {
    let sends = |then: fn(&mut Run)| {
        let mut run = Run::new(3);
        run.elect(0, 1).wait(100).in_term(0, 2).appends(0, 1, &heartbeat(2));
        then(run.wait(1));
        let broken = broken(&run);
        ["deposed-leader-sends", "leads-without-majority"].map(|id| broken.contains(&id))
    };
    assert_eq!(sends(|run| _ = run.asks(0, 1, &ask(2))), [true, false]);
    assert_eq!(sends(|run| _ = run.vote(0, 2, 2).leads(0, 2)), [true, false]);
    assert_eq!(sends(|run| _ = run.refuse(0, 2, 2).leads(0, 2)), [false, true]);
}

/// A candidate stays one though it hears from the leader of its term. A follower's timer is another fault.
#[test]
fn a_candidate_that_stays_one_is_no_follower_whose_timer_goes_on() {
    let finds = |stood: bool| {
        let mut run = Run::new(3);
        run.step("one");
        for term in [2, 4, 6] {
            run.wait(300).in_term(1, term);
            if stood {
                run.refuse(1, 2, term);
            }
            run.in_term(0, term).vote(0, 2, term).leads(0, term).wait(5);
            run.accept(0, 1, &heartbeat(term)).wait(50);
            run.in_term(1, term + 1).asks(1, 2, &ask(term + 1));
        }
        let (_, _, explanation) = run.fails(NOBODY, "it fails");
        let found = causes(&explanation);
        ["leader-not-followed", "election-despite-leader"].map(|id| found.contains(&id))
    };
    assert_eq!(finds(true), [true, false]);
    assert_eq!(finds(false), [false, true]);
}

/// A leader starts no election, and has no timer that could be dead.
#[test]
fn a_leader_s_timer_is_not_dead() {
    let finds = |leads: bool| {
        let mut run = Run::new(3);
        run.elect(0, 1);
        if !leads {
            run.in_term(0, 1);
        }
        run.step("check");
        for term in 2..=20 {
            run.wait(300).in_term(1, term).refuse(1, 2, term);
            run.wait(100 + 20 * (term % 3)).in_term(2, term + 1).refuse(2, 1, term + 1);
        }
        let (_, _, explanation) = run.fails(NO_LEADER, "it fails");
        causes(&explanation).contains(&"election-timer-dead")
    };
    assert!(finds(false));
    assert!(!finds(true));
}

/// Whatever a leader counts, it isn't answers where there are none.
#[test]
fn committed_before_any_answer() {
    let tells = |answers: bool| {
        let mut run = Run::new(5);
        run.elect(0, 1).propose(0, 1, 1).propose(0, 2, 1);
        if answers {
            run.accept(0, 1, &entries(1, &[1]));
        }
        let sent = run.appends(0, 2, &append(1, [0, 0], &[1, 1], 2));
        run.drops(sent);
        broken(&run)
    };
    assert_eq!(tells(false), ["committed-before-any-answer"]);
    assert!(!tells(true).contains(&"committed-before-any-answer"));
}

/// Who was told of a higher term by a pre-vote's answer asks for a later one.
#[test]
fn higher_terms_in_answers_to_pre_votes() {
    let finds = |told: u64| {
        let mut run = Run::new(3);
        run.in_term(0, 1).in_term(1, told);
        for _ in 0..12 {
            let args =
                json!({ "term": 2, "candidate_id": 0, "last_log_index": 0, "last_log_term": 0 });
            let id = run.sends(0, 1, "Raft.PreVote", &args);
            run.answers(id, &denied(told)).wait(500);
        }
        run.in_term(0, 1);
        causes(&run.fails(NO_LEADER, "it fails").2).first().map(|id| (*id).to_owned())
    };
    assert_eq!(finds(4).as_deref(), Some("term-not-adopted"));
    assert_ne!(finds(1).as_deref(), Some("term-not-adopted"));
}

/// A leader that sent before and sends nothing when it leads again.
#[test]
fn silent_when_leading_again() {
    let finds = |spoke: bool| {
        let mut run = Run::new(3);
        run.elect(0, 1);
        if spoke {
            run.accept(0, 1, &heartbeat(1)).accept(0, 2, &heartbeat(1));
        }
        run.wait(50).elect(1, 2).accept(1, 0, &heartbeat(2)).wait(50);
        for term in [3, 5, 7] {
            run.elect(0, term).wait(600).elect(1, term + 1).accept(1, 0, &heartbeat(term + 1));
            run.wait(50);
        }
        causes(&run.fails(NO_LEADER, "it fails").2).contains(&"silent-when-leading-again")
    };
    assert!(finds(true));
    assert!(!finds(false));
}

/// The last committed entry is committed, too.
#[test]
fn last_committed_not_applied() {
    let finds = |behind: u64| {
        let mut run = Run::new(3);
        run.elect(0, 1);
        (1..=6).for_each(|index| _ = run.propose(0, index, 1));
        for commit in [2, 4, 6] {
            for server in [1, 2] {
                run.accept(0, server, &append(1, [0, 0], &[1; 6], commit));
            }
            let due = (commit - 1..=commit).filter(|&it| it > behind).map(|it| it - behind);
            due.for_each(|it| (0..3).for_each(|server| _ = run.apply(server, it)));
            run.wait(500);
        }
        let accepted = Some(Accepted { index: 6, term: Some(1) });
        for _ in 0..30 {
            run.accept(0, 1, &append(1, [6, 1], &[], 6)).wait(100);
        }
        let demand = (FailureKind::Liveness, Check::Agreed { accepted });
        causes(&run.fails(demand, "it fails").2).contains(&"last-committed-not-applied")
    };
    assert!(finds(1));
    assert!(!finds(2));
}

/// Who applies again what follows a lower leaderCommit took it for its own.
#[test]
fn commit_goes_back_with_a_leader_s() {
    let again = |told: u64| {
        let mut run = Run::new(3);
        run.elect(0, 1);
        (1..=3).for_each(|index| _ = run.propose(0, index, 1));
        run.accept(0, 1, &append(1, [0, 0], &[1, 1, 1], 3));
        (1..=3).for_each(|index| _ = run.apply(1, index));
        run.wait(50).accept(0, 1, &append(1, [3, 1], &[], told)).wait(50).apply(1, 2);
        broken(&run)
    };
    assert!(again(1).contains(&"commit-goes-back"));
    assert!(again(3).contains(&"applied-twice"));
}

/// Who answers nobody adopts no term either, for the same reason.
#[test]
fn a_server_that_hangs_hears_nothing() {
    let stays = |hangs: bool| {
        let mut run = Run::new(3);
        run.in_term(0, 1);
        let asked = run.asks(0, 1, &ask(1));
        if hangs {
            let request = run.asks(2, 0, &ask(3));
            run.arrives(request);
        }
        run.answers(asked, &denied(4)).wait(400).in_term(0, 1).asks(0, 2, &ask(1));
        broken(&run).contains(&"term-not-adopted")
    };
    assert!(stays(false));
    assert!(!stays(true));
}
