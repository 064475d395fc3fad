//! M10: two servers apply different commands at one index.

use crate::run::Run;

#[test]
fn two_servers_apply_different_commands() {
    let mut run = Run::new(3);
    run.apply_command(0, 1, "a").apply_command(1, 1, "b");
    assert!(run.trips("M10"));
}

#[test]
fn each_index_has_a_command_of_its_own() {
    let mut run = Run::new(3);
    run.apply_command(0, 1, "a")
        .apply_command(0, 2, "b")
        .apply_command(1, 1, "a")
        .apply_command(1, 2, "b");
    assert!(!run.trips("M10"));
}
