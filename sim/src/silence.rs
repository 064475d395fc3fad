//! A child that says nothing: how long it may, and when it is plain that it never will again.
//!
//! A healthy child gives a sign of life every second. On a machine with too much to do one may be
//! late, so that it is late isn't enough: the kernel must tell that the child is stopped, that all of
//! it is asleep, or that it had the CPU and said nothing.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::kernel::{Stat, states_of_threads};
use crate::workers::Death;

/// How often a silent child is looked at.
pub(crate) const LOOK: Duration = Duration::from_millis(500);

/// How many looks in a row must find it stopped. Who types Ctrl-Z stops parent and child, and may wake
/// the parent first.
const LOOKS_STOPPED: u32 = 3;

/// How many looks in a row must find all its threads asleep. One that waits for a CPU isn't.
const LOOKS_ASLEEP: u32 = 6;

/// How much CPU time it may use without a word.
const CPU: Duration = Duration::from_secs(6);

/// How long it may take to come to the point of running, or be silent where the kernel tells nothing.
pub(crate) const AT_MOST: Duration = Duration::from_secs(12);

/// How long it may be silent in any case.
const AT_MOST_AT_WORK: Duration = Duration::from_secs(30);

/// A child's silence, since its last word.
pub(crate) struct Silence {
    process: u32,
    since: Instant,
    cpu: Option<Duration>,
    looks_stopped: u32,
    looks_asleep: u32,
}

impl Silence {
    /// The silence of `process`, which begins now.
    pub(crate) fn begin(process: u32) -> Silence {
        Silence { process, since: Instant::now(), cpu: None, looks_stopped: 0, looks_asleep: 0 }
    }

    /// Looks at the child once more. Returns what it has died of, if it is as good as dead.
    pub(crate) fn look(&mut self, is_ready: bool) -> Option<Death> {
        let stat = Stat::read(&PathBuf::from(format!("/proc/{}", self.process)));
        let states = states_of_threads(self.process);
        let all_are = |state| !states.is_empty() && states.iter().all(|&other| other == state);
        self.looks_stopped = if all_are('T') { self.looks_stopped + 1 } else { 0 };
        self.looks_asleep = if all_are('S') { self.looks_asleep + 1 } else { 0 };
        if self.looks_stopped >= LOOKS_STOPPED {
            return Some(Death::Stopped);
        }
        let used = stat.map_or(Duration::ZERO, |Stat { cpu, .. }| {
            cpu.saturating_sub(*self.cpu.get_or_insert(cpu))
        });
        let at_most = if is_ready && stat.is_some() { AT_MOST_AT_WORK } else { AT_MOST };
        let is_dead = is_ready && (self.looks_asleep >= LOOKS_ASLEEP || used >= CPU);
        (is_dead || self.since.elapsed() >= at_most).then_some(Death::Silent)
    }
}
