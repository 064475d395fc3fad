//! A child's side: takes seeds, runs them, sends results, and notices when a run gets nowhere.

use std::fmt;
use std::fs::File;
use std::hint::black_box;
use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, setrlimit};

use crate::ask::{self, ask};
use crate::context::{self, Context};
use crate::dying::{self, LastWords};
use crate::frame::{self, Frame};
use crate::interrupt::{self, Again};
use crate::kernel::{self, Stat};
use crate::printed;
use crate::run;
use crate::settings::Clock;
use crate::signals;
use crate::stack::Stack;
use crate::symbols;
use crate::threads::Thread;
use crate::workers::{Death, OUTPUT_KEPT, WORKER};

/// How often the watchdog looks.
const LOOK: Duration = Duration::from_millis(250);

/// How much CPU time a run may use without letting virtual time pass. Only code that loops does: all
/// that a cluster of a hundred servers does at one instant takes a small part of it.
const CPU_WITHOUT_PROGRESS: Duration = Duration::from_secs(2);

/// How far the virtual clock must come in a run's limit of CPU time. It's the pace that counts, not the
/// sum: a run may well take minutes in a build without optimisations, on a machine with other things to do.
const PACE: Duration = Duration::from_secs(1);

/// How much memory a run may hold, in bytes: half of what its process may have. A run of the lab holds
/// some tens of millions.
const HELD: u64 = MEMORY / 2;

/// How many looks in a row may find the simulated thread asleep. It never sleeps by itself.
const LOOKS_ASLEEP: u32 = 12;

/// How long a run by the real clock may go on behind its limit.
const OVERTIME: Duration = Duration::from_secs(10);

/// The most address space that a child may use, in bytes: a run that wants more has gone wild. As a
/// machine may well have two cores and 8 GB, more would be for the system's own killer.
const MEMORY: u64 = 4 << 30;

/// How much more a child may use when its run has ended for want of memory: to say so takes some.
const MEMORY_FOR_LAST_WORDS: u64 = 1 << 30;

/// How much free memory at its heap's end a child keeps, in bytes.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const KEPT: libc::c_int = 64 << 20;

/// Up to which size, in bytes, memory is taken from a child's heap and not from the kernel.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const IN_HEAP: libc::c_int = 4 << 20;

/// The most that a run may print, in bytes.
const PRINTED: u64 = 1 << 30;

/// The exit code of a test binary that has failed.
const FAILED: i32 = 101;

/// How many seconds a process may be busy with saying why its run gets nowhere.
const LAST_WORDS_SECS: u32 = 20;

/// Whether all has been said that this process has to say.
static IS_LEAVING: AtomicBool = AtomicBool::new(false);

/// How long results are kept back, so that they travel together.
const FLUSH_AFTER: Duration = Duration::from_millis(5);

/// A run that gets nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stuck {
    /// Why.
    pub why: Why,
    /// The user's lines on the run's stack, innermost first. Empty where they can't be told.
    pub stack: Vec<String>,
    /// Why the program tells no line, and what to do about it, if that is why the stack is empty.
    pub no_lines: Option<&'static str>,
    /// Whose code it is, where that is known.
    pub context: Option<Context>,
}

/// Why a run gets nowhere. Its text says what to do instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It computes without end and never awaits.
    Loop,
    /// Its thread is blocked.
    Blocked,
    /// It holds more memory than any run needs.
    Memory,
    /// It gets somewhere, and takes more CPU time for that than any run needs.
    Slow {
        /// The CPU time that it took lately.
        cpu: Duration,
        /// How far its clock came meanwhile.
        clock: Duration,
    },
    /// By the real clock: it can't be ended when its time is up.
    Overtime,
    /// It tried to end the process.
    Exit,
    /// It was ended by this signal.
    Signal(i32),
    /// The user has had enough.
    Interrupted,
}

impl Stuck {
    /// What the calling thread is at.
    fn here(why: Why) -> Stuck {
        Stuck::at(why, &Stack::here(), context::current())
    }

