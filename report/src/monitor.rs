//! Monitors: what must hold in every run of a right Raft, or nearly always does.
//!
//! A monitor judges only what the wire, the persister and `get_state` prove. What is legal but looks
//! odd, such as a request that was built in an earlier term and arrives late, or a leader that is cut
//! off and doesn't know of its successor, trips none. Each has a file of its own.

mod logs;
mod m01_one_leader_a_term;
mod m02_one_vote_a_term;
mod m03_term_goes_back;
mod m04_answer_in_lower_term;
mod m05_votes_for_shorter_log;
mod m06_accepts_old_leader;
mod m07_forgets_acknowledged;
mod m08_commits_earlier_term;
mod m09_applies_in_order;
mod m10_one_command_an_index;
mod m11_leader_lacks_committed;
mod m12_candidate_stands_still;
mod m13_quorum_without_leader;
mod m14_many_elections;
mod m15_leader_falls_silent;
mod m16_server_gets_nowhere;
mod m17_leads_without_votes;
mod m18_sends_too_often;
mod m19_sends_too_much;
mod m20_state_grows;
mod m21_applies_without_majority;
mod quiet;

use crate::event::{RpcId, Time};
use crate::story::Story;

/// What a monitor watches over, and how.
#[derive(Debug)]
pub struct Monitor {
    /// Its number: `M1` to `M21`.
    pub id: &'static str,
    /// What it watches over, as the rule that holds in a right Raft.
    pub rule: &'static str,
    /// Where the rule is in the extended Raft paper.
    pub paper: &'static str,
    /// What it means if it doesn't hold.
    pub kind: Kind,
    /// Finds the places where it doesn't, in order of time.
    pub check: fn(&Story) -> Vec<Sighting>,
}

/// What it means if a monitor's rule doesn't hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A promise of Raft's is broken. With `LAB_STRICT=1` that fails the run.
    Safety,
    /// A right Raft hardly ever does so: it may explain a failure, and is none.
    Warning,
}

/// A place where a monitor's rule doesn't hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// When.
    pub at: Time,
    /// Which servers did it.
    pub servers: Vec<u32>,
    /// What they did, in a sentence without a full stop that begins with a server: `server 1 sent …`.
    pub what: String,
    /// The calls that prove it.
    pub calls: Vec<RpcId>,
}

/// All monitors, by number.
pub static ALL: &[Monitor] = &[
    m01_one_leader_a_term::MONITOR,
    m02_one_vote_a_term::MONITOR,
    m03_term_goes_back::MONITOR,
    m04_answer_in_lower_term::MONITOR,
    m05_votes_for_shorter_log::MONITOR,
    m06_accepts_old_leader::MONITOR,
    m07_forgets_acknowledged::MONITOR,
    m08_commits_earlier_term::MONITOR,
    m09_applies_in_order::MONITOR,
    m10_one_command_an_index::MONITOR,
    m11_leader_lacks_committed::MONITOR,
    m12_candidate_stands_still::MONITOR,
    m13_quorum_without_leader::MONITOR,
    m14_many_elections::MONITOR,
    m15_leader_falls_silent::MONITOR,
    m16_server_gets_nowhere::MONITOR,
    m17_leads_without_votes::MONITOR,
    m18_sends_too_often::MONITOR,
    m19_sends_too_much::MONITOR,
    m20_state_grows::MONITOR,
    m21_applies_without_majority::MONITOR,
];

/// Whether a place is the first where these servers break a rule: the others say nothing new.
fn is_new(sightings: &[Sighting], servers: &[u32]) -> bool {
    sightings.iter().all(|seen| seen.servers != servers)
}

/// Of each group of servers the first place, in order of time.
fn first_of_each(found: impl Iterator<Item = Sighting>) -> Vec<Sighting> {
    let mut sightings: Vec<Sighting> = Vec::new();
    for sighting in found {
        if is_new(&sightings, &sighting.servers) {
            sightings.push(sighting);
        }
    }
    sightings.sort_by_key(|sighting| sighting.at);
    sightings
}

/// A monitor that was tripped, and where.
#[derive(Clone, Debug)]
pub struct Tripped {
    /// The monitor.
    pub monitor: &'static Monitor,
    /// Where, in order of time; at least one.
    pub sightings: Vec<Sighting>,
}

/// Which monitors a run trips.
#[must_use]
pub fn watch(story: &Story) -> Vec<Tripped> {
    // What rests on a guess breaks no promise.
    let read = story.without_guesses();
    let tripped = |monitor: &'static Monitor| {
        let story = match monitor.kind {
            Kind::Safety => &*read,
            Kind::Warning => story,
        };
        let sightings = (monitor.check)(story);
        (!sightings.is_empty()).then_some(Tripped { monitor, sightings })
    };
    ALL.iter().filter_map(tripped).collect()
}

impl Tripped {
    /// The first place.
    #[must_use]
    pub fn first(&self) -> &Sighting {
        &self.sightings[0]
    }
}
