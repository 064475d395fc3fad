//! M10: two servers apply different commands at one index.

use super::{Kind, Monitor, Sighting, is_new};
use crate::story::{Applied, Story};

pub(super) const MONITOR: Monitor = Monitor {
    id: "M10",
    rule: "no two servers apply different commands at the same index",
    paper: "§5.4.3, State Machine Safety",
    kind: Kind::Safety,
    check,
};

/// No run of the lab gets so far; a stored history can claim anything.
const INDEXES: u64 = 1 << 22;

fn check(story: &Story) -> Vec<Sighting> {
    // Who was the first to apply something at each index.
    let mut firsts: Vec<Option<&Applied>> = Vec::new();
    let mut sightings = Vec::new();
    for applied in &story.applied {
        let Some(command) = applied.command.as_ref().filter(|_| applied.index < INDEXES) else {
            continue;
        };
        let index = applied.index as usize;
        if firsts.len() <= index {
            firsts.resize(index + 1, None);
        }
        let first = *firsts[index].get_or_insert(applied);
        let servers = [first.server.server, applied.server.server];
        let is_same = first.command.as_ref().is_some_and(|first| first.bytes() == command.bytes());
        if !is_same && is_new(&sightings, &servers) {
            sightings.push(Sighting {
                at: applied.moment.at,
                servers: servers.to_vec(),
                what: format!(
                    "server {} applied {command:?} at index {index}, and server {} had applied {:?} \
                     there at {} s",
                    servers[1],
                    servers[0],
                    first.command.as_ref().unwrap_or(command),
                    first.moment.at
                ),
                calls: Vec::new(),
            });
        }
    }
    sightings
}