    /// A run whose thread has this stack.
    fn at(why: Why, stack: &Stack, context: Option<Context>) -> Stuck {
        let lines = stack.users_lines();
        let no_lines = symbols::why_no_lines().filter(|_| lines.is_empty() && !stack.is_empty());
        Stuck { why, stack: lines, no_lines, context }
    }

    /// A run whose thread tells nothing.
    fn unseen(why: Why) -> Stuck {
        Stuck { why, stack: Vec::new(), no_lines: None, context: None }
    }

    /// What the simulated thread answers when it is asked.
    fn asked(why: Why, thread: SimulatedThread) -> Stuck {
        match ask(thread.id) {
            Some(answer) => Stuck::at(why, &answer.stack, answer.context),
            None => Stuck::unseen(why),
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Why::Signal(signal) => return Death::Signalled(*signal).fmt(f),
            Why::Slow { cpu, clock } => {
                return write!(
                    f,
                    "work without end: in {:.1} s of CPU time the run's clock came {:.3} s further, where a run of \
                     the lab takes some hundredths of a second for a whole one; look for work that grows \
                     with all that was done before: a whole log that is copied, sent or saved for each \
                     command, tasks or calls that only pile up",
                    cpu.as_secs_f64(),
                    clock.as_secs_f64()
                );
            }
            Why::Loop => {
                "an endless loop: code runs on and on without an .await that waits, and nothing \
                 else gets its turn; wait in the loop, by tokio::time::sleep for at least a \
                 millisecond or by a Notify. The clock stands while code runs, so a loop that waits \
                 for Instant::now() to move never ends"
            }
            Why::Memory => {
                "memory without end: the run holds 2 GiB, where one of the lab's takes some tens of \
                 MiB; look for a Vec or a channel that only grows, or for tasks that are spawned and \
                 never end"
            }
            Why::Blocked => {
                "the simulated thread is blocked, and with it the whole cluster: by a mutex that \
                 is locked twice, or by a receive, a join or a lock that blocks; use tokio's \
                 channels and .await, and let go of a lock before taking it again"
            }
            Why::Overtime => {
                "the run's time is up, but it can't be ended: the tester waits for a call of its own, \
                 such as get_state(), that is blocked or loops; let go of a lock before taking it \
                 again"
            }
            Why::Interrupted => "interrupted: this is how far the run had come",
            Why::Exit => {
                "exit() was called, which would end the tester as well; return instead, or panic"
            }
        })
    }
}

/// Makes the bytes of a result out of a seed, the reason why its run can't have another, and what the
/// run has printed.
type OnStuck = dyn Fn(u64, &Stuck, &str) -> Vec<u8> + Send + Sync;

/// What the watchdog knows, of which there is one in a process.
struct Watch {
    socket: Mutex<UnixStream>,
    on_stuck: Box<OnStuck>,
    running: Mutex<Option<Running>>,
}

/// The run that is under way.
#[derive(Clone, Copy)]
struct Running {
    seed: u64,
    since: Instant,
    /// When a run by the real clock must have ended.
    until: Option<Instant>,
    thread: Option<SimulatedThread>,
}

/// The thread that is simulated.
#[derive(Clone, Copy)]
struct SimulatedThread {
    id: Thread,
    /// How much CPU time it may use until its clock has come [`PACE`] further.
    cpu_limit: Duration,
}

static WATCH: OnceLock<Arc<Watch>> = OnceLock::new();

/// How far the virtual clock of the run that is under way has come, in microseconds.
static CLOCK_US: AtomicU64 = AtomicU64::new(0);

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether this process was started by [`run_in_children`](crate::run_in_children).
#[must_use]
pub fn is_worker() -> bool {
    std::env::var_os(WORKER).is_some()
}

/// The virtual clock has come so far, in microseconds.
pub(crate) fn clock_is_at(now_us: u64) {
    CLOCK_US.store(now_us, Ordering::Relaxed);
}

