//! M18: a leader sends the same again and again.

use std::time::Duration;

use super::{Kind, Monitor, Sighting, is_new};
use crate::event::Time;
use crate::story::{Call, Purpose, Story};

pub(super) const MONITOR: Monitor = Monitor {
    id: "M18",
    rule: "a leader repeats itself to a server only as a heartbeat, about ten times a second",
    paper: "§5.2, heartbeats; the lab's hand-out, 3A",
    kind: Kind::Warning,
    check,
};

/// How many repetitions in [`WITHIN`] are too many.
const MANY: u32 = 15;

/// Within which time.
const WITHIN: Duration = Duration::from_secs(1);

/// What a leader sent to a server last.
#[derive(Clone, Copy)]
struct Said<'a> {
    call: &'a Call,
    /// When the counted repetitions began, and how many there are.
    since: Time,
    repeated: u32,
    /// How often it said the same before, in a row.
    in_a_row: u32,
}

fn check(story: &Story) -> Vec<Sighting> {
    let mut said: Vec<Option<Said<'_>>> = vec![None; story.servers * story.servers];
    let mut sightings = Vec::new();
    for call in &story.calls {
        if call.purpose != Purpose::Append {
            continue;
        }
        let place = call.from.server as usize * story.servers + call.to as usize;
        let Some(last) = &mut said[place] else {
            said[place] = Some(Said { call, since: call.sent.at, repeated: 0, in_a_row: 0 });
            continue;
        };
        if call.sent.at.since(last.since) > WITHIN {
            (last.since, last.repeated) = (call.sent.at, 0);
        }
        last.in_a_row = if is_same(last.call, call) { last.in_a_row + 1 } else { 0 };
        // Once is harmless: what is new twice, as an entry and as committed, may be noticed twice.
        last.repeated += u32::from(last.in_a_row > 1);
        last.call = call;
        let servers = [call.from.server, call.to];
        if last.repeated > MANY && is_new(&sightings, &servers) {
            sightings.push(Sighting {
                at: call.sent.at,
                servers: servers.to_vec(),
                what: format!(
                    "server {} sent server {} the same {} as right before {} times in {:.2} s",
                    servers[0],
                    servers[1],
                    call.method,
                    last.repeated,
                    call.sent.at.since(last.since).as_secs_f64()
                ),
                calls: vec![call.id],
            });
        }
    }
    sightings
}

/// Whether two messages say the same, as far as can be told.
fn is_same(one: &Call, other: &Call) -> bool {
    one.from == other.from && one.size == other.size && one.args == other.args
}
