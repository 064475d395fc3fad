//! M11: a leader's log lacks a committed entry.

use std::collections::BTreeMap;

use super::logs::{Last, shown};
use super::{Kind, Monitor, Sighting, is_new};
use crate::story::{Call, Purpose, Story};

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
/// it. The leader itself is one of them only for what it has told to be committed: until then it may be
/// saving its own entries still (thesis §10.2.1).
///
/// Whenever that was: a majority that has an entry before it votes elects nobody without it, and none
/// acknowledges it after it has voted in a later term.
fn committed(story: &Story) -> BTreeMap<u64, (u64, Vec<usize>)> {
    let mut terms: Vec<(u64, Vec<Acknowledged>)> = Vec::new();
    let told = told(story);
    let mut lowest: BTreeMap<u64, u64> = BTreeMap::new();
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
        if let Some(own) = first_own(call, term) {
            let known = lowest.entry(term).or_insert(own);
            *known = (*known).min(own);
        }
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
        let majority = story.majority();
        let without_leader = acknowledged.get(majority - 1).map(|&(index, _)| (index, majority));
        let told = told.get(&term).copied().unwrap_or(0);
        let with_leader = majority
            .checked_sub(2)
            .and_then(|last| acknowledged.get(last))
            .map(|&(index, _)| (index.min(told), majority - 1))
            // What comes before the term's own entries is of an earlier term.
            .filter(|&(index, _)| index > 0 && lowest.get(&term).is_some_and(|&own| own <= index));
        let Some((index, others)) = without_leader.max(with_leader) else { continue };
        let proof = acknowledged[..others].iter().map(|&(_, place)| place).collect();
        committed.insert(term, (index, proof));
    }
    committed
}

/// The first index that a request shows to have an entry of `term`.
fn first_own(call: &Call, term: u64) -> Option<u64> {
    let prev = call.args.prev_log_index?;
    if call.args.prev_log_term == Some(term) {
        return Some(prev);
    }
    let entries = call.args.entries.as_deref()?;
    let place = entries.iter().position(|&entry| entry == Some(term))?;
    Some(prev + 1 + place as u64)
}

/// The highest commit index that the leaders of each term have told.
fn told(story: &Story) -> BTreeMap<u64, u64> {
    let mut told: BTreeMap<u64, u64> = BTreeMap::new();
    for call in story.calls.iter().filter(|call| call.purpose == Purpose::Append) {
        if let (Some(term), Some(commit)) = (call.args.term, call.args.leader_commit) {
            let known = told.entry(term).or_default();
            *known = (*known).max(commit);
        }
    }
    told
}
