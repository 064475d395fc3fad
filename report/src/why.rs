//! When a run's failure became inevitable, and what made it so: what `cargo lab why` finds and stores.
//!
//! It lies beside the run's history as `TestX-7.why.json`, one JSON object, which is [`Why`]. `docs/why.md` says
//! how to read it. Times are microseconds of the run's clock, as in the history, and calls are the history's.

use serde::{Deserialize, Serialize};

use crate::event::{Caller, RpcId, Time};
use crate::explain::Confidence;
use crate::failure::Failure;
use crate::variation::{Source, Variation};

/// When a run's failure became inevitable, and what made it so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Why {
    /// The number of this form: [`Why::FORMAT`]. It goes up when a reader of the old form could no longer read
    /// the new one; fields may be added without that.
    pub format: u32,
    /// The test's name.
    pub test: String,
    /// The run's seed.
    pub seed: u64,
    /// The hash of the run's history, as the stored history has it.
    pub history: String,
    /// How the run failed.
    pub failure: Failure,
    /// The share of redrawn runs that fail, over the time from which on all was drawn anew; by time.
    pub curve: Vec<Point>,
    /// When the failure became inevitable; `None` if it was so from the beginning: this code can't pass this
    /// test.
    pub interval: Option<Interval>,
    /// What comes of it if only a part of what chance decides is drawn anew from the interval's beginning on.
    pub sources: Vec<Share>,
    /// How many single changes were tried within the interval.
    pub tried: u64,
    /// How many more there are, which were too many to try.
    pub left_out: u64,
    /// Those after which the run passes.
    pub causes: Vec<Cause>,
    /// What the explanation of the run says first, and when that happened; `None` if it says nothing.
    pub specification: Option<Specified>,
}

/// A time, and what came of the runs in which everything was drawn anew from there on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// The time.
    pub at: Time,
    /// What came of them.
    #[serde(flatten)]
    pub tally: Tally,
}

/// How many runs of some failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    /// How many there were.
    pub runs: u64,
    /// How many of them failed, in whatever way.
    pub failed: u64,
    /// The least share that fails, with 95 % confidence (Clopper and Pearson, both sides).
    pub least: f64,
    /// The greatest share.
    pub most: f64,
}

/// When a failure became inevitable: between two points of the curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The last point at which the run was open: at most halfway from the share at the beginning to all.
    pub open: Time,
    /// The last point from which on a run passed.
    pub last_pass: Time,
    /// The first point from which on none did, nor from any later one.
    pub lost: Time,
    /// When the last of what was decided within the interval took effect: the last of the causes' messages had come
    /// back, the elections that the timers began were over, and what servers sent at once because of either had arrived.
    /// Not before `lost`.
    pub felt: Time,
    /// What came of the runs from `lost` on, this point alone: how sure it is that all was lost.
    pub at_lost: Tally,
    /// The same of all points from there on.
    pub since: Tally,
}

/// A part of what chance decides, and what came of the runs in which it alone was drawn anew.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// What was drawn anew.
    pub source: Source,
    /// What came of it.
    #[serde(flatten)]
    pub tally: Tally,
}

/// Something that turned the verdict when it alone was changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cause {
    /// What it was.
    pub what: Subject,
    /// What happened to it in the run, in words.
    pub was: String,
    /// What was changed, in words; each of these changes turned the verdict.
    pub changed: Vec<String>,
    /// The first of the changes, to be repeated by `LAB_VARY`.
    pub variation: Variation,
    /// How many changes of it were tried.
    pub tried: u64,
    /// How many of them turned the verdict.
    pub turned: u64,
}

/// What can be changed alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// A call between servers.
    Call {
        /// Its number in the history.
        id: RpcId,
        /// Service and method.
        method: String,
        /// The server that sent it.
        from: Caller,
        /// The server to which it went.
        to: u32,
        /// The term that it names, if that can be read.
        term: Option<u64>,
        /// When it was sent.
        sent: Time,
    },
    /// The random numbers that a server drew in a turn: where a timer is set.
    Draw {
        /// The server.
        server: u32,
        /// When.
        at: Time,
    },
}

/// What the explanation of the run says first, held against the curve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Specified {
    /// The finding's name.
    pub id: String,
    /// What is wrong.
    pub what: String,
    /// How sure it is.
    pub confidence: Confidence,
    /// When it began: the first of what shows it.
    pub from: Time,
    /// When it was complete: the step that breaks the rule, or the last of what shows it.
    pub at: Time,
    /// When the same rule was broken again within the interval, if all of the above was before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<Time>,
    /// Where that is.
    pub relation: Relation,
}

/// Where a finding is, seen from the interval in which the failure became inevitable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// It was complete before: the run could still have passed.
    Before,
    /// Some of it is within.
    Within,
    /// It began afterwards: the failure was inevitable before it showed.
    After,
    /// There is no interval, as the code can't pass the test.
    CannotPass,
}

impl Why {
    /// The form that is written here.
    pub const FORMAT: u32 = 2;
}

impl Interval {
    /// Where something is that began at `from` and was complete at `at`: within is what can have to do with what was
    /// decided between `open` and `lost`, which took effect until `felt`.
    #[must_use]
    pub fn relation(&self, from: Time, at: Time) -> Relation {
        if at < self.open {
            Relation::Before
        } else if from > self.felt {
            Relation::After
        } else {
            Relation::Within
        }
    }
}
