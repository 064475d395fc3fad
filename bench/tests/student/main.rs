//! MIT's tests on a Raft as many students write it: what the harness costs them.

// The scripts say `raft::make`, which is this crate's.
extern crate self as raft;

#[path = "../../../tests/raft/agreement_3b.rs"]
mod agreement_3b;
#[path = "../../../tests/raft/election_3a.rs"]
mod election_3a;
#[path = "../../../tests/raft/persistence_3c.rs"]
mod persistence_3c;
#[path = "../../../tests/raft/snapshot_3d.rs"]
mod snapshot_3d;
mod student;

pub(crate) use student::make;
