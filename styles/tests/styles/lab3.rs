//! MIT's scripts, by the names that `tests/raft/main.rs` gives them.

#[path = "../../../tests/raft/agreement_3b.rs"]
mod agreement_3b;

#[path = "../../../tests/raft/election_3a.rs"]
mod election_3a;

#[path = "../../../tests/raft/persistence_3c.rs"]
mod persistence_3c;

#[path = "../../../tests/raft/snapshot_3d.rs"]
mod snapshot_3d;
