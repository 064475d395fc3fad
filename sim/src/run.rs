//! The life of a run: its thread, its runtime, its body and its epilogue.

use std::any::Any;
use std::fmt;
use std::panic;
use std::pin::Pin;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

#[cfg(tokio_unstable)]
use chance::Stream;
use parking_lot::Mutex;
use tokio::runtime::{Builder, Runtime};

use crate::handle::{self, Sim};
#[cfg(tokio_unstable)]
use crate::hooks;
use crate::misuse::Misuse;
use crate::settings::{Clock, Settings};
use crate::{clock_guard, panics, stack, tester};
#[cfg(all(target_os = "linux", target_env = "gnu", not(sim_no_interposition)))]
use crate::{interpose, older_sources, outside, real};

/// How many threads the real clock's runtime has: what MIT's tester gives Go (GOMAXPROCS 4).
const REAL_THREADS: usize = 4;

/// How long the tasks of a run on the real clock may take to stop before they are left behind.
const REAL_SHUTDOWN: Duration = Duration::from_millis(500);

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

/// Looks up what a handler of a signal must find looked up, once a process; a run does so itself.
pub fn prepare() {
    #[cfg(all(target_os = "linux", target_env = "gnu", not(sim_no_interposition)))]
    real::resolve(|| {
        interpose::resolve();
        older_sources::resolve();
        outside::resolve();
    });
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
    let (returned, concluded) = (Arc::new(Mutex::new(None)), Arc::new(Mutex::new(None)));
    let (returns, concludes) = (returned.clone(), concluded.clone());
    let body = move |sim| -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let body = body(sim);
        Box::pin(async move {
            let value = body.await;
            *returns.lock() = Some(value);
        })
    };
    let epilogue = move |sim: &Sim, ending| {
        let ending = match ending {
            Ending::Finished(()) => {
                Ending::Finished(returned.lock().take().expect("it has returned"))
            }
            Ending::Unwound(payload) => Ending::Unwound(payload),
            Ending::Stopped => Ending::Stopped,
            Ending::OutOfTime => Ending::OutOfTime,
        };
        *concludes.lock() = Some(epilogue(sim, ending));
    };
    run_untyped(settings, Box::new(body), Box::new(epilogue));
    let result = concluded.lock().take();
    result.expect("the epilogue has run")
}

/// What a run does, whatever the type of its future.
type Body = Box<dyn FnOnce(Sim) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

/// What comes behind it.
type Epilogue = Box<dyn FnOnce(&Sim, Ending<()>) + Send>;

/// A run, compiled once and not once for each body: that is most of what a binary of many tests would have to
/// compile.
fn run_untyped(settings: Settings, body: Body, epilogue: Epilogue) {
    prepare();
    panics::install_hook();
    // A thread of its own, because the standard library's hash keys and rand's generator are
    // thread-local and made once: on a thread that was used before they'd hold another run's draws.
    let name = thread::current().name().unwrap_or("run").to_owned();
    let thread = thread::Builder::new().name(name).stack_size(stack::size());
    let run = thread.spawn(move || run_on_this_thread(settings, body, epilogue));
    if let Err(payload) = run.expect("failed to start the run's thread").join() {
        panic::resume_unwind(payload);
    }
}

fn run_on_this_thread(settings: Settings, body: Body, epilogue: Epilogue) {
    let sim = Sim::new(settings);
    clock_guard::install(sim.settings().clock_guard);
    sim.begin_on_this_thread();
    let runtime = build_runtime(&sim);
    runtime.block_on(async {
        sim.starts();
        let mut task = tokio::spawn(body(sim.clone()));
        let ending = tokio::select! {
            biased;
            () = sim.stopped() => Ending::Stopped,
            joined = &mut task => match joined {
                Ok(()) => Ending::Finished(()),
                Err(error) => Ending::Unwound(error.into_panic()),
            },
            // One tick more, so that a body which lasts exactly its limit is within it.
            () = tokio::time::sleep(sim.settings().limit + Duration::from_millis(1)) => {
                Ending::OutOfTime
            }
        };
        task.abort();
        if !panics::is_heard() {
            sim.misused(Misuse::PanicHook);
        }
        tester::does(|| epilogue(&sim, ending));
    });
    match sim.clock() {
        Clock::Virtual => drop(runtime),
        Clock::Real => runtime.shutdown_timeout(REAL_SHUTDOWN),
    }
    handle::leave();
}

fn build_runtime(sim: &Sim) -> Runtime {
    let mut builder = match sim.clock() {
        Clock::Virtual => {
            let mut builder = Builder::new_current_thread();
            builder.start_paused(true);
            builder.on_thread_unpark(|| {
                if let Some(sim) = handle::current() {
                    sim.follow_runtime_clock();
                }
            });
            // A builder keeps one such hook: the second would replace the first.
            builder.on_thread_park(|| {
                // Before all wait: whatever was done to the clock must not outlast its instant.
                clock_guard::look();
                if let Some(sim) = handle::current() {
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
            builder.worker_threads(REAL_THREADS).thread_stack_size(stack::size());
            let sim = sim.clone();
            builder.on_thread_start(move || sim.work_on_this_thread());
            builder
        }
    };
    #[cfg(tokio_unstable)]
    hooks::install(sim, &mut builder);
    // Time only: with the I/O driver every park would ask the kernel for events.
    builder.enable_time().build().expect("failed to build the run's runtime")
}
