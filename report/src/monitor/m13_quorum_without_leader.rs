//! M13: a majority that can talk stays without a leader.

use std::time::Duration;

use super::quiet::stretches;
use super::{Kind, Monitor, Sighting};
use crate::event::Time;
use crate::story::{Story, View};

pub(super) const MONITOR: Monitor = Monitor {
    id: "M13",
    rule: "a majority that is connected by a reliable network has a leader within 3 s",
    paper: "§5.2; §5.6, Timing and availability",
    kind: Kind::Warning,
    check,
};

/// For how long there may be none.
const LONG: Duration = Duration::from_secs(3);

fn check(story: &Story) -> Vec<Sighting> {
    let mut sightings = Vec::new();
    for quiet in stretches(story, LONG) {
        // When some server of these began to lead, and when it ceased.
        let mut changes: Vec<(Time, bool)> = Vec::new();
        for &server in &quiet.up {
            let views = &story.views[server];
            let later = views.partition_point(|view| view.moment.at <= quiet.from);
            let mut leads = later > 0 && views[later - 1].is_leader;
            if leads {
                changes.push((quiet.from, true));
            }
            for &View { moment, is_leader, .. } in &views[later..] {
                if moment.at >= quiet.until {
                    break;
                }
                if is_leader != leads {
                    changes.push((moment.at, is_leader));
                    leads = is_leader;
                }
            }
        }
        changes.sort_by_key(|change| change.0);
        let (mut leaders, mut since) = (0_usize, quiet.from);
        for (at, begins) in changes.into_iter().chain([(quiet.until, true)]) {
            if leaders == 0 && at.since(since) >= LONG {
                sightings.push(Sighting {
                    at: Time(since.0 + LONG.as_micros() as u64),
                    servers: quiet.up.iter().map(|&server| server as u32).collect(),
                    what: format!(
                        "servers {} could talk to each other, and none of them led for {:.2} s from \
                         {since} s on",
                        list(&quiet.up),
                        at.since(since).as_secs_f64()
                    ),
                    calls: Vec::new(),
                });
            }
            leaders = if begins { leaders + 1 } else { leaders.saturating_sub(1) };
            since = at;
        }
    }
    sightings
}

fn list(servers: &[usize]) -> String {
    servers.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")
}
