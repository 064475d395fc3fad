//! The runtime's task hooks: a task that is spawned gets its spawner's owner, and what tasks do at one
//! instant is counted.

use tokio::runtime::Builder;

use crate::context::{self, Context};
use crate::handle::Sim;
use crate::listeners::Turn;
use crate::misuse::Misuse;
use crate::settings::Clock;
use crate::tasks::Task;
use crate::{clock_guard, draws, last_turn, turn};

/// How many polls may happen at one instant of a virtual clock before it is taken for a loop
/// that never lets time pass. A hundred servers that all stand for election at once need some
/// tens of thousands.
const POLLS_AT_ONE_INSTANT: u64 = 1_000_000;

/// How many tasks may be spawned within 10 ms of virtual time. Fewer than polls at one instant, as
/// each spawned task is polled.
const TASKS_IN_A_BURST: u64 = 500_000;

/// Installs the hooks of `sim` on a runtime that is being built.
pub(crate) fn install(sim: &Sim, builder: &mut Builder) {
    let spawned = sim.clone();
    builder.on_task_spawn(move |meta| {
        let now_us = spawned.virtual_us();
        if spawned.tally().spawned(now_us) == TASKS_IN_A_BURST && spawned.clock() == Clock::Virtual
        {
            let (count, within) = spawned.tally().spawned_lately(now_us);
            let spawned_at = Some(meta.spawned_at());
            Misuse::MassOfTasks { spawned: count, within, spawned_at }.end_code();
        }
        if let Some(Context { owner, activity }) = context::current() {
            let activity = turn::activity_of_task(activity, meta.spawned_at());
            spawned.tasks().add(meta.id(), Task { owner, activity }, now_us);
        } else if turn::is_numbered() {
            spawned.tasks().add_numbered(meta.id());
        }
    });
    let polled = sim.clone();
    builder.on_before_task_poll(move |meta| {
        let task = polled.tasks().get(meta.id());
        context::set(task.map(|Task { owner, activity }| Context { owner, activity }));
        draws::begin_turn(crate::handle::simulated_micros);
        clock_guard::begin_turn();
        last_turn::nothing_has_run();
        if polled.clock() == Clock::Real {
            return; // which stands still for nobody
        }
        if polled.tally().polled() == POLLS_AT_ONE_INSTANT {
            let (polls, spawned_at) = (POLLS_AT_ONE_INSTANT, Some(meta.spawned_at()));
            polled.misused(Misuse::TimeStandsStill { polls, spawned_at });
        }
        if task.is_none() {
            polled.begins_turn(|tasks| tasks.number(meta.id()).map_or(Turn::Other, Turn::Numbered));
        }
    });
    let ran = sim.clone();
    builder.on_after_task_poll(move |_| {
        if ran.clock() == Clock::Virtual
            && let Some(context) = context::current()
        {
            ran.tasks().has_run(context);
        }
        clock_guard::end_turn();
        draws::end_turn(crate::handle::simulated_micros);
        context::set(None);
    });
    let ended = sim.clone();
    builder.on_task_terminate(move |meta| {
        // By the real clock it lasts for no time. When the runtime is dropped, nobody's turn is under way.
        let how = || last_turn::how_it_ended(meta.id());
        let end = ended.tasks().remove(meta.id(), ended.virtual_us(), how);
        if let Some(end) = end
            && context::current().is_some()
        {
            ended.task_ended(end);
        }
    });
}
