//! A run in progress, as its parts know it: its time, its streams, its stop, and what is counted of it.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::Location;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use chance::{Rng, Stream};
use tokio::sync::Notify;

use crate::burst::{Burst, SameCalls};
use crate::draw::Anew;
use crate::lines;
use crate::listeners::Listeners;
use crate::misuse::{Meddling, Misuse};
#[cfg(unix)]
use crate::settings::Exit;
use crate::settings::{Clock, Misused, Panic, Settings};
#[cfg(unix)]
use crate::stack::Stack;
use crate::tally::{Message, Tally, Work};
use crate::tasks::{Task, Tasks};
use crate::{context, draws, last_turn, stack, tally, watcher};

/// A run in progress, as its body and the tester's parts see it. Clones are the same run.
#[derive(Clone)]
pub struct Sim(Arc<Inner>);

struct Inner {
    settings: Settings,
    /// The run's time in microseconds, where the clock is virtual.
    now_us: AtomicU64,
    /// When the runtime's clock stood at 0.
    started: OnceLock<tokio::time::Instant>,
    stop: Notify,
    tasks: Tasks,
    tally: Tally,
    listeners: Listeners,
    anew: Anew,
}

impl fmt::Debug for Sim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sim").field("seed", &self.seed()).field("clock", &self.clock()).finish()
    }
}

impl Sim {
    /// A run that has not begun.
    pub(crate) fn new(settings: Settings) -> Sim {
        Sim(Arc::new(Inner {
            anew: Anew::new(settings.redraw.clone()),
            settings,
            now_us: AtomicU64::new(0),
            started: OnceLock::new(),
            stop: Notify::new(),
            tasks: Tasks::default(),
            tally: Tally::default(),
            listeners: Listeners::default(),
        }))
    }

    /// The calling thread is the run's from now on.
    pub(crate) fn begin_on_this_thread(&self) {
        stack::begins_here();
        if self.clock() == Clock::Virtual {
            STUDENT.set(Some(self.stream(Stream::Student)));
            NOW_US.set(Some(0));
        }
        draws::install(self.seed(), &self.0.settings.draws);
        let Settings { clock, limit, cpu_limit, .. } = self.0.settings;
        watcher::begins(clock, limit, cpu_limit);
        CURRENT.set(Some(self.clone()));
    }

    /// The calling thread, one of the runtime's, works for the run from now on.
    pub(crate) fn work_on_this_thread(&self) {
        CURRENT.set(Some(self.clone()));
        stack::begins_here();
        watcher::works_too();
    }

    /// What the run is made from.
    pub(crate) fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// The runtime's clock stands at 0.
    pub(crate) fn starts(&self) {
        self.0.started.set(tokio::time::Instant::now()).expect("a run starts once");
        if self.clock() == Clock::Virtual {
            keep_clock();
        }
    }

    /// Waits until the run is stopped.
    pub(crate) async fn stopped(&self) {
        self.0.stop.notified().await;
    }

