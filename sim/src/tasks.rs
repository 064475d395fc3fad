//! The tasks of a run: whose each is, and which line spawned it.
//!
//! All of it comes from the runtime's task hooks, which tokio has behind `tokio_unstable`. Without
//! them nothing is known of tasks.

use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};
use std::panic::Location;
use tokio::task::Id;

use crate::context::{Activity, Context, Owner};
use crate::tally;

/// A task that is alive, and what is known of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Task {
    /// Whose task it is.
    pub owner: Owner,
    /// What it is: a task, by the line that spawned it, or a handler that waits.
    pub activity: Activity,
}

/// Task ids are small and unique, so they serve as their own hash.
#[derive(Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write(&mut self, _: &[u8]) {
        unreachable!("a task id hashes as one integer")
    }
    fn write_u64(&mut self, id: u64) {
        // The multiplier spreads consecutive ids over the high bits that the table looks at.
        self.0 = id.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
    fn finish(&self) -> u64 {
        self.0
    }
}

/// The tasks that the hooks have told of.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    alive: Mutex<HashMap<Id, Task, BuildHasherDefault<IdHasher>>>,
    /// By the virtual clock only.
    ran: Mutex<Ran>,
}

/// What has been polled.
#[derive(Debug, Default)]
struct Ran {
    /// Whose tasks have been polled since that was asked last.
    owners: Vec<Owner>,
    /// What a server's task did that was polled last.
    last: Option<Context>,
}

impl Tasks {
    /// The task of this `id` has been spawned.
    #[cfg(tokio_unstable)]
    pub(crate) fn add(&self, id: Id, task: Task) {
        self.alive.lock().insert(id, task);
    }

    /// What is known of a task.
    #[cfg(tokio_unstable)]
    pub(crate) fn get(&self, id: Id) -> Option<Task> {
        self.alive.lock().get(&id).copied()
    }

    /// A task has ended.
    #[cfg(tokio_unstable)]
    pub(crate) fn remove(&self, id: Id) {
        self.alive.lock().remove(&id);
    }

    /// The tasks that have an owner and have not ended, in no particular order.
    pub(crate) fn alive(&self) -> Vec<Task> {
        self.alive.lock().values().copied().collect()
    }

    /// The line that spawned most of these tasks, and how many; `None` if there are none, or if
    /// the run's thread has died in the middle of counting them.
    pub(crate) fn spawned_most(&self) -> Option<(&'static Location<'static>, u64)> {
        let alive = tally::lock_of_the_dead(&self.alive)?;
        let mut counts: BTreeMap<(&str, u32), (&Location<'_>, u64)> = BTreeMap::new();
        #[expect(clippy::iter_over_hash_type, reason = "they are counted, in whatever order")]
        for Task { activity, .. } in alive.values() {
            if let Some(at) = activity.spawned_at() {
                counts.entry((at.file(), at.line())).or_insert((at, 0)).1 += 1;
            }
        }
        counts.into_values().max_by_key(|(_, count)| *count)
    }

    /// Whose tasks have been polled since this was called last, each once.
    pub(crate) fn take_ran(&self) -> Vec<Owner> {
        std::mem::take(&mut self.ran.lock().owners)
    }

    /// What a server's task did that was polled last; `None` if the run's thread has died in the middle of
    /// noting it.
    pub(crate) fn last_ran(&self) -> Option<Context> {
        tally::lock_of_the_dead(&self.ran)?.last
    }

    #[cfg(tokio_unstable)]
    pub(crate) fn has_run(&self, context: Context) {
        let mut ran = self.ran.lock();
        ran.last = Some(context);
        if !ran.owners.contains(&context.owner) {
            ran.owners.push(context.owner);
        }
    }
}
