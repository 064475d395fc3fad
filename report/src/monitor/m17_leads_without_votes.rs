//! M17: a server acts as the leader of a term that it wasn't elected in.

use std::collections::BTreeMap;

use super::{Kind, Monitor, Sighting, is_new};
use crate::outcome::Outcome;
use crate::story::{Moment, Purpose, Story};

pub(super) const MONITOR: Monitor = Monitor {
    id: "M17",
    rule: "AppendEntries and InstallSnapshot come only from a server that a majority voted for",
    paper: "§5.2; Figure 2, Candidates, rule 2",
    kind: Kind::Safety,
    check,
};

/// A candidacy: a server's life, and a term.
type Candidacy = (u32, u32, u64);

fn check(story: &Story) -> Vec<Sighting> {
    // Votes may be among what is missing; and where none can be read, nobody can be blamed.
    let are_readable = |&place: &usize| story.calls[place].reply.vote_granted == Some(true);
    if story.dropped > 0 || !story.votes.iter().any(are_readable) {
        return Vec::new();
    }
    // By when each vote had come in, and whose it was.
    let mut votes: BTreeMap<Candidacy, Vec<(Moment, u32)>> = BTreeMap::new();
    for &place in &story.votes {
        let call = &story.calls[place];
        let (Some(term), Some((returned, Outcome::Replied))) = (call.args.term, call.returned)
        else {
            continue;
        };
        let votes = votes.entry((call.from.server, call.from.incarnation, term)).or_default();
        match call.reply.vote_granted {
            Some(true) => votes.push((returned, call.to)),
            Some(false) => {}
            // It may be any number of votes.
            None => votes.extend((0..story.servers as u32).map(|voter| (returned, voter))),
        }
    }
    let mut sightings = Vec::new();
    for sent in &story.sent {
        // What the server was judged as last.
        let mut judged: Option<Candidacy> = None;
        for &place in sent {
            let call = &story.calls[place];
            let (Purpose::Append | Purpose::Snapshot, Some(term)) = (call.purpose, call.args.term)
            else {
                continue;
            };
            let candidacy = (call.from.server, call.from.incarnation, term);
            if judged.replace(candidacy) == Some(candidacy) {
                continue;
            }
            // It votes for itself.
            let mut voters = vec![call.from.server];
            let votes = votes.get(&candidacy).into_iter().flatten();
            voters.extend(votes.filter(|vote| vote.0 < call.sent).map(|vote| vote.1));
            voters.sort_unstable();
            voters.dedup();
            let count = voters.len();
            if count < story.majority() && is_new(&sightings, &[call.from.server]) {
                sightings.push(Sighting {
                    at: call.sent.at,
                    servers: vec![call.from.server],
                    what: format!(
                        "server {} sent {} as the leader of term {term}, with {count} vote(s) of {} \
                         in that term, its own included",
                        call.from.server, call.method, story.servers
                    ),
                    calls: vec![call.id],
                });
            }
        }
    }
    sightings.sort_by_key(|sighting: &Sighting| sighting.at);
    sightings
}
