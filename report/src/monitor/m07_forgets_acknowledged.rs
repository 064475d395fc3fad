//! M7: a follower no longer has what it has acknowledged.

use super::logs::proven;
use super::{Kind, Monitor, Sighting, first_of_each, is_new};
use crate::story::{Call, Moment, Purpose, Story};

pub(super) const MONITOR: Monitor = Monitor {
    id: "M7",
    rule: "a follower keeps what it has acknowledged until a leader of a later term replaces it",
    paper: "§5.3; Figure 2, AppendEntries, receiver 3, and State",
    kind: Kind::Safety,
    check,
};

/// How many answers back an acknowledgement is looked for.
const BACK: usize = 64;

fn check(story: &Story) -> Vec<Sighting> {
    if story.dropped > 0 {
        return Vec::new(); // a snapshot may be among what is missing
    }
    let mut refused: Vec<Sighting> = Vec::new();
    for call in story.calls.iter().filter(|call| call.reply.success == Some(false)) {
        if is_new(&refused, &[call.to]) {
            refused.extend(refuses(story, call));
        }
    }
    let asked = story.votes.iter().filter_map(|&place| asks(story, &story.calls[place]));
    let mut all: Vec<Sighting> = refused.into_iter().chain(asked).collect();
    all.sort_by_key(|sighting| sighting.at);
    first_of_each(all.into_iter())
}

/// Whether a follower refuses to go on from the last entry that it has acknowledged in the same term.
fn refuses(story: &Story, call: &Call) -> Option<Sighting> {
    call.answered_in?;
    let (delivered, handled) = call.delivered.zip(call.handled)?;
    let (term, prev) = call.args.term.zip(call.args.prev_log_index)?;
    if call.purpose != Purpose::Append || call.reply.term != Some(term) {
        return None;
    }
    let answers = &story.handled[call.to as usize];
    let before = answers.partition_point(|&place| story.calls[place].handled < Some(delivered));
    let (index, proof) = answers[..before]
        .iter()
        .rev()
        .take(BACK)
        .map(|&place| &story.calls[place])
        .filter(|other| other.purpose == Purpose::Append && other.answered_in.is_some())
        .filter(|other| other.args.term == Some(term) && other.reply.success == Some(true))
        .filter_map(|other| {
            let entries = other.args.entries.as_ref()?.len() as u64;
            Some((other.args.prev_log_index? + entries, other.id))
        })
        .max()?;
    // What is in a snapshot can't be compared; and what lies before the end of what it has acknowledged it
    // may refuse as old.
    if prev != index || prev <= snapshot_until(story, call.to, handled) {
        return None;
    }
    Some(Sighting {
        at: handled.at,
        servers: vec![call.to],
        what: format!(
            "server {} refused to go on from index {prev} in term {term}, and had acknowledged \
             everything up to index {index} in that term",
            call.to
        ),
        calls: vec![proof, call.id],
    })
}

/// Up to which index a server's snapshot may go at `moment`.
fn snapshot_until(story: &Story, server: u32, moment: Moment) -> u64 {
    let made = story
        .snapshots
        .iter()
        .take_while(|snapshot| snapshot.moment < moment)
        .filter(|snapshot| snapshot.server.server == server)
        .map(|snapshot| snapshot.index);
    let sent = story
        .calls
        .iter()
        .filter(|call| call.purpose == Purpose::Snapshot && call.to == server)
        .filter(|call| call.delivered.is_some_and(|delivered| delivered < moment))
        .map(|call| call.args.last_included_index.unwrap_or(u64::MAX));
    made.chain(sent).max().unwrap_or(0)
}

/// Whether a server asks for votes with less than its log has had: what it asks with is its log as it
/// stands.
fn asks(story: &Story, call: &Call) -> Option<Sighting> {
    // It was alive when it sent what was delivered.
    call.delivered?;
    let (last_term, last_index) = call.args.last_log_term.zip(call.args.last_log_index)?;
    let server = call.from.server;
    let proof = proven(story, server, (call.sent, call.sent), call.args.term?)?;
    if (last_term, last_index) >= proof.last {
        return None;
    }
    let (own_term, own_index) = proof.last;
    Some(Sighting {
        at: call.sent.at,
        servers: vec![server],
        what: format!(
            "server {server} asked for votes with a log that ends with index {last_index} of term \
             {last_term}, and had had index {own_index} of term {own_term}"
        ),
        calls: vec![proof.call, call.id],
    })
}
