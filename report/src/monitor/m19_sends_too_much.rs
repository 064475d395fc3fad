//! M19: a leader sends far more than its followers lack.

use std::time::Duration;

use super::quiet::stretches;
use super::{Kind, Monitor, Sighting};
use crate::story::{Purpose, Story};

pub(super) const MONITOR: Monitor = Monitor {
    id: "M19",
    rule: "without faults each command goes to each server about once",
    paper: "§5.3, nextIndex",
    kind: Kind::Warning,
    check,
};

/// How often a command may go to a server.
const TIMES: u64 = 2;

/// What an entry takes beside its command, and a message beside its entries, in bytes.
const BESIDE: u64 = 64;

/// Less than this is no waste, in bytes.
const LITTLE: u64 = 20_000;

/// What is shorter tells nothing.
const LENGTH: Duration = Duration::from_millis(500);

/// Compares, in each time without faults, the bytes of all AppendEntries that carry entries and arrived
/// with what must be sent at most: each command that was proposed since the beginning of the run, to
/// each server, as if all had to catch up from the first index, and twice. Heartbeats, and what goes
/// with each message, aren't counted.
fn check(story: &Story) -> Vec<Sighting> {
    if story.dropped > 0 {
        return Vec::new(); // what is missing may have been long
    }
    let mut sightings = Vec::new();
    let mut proposals = story.proposals.iter().peekable();
    let mut proposed = 0;
    for quiet in stretches(story, LENGTH) {
        while let Some(proposal) = proposals.next_if(|next| next.moment.at < quiet.until) {
            proposed += proposal.command.wire_len() as u64 + BESIDE;
        }
        let first = story.calls.partition_point(|call| call.sent.at < quiet.from);
        let carrying = story.calls[first..]
            .iter()
            .take_while(|call| call.sent.at < quiet.until)
            .filter(|call| call.purpose == Purpose::Append && call.delivered.is_some())
            .filter(|call| call.args.entries.as_ref().is_some_and(|entries| !entries.is_empty()));
        let (mut sent, mut last) = (0, None);
        for call in carrying {
            sent += (call.size as u64).saturating_sub(BESIDE);
            last = Some(call);
        }
        let enough = TIMES * story.servers as u64 * proposed + LITTLE;
        if let Some(last) = last
            && sent > enough
        {
            sightings.push(Sighting {
                at: last.sent.at,
                servers: vec![last.from.server],
                what: format!(
                    "server {} and the leaders before it sent {sent} bytes of entries from {} s to {} \
                     s without a fault, and all commands so far, sent {TIMES} times to each server, \
                     take {enough}",
                    last.from.server, quiet.from, quiet.until
                ),
                calls: vec![last.id],
            });
        }
    }
    sightings
}
