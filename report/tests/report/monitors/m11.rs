//! M11: a leader's log lacks a committed entry.

use serde_json::{Value, json};

use crate::run::{Append, Ask, Run, entries, heartbeat, success};

/// The leader of term 1 has one follower that has its two entries: two of three, if it has them itself.
fn one_follower_has_two_entries() -> Run {
    let mut run = Run::new(3);
    run.propose(0, 1, 1).propose(0, 2, 1).accept(0, 1, &entries(1, &[1, 1]));
    run
}

/// It says that they are committed, and so has them.
fn two_entries_are_committed() -> Run {
    let mut run = one_follower_has_two_entries();
    run.appends(0, 2, &Append { commit: 2, ..entries(1, &[1, 1]) });
    run
}

const SHORTER: Ask = Ask { term: 2, last_term: 1, last_index: 1 };

#[test]
fn a_leader_lacks_what_is_committed() {
    let mut run = two_entries_are_committed();
    run.asks(2, 0, &SHORTER);
    run.appends(2, 0, &heartbeat(2));
    assert!(run.trips("M11"));
}

/// Until then it may be saving them (thesis §10.2.1), and lose them in a crash.
#[test]
fn a_leader_may_not_have_saved_what_it_sends() {
    let mut run = one_follower_has_two_entries();
    run.restart(0);
    run.at(1).asks(2, 0, &SHORTER);
    run.appends(2, 0, &heartbeat(2));
    assert!(!run.trips("M11"));
    // Two followers are enough without it.
    let mut run = one_follower_has_two_entries();
    run.accept(0, 2, &entries(1, &[1, 1]));
    run.asks(2, 0, &SHORTER);
    run.appends(2, 0, &heartbeat(2));
    assert!(run.trips("M11"));
}

#[test]
fn a_candidate_that_is_not_elected_lacks_it() {
    let mut run = two_entries_are_committed();
    run.asks(2, 0, &SHORTER);
    assert!(!run.trips("M11"));
}

#[test]
fn a_leader_lacks_what_no_majority_has() {
    let mut run = Run::new(5);
    run.accept(0, 1, &entries(1, &[1, 1]));
    run.asks(2, 3, &SHORTER);
    run.appends(2, 3, &heartbeat(2));
    assert!(!run.trips("M11"));
}

/// The leader of term 3 has two blank entries of earlier terms, which a majority confirms, and a command: its first,
/// as the lab counts. So the command's index there isn't the one that messages say (§5.4.2).
#[test]
fn a_leader_lacks_earlier_entries_that_a_majority_has() {
    let mut run = Run::new(5);
    run.propose(0, 1, 3);
    for follower in [1, 2, 3] {
        let mut sent = |prev: u64, entries: Value| {
            let args = json!({
                "term": 3, "leader_id": 0, "prev_log_index": prev, "prev_log_term": prev.min(1),
                "entries": entries, "leader_commit": 0, "commands_before": 0,
            });
            run.sends(0, follower, "Raft.AppendEntries", &args)
        };
        let earlier = sent(0, json!([{ "term": 1 }, { "term": 1 }]));
        sent(2, json!([{ "term": 3 }]));
        run.answers(earlier, &success(3));
    }
    run.asks(4, 1, &Ask { term: 4, last_term: 2, last_index: 1 });
    run.appends(4, 1, &heartbeat(4));
    assert!(!run.trips("M11"));
}
