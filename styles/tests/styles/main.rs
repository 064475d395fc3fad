//! MIT's tests and our own on Rafts of several styles.

// The scripts say `raft::make`, which is this crate's.
extern crate self as raft;

mod broken;
mod child;
mod elected;
#[path = "../../../tests/extra/main.rs"]
mod extra;
mod lab3;
mod right;

pub(crate) use styles::make;
