//! A child that says nothing: how long it may, and when it is plain that it never will again.
//!
//! A healthy child gives a sign of life every second. On a machine with too much to do one may be
//! late, so that it is late isn't enough: the kernel must tell that the child is stopped, that all of
//! it is asleep, or that it had the CPU and said nothing.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::death::Death;
use crate::proc_stat::{Stat, states_of_threads};

/// How often a silent child is looked at.
pub(crate) const LOOK: Duration = Duration::from_millis(500);

/// How many looks in a row must find it stopped. Who types Ctrl-Z stops parent and child, and may wake
/// the parent first.
const LOOKS_STOPPED: u32 = 3;

/// How many looks in a row must find all its threads asleep. One that waits for a CPU isn't.
const LOOKS_ASLEEP: u32 = 6;

/// How much CPU time it may use without a word.
const CPU: Duration = Duration::from_secs(6);

/// The same two for a child that hasn't come to the point of running: until then its test function may do
/// as it likes.
const LOOKS_ASLEEP_BEFORE: u32 = 24;
const CPU_BEFORE: Duration = Duration::from_secs(12);

/// How long it may be silent where the kernel tells nothing.
pub(crate) const AT_MOST: Duration = Duration::from_secs(12);

/// How long it may take to come to the point of running: on a machine with much else to do, a child waits
/// for the CPU longer than it uses it.
const AT_MOST_BEFORE: Duration = Duration::from_secs(300);

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
        self.judge(is_ready, stat, &states, self.since.elapsed())
    }

    /// The same by what the kernel tells of the child, and of its threads, after so long.
    fn judge(
        &mut self,
        is_ready: bool,
        stat: Option<Stat>,
        states: &[char],
        elapsed: Duration,
    ) -> Option<Death> {
        let all_are = |state| !states.is_empty() && states.iter().all(|&other| other == state);
        self.looks_stopped = if all_are('T') { self.looks_stopped + 1 } else { 0 };
        self.looks_asleep = if all_are('S') { self.looks_asleep + 1 } else { 0 };
        if self.looks_stopped >= LOOKS_STOPPED {
            return Some(Death::Stopped);
        }
        let used = stat.map_or(Duration::ZERO, |Stat { cpu, .. }| {
            cpu.saturating_sub(*self.cpu.get_or_insert(cpu))
        });
        let (looks_asleep, cpu, at_most) = match is_ready {
            true => (LOOKS_ASLEEP, CPU, AT_MOST_AT_WORK),
            false => (LOOKS_ASLEEP_BEFORE, CPU_BEFORE, AT_MOST_BEFORE),
        };
        let at_most = if stat.is_some() { at_most } else { AT_MOST };
        let is_dead = self.looks_asleep >= looks_asleep || used >= cpu || elapsed >= at_most;
        is_dead.then_some(Death::Silent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After how many looks a child is dead of which the kernel tells the same each time, but for the
    /// share of the time in which it has the CPU.
    fn looks_until_dead(is_ready: bool, state: char, share: f64) -> u32 {
        let mut silence = Silence::begin(1);
        let is_dead = |look: &u32| {
            let elapsed = LOOK * *look;
            let stat = Stat { state, cpu: elapsed.mul_f64(share) };
            silence.judge(is_ready, Some(stat), &[state; 2], elapsed).is_some()
        };
        (1..).find(is_dead).expect("it is dead some day")
    }

    #[test]
    fn a_child_that_waits_for_the_cpu_may_begin_late() {
        // With twenty others on the machine.
        assert!(LOOK * looks_until_dead(false, 'R', 0.05) > Duration::from_secs(200));
        // One that sleeps, or computes, before it comes to the point of running never will.
        for (state, share) in [('S', 0.0), ('R', 1.0)] {
            let took = LOOK * looks_until_dead(false, state, share);
            assert!(took <= Duration::from_secs(13), "{took:?} for {state}");
        }
    }

    #[test]
    fn a_child_at_work_that_says_nothing_is_dead_soon() {
        for (state, share, at_most) in
            [('S', 0.0, 3), ('R', 1.0, 7), ('R', 0.05, 30), ('T', 0.0, 2)]
        {
            let took = LOOK * looks_until_dead(true, state, share);
            assert!(took <= Duration::from_secs(at_most), "{took:?} for {state} {share}");
        }
    }

    #[test]
    fn only_looks_in_a_row_count() {
        for (state, looks, death) in
            [('S', LOOKS_ASLEEP, Death::Silent), ('T', LOOKS_STOPPED, Death::Stopped)]
        {
            let mut silence = Silence::begin(1);
            let mut look = |state| {
                let stat = Stat { state, cpu: Duration::ZERO };
                silence.judge(true, Some(stat), &[state; 2], Duration::ZERO)
            };
            let almost = vec![state; looks as usize - 1];
            for state in [&almost[..], &['R'], &almost].concat() {
                assert_eq!(look(state), None, "{looks} looks in a row kill it, and no fewer");
            }
            assert_eq!(look(state), Some(death));
        }
    }
}
