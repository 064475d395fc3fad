//! A plan: what befalls a cluster, and when.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::faults::{Faults, Link};

/// How many servers a plan may have at most.
const MOST_SERVERS: usize = 101;

/// How many commands a plan's load may have at most.
const MOST_COMMANDS: u64 = 100_000;

/// How long a message, a sync or a service may take at most, in ms: more than MIT's network takes to tell
/// that a server can't be reached.
const MOST_DELAY_MS: u64 = 10_000;

/// The latest end of a plan, in ms: a run may take 120 s, and after the end a cluster gets some time
/// to agree.
const LONGEST_MS: u64 = 100_000;

/// What befalls a cluster in one run. When it is over, all faults end, and the cluster has to get
/// somewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The run's seed: of the timers, the delays, and all else that isn't in the plan.
    pub seed: u64,
    /// How many servers.
    pub servers: usize,
    /// Whether the service makes snapshots, each server's at an interval of its own.
    pub snapshots: bool,
    /// What clients ask for while there are faults.
    pub load: Load,
    /// What happens, in the order of time.
    pub acts: Vec<Timed>,
    /// When the faults end, in ms.
    pub end_ms: u64,
}

/// What clients ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Load {
    /// How often, in ms.
    pub every_ms: u64,
    /// How many commands each time, to every server that takes them.
    pub burst: u64,
}

/// An act and its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timed {
    /// When, in ms since the run began.
    pub at_ms: u64,
    /// What.
    pub act: Act,
}

/// One thing that is done to a cluster. Servers go by their numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Messages go within these groups only.
    Partition(Vec<Vec<usize>>),
    /// Messages go from every server to every other.
    Join,
    /// No messages go this way.
    CutLink(Link),
    /// Messages go this way.
    MendLink(Link),
    /// A server is cut off: MIT's disconnect.
    Disconnect(usize),
    /// A server is connected: MIT's connect.
    Connect(usize),
    /// Whoever leads is cut off.
    DisconnectLeader,
    /// A server crashes.
    Crash(usize),
    /// Whoever leads crashes.
    CrashLeader,
    /// A server comes back with what it had saved, and is connected.
    Start(usize),
    /// Some servers crash and come back at the same instant, so that their timers start together.
    Restart(Vec<usize>),
    /// MIT's unreliable network, on or off.
    Unreliable(bool),
    /// MIT's late replies, on or off.
    LongReordering(bool),
    /// Faults beyond MIT's.
    Faults(Faults),
    /// How long a sync of a disk takes, in ms.
    SyncTime(RangeInclusive<u64>),
    /// How long a service takes for what it applies, in ms.
    ApplyTime(u64),
}

impl Plan {
    /// Whether it can be followed.
    ///
    /// # Errors
    /// With what is wrong, as a sentence about the plan: no servers, a server that isn't there, times
    /// that go back or last too long, or numbers that mean nothing.
    pub fn check(&self) -> Result<(), String> {
        if self.servers == 0 {
            return Err("it has no servers".to_owned());
        }
        if self.servers > MOST_SERVERS {
            return Err(format!("it has {} servers; {MOST_SERVERS} is the most", self.servers));
        }
        if self.load.every_ms == 0 {
            return Err("its load comes every 0 ms; 1 is the least".to_owned());
        }
        if self.end_ms > LONGEST_MS {
            return Err(format!("it ends at {} ms; {LONGEST_MS} is the most", self.end_ms));
        }
        let commands = (self.end_ms / self.load.every_ms + 1).saturating_mul(self.load.burst);
        if commands > MOST_COMMANDS {
            return Err(format!("its load has {commands} commands; {MOST_COMMANDS} is the most"));
        }
        let mut before = 0;
        for Timed { at_ms, act } in &self.acts {
            if let Some(server) = act.servers().into_iter().find(|&server| server >= self.servers) {
                return Err(format!("it names server {server} of {}", self.servers));
            }
            if *at_ms < before {
                return Err(format!("its acts are in no order: {at_ms} ms after {before} ms"));
            }
            before = *at_ms;
            act.check()?;
        }
        if before > self.end_ms {
            return Err(format!(
                "its last act, at {before} ms, is after its end, {} ms",
                self.end_ms
            ));
        }
        Ok(())
    }
}

impl Act {
    /// Whether its numbers mean something.
    fn check(&self) -> Result<(), String> {
        let ranges = match self {
            Act::Faults(faults) => {
                let shares = faults.shares();
                if let Some((name, share)) = shares.iter().find(|(_, share)| *share > 1_000) {
                    return Err(format!("{name} are {share} of 1000"));
                }
                vec![&faults.request_delay_ms, &faults.reply_delay_ms]
            }
            Act::SyncTime(ms) => vec![ms],
            Act::CutLink(Link { from, to }) | Act::MendLink(Link { from, to }) if from == to => {
                return Err(format!("it names a way from server {from} to itself"));
            }
            Act::Restart(servers) => {
                let twice = |&place: &usize| servers[..place].contains(&servers[place]);
                if let Some(place) = (0..servers.len()).find(twice) {
                    return Err(format!("it restarts server {} twice at once", servers[place]));
                }
                Vec::new()
            }
            _ => Vec::new(),
        };
        if let Some(range) = ranges.iter().find(|range| range.is_empty()) {
            return Err(format!("the range {}..={} is empty", range.start(), range.end()));
        }
        let apply_time = if let Act::ApplyTime(ms) = self { *ms } else { 0 };
        let longest = ranges.iter().map(|range| *range.end()).chain([apply_time]).max();
        match longest.filter(|&longest| longest > MOST_DELAY_MS) {
            Some(longest) => {
                Err(format!("something takes {longest} ms; {MOST_DELAY_MS} is the most"))
            }
            None => Ok(()),
        }
    }

    /// The servers that it names.
    pub(crate) fn servers(&self) -> Vec<usize> {
        match self {
            Act::Partition(groups) => groups.concat(),
            Act::CutLink(link) | Act::MendLink(link) => vec![link.from, link.to],
            Act::Disconnect(i) | Act::Connect(i) | Act::Crash(i) | Act::Start(i) => vec![*i],
            Act::Restart(servers) => servers.clone(),
            _ => Vec::new(),
        }
    }

    /// The same, to be changed.
    pub(crate) fn servers_mut(&mut self) -> Vec<&mut usize> {
        match self {
            Act::Partition(groups) => groups.iter_mut().flatten().collect(),
            Act::CutLink(link) | Act::MendLink(link) => vec![&mut link.from, &mut link.to],
            Act::Disconnect(i) | Act::Connect(i) | Act::Crash(i) | Act::Start(i) => vec![i],
            Act::Restart(servers) => servers.iter_mut().collect(),
            _ => Vec::new(),
        }
    }
}
