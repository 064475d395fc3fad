//! M7: a follower no longer has what it has acknowledged.

use crate::run::{Append, Ask, Run, entries, refusal, success};

fn two_entries_reach_server_1() -> Run {
    let mut run = Run::new(3);
    run.accept(0, 1, &entries(1, &[1, 1]));
    run
}

const BEHIND_THEM: Append<'static> =
    Append { term: 1, prev_index: 2, prev_term: 1, entries: &[], commit: 0 };

#[test]
fn a_follower_loses_its_log_when_it_restart() {
    let mut run = two_entries_reach_server_1();
    run.restart(1);
    run.reject(0, 1, &BEHIND_THEM);
    assert!(run.trips("M7"));
}

#[test]
fn a_follower_asks_for_votes_without_what_it_had() {
    let mut run = two_entries_reach_server_1();
    let asked = run.in_term(1, 2).asks(1, 2, &Ask { term: 2, last_term: 1, last_index: 1 });
    run.delivers(asked);
    assert!(run.trips("M7"));
}

/// A leader may save its entries while it sends them (thesis §10.2.1).
#[test]
fn a_crash_may_take_what_a_leader_has_only_sent() {
    let asks = |crash: bool| {
        let mut run = Run::new(3);
        let append = run.appends(1, 0, &entries(1, &[1, 1]));
        run.answers(append, &success(1));
        if crash {
            run.restart(1);
        }
        let asked =
            run.at(1).in_term(1, 2).asks(1, 2, &Ask { term: 2, last_term: 0, last_index: 0 });
        run.delivers(asked);
        run
    };
    assert!(!asks(true).trips("M7"));
    assert!(asks(false).trips("M7"));
}

/// What lies before the end of what it has, it may refuse as old.
#[test]
fn a_follower_may_refuse_what_is_behind_it() {
    let mut run = two_entries_reach_server_1();
    run.reject(0, 1, &Append { prev_index: 1, ..BEHIND_THEM });
    assert!(!run.trips("M7"));
}

#[test]
fn a_follower_refuses_because_the_term_is_over() {
    let mut run = two_entries_reach_server_1();
    run.vote(2, 1, 2);
    let append = run.appends(0, 1, &BEHIND_THEM);
    run.answers(append, &refusal(2));
    assert!(!run.trips("M7"));
}

#[test]
fn a_follower_refuses_what_its_snapshot_covers() {
    let mut run = two_entries_reach_server_1();
    run.snapshot(1, 2).save(1, [10, 10]);
    run.reject(0, 1, &BEHIND_THEM);
    assert!(!run.trips("M7"));
}

#[test]
fn a_refusal_is_noted_after_what_it_came_before() {
    let mut run = Run::new(3);
    let (refused, append) =
        (run.appends(0, 1, &BEHIND_THEM), run.appends(0, 1, &entries(1, &[1, 1])));
    run.delivers(refused).delivers(append);
    run.ends(append, &success(1)).ends(refused, &refusal(1));
    assert!(!run.trips("M7"));
}

#[test]
fn another_leader_shortens_the_log() {
    let mut run = two_entries_reach_server_1();
    run.accept(2, 1, &entries(2, &[]));
    let asked = run.asks(1, 0, &Ask { term: 3, last_term: 1, last_index: 1 });
    run.delivers(asked);
    assert!(!run.trips("M7"));
}
