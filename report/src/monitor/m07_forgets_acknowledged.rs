//! M7: a follower no longer has what it has acknowledged.

use super::logs::{Deed, each_vote};
use super::{Kind, Monitor, Sighting, is_new};
use crate::story::{Became, Purpose, Story};

pub(super) const MONITOR: Monitor = Monitor {
    id: "M7",
    rule: "a follower keeps what it has acknowledged until a leader of a later term replaces it",
    paper: "§5.3; Figure 2, AppendEntries, receiver 3, and State",
    kind: Kind::Safety,
    check,
};

fn check(story: &Story) -> Vec<Sighting> {
    if story.dropped > 0 {
        return Vec::new(); // a snapshot may be among what is missing
    }
    let mut sightings = refused(story);
    // What it asks for votes with is its log as it stands.
    each_vote(story, |deed, proof| {
        let Deed::Asks(call) = deed else { return };
        let (Some(last_term), Some(last_index)) =
            (call.args.last_log_term, call.args.last_log_index)
        else {
            return;
        };
        let server = call.from.server;
        if (last_term, last_index) >= proof.last || !is_new(&sightings, &[server]) {
            return;
        }
        let (own_term, own_index) = proof.last;
        sightings.push(Sighting {
            at: call.sent.at,
            servers: vec![server],
            what: format!(
                "server {server} asked for votes with a log that ends with index {last_index} of term \
                 {last_term}, and had had index {own_index} of term {own_term}"
            ),
            calls: vec![proof.call, call.id],
        });
    });
    sightings.sort_by_key(|sighting: &Sighting| sighting.at);
    sightings
}

/// What a follower has acknowledged to the leader that it follows.
#[derive(Clone, Copy, Default)]
struct Acknowledged {
    term: u64,
    index: u64,
    call: usize,
}

/// Followers that refuse to go on from an entry which they have acknowledged in the same term.
fn refused(story: &Story) -> Vec<Sighting> {
    let mut acknowledged: Vec<Acknowledged> = vec![Acknowledged::default(); story.servers];
    // What was acknowledged when a handler began.
    let mut before: Vec<Acknowledged> = vec![Acknowledged::default(); story.calls.len()];
    // Where the servers' snapshots may end at most: what is in a snapshot can't be compared.
    let mut snapshots: Vec<u64> = vec![0; story.servers];
    let mut made = story.snapshots.iter().peekable();
    let mut sightings = Vec::new();
    for turn in &story.turns {
        let call = &story.calls[turn.call];
        let to = call.to as usize;
        match (turn.what, call.purpose) {
            (Became::Delivered, Purpose::Snapshot) => {
                let index = call.args.last_included_index.unwrap_or(u64::MAX);
                snapshots[to] = snapshots[to].max(index);
            }
            (Became::Delivered, Purpose::Append) => before[turn.call] = acknowledged[to],
            (Became::Handled, Purpose::Append) => {
                let (Some(term), Some(prev), Some(entries), Some(success), Some(_), Some(handled)) = (
                    call.args.term,
                    call.args.prev_log_index,
                    &call.args.entries,
                    call.reply.success,
                    call.answered_in,
                    call.handled,
                ) else {
                    continue;
                };
                if success {
                    let index = prev + entries.len() as u64;
                    let known = &mut acknowledged[to];
                    if (known.term, known.index) < (term, index) {
                        *known = Acknowledged { term, index, call: turn.call };
                    }
                    continue;
                }
                let known = before[turn.call];
                if call.reply.term != Some(term) || known.term != term || prev > known.index {
                    continue;
                }
                while let Some(snapshot) = made.next_if(|made| made.moment < handled) {
                    if let Some(index) = snapshots.get_mut(snapshot.server.server as usize) {
                        *index = (*index).max(snapshot.index);
                    }
                }
                if prev > snapshots[to] && is_new(&sightings, &[call.to]) {
                    let proof = &story.calls[known.call];
                    sightings.push(Sighting {
                        at: handled.at,
                        servers: vec![call.to],
                        what: format!(
                            "server {} refused to go on from index {prev} in term {term}, and had \
                             acknowledged everything up to index {} in that term",
                            call.to, known.index
                        ),
                        calls: vec![proof.id, call.id],
                    });
                }
            }
            _ => {}
        }
    }
    sightings
}
