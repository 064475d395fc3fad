//! Who is told of a run's tasks: of turns, of rests, and of ends.

use std::sync::OnceLock;

use crate::context;
use crate::tasks::TaskEnd;

/// Whose turn it is; see [`Sim::on_turn`](crate::Sim::on_turn).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// A task of the script's or the network's is about to be polled. They are numbered in the order in which they are
    /// spawned; 0 is the script itself.
    Numbered(u32),
    /// A task of the tester's is about to be polled that has no number.
    Other,
    /// All tasks wait, and time is about to go on.
    Rest,
}

/// Those who are told.
#[derive(Default)]
pub(crate) struct Listeners {
    /// Is told whose tasks have run, when no task can go on.
    pub(crate) on_rest: OnceLock<OnRest>,
    /// Is told of tasks that have ended.
    pub(crate) on_task_end: OnceLock<OnTaskEnd>,
    /// Is told whose turn it is.
    pub(crate) on_turn: OnceLock<OnTurn>,
}

/// Is told of a task that has ended.
pub(crate) type OnTaskEnd = Box<dyn Fn(TaskEnd) + Send + Sync>;

/// Is told whose turn it is.
pub(crate) type OnTurn = Box<dyn Fn(Turn) + Send + Sync>;

/// Is told whose tasks have run.
pub(crate) type OnRest = Box<dyn Fn(context::Owner) + Send + Sync>;
