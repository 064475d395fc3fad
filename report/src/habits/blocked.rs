//! What a server was at when it blocked the simulated thread.

use super::{Habit, leads};
use crate::check::{Activity, Check};
use crate::explain::Case;
use crate::spec::Breach;
use crate::spec::rules::contract;

pub(super) const HABITS: &[Habit] = &[
    Habit::new(killed_server_waits, "the blocked task belongs to the server's present incarnation"),
    Habit::new(snapshot_waits, "no message was on its way to the service"),
    Habit::new(start_waits, "start() returned"),
];

/// The server that blocks the thread, and in what.
fn blocked<'a>(case: &Case<'a>) -> Option<(u32, Option<u32>, &'a Activity)> {
    let Check::Blocked { server: Some(server), life, activity } = &case.failure.check else {
        return None;
    };
    ((*server as usize) < case.story.servers).then_some((*server, *life, activity))
}

/// Whether it blocks in a method that the tester called.
fn is_in(activity: &Activity, method: &str) -> bool {
    matches!(activity, Activity::Method { name } if name == method)
}

/// A task of a server that was killed waits for what nobody will give it.
fn killed_server_waits(case: &Case<'_>) -> Option<Breach> {
    let (server, life, _) = blocked(case)?;
    let life = case.story.lives[server as usize].iter().find(|it| Some(it.incarnation) == life)?;
    let crashed = life.until?;
    let what = format!("server {server} was killed, but its tasks go on and wait forever");
    let killed = format!("server {server} was killed, in its incarnation {}", life.incarnation);
    let text = "a task of a killed incarnation blocks the thread, and so all other tasks";
    Some(case.breach(&contract::KILLED_WAITS, server, what).seen(crashed.at, killed, None).seen(
        case.window.until,
        text,
        None,
    ))
}

/// The service waits for the Raft, which waits for the service.
fn snapshot_waits(case: &Case<'_>) -> Option<Breach> {
    let (server, _, activity) = blocked(case)?;
    let last = case.story.applied_by(server).next_back()?;
    let what = format!(
        "server {server}'s snapshot() waits, most likely for a lock; the task that holds the lock waits for \
         the service, and the service waits for snapshot()"
    );
    let given = format!("server {server}'s service was given index {}", last.index);
    let text = "before it took the next message, it called snapshot(), which doesn't return";
    let breach = case.breach(&contract::LOCK_WHILE_APPLYING, server, what);
    let breach = breach.seen(last.moment.at, given, None).seen(case.window.until, text, None);
    is_in(activity, "snapshot").then_some(breach)
}

/// `start()` waits for what comes only once it has returned.
fn start_waits(case: &Case<'_>) -> Option<Breach> {
    let (server, _, activity) = blocked(case)?;
    let until = case.window.until;
    let what = format!("server {server}'s start() waits instead of returning at once");
    let mut breach = case.breach(&contract::START_WAITS, server, what);
    if let Some(leader) = leads(case.story, server as usize, until) {
        let text = format!("server {server} led term {}", leader.term);
        breach = breach.seen(leader.since, text, None);
    }
    let text = format!("a client called server {server}'s start(), which doesn't return");
    is_in(activity, "start").then_some(breach.seen(until, text, None))
}
