//! M12: a candidate that doesn't start its election anew.

use std::time::Duration;

use super::{Kind, Monitor, Sighting};
use crate::event::Time;
use crate::story::{Election, Story};

pub(super) const MONITOR: Monitor = Monitor {
    id: "M12",
    rule: "a candidate whose election timer fires starts a new election",
    paper: "Figure 2, Candidates, rule 4; §5.2",
    kind: Kind::Warning,
    check,
};

/// For how long a candidate may ask for nothing new: far longer than any election timeout that lets a
/// test pass.
const LONG: Duration = Duration::from_millis(1500);

fn check(story: &Story) -> Vec<Sighting> {
    let elections = story.elections();
    let mut sightings = Vec::new();
    for election in &elections {
        let until = ends(story, &elections, election);
        let stood = until.since(election.at);
        if stood > LONG {
            let Election { candidate, term, at, ref requests } = *election;
            sightings.push(Sighting {
                at: Time(at.0 + LONG.as_micros() as u64),
                servers: vec![candidate.server],
                what: format!(
                    "server {} asked for votes in term {term} at {at} s and started no other \
                     election for {:.2} s, though it neither won nor gave way",
                    candidate.server,
                    stood.as_secs_f64()
                ),
                calls: requests.iter().map(|&call| story.calls[call].id).collect(),
            });
        }
    }
    sightings
}

/// Until when a candidate is known to have done no better than to stand: it started another election,
/// was seen to lead or to be of another term, answered a leader of its term, was crashed, or the run
/// ended.
fn ends(story: &Story, elections: &[Election], election: &Election) -> Time {
    let Election { candidate, term, at, .. } = *election;
    let server = candidate.server as usize;
    let next = elections
        .iter()
        .filter(|other| other.candidate == candidate && (other.at, other.term) > (at, term))
        .map(|other| other.at);
    let views = story.views[server]
        .iter()
        .filter(|view| view.moment.at >= at && (view.is_leader || view.term != term))
        .map(|view| view.moment.at);
    // Whoever follows the term's leader has given way.
    let followed = story.handled[server]
        .iter()
        .map(|&call| &story.calls[call])
        .filter(|call| {
            call.args.prev_log_index.is_some() || call.args.last_included_index.is_some()
        })
        .filter(|call| call.args.term >= Some(term))
        .filter_map(|call| call.handled)
        .map(|moment| moment.at)
        .filter(|&handled| handled >= at);
    let crashed = story.lives[server]
        .iter()
        .filter(|life| life.incarnation == candidate.incarnation)
        .filter_map(|life| life.until)
        .map(|moment| moment.at);
    next.chain(views).chain(followed).chain(crashed).chain([story.end]).min().unwrap_or(story.end)
}
