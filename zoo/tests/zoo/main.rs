//! MIT's tests on the zoo's Raft, and what they find of each bug.

extern crate zoo as raft;

mod caught;
mod child;
mod killed;
mod lab3;
mod reported;
mod right;
mod script;
mod seed_case;