    /// The run's seed.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.0.settings.seed
    }

    /// The run's clock.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.0.settings.clock
    }

    /// The time since the run began, in the run's own time, to the microsecond.
    #[must_use]
    pub fn now(&self) -> Duration {
        Duration::from_micros(self.now_us())
    }

    /// Those whose tasks have been polled since this was called last, or [`Sim::on_rest`] was told; each
    /// once.
    #[must_use]
    pub fn take_ran(&self) -> Vec<context::Owner> {
        self.0.tasks.take_ran()
    }

    /// [`Sim::now`] in microseconds.
    #[must_use]
    pub fn now_us(&self) -> u64 {
        match self.clock() {
            Clock::Virtual => self.0.now_us.load(Ordering::Relaxed),
            Clock::Real => micros(self.started().elapsed()),
        }
    }

    /// The virtual time in microseconds, which costs nothing to read; by the real clock it stands still.
    pub(crate) fn virtual_us(&self) -> u64 {
        self.0.now_us.load(Ordering::Relaxed)
    }

    /// The runtime's instant at which the run's time is `at`, for `tokio::time::sleep_until`.
    ///
    /// tokio's clock is up to a millisecond behind [`Sim::now`] while the clock is virtual.
    #[must_use]
    pub fn instant(&self, at: Duration) -> tokio::time::Instant {
        self.started() + at
    }

    /// The time in microseconds up to which events can happen without a timer's firing in between:
    /// the end of the current millisecond by the virtual clock, now by the real one.
    #[must_use]
    pub fn tick_end_us(&self) -> u64 {
        match self.clock() {
            Clock::Virtual => (self.now_us() / 1000 + 1) * 1000,
            Clock::Real => self.now_us() + 1,
        }
    }

    /// Moves a virtual clock forward to `at_us`, in microseconds, within the current millisecond;
    /// does nothing to a real one, nor where that time has passed.
    ///
    /// # Panics
    /// If `at_us` is not before [`Sim::tick_end_us`]: timers would be late.
    pub fn advance_within_tick(&self, at_us: u64) {
        if self.clock() == Clock::Virtual {
            let end = self.tick_end_us();
            assert!(at_us < end, "{at_us} µs is beyond the tick's end, {end} µs");
            self.advance(at_us);
        }
    }

    /// Moves the virtual clock to `now_us`, unless it is there already. Only the run's own thread
    /// does this.
    fn advance(&self, now_us: u64) {
        if now_us > self.0.now_us.load(Ordering::Relaxed) {
            self.0.now_us.store(now_us, Ordering::Relaxed);
            NOW_US.set(Some(now_us));
            self.tally().time_passed();
            watcher::clock_is_at(now_us);
        }
    }

    /// The beginning of `stream` in this run.
    #[must_use]
    pub fn stream(&self, stream: Stream) -> Rng {
        self.substream(stream, 0)
    }

    /// The beginning of part `key` of `stream`: a sequence of its own for each key.
    #[must_use]
    pub fn substream(&self, stream: Stream, key: u64) -> Rng {
        stream.start(self.0.anew.seed_of(stream, self.seed()), key)
    }

    /// Ends the run: the body gets no further, and the epilogue runs.
    pub fn stop(&self) {
        self.0.stop.notify_one();
    }

    pub(crate) fn panicked(&self, panic: Panic) {
        (self.0.settings.on_panic)(panic);
        self.stop();
    }

    /// Notes a misuse by the code that runs now, and stops the run.
    pub(crate) fn misused(&self, misuse: Misuse) {
        let location = match misuse {
            Misuse::TimeStandsStill { spawned_at, .. } | Misuse::MassOfTasks { spawned_at, .. } => {
                spawned_at.and_then(lines::users_place)
            }
            Misuse::MassOfCalls(burst) | Misuse::SameCalls(burst) | Misuse::MassOfBytes(burst) => {
                burst.called_at.and_then(lines::users_place)
            }
            Misuse::BlockingSleep(_) | Misuse::OsThread | Misuse::Clock(_) => stack::users_line(),
            Misuse::File(_) | Misuse::Socket | Misuse::Process => stack::users_line(),
            Misuse::PanicHook => None,
        };
        self.misused_at(misuse, location);
    }

    /// Notes that the code whose turn it was has meddled with the clock.
    pub(crate) fn meddled(&self, meddling: Meddling) {
        let spawned_at = context::current().and_then(|context| context.activity.spawned_at());
        self.misused_at(Misuse::Clock(meddling), spawned_at.and_then(lines::users_place));
    }

    fn misused_at(&self, misuse: Misuse, location: Option<String>) {
        (self.0.settings.on_misuse)(Misused {
            misuse,
            location,
            at: self.now(),
            context: context::current(),
        });
        self.stop();
    }

    /// The tasks that are alive and have an owner, in no particular order. Empty where the runtime
    /// doesn't tell (without `tokio_unstable`).
    #[must_use]
    pub fn alive_tasks(&self) -> Vec<Task> {
        self.tasks().alive()
    }

    /// The line that spawned most of these tasks, and how many it did.
    #[must_use]
    pub fn spawned_most(&self) -> Option<(&'static Location<'static>, u64)> {
        self.tasks().spawned_most()
    }

    pub(crate) fn anew(&self) -> &Anew {
        &self.0.anew
    }

    pub(crate) fn tasks(&self) -> &Tasks {
        &self.0.tasks
    }

    pub(crate) fn listeners(&self) -> &Listeners {
        &self.0.listeners
    }

    pub(crate) fn tally(&self) -> &Tally {
        &self.0.tally
    }

    /// What the run is at. For a thread beside the run's, as it takes a moment of real time.
    #[must_use]
    pub fn work(&self) -> Work {
        let work = self.tally().look(self.virtual_us());
        Work { last_ran: self.tasks().last_ran(), ..work }
    }

    /// What the run was at. For a thread beside the run's, which may have died.
    #[must_use]
    pub fn work_so_far(&self) -> Work {
        self.tally().so_far(self.virtual_us())
    }

    /// Counts a call that a server makes at this line, with so many bytes of arguments.
    ///
    /// # Panics
    ///
    /// If there are too many at a time for any network.
    pub fn count_call(&self, server: u32, bytes: u64, called_at: &'static Location<'static>) {
        if self.clock() == Clock::Real {
            return; // all of it would seem to happen at one instant
        }
        last_turn::code_runs();
        let message = Message { bytes, called_at: Some(called_at) };
        let burst = self.tally().sent(server, message, self.virtual_us());
        if let Some(misuse) = tally::misuse(burst) {
            misuse.end_code();
        }
    }

    /// Counts a call that a server makes again at this line: to the same server, with the same arguments, with no other
    /// between them. `row` says how many there are by now.
    ///
    /// # Panics
    ///
    /// If it is made too often.
    pub fn count_same_call(
        &self,
        server: u32,
        bytes: u64,
        called_at: &'static Location<'static>,
        row: SameCalls,
    ) {
        let SameCalls { calls, since_us } = row;
        if calls < tally::SAME_CALLS || self.clock() == Clock::Real {
            return;
        }
        let lasted = Duration::from_micros(self.virtual_us() - since_us);
        let called_at = Some(called_at);
        Misuse::SameCalls(Burst { server, calls, bytes: bytes * calls, lasted, called_at })
            .end_code();
    }

    /// Counts a reply that a server gives, of so many bytes.
    pub fn count_reply(&self, server: u32, bytes: u64) {
        if self.clock() == Clock::Real {
            return;
        }
        let message = Message { bytes, called_at: None };
        let burst = self.tally().sent(server, message, self.virtual_us());
        if let Some(misuse) = tally::misuse(burst) {
            self.misused(misuse); // the handler has ended
        }
    }

    fn started(&self) -> tokio::time::Instant {
        *self.0.started.get().expect("the run's clock is set before its body is called")
    }

    /// Takes over the time that the runtime's clock has jumped to.
    pub(crate) fn follow_runtime_clock(&self) {
        if let Some(started) = self.0.started.get() {
            self.advance(micros(tokio::time::Instant::now() - *started));
            keep_clock();
            self.redraw_in_time();
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).expect("a run lasts less than 500,000 years")
}

