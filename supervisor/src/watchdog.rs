//! The watchdog, a thread of the child's own: it finds out that a run gets nowhere, and tells the parent in
//! its place.

use std::hint::black_box;
use std::io::Read as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use children::wire::{self, Frame};
use children::{Nonce, Stat};
use parking_lot::{Mutex, MutexGuard};
use sim::{Clock, Exit};

use crate::ask::{self, Answer, ask};
use crate::last_words::{self, LastWords};
use crate::printed::Output;
use crate::stuck::{Stuck, Why};
use crate::threads::Thread;
use crate::{interrupt, limits, printed, signals};

/// How often the watchdog looks.
const LOOK: Duration = Duration::from_millis(250);

/// How much CPU time a run may use without letting virtual time pass. Only code that loops does: all
/// that a cluster of a hundred servers does at one instant takes a small part of it.
const CPU_WITHOUT_PROGRESS: Duration = Duration::from_secs(2);

/// How far the virtual clock must come in a run's limit of CPU time. It's the pace that counts, not the
/// sum: a run may well take minutes in a build without optimisations, on a machine with other things to do.
const PACE: Duration = Duration::from_secs(1);

/// How many looks in a row may find the simulated thread asleep. It never sleeps by itself.
const LOOKS_ASLEEP: u32 = 12;

/// How often a thread that works without getting anywhere is asked where it is.
const LOOKS_AT_WORK: usize = 9;

/// How long a run by the real clock may go on behind its limit.
const OVERTIME: Duration = Duration::from_secs(10);

/// How many seconds a process may be busy with saying why its run gets nowhere: some for a large history, and many
/// times that where others have the CPU.
const LAST_WORDS_SECS: u32 = 120;

/// Makes the bytes of a result out of a seed, the reason why its run can't have another, and what the
/// run has printed.
pub(crate) type OnStuck = dyn Fn(u64, &Stuck, &str) -> Vec<u8> + Send + Sync;

/// What the watchdog knows, of which there is one in a process.
pub(crate) struct Watch {
    socket: Mutex<UnixStream>,
    nonce: Nonce,
    on_stuck: Box<OnStuck>,
    running: Mutex<Option<Running>>,
    /// Whether all has been said that this process has to say.
    is_leaving: AtomicBool,
}

/// The run that is under way.
#[derive(Clone, Copy)]
struct Running {
    seed: u64,
    since: Instant,
    /// When a run by the real clock must have ended.
    until: Option<Instant>,
    thread: Option<SimulatedThread>,
    stage: Stage,
}

/// How far a run is, as far as the watchdog cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Its code runs.
    UnderWay,
    /// It is over, and the tester is at work, which takes as long as it takes.
    Judged,
    /// Its values are dropped, until its thread ends: destructors are code under test.
    Dropped,
}

/// The thread that is simulated.
#[derive(Clone, Copy)]
struct SimulatedThread {
    id: Thread,
    /// How much CPU time it may use until its clock has come [`PACE`] further.
    cpu_limit: Duration,
}

/// The watch, as its runs know it.
pub(crate) struct OfRuns(pub(crate) Arc<Watch>);

impl sim::Watcher for OfRuns {
    fn begins(&self, clock: Clock, limit: Duration, cpu_limit: Duration) {
        // Before the lock is taken: a thread that dies with the lock could not be told of.
        last_words::belongs_to_a_run();
        let id = Thread::own();
        if let Some(running) = self.0.running.lock().as_mut() {
            match clock {
                Clock::Virtual => running.thread = Some(SimulatedThread { id, cpu_limit }),
                Clock::Real => running.until = Some(Instant::now() + limit + OVERTIME),
            }
        }
    }

    fn works_too(&self) {
        last_words::belongs_to_a_run();
    }

    fn is_over(&self) {
        if let Some(running) = self.0.running.lock().as_mut() {
            running.stage = Stage::Judged;
        }
    }

    fn drops(&self) {
        if let Some(running) = self.0.running.lock().as_mut() {
            running.stage = Stage::Dropped;
            running.until = running.until.map(|_| Instant::now() + OVERTIME);
        }
    }

    fn exits(&self, exit: &Exit) {
        self.0.give_up(&Stuck::exited(exit));
    }
}

