//! The runtime's clock is the run's: code under test that moves it, or sets it going, is found out.
//!
//! `tokio::time::advance` and `resume` say nothing to anybody. So after each turn of a server's code
//! the runtime's clock is compared with what it was when the run's clock last followed it. That tells
//! whose turn it was, but not the line.
//!
//! A clock that goes can neither be advanced nor resumed: tokio panics. So a guard that *refuses* sets
//! the clock going while a server's code has its turn, and stops it again. As the real time that it then
//! follows is the run's, which stands still meanwhile, that changes nothing else.

use std::cell::Cell;

use tokio::time::Instant;

use crate::context;
use crate::handle;
use crate::lines;
use crate::misuse::{Meddling, Misuse};
use crate::settings::ClockGuard;

/// How far the simulated thread's time is moved for a moment, to see whether the runtime's clock
/// follows: one that was set going does.
const NUDGE_US: u64 = 1_000_000;

thread_local! {
    /// How the run of this thread guards its clock.
    static GUARD: Cell<ClockGuard> = const { Cell::new(ClockGuard::Notices) };

    /// How many turns have begun on this thread and not ended: a handler's is within the network's.
    static TURNS: Cell<u32> = const { Cell::new(0) };
}

/// Guards the clock of the run that begins on this thread.
pub(crate) fn install(guard: ClockGuard) {
    let can_refuse = cfg!(all(target_os = "linux", target_env = "gnu", not(sim_no_interposition)));
    GUARD.set(if can_refuse { guard } else { ClockGuard::Notices });
    TURNS.set(0);
}

/// Whether the runtime's clock stands where it stood, also while the simulated thread's time is another.
fn stands_at(kept: Instant) -> bool {
    handle::nudged(NUDGE_US, Instant::now) == kept
}

/// A server's code gets its turn, if the context is a server's.
pub(crate) fn begin_turn() {
    if GUARD.get() == ClockGuard::Refuses && context::current().is_some() {
        let turns = TURNS.replace(TURNS.get() + 1);
        if turns == 0 && handle::kept_clock().is_some() {
            tokio::time::resume();
        }
    }
}

/// The turn of a server's code is over, if the context is a server's.
pub(crate) fn end_turn() {
    if context::current().is_none() {
        return;
    }
    if GUARD.get() == ClockGuard::Notices {
        look();
        return;
    }
    TURNS.set(TURNS.get().saturating_sub(1));
    // Unless the code under test has done so.
    if TURNS.get() == 0 && handle::kept_clock().is_some_and(|kept| !stands_at(kept)) {
        tokio::time::pause();
    }
}

/// Whether anybody has meddled with the clock: then that is noted.
pub(crate) fn look() {
    if let Some(kept) = handle::kept_clock()
        && !stands_at(kept)
    {
        meddled(kept);
    }
}

/// The clock doesn't stand where it stood.
#[cold]
fn meddled(kept: Instant) {
    let nudged = handle::nudged(NUDGE_US, Instant::now);
    let meddling = match Instant::now() {
        now if now == nudged => Meddling::Advanced(Some(now.saturating_duration_since(kept))),
        _ => Meddling::Resumed,
    };
    if meddling == Meddling::Resumed {
        // As it was, so that the run can come to its end.
        tokio::time::pause();
    }
    handle::keep_clock();
    handle::with_current(|sim| sim.meddled(meddling));
}

/// If a panic at `file` with this message is the runtime's refusal to have its clock meddled with: how
/// that was tried.
pub(crate) fn refused(message: &str, file: &str) -> Option<Misuse> {
    let meddling = if message.ends_with("is already frozen") || message.contains("time::pause()") {
        Meddling::Paused
    } else if !message.ends_with("is not frozen") {
        return None;
    } else if file.ends_with("time/clock.rs") {
        // An async function's panic isn't its caller's.
        Meddling::Advanced(None)
    } else {
        Meddling::Resumed
    };
    // To look along the stack takes a while, and few panics come so far.
    lines::is_within("tokio::time::clock::").then_some(Misuse::Clock(meddling))
}
