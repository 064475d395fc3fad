//! What is a thread at? It is asked by a signal, and answers from the signal's handler.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use libc::{c_int, c_void, siginfo_t};
use nix::errno::Errno;

use sim::Stack;
use sim::context::{self, Context};

use crate::handler_stack;
use crate::mailbox::{KEY_BITS, Letter, Mailbox};
use crate::signals;
use crate::threads::Thread;

/// The signal that asks.
pub(crate) const SIGNAL: c_int = libc::SIGUSR1;

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often the signal is sent meanwhile. One that comes while another like it waits is lost, and such
/// signals may come from outside, too.
const AGAIN: Duration = Duration::from_millis(50);

/// How often it is looked whether there is an answer.
const LOOK: Duration = Duration::from_millis(5);

/// What a thread was at.
#[derive(Clone, Copy)]
pub(crate) struct Answer {
    pub(crate) stack: Stack,
    pub(crate) context: Option<Context>,
}

/// The question that is open, and its answer. Its key is a number that is never used again, and the thread
/// that is asked.
static QUESTION: Mailbox<Answer> = Mailbox::closed();

/// How many bits of a question's key are its number's; the others are the thread's. The kernel has no thread
/// of a number of more than 22 bits.
const NUMBER_BITS: u32 = u32::BITS;
const THREAD_BITS: u32 = KEY_BITS - NUMBER_BITS;

fn key(number: u32, Thread(thread): Thread) -> u64 {
    (u64::from(number) << THREAD_BITS) | u64::from(thread.cast_unsigned())
}

fn asked_thread(key: u64) -> Thread {
    let thread = key & ((1 << THREAD_BITS) - 1);
    Thread(i32::try_from(thread).expect("it has 28 bits"))
}

/// Makes threads answer.
pub(crate) fn install_handler() {
    // The first walk along a stack makes tables, for which a handler is no place.
    std::hint::black_box(Stack::here());
    signals::on(SIGNAL, tell, libc::SA_RESTART | libc::SA_ONSTACK);
}

/// Answers the question that is open, if there is one and it is for this thread. Whoever has sent the
/// signal, the answer is right.
unsafe extern "C" fn tell(_: c_int, _: *mut siginfo_t, _: *mut c_void) {
    let errno = Errno::last_raw();
    if handler_stack::is_there()
        && let Some(letter) = QUESTION.begin(|key| asked_thread(key) == Thread::own())
    {
        answer(letter);
    }
    Errno::set_raw(errno);
}

/// Writes what this thread is at. Not inlined: the signal may come to other threads than a run's, which
/// have small stacks for their handlers, where an answer would find no room.
#[inline(never)]
fn answer(letter: Letter<'_, Answer>) {
    letter.write(Answer { stack: Stack::here(), context: context::current() });
    letter.finish();
}

