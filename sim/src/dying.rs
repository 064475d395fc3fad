//! A run's last moment, when a signal ends its process: the dying thread leaves word of what it was
//! at, and holds on until the watchdog has told the parent.
//!
//! Signals come at any point of a program, so a handler here takes no lock and no memory. It writes to
//! a place that was ready before, and lets the watchdog, an ordinary thread, do all the rest.

use std::alloc::{Layout, alloc, dealloc};
use std::cell::{Cell, OnceCell, UnsafeCell};
use std::ffi::{c_int, c_void};
use std::mem;
use std::os::fd::IntoRawFd as _;
use std::os::unix::net::UnixStream;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicI32, AtomicU8, AtomicUsize, Ordering};
use std::time::Duration;

use crate::context::{self, Context};
use crate::stack::Stack;

/// What a process can die of by its own doing.
const SIGNALS: [c_int; 8] = [
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

/// How large the stack is on which a handler runs, in bytes: two signals' frames, one for an overflow
/// and one for the abort that follows, and the walk along the stack.
const HANDLER_STACK: usize = 64 << 10;

/// How often, and how long each time, a dying thread waits for the watchdog.
const WAITS: u32 = 50;
const WAIT: Duration = Duration::from_millis(100);

/// What a thread was at when a signal came.
#[derive(Clone, Copy)]
pub(crate) struct LastWords {
    pub(crate) signal: c_int,
    pub(crate) stack: Stack,
    pub(crate) context: Option<Context>,
}

/// Where the first thread to die leaves its last words.
struct Will(UnsafeCell<Option<LastWords>>);

// SAFETY: whoever has moved `STATE` from `NOBODY` writes, and nobody reads before it is `TOLD`.
unsafe impl Sync for Will {}

static WILL: Will = Will(UnsafeCell::new(None));

/// How far the will has come.
static STATE: AtomicU8 = AtomicU8::new(NOBODY);
const NOBODY: u8 = 0;
const WRITING: u8 = 1;
const TOLD: u8 = 2;

/// A descriptor that wakes the watchdog when it is written to.
static BELL: AtomicI32 = AtomicI32::new(-1);

/// The handlers that were there before, of `SIGNALS`; 0 where there was none.
static BEFORE: [AtomicUsize; SIGNALS.len()] = [const { AtomicUsize::new(0) }; SIGNALS.len()];

/// The latest thread that works for a run, as a `pthread_t`; 0 when it has ended.
static THE_RUN_S: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// Whether this thread's end is a run's.
    static IS_OF_A_RUN: Cell<bool> = const { Cell::new(false) };
    /// Whether this thread has begun to write its will.
    static IS_DYING: Cell<bool> = const { Cell::new(false) };
    /// Where this thread's handlers run.
    static STACK: OnceCell<HandlerStack> = const { OnceCell::new() };
}

/// Memory for a thread's handlers to run on: an overflow leaves them no other.
struct HandlerStack(NonNull<u8>);

impl HandlerStack {
    const LAYOUT: Layout = match Layout::from_size_align(HANDLER_STACK, 16) {
        Ok(layout) => layout,
        Err(_) => panic!("the alignment is a power of two"),
    };

    fn install() -> Option<HandlerStack> {
        // SAFETY: the layout has a size.
        let memory = NonNull::new(unsafe { alloc(HandlerStack::LAYOUT) })?;
        let stack =
            libc::stack_t { ss_sp: memory.as_ptr().cast(), ss_flags: 0, ss_size: HANDLER_STACK };
        // SAFETY: the memory is this thread's until it is disabled.
        unsafe { libc::sigaltstack(&raw const stack, ptr::null_mut()) };
        Some(HandlerStack(memory))
    }
}

impl Drop for HandlerStack {
    fn drop(&mut self) {
        THE_RUN_S.store(0, Ordering::Relaxed);
        let none = libc::stack_t {
            ss_sp: ptr::null_mut(),
            ss_flags: libc::SS_DISABLE,
            ss_size: HANDLER_STACK,
        };
        // SAFETY: no handler runs on this thread now, and none will run on this memory any more.
        unsafe {
            libc::sigaltstack(&raw const none, ptr::null_mut());
            dealloc(self.0.as_ptr(), HandlerStack::LAYOUT);
        }
    }
}

/// This thread works for a run from now on: if a signal ends it, that is the run's end.
pub(crate) fn belongs_to_a_run() {
    IS_OF_A_RUN.set(true);
    // SAFETY: reads the calling thread's identity.
    THE_RUN_S.store(unsafe { libc::pthread_self() } as usize, Ordering::Relaxed);
    STACK.with(|stack| {
        if let Some(new) = stack.get().is_none().then(HandlerStack::install).flatten() {
            let _ = stack.set(new);
        }
    });
}

