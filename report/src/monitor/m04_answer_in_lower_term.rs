//! M4: a reply has a lower term than its server has reached.

use super::{Kind, Monitor, Sighting, first_of_each};
use crate::story::{Call, Purpose, Story};

pub(super) const MONITOR: Monitor = Monitor {
    id: "M4",
    rule: "a reply's term is never lower than one that its server had before the request came",
    paper: "§5.1; Figure 2, All Servers, rule 2",
    kind: Kind::Safety,
    check,
};

fn check(story: &Story) -> Vec<Sighting> {
    let calls = story.calls.iter().filter(|call| call.purpose != Purpose::Other);
    first_of_each(calls.filter_map(|call| judge(story, call)))
}

/// Whether a server forgets a term. That an answer has a lower term than its request is no breach: it may
/// be the one that the server had until then. Whoever votes or obeys in a term has reached it, however.
fn judge(story: &Story, call: &Call) -> Option<Sighting> {
    let (answered, handled) = call.reply.term.zip(call.handled)?;
    if answered == 0 {
        return None; // a reply that leaves its term at 0 tells none
    }
    let sighting = |what, calls| Sighting { at: handled.at, servers: vec![call.to], what, calls };
    let Call { to, ref method, .. } = *call;
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
