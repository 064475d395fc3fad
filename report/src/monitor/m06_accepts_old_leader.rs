//! M6: a server accepts entries from a leader of an earlier term.

use super::terms::each_answer;
use super::{Kind, Monitor, Sighting, is_new};
use crate::story::{Purpose, Story};

pub(super) const MONITOR: Monitor = Monitor {
    id: "M6",
    rule: "AppendEntries of a term lower than the receiver's is refused",
    paper: "§5.1; Figure 2, AppendEntries, receiver 1",
    kind: Kind::Safety,
    check,
};

fn check(story: &Story) -> Vec<Sighting> {
    let mut sightings = Vec::new();
    // That the reply's own term is higher proves nothing: a handler that waits may have accepted the
    // entries before the term changed.
    each_answer(story, |call, reached| {
        let (Purpose::Append, Some(term), Some(true), Some(handled)) =
            (call.purpose, call.args.term, call.reply.success, call.handled)
        else {
            return;
        };
        if term >= reached.term || !is_new(&sightings, &[call.to]) {
            return;
        }
        let proof = &story.calls[reached.proof];
        sightings.push(Sighting {
            at: handled.at,
            servers: vec![call.to],
            what: format!(
                "server {} accepted {} of term {term} from server {}, and had been in term {} before",
                call.to, call.method, call.from.server, reached.term
            ),
            calls: vec![proof.id, call.id],
        });
    });
    sightings
}
