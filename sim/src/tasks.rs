//! The tasks of a run: whose each is, which line spawned it, and whether they ever let time pass.
//!
//! All of it comes from the runtime's task hooks, which tokio has behind `tokio_unstable`. Without
//! them nothing is known of tasks.

#[cfg(not(tokio_unstable))]
use std::panic::Location;

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

    pub(crate) fn spawned_most(&self) -> Option<(&'static Location<'static>, u64)> {
        None
    }

    pub(crate) fn take_ran(&self) -> Vec<Owner> {
        Vec::new()
    }
}

#[cfg(tokio_unstable)]
mod hooks {
    use std::collections::{BTreeMap, HashMap};
    use std::hash::{BuildHasherDefault, Hasher};
    use std::panic::Location;
    use std::sync::{Mutex, MutexGuard, PoisonError};

    use tokio::runtime::Builder;
    use tokio::task::Id;

    use super::Task;
    use crate::clock_guard;
    use crate::context::{self, Activity, Context, Owner};
    use crate::misuse::Misuse;
    use crate::run::Sim;
    use crate::settings::Clock;
    use crate::tally;

    /// How many polls may happen at one instant of a virtual clock before it is taken for a loop
    /// that never lets time pass. A hundred servers that all stand for election at once need some
    /// tens of thousands.
    const POLLS_AT_ONE_INSTANT: u64 = 1_000_000;

    /// How many tasks may be spawned within 10 ms of virtual time. Fewer than polls at one instant, as
    /// each spawned task is polled.
    const TASKS_IN_A_BURST: u64 = 500_000;

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

        /// The line that spawned most of these tasks, and how many; `None` if there are none, or if
        /// the run's thread has died in the middle of counting them.
        pub(crate) fn spawned_most(&self) -> Option<(&'static Location<'static>, u64)> {
            let alive = tally::lock_of_the_dead(&self.alive)?;
            let mut counts: BTreeMap<(&str, u32), (&Location<'_>, u64)> = BTreeMap::new();
            #[expect(clippy::iter_over_hash_type, reason = "they are counted, in whatever order")]
            for Task { activity, .. } in alive.values() {
                if let Activity::Task(at) = activity {
                    counts.entry((at.file(), at.line())).or_insert((at, 0)).1 += 1;
                }
            }
            counts.into_values().max_by_key(|(_, count)| *count)
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

        /// Installs the hooks of `sim` on a runtime that is being built.
        pub(crate) fn install(sim: &Sim, builder: &mut Builder) {
            let spawned = sim.clone();
            builder.on_task_spawn(move |meta| {
                let now_us = spawned.virtual_us();
                if spawned.tally().spawned(now_us) == TASKS_IN_A_BURST
                    && spawned.clock() == Clock::Virtual
                {
                    let (count, within) = spawned.tally().spawned_lately(now_us);
                    let spawned_at = Some(meta.spawned_at());
                    Misuse::MassOfTasks { spawned: count, within, spawned_at }.end_code();
                }
                if let Some(Context { owner, activity }) = context::current() {
                    let activity = activity_of_task(activity, meta.spawned_at());
                    spawned.tasks().lock().insert(meta.id(), Task { owner, activity });
                }
            });
            let polled = sim.clone();
            builder.on_before_task_poll(move |meta| {
                let task = polled.tasks().lock().get(&meta.id()).copied();
                context::set(task.map(|Task { owner, activity }| Context { owner, activity }));
                clock_guard::begin_turn();
                if polled.clock() == Clock::Real {
                    return; // which stands still for nobody
                }
                if polled.tally().polled() == POLLS_AT_ONE_INSTANT {
                    let (polls, spawned_at) = (POLLS_AT_ONE_INSTANT, Some(meta.spawned_at()));
                    polled.misused(Misuse::TimeStandsStill { polls, spawned_at });
                }
            });
            let ran = sim.clone();
            builder.on_after_task_poll(move |_| {
                if ran.clock() == Clock::Virtual
                    && let Some(Context { owner, .. }) = context::current()
                {
                    ran.tasks().has_run(owner);
                }
                clock_guard::end_turn();
                context::set(None);
            });
            let ended = sim.clone();
            builder.on_task_terminate(move |meta| {
                ended.tasks().lock().remove(&meta.id());
            });
        }
    }
}
