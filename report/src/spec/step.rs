//! What can happen in a run, in one total order.

use crate::event::Time;
use crate::outcome::Outcome;
use crate::story::{Applied, Call, Happened, Life, Moment, Proposal, Save, Snapshot, Story, View};

/// One thing that a server did, or that happened to it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Did<'a> {
    Sent(&'a Call),
    Delivered(&'a Call),
    Handled(&'a Call),
    /// A reply has arrived.
    Returned(&'a Call),
    Started(u32, &'a Life),
    Crashed(u32),
    Viewed(u32, &'a View),
    Proposed(&'a Proposal),
    Applied(&'a Applied, usize),
    Snapshotted(&'a Snapshot),
    Saved(&'a Save),
}

impl Did<'_> {
    /// The server that did it, or to which it happened.
    pub(super) fn server(&self) -> u32 {
        match *self {
            Did::Sent(call) | Did::Returned(call) => call.from.server,
            Did::Delivered(call) | Did::Handled(call) => call.to,
            Did::Started(server, _) | Did::Crashed(server) | Did::Viewed(server, _) => server,
            Did::Proposed(proposal) => proposal.server.server,
            Did::Applied(applied, _) => applied.server.server,
            Did::Snapshotted(made) => made.server.server,
            Did::Saved(save) => save.server.server,
        }
    }
}

/// All steps of a run, in order.
pub(super) fn steps(story: &Story) -> impl Iterator<Item = (Moment, Did<'_>)> {
    story.order.iter().filter_map(|&(moment, happened)| {
        let did = match happened {
            Happened::Sent(place) => Did::Sent(&story.calls[place]),
            Happened::Delivered(place) => Did::Delivered(&story.calls[place]),
            Happened::Handled(place) => Did::Handled(&story.calls[place]),
            Happened::Returned(place) => match &story.calls[place] {
                call if matches!(call.returned, Some((_, Outcome::Replied))) => Did::Returned(call),
                _ => return None,
            },
            Happened::Started(server, place) => {
                Did::Started(server, &story.lives[server as usize][place])
            }
            Happened::Crashed(server, _) => Did::Crashed(server),
            Happened::Viewed(server, place) => {
                Did::Viewed(server, &story.views[server as usize][place])
            }
            Happened::Proposed(place) => Did::Proposed(&story.proposals[place]),
            Happened::Applied(place) => Did::Applied(&story.applied[place], place),
            Happened::Snapshotted(place) => Did::Snapshotted(&story.snapshots[place]),
            Happened::Saved(place) => Did::Saved(&story.saved[place]),
        };
        Some((moment, did))
    })
}

/// Later by some time, and behind all that happens then.
pub(crate) fn later(moment: Moment, us: u64) -> Moment {
    Moment { place: usize::MAX, at: Time(moment.at.0.saturating_add(us)) }
}

/// How long after something happened a server may be looked at for it, in µs.
pub(crate) const LOOKED_AT: u64 = 1000;
