//! M4: a reply has a lower term than its server has reached.

use super::terms::each_answer;
use super::{Kind, Monitor, Sighting, is_new};
use crate::story::{Purpose, Story};

pub(super) const MONITOR: Monitor = Monitor {
    id: "M4",
    rule: "a reply's term is at least the request's, and never lower than one the server has had",
    paper: "§5.1; Figure 2, All Servers, rule 2",
    kind: Kind::Safety,
    check,
};

fn check(story: &Story) -> Vec<Sighting> {
    let mut sightings = Vec::new();
    for handled in &story.handled {
        for &place in handled {
            let call = &story.calls[place];
            let (Some(asked), Some(answered), Some(handled)) =
                (call.args.term, call.reply.term, call.handled)
            else {
                continue;
            };
            // A reply that leaves its term at 0 tells none.
            if answered == 0 || answered >= asked || call.purpose == Purpose::Other {
                continue;
            }
            if is_new(&sightings, &[call.to]) {
                sightings.push(Sighting {
                    at: handled.at,
                    servers: vec![call.to],
                    what: format!(
                        "server {} answered {} of term {asked} with the lower term {answered}",
                        call.to, call.method
                    ),
                    calls: vec![call.id],
                });
            }
        }
    }
    each_answer(story, |call, reached| {
        let (Some(answered), Some(handled)) = (call.reply.term, call.handled) else { return };
        if answered == 0 || answered >= reached.term || !is_new(&sightings, &[call.to]) {
            return;
        }
        let proof = &story.calls[reached.proof];
        let had = if proof.to == call.to { "answered" } else { "sent" };
        sightings.push(Sighting {
            at: handled.at,
            servers: vec![call.to],
            what: format!(
                "server {} answered {} with term {answered}, and had {had} {} in term {} before",
                call.to, call.method, proof.method, reached.term
            ),
            calls: vec![proof.id, call.id],
        });
    });
    sightings.sort_by_key(|sighting: &Sighting| sighting.at);
    sightings
}
