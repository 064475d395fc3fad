//! M2: a server votes for two candidates in one term.

use std::collections::BTreeMap;

use super::{Kind, Monitor, Sighting, is_new};
use crate::story::Story;

pub(super) const MONITOR: Monitor = Monitor {
    id: "M2",
    rule: "a server votes for at most one candidate in a term, whether it restarts or not",
    paper: "§5.2; Figure 2, RequestVote, receiver 2",
    kind: Kind::Safety,
    check,
};

/// A vote.
#[derive(Clone, Copy)]
struct Vote {
    candidate: u32,
    /// The request that proves it.
    call: usize,
}

fn check(story: &Story) -> Vec<Sighting> {
    // By voter and term.
    let mut votes: BTreeMap<(u32, u64), Vote> = BTreeMap::new();
    let mut sightings = Vec::new();
    for &place in &story.votes {
        let call = &story.calls[place];
        let Some(term) = call.args.term else { continue };
        let candidate = call.from.server;
        // Whoever asks for votes has voted for itself. Of what wasn't delivered it isn't certain that
        // the server was alive, and so had saved its vote.
        if call.delivered.is_some() {
            cast(
                story,
                &mut votes,
                &mut sightings,
                (candidate, term),
                Vote { candidate, call: place },
            );
        }
        if call.answered_in.is_some() && call.reply.vote_granted == Some(true) {
            cast(
                story,
                &mut votes,
                &mut sightings,
                (call.to, term),
                Vote { candidate, call: place },
            );
        }
    }
    sightings.sort_by_key(|sighting: &Sighting| sighting.at);
    sightings
}

fn cast(
    story: &Story,
    votes: &mut BTreeMap<(u32, u64), Vote>,
    sightings: &mut Vec<Sighting>,
    (voter, term): (u32, u64),
    vote: Vote,
) {
    let first = *votes.entry((voter, term)).or_insert(vote);
    if first.candidate == vote.candidate || !is_new(sightings, &[voter]) {
        return;
    }
    let named = |vote: Vote| match vote.candidate {
        own if own == voter => "itself".to_owned(),
        other => format!("server {other}"),
    };
    // When the vote was given, or asked for on the voter's own behalf.
    let when = |vote: Vote| {
        let call = &story.calls[vote.call];
        call.handled.filter(|_| vote.candidate != voter).unwrap_or(call.sent).at
    };
    let (earlier, later) = if when(first) <= when(vote) { (first, vote) } else { (vote, first) };
    sightings.push(Sighting {
        at: when(later),
        servers: vec![voter],
        what: format!(
            "server {voter} voted for {} in term {term}, and had voted for {} in that term at {} s",
            named(later),
            named(earlier),
            when(earlier)
        ),
        calls: vec![story.calls[earlier.call].id, story.calls[later.call].id],
    });
}
