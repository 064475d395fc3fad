//! M21: a command is applied that no majority can have.

use super::{Kind, Monitor, Sighting, is_new};
use crate::story::{Call, Did, Purpose, Story, Turn};

pub(super) const MONITOR: Monitor = Monitor {
    id: "M21",
    rule: "a command is applied only when a majority of the servers have it",
    paper: "§5.3; Figure 2, Leaders, rule 4",
    kind: Kind::Safety,
    check,
};

fn check(story: &Story) -> Vec<Sighting> {
    if story.dropped > 0 || story.servers > 64 {
        return Vec::new(); // what a server has may be among what is missing
    }
    // Up to which index each server can have an entry at most: what was delivered to it may be in its
    // log, and what it has sent by then, too. Of what was sent and never delivered nobody but its sender
    // has anything, and a server that applies its own is counted in any case.
    let mut reach: Vec<u64> = vec![0; story.servers];
    let begins = |turn: &&Turn| turn.what == Did::Begin;
    let mut turns = story.turns.iter().filter(begins).peekable();
    let mut sightings = Vec::new();
    for applied in story.applied.iter().filter(|applied| applied.command.is_some()) {
        let until = applied.moment;
        while let Some(turn) = turns.next_if(|turn| turn.place < until.place) {
            let call = &story.calls[turn.call];
            for server in [call.from.server, call.to] {
                let reach = &mut reach[server as usize];
                *reach = (*reach).max(carries(call));
            }
        }
        let server = applied.server.server;
        let has = |other: usize| other as u32 == server || reach[other] >= applied.index;
        let count = (0..story.servers).filter(|&other| has(other)).count();
        if count < story.majority() && is_new(&sightings, &[server]) {
            sightings.push(Sighting {
                at: until.at,
                servers: vec![server],
                what: format!(
                    "server {server} applied index {}, which had been sent to so few that at most \
                     {count} of {} servers could have it",
                    applied.index, story.servers
                ),
                calls: Vec::new(),
            });
        }
    }
    sightings
}

/// Up to which index a message can bring entries.
fn carries(call: &Call) -> u64 {
    match call.purpose {
        Purpose::Vote => 0,
        Purpose::Append => match (call.args.prev_log_index, &call.args.entries) {
            (Some(prev), Some(entries)) => prev + entries.len() as u64,
            _ => u64::MAX,
        },
        Purpose::Snapshot => call.args.last_included_index.unwrap_or(u64::MAX),
        // Who knows what it says.
        Purpose::Other => u64::MAX,
    }
}
