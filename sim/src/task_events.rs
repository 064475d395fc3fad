//! What a run tells of its tasks, and when: of turns, of rests, and of ends.

use crate::context;
use crate::handle::Sim;
use crate::listeners::Turn;
use crate::tasks::TaskEnd;
#[cfg(tokio_unstable)]
use crate::tasks::Tasks;

impl Sim {
    /// By the virtual clock, calls `f` with the owner of each task that has been polled, once all tasks
    /// wait and before time goes on: nobody's code runs then. Without tokio's task hooks nothing is known
    /// of tasks, and it is never called. Only the first `f` counts.
    pub fn on_rest(&self, f: impl Fn(context::Owner) + Send + Sync + 'static) {
        let _ = self.listeners().on_rest.set(Box::new(f));
    }

    /// By the virtual clock, calls `f` for each task with an owner that ends after it has lasted for 100 ms:
    /// for 64 of them for each owner and line. It isn't called for tasks that the run's end drops; nor without
    /// tokio's task hooks. Only the first `f` counts. It is called within the task's last turn.
    pub fn on_task_end(&self, f: impl Fn(TaskEnd) + Send + Sync + 'static) {
        let _ = self.listeners().on_task_end.set(Box::new(f));
    }

    #[cfg(tokio_unstable)]
    pub(crate) fn task_ended(&self, end: TaskEnd) {
        if let Some(on_task_end) = self.listeners().on_task_end.get() {
            on_task_end(end);
        }
    }

    /// By the virtual clock, calls `f` before each turn that isn't of a server's task: nobody's code runs then, and `f`
    /// may do what wakes tasks. Without tokio's task hooks it is called only when all tasks wait. Only the first `f`
    /// counts.
    pub fn on_turn(&self, f: impl Fn(Turn) + Send + Sync + 'static) {
        let _ = self.listeners().on_turn.set(Box::new(f));
    }

    /// The number that the next task of the script's or the network's gets; see [`Turn`].
    #[must_use]
    pub fn next_number(&self) -> u32 {
        self.tasks().next_number()
    }

    #[cfg(tokio_unstable)]
    pub(crate) fn begins_turn(&self, turn: impl FnOnce(&Tasks) -> Turn) {
        if let Some(on_turn) = self.listeners().on_turn.get() {
            on_turn(turn(self.tasks()));
        }
    }

    /// All tasks wait.
    pub(crate) fn rests(&self) {
        if let Some(on_turn) = self.listeners().on_turn.get() {
            on_turn(Turn::Rest);
        }
        if let Some(on_rest) = self.listeners().on_rest.get() {
            self.take_ran().into_iter().for_each(on_rest);
        }
    }
}
