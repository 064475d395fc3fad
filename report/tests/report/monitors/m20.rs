//! M20: a server's saved state grows although it is given snapshots.

use crate::sketch::Sketch;

#[test]
fn a_server_keeps_its_log() {
    let mut run = Sketch::of(3);
    for snapshot in 1..=10 {
        run.at(100 * snapshot).snapshots(1, 10 * snapshot, 100 * snapshot);
    }
    assert!(run.trips("M20"));
}

#[test]
fn a_server_that_is_cut_off_has_a_long_log_for_a_while() {
    let mut run = Sketch::of(3);
    for snapshot in 1..=10 {
        run.at(100 * snapshot).snapshots(1, 10 * snapshot, 100 * (snapshot % 5));
    }
    assert!(!run.trips("M20"));
}
