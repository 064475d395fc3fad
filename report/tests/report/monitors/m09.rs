//! M9: a server applies something twice, or leaves something out.

use crate::sketch::Sketch;

#[test]
fn a_command_is_applied_twice() {
    let mut run = Sketch::of(3);
    run.applies(0, 1, "a").applies(0, 2, "b").applies(0, 2, "b");
    assert!(run.trips("M9"));
}

#[test]
fn a_command_is_left_out() {
    let mut run = Sketch::of(3);
    run.applies(0, 1, "a").applies(0, 3, "c");
    assert!(run.trips("M9"));
}

#[test]
fn a_commit_index_goes_back() {
    let mut run = Sketch::of(3);
    run.views_commit(1, 5).at(200).views_commit(1, 4);
    assert!(run.trips("M9"));
}

#[test]
fn a_new_life_begins_anew() {
    let mut run = Sketch::of(3);
    run.applies(0, 1, "a").applies(0, 2, "b").views_commit(0, 2);
    run.at(200).restarts(0).views_commit(0, 0).applies(0, 1, "a");
    assert!(!run.trips("M9"));
}
