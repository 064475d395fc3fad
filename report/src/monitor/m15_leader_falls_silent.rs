//! M15: a leader sends nothing to one server while it waits for another.

use std::time::Duration;

use super::{Kind, Monitor, Sighting, is_new};
use crate::event::{Caller, Time};
use crate::story::{Purpose, Story};

pub(super) const MONITOR: Monitor = Monitor {
    id: "M15",
    rule: "a leader sends to each server without waiting for the others",
    paper: "§5.2, heartbeats; §5.1 and §5.3, RPCs in parallel",
    kind: Kind::Warning,
    check,
};

/// For how long a leader may send nothing to a server.
const LONG: Duration = Duration::from_secs(1);

/// No call takes longer, not even to a server that can't be reached.
const CALL: Duration = Duration::from_secs(8);

/// When a leader sent something to a server last.
#[derive(Clone, Copy)]
struct Word {
    from: Caller,
    term: u64,
    at: Time,
}

fn check(story: &Story) -> Vec<Sighting> {
    let mut sightings = Vec::new();
    for sent in &story.sent {
        let mut last: Vec<Option<Word>> = vec![None; story.servers];
        for &place in sent {
            let call = &story.calls[place];
            let (Purpose::Append | Purpose::Snapshot, Some(term)) = (call.purpose, call.args.term)
            else {
                continue;
            };
            let word = Word { from: call.from, term, at: call.sent.at };
            // Between two words of one term the server has led all the while.
            let Some(before) = last[call.to as usize].replace(word) else { continue };
            if before.from != word.from
                || before.term != term
                || word.at.since(before.at) <= LONG
                || !is_new(&sightings, &[call.from.server, call.to])
            {
                continue;
            }
            let late = Time(before.at.0 + LONG.as_micros() as u64);
            // The call for which it may have waited.
            let earlier = sent.partition_point(|&other| story.calls[other].sent.at < late);
            let waits = sent[..earlier]
                .iter()
                .rev()
                .map(|&other| &story.calls[other])
                .take_while(|other| late.since(other.sent.at) < CALL)
                .find(|other| {
                    other.to != call.to
                        && other.from == call.from
                        && other.returned.is_none_or(|(returned, _)| returned.at > late)
                });
            let Some(waits) = waits else { continue };
            sightings.push(Sighting {
                at: late,
                servers: vec![call.from.server, call.to],
                what: format!(
                    "server {} led term {term} and sent nothing to server {} from {} s to {} s, while \
                     its {} to server {} was not answered",
                    call.from.server, call.to, before.at, word.at, waits.method, waits.to
                ),
                calls: vec![waits.id, call.id],
            });
        }
    }
    sightings.sort_by_key(|sighting: &Sighting| sighting.at);
    sightings
}