/// This thread begins a run. By the virtual clock it is being simulated from now on, and may use
/// `cpu_limit` for a second of its clock; by the real one the run is to end within `limit`.
pub(crate) fn watch_this_thread(clock: Clock, limit: Duration, cpu_limit: Duration) {
    clock_is_at(0);
    let Some(watch) = WATCH.get() else { return };
    // Before the lock is taken: a thread that dies with the lock could not be told of.
    dying::belongs_to_a_run();
    let id = Thread::own();
    if let Some(running) = lock(&watch.running).as_mut() {
        match clock {
            Clock::Virtual => running.thread = Some(SimulatedThread { id, cpu_limit }),
            Clock::Real => running.until = Some(Instant::now() + limit + OVERTIME),
        }
    }
}

/// This thread begins to work for the run that is under way, beside the one that has begun it.
pub(crate) fn watch_this_thread_too() {
    if WATCH.get().is_some() {
        dying::belongs_to_a_run();
    }
}

/// The code under test wants to end the process. Reports so, and ends the process as one that has
/// failed.
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu", not(sim_no_interposition))),
    expect(dead_code, reason = "only the interposed exit calls it")
)]
pub(crate) fn exit_is_a_misuse() -> ! {
    let stuck = Stuck::here(Why::Exit);
    match WATCH.get() {
        Some(watch) => watch.give_up(&stuck),
        None => run::exits(&stuck),
    }
    // At once: the code under test may hold any lock.
    kernel::end_process(FAILED)
}

/// Serves the parent: runs each seed that it sends by `run` and sends back the bytes. If a run gets
/// nowhere or takes the process along, sends what `on_stuck` makes of it and of what the run has
/// printed, and ends the process. Returns never; ends the process when the parent has no more seeds.
///
/// # Panics
/// If the process was not started by [`run_in_children`](crate::run_in_children).
pub fn serve(
    clock: Clock,
    run: impl Fn(u64) -> Vec<u8>,
    on_stuck: impl Fn(u64, &Stuck, &str) -> Vec<u8> + Send + Sync + 'static,
) -> ! {
    let socket = take_socket().expect("a worker's standard input is its parent's socket");
    #[cfg(all(target_os = "linux", target_env = "gnu", not(sim_no_interposition)))]
    crate::interpose::resolve();
    interrupt::catch(Again::Ignored);
    limit_resources();
    keep_memory();
    let mut output = Output::new().expect("a worker's standard output is its parent's file");
    let reader = socket.try_clone().expect("failed to share the parent's socket");
    let watch = Arc::new(Watch {
        socket: Mutex::new(socket),
        on_stuck: Box::new(on_stuck),
        running: Mutex::new(None),
    });
    assert!(WATCH.set(watch.clone()).is_ok(), "a process serves once");
    ask::install_handler();
    start_watchdog(watch.clone(), clock);
    flush();
    output.take(); // what the test binary has printed on its way here
    watch.send(&Frame::Ready);
    let mut seeds = BufReader::new(reader);
    let mut results = Vec::new();
    let mut last_sent = Instant::now();
    let mut seed = [0; 8];
    while seeds.read_exact(&mut seed).is_ok() {
        let seed = u64::from_le_bytes(seed);
        let since = Instant::now();
        *lock(&watch.running) = Some(Running { seed, since, until: None, thread: None });
        let result = run(seed);
        *lock(&watch.running) = None;
        flush();
        let result = Frame::Result { seed, result, output: output.take() };
        frame::write(&mut results, &result).expect("a vector takes everything");
        if seeds.buffer().len() < 8 || last_sent.elapsed() > FLUSH_AFTER {
            if lock(&watch.socket).write_all(&results).is_err() {
                break; // the parent is gone
            }
            results.clear();
            last_sent = Instant::now();
        }
    }
    process::exit(0)
}

/// Starts the watchdog, and returns when it is on its way. What it allocates in the beginning, and
/// the memory that the allocator reserves for its thread, are then in the same place each time.
fn start_watchdog(watch: Arc<Watch>, clock: Clock) {
    let bell = dying::install_handlers();
    bell.set_read_timeout(Some(LOOK)).expect("the time is not zero");
    let started = Arc::new(Barrier::new(2));
    let is_started = started.clone();
    let watchdog = thread::Builder::new().name("watchdog".to_owned()).spawn(move || {
        // Or it might wait for itself to tell of them.
        signals::keep_away(&dying::SIGNALS);
        signals::keep_away(&[libc::SIGINT, ask::SIGNAL]);
        drop(black_box(Box::new(0)));
        is_started.wait();
        watch.watch(clock, &bell);
    });
    watchdog.expect("failed to start the watchdog");
    started.wait();
}

