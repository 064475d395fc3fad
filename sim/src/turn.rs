//! A turn of a server's code: it runs in its context, and the clock is guarded meanwhile.

use std::cell::Cell;
#[cfg(tokio_unstable)]
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use tokio::task::JoinHandle;

use crate::context::{self, Activity, Context, Owner};
use crate::{clock_guard, draws};

/// Makes `context` the current one until the guard is dropped.
#[must_use = "the context ends when the guard is dropped"]
pub fn enter(context: Option<Context>) -> Entered {
    let entered = Entered { before: context::replace(context) };
    draws::begin_turn(crate::handle::simulated_micros);
    clock_guard::begin_turn();
    entered
}

/// Makes a call of the tester's on a server's behalf the current context until the guard is dropped.
#[must_use = "the context ends when the guard is dropped"]
pub fn enter_call(owner: Owner, call: &'static str) -> Entered {
    enter(Some(Context { owner, activity: Activity::Call(call) }))
}

/// Ends a context when it is dropped; see [`enter`].
#[derive(Debug)]
pub struct Entered {
    before: Option<Context>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        clock_guard::end_turn();
        draws::end_turn(crate::handle::simulated_micros);
        context::set(self.before);
    }
}

/// Polls `future` in `context` every time, wherever it is spawned.
pub fn within_context<F: Future + Unpin>(context: Option<Context>, future: F) -> Within<F> {
    Within { context, future }
}

/// A future whose every poll runs in one context; see [`within_context`].
#[derive(Debug)]
pub struct Within<F> {
    context: Option<Context>,
    future: F,
}

impl<F: Future + Unpin> Future for Within<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<F::Output> {
        let _entered = enter(self.context);
        Pin::new(&mut self.future).poll(task)
    }
}

thread_local! {
    /// Whether a task that is spawned now goes on with what its spawner does.
    static GOES_ON: Cell<bool> = const { Cell::new(false) };
    /// Whether a task that is spawned now gets no number.
    static IS_UNNUMBERED: Cell<bool> = const { Cell::new(false) };
}

/// Spawns a task of the tester's that gets no number: whether and when it has a turn depends on more than the script, the
/// network and what servers do.
#[track_caller]
pub fn spawn_unnumbered<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    IS_UNNUMBERED.set(true);
    let task = tokio::spawn(future);
    IS_UNNUMBERED.set(false);
    task
}

/// Whether the task that is spawned now gets a number, if it has no owner.
#[cfg(tokio_unstable)]
pub(crate) fn is_numbered() -> bool {
    !IS_UNNUMBERED.get()
}

/// Spawns a task that goes on with what the code does that runs now, such as a handler that has to wait: it
/// isn't told as a task, but as that.
#[track_caller]
pub fn go_on_in_a_task<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    GOES_ON.set(true);
    let task = tokio::spawn(future);
    GOES_ON.set(false);
    task
}

/// What a task is that is spawned at this line by code with this `activity`.
#[cfg(tokio_unstable)]
pub(crate) fn activity_of_task(
    activity: Activity,
    spawned_at: &'static Location<'static>,
) -> Activity {
    if GOES_ON.get() { activity } else { Activity::Task(spawned_at) }
}
