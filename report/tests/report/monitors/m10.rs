//! M10: two servers apply different commands at one index.

use crate::sketch::Sketch;

#[test]
fn two_servers_apply_different_commands() {
    let mut run = Sketch::of(3);
    run.applies(0, 1, "a").applies(1, 1, "b");
    assert!(run.trips("M10"));
}

#[test]
fn each_index_has_a_command_of_its_own() {
    let mut run = Sketch::of(3);
    run.applies(0, 1, "a").applies(0, 2, "b").applies(1, 1, "a").applies(1, 2, "b");
    assert!(!run.trips("M10"));
}
