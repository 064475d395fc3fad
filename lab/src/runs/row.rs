//! A test, and how far it is: a call of `config::test` in a test function.

use std::collections::{BTreeSet, VecDeque};
use std::ops::Range;
use std::time::Duration;

use super::{Keeps, Plan};
use crate::process::Seeds;
use crate::record::Record;
use crate::statistics::Claim;
use crate::suite::LabTest;
use crate::tally::Tally;

/// How long a process should be at work: short enough for the display to move, long enough for its
/// start not to matter.
const CHUNK: Duration = Duration::from_millis(400);

/// The most runs that a process is given.
const CHUNK_MAX: u64 = 1000;

pub(super) struct Row {
    /// Which of the suite's it is.
    pub(super) order: usize,
    pub(super) test: LabTest,
    pub(super) call: Known,
    /// The runs that have been given to nobody.
    open: VecDeque<Range<u64>>,
    /// Whether any have been given to somebody.
    is_begun: bool,
    first_seed: u64,
    pub(super) tally: Tally,
}

/// What is known of a call. A function's first call is there; whether another follows shows when a run of it
/// is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    There,
    NotYet,
    Missing,
}

impl Row {
    /// A test of which nothing has been run, but for what is among the `earlier` runs.
    pub(super) fn new(
        plan: &Plan<'_>,
        order: usize,
        test: LabTest,
        call: Known,
        earlier: &[Record],
    ) -> Row {
        let runs = plan.shard.runs(plan.iterations, order);
        let first_seed = plan.seeding.first(&test);
        let run_of = |seed: u64| seed.wrapping_sub(first_seed);
        let binary = plan.code.hash(&test);
        let is_ours = |record: &&Record| {
            let (of, seed) = ((&record.result.test, record.result.call), record.result.seed);
            of == (&test.name, test.call)
                && runs.contains(&run_of(seed))
                && record.stamp.binary == binary
        };
        let mut tally = Tally::of(runs.end - runs.start);
        let mut done = BTreeSet::new();
        for record in earlier.iter().filter(is_ours) {
            if done.insert(run_of(record.result.seed)) {
                tally.add_earlier(record.clone(), run_of);
            }
        }
        let call = if done.is_empty() { call } else { Known::There };
        Row {
            order,
            call,
            open: without(runs, &done),
            is_begun: !done.is_empty(),
            first_seed,
            tally,
            test,
        }
    }

    /// Whether more of its runs are to be begun.
    pub(super) fn is_open(&self, plan: &Plan<'_>) -> bool {
        let limits = &plan.limits;
        let is_open = match self.call {
            Known::There => true,
            Known::NotYet => !self.is_begun,
            Known::Missing => false,
        };
        is_open
            && !self.open.is_empty()
            && self.tally.given_up().is_none()
            && limits.failures.is_none_or(|most| (self.tally.failures.len() as u64) < most)
            && limits.target.is_none_or(|target| self.tally.claim(target) == Claim::Open)
    }

    /// Whether no more is to be expected of it: all of its runs are made, or the others aren't to be begun.
    pub(super) fn is_done(&self, plan: &Plan<'_>) -> bool {
        self.tally.runs >= self.tally.asked || (!self.open.is_empty() && !self.is_open(plan))
    }

    /// The share of its runs that have been made.
    pub(super) fn share_made(&self) -> f64 {
        self.tally.runs as f64 / self.tally.asked.max(1) as f64
    }

    /// Takes some runs that follow one another. It must be open.
    pub(super) fn take(&mut self, plan: &Plan<'_>) -> Seeds {
        let left: u64 = self.open.iter().map(|range| range.end - range.start).sum();
        let Tally { runs, busy, .. } = self.tally;
        let fitting = match runs {
            _ if plan.keeps != Keeps::Nothing => 1,
            0 => 1,
            runs => (CHUNK.as_secs_f64() * runs as f64 / busy.as_secs_f64()) as u64,
        };
        // Nobody should be left with the last runs while others have nothing to do.
        let fair = left.div_ceil(plan.jobs as u64);
        let range = self.open.front_mut().expect("it is open");
        let first = range.start;
        let count = fitting.min(fair).clamp(1, CHUNK_MAX).min(range.end - first);
        range.start += count;
        if range.is_empty() {
            self.open.pop_front();
        }
        self.is_begun = true;
        Seeds { first: self.first_seed.wrapping_add(first), count }
    }

    /// Which run a seed is for.
    pub(super) fn run_of(&self) -> impl Fn(u64) -> u64 + use<> {
        let first = self.first_seed;
        move |seed| seed.wrapping_sub(first)
    }
}

/// The parts of `runs` between those that are `done`.
fn without(runs: Range<u64>, done: &BTreeSet<u64>) -> VecDeque<Range<u64>> {
    let mut open = VecDeque::new();
    let mut start = runs.start;
    for &run in done.range(runs.clone()) {
        open.push_back(start..run);
        start = run + 1;
    }
    open.push_back(start..runs.end);
    open.retain(|range| !range.is_empty());
    open
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_that_are_done_are_left_out() {
        let open = |runs, done: &[u64]| {
            let open = without(runs, &done.iter().copied().collect());
            open.into_iter().map(|range| (range.start, range.end)).collect::<Vec<_>>()
        };
        assert_eq!(open(0..10, &[]), [(0, 10)]);
        assert_eq!(open(0..10, &[0, 3, 4, 9]), [(1, 3), (5, 9)]);
        assert_eq!(open(4..6, &[3, 4, 5, 6]), []);
        assert_eq!(open(0..0, &[]), []);
    }
}