/// Takes the parent's socket from where the code under test would read it as its input.
fn take_socket() -> io::Result<UnixStream> {
    let socket = io::stdin().as_fd().try_clone_to_owned()?;
    let nothing = File::open("/dev/null")?;
    nix::unistd::dup2_stdin(nothing)?;
    Ok(UnixStream::from(socket))
}

fn limit_resources() {
    limit_memory(MEMORY);
    // Where the limit can't be set there is none.
    let _ = setrlimit(Resource::RLIMIT_FSIZE, PRINTED, PRINTED);
}

/// Limits the address space to `now`, and lets the process raise that for its last words.
fn limit_memory(now: u64) {
    let _ = setrlimit(Resource::RLIMIT_AS, now, MEMORY + MEMORY_FOR_LAST_WORDS);
}

/// Keeps what a run has used for the next one, which needs about as much. By itself the C library's
/// allocator gives it back to the kernel at the end of each run, and page by page gets it anew.
fn keep_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    for (parameter, bytes) in [(libc::M_TRIM_THRESHOLD, KEPT), (libc::M_MMAP_THRESHOLD, IN_HEAP)] {
        // SAFETY: sets a number, and before any run's thread exists.
        unsafe { libc::mallopt(parameter, bytes) };
    }
}

/// What the runs print: the file that stands in for the standard output.
struct Output(File);

impl Output {
    fn new() -> io::Result<Output> {
        Ok(Output(File::from(io::stdout().as_fd().try_clone_to_owned()?)))
    }

    /// Takes what was printed since the last time, or its last part.
    fn take(&mut self) -> Vec<u8> {
        let mut text = Vec::new();
        // What can't be read is not worth failing a run for.
        let _ = self.0.metadata().and_then(|metadata| {
            let len = metadata.len();
            if len > 0 {
                self.0.seek(SeekFrom::Start(len.saturating_sub(OUTPUT_KEPT)))?;
                self.0.read_to_end(&mut text)?;
                self.0.set_len(0)?;
            }
            Ok(())
        });
        text
    }
}

/// Writes what is printed but not yet written. Not for the watchdog: a run may be stuck with the lock.
fn flush() {
    let _ = io::stdout().flush();
}

impl Watch {
    fn send(&self, frame: &Frame) {
        // If the parent is gone there is nobody to tell.
        let _ = frame::write(&mut *lock(&self.socket), frame);
    }

    /// Lets the parent know for a while that this process lives: to look lines up, and to store a large
    /// history, takes some seconds.
    fn is_busy_with_last_words(&self) {
        self.send(&Frame::Alive);
        // From its own thread the code under test must not start others, and what it does there is short.
        let Some(watch) = WATCH.get().filter(|_| !run::is_of_a_run()).cloned() else { return };
        let tell = move || {
            for _ in 0..LAST_WORDS_SECS {
                thread::sleep(Duration::from_secs(1));
                let mut socket = lock(&watch.socket);
                if IS_LEAVING.load(Ordering::Relaxed) {
                    return;
                }
                let _ = frame::write(&mut *socket, &Frame::Alive);
            }
        };
        // If there is no thread to be had the parent has to wait, and may give up too early.
        let _ = thread::Builder::new().name("last words".to_owned()).spawn(tell);
    }

