//! M5: a vote for a candidate whose log is behind the voter's.

use super::logs::proven;
use super::{Kind, Monitor, Sighting, first_of_each};
use crate::story::{Call, Story};

pub(super) const MONITOR: Monitor = Monitor {
    id: "M5",
    rule: "a vote goes only to a candidate whose log is at least as up to date as the voter's",
    paper: "§5.4.1; Figure 2, RequestVote, receiver 2",
    kind: Kind::Safety,
    check,
};

fn check(story: &Story) -> Vec<Sighting> {
    first_of_each(story.votes.iter().filter_map(|&place| judge(story, &story.calls[place])))
}

fn judge(story: &Story, call: &Call) -> Option<Sighting> {
    call.answered_in?;
    if call.reply.vote_granted != Some(true) {
        return None;
    }
    let (delivered, handled) = call.delivered.zip(call.handled)?;
    let (last_term, last_index) = call.args.last_log_term.zip(call.args.last_log_index)?;
    let term = call.args.term?;
    // What the voter got in the candidate's own term it may have got from the candidate, whose request
    // is late then.
    let proof = proven(story, call.to, (delivered, handled), term)?;
    if (last_term, last_index) >= proof.last {
        return None;
    }
    let (own_term, own_index) = proof.last;
    Some(Sighting {
        at: handled.at,
        servers: vec![call.to],
        what: format!(
            "server {} voted in term {term} for server {}, whose log ends with index {last_index} of \
             term {last_term}, and its own goes at least to index {own_index} of term {own_term}",
            call.to, call.from.server
        ),
        calls: vec![proof.call, call.id],
    })
}
