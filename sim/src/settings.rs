//! What a run is made from.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use crate::context::Context;
use crate::draw::{DrawChange, Plan, Redraw};
use crate::misuse::Misuse;
use crate::stack::Stack;

/// Which clock a run goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// Stands still while code runs and jumps to the next timer: exact, and fast.
    Virtual,
    /// The wall clock, with several threads: what a cluster meets in life.
    Real,
}

/// How much CPU time a run by the virtual clock may use for a second of its clock, if nothing else is said.
/// All of the lab's tests together take a small part of it, also without optimisations.
const CPU_OF_A_SECOND: Duration = Duration::from_secs(30);

/// What becomes of code under test that moves the virtual clock, or sets it going. Either way it is a
/// [`Misuse`](crate::Misuse), and the run the same until then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClockGuard {
    /// It is noticed when its turn is over: at which line is not known. This costs little.
    #[default]
    Notices,
    /// It panics, and is noticed at its line. Only where the C library's clock is the run's; elsewhere
    /// it is as [`ClockGuard::Notices`].
    Refuses,
}

/// What a run is made from.
#[derive(Clone)]
pub struct Settings {
    pub(crate) seed: u64,
    pub(crate) clock: Clock,
    pub(crate) limit: Duration,
    pub(crate) cpu_limit: Duration,
    pub(crate) clock_guard: ClockGuard,
    pub(crate) redraw: Option<Redraw>,
    pub(crate) draws: Plan,
    pub(crate) on_panic: Arc<dyn Fn(Panic) + Send + Sync>,
    pub(crate) on_misuse: Arc<dyn Fn(Misused) + Send + Sync>,
    pub(crate) on_exit: Arc<dyn Fn(&Exit) + Send + Sync>,
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
            cpu_limit: CPU_OF_A_SECOND,
            clock_guard: ClockGuard::Notices,
            redraw: None,
            draws: Plan::default(),
            on_panic: Arc::new(|_| ()),
            on_misuse: Arc::new(|_| ()),
            on_exit: Arc::new(|_| ()),
        }
    }

    /// How much CPU time the run may use for a second of its clock, 30 s if nothing is said: one that has
    /// used more in a child process gets nowhere. It isn't exact, nor does it follow the seed; and it is no
    /// limit by the real clock.
    #[must_use]
    pub fn cpu_limit_per_second(mut self, limit: Duration) -> Settings {
        self.cpu_limit = limit;
        self
    }

    /// How the virtual clock is guarded, [`ClockGuard::Notices`] if nothing is said.
    #[must_use]
    pub fn clock_guard(mut self, guard: ClockGuard) -> Settings {
        self.clock_guard = guard;
        self
    }

    /// From a time on, some streams of the run begin anew. By the real clock it has no effect.
    #[must_use]
    pub fn redraw(mut self, redraw: Option<Redraw>) -> Settings {
        self.redraw = redraw;
        self
    }

    /// One server's draw comes out otherwise. It takes the run's [`Stream::Student`](crate::Stream::Student) by
    /// `rand::rng()`; nothing happens where the server draws from something else.
    #[must_use]
    pub fn change_draw(mut self, change: Option<DrawChange>) -> Settings {
        self.draws.change = change;
        self
    }

    /// Notes what servers draw in these microseconds, for [`Sim::draws`](crate::Sim::draws).
    #[must_use]
    pub fn watch_draws(mut self, watch: Option<Range<u64>>) -> Settings {
        self.draws.watch = watch;
        self
    }

    /// Calls `f` for every panic of the run, before the run is stopped. It is called from within
    /// the panic, with the panicking code's locks still held: take note and return.
    #[must_use]
    pub fn on_panic(mut self, f: impl Fn(Panic) + Send + Sync + 'static) -> Settings {
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

    /// Calls `f` when the code under test wants to end the process, if this is no child that has been
    /// started for the run: there nobody else would hear of it. Then the process ends, as one that has
    /// failed. It is called from within the code that does so: say what there is to say.
    #[must_use]
    pub fn on_exit(mut self, f: impl Fn(&Exit) + Send + Sync + 'static) -> Settings {
        self.on_exit = Arc::new(f);
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
    pub context: Option<Context>,
}

/// A panic in a run's body or in any of its tasks.
#[derive(Clone, Debug)]
pub struct Panic {
    /// The panic's message.
    pub message: String,
    /// Whether it comes from `assert!` or one of its kind, as far as the message shows: not from one with a message of
    /// its own.
    pub is_assertion: bool,
    /// Where it panicked: file, line and column. If a library did, the line of the user's that called
    /// it, where that can be told.
    pub location: String,
    /// The run's time when it did.
    pub at: Duration,
    /// Whose code it was, where that is known.
    pub context: Option<Context>,
}

/// The code under test has ended the process, or tried to.
#[derive(Clone, Debug)]
pub struct Exit {
    /// Where it was.
    pub stack: Stack,
    /// Whose code it was, where that is known.
    pub context: Option<Context>,
}
