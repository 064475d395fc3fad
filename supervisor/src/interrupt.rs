//! Ctrl-C, and other requests to stop: what is under way is told of, and nothing more is begun.

use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use libc::{c_int, c_void, siginfo_t};
use nix::unistd::getppid;

use crate::signals;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// The parent of this process, if it is one that serves; 0 if it isn't.
static PARENT: AtomicI32 = AtomicI32::new(0);

/// Whether this process has been asked to stop, by SIGINT, SIGTERM or SIGHUP, since it first ran seeds in
/// children or served as one. One that serves is asked to stop by its parent's end, too.
#[must_use]
pub fn is_interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed) || is_orphaned()
}

/// Whether the parent that this process serves has ended.
fn is_orphaned() -> bool {
    let parent = PARENT.load(Ordering::Relaxed);
    parent != 0 && getppid().as_raw() != parent
}

/// What SIGINT does from the second time on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Again {
    /// It ends the process: its user is in a hurry.
    Ends,
    /// Nothing: the process's parent has it in hand.
    Ignored,
}

/// From now on requests to stop are noted.
///
/// Only a second Ctrl-C may end the process by force. `timeout` and its like send SIGTERM to a process and
/// at once again to its group, and whoever has lost patience with it has SIGKILL.
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
        if let Again::Ignored = again {
            PARENT.store(getppid().as_raw(), Ordering::Relaxed);
        }
        for (signal, once) in [(libc::SIGINT, once), (libc::SIGTERM, 0), (libc::SIGHUP, 0)] {
            // `nohup`, and a shell for what it runs in the background, have such a signal ignored.
            if !signals::is_ignored(signal) {
                signals::on(signal, note, libc::SA_RESTART | once);
            }
        }
    });
}
