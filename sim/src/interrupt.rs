//! Ctrl-C: what is under way is told of, and nothing more is begun.

use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use libc::{c_int, c_void, siginfo_t};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::signals;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Whether this process has been interrupted, by SIGINT, since it first ran seeds in children or served
/// as one.
#[must_use]
pub fn is_interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

/// What SIGINT does from the second time on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Again {
    /// It ends the process: its user is in a hurry.
    Ends,
    /// Nothing: the process's parent has it in hand.
    Ignored,
}

/// From now on SIGINT is noted.
pub(crate) fn catch(again: Again) {
    unsafe extern "C" fn note(_: c_int, _: *mut siginfo_t, _: *mut c_void) {
        INTERRUPTED.store(true, Ordering::Relaxed);
    }
    static CATCH: Once = Once::new();
    let once = match again {
        Again::Ends => libc::SA_RESETHAND,
        Again::Ignored => 0,
    };
    CATCH.call_once(|| {
        let _ = signals::on(libc::SIGINT, note, libc::SA_RESTART | once);
    });
}

/// Interrupts another process.
pub(crate) fn pass_on(process: u32) {
    if let Ok(process) = i32::try_from(process) {
        // If it has ended meanwhile there is nobody to tell.
        let _ = kill(Pid::from_raw(process), Signal::SIGINT);
    }
}
