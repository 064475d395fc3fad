//! A run's history as data: what happened, when, to whom, and how it failed.
//!
//! The network and the tester write one stream of [`Event`]s; everything that is shown of a run is
//! read from it. Nothing here formats anything while a run goes on: an event holds the bytes that
//! were on the wire and a function that can render them later.
//!
//! * [`Event`] and [`EventKind`]: one thing that happened, and when.
//! * [`History`]: the events of a run in order, and the [hash](History::hash) that tells whether
//!   two runs were the same run.
//! * [`Rpc`]: what the events say of one call, from its sending to its return.
//! * [`Failure`] and [`FailureKind`]: why a run failed. [`without_numbers`] finds those that failed
//!   alike.

mod event;
mod failure;
mod history;
mod rpc;

pub use event::{Caller, Event, EventKind, Payload, RpcId, Time};
pub use failure::{Failure, FailureKind, without_numbers};
pub use history::History;
pub use rpc::{Outcome, Rpc};
