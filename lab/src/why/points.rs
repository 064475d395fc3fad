//! At which times everything is drawn anew: where the curve is looked at.
//!
//! First at the beginning, then evenly, then by bisection: where the last run passes, and where the share of
//! runs that fail crosses the middle. There half a batch is enough if some of it passes: neighbours tell the rest.
//! A time is a number of milliseconds, the grain of a run's timers.

use std::collections::BTreeMap;

use super::stats::{share, tally};

/// How many parts the run is cut into at first.
const PARTS: u64 = 8;

/// How often the point at which all was lost is drawn again before it is believed, in batches.
const AGAIN: u64 = 2;

/// What came of the runs drawn anew from a time on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) runs: u64,
    pub(crate) failed: u64,
}

impl Count {
    pub(crate) fn passed(self) -> u64 {
        self.runs - self.failed
    }
}

/// The curve so far.
#[derive(Debug)]
pub(crate) struct Curve {
    counts: BTreeMap<u64, Count>,
    /// The first millisecond in which nothing can change the verdict any more: the run has failed.
    end: u64,
    /// How many runs make a point.
    batch: u64,
    /// How many points there may be.
    points: usize,
}

/// The times between which a failure became inevitable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) open: u64,
    pub(crate) last_pass: u64,
    pub(crate) lost: u64,
}

impl Curve {
    /// A curve of a run that failed in the millisecond before `end`, at up to `points` points of `batch` runs.
    pub(crate) fn new(end: u64, batch: u64, points: usize) -> Curve {
        Curve { counts: BTreeMap::new(), end: end.max(1), batch, points }
    }

    /// How many runs make a point.
    pub(crate) fn batch(&self) -> u64 {
        self.batch
    }

    pub(crate) fn counts(&self) -> &BTreeMap<u64, Count> {
        &self.counts
    }

    /// More runs were drawn anew from `at` on.
    pub(crate) fn add(&mut self, at: u64, count: Count) {
        let sum = self.counts.entry(at).or_default();
        sum.runs += count.runs;
        sum.failed += count.failed;
    }

    /// Where to look next, and by how many runs; nothing if the curve is known well enough.
    pub(crate) fn next(&self) -> Vec<(u64, u64)> {
        let first = self.counts.get(&0).copied().unwrap_or_default();
        if first.runs < self.batch {
            return vec![(0, self.batch - first.runs)];
        }
        if first.passed() == 0 {
            // From the beginning on nothing passes; one batch says little of that.
            let more = self.wanted(0);
            return if more { vec![(0, self.batch)] } else { Vec::new() };
        }
        let mut grid: Vec<u64> = (1..PARTS).map(|part| part * self.end / PARTS).collect();
        grid.retain(|at| *at > 0 && !self.counts.contains_key(at));
        grid.dedup();
        if !grid.is_empty() {
            return grid.into_iter().map(|at| (at, self.batch)).collect();
        }
        let Some(Bounds { open, last_pass, lost }) = self.bounds() else { return Vec::new() };
        let is_full = self.counts.len() >= self.points;
        // So many are drawn of a point that only has to say whether anything passes.
        let half = (self.batch.div_ceil(4) * 2).min(self.batch);
        if lost < self.end && self.counts[&lost].runs < self.batch {
            return vec![(lost, self.batch - half)];
        }
        if !is_full && lost - last_pass > 1 {
            return vec![(u64::midpoint(last_pass, lost), half)];
        }
        if lost < self.end && self.wanted(lost) {
            return vec![(lost, self.batch)];
        }
        let closed = self.after(open);
        if !is_full && closed - open > 1 {
            return vec![(u64::midpoint(open, closed), half)];
        }
        Vec::new()
    }

    /// Whether a point at which nothing passed is to be drawn again.
    fn wanted(&self, at: u64) -> bool {
        self.counts.get(&at).is_some_and(|count| count.runs < self.batch * (1 + AGAIN))
    }

    /// The point after `at`, or the end.
    fn after(&self, at: u64) -> u64 {
        self.counts.range(at + 1..).next().map_or(self.end, |(&at, _)| at)
    }

