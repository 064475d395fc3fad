//! MIT's tests on the zoo's Raft, and what they find of each bug.

// MIT's scripts say `raft::make`, which is this crate's.
extern crate self as raft;

mod caught;
mod cheat;
mod child;
mod crashed;
mod docs;
mod explained;
mod explored;
#[path = "../../../tests/extra/main.rs"]
mod extra;
mod found;
mod killed;
mod lab3;
mod limits;
mod listed;
mod reported;
mod right;
mod scenarios;
mod script;
mod seed_case;
mod slice;
mod stepped;
#[path = "../../../tests/steps/main.rs"]
mod steps;
mod strict;
mod table;
mod unit;
mod warned;
mod wrappers;

use testkit::Victims;

pub(crate) use wrappers::make;

/// All victims of this binary.
const VICTIMS: Victims = Victims(&[crashed::VICTIMS]);

#[test]
fn victim() {
    VICTIMS.run_chosen();
}
