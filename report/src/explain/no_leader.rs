//! Causes of `expected one leader, got none`.

use std::time::Duration;

use super::finding::{Confidence, Evidence, Finding};
use super::{Case, Cause};
use crate::event::Time;
use crate::story::{Call, Election, Purpose, Story};

pub(super) const CAUSES: &[Cause] = &[election_not_restarted];

/// For how long a candidate may ask for nothing new without being held up: longer than any election
/// timeout that lets a test pass.
const HELD_UP: Duration = Duration::from_millis(1200);

fn election_not_restarted(_: &Case<'_>) -> Option<Finding> {
    let _ = (HELD_UP, Confidence::Likely);
    None
}

/// What looks like the cause, and isn't.
pub(super) fn not_the_cause(_: &Case<'_>) -> Vec<String> {
    Vec::new()
}
#[expect(dead_code)]
fn unused(_: &Story, _: &Call, _: &Election, _: Purpose, _: Time, _: Evidence) {}
