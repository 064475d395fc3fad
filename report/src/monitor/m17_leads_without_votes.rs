//! M17: a server acts as the leader of a term that it wasn't elected in.

use std::collections::BTreeMap;

use super::{Kind, Monitor, Sighting, is_new};
use crate::rpc::Outcome;
use crate::story::{Became, Purpose, Story};

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
    if story.dropped > 0 || story.servers > 64 || !story.votes.iter().any(are_readable) {
        return Vec::new();
    }
    // Who has voted for a candidate, one bit each; all bits if that can't be told.
    let mut votes: BTreeMap<Candidacy, u64> = BTreeMap::new();
    // Of each server, what it was judged as last.
    let mut judged: Vec<Option<Candidacy>> = vec![None; story.servers];
    let mut sightings = Vec::new();
    for turn in &story.turns {
        let call = &story.calls[turn.call];
        let Some(term) = call.args.term else { continue };
        let candidacy = (call.from.server, call.from.incarnation, term);
        match (turn.what, call.purpose) {
            (Became::Returned, Purpose::Vote) => {
                let Some((_, Outcome::Replied)) = call.returned else { continue };
                let voters = votes.entry(candidacy).or_default();
                match call.reply.vote_granted {
                    Some(true) => *voters |= 1 << call.to,
                    Some(false) => {}
                    None => *voters = u64::MAX,
                }
            }
            (Became::Sent, Purpose::Append | Purpose::Snapshot) => {
                if judged[call.from.server as usize].replace(candidacy) == Some(candidacy) {
                    continue;
                }
                // It votes for itself.
                let voters = votes.get(&candidacy).copied().unwrap_or(0) | 1 << call.from.server;
                let count = voters.count_ones() as usize;
                if count < story.majority() && is_new(&sightings, &[call.from.server]) {
                    sightings.push(Sighting {
                        at: call.sent.at,
                        servers: vec![call.from.server],
                        what: format!(
                            "server {} sent {} as the leader of term {term}, with {count} vote(s) of \
                             {} in that term, its own included",
                            call.from.server, call.method, story.servers
                        ),
                        calls: vec![call.id],
                    });
                }
            }
            _ => {}
        }
    }
    sightings
}
