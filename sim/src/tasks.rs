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

/// How long a task must have lasted for its end to be told, in microseconds: a Raft spawns a task for each
/// call, and what these do is seen of the calls.
#[cfg(tokio_unstable)]
const LASTED_US: u64 = 100_000;

/// How many ends of tasks are told of each owner and line.
#[cfg(tokio_unstable)]
const ENDS_OF_A_LINE: u32 = 64;

/// A task that has ended, by the virtual clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskEnd {
    /// Whose task it was.
    pub owner: Owner,
    /// The line that spawned it.
    pub spawned_at: &'static Location<'static>,
    /// When it was spawned, in microseconds of the run's time.
    pub began_us: u64,
    /// How it ended.
    pub how: Ended,
}

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Its code ran to its end.
    Returned,
    /// It panicked.
    Panicked,
    /// None of its code is seen to have run when it ended: it was aborted, or it returned as soon as something
    /// woke it that neither tokio counts nor the network tells, such as a [`tokio::sync::Notify`].
    LikelyAborted,
}

/// What is known of a task that is alive.
#[derive(Clone, Copy, Debug)]
struct Known {
    task: Task,
    /// When it was spawned, by the virtual clock.
    #[cfg(tokio_unstable)]
    began_us: u64,
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

/// A line that spawns tasks: server and incarnation, file and line.
#[cfg(tokio_unstable)]
type Line = (u32, u32, &'static str, u32);

/// The tasks that the hooks have told of.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    alive: Mutex<HashMap<Id, Known, BuildHasherDefault<IdHasher>>>,
    /// By the virtual clock only.
    ran: Mutex<Ran>,
    #[cfg(tokio_unstable)]
    numbered: Mutex<Numbered>,
    /// How many ends were told, by owner and line.
    #[cfg(tokio_unstable)]
    told: Mutex<BTreeMap<Line, u32>>,
}

/// The tasks of the script and the network.
#[cfg(tokio_unstable)]
#[derive(Debug, Default)]
struct Numbered {
    /// Those that are alive, each with its number.
    alive: Vec<(Id, u32)>,
    /// How many there were.
    count: u32,
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
    /// The task of this `id` has been spawned, at `began_us` by the virtual clock.
    #[cfg(tokio_unstable)]
    pub(crate) fn add(&self, id: Id, task: Task, began_us: u64) {
        self.alive.lock().insert(id, Known { task, began_us });
    }

    /// A task of the script's or the network's has been spawned.
    #[cfg(tokio_unstable)]
    pub(crate) fn add_numbered(&self, id: Id) {
        let mut numbered = self.numbered.lock();
        let number = numbered.count;
        numbered.alive.push((id, number));
        numbered.count += 1;
    }

    /// The number that the next task of the script's or the network's gets.
    pub(crate) fn next_number(&self) -> u32 {
        #[cfg(tokio_unstable)]
        return self.numbered.lock().count;
        #[cfg(not(tokio_unstable))]
        0
    }

    /// The number of a task of the script's or the network's; `None` if it is neither.
    #[cfg(tokio_unstable)]
    pub(crate) fn number(&self, id: Id) -> Option<u32> {
        let numbered = self.numbered.lock();
        numbered.alive.iter().find(|(alive, _)| *alive == id).map(|(_, number)| *number)
    }

    /// What is known of a task.
    #[cfg(tokio_unstable)]
    pub(crate) fn get(&self, id: Id) -> Option<Task> {
        Some(self.alive.lock().get(&id)?.task)
    }

    /// A task has ended at `now_us`. Returns what there is to tell of it: only of one that has lasted for some
    /// time, and that isn't one of many of its line.
    #[cfg(tokio_unstable)]
    pub(crate) fn remove(
        &self,
        id: Id,
        now_us: u64,
        how: impl FnOnce() -> Ended,
    ) -> Option<TaskEnd> {
        let Some(known) = self.alive.lock().remove(&id) else {
            self.numbered.lock().alive.retain(|(alive, _)| *alive != id);
            return None;
        };
        let Known { task: Task { owner, activity }, began_us } = known;
        if now_us - began_us < LASTED_US {
            return None; // as nearly always
        }
        let spawned_at = activity.spawned_at()?;
        let line = (owner.server, owner.incarnation, spawned_at.file(), spawned_at.line());
        let mut told = self.told.lock();
        let count = told.entry(line).or_default();
        if *count == ENDS_OF_A_LINE {
            return None;
        }
        *count += 1;
        Some(TaskEnd { owner, spawned_at, began_us, how: how() })
    }

    /// The tasks that have an owner and have not ended, in no particular order.
    pub(crate) fn alive(&self) -> Vec<Task> {
        self.alive.lock().values().map(|known| known.task).collect()
    }

    /// The line that spawned most of these tasks, and how many; `None` if there are none, or if
    /// the run's thread has died in the middle of counting them.
    pub(crate) fn spawned_most(&self) -> Option<(&'static Location<'static>, u64)> {
        let alive = tally::lock_of_the_dead(&self.alive)?;
        let mut counts: BTreeMap<(&str, u32), (&Location<'_>, u64)> = BTreeMap::new();
        #[expect(clippy::iter_over_hash_type, reason = "they are counted, in whatever order")]
        for known in alive.values() {
            if let Some(at) = known.task.activity.spawned_at() {
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