/// Starts the watchdog, and returns when it is on its way. What it allocates in the beginning, and
/// the memory that the allocator reserves for its thread, are then in the same place each time.
pub(crate) fn start(watch: Arc<Watch>, clock: Clock) {
    let bell = last_words::install_handlers();
    bell.set_read_timeout(Some(LOOK)).expect("the time is not zero");
    let started = Arc::new(Barrier::new(2));
    let is_started = started.clone();
    let watchdog = thread::Builder::new().name("watchdog".to_owned()).spawn(move || {
        // Or it might wait for itself to tell of them.
        signals::keep_away(&last_words::SIGNALS);
        signals::keep_away(&[libc::SIGINT, ask::SIGNAL]);
        drop(black_box(Box::new(0)));
        is_started.wait();
        watch.watch(clock, &bell);
    });
    watchdog.expect("failed to start the watchdog");
    started.wait();
}

impl Watch {
    /// A watch over runs that tells the parent at `socket`, in messages that bear `nonce`, what `on_stuck`
    /// makes of one that gets nowhere.
    pub(crate) fn new(socket: UnixStream, nonce: Nonce, on_stuck: Box<OnStuck>) -> Watch {
        let (socket, running) = (Mutex::new(socket), Mutex::new(None));
        Watch { socket, nonce, on_stuck, running, is_leaving: AtomicBool::new(false) }
    }

    /// A run of `seed` begins.
    pub(crate) fn begin(&self, seed: u64) {
        let since = Instant::now();
        *self.running.lock() =
            Some(Running { seed, since, until: None, thread: None, stage: Stage::UnderWay });
    }

    /// The run has come to its end.
    pub(crate) fn end(&self) {
        *self.running.lock() = None;
    }

    /// The parent's socket.
    pub(crate) fn socket(&self) -> MutexGuard<'_, UnixStream> {
        self.socket.lock()
    }

    pub(crate) fn send(&self, frame: &Frame) {
        // If the parent is gone there is nobody to tell.
        let _ = wire::write(&mut *self.socket.lock(), &self.nonce, frame);
    }

    /// Lets the parent know for a while that this process lives: to look lines up, and to store a large
    /// history, takes some seconds.
    fn is_busy_with_last_words(self: &Arc<Self>) {
        self.send(&Frame::Alive);
        // From its own thread the code under test must not start others, and what it does there is short.
        if sim::is_of_a_run() {
            return;
        }
        let watch = self.clone();
        let tell = move || {
            for _ in 0..LAST_WORDS_SECS {
                thread::sleep(Duration::from_secs(1));
                let mut socket = watch.socket.lock();
                if watch.is_leaving.load(Ordering::Relaxed) {
                    return;
                }
                let _ = wire::write(&mut *socket, &watch.nonce, &Frame::Alive);
            }
        };
        // If there is no thread to be had the parent has to wait, and may give up too early.
        let _ = thread::Builder::new().name("last words".to_owned()).spawn(tell);
    }

    /// Looks again and again whether the run that is under way gets anywhere. A thread that dies rings
    /// the bell.
    fn watch(self: &Arc<Self>, clock: Clock, mut bell: &UnixStream) {
        let mut seen = Seen::default();
        let mut last_sign = Instant::now();
        loop {
            // As a rule this fails, when it is time to look.
            let _ = bell.read(&mut [0]);
            if let Some(words) = last_words::last_words() {
                limits::raise_for_last_words();
                let LastWords { signal, stack, context } = words;
                self.give_up(&Stuck::at(Why::Signal(signal), &stack, context));
            }
            let Some(running) = *self.running.lock() else { continue };
            if interrupt::is_interrupted() {
                self.give_up(&Stuck::unseen(Why::Interrupted));
            }
            if last_sign.elapsed() > Duration::from_secs(1) {
                // Whoever wanted the result may have been killed.
                if wire::write(&mut *self.socket(), &self.nonce, &Frame::Alive).is_err() {
                    sim::end_process(1);
                }
                last_sign = Instant::now();
            }
            let stuck = match clock {
                _ if running.stage == Stage::Judged => None,
                Clock::Virtual => seen.look(&running),
                Clock::Real => running
                    .until
                    .filter(|until| *until < Instant::now())
                    .map(|_| Stuck::unseen(running.why_stuck(Why::Overtime))),
            };
            // A run that is only slow may have come to its end meanwhile.
            let is_under_way =
                |_: &Stuck| self.running.lock().is_some_and(|now| now.key() == running.key());
            if let Some(stuck) = stuck.filter(is_under_way) {
                self.give_up(&stuck);
            }
        }
    }

    /// Sends a result for a run that will never have one, and ends the process.
    fn give_up(self: &Arc<Self>, stuck: &Stuck) -> ! {
        // Kept: a run that comes to its end meanwhile must not have a second result.
        let running = self.running.lock();
        let seed = running.map_or(0, |running| running.seed);
        limits::raise_for_last_words();
        self.is_busy_with_last_words();
        printed::count();
        let take = || Output::new().map(|mut output| output.take()).unwrap_or_default();
        let mut output = take();
        let result = (self.on_stuck)(seed, stuck, &String::from_utf8_lossy(&output));
        output.extend(take()); // what was printed about it
        self.is_leaving.store(true, Ordering::Relaxed);
        self.send(&Frame::Leaving);
        self.send(&Frame::Result { seed, result, output });
        // At once: nothing that would run on an orderly exit can be relied upon, as the simulated thread
        // may hold any lock.
        sim::end_process(0)
    }
}

