//! M9: a server applies something twice, or leaves something out.

use std::time::Duration;

use super::{Kind, Monitor, Sighting, is_new};
use crate::story::Story;

pub(super) const MONITOR: Monitor = Monitor {
    id: "M9",
    rule: "a server applies each index once and in order, and its commit index never goes back",
    paper: "§5.3; Figure 2, All Servers, rule 1",
    kind: Kind::Safety,
    check,
};

/// How far apart two views must be. Two looks at once may be noted in the wrong order.
const APART: Duration = Duration::from_millis(50);

fn check(story: &Story) -> Vec<Sighting> {
    let mut sightings = Vec::new();
    // What each server has applied last, and in which life.
    let mut last: Vec<Option<(u32, u64)>> = vec![None; story.servers];
    for applied in &story.applied {
        let server = applied.server.server;
        let Some(last) = last.get_mut(server as usize) else { continue };
        let before = last.replace((applied.server.incarnation, applied.index));
        // A life may begin behind a snapshot.
        let Some((_, before)) = before.filter(|before| before.0 == applied.server.incarnation)
        else {
            continue;
        };
        let (is_right, what) = match applied.command {
            Some(_) => (applied.index == before + 1, "index"),
            None => (applied.index >= before, "a snapshot up to index"),
        };
        if !is_right && is_new(&sightings, &[server]) {
            sightings.push(Sighting {
                at: applied.moment.at,
                servers: vec![server],
                what: format!(
                    "server {server} applied {what} {} right after index {before}",
                    applied.index
                ),
                calls: Vec::new(),
            });
        }
    }
    for server in 0..story.servers {
        if let Some(sighting) = goes_back(story, server)
            && is_new(&sightings, &sighting.servers)
        {
            sightings.push(sighting);
        }
    }
    sightings.sort_by_key(|sighting: &Sighting| sighting.at);
    sightings
}

/// Where a server tells of a lower commit index than before in the same life.
fn goes_back(story: &Story, server: usize) -> Option<Sighting> {
    let told = story.views[server].iter().filter_map(|view| Some((view, view.detail.as_ref()?)));
    let mut highest: Option<(u32, u64, crate::event::Time)> = None;
    for (view, detail) in told {
        let (incarnation, commit, at) = (view.incarnation, detail.commit_index, view.moment.at);
        match highest.filter(|highest| highest.0 == incarnation) {
            Some((_, before, since)) if commit < before && at.since(since) > APART => {
                return Some(Sighting {
                    at,
                    servers: vec![server as u32],
                    what: format!(
                        "server {server} had the commit index {commit}, and had had {before} at \
                         {since} s"
                    ),
                    calls: Vec::new(),
                });
            }
            Some((_, before, _)) if commit <= before => {}
            _ => highest = Some((incarnation, commit, at)),
        }
    }
    None
}
