//! M6: a server accepts entries from a leader of an earlier term.

use super::{Kind, Monitor, Sighting, first_of_each};
use crate::story::{Call, Purpose, Story};

pub(super) const MONITOR: Monitor = Monitor {
    id: "M6",
    rule: "AppendEntries of a term lower than the receiver's is refused",
    paper: "§5.1; Figure 2, AppendEntries, receiver 1",
    kind: Kind::Safety,
    check,
};

fn check(story: &Story) -> Vec<Sighting> {
    let accepted = story
        .calls
        .iter()
        .filter(|call| call.purpose == Purpose::Append && call.reply.success == Some(true));
    first_of_each(accepted.filter_map(|call| judge(story, call)))
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