thread_local! {
    /// The run that this thread works for.
    static CURRENT: RefCell<Option<Sim>> = const { RefCell::new(None) };
}

// What the interposed functions read. Plain cells without destructors, so that reading them does
// nothing else, at whatever point of a thread's life it happens.
thread_local! {
    /// The simulated thread's random stream; empty on every other thread.
    static STUDENT: Cell<Option<Rng>> = const { Cell::new(None) };
    /// The simulated thread's time in microseconds; empty on every other thread.
    static NOW_US: Cell<Option<u64>> = const { Cell::new(None) };
    /// The runtime's time, as it was when the run's followed it last; empty where the clock is nobody's to guard.
    static KEPT: Cell<Option<tokio::time::Instant>> = const { Cell::new(None) };
}

/// Takes the runtime's clock to be right.
pub(crate) fn keep_clock() {
    KEPT.set(Some(tokio::time::Instant::now()));
}

/// The runtime's time, as it was when it was right; `None` if this clock is nobody's to guard.
pub(crate) fn kept_clock() -> Option<tokio::time::Instant> {
    KEPT.get()
}

/// Does something with the run that this thread works for, if any.
pub(crate) fn with_current<R>(f: impl FnOnce(&Sim) -> R) -> Option<R> {
    CURRENT.try_with(|current| current.try_borrow().ok()?.as_ref().map(f)).ok().flatten()
}

