//! How a task ended, as far as its last turn shows.

use std::cell::Cell;
#[cfg(tokio_unstable)]
use std::task::{Context, Poll, Waker};

use tokio::task::Id;
#[cfg(tokio_unstable)]
use tokio::task::coop;

#[cfg(tokio_unstable)]
use crate::tasks::Ended;

thread_local! {
    /// Whether code is known to have run in the present turn of a task.
    static HAS_RUN: Cell<bool> = const { Cell::new(false) };

    /// The task that panicked last.
    static PANICKED: Cell<Option<Id>> = const { Cell::new(None) };
}

/// Notes that code of the present turn runs: not all turns have some, as that of a task which is aborted.
pub fn code_runs() {
    HAS_RUN.set(true);
}

/// A turn begins.
#[cfg(tokio_unstable)]
pub(crate) fn nothing_has_run() {
    HAS_RUN.set(false);
}

/// The present task panics.
pub(crate) fn panics() {
    PANICKED.set(tokio::task::try_id());
}

/// How much a task may do in a turn before tokio has it wait, in tokio's own unit: each wait of a task that is
/// over takes one. There is no way to ask for it.
#[cfg(tokio_unstable)]
const WHOLE_BUDGET: u32 = 128;

/// How the task ended whose turn it is. tokio tells only that it did; but a task that goes on has waited for
/// something, which takes part of its turn's budget. This uses up the rest.
#[cfg(tokio_unstable)]
pub(crate) fn how_it_ended(id: Id) -> Ended {
    if PANICKED.get() == Some(id) {
        return Ended::Panicked;
    }
    let mut nobody = Context::from_waker(Waker::noop());
    let mut left = 0;
    while left < WHOLE_BUDGET && coop::has_budget_remaining() {
        if let Poll::Ready(taken) = coop::poll_proceed(&mut nobody) {
            taken.made_progress();
        }
        left += 1;
    }
    match left {
        WHOLE_BUDGET if !HAS_RUN.get() => Ended::LikelyAborted,
        _ => Ended::Returned,
    }
}
