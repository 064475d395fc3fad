//! The tasks of a run: whose each is, who spawned it, and whether they ever let time pass.
//!
//! All of it comes from the runtime's task hooks, which tokio has behind `tokio_unstable`. Without
//! them nothing is known of tasks.

use crate::context::{Activity, Owner};

/// A task that is alive, and what is known of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Task {
    /// Whose task it is.
    pub owner: Owner,
    /// What it is: a task, by the line that spawned it, or a handler that waits.
    pub activity: Activity,
}

#[cfg(tokio_unstable)]
pub(crate) use hooks::Tasks;

#[cfg(not(tokio_unstable))]
#[derive(Debug, Default)]
pub(crate) struct Tasks;

#[cfg(not(tokio_unstable))]
impl Tasks {
    pub(crate) fn alive(&self) -> Vec<Task> {
        Vec::new()
    }

    pub(crate) fn time_passed(&self) {}

    pub(crate) fn take_ran(&self) -> Vec<Owner> {
        Vec::new()
    }
}

#[cfg(tokio_unstable)]
mod hooks {
    use std::collections::HashMap;
    use std::hash::{BuildHasherDefault, Hasher};
    use std::panic::Location;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::{Mutex, MutexGuard, PoisonError};

    use tokio::runtime::Builder;
    use tokio::task::Id;

    use super::Task;
    use crate::context::{self, Activity, Context, Owner};
    use crate::misuse::Misuse;
    use crate::run::{Clock, Sim};

    /// How many polls may happen at one instant of a virtual clock before it is taken for a loop
    /// that never lets time pass. A hundred servers that all stand for election at once need some
    /// tens of thousands.
    const POLLS_AT_ONE_INSTANT: u64 = 1_000_000;

    /// Where a handler is given a task of its own, when it waits.
    const HANDLERS_ARE_SPAWNED_IN: &str = "labrpc/src/pump.rs";

    /// What a task is that is spawned by code with this `activity`.
    fn activity_of_task(activity: Activity, spawned_at: &'static Location<'static>) -> Activity {
        match activity {
            handler @ Activity::Handler(_)
                if spawned_at.file().ends_with(HANDLERS_ARE_SPAWNED_IN) =>
            {
                handler
            }
            _ => Activity::Task(spawned_at),
        }
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

    /// What the hooks keep.
    #[derive(Debug, Default)]
    pub(crate) struct Tasks {
        alive: Mutex<HashMap<Id, Task, BuildHasherDefault<IdHasher>>>,
        polls_since_time_passed: AtomicU64,
        /// Whose tasks have been polled since that was asked last; by the virtual clock only.
        ran: Mutex<Vec<Owner>>,
    }

    impl Tasks {
        fn lock(&self) -> MutexGuard<'_, HashMap<Id, Task, BuildHasherDefault<IdHasher>>> {
            self.alive.lock().unwrap_or_else(PoisonError::into_inner)
        }

        /// The tasks that have an owner and have not ended, in no particular order.
        pub(crate) fn alive(&self) -> Vec<Task> {
            self.lock().values().copied().collect()
        }

        /// Whose tasks have been polled since this was called last, each once.
        pub(crate) fn take_ran(&self) -> Vec<Owner> {
            let mut ran = self.ran.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *ran)
        }

        fn has_run(&self, owner: Owner) {
            let mut ran = self.ran.lock().unwrap_or_else(PoisonError::into_inner);
            if !ran.contains(&owner) {
                ran.push(owner);
            }
        }

        /// The clock has moved.
        pub(crate) fn time_passed(&self) {
            self.polls_since_time_passed.store(0, Ordering::Relaxed);
        }

        /// Installs the hooks of `sim` on a runtime that is being built.
        pub(crate) fn install(sim: &Sim, builder: &mut Builder) {
            let spawned = sim.clone();
            builder.on_task_spawn(move |meta| {
                if let Some(Context { owner, activity }) = context::current() {
                    let activity = activity_of_task(activity, meta.spawned_at());
                    spawned.tasks().lock().insert(meta.id(), Task { owner, activity });
                }
            });
            let polled = sim.clone();
            builder.on_before_task_poll(move |meta| {
                let task = polled.tasks().lock().get(&meta.id()).copied();
                context::set(task.map(|Task { owner, activity }| Context { owner, activity }));
                if polled.clock() == Clock::Real {
                    return; // which stands still for nobody
                }
                // Only this thread counts, so that adding needs no atomic step.
                let counter = &polled.tasks().polls_since_time_passed;
                let polls = counter.load(Ordering::Relaxed);
                counter.store(polls + 1, Ordering::Relaxed);
                if polls == POLLS_AT_ONE_INSTANT {
                    polled.misused(Misuse::TimeStandsStill { spawned_at: meta.spawned_at() });
                }
            });
            let ran = sim.clone();
            builder.on_after_task_poll(move |_| {
                if ran.clock() == Clock::Virtual
                    && let Some(Context { owner, .. }) = context::current()
                {
                    ran.tasks().has_run(owner);
                }
                context::set(None);
            });
            let ended = sim.clone();
            builder.on_task_terminate(move |meta| {
                ended.tasks().lock().remove(&meta.id());
            });
        }
    }
}
