//! M11: a leader's log lacks a committed entry.

use std::collections::BTreeMap;

use super::logs::{Last, shown};
use super::{Kind, Monitor, Sighting, is_new};
use crate::story::{Purpose, Story};

pub(super) const MONITOR: Monitor = Monitor {
    id: "M11",
    rule: "a leader's log has every entry that was committed in an earlier term",
    paper: "§5.4, Leader Completeness; §5.4.1",
    kind: Kind::Safety,
    check,
};

/// The last entry of a term that a follower has acknowledged in that term, and the call's place.
type Acknowledged = Option<(u64, usize)>;

fn check(story: &Story) -> Vec<Sighting> {
    if story.dropped > 0 || story.votes.is_empty() {
        return Vec::new();
    }
    let committed = committed(story);
    if committed.is_empty() {
        return Vec::new();
    }
    let mut sightings = Vec::new();
    for election in &story.elections {
        let request = &story.calls[election.requests[0]];
        let (Some(last_term), Some(last_index)) =
            (request.args.last_log_term, request.args.last_log_index)
        else {
            continue;
        };
        // Of two committed entries the one of the later term asks for more.
        let Some((&term, &(index, ref proof))) = committed.range(..election.term).next_back()
        else {
            continue;
        };
        let needed: Last = (term, index);
        let server = election.candidate.server;
        if (last_term, last_index) >= needed || !is_new(&sightings, &[server]) {
            continue;
        }
        // Whoever isn't elected may lack what it likes.
        let leads = story.sent_by(server as usize).find(|call| {
            call.is_leaders()
                && call.args.term == Some(election.term)
                && call.from == election.candidate
        });
        let Some(leads) = leads else { continue };
        let mut calls: Vec<_> = proof.iter().map(|&place| story.calls[place].id).collect();
        calls.extend([request.id, leads.id]);
        sightings.push(Sighting {
            at: leads.sent.at,
            servers: vec![server],
            what: format!(
                "server {server} led term {} with a log that ended with index {last_index} of term \
                 {last_term}, though a majority had acknowledged index {index} of term {term}",
                election.term
            ),
            calls,
        });
    }
    sightings
}

/// The last entry of each term that a majority has acknowledged in that term, and the calls that prove
/// it.
///
/// Whenever that was: a majority that has an entry before it votes elects nobody without it, and none
/// acknowledges it after it has voted in a later term.
fn committed(story: &Story) -> BTreeMap<u64, (u64, Vec<usize>)> {
    let mut terms: Vec<(u64, Vec<Acknowledged>)> = Vec::new();
    for (place, call) in story.calls.iter().enumerate() {
        if call.purpose != Purpose::Append
            || call.reply.success != Some(true)
            || call.answered_in.is_none()
        {
            continue;
        }
        let Some((term, index)) = shown(call).filter(|last| Some(last.0) == call.args.term) else {
            continue;
        };
        let known = match terms.iter().rposition(|known| known.0 == term) {
            Some(known) => known,
            None => {
                terms.push((term, vec![None; story.servers]));
                terms.len() - 1
            }
        };
        let known = &mut terms[known].1[call.to as usize];
        if known.is_none_or(|known| known.0 < index) {
            *known = Some((index, place));
        }
    }
    let mut committed = BTreeMap::new();
    for (term, acknowledged) in terms {
        let mut acknowledged: Vec<(u64, usize)> = acknowledged.into_iter().flatten().collect();
        acknowledged.sort_unstable_by(|a, b| b.cmp(a));
        // The leader has it, too.
        let others = story.majority() - 1;
        if others > 0 && acknowledged.len() >= others {
            let index = acknowledged[others - 1].0;
            let proof = acknowledged[..others].iter().map(|&(_, place)| place).collect();
            committed.insert(term, (index, proof));
        }
    }
    committed
}
