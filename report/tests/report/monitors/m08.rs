//! M8: a leader commits an entry of an earlier term by counting copies.

use crate::run::{Append, Run};

/// The leader of term 4 has an entry of term 2, and one of its own.
const OLD: Append<'static> =
    Append { term: 4, prev_index: 1, prev_term: 1, entries: &[2], commit: 0 };
const OLD_COMMITTED: Append<'static> =
    Append { term: 4, prev_index: 2, prev_term: 2, entries: &[], commit: 2 };
const OWN: Append<'static> =
    Append { term: 4, prev_index: 1, prev_term: 1, entries: &[2, 4], commit: 0 };

#[test]
fn an_entry_of_an_earlier_term_is_committed_by_counting() {
    let mut run = Run::new(3);
    run.accept(0, 1, &OLD);
    run.appends(0, 1, &OLD_COMMITTED);
    assert!(run.trips("M8"));
}

#[test]
fn it_is_committed_with_one_of_the_own_term() {
    let mut run = Run::new(3);
    run.accept(0, 1, &OWN);
    run.appends(0, 1, &OLD_COMMITTED);
    assert!(!run.trips("M8"));
}

#[test]
fn it_was_known_to_be_committed_before_the_election() {
    let mut run = Run::new(3);
    let earlier = Append { term: 3, prev_index: 2, prev_term: 2, entries: &[], commit: 2 };
    run.accept(2, 0, &earlier);
    run.appends(0, 1, &OLD);
    run.appends(0, 1, &OLD_COMMITTED);
    assert!(!run.trips("M8"));
}
