//! Rules on a history that breaks them, and on a legal one that looks alike: those of the steps first, then
//! those that are looked for under a failed check.

mod habits;
mod heartbeats;
mod own;
mod roles;
mod steps;

use report::spec;

use crate::run::Run;

/// The rules that a run breaks, in order.
fn broken(run: &Run) -> Vec<&'static str> {
    spec::judge(&run.story()).iter().map(|breach| breach.rule.id).collect()
}
