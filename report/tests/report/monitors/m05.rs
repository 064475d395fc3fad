//! M5: a vote for a candidate whose log is behind the voter's.

use crate::run::{Ask, Run, append, entries, success};

fn two_entries_reach_server_1() -> Run {
    let mut run = Run::new(3);
    run.accept(0, 1, &entries(1, &[1, 1]));
    run
}

#[test]
fn a_vote_goes_to_a_shorter_log() {
    let mut run = two_entries_reach_server_1();
    run.vote_with(2, 1, &Ask { term: 2, last_term: 1, last_index: 1 });
    assert!(run.trips("M5"));
}

#[test]
fn a_vote_goes_to_a_shorter_log_of_a_later_term() {
    let mut run = two_entries_reach_server_1();
    run.vote_with(2, 1, &Ask { term: 3, last_term: 2, last_index: 1 });
    assert!(!run.trips("M5"));
}

#[test]
fn another_leader_may_have_shortened_the_log() {
    let mut run = two_entries_reach_server_1();
    // Whether it was taken, nobody knows.
    let append = run.appends(0, 1, &entries(3, &[0]));
    run.delivers(append);
    run.vote_with(2, 1, &Ask { term: 4, last_term: 1, last_index: 1 });
    assert!(!run.trips("M5"));
}

/// A server that finds an entry that its leader has otherwise may drop it at once, with all that follows, and refuse what
/// comes behind it.
#[test]
fn a_log_may_be_shortened_by_what_is_refused() {
    let refuses = |prev: [u64; 2]| {
        let mut run = Run::new(3);
        run.accept(0, 1, &entries(3, &[1, 3, 3])).reject(2, 1, &append(4, prev, &[4], 0));
        run.vote_with(0, 1, &Ask { term: 5, last_term: 2, last_index: 2 });
        run.trips("M5")
    };
    assert!(!refuses([2, 2]));
    assert!(refuses([4, 4]), "it has no such entry, and so loses nothing");
    // When it has taken the leader's entries, it has no others behind them.
    let mut run = Run::new(3);
    run.accept(0, 1, &entries(3, &[1, 3, 3])).reject(2, 1, &append(4, [2, 2], &[4], 0));
    run.accept(2, 1, &append(4, [1, 1], &[2], 0));
    run.vote_with(0, 1, &Ask { term: 5, last_term: 1, last_index: 9 });
    assert!(run.trips("M5"));
}

/// A leader may save its entries while it sends them (thesis §10.2.1).
#[test]
fn a_crash_may_take_what_a_leader_has_only_sent() {
    let mut run = Run::new(3);
    let append = run.appends(1, 0, &entries(1, &[1, 1]));
    run.answers(append, &success(1)).restart(1);
    run.at(1).vote_with(2, 1, &Ask { term: 2, last_term: 0, last_index: 0 });
    assert!(!run.trips("M5"));
}

#[test]
fn a_former_leader_votes_for_a_shorter_log() {
    let mut run = Run::new(3);
    let append = run.appends(1, 0, &entries(1, &[1, 1]));
    run.delivers(append).vote_with(2, 1, &Ask { term: 2, last_term: 0, last_index: 0 });
    assert!(run.trips("M5"));
}