    /// Where the curve crosses the middle, and where the last run passes: each from a point to the next. That is
    /// where most was decided.
    pub(crate) fn jumps(&self) -> [[u64; 2]; 2] {
        let bounds = self.bounds();
        let Bounds { open, last_pass, lost } =
            bounds.unwrap_or(Bounds { open: 0, last_pass: 0, lost: 0 });
        [[open, self.after(open)], [last_pass, lost]]
    }

    /// Between which times the failure became inevitable; `None` if it was so from the beginning.
    pub(crate) fn bounds(&self) -> Option<Bounds> {
        let last_pass = *self.counts.iter().rev().find(|(_, count)| count.passed() > 0)?.0;
        let at = |count: &Count| share(tally(count.runs, count.failed));
        let middle = f64::midpoint(1.0, self.counts.get(&0).map_or(0.0, at));
        // A share that only seems to be above the middle where it can't be told is open still.
        let is_open = |count: &Count| at(count) <= middle;
        let open = self.counts.iter().rev().find(|(_, count)| is_open(count));
        let open = open.map_or(0, |(&at, _)| at).min(last_pass);
        Some(Bounds { open, last_pass, lost: self.after(last_pass) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Follows a curve whose share of failures at each time is `share`, exactly.
    fn follow(end: u64, share: impl Fn(u64) -> f64) -> Curve {
        let mut curve = Curve::new(end, 30, 28);
        for _ in 0..100 {
            let next = curve.next();
            if next.is_empty() {
                return curve;
            }
            for (at, runs) in next {
                let failed = (share(at) * runs as f64).floor() as u64;
                curve.add(at, Count { runs, failed });
            }
        }
        panic!("it never ends: {curve:?}");
    }

    #[test]
    fn a_jump_is_found_to_the_millisecond() {
        for jump in [1, 2, 777, 4999, 8409] {
            let curve = follow(8410, |at| if at < jump { 0.1 } else { 1.0 });
            let bounds = Bounds { open: jump - 1, last_pass: jump - 1, lost: jump };
            assert_eq!(curve.bounds(), Some(bounds), "{curve:?}");
            assert!(curve.counts().len() <= 28);
        }
    }

    #[test]
    fn a_run_that_is_open_to_the_end_was_lost_when_it_failed() {
        let curve = follow(8410, |_| 0.5);
        let bounds = Bounds { open: 8409, last_pass: 8409, lost: 8410 };
        assert_eq!(curve.bounds(), Some(bounds));
    }

    #[test]
    fn what_cannot_pass_is_looked_at_from_the_beginning_only() {
        let curve = follow(8410, |_| 1.0);
        assert_eq!(curve.bounds(), None);
        let counts: Vec<_> = curve.counts().iter().collect();
        assert_eq!(counts, [(&0, &Count { runs: 90, failed: 90 })]);
    }

    /// A rise in two steps: the first makes the failure likely, the second certain.
    #[test]
    fn a_slow_rise_is_a_wide_interval() {
        let share = |at| match at {
            0..1000 => 0.1,
            1000..6000 => 0.9,
            _ => 1.0,
        };
        let bounds = follow(8410, share).bounds();
        assert_eq!(bounds, Some(Bounds { open: 999, last_pass: 5999, lost: 6000 }));
    }

    /// A point at which all 30 failed by accident is found out when it is drawn again.
    #[test]
    fn what_seemed_lost_and_was_not_is_looked_at_again() {
        let mut curve = Curve::new(100, 30, 28);
        curve.add(0, Count { runs: 30, failed: 3 });
        for part in 1..PARTS {
            let at = part * 100 / PARTS;
            curve.add(at, Count { runs: 30, failed: if at < 50 { 3 } else { 30 } });
        }
        assert_eq!(curve.bounds().map(|bounds| bounds.lost), Some(50));
        curve.add(50, Count { runs: 30, failed: 29 });
        let bounds = curve.bounds().expect("some passed");
        assert_eq!((bounds.last_pass, bounds.lost), (50, 62));
        assert_eq!(curve.next(), [(56, 16)]);
    }
}
