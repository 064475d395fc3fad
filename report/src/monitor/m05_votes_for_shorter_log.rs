//! M5: a vote for a candidate whose log is behind the voter's.

use super::logs::{Deed, each_vote};
use super::{Kind, Monitor, Sighting, is_new};
use crate::story::Story;

pub(super) const MONITOR: Monitor = Monitor {
    id: "M5",
    rule: "a vote goes only to a candidate whose log is at least as up to date as the voter's",
    paper: "§5.4.1; Figure 2, RequestVote, receiver 2",
    kind: Kind::Safety,
    check,
};

fn check(story: &Story) -> Vec<Sighting> {
    let mut sightings = Vec::new();
    each_vote(story, |deed, proof| {
        let Deed::Granted(call) = deed else { return };
        let (Some(term), Some(last_term), Some(last_index), Some(handled)) =
            (call.args.term, call.args.last_log_term, call.args.last_log_index, call.handled)
        else {
            return;
        };
        if (last_term, last_index) >= proof.last || !is_new(&sightings, &[call.to]) {
            return;
        }
        let (own_term, own_index) = proof.last;
        sightings.push(Sighting {
            at: handled.at,
            servers: vec![call.to],
            what: format!(
                "server {} voted in term {term} for server {}, whose log ends with index {last_index} \
                 of term {last_term}, and its own goes at least to index {own_index} of term {own_term}",
                call.to, call.from.server
            ),
            calls: vec![proof.call, call.id],
        });
    });
    sightings
}
