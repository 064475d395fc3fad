//! The ladder's tests on the skeleton, which fails them all.

extern crate handout as raft;

#[path = "../../tests/steps/main.rs"]
mod steps;