/// Asks `thread` what it is at. `None` if it has ended, or can't answer, as without a
/// [`HandlerStack`](handler_stack::HandlerStack). Only the watchdog asks.
pub(crate) fn ask(thread: Thread) -> Option<Answer> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let key = key(NUMBER.fetch_add(1, Ordering::Relaxed), thread);
    if !QUESTION.open(key) {
        return None; // the answer to an earlier question was begun, and is stuck
    }
    let asked = Instant::now();
    let mut sent: Option<Instant> = None;
    let mut answer = None;
    while answer.is_none() && asked.elapsed() < PATIENCE {
        if sent.is_none_or(|sent| sent.elapsed() >= AGAIN) {
            if !thread.signal(SIGNAL) {
                break; // it has ended
            }
            sent = Some(Instant::now());
        }
        thread::sleep(LOOK);
        answer = QUESTION.read(key);
    }
    QUESTION.close(key);
    answer.or_else(|| QUESTION.read(key))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc::{self, Receiver};
    use std::thread;
    use std::time::{Duration, Instant};

    use parking_lot::Mutex;

    use super::{PATIENCE, SIGNAL, ask, install_handler};
    use crate::handler_stack::HandlerStack;
    use crate::signals;
    use crate::threads::Thread;
    use sim::context::{Activity, Context, Owner};
    use sim::enter;

    /// One asks at a time.
    static ALONE: Mutex<()> = Mutex::new(());

    /// A thread that works for `server`, and ends when the first sender is dropped.
    fn thread_of(server: u32) -> (Thread, mpsc::Sender<()>, thread::JoinHandle<()>) {
        let (ready, is_ready) = mpsc::channel();
        let (end, may_end): (_, Receiver<()>) = mpsc::channel();
        let thread = thread::spawn(move || {
            let _stack = HandlerStack::install();
            let owner = Owner { server, incarnation: 1 };
            let _entered = enter(Some(Context { owner, activity: Activity::Call("start") }));
            ready.send(Thread::own()).expect("it is waited for");
            assert!(may_end.recv().is_err());
        });
        (is_ready.recv().expect("it is told"), end, thread)
    }

    fn server(thread: Thread) -> Option<u32> {
        ask(thread).map(|answer| answer.context.expect("it has one").owner.server)
    }

    #[test]
    fn a_thread_answers_for_itself_whoever_else_gets_the_signal() {
        let _alone = ALONE.lock();
        install_handler();
        let (one, end_one, thread_one) = thread_of(1);
        let (two, end_two, thread_two) = thread_of(2);
        let is_over = Arc::new(Mutex::new(false));
        let (over, asking) = (is_over.clone(), Thread::own());
        // As the watchdog does: a thread that is interrupted all the time gets nowhere.
        signals::keep_away(&[SIGNAL]);
        let storm = thread::spawn(move || {
            while !*over.lock() {
                for thread in [one, two, asking, Thread::own()] {
                    thread.signal(SIGNAL);
                }
                thread::sleep(Duration::from_micros(200));
            }
        });
        for _ in 0..20 {
            assert_eq!((server(one), server(two)), (Some(1), Some(2)));
        }
        *is_over.lock() = true;
        drop((end_one, end_two));
        for thread in [storm, thread_one, thread_two] {
            thread.join().expect("it doesn't panic");
        }
    }

    #[test]
    fn a_thread_without_a_stack_for_handlers_lives_on_and_says_nothing() {
        let _alone = ALONE.lock();
        install_handler();
        let (ready, is_ready) = mpsc::channel();
        let (end, may_end) = mpsc::channel::<()>();
        let thread = thread::spawn(move || {
            ready.send(Thread::own()).expect("it is waited for");
            may_end.recv().expect("it is told");
        });
        let silent = is_ready.recv().expect("it is told");
        assert!(ask(silent).is_none());
        end.send(()).expect("it waits");
        thread.join().expect("it doesn't panic");
    }

    #[test]
    fn a_thread_that_has_ended_is_not_waited_for() {
        let _alone = ALONE.lock();
        install_handler();
        let (one, end, thread) = thread_of(1);
        drop(end);
        thread.join().expect("it doesn't panic");
        let begun = Instant::now();
        assert!(ask(one).is_none());
        assert!(begun.elapsed() < PATIENCE / 4, "it took {:?}", begun.elapsed());
    }

    #[test]
    fn a_thread_may_end_while_it_is_asked() {
        let _alone = ALONE.lock();
        install_handler();
        for round in 0..200 {
            let (one, end, thread) = thread_of(round);
            drop(end);
            if let Some(answer) = ask(one) {
                // While it ends it has left its context, but is never another.
                assert!(answer.context.is_none_or(|context| context.owner.server == round));
            }
            thread.join().expect("it doesn't panic");
        }
        let (one, end, thread) = thread_of(7);
        assert_eq!(server(one), Some(7));
        drop(end);
        thread.join().expect("it doesn't panic");
    }
}
