//! A run's last moment, when a signal ends its process: the dying thread leaves word of what it was
//! at, and holds on until the watchdog has told the parent.
//!
//! Signals come at any point of a program, so a handler here takes no lock and no memory. It writes to
//! a place that was ready before, and lets the watchdog, an ordinary thread, do all the rest.

use std::cell::{Cell, OnceCell};
use std::ffi::{c_int, c_void};
use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::sync::OnceLock;

use libc::siginfo_t;

use sim::Stack;
use sim::context::{self, Context};

use crate::handler_stack::{self, HandlerStack};
use crate::mailbox::Mailbox;
use crate::signals::{self, Handler};
use crate::threads::{self, Enrolled, Thread};

/// What a process can die of by its own doing.
pub(crate) const SIGNALS: [c_int; 8] = [
    libc::SIGABRT,
    libc::SIGBUS,
    libc::SIGFPE,
    libc::SIGILL,
    libc::SIGSEGV,
    libc::SIGSYS,
    libc::SIGTRAP,
    libc::SIGXFSZ,
];

/// Codes up to this one are of signals that somebody has sent; those above, of the thread's own faults.
const SENT: c_int = 0;

/// How often, and how long each time in milliseconds, a dying thread waits for the watchdog.
const WAITS: u32 = 50;
const WAIT: u8 = 100;

/// What a thread was at when a signal came.
#[derive(Clone, Copy)]
pub(crate) struct LastWords {
    pub(crate) signal: c_int,
    pub(crate) stack: Stack,
    pub(crate) context: Option<Context>,
}

/// Where the first thread to die leaves its last words.
static WILL: Mailbox<LastWords> = Mailbox::opened();

/// What wakes the watchdog when it is written to.
static BELL: OnceLock<UnixStream> = OnceLock::new();

/// The handlers that were there before, of `SIGNALS`.
static BEFORE: [OnceLock<Handler>; SIGNALS.len()] = [const { OnceLock::new() }; SIGNALS.len()];

/// What a thread has while it works for a run. Its end takes it away.
struct OfARun {
    _enrolled: Enrolled,
    /// `None` if there was no memory for it: then a signal ends the run without last words.
    _stack: Option<HandlerStack>,
}

thread_local! {
    /// Whether this thread's end is a run's.
    static IS_OF_A_RUN: Cell<bool> = const { Cell::new(false) };
    /// Whether this thread has begun to write its will.
    static IS_DYING: Cell<bool> = const { Cell::new(false) };
    static OF_A_RUN: OnceCell<OfARun> = const { OnceCell::new() };
}

/// This thread works for a run from now on: if a signal ends it, that is the run's end.
pub(crate) fn belongs_to_a_run() {
    OF_A_RUN.with(|of_a_run| {
        of_a_run.get_or_init(|| OfARun {
            _enrolled: threads::enrol(),
            _stack: HandlerStack::install(),
        });
    });
    IS_OF_A_RUN.set(true);
}

/// Installs the handlers. What is returned becomes readable when there are last words.
pub(crate) fn install_handlers() -> UnixStream {
    let (bell, ours) = UnixStream::pair().expect("a process has descriptors for a pair of sockets");
    assert!(BELL.set(bell).is_ok(), "handlers are installed once");
    for (signal, before) in SIGNALS.into_iter().zip(&BEFORE) {
        if let Some(handler) = install(signal) {
            let _ = before.set(handler);
        }
    }
    ours
}

/// Installs the handler of one signal, and returns what there was before.
fn install(signal: c_int) -> Option<Handler> {
    // A second signal must get through to the handler of the first: an overflow is followed by an abort.
    signals::on(signal, die, libc::SA_ONSTACK | libc::SA_NODEFER)
}

/// The last words of the thread that died first, if one did.
pub(crate) fn last_words() -> Option<LastWords> {
    WILL.read(0)
}

/// What becomes of a thread that gets one of `SIGNALS`.
unsafe extern "C" fn die(signal: c_int, info: *mut siginfo_t, at: *mut c_void) {
    // SAFETY: the kernel gives a valid pointer.
    let code = unsafe { (*info).si_code };
    let before = SIGNALS.into_iter().zip(&BEFORE).find(|(other, _)| *other == signal);
    // The standard library's own handler says whether the stack has overflowed, and then aborts. If
    // it returns, it was something else, and the next such signal would end the process.
    if code > SENT
        && let Some(before) = before.and_then(|(_, before)| before.get())
    {
        // SAFETY: it was installed for this signal as a handler of this type, and what it is given is what
        // the kernel gave.
        unsafe { before(signal, info, at) };
        install(signal);
    }
    let is_of_a_run = IS_OF_A_RUN.get() && handler_stack::is_there();
    if is_of_a_run {
        leave_word(signal);
    }
    if is_of_a_run || (code == libc::SI_USER && forward(signal)) {
        for _ in 0..WAITS {
            // The functions that sleep are for a simulated thread to stumble on; this is none.
            let _ = nix::poll::poll(&mut [], WAIT);
        }
    }
    signals::by_default(signal);
}

/// A signal that is meant for the process comes to any of its threads. Most likely it is the run that
/// has sent it, so it is the run's thread that shall die of it. Returns whether there is one.
fn forward(signal: c_int) -> bool {
    threads::of_runs().any(|thread: Thread| thread.signal(signal))
}

/// Leaves this thread's last words, unless another was first. Not inlined: other threads than a run's
/// have small stacks for their handlers, where this one's words would find no room.
#[inline(never)]
fn leave_word(signal: c_int) {
    if IS_DYING.replace(true) {
        // The walk along a broken stack has failed. What was left before it must do.
        if WILL.finish() {
            ring();
        }
        return;
    }
    let Some(will) = WILL.begin(|_| true) else { return }; // another thread was first
    let context = context::current();
    will.write(LastWords { signal, stack: Stack::EMPTY, context });
    will.write(LastWords { signal, stack: Stack::here(), context });
    will.finish();
    ring();
}

fn ring() {
    if let Some(mut bell) = BELL.get() {
        // Without the bell the watchdog comes at its time.
        let _ = bell.write(&[0]);
    }
}

/// The call that a stack has overflowed with, if it is one large one: `None` if it is many, or if no
/// thread of a run has died.
#[must_use]
pub fn overflowing() -> Option<sim::Frame> {
    last_words()?.stack.widest()
}