/// Does something while the simulated thread's time is so much later.
pub(crate) fn nudged<R>(by_us: u64, f: impl FnOnce() -> R) -> R {
    let now = NOW_US.get();
    NOW_US.set(now.map(|now| now + by_us));
    let done = f();
    NOW_US.set(now);
    done
}

/// Whether this thread works for a run.
#[must_use]
pub fn is_of_a_run() -> bool {
    CURRENT.try_with(|current| current.try_borrow().is_ok_and(|run| run.is_some())).unwrap_or(false)
}

/// The code under test ends the process: then it ends as one that has failed, when that was told.
#[cfg(unix)]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu", not(sim_no_interposition))),
    expect(dead_code, reason = "only the interposed exit calls it")
)]
pub(crate) fn exit_is_a_misuse() -> ! {
    let exit = Exit { stack: Stack::here(), context: context::current() };
    watcher::exits(&exit);
    if let Some(sim) = current() {
        leave();
        (sim.0.settings.on_exit)(&exit);
    }
    // At once: the code under test may hold any lock.
    end_process(FAILED)
}

/// The exit code of a test binary that has failed.
#[cfg(unix)]
const FAILED: i32 = 101;

/// Ends the process at once: nothing that waits for its end is done.
#[cfg(unix)]
pub fn end_process(code: i32) -> ! {
    // SAFETY: after this nothing of the process is left that could be unsafe.
    unsafe { libc::_exit(code) }
}

/// This thread works for no run any more.
pub(crate) fn leave() {
    CURRENT.set(None);
    STUDENT.set(None);
    NOW_US.set(None);
    KEPT.set(None);
}

/// The run that this thread works for, if any. By the real clock every thread of the runtime does.
pub(crate) fn current() -> Option<Sim> {
    CURRENT.try_with(|current| current.try_borrow().ok()?.clone()).ok().flatten()
}

/// The simulated thread's random bytes come from `rng` from now on.
pub(crate) fn set_student_stream(rng: Rng) {
    STUDENT.set(Some(rng));
}

/// The simulated thread's time, in microseconds since the run began; `None` on any other thread.
pub(crate) fn simulated_micros() -> Option<u64> {
    NOW_US.get()
}

/// If this is a simulated thread, notes that it was misused. Returns whether it is.
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu", not(sim_no_interposition))),
    expect(dead_code, reason = "only the interposed functions ask")
)]
pub(crate) fn misuse_if_simulated(misuse: impl FnOnce() -> Misuse) -> bool {
    if NOW_US.get().is_none() {
        return false;
    }
    let Some(sim) = current() else { return false };
    sim.misused(misuse());
    true
}

/// Lets `f` draw from the simulated thread's stream; `None` on any other thread.
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu", not(sim_no_interposition))),
    expect(dead_code, reason = "only the interposed functions ask")
)]
pub(crate) fn with_student_stream<R>(f: impl FnOnce(&mut Rng) -> R) -> Option<R> {
    let mut rng = STUDENT.take()?;
    let result = f(&mut rng);
    STUDENT.set(Some(rng));
    Some(result)
}
