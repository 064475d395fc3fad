//! When nothing disturbed the servers: no fault, and a network that loses nothing.

use std::time::Duration;

use crate::event::{NetworkChange, Time};
use crate::outcome::Outcome;
use crate::story::Story;

/// A stretch of time in which no server was started, crashed, connected or cut off, and the network
/// was reliable and stayed as it was.
#[derive(Clone, Debug)]
pub(super) struct Quiet {
    /// When it began.
    pub(super) from: Time,
    /// When it ended.
    pub(super) until: Time,
    /// The servers that were alive and connected all the while.
    pub(super) up: Vec<usize>,
}

/// The stretches that lasted at least `length` and in which a majority was up, in order.
pub(super) fn stretches(story: &Story, length: Duration) -> Vec<Quiet> {
    let mut faults: Vec<(Time, Option<bool>)> = Vec::new();
    faults.extend(story.links.iter().flatten().map(|link| (link.moment.at, None)));
    for life in story.lives.iter().flatten() {
        faults.push((life.from.at, None));
        faults.extend(life.until.map(|until| (until.at, None)));
    }
    for step in &story.steps {
        let reliable = match step.network {
            Some(NetworkChange::Reliable) => Some(true),
            Some(NetworkChange::Unreliable) => Some(false),
            Some(NetworkChange::Reordered | NetworkChange::NotReordered) => None,
            Some(NetworkChange::SyncTime { .. } | NetworkChange::Other) | None => continue,
        };
        faults.push((step.moment.at, reliable));
    }
    faults.push((story.end, None));
    faults.sort_by_key(|fault| fault.0);
    let mut stretches = Vec::new();
    // Nothing tells what the network is at first but what it loses.
    let first_switch = faults.iter().find(|fault| fault.1.is_some()).map(|fault| fault.0);
    let mut is_reliable = !loses(story, first_switch.unwrap_or(story.end));
    let mut from = faults.first().map_or(story.end, |fault| fault.0);
    for (at, switch) in faults {
        if is_reliable && at.since(from) >= length && at > from {
            let up = story.up(from);
            if up.len() >= story.majority() {
                stretches.push(Quiet { from, until: at, up });
            }
        }
        is_reliable = switch.unwrap_or(is_reliable);
        from = at;
    }
    stretches
}

/// Whether the network loses anything before `until`.
fn loses(story: &Story, until: Time) -> bool {
    let mut early = story.calls.iter().take_while(|call| call.sent.at < until);
    early.any(|call| matches!(call.returned, Some((_, Outcome::RequestLost | Outcome::ReplyLost))))
}
