//! Ctrl-C: what is under way is told of, and nothing more is begun.

use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

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
    extern "C" fn note(_: libc::c_int) {
        INTERRUPTED.store(true, Ordering::Relaxed);
    }
    static CATCH: Once = Once::new();
    let once = match again {
        Again::Ends => libc::SA_RESETHAND,
        Again::Ignored => 0,
    };
    CATCH.call_once(|| signals::on(libc::SIGINT, note, libc::SA_RESTART | once));
}

/// Interrupts another process.
pub(crate) fn pass_on(process: u32) {
    if let Ok(process) = libc::pid_t::try_from(process) {
        // SAFETY: sends a signal to a child that hasn't been waited for.
        unsafe { libc::kill(process, libc::SIGINT) };
    }
}
