//! One run: a body, a seed, a clock, and how it ended.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;

use crate::misuse::{self, Misuse};
use crate::stream::{Rng, Stream};
use crate::tasks::{Task, Tasks};
#[cfg(unix)]
use crate::worker;
use crate::{context, panics};

/// How many threads the real clock's runtime has: what MIT's tester gives Go (GOMAXPROCS 4).
const REAL_THREADS: usize = 4;

/// How long the tasks of a run on the real clock may take to stop before they are left behind.
const REAL_SHUTDOWN: Duration = Duration::from_millis(500);

/// Which clock a run goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// Stands still while code runs and jumps to the next timer: exact, and fast.
    Virtual,
    /// The wall clock, with several threads: what a cluster meets in life.
    Real,
}

/// How much CPU time a run by the virtual clock may use in all, if nothing else is said. All of the lab's
/// tests together take a small part of it, also without optimisations.
const CPU_OF_A_RUN: Duration = Duration::from_secs(30);

/// What a run is made from.
#[derive(Clone)]
pub struct Settings {
    seed: u64,
    clock: Clock,
    limit: Duration,
    cpu_limit: Duration,
    on_panic: Arc<dyn Fn(panics::Panic) + Send + Sync>,
    on_misuse: Arc<dyn Fn(Misused) + Send + Sync>,
}

impl Settings {
    /// A run of `seed` by `clock` that is cut when it has lasted longer than `limit` (in the run's
    /// own time).
    #[must_use]
    pub fn new(seed: u64, clock: Clock, limit: Duration) -> Settings {
        Settings {
            seed,
            clock,
            limit,
            cpu_limit: CPU_OF_A_RUN,
            on_panic: Arc::new(|_| ()),
            on_misuse: Arc::new(|_| ()),
        }
    }

    /// How much CPU time the run may use, 30 s if nothing is said: who has used more in a child process
    /// gets nowhere. It isn't exact, nor does it follow the seed; and it is no limit by the real clock.
    #[must_use]
    pub fn cpu_limit(mut self, limit: Duration) -> Settings {
        self.cpu_limit = limit;
        self
    }

    /// Calls `f` for every panic of the run, before the run is stopped. It is called from within
    /// the panic, with the panicking code's locks still held: take note and return.
    #[must_use]
    pub fn on_panic(mut self, f: impl Fn(panics::Panic) + Send + Sync + 'static) -> Settings {
        self.on_panic = Arc::new(f);
        self
    }

    /// Calls `f` for every misuse in the run, before the run is stopped; as with
    /// [`Settings::on_panic`], from within the misusing code.
    #[must_use]
    pub fn on_misuse(mut self, f: impl Fn(Misused) + Send + Sync + 'static) -> Settings {
        self.on_misuse = Arc::new(f);
        self
    }
}

/// A [`Misuse`] in a run, with its circumstances.
#[derive(Clone, Debug)]
pub struct Misused {
    /// What was done.
    pub misuse: Misuse,
    /// The user's line that did it, where that can be told.
    pub location: Option<String>,
    /// The run's time when it happened.
    pub at: Duration,
    /// Whose code did it, where that is known.
    pub context: Option<context::Context>,
}

/// How a run's body ended.
pub enum Ending<T> {
    /// It returned this.
    Finished(T),
    /// It unwound with this payload, and deliberately: by [`std::panic::resume_unwind`].
    Unwound(Box<dyn Any + Send>),
    /// [`Sim::stop`] was called, or the body or a task panicked, of which `on_panic` was told.
    Stopped,
    /// The limit passed first.
    OutOfTime,
}

impl<T> fmt::Debug for Ending<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Ending::Finished(_) => "Finished",
            Ending::Unwound(_) => "Unwound",
            Ending::Stopped => "Stopped",
            Ending::OutOfTime => "OutOfTime",
        })
    }
}

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
    /// Is told whose tasks have run, when no task can go on.
    on_rest: OnceLock<OnRest>,
}

