//! Why a run failed: from its story to at most three findings, each with its evidence.
//!
//! [`explain`] is a pure function. It begins with the failure's sentence, which says what the tester
//! missed; for each sentence there is a list of causes, the more telling ones first, and each cause is
//! a function that looks for itself in the story and returns a [`Finding`] or nothing. A finding
//! never appears without the calls and times that prove it.

mod agreement;
mod applies_late;
mod apply_order;
mod blocked;
mod budget;
mod commands;
mod doubts;
mod finding;
mod leaderless;
mod no_leader;
mod numbers;
mod one_peer_at_a_time;
mod panics;
mod red_herrings;
mod referee;
mod reply_terms;
mod saves;
mod snapshots;
mod tables;
mod terms;
mod two_leaders;
mod window;

pub use finding::{Confidence, Evidence, Explanation, Finding};
pub(crate) use finding::{certain, evidence};
pub(crate) use window::Window;

use crate::failure::{Failure, without_numbers};
use crate::monitor::{self, Tripped};
use crate::story::Story;

/// How many findings are told.
const FINDINGS: usize = 3;

/// What a cause is looked for in.
pub(crate) struct Case<'a> {
    /// The run.
    pub(crate) story: &'a Story,
    /// How it failed.
    pub(crate) failure: &'a Failure,
    /// The failing check, from its beginning to the failure.
    pub(crate) window: Window,
    /// The monitors that the run trips.
    pub(crate) tripped: &'a [Tripped],
}

/// Looks for one cause.
type Cause = fn(&Case<'_>) -> Option<Finding>;

/// Why the run of `story` failed.
#[must_use]
pub fn explain(story: &Story, failure: &Failure) -> Explanation {
    let tripped = monitor::watch(story);
    let case = Case { story, failure, window: Window::of(story, failure), tripped: &tripped };
    let mut findings: Vec<Finding> = Vec::new();
    let doubt = doubts::doubt(story);
    for finding in causes(failure).iter().filter_map(|cause| cause(&case)) {
        add_new(&mut findings, doubts::weigh(finding, doubt.as_ref()));
    }
    // Where a rule was broken for certain, that nobody led may have come of it.
    if findings.iter().all(|finding| finding.confidence > Confidence::Certain) {
        for finding in leaderless::findings(&case) {
            add_new(&mut findings, doubts::weigh(finding, doubt.as_ref()));
        }
    }
    // What breaks a rule for certain comes before what only looks like a cause.
    findings.sort_by_key(|finding| finding.confidence);
    findings.truncate(FINDINGS);
    Explanation { findings, not_the_cause: red_herrings::not_the_cause(&case) }
}

fn add_new(findings: &mut Vec<Finding>, finding: Finding) {
    if findings.iter().all(|other| other.id != finding.id) {
        findings.push(finding);
    }
}

/// The causes of failures with this sentence, the more telling ones first.
fn causes(failure: &Failure) -> &'static [Cause] {
    let sentence = failure.message.lines().next().unwrap_or_default();
    match &*without_numbers(sentence) {
        no_leader::SENTENCE => no_leader::CAUSES,
        sentence => tables::causes(failure, sentence),
    }
}
