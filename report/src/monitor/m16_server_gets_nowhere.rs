//! M16: a server has requests and ends no handler.

use std::time::Duration;

use super::{Kind, Monitor, Sighting, is_new};
use crate::event::Time;
use crate::story::{Call, Did, Story};

pub(super) const MONITOR: Monitor = Monitor {
    id: "M16",
    rule: "a handler ends at once: it waits for no other call and for no lock that is held for long",
    paper: "§5.1; §5.6, Timing and availability",
    kind: Kind::Warning,
    check,
};

/// For how long a server may have requests and end no handler.
const LONG: Duration = Duration::from_millis(300);

/// What a server is at.
#[derive(Clone, Default)]
struct Server {
    /// In which of its lives, as a place among them.
    life: usize,
    /// The handlers that have begun and not ended, in the order of beginning.
    open: Vec<usize>,
    /// Since when there are some and none has ended.
    since: Time,
}

fn check(story: &Story) -> Vec<Sighting> {
    // Only with a handler that takes as long a server can stand as long.
    let takes_long = |call: &Call| {
        call.delivered.is_some_and(|delivered| {
            call.handled.is_none_or(|handled| handled.at.since(delivered.at) > LONG)
        })
    };
    if !story.calls.iter().any(takes_long) {
        return Vec::new(); // as nearly always
    }
    let mut servers: Vec<Server> = vec![Server::default(); story.servers];
    let mut sightings = Vec::new();
    for turn in &story.turns {
        let call = &story.calls[turn.call];
        let lives = &story.lives[call.to as usize];
        let server = &mut servers[call.to as usize];
        match (turn.what, call.delivered, call.handled) {
            (Did::Begin, Some(delivered), handled) => {
                let life = lives.partition_point(|life| life.from < delivered);
                if life != server.life {
                    // What an earlier life had is gone with it.
                    let until = lives.get(server.life.wrapping_sub(1)).and_then(|life| life.until);
                    stands(story, &mut sightings, server, call.to, until.map(|until| until.at));
                    *server = Server { life, ..Server::default() };
                }
                // A request that was sent before this life goes to an earlier one.
                let is_alive = lives.get(life.wrapping_sub(1)).is_some_and(|life| {
                    life.from < call.sent && life.until.is_none_or(|until| delivered < until)
                });
                // Most handlers end at once, and nothing else is open.
                let ends_at_once = handled.is_some_and(|handled| handled.at == delivered.at);
                if is_alive && !(ends_at_once && server.open.is_empty()) {
                    if server.open.is_empty() {
                        server.since = delivered.at;
                    }
                    server.open.push(turn.call);
                }
            }
            (Did::End, _, Some(handled)) if !server.open.is_empty() => {
                let Some(place) = server.open.iter().position(|&open| open == turn.call) else {
                    continue;
                };
                stands(story, &mut sightings, server, call.to, Some(handled.at));
                server.open.remove(place);
                server.since = handled.at;
            }
            _ => {}
        }
    }
    for (number, server) in servers.iter().enumerate() {
        let life = story.lives[number].get(server.life.wrapping_sub(1));
        let until = life.and_then(|life| life.until).map_or(story.end, |until| until.at);
        stands(story, &mut sightings, server, number as u32, Some(until));
    }
    sightings.sort_by_key(|sighting: &Sighting| sighting.at);
    sightings
}

/// Notes a server that stood still until `until`.
fn stands(
    story: &Story,
    sightings: &mut Vec<Sighting>,
    server: &Server,
    number: u32,
    until: Option<Time>,
) {
    let (Some(until), Some(&first)) = (until, server.open.first()) else { return };
    let stood = until.since(server.since);
    if stood > LONG && is_new(sightings, &[number]) {
        let first = &story.calls[first];
        sightings.push(Sighting {
            at: Time(server.since.0 + LONG.as_micros() as u64),
            servers: vec![number],
            what: format!(
                "server {number} ended no handler for {:.2} s from {} s on, though {} request(s) had \
                 been delivered, the first {} from server {}",
                stood.as_secs_f64(),
                server.since,
                server.open.len(),
                first.method,
                first.from.server
            ),
            calls: server.open.iter().take(5).map(|&open| story.calls[open].id).collect(),
        });
    }
}
