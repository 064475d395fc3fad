//! Random exploration: faults of all kinds and a load, drawn from the seed.
#![expect(non_snake_case, reason = "as MIT names tests")]

/// With each seed another plan of faults; then all faults end, and the cluster has to get somewhere.
/// `cargo lab explore` runs it for as long as you like, and makes what it finds small.
#[test]
fn TestExplore() {
    config::test(|t| async move {
        config::explore(&t, raft::make).await;
    });
}
