//! Monitors: what must hold in every run of a right Raft, or nearly always does.
//!
//! A monitor judges only what the wire, the persister and `get_state` prove. What is legal but looks
//! odd, such as a request that was built in an earlier term and arrives late, or a leader that is cut
//! off and doesn't know of its successor, trips none. Each has a file of its own.

mod m01_one_leader_a_term;
mod m12_candidate_stands_still;

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
pub static ALL: &[Monitor] = &[m01_one_leader_a_term::MONITOR, m12_candidate_stands_still::MONITOR];

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
    let tripped = |monitor: &'static Monitor| {
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
