//! M6: a server accepts entries from a leader of an earlier term.

use super::{Kind, Monitor, Sighting, is_new};
use crate::story::{Call, Purpose, Story};

pub(super) const MONITOR: Monitor = Monitor {
    id: "M6",
    rule: "AppendEntries of a term lower than the receiver's is refused",
    paper: "§5.1; Figure 2, AppendEntries, receiver 1",
    kind: Kind::Safety,
    check,
};

fn check(story: &Story) -> Vec<Sighting> {
    let mut sightings = Vec::new();
    for call in &story.calls {
        if call.purpose == Purpose::Append
            && call.reply.success == Some(true)
            && let Some(sighting) = judge(story, call)
            && is_new(&sightings, &sighting.servers)
        {
            sightings.push(sighting);
        }
    }
    sightings.sort_by_key(|sighting: &Sighting| sighting.at);
    sightings
}

/// Whether the server had reached a later term before the handler began. That the reply's own term is
/// higher proves nothing: a handler that waits may have accepted the entries before the term changed.
fn judge(story: &Story, call: &Call) -> Option<Sighting> {
    call.answered_in?;
    let term = call.args.term?;
    let reached = story.reached_before(call.to, call.delivered?)?;
    if term >= reached.term {
        return None;
    }
    let proof = &story.calls[reached.proof];
    Some(Sighting {
        at: call.handled?.at,
        servers: vec![call.to],
        what: format!(
            "server {} accepted {} of term {term} from server {}, and had been in term {} before",
            call.to, call.method, call.from.server, reached.term
        ),
        calls: vec![proof.id, call.id],
    })
}
