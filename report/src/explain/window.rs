//! The failing check: from its beginning to the failure.

use crate::event::Time;
use crate::failure::Failure;
use crate::story::{Moment, Step, Story};

/// The failing check's time, and who could have done what it waited for.
#[derive(Clone, Debug)]
pub struct Window {
    /// When the failing check began.
    pub from: Time,
    /// When it failed.
    pub until: Time,
    /// Since when the same servers have been up; at or before `until`.
    pub settled: Time,
    /// The servers that were alive and connected at the failure.
    pub up: Vec<usize>,
}

impl Window {
    /// The failing check of the run of `story`, which failed by `failure`.
    #[must_use]
    pub fn of(story: &Story, failure: &Failure) -> Window {
        // Of some failures no time is known.
        let until = if failure.at == Time(0) { story.end } else { failure.at };
        let began = |step: &&Step| !step.is_fault && step.moment.at <= until;
        let from = story.steps.iter().rev().find(began).map_or(Time(0), |step| step.moment.at);
        let settled = story.settled_since().min(until);
        Window { from, until, settled, up: story.up(until) }
    }

    /// Whether `at` is within.
    #[must_use]
    pub fn contains(&self, at: Time) -> bool {
        self.from <= at && at <= self.until
    }

    /// The moment after all that happened until the failure.
    #[must_use]
    pub fn end(&self) -> Moment {
        Moment { place: usize::MAX, at: self.until }
    }
}
