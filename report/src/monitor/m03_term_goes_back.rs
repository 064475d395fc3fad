//! M3: a server's term goes back.

use std::time::Duration;

use super::{Kind, Monitor, Sighting, is_new};
use crate::event::Time;
use crate::story::{Purpose, Story, View};

pub(super) const MONITOR: Monitor = Monitor {
    id: "M3",
    rule: "a server's term never goes back, whether it restarts or not",
    paper: "§5.1; Figure 2, State",
    kind: Kind::Safety,
    check,
};

/// How long a server must be in the lower term. Two looks at once may be noted in the wrong order, and
/// the next look, some 10 ms later, puts that right.
const LASTING: Duration = Duration::from_millis(50);

/// A term that a server has had.
#[derive(Clone, Copy)]
struct Had {
    term: u64,
    at: Time,
    incarnation: u32,
}

fn check(story: &Story) -> Vec<Sighting> {
    let mut sightings = Vec::new();
    for (server, views) in story.views.iter().enumerate() {
        let promised = promised(story, server);
        // The highest term that was seen in the present life.
        let mut seen: Option<Had> = None;
        for (place, view) in views.iter().enumerate() {
            let View { moment, incarnation, term, .. } = *view;
            let earlier = promised.iter().filter(|had| had.incarnation < incarnation);
            let same_life = seen.filter(|had| had.incarnation == incarnation);
            let highest = earlier.copied().chain(same_life).max_by_key(|had| had.term);
            if let Some(highest) = highest.filter(|highest| term < highest.term)
                && lasts(story, server, place) >= LASTING
                && is_new(&sightings, &[server as u32])
            {
                let how = if highest.incarnation == incarnation { "" } else { " before a restart" };
                sightings.push(Sighting {
                    at: moment.at,
                    servers: vec![server as u32],
                    what: format!(
                        "server {server} was in term {term}, and had been in term {} at {} s{how}",
                        highest.term, highest.at
                    ),
                    calls: Vec::new(),
                });
            }
            if same_life.is_none_or(|had| had.term < term) {
                seen = Some(Had { term, at: moment.at, incarnation });
            }
        }
    }
    sightings.sort_by_key(|sighting: &Sighting| sighting.at);
    sightings
}

/// The highest term in which each life of a server has answered, and so had saved. What is only seen
/// may not have been saved yet.
fn promised(story: &Story, server: usize) -> Vec<Had> {
    let mut promised: Vec<Had> = Vec::new();
    if story.lives[server].len() < 2 {
        return promised; // nothing may be forgotten
    }
    // What is asked before a vote is of a term in which nobody is yet, and may be answered in it.
    for call in story.handled_by(server).filter(|call| call.purpose != Purpose::Other) {
        let (Some(incarnation), Some(term), Some(handled)) =
            (call.answered_in, call.reply.term, call.handled)
        else {
            continue;
        };
        let had = Had { term, at: handled.at, incarnation };
        match promised.last_mut().filter(|last| last.incarnation == incarnation) {
            Some(last) if last.term >= term => {}
            Some(last) => *last = had,
            None => promised.push(had),
        }
    }
    promised
}

/// For how long a view of a server is the last one of it.
fn lasts(story: &Story, server: usize, place: usize) -> Duration {
    let views = &story.views[server];
    let view = &views[place];
    let next = views.get(place + 1).map(|next| next.moment.at);
    let mut lives = story.lives[server].iter();
    let life = lives.find(|life| life.incarnation == view.incarnation);
    let crashed = life.and_then(|life| life.until).map(|until| until.at);
    let until = next.into_iter().chain(crashed).chain([story.end]).min().unwrap_or(story.end);
    until.since(view.moment.at)
}
