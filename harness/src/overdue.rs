//! What a run warns of because it should have ended long before: tasks of crashed servers, and handlers.

use std::collections::BTreeMap;
use std::time::Duration;

use report::story::{Call, Life};
use report::{Caller, Story, Time};
use sim::Task;
use sim::context::Owner;

use crate::source::shown_line;
use crate::t::T;

/// How long a crashed server's tasks may go on before the tester warns of them: long enough for the
/// slowest answer of the network.
const TASKS_END_WITHIN: Duration = Duration::from_secs(10);

/// How long a handler may take before the tester warns of it.
const HANDLERS_END_WITHIN: Duration = Duration::from_secs(1);

/// Warns of tasks that still run although their server was crashed long ago.
pub(crate) fn warn_of_tasks(t: &T, story: &Story) {
    let is_long_dead =
        |life: &&Life| life.until.is_some_and(|until| t.now().since(until.at) > TASKS_END_WITHIN);
    let lives = story.lives.iter().zip(0..);
    let dead: Vec<Owner> = lives
        .flat_map(|(lives, server)| {
            let dead = lives.iter().filter(is_long_dead);
            dead.map(move |life| Owner { server, incarnation: life.incarnation })
        })
        .collect();
    if dead.is_empty() {
        return; // as in most runs
    }
    let dead = without_those_that_wait(dead, t.now(), story);
    let mut lines: BTreeMap<(u32, String), usize> = BTreeMap::new();
    for Task { owner, activity } in t.sim.alive_tasks() {
        // Of handlers that wait there is a warning of their own.
        if let Some(spawned_at) = activity.spawned_at()
            && dead.contains(&owner)
        {
            *lines.entry((owner.server, shown_line(spawned_at))).or_default() += 1;
        }
    }
    for ((server, line), count) in lines {
        let tasks = match count {
            1 => format!("a task of server {server} still runs"),
            count => format!("{count} tasks of server {server} still run"),
        };
        t.warn(format!(
            "warning: {tasks}, spawned at {line}, although the server crashed \
             more than {} s before; a task must end soon after kill()",
            TASKS_END_WITHIN.as_secs()
        ));
    }
}

/// Those of the `dead` whose calls of before their crash have long come back, too. Where a script holds such a call,
/// a task may wait for its answer. What a task calls after the crash excuses nothing.
fn without_those_that_wait(mut dead: Vec<Owner>, now: Time, story: &Story) -> Vec<Owner> {
    let has_long_ended = |call: &Call| {
        let ended = call.dropped.or(call.returned.map(|(moment, _)| moment));
        ended.is_some_and(|moment| now.since(moment.at) > TASKS_END_WITHIN)
    };
    for call in story.calls.iter().filter(|call| !call.is_copy && !has_long_ended(call)) {
        let Caller { server, incarnation } = call.from;
        let life = story.lives[server as usize].iter().find(|it| it.incarnation == incarnation);
        if life.is_some_and(|life| life.has(Some(call.sent))) {
            dead.retain(|&owner| owner != Owner { server, incarnation });
        }
    }
    dead
}

/// Warns of handlers that have not returned for a long time.
pub(crate) fn warn_of_handlers(t: &T, story: &Story) {
    let mut waiting: BTreeMap<(u32, &str), (usize, Time)> = BTreeMap::new();
    for call in &story.calls {
        if let (Some(delivered), None) = (call.delivered, call.handled)
            && t.now().since(delivered.at) > HANDLERS_END_WITHIN
            // A request goes to the life to which it was sent, though that be over when it comes.
            && story.lives[call.to as usize].last().is_some_and(|last| match call.life {
                Some(life) => life == last.incarnation,
                None => last.from < call.sent,
            })
        {
            waiting.entry((call.to, &call.method)).or_insert((0, delivered.at)).0 += 1;
        }
    }
    for ((server, method), (count, first)) in waiting {
        t.warn(format!(
            "warning: server {server}'s handler of {method} has not returned for {:.2} s ({count} \
             request(s), the first delivered at {first} s); its callers are waiting, too: a handler must \
             not wait for an event that may never come",
            t.now().since(first).as_secs_f64()
        ));
    }
}