/// Is told whose tasks have run.
type OnRest = Box<dyn Fn(context::Owner) + Send + Sync>;

impl fmt::Debug for Sim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sim").field("seed", &self.seed()).field("clock", &self.clock()).finish()
    }
}

impl Sim {
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

    /// By the virtual clock, calls `f` with the owner of each task that has been polled, once all tasks
    /// wait and before time goes on: nobody's code runs then. Without tokio's task hooks nothing is known
    /// of tasks, and it is never called. Only the first `f` counts.
    pub fn on_rest(&self, f: impl Fn(context::Owner) + Send + Sync + 'static) {
        let _ = self.0.on_rest.set(Box::new(f));
    }

    /// Those whose tasks have been polled since this was called last, or [`Sim::on_rest`] was told; each
    /// once.
    #[must_use]
    pub fn take_ran(&self) -> Vec<context::Owner> {
        self.0.tasks.take_ran()
    }

    /// All tasks wait.
    fn rests(&self) {
        if let Some(on_rest) = self.0.on_rest.get() {
            self.take_ran().into_iter().for_each(on_rest);
        }
    }

    /// [`Sim::now`] in microseconds.
    #[must_use]
    pub fn now_us(&self) -> u64 {
        match self.clock() {
            Clock::Virtual => self.0.now_us.load(Ordering::Relaxed),
            Clock::Real => micros(self.started().elapsed()),
        }
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
            self.tasks().time_passed();
            #[cfg(unix)]
            worker::progress();
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
        stream.start(self.seed(), key)
    }

    /// Ends the run: the body gets no further, and the epilogue runs.
    pub fn stop(&self) {
        self.0.stop.notify_one();
    }

    pub(crate) fn panicked(&self, panic: panics::Panic) {
        (self.0.settings.on_panic)(panic);
        self.stop();
    }

