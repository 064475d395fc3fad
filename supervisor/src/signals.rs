//! Handlers of signals: how they are installed, and what they must not do.
//!
//! A signal interrupts a thread anywhere: while it holds the allocator's lock, or has written half of a
//! value. So a handler here takes no lock and no memory, looks up no symbol, and reads and writes only what
//! is behind one atomic or its own thread's alone. A handler that returns leaves `errno` as it was.

use std::mem;
use std::ptr;

use libc::{c_int, c_void, siginfo_t};

/// A handler, with all that the kernel tells it.
pub(crate) type Handler = unsafe extern "C" fn(c_int, *mut siginfo_t, *mut c_void);

/// Has `handler` called whenever `signal` comes, with the given flags of `sigaction`. Returns the handler
/// that was there before, if it was one of this type.
pub(crate) fn on(signal: c_int, handler: Handler, flags: c_int) -> Option<Handler> {
    // SAFETY: a zeroed sigaction is a valid one, and SA_SIGINFO is the flag for handlers of this type; so
    // with the same flag what was there before is one, too, unless it is one of the two numbers that stand
    // for no handler.
    unsafe {
        let (mut action, mut before): (libc::sigaction, libc::sigaction) =
            (mem::zeroed(), mem::zeroed());
        action.sa_sigaction = handler as usize;
        action.sa_flags = flags | libc::SA_SIGINFO;
        let done = libc::sigaction(signal, &raw const action, &raw mut before) == 0;
        let was = before.sa_sigaction;
        let is_handler = before.sa_flags & libc::SA_SIGINFO != 0
            && ![libc::SIG_DFL, libc::SIG_IGN].contains(&was);
        (done && is_handler).then(|| mem::transmute::<usize, Handler>(was))
    }
}

/// Has the calling thread do what `signal` does where there is no handler. Fit for handlers.
pub(crate) fn by_default(signal: c_int) {
    // SAFETY: takes a handler away, and sends a signal to the calling thread.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        libc::raise(signal);
    }
}

/// Keeps `signals` from the calling thread: those that are sent to the process go to another thread.
pub(crate) fn keep_away(signals: &[c_int]) {
    // SAFETY: the set is initialised by the first call, and only the calling thread's mask changes.
    unsafe {
        let mut set: libc::sigset_t = mem::zeroed();
        libc::sigemptyset(&raw mut set);
        for &signal in signals {
            libc::sigaddset(&raw mut set, signal);
        }
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, ptr::null_mut());
    }
}

/// Whether `signal` is ignored, as whoever has started this process wanted it.
pub(crate) fn is_ignored(signal: libc::c_int) -> bool {
    // SAFETY: a zeroed sigaction is a valid one, and the call only fills it.
    let action = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, std::ptr::null(), &raw mut action);
        action
    };
    action.sa_sigaction == libc::SIG_IGN
}
