//! M14: election follows election although nothing disturbs the servers.

use std::time::Duration;

use super::quiet::stretches;
use super::{Kind, Monitor, Sighting};
use crate::event::Time;
use crate::story::Story;

pub(super) const MONITOR: Monitor = Monitor {
    id: "M14",
    rule: "without faults elections soon come to an end: fewer than five in 3 s",
    paper: "§5.2, randomized election timeouts",
    kind: Kind::Warning,
    check,
};

/// How many elections are many.
const MANY: usize = 5;

/// Within which time.
const WITHIN: Duration = Duration::from_secs(3);

fn check(story: &Story) -> Vec<Sighting> {
    let elections = &story.elections;
    if elections.len() < MANY {
        return Vec::new();
    }
    let mut sightings = Vec::new();
    for quiet in stretches(story, WITHIN) {
        let begin = elections.partition_point(|election| election.at < quiet.from);
        // What is cut off stands for election as often as it likes.
        let of_these: Vec<_> = elections[begin..]
            .iter()
            .take_while(|election| election.at < quiet.until)
            .filter(|election| quiet.up.contains(&(election.candidate.server as usize)))
            .collect();
        // The five must lie in 3 s without a fault, which needn't begin with the first of them.
        let many = of_these.windows(MANY).find(|many| {
            let (first, last) = (many[0].at, many[MANY - 1].at);
            last.since(first) < WITHIN && last >= Time(quiet.from.0 + WITHIN.as_micros() as u64)
        });
        let Some(many) = many else { continue };
        let (first, last) = (many[0], many[MANY - 1]);
        let mut servers: Vec<u32> = many.iter().map(|one| one.candidate.server).collect();
        servers.sort_unstable();
        servers.dedup();
        sightings.push(Sighting {
            at: last.at,
            what: format!(
                "server {} began an election at {} s, the last of {MANY} in {:.2} s, with no fault \
                 since {} s",
                last.candidate.server,
                last.at,
                last.at.since(first.at).as_secs_f64(),
                quiet.from
            ),
            servers,
            calls: many.iter().map(|one| story.calls[one.requests[0]].id).collect(),
        });
    }
    sightings
}
