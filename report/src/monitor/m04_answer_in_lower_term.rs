//! M4: a reply has a lower term than its server has reached.

use std::time::Duration;

use super::{Kind, Monitor, Sighting, first_of_each};
use crate::event::Time;
use crate::story::{Call, Purpose, Story};

pub(super) const MONITOR: Monitor = Monitor {
    id: "M4",
    rule: "a reply's term is at least the request's, and never lower than one the server has had",
    paper: "§5.1; Figure 2, All Servers, rule 2",
    kind: Kind::Safety,
    check,
};

fn check(story: &Story) -> Vec<Sighting> {
    let calls = story.calls.iter().filter(|call| call.purpose != Purpose::Other);
    first_of_each(calls.filter_map(|call| judge(story, call)))
}

fn judge(story: &Story, call: &Call) -> Option<Sighting> {
    let (answered, handled) = call.reply.term.zip(call.handled)?;
    if answered == 0 {
        return None; // a reply that leaves its term at 0 tells none
    }
    let sighting = |what, calls| Sighting { at: handled.at, servers: vec![call.to], what, calls };
    let Call { to, ref method, .. } = *call;
    if let Some(asked) =
        call.args.term.filter(|&asked| answered < asked && !disregards(story, call))
    {
        let what =
            format!("server {to} answered {method} of term {asked} with the lower term {answered}");
        return Some(sighting(what, vec![call.id]));
    }
    // Of two handlers that ran at the same time nobody knows which came first, so only what had ended
    // before this one began is held against it.
    call.answered_in?;
    let reached = story.reached_before(to, call.delivered?)?;
    if answered >= reached.term {
        return None;
    }
    let proof = &story.calls[reached.proof];
    let had = if proof.to == to { "answered" } else { "sent" };
    let what = format!(
        "server {to} answered {method} with term {answered}, and had {had} {} in term {} before",
        proof.method, reached.term
    );
    Some(sighting(what, vec![proof.id, call.id]))
}

/// How long a server may hold to a leader that it has heard, whoever asks for its vote.
const HOLDS_TO_LEADER: Duration = Duration::from_secs(2);

/// Whether a server refuses its vote because there is a leader: "if a server receives a RequestVote RPC
/// within the minimum election timeout of hearing from a current leader, it does not update its term or
/// grant its vote" (§6).
fn disregards(story: &Story, call: &Call) -> bool {
    let Some(handled) = call.handled else { return false };
    if call.purpose != Purpose::Vote || call.reply.vote_granted != Some(false) {
        return false;
    }
    let is_recent = |at: Time| handled.at.since(at) < HOLDS_TO_LEADER;
    let heard = story
        .handled_by(call.to as usize)
        .rev()
        .take_while(|other| other.handled.is_some_and(|handled| is_recent(handled.at)));
    let mut heard = heard.filter(|other| other.handled < Some(handled));
    let leads = || {
        let sent = story.sent_by(call.to as usize).rev();
        let mut sent = sent.skip_while(|sent| sent.sent > handled);
        sent.find(|sent| sent.purpose != Purpose::Vote).is_some_and(|sent| is_recent(sent.sent.at))
    };
    heard.any(|other| matches!(other.purpose, Purpose::Append | Purpose::Snapshot)) || leads()
}
