//! Instead of anything: a server whose task has ended, and that does nothing since then but refuse.

use std::time::Duration;

use super::{COUNTED, Habit, LONG, life_at, up};
use crate::check::Check;
use crate::explain::Case;
use crate::spec::Breach;
use crate::spec::rules::contract;
use crate::story::{Call, TaskEnd};
use crate::text::count;

/// How many requests must have come since then.
const FEW: usize = 4;

/// How soon after another task of a server one ends that ends for the same reason.
const TOGETHER: Duration = Duration::from_millis(5);

pub(super) const IDLE: Habit =
    Habit::new(does_nothing_since, "another task did that work afterwards, and had nothing to do");

/// A task that was spawned when its server was made has ended; since then the server has sent nothing, has agreed to
/// nothing, and has applied nothing, though others have.
fn does_nothing_since(case: &Case<'_>) -> Option<Breach> {
    up(&case.window).find_map(|server| ended(case, server))
}

/// That a task has ended which was spawned when its server was made.
pub(super) fn has_ended(task: &TaskEnd) -> String {
    format!(
        "server {}'s task, spawned at {} when the server was made, {}",
        task.server.server,
        task.place(),
        task.how
    )
}

fn ended(case: &Case<'_>, server: u32) -> Option<Breach> {
    let (story, until) = (case.story, case.window.until);
    let life = *life_at(story, server as usize, until)?;
    let own = story.tasks.iter().filter(|task| {
        let is_its = task.server.server == server && task.server.incarnation == life.incarnation;
        is_its && task.moment.at <= until && task.began.since(life.from.at) < COUNTED
    });
    let mut own: Vec<&TaskEnd> = own.collect();
    own.sort_by_key(|task| (task.moment.at, &task.spawned));
    let first = own.first().filter(|_| story.saw_begin(&life))?.moment;
    let asked = story
        .handled_by(server as usize)
        .filter(|call| call.delivered > Some(first) && call.is_handled_until(until));
    let asked: Vec<&Call> = asked.collect();
    let agrees = |call: &&Call| call.reply.says() == Some(true) || call.confirms().is_some();
    let refuses =
        |call: &&&Call| call.reply.says() == Some(false) || call.reply.term < call.args.term;
    let has_sent = story.sent_by(server as usize).any(|call| call.sent > first);
    let is_behind = || {
        let last = |of: u32| {
            let own = story.applied_by(of).filter(|applied| applied.moment.at <= until);
            own.map(|applied| applied.index).max()
        };
        up(&case.window).any(|other| last(other) > last(server))
    };
    let has_applied = story.applied_by(server).any(|applied| applied.moment > first);
    if until.since(first.at) < LONG || has_sent || has_applied {
        return None;
    }
    let refused = asked.iter().filter(refuses).count();
    let is_missed = case.failure.check == Check::OneLeader || is_behind();
    if asked.iter().any(agrees) || refused < FEW || !is_missed {
        return None;
    }
    let what =
        format!("a task of server {server} has ended, and since then the server does nothing");
    let mut breach = case.breach(&contract::TASK_ENDED, server, what);
    for task in own.iter().filter(|task| task.moment.at.since(first.at) <= TOGETHER) {
        breach = breach.seen(task.moment.at, has_ended(task), None);
    }
    let text = format!(
        "since then the server has sent nothing, has applied nothing, and has refused {}",
        count(refused, "request")
    );
    Some(breach.seen(until, text, None))
}
