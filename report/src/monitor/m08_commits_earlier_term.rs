//! M8: a leader commits an entry of an earlier term by counting copies.

use super::logs::shown;
use super::{Kind, Monitor, Sighting, is_new};
use crate::story::{Call, Purpose, Story};

pub(super) const MONITOR: Monitor = Monitor {
    id: "M8",
    rule: "a leader commits entries of earlier terms only together with one of its own term",
    paper: "§5.4.2, Figure 8; Figure 2, Leaders, rule 4",
    kind: Kind::Safety,
    check,
};

/// What a leader shows in one term.
#[derive(Clone, Debug)]
struct Leader {
    term: u64,
    /// Its first call, as a place in [`Story::calls`].
    first: usize,
    /// The lowest commit index that it has sent.
    lowest_commit: u64,
    /// The highest index that its log has of an earlier term, as far as is shown.
    earlier: u64,
    /// The last index that it has shown.
    last: u64,
    /// Each commit index that it has sent after another, and the call.
    commits: Vec<(u64, usize)>,
}

fn check(story: &Story) -> Vec<Sighting> {
    if story.dropped > 0 {
        return Vec::new(); // what a leader knew at its election may be among what is missing
    }
    let mut sightings = Vec::new();
    for (server, sent) in story.sent.iter().enumerate() {
        let leaders = leaders(story, sent);
        for (place, leader) in leaders.iter().enumerate() {
            let Some(call) = leader.counts(story, &leaders[..place]) else { continue };
            if !is_new(&sightings, &[server as u32]) {
                continue;
            }
            sightings.push(Sighting {
                at: call.sent.at,
                servers: vec![server as u32],
                what: format!(
                    "server {server} led term {}, and committed index {}, an entry of an earlier term, \
                     while no majority had an entry of its own",
                    leader.term,
                    call.args.leader_commit.unwrap_or(0)
                ),
                calls: vec![call.id],
            });
        }
    }
    sightings.sort_by_key(|sighting: &Sighting| sighting.at);
    sightings
}

/// What a server shows in each term that it leads, from what it has `sent`.
fn leaders(story: &Story, sent: &[usize]) -> Vec<Leader> {
    let mut leaders: Vec<Leader> = Vec::new();
    for &place in sent {
        let call = &story.calls[place];
        if call.purpose != Purpose::Append {
            continue;
        }
        let (Some(term), Some(prev), Some(commit)) =
            (call.args.term, call.args.prev_log_index, call.args.leader_commit)
        else {
            continue;
        };
        let known = leaders.iter().rposition(|leader| leader.term == term).unwrap_or_else(|| {
            leaders.push(Leader {
                term,
                first: place,
                lowest_commit: commit,
                earlier: 0,
                last: 0,
                commits: Vec::new(),
            });
            leaders.len() - 1
        });
        let leader = &mut leaders[known];
        let entries = call.args.entries.as_deref().unwrap_or_default();
        leader.last = leader.last.max(prev + entries.len() as u64);
        leader.lowest_commit = leader.lowest_commit.min(commit);
        // Terms never go down along a log.
        if call.args.prev_log_term.is_some_and(|prev| prev < term) {
            let is_earlier = |entry: &&Option<u64>| entry.is_some_and(|entry| entry < term);
            let earlier = entries.iter().take_while(is_earlier).count();
            leader.earlier = leader.earlier.max(prev + earlier as u64);
        }
        if leader.commits.last().is_none_or(|&(last, _)| last != commit) {
            leader.commits.push((commit, place));
        }
    }
    leaders
}

impl Leader {
    /// The first call with a commit index that the leader can only have come to by counting the copies
    /// of an entry of an earlier term. `before` is what its server was before.
    ///
    /// A leader that follows Figure 2 goes at once from the commit index of its election to that of an
    /// entry of its own; but some tell a follower no more than it has, and so begin with less.
    fn counts<'a>(&self, story: &'a Story, before: &[Leader]) -> Option<&'a Call> {
        let is_odd = |commit: u64| self.lowest_commit < commit && commit <= self.earlier;
        if !self.commits.iter().any(|&(commit, _)| is_odd(commit)) {
            return None; // as nearly always
        }
        let first = &story.calls[self.first];
        let server = first.from.server;
        // What it can have known to be committed when it was elected: what it was told, and all that it
        // had as a leader before.
        let told = story
            .calls
            .iter()
            .filter(|call| call.to == server)
            .filter(|call| call.delivered.is_some_and(|delivered| delivered < first.sent))
            .filter_map(|call| match call.purpose {
                Purpose::Append => Some(call.args.leader_commit.unwrap_or(u64::MAX)),
                Purpose::Snapshot => Some(call.args.last_included_index.unwrap_or(u64::MAX)),
                // Who knows what it says.
                Purpose::Other if !call.is_pre_vote() => Some(u64::MAX),
                Purpose::Vote | Purpose::Other => None,
            });
        let known = told.chain(before.iter().map(|leader| leader.last)).max().unwrap_or(0);
        let places = self.commits.iter().filter(|&&(commit, _)| is_odd(commit) && known < commit);
        let mut calls = places.map(|&(_, place)| &story.calls[place]);
        calls.find(|call| !self.may_have_own(story, call))
    }

    /// Whether, when `call` was sent, a majority may have had an entry of the leader's own term.
    fn may_have_own(&self, story: &Story, call: &Call) -> bool {
        let mut followers: Vec<u32> = story
            .sent_by(call.from.server as usize)
            .filter(|other| other.purpose == Purpose::Append && other.args.term == Some(self.term))
            .filter(|other| other.delivered.is_some_and(|delivered| delivered < call.sent))
            .filter(|other| shown(other).is_none_or(|(term, _)| term == self.term))
            .map(|other| other.to)
            .collect();
        followers.sort_unstable();
        followers.dedup();
        followers.len() + 1 >= story.majority()
    }
}
