//! Who watches the runs of this process from outside them. A run's threads tell it where they are, and it
//! reads how far the clock has come.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::settings::{Clock, Exit};

/// Who watches the runs of a process. What it is told, it is told on the run's own threads.
pub trait Watcher: Send + Sync {
    /// The calling thread begins a run. By the virtual clock it is being simulated from now on, and may use
    /// `cpu_limit` for a second of its clock; by the real one the run is to end within `limit`.
    fn begins(&self, clock: Clock, limit: Duration, cpu_limit: Duration);

    /// The calling thread begins to work for the run that is under way, beside the one that has begun it.
    fn works_too(&self);

    /// The run is over. What the calling thread does from now on is the tester's own work, which takes as long as it
    /// takes.
    fn is_over(&self);

    /// That work is done. From now on the calling thread drops the run's values, whose destructors are code under test.
    fn drops(&self);

    /// The code under test wants to end the process. Whoever returns leaves it to the run to tell of it.
    fn exits(&self, exit: &Exit);
}

static WATCHER: OnceLock<Box<dyn Watcher>> = OnceLock::new();

/// How far the virtual clock of the run that is under way has come, in microseconds.
static CLOCK_US: AtomicU64 = AtomicU64::new(0);

/// Has `watcher` told of this process's runs, which are one after another.
///
/// # Panics
/// If the process has a watcher already.
pub fn watch(watcher: impl Watcher + 'static) {
    assert!(WATCHER.set(Box::new(watcher)).is_ok(), "a process has one watcher");
}

/// How far the virtual clock of the run that is under way has come, in microseconds.
#[must_use]
pub fn clock_us() -> u64 {
    CLOCK_US.load(Ordering::Relaxed)
}

pub(crate) fn clock_is_at(now_us: u64) {
    CLOCK_US.store(now_us, Ordering::Relaxed);
}

pub(crate) fn begins(clock: Clock, limit: Duration, cpu_limit: Duration) {
    clock_is_at(0);
    if let Some(watcher) = WATCHER.get() {
        watcher.begins(clock, limit, cpu_limit);
    }
}

pub(crate) fn works_too() {
    if let Some(watcher) = WATCHER.get() {
        watcher.works_too();
    }
}

/// Does the tester's own work on a run that is over, which may take as long as it takes. Whatever the calling thread does
/// afterwards is watched again: it drops the run's values, and their destructors are code under test.
pub fn run_is_over<R>(work: impl FnOnce() -> R) -> R {
    let Some(watcher) = WATCHER.get() else { return work() };
    watcher.is_over();
    let done = work();
    watcher.drops();
    done
}

pub(crate) fn exits(exit: &Exit) {
    if let Some(watcher) = WATCHER.get() {
        watcher.exits(exit);
    }
}