    /// Looks again and again whether the run that is under way gets anywhere. A thread that dies rings
    /// the bell.
    fn watch(&self, clock: Clock, mut bell: &UnixStream) {
        let mut seen = Seen::default();
        let mut last_sign = Instant::now();
        loop {
            // As a rule this fails, when it is time to look.
            let _ = bell.read(&mut [0]);
            if let Some(words) = dying::last_words() {
                limit_memory(MEMORY + MEMORY_FOR_LAST_WORDS);
                let LastWords { signal, stack, context } = words;
                self.give_up(&Stuck::at(Why::Signal(signal), &stack, context));
            }
            let Some(running) = *lock(&self.running) else { continue };
            if interrupt::is_interrupted() {
                self.give_up(&Stuck::unseen(Why::Interrupted));
            }
            if last_sign.elapsed() > Duration::from_secs(1) {
                self.send(&Frame::Alive);
                last_sign = Instant::now();
            }
            let stuck = match clock {
                Clock::Virtual => seen.look(&running),
                Clock::Real => running
                    .until
                    .filter(|until| *until < Instant::now())
                    .map(|_| Stuck::unseen(Why::Overtime)),
            };
            // A run that is only slow may have come to its end meanwhile.
            let is_under_way =
                |_: &Stuck| lock(&self.running).is_some_and(|now| now.since == running.since);
            if let Some(stuck) = stuck.filter(is_under_way) {
                self.give_up(&stuck);
            }
        }
    }

    /// Sends a result for a run that will never have one, and ends the process.
    fn give_up(&self, stuck: &Stuck) -> ! {
        // Kept: a run that comes to its end meanwhile must not have a second result.
        let running = lock(&self.running);
        let seed = running.map_or(0, |running| running.seed);
        limit_memory(MEMORY + MEMORY_FOR_LAST_WORDS);
        self.is_busy_with_last_words();
        printed::count();
        let take = || Output::new().map(|mut output| output.take()).unwrap_or_default();
        let mut output = take();
        let result = (self.on_stuck)(seed, stuck, &String::from_utf8_lossy(&output));
        output.extend(take()); // what was printed about it
        IS_LEAVING.store(true, Ordering::Relaxed);
        self.send(&Frame::Leaving);
        self.send(&Frame::Result { seed, result, output });
        // At once: nothing that would run on an orderly exit can be relied upon, as the simulated thread
        // may hold any lock.
        kernel::end_process(0)
    }
}

/// What the watchdog has seen of the run that it watches.
#[derive(Default)]
struct Seen {
    run: Option<Instant>,
    /// When it was last seen that the clock has moved.
    moved: Mark,
    /// Where the present stretch of the clock begins.
    stretch: Mark,
    looks_asleep: u32,
}

/// How far a run had come, by both of its measures.
#[derive(Clone, Copy, Default)]
struct Mark {
    clock_us: u64,
    cpu: Duration,
}

impl Seen {
    /// Looks at the run once more. Returns why it is stuck, if it is.
    fn look(&mut self, running: &Running) -> Option<Stuck> {
        let thread = running.thread?;
        if kernel::memory_held().is_some_and(|held| held > HELD) {
            return Some(Stuck::asked(Why::Memory, thread));
        }
        let Thread(id) = thread.id;
        // Each run has a thread of its own.
        let Stat { state, cpu } = Stat::read(&PathBuf::from(format!("/proc/self/task/{id}")))?;
        let now = Mark { clock_us: CLOCK_US.load(Ordering::Relaxed), cpu };
        if self.run != Some(running.since) {
            let (run, stretch) = (Some(running.since), Mark::default());
            *self = Seen { run, moved: now, stretch, looks_asleep: 0 };
            return None;
        }
        let clock = Duration::from_micros(now.clock_us.saturating_sub(self.stretch.clock_us));
        let used = cpu.saturating_sub(self.stretch.cpu);
        if clock >= PACE {
            self.stretch = now;
        } else if used >= thread.cpu_limit {
            return Some(Stuck::asked(Why::Slow { cpu: used, clock }, thread));
        }
        if now.clock_us != self.moved.clock_us {
            (self.moved, self.looks_asleep) = (now, 0);
            return None;
        }
        self.looks_asleep = if state == 'S' { self.looks_asleep + 1 } else { 0 };
        if cpu.saturating_sub(self.moved.cpu) >= CPU_WITHOUT_PROGRESS {
            Some(Stuck::asked(Why::Loop, thread))
        } else if self.looks_asleep >= LOOKS_ASLEEP {
            Some(Stuck::asked(Why::Blocked, thread))
        } else {
            None
        }
    }
}
