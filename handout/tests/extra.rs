//! The tests beyond MIT's on the skeleton, which fails them all.

extern crate handout as raft;

#[path = "../../tests/extra/main.rs"]
mod extra;
