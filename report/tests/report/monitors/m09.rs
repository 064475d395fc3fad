//! M9: a server applies something twice, or leaves something out.

use report::Role;

use crate::run::Run;

#[test]
fn a_command_is_applied_twice() {
    let mut run = Run::new(3);
    run.apply_command(0, 1, "a").apply_command(0, 2, "b").apply_command(0, 2, "b");
    assert!(run.trips("M9"));
}

#[test]
fn a_command_is_left_out() {
    let mut run = Run::new(3);
    run.apply_command(0, 1, "a").apply_command(0, 3, "c");
    assert!(run.trips("M9"));
}

#[test]
fn a_commit_index_goes_back() {
    let mut run = Run::new(3);
    run.tell(1, (1, Role::Follower), [9, 1], 5).at(200).tell(1, (1, Role::Follower), [9, 1], 4);
    assert!(run.trips("M9"));
}

#[test]
fn a_new_life_begins_anew() {
    let mut run = Run::new(3);
    run.apply_command(0, 1, "a").apply_command(0, 2, "b").tell(0, (1, Role::Follower), [9, 1], 2);
    run.at(200).restart(0).tell(0, (1, Role::Follower), [9, 1], 0).apply_command(0, 1, "a");
    assert!(!run.trips("M9"));
}
