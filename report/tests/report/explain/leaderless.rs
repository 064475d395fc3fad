//! Nobody leads while the test waits for something else: the cause is one of those for which
//! elections fail, and is found in the time without a leader.

use report::{Accepted, Check, FailureKind, NetworkChange, Outcome};

use crate::demands::{ACCEPTED, Demanded, NO_LEADER, NOBODY, TIME};
use crate::explain::golden::assert_explained;
use crate::run::{Run, ask, causes, entries, heartbeat};

/// "only 0 decided for index 1; wanted 3"
const NOT_DECIDED: Demanded =
    (FailureKind::Liveness, Check::Agreed { accepted: Some(Accepted { index: 1, term: None }) });

fn first(run: Run, demand: Demanded) -> Option<String> {
    found(run, demand).into_iter().next()
}

fn found(mut run: Run, demand: Demanded) -> Vec<String> {
    run.network(NetworkChange::Reliable);
    let (_, _, explanation) = run.fails(demand, "it takes too long");
    causes(&explanation).into_iter().map(str::to_owned).collect()
}

/// The servers stand in turn, the one in `term` whose turn it is, and the next refuses.
fn refuse(run: &mut Run, term: u64) {
    let (candidate, voter) = ((term % 3) as u32, ((term + 1) % 3) as u32);
    run.in_term(candidate, term);
    run.refuse(candidate, voter, term);
    ask_in_vain(run, candidate, (term + 2) % 3, term);
    run.in_term(voter, term);
}

/// A request for a vote that is lost.
fn ask_in_vain(run: &mut Run, candidate: u32, voter: u64, term: u64) {
    let asked = run.asks(candidate, voter as u32, &ask(term));
    run.returns(asked, Outcome::RequestLost);
}

#[test]
fn what_an_election_fails_by_is_looked_for_below_any_failure() {
    let refused = || {
        let mut run = Run::new(3);
        run.step("one");
        for term in 1..=6 {
            run.wait(500);
            refuse(&mut run, term);
        }
        run
    };
    let id = Some("vote-refused-without-reason".to_owned());
    for demand in [NOBODY, NO_LEADER, NOT_DECIDED] {
        assert_eq!(first(refused(), demand.clone()), id, "{demand:?}");
    }
    let (_, _, explanation) = refused().fails(TIME, "test took longer than 120 seconds");
    assert_eq!(explanation.findings[0].id, "vote-refused-without-reason");
}

#[test]
fn a_leader_that_followers_answer_is_one() {
    let mut run = Run::new(3);
    run.step("one");
    refuse(&mut run, 1);
    run.wait(100);
    run.elect(0, 2);
    for _ in 0..40 {
        run.wait(100);
        run.accept(0, 1, &heartbeat(2));
        run.accept(0, 2, &heartbeat(2));
    }
    assert_eq!(first(run, NOT_DECIDED), None);
}

#[test]
fn a_leader_that_nobody_answers_is_none() {
    let mut run = Run::new(3);
    run.elect(0, 1);
    run.step("elect");
    for term in 2..=9 {
        run.wait(500);
        run.appends(0, 1, &heartbeat(1));
        let (candidate, voter) = if term % 2 == 0 { (1, 2) } else { (2, 1) };
        run.in_term(candidate, term);
        run.refuse(candidate, voter, term);
        ask_in_vain(&mut run, candidate, 0, term);
        run.in_term(voter, term);
    }
    assert_eq!(first(run, NO_LEADER).as_deref(), Some("vote-refused-without-reason"));
}

#[test]
fn timeout_always_the_same() {
    let waits = |waits: &[u64]| {
        let mut run = Run::new(5);
        run.step("elect");
        for (term, wait) in (1..).zip(waits) {
            run.wait(*wait);
            run.in_term(1, term);
            run.asks(1, 0, &ask(term));
            run.vote(1, 2, term);
        }
        found(run, NO_LEADER).contains(&"timeout-always-the-same".to_owned())
    };
    assert!(waits(&[400; 9]));
    assert!(!waits(&[420, 440, 400, 420, 440, 400, 420, 440, 400]));
    // One of two ticks each time, seven times the same by chance.
    let by_chance = [400, 480, 400, 480, 400, 400, 400, 400, 400, 400, 400, 480, 400, 480];
    assert!(!waits(&by_chance));
    assert!(waits(&by_chance[3..11]));
}

#[test]
fn a_server_that_never_stands_while_another_does_again_and_again() {
    let rounds = |elections: u64| {
        let mut run = Run::new(3);
        run.step("elect");
        for term in 1..=elections {
            run.wait(330 + 60 * (term % 4));
            run.in_term(1, term);
            // The votes are given, and don't arrive.
            run.give(1, 0, term);
            run.give(1, 2, term);
        }
        found(run, NO_LEADER)
    };
    assert_eq!(rounds(30), ["election-timer-dead"]);
    assert_eq!(rounds(12), [""; 0]);
}

