//! M20: a server's saved state grows although it is given snapshots.

use crate::run::Run;

#[test]
fn a_server_keeps_its_log() {
    let mut run = Run::new(3);
    for snapshot in 1..=10 {
        run.at(100 * snapshot).snapshot(1, 10 * snapshot).save(1, [100 * snapshot, 10]);
    }
    assert!(run.trips("M20"));
}

#[test]
fn a_server_that_is_cut_off_has_a_long_log_for_a_while() {
    let mut run = Run::new(3);
    for snapshot in 1..=10 {
        run.at(100 * snapshot).snapshot(1, 10 * snapshot).save(1, [100 * (snapshot % 5), 10]);
    }
    assert!(!run.trips("M20"));
}
