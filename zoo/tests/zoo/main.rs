//! MIT's tests on the zoo's Raft, and what they find of each bug.

// MIT's scripts say `raft::make`, which is this crate's.
extern crate self as raft;

mod blocked;
mod caught;
mod caught_3b;
mod caught_3c;
mod caught_3d;
mod child;
mod directed;
mod docs;
mod elected;
mod explained;
mod explained_too;
mod explored;
#[path = "../../../tests/extra/main.rs"]
mod extra;
mod found;
mod killed;
mod lab3;
mod limits;
mod listed;
mod odd;
mod reported;
mod right;
mod script;
mod seed_case;
mod skipped;
mod slice;
mod small;
mod strict;

pub(crate) use odd::make;
