//! M1: two servers lead one term.

use std::collections::BTreeMap;

use super::{Kind, Monitor, Sighting, is_new};
use crate::story::Story;

pub(super) const MONITOR: Monitor = Monitor {
    id: "M1",
    rule: "at most one server sends AppendEntries or InstallSnapshot in a term",
    paper: "§5.2, Election Safety",
    kind: Kind::Safety,
    check,
};

fn check(story: &Story) -> Vec<Sighting> {
    // Who was the first to send as a term's leader.
    let mut leaders: BTreeMap<u64, usize> = BTreeMap::new();
    let mut sightings: Vec<Sighting> = Vec::new();
    for (place, call) in story.calls.iter().enumerate() {
        let Some(term) = call.args.term.filter(|_| call.is_leaders()) else { continue };
        let first = &story.calls[*leaders.entry(term).or_insert(place)];
        let (one, other) = (first.from.server, call.from.server);
        if one != other && is_new(&sightings, &[one, other]) {
            sightings.push(Sighting {
                at: call.sent.at,
                servers: vec![one, other],
                what: format!(
                    "server {other} sent {} as the leader of term {term}, and server {one} had sent \
                     {} as its leader at {} s",
                    call.method, first.method, first.sent.at
                ),
                calls: vec![first.id, call.id],
            });
        }
    }
    sightings
}
