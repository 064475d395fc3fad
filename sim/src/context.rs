//! On whose behalf the current poll runs: which server's code, and doing what.
//!
//! The tester enters a context when it calls a server (`make`, `start`), the network when it polls
//! a server's handler. Tasks that such code spawns inherit its owner; that needs the runtime's task
//! hooks, which tokio has behind `tokio_unstable`. Without them a spawned task has no owner, and
//! whoever reports on it has only the line to go by.

use std::cell::Cell;
use std::fmt;
use std::panic::Location;
use std::sync::atomic::{AtomicUsize, Ordering};

/// One life of one server: a server that crashes and restarts comes back as the next incarnation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Owner {
    /// The server's number, from 0.
    pub server: u32,
    /// Which of its lives, from 1.
    pub incarnation: u32,
}

/// What the owner's code was entered for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// A call of the tester's, by its name in the contract, such as `make` or `start`.
    Call(&'static str),
    /// A handler of an RPC, by service and method, such as `Raft.RequestVote`.
    Handler(&'static str),
    /// A task that the owner spawned, and the line that did.
    Task(&'static Location<'static>),
}

impl Activity {
    /// The line that spawned the task, if it is one.
    #[must_use]
    pub fn spawned_at(self) -> Option<&'static Location<'static>> {
        match self {
            Activity::Task(at) => Some(at),
            Activity::Call(_) | Activity::Handler(_) => None,
        }
    }
}

impl fmt::Display for Activity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Activity::Call(name) => write!(f, "{name}"),
            Activity::Handler(method) => write!(f, "the handler of {method}"),
            Activity::Task(at) => write!(f, "a task spawned at {}:{}", at.file(), at.line()),
        }
    }
}

/// The owner and activity of the code that runs now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    /// Whose code it is.
    pub owner: Owner,
    /// What it is doing.
    pub activity: Activity,
}

/// A thread's context, which a signal's handler may read at any time: a context is of several words, and
/// the signal may come between two of them. So there are two places, and one atomic says which of them is
/// the context. The other one is written before that changes.
struct Current {
    places: [Cell<Option<Context>>; 2],
    which: AtomicUsize,
}

impl Current {
    const fn none() -> Current {
        Current { places: [const { Cell::new(None) }; 2], which: AtomicUsize::new(0) }
    }

    fn get(&self) -> Option<Context> {
        self.places[self.which.load(Ordering::Acquire) & 1].get()
    }

    fn set(&self, context: Option<Context>) {
        let other = self.which.load(Ordering::Relaxed) & 1 ^ 1;
        self.places[other].set(context);
        // The order is for this thread's own handlers: the processor needs nothing for it.
        self.which.store(other, Ordering::Release);
    }

    fn replace(&self, context: Option<Context>) -> Option<Context> {
        let before = self.get();
        self.set(context);
        before
    }
}

thread_local! {
    // Without a destructor, so that reading it does nothing else at whatever point of a thread's life.
    static CURRENT: Current = const { Current::none() };
}

/// The context of the code that runs now; `None` for the tester's and the script's own code.
#[must_use]
pub fn current() -> Option<Context> {
    CURRENT.with(Current::get)
}

/// Makes `context` the current one until the next poll: for the task hooks, which have no scope.
pub(crate) fn set(context: Option<Context>) {
    CURRENT.with(|current| current.set(context));
}

/// The same, and returns what was the context before.
pub(crate) fn replace(context: Option<Context>) -> Option<Context> {
    CURRENT.with(|current| current.replace(context))
}

#[cfg(test)]
mod tests {
    use super::{Activity, Context, Current, Owner};

    fn of_server(server: u32) -> Option<Context> {
        let owner = Owner { server, incarnation: 1 };
        Some(Context { owner, activity: Activity::Call("start") })
    }

    /// A signal that comes now meets a place that is half written, and reads the other.
    #[test]
    fn while_a_context_is_written_another_is_read() {
        let current = Current::none();
        for server in 0..3 {
            current.set(of_server(server));
            assert_eq!(current.get(), of_server(server));
            let being_written = &current.places[(current.which.load(super::Ordering::Relaxed)) ^ 1];
            being_written.set(of_server(99));
            assert_eq!(current.get(), of_server(server));
        }
        assert_eq!(current.replace(None), of_server(2));
        assert_eq!(current.get(), None);
    }
}
