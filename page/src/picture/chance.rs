//! When the failure became inevitable, as a curve.

use report::why::{Point, Why};
use serde::Serialize;

/// The share of runs that fail if all that chance decides is drawn anew, over the time from which on it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Chance {
    /// The points of the curve, by time.
    pub points: Vec<Drawn>,
    /// When the failure became inevitable; `None` if it was so from the beginning.
    pub lost: Option<[u64; 2]>,
}

/// A time, and what came of the runs in which everything was drawn anew from there on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Drawn {
    /// The time.
    pub at: u64,
    /// How many runs there were.
    pub runs: u64,
    /// How many of them failed.
    pub failed: u64,
}

impl Drawn {
    pub(crate) fn share(self) -> f64 {
        self.failed as f64 / self.runs.max(1) as f64
    }
}

impl Chance {
    pub(crate) fn of(why: &Why) -> Chance {
        let drawn = |point: &Point| Drawn {
            at: point.at.0,
            runs: point.tally.runs,
            failed: point.tally.failed,
        };
        Chance {
            points: why.curve.iter().map(drawn).collect(),
            lost: why.interval.as_ref().map(|interval| [interval.open.0, interval.lost.0]),
        }
    }
}