/// Installs the handlers. What is returned becomes readable when there are last words.
pub(crate) fn install_handlers() -> UnixStream {
    let (bell, ours) = UnixStream::pair().expect("a process has descriptors for a pair of sockets");
    BELL.store(bell.into_raw_fd(), Ordering::Relaxed);
    for (signal, kept) in SIGNALS.into_iter().zip(&BEFORE) {
        let before = install(signal);
        if before.sa_flags & libc::SA_SIGINFO != 0 {
            kept.store(before.sa_sigaction, Ordering::Relaxed);
        }
    }
    ours
}

/// Installs the handler of one signal, and returns what there was before.
fn install(signal: c_int) -> libc::sigaction {
    let handler = die as extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void);
    // SAFETY: a zeroed sigaction is a valid one, and the handler has the signature that its flags ask
    // for.
    unsafe {
        let mut action: libc::sigaction = mem::zeroed();
        action.sa_sigaction = handler as usize;
        // A second signal must get through to the handler of the first: an overflow is followed by an
        // abort.
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER;
        let mut before: libc::sigaction = mem::zeroed();
        libc::sigaction(signal, &raw const action, &raw mut before);
        before
    }
}

/// The last words of the thread that died first, if one did.
pub(crate) fn last_words() -> Option<LastWords> {
    // SAFETY: nobody writes any more when this is so.
    if STATE.load(Ordering::Acquire) == TOLD { unsafe { *WILL.0.get() } } else { None }
}

/// What becomes of a thread that gets one of `SIGNALS`.
extern "C" fn die(signal: c_int, info: *mut libc::siginfo_t, at: *mut c_void) {
    // SAFETY: the kernel gives a valid pointer.
    let code = unsafe { (*info).si_code };
    // The standard library's own handler says whether the stack has overflowed, and then aborts. If
    // it returns, it was something else, and the next such signal would end the process.
    for (other, before) in SIGNALS.into_iter().zip(&BEFORE) {
        let before = before.load(Ordering::Relaxed);
        if other == signal && before != 0 && code > SENT {
            type Handler = extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void);
            // SAFETY: it was installed as a handler with this signature.
            let before = unsafe { mem::transmute::<usize, Handler>(before) };
            before(signal, info, at);
            install(signal);
        }
    }
    let is_of_a_run = IS_OF_A_RUN.get();
    if is_of_a_run {
        leave_word(signal);
    }
    if is_of_a_run || (code == libc::SI_USER && forward(signal)) {
        for _ in 0..WAITS {
            // The functions that sleep are for a simulated thread to stumble on; this is none.
            // SAFETY: there are no descriptors to look at.
            unsafe { libc::poll(ptr::null_mut(), 0, WAIT.as_millis() as c_int) };
        }
    }
    // SAFETY: ends the process as if there had been no handler.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        libc::raise(signal);
    }
}

/// A signal that is meant for the process comes to any of its threads. Most likely it is the run that
/// has sent it, so it is the run's thread that shall die of it. Returns whether there is one.
fn forward(signal: c_int) -> bool {
    let thread = THE_RUN_S.load(Ordering::Relaxed);
    // SAFETY: the thread takes itself away before it ends.
    thread != 0 && unsafe { libc::pthread_kill(thread as libc::pthread_t, signal) == 0 }
}

/// Leaves this thread's last words, unless another was first. Not inlined: other threads than a run's
/// have small stacks for their handlers, where this one's words would find no room.
#[inline(never)]
fn leave_word(signal: c_int) {
    if IS_DYING.replace(true) {
        // The walk along a broken stack has failed. What was left before it must do.
        if STATE.load(Ordering::Relaxed) == WRITING {
            ring();
        }
        return;
    }
    let begun = STATE.compare_exchange(NOBODY, WRITING, Ordering::Relaxed, Ordering::Relaxed);
    if begun.is_err() {
        return; // another thread was first
    }
    let words = |stack| Some(LastWords { signal, stack, context: context::current() });
    // SAFETY: this thread alone has begun.
    unsafe { *WILL.0.get() = words(Stack::EMPTY) };
    let stack = Stack::here();
    // SAFETY: as before.
    unsafe { *WILL.0.get() = words(stack) };
    ring();
}

fn ring() {
    STATE.store(TOLD, Ordering::Release);
    // SAFETY: writes a byte that is there.
    unsafe { libc::write(BELL.load(Ordering::Relaxed), [0_u8].as_ptr().cast(), 1) };
}