#[test]
fn sends_in_turn() {
    // Server 2 can't be reached.
    let mut run = Run::new(3);
    run.elect(0, 1);
    run.step("one");
    run.propose(0, 1, 1);
    for _ in 0..4 {
        run.accept(0, 1, &heartbeat(1));
        run.accept(0, 2, &heartbeat(1));
        run.wait(100);
    }
    run.appends(0, 2, &heartbeat(1));
    run.wait(2500);
    run.network(NetworkChange::Reliable);
    let (story, failure, explanation) = run.fails(ACCEPTED, "one(100) failed to reach agreement");
    assert_explained("sends-in-turn", &story, &failure, &explanation);
}

#[test]
fn a_leader_whose_requests_overlap_does_not_send_in_turn() {
    let mut run = Run::new(3);
    run.elect(0, 1);
    run.step("one");
    run.propose(0, 1, 1);
    for _ in 0..25 {
        run.appends(0, 2, &heartbeat(1));
        run.accept(0, 1, &entries(1, &[1]));
        run.wait(100);
    }
    let (_, _, explanation) = run.fails(NOBODY, "one(100) failed to reach agreement");
    let found: Vec<&str> = explanation.findings.iter().map(|finding| &*finding.id).collect();
    assert!(!found.contains(&"sends-in-turn"), "{found:?}");
}

#[test]
fn a_candidate_that_asks_in_turn_never_comes_to_ask_all() {
    let asked = |all: &[u32]| {
        let mut run = Run::new(3);
        run.step("one");
        run.wait(400);
        run.in_term(0, 1);
        for &voter in all {
            run.asks(0, voter, &ask(1));
        }
        run.wait(9000);
        found(run, NO_LEADER)
    };
    let id = "sends-in-turn".to_owned();
    assert!(asked(&[1]).contains(&id), "{:?}", asked(&[1]));
    assert!(!asked(&[1, 2]).contains(&id));
}

#[test]
fn a_candidate_stands_again_in_the_same_term() {
    let asked = |times: usize, pause: u64, then: u64| {
        let mut run = Run::new(3);
        run.step("one");
        run.in_term(0, 1);
        for _ in 0..times {
            run.asks(0, 1, &ask(1));
            run.asks(0, 2, &ask(1));
            run.wait(pause);
        }
        run.wait(then);
        found(run, NO_LEADER)
    };
    let id = "election-without-new-term".to_owned();
    assert_eq!(asked(5, 500, 0)[0], id);
    // It only repeats its requests, or never ceases to.
    assert!(!asked(5, 20, 2400).contains(&id));
    let asked_on = asked(25, 100, 0);
    assert_eq!(asked_on[0], id);
    assert!(!asked_on.contains(&"election-not-restarted".to_owned()), "it waits for nothing");
}

#[test]
fn candidates_that_ask_nobody() {
    let goes = |told: bool| {
        let mut run = Run::new(3);
        run.step("one");
        for term in 1..10 {
            if told {
                run.refuse(1, 0, term);
                ask_in_vain(&mut run, 1, 2, term);
            }
            run.in_term(0, term).wait(500);
        }
        found(run, NO_LEADER)
    };
    assert_eq!(goes(false)[0], "votes-not-asked-for");
    assert!(!goes(true).contains(&"votes-not-asked-for".to_owned()));
}

#[test]
fn candidates_that_leave_somebody_out() {
    let goes = |asks: fn(u64) -> &'static [u32]| {
        let mut run = Run::new(3);
        run.step("one");
        for term in 1..=8 {
            run.in_term(0, term);
            for &voter in asks(term) {
                match voter {
                    0 => _ = run.refuse(0, 0, term),
                    voter => ask_in_vain(&mut run, 0, voter.into(), term),
                }
            }
            run.wait(500);
        }
        found(run, NO_LEADER)
    };
    let id = "votes-not-asked-for".to_owned();
    assert_eq!(goes(|_| &[1])[0], id);
    assert_eq!(goes(|_| &[0])[0], id, "itself alone");
    assert!(!goes(|_| &[1, 2]).contains(&id));
    assert!(!goes(|term| if term == 1 { &[2] } else { &[1] }).contains(&id), "it has asked before");
}

/// The only candidate leaves others out, is refused without reason and has always the same timeout, and the others never
/// start an election, one of them because it restarts its timer when it refuses: five causes.
#[test]
fn at_most_three_causes_are_reported() {
    let mut run = Run::new(5);
    run.step("one");
    for term in 1..=30 {
        run.wait(400);
        run.in_term(1, term);
        run.refuse(1, 0, term);
    }
    let told = ["votes-not-asked-for", "vote-refused-without-reason", "timer-reset-by-refusal"];
    assert_eq!(found(run, NO_LEADER), told);
}