impl Running {
    /// What tells it from all other stretches of runs.
    fn key(&self) -> (Instant, Stage) {
        (self.since, self.stage)
    }

    /// Why it is stuck, if it is `otherwise` for this reason while its code runs.
    fn why_stuck(&self, otherwise: Why) -> Why {
        match self.stage {
            Stage::UnderWay | Stage::Judged => otherwise,
            Stage::Dropped => Why::Drop,
        }
    }
}

/// What the watchdog has seen of the run that it watches.
#[derive(Default)]
struct Seen {
    run: Option<(Instant, Stage)>,
    /// When it was last seen that the clock has moved, or that something was counted that has an end.
    moved: Mark,
    /// Where the present stretch of the clock begins.
    stretch: Mark,
    looks_asleep: u32,
}

/// How far a run had come, by all of its measures.
#[derive(Clone, Copy, Default)]
struct Mark {
    clock_us: u64,
    /// Tasks and messages.
    counted: u64,
    cpu: Duration,
}

impl Seen {
    /// Looks at the run once more. Returns why it is stuck, if it is.
    fn look(&mut self, running: &Running) -> Option<Stuck> {
        let thread = running.thread?;
        let Thread(id) = thread.id;
        // Each run has a thread of its own, which may have ended.
        let Stat { state, cpu } = Stat::read(&PathBuf::from(format!("/proc/self/task/{id}")))?;
        let now = Mark { clock_us: sim::clock_us(), counted: sim::counted(), cpu };
        // What the tester needs for its judgement doesn't count.
        let is_large = || children::memory_held().is_some_and(|held| held > limits::HELD);
        if running.stage == Stage::UnderWay && is_large() {
            return Some(asked(Why::Memory, thread));
        }
        if self.run != Some(running.key()) {
            // The CPU time of a thread that is new counts; that of the tester's judgement doesn't.
            let stretch = if running.stage == Stage::UnderWay { Mark::default() } else { now };
            *self = Seen { run: Some(running.key()), moved: now, stretch, looks_asleep: 0 };
            return None;
        }
        let clock = Duration::from_micros(now.clock_us.saturating_sub(self.stretch.clock_us));
        let used = cpu.saturating_sub(self.stretch.cpu);
        if clock >= PACE {
            self.stretch = now;
        } else if used >= thread.cpu_limit {
            return Some(asked(Why::Slow { cpu: used, clock }, thread));
        }
        if (now.clock_us, now.counted) != (self.moved.clock_us, self.moved.counted) {
            (self.moved, self.looks_asleep) = (now, 0);
            return None;
        }
        self.looks_asleep = if state == 'S' { self.looks_asleep + 1 } else { 0 };
        // A message that takes as long to encode is larger than any that a run may send.
        if cpu.saturating_sub(self.moved.cpu) >= CPU_WITHOUT_PROGRESS {
            Some(asked(running.why_stuck(Why::Loop), thread))
        } else if self.looks_asleep >= LOOKS_ASLEEP {
            Some(asked(running.why_stuck(Why::Blocked), thread))
        } else {
            None
        }
    }
}

/// A run that gets nowhere, with what its thread answers when it is asked.
fn asked(why: Why, thread: SimulatedThread) -> Stuck {
    // A thread that is blocked stays where it is. One that works is now and then where a walk along its stack
    // misses a caller, or in what its loop calls: its place is where it is found most often.
    let looks = if why == Why::Blocked { 1 } else { LOOKS_AT_WORK };
    let answers: Vec<Answer> = (0..looks).map_while(|_| ask(thread.id)).collect();
    let stuck = |answer: &Answer| Stuck::at(why, &answer.stack, answer.context);
    let found: Vec<Stuck> = answers.iter().map(stuck).collect();
    let count =
        |stuck: &Stuck| found.iter().filter(|it| it.stack.first() == stuck.stack.first()).count();
    // Of places as common as each other, the one that was seen first.
    let place = found.iter().rev().max_by_key(|stuck| count(stuck));
    place.cloned().unwrap_or_else(|| Stuck::unseen(why))
}
