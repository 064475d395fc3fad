//! M8: a leader commits an entry of an earlier term by counting copies.

use super::logs::shown;
use super::{Kind, Monitor, Sighting, is_new};
use crate::story::{Became, Call, Purpose, Story};

pub(super) const MONITOR: Monitor = Monitor {
    id: "M8",
    rule: "a leader commits entries of earlier terms only together with one of its own term",
    paper: "§5.4.2, Figure 8; Figure 2, Leaders, rule 4",
    kind: Kind::Safety,
    check,
};

/// What a leader shows in one term.
#[derive(Clone, Debug, Default)]
struct Leader {
    term: u64,
    /// What it can have known to be committed when it was elected, at most.
    elected_with: u64,
    /// The lowest commit index that it has sent.
    lowest_commit: u64,
    /// The highest index that its log has of an earlier term, as far as is shown.
    earlier: u64,
    /// The last index that it has shown.
    last: u64,
    /// Which followers may have an entry of its own term, one bit each.
    own: u64,
    /// Each commit index that it has sent before a majority could have an entry of its own term, and
    /// the call.
    commits: Vec<(u64, usize)>,
}

fn check(story: &Story) -> Vec<Sighting> {
    if story.dropped > 0 || story.servers > 64 {
        return Vec::new(); // what a leader knew at its election may be among what is missing
    }
    let mut leaders: Vec<Vec<Leader>> = vec![Vec::new(); story.servers];
    // What each server can have been told to be committed, at most.
    let mut told: Vec<u64> = vec![0; story.servers];
    for turn in &story.turns {
        let call = &story.calls[turn.call];
        let (from, to) = (call.from.server as usize, call.to as usize);
        match (turn.what, call.purpose) {
            (Became::Sent, Purpose::Append) => {
                let Some(leader) = leader(&mut leaders[from], told[from], call) else { continue };
                leader.sends(call, turn.call, story.majority());
            }
            (Became::Delivered, Purpose::Append) => {
                told[to] = told[to].max(call.args.leader_commit.unwrap_or(u64::MAX));
                // Whatever becomes of the reply, the follower may have the entries from now on.
                if let Some(leader) = leader(&mut leaders[from], told[from], call)
                    && shown(call).is_none_or(|(term, _)| term == leader.term)
                {
                    leader.own |= 1 << to;
                }
            }
            (Became::Delivered, Purpose::Snapshot) => {
                told[to] = told[to].max(call.args.last_included_index.unwrap_or(u64::MAX));
            }
            _ => {}
        }
    }
    sightings(story, &leaders)
}

/// The leader that sends `call`, among what its server has been so far.
fn leader<'a>(terms: &'a mut Vec<Leader>, told: u64, call: &Call) -> Option<&'a mut Leader> {
    let (term, commit) = call.args.term.zip(call.args.leader_commit)?;
    if let Some(place) = terms.iter().rposition(|leader| leader.term == term) {
        return Some(&mut terms[place]);
    }
    // As a leader before it may have committed all that it had.
    let elected_with = terms.iter().map(|leader| leader.last).fold(told, u64::max);
    terms.push(Leader { term, elected_with, lowest_commit: commit, ..Leader::default() });
    terms.last_mut()
}

impl Leader {
    fn sends(&mut self, call: &Call, place: usize, majority: usize) {
        let (Some(prev), Some(commit)) = (call.args.prev_log_index, call.args.leader_commit) else {
            return;
        };
        let entries = call.args.entries.as_deref().unwrap_or_default();
        self.last = self.last.max(prev + entries.len() as u64);
        self.lowest_commit = self.lowest_commit.min(commit);
        // Terms never go down along a log.
        if call.args.prev_log_term.is_some_and(|term| term < self.term) {
            let earlier =
                entries.iter().take_while(|term| term.is_some_and(|term| term < self.term)).count();
            self.earlier = self.earlier.max(prev + earlier as u64);
        }
        let has_own = self.own.count_ones() as usize + 1 >= majority;
        if !has_own && self.commits.last().is_none_or(|&(last, _)| last != commit) {
            self.commits.push((commit, place));
        }
    }

    /// The first commit index that it can't have come to but by counting copies.
    fn counted(&self) -> Option<(u64, usize)> {
        let mut commits = self.commits.iter().copied();
        commits.find(|&(commit, _)| {
            self.lowest_commit < commit && self.elected_with < commit && commit <= self.earlier
        })
    }
}

fn sightings(story: &Story, leaders: &[Vec<Leader>]) -> Vec<Sighting> {
    let mut sightings = Vec::new();
    for (server, terms) in leaders.iter().enumerate() {
        for leader in terms {
            let Some((commit, place)) = leader.counted() else { continue };
            if !is_new(&sightings, &[server as u32]) {
                continue;
            }
            let call = &story.calls[place];
            sightings.push(Sighting {
                at: call.sent.at,
                servers: vec![server as u32],
                what: format!(
                    "server {server} led term {}, and committed index {commit}, an entry of an \
                     earlier term, while no majority had an entry of its own",
                    leader.term
                ),
                calls: vec![call.id],
            });
        }
    }
    sightings.sort_by_key(|sighting: &Sighting| sighting.at);
    sightings
}