    /// Notes a misuse by the code that runs now, and stops the run.
    pub(crate) fn misused(&self, misuse: Misuse) {
        let location = match misuse {
            Misuse::TimeStandsStill { spawned_at } => misuse::users_place(spawned_at),
            Misuse::BlockingSleep(_) | Misuse::OsThread => misuse::users_line(),
            Misuse::PanicHook => None,
        };
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

    pub(crate) fn tasks(&self) -> &Tasks {
        &self.0.tasks
    }

    fn started(&self) -> tokio::time::Instant {
        *self.0.started.get().expect("the run's clock is set before its body is called")
    }

    /// Takes over the time that the runtime's clock has jumped to.
    fn follow_runtime_clock(&self) {
        if let Some(started) = self.0.started.get() {
            self.advance(micros(tokio::time::Instant::now() - *started));
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
}

/// The run that this thread works for, if any. By the real clock every thread of the runtime does.
pub(crate) fn current() -> Option<Sim> {
    CURRENT.try_with(|current| current.try_borrow().ok()?.clone()).ok().flatten()
}

/// The simulated thread's time, in microseconds since the run began; `None` on any other thread.
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu", not(sim_no_interposition))),
    expect(dead_code, reason = "only the interposed functions ask")
)]
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

/// Runs `body` from a seed, then `epilogue`, and returns what the epilogue returned.
///
/// The epilogue runs between polls, on the run's own thread, while every task of the run still
/// exists and none is being polled (by the real clock the other threads go on). It is the place to
/// ask the code under test for its state. After it, all tasks are dropped.
///
/// # Panics
/// If the OS has no thread to give, or if the epilogue itself panics.
pub fn run<T, F, Fut, R>(
    settings: Settings,
    body: F,
    epilogue: impl FnOnce(&Sim, Ending<T>) -> R + Send + 'static,
) -> R
where
    T: Send + 'static,
    F: FnOnce(Sim) -> Fut + Send + 'static,
    Fut: Future<Output = T> + Send + 'static,
    R: Send + 'static,
{
    panics::install_hook();
    // A thread of its own, because the standard library's hash keys and rand's generator are
    // thread-local and made once: on a thread that was used before they'd hold another run's draws.
    let name = thread::current().name().unwrap_or("run").to_owned();
    let thread = thread::Builder::new().name(name);
    let run = thread.spawn(move || run_on_this_thread(settings, body, epilogue));
    match run.expect("failed to start the run's thread").join() {
        Ok(result) => result,
        Err(payload) => panic::resume_unwind(payload),
    }
}

fn run_on_this_thread<T, F, Fut, R>(
    settings: Settings,
    body: F,
    epilogue: impl FnOnce(&Sim, Ending<T>) -> R,
) -> R
where
    T: Send + 'static,
    F: FnOnce(Sim) -> Fut,
    Fut: Future<Output = T> + Send + 'static,
{
    let sim = Sim(Arc::new(Inner {
        settings,
        now_us: AtomicU64::new(0),
        started: OnceLock::new(),
        stop: Notify::new(),
        tasks: Tasks::default(),
        on_rest: OnceLock::new(),
    }));
    if sim.clock() == Clock::Virtual {
        STUDENT.set(Some(sim.stream(Stream::Student)));
        NOW_US.set(Some(0));
    }
    #[cfg(unix)]
    worker::watch_this_thread(sim.clock(), sim.0.settings.limit, sim.0.settings.cpu_limit);
    CURRENT.set(Some(sim.clone()));
    let runtime = build_runtime(&sim);
    let result = runtime.block_on(async {
        sim.0.started.set(tokio::time::Instant::now()).expect("a run starts once");
        let mut task = tokio::spawn(body(sim.clone()));
        let ending = tokio::select! {
            biased;
            () = sim.0.stop.notified() => Ending::Stopped,
            joined = &mut task => match joined {
                Ok(value) => Ending::Finished(value),
                Err(error) => Ending::Unwound(error.into_panic()),
            },
            // One tick more, so that a body which lasts exactly its limit is within it.
            () = tokio::time::sleep(sim.0.settings.limit + Duration::from_millis(1)) => {
                Ending::OutOfTime
            }
        };
        task.abort();
        if !panics::is_heard() {
            sim.misused(Misuse::PanicHook);
        }
        epilogue(&sim, ending)
    });
    match sim.clock() {
        Clock::Virtual => drop(runtime),
        Clock::Real => runtime.shutdown_timeout(REAL_SHUTDOWN),
    }
    CURRENT.set(None);
    STUDENT.set(None);
    NOW_US.set(None);
    result
}

fn build_runtime(sim: &Sim) -> Runtime {
    let mut builder = match sim.clock() {
        Clock::Virtual => {
            let mut builder = Builder::new_current_thread();
            builder.start_paused(true);
            builder.on_thread_unpark(|| {
                if let Some(sim) = current() {
                    sim.follow_runtime_clock();
                }
            });
            builder.on_thread_park(|| {
                if let Some(sim) = current() {
                    sim.rests();
                }
            });
            #[cfg(tokio_unstable)]
            {
                use rand::Rng as _;
                let seed = sim.stream(Stream::Runtime).next_u64().to_le_bytes();
                builder.rng_seed(tokio::runtime::RngSeed::from_bytes(&seed));
            }
            builder
        }
        Clock::Real => {
            let mut builder = Builder::new_multi_thread();
            builder.worker_threads(REAL_THREADS);
            let sim = sim.clone();
            builder.on_thread_start(move || {
                CURRENT.set(Some(sim.clone()));
                #[cfg(unix)]
                worker::watch_this_thread_too();
            });
            builder
        }
    };
    #[cfg(tokio_unstable)]
    Tasks::install(sim, &mut builder);
    // Time only: with the I/O driver every park would ask the kernel for events.
    builder.enable_time().build().expect("failed to build the run's runtime")
}
