//! Lab 3's tests: MIT's scripts under MIT's names.
//!
//! They call the Raft under test `raft`. Each crate that has one runs this same source, as its own
//! test `lab3` or as a module of it.

mod agreement_3b;
mod election_3a;
mod persistence_3c;
mod snapshot_3d;
