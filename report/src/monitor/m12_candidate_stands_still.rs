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
    let elections = &story.elections;
    // When each candidate's next election began.
    let mut next: Vec<Option<Time>> = vec![None; elections.len()];
    let mut latest: Vec<Option<usize>> = vec![None; story.servers];
    for (place, election) in elections.iter().enumerate() {
        let before = latest[election.candidate.server as usize].replace(place);
        if let Some(before) = before
            && elections[before].candidate == election.candidate
        {
            next[before] = Some(election.at);
        }
    }
    let mut sightings = Vec::new();
    for (election, next) in elections.iter().zip(next) {
        let until = ends(story, election, next);
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
fn ends(story: &Story, election: &Election, next: Option<Time>) -> Time {
    let Election { candidate, term, at, .. } = *election;
    let server = candidate.server as usize;
    let crashed = story.lives[server]
        .iter()
        .filter(|life| life.incarnation == candidate.incarnation)
        .filter_map(|life| life.until)
        .map(|moment| moment.at);
    let until = crashed.chain(next).chain([story.end]).min().unwrap_or(story.end);
    if until.since(at) <= LONG {
        return until; // as nearly always
    }
    let views = &story.views[server];
    let later = views.partition_point(|view| view.moment.at < at);
    let viewed = views[later..]
        .iter()
        .find(|view| view.is_leader || view.term != term)
        .map(|view| view.moment.at);
    // Whoever follows the term's leader has given way.
    let handled = &story.handled[server];
    let handled_at = |&call: &usize| story.calls[call].handled.map(|moment| moment.at);
    let later = handled.partition_point(|call| handled_at(call) < Some(at));
    let followed = handled[later..]
        .iter()
        .find(|&&call| {
            let call = &story.calls[call];
            call.is_leaders() && call.args.term >= Some(term)
        })
        .and_then(handled_at);
    viewed.into_iter().chain(followed).chain([until]).min().unwrap_or(until)
}
