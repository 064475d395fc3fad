//! A run's history as data: what happened, when, to whom, and how it failed; and what is to be made
//! of it.
//!
//! The network and the tester write one stream of [`Event`]s; everything that is shown of a run is
//! read from it. Nothing here formats anything while a run goes on: an event holds the bytes that
//! were on the wire and functions that can read them later.
//!
//! * [`Event`] and [`EventKind`]: one thing that happened, and when.
//! * [`History`]: the events of a run in order, and the [hash](History::hash) that tells whether
//!   two runs were the same run.
//! * [`Payload`]: an encoded message; [`Fields`]: what it says in Raft's terms.
//! * [`Record`]: a run as it is stored. [`Story`]: a run put together from its events.
//! * [`spec`]: the rules that hold in every run. [`explain()`]: why a run failed.
//! * [`text`]: what is printed of a failed run.
//! * [`RunResult`] and [`Verdict`]: what came of a run, as it is stored and counted.
//! * [`Variation`]: how a run parts from its seed's.
//! * [`why::Why`]: when a failure became inevitable.
//! * [`Failure`] and [`FailureKind`]: why a run failed. [`without_numbers`] finds those that failed
//!   alike.

mod check;
mod death;
mod entry;
mod event;
pub mod explain;
mod failure;
mod fields;
mod habits;
mod history;
mod known_bug;
mod lines;
mod mark;
mod numbered;
mod outcome;
mod payload;
mod record;
mod result;
mod reused;
pub mod spec;
pub mod story;
pub mod text;
mod unreadable;
mod variation;
pub mod why;

pub use check::{Accepted, Activity, Budget, Check, Saved, SnapshotFault};
pub use death::{DeathKind, with_cause};
pub use entry::entry_line;
pub use event::{
    Caller, Detail, Event, EventKind, NetworkChange, Role, RpcId, StepKind, TaskEnding, Time,
};
pub use explain::explain;
pub use failure::{Demand, Failure, FailureKind, without_numbers};
pub use fields::{Fields, Named, Names};
pub use history::History;
pub use known_bug::{BugKind, KnownBug};
pub use lines::{RESULTS, add_lines};
pub use mark::{Asked, Durable, Mark, TesterCall};
pub use outcome::Outcome;
pub use payload::Payload;
pub use record::Record;
pub use result::{Measured, Process, RunResult, Verdict};
pub use story::{Purpose, Story};
pub use unreadable::Unreadable;
pub use variation::{CallChange, DrawChange, Drawn, Redraw, Source, Variation, Way};

/// The folder of this crate's sources, no line of which is the user's.
#[doc(hidden)]
pub const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
