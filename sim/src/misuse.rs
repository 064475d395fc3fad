//! What simulated code must not do: noticed as it happens, and named at the code's own line.

use std::fmt;
use std::panic::Location;
use std::path::Path;
use std::time::Duration;

use crate::symbols::{self, Line};

/// Something that stops or escapes the simulation. Its text says what happened, why it matters and
/// what to write instead; the line is told apart from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misuse {
    /// The simulated thread was put to sleep.
    BlockingSleep(Duration),
    /// An OS thread was started.
    OsThread,
    /// Tasks were polled again and again while the clock stood still.
    TimeStandsStill {
        /// Who spawned the task that was polled last.
        spawned_at: &'static Location<'static>,
    },
    /// Panics go to another panic hook than the harness's.
    PanicHook,
}

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Misuse::BlockingSleep(duration) => write!(
                f,
                "std::thread::sleep({duration:?}) blocks the whole cluster: all servers share one \
                 simulated thread; write tokio::time::sleep({duration:?}).await instead"
            ),
            Misuse::OsThread => f.write_str(
                "an OS thread was started: what it does is outside the simulation, follows no seed \
                 and takes no virtual time; write tokio::spawn instead of std::thread::spawn or \
                 spawn_blocking",
            ),
            Misuse::TimeStandsStill { spawned_at } => write!(
                f,
                "virtual time stands still: tasks were polled a million times at one instant{}. The \
                 clock moves only when every task waits; a loop of yield_now() or sleep(0) never \
                 does. Wait for at least a millisecond, or for a tokio::sync::Notify",
                match users_place(spawned_at) {
                    Some(place) => format!(", the last of them spawned at {place}"),
                    None => String::new(),
                }
            ),
            Misuse::PanicHook => f.write_str(
                "the panic hook was replaced: the tester learns of panics by it, and may have missed \
                 some; leave the hook alone, or call from yours the one that panic::take_hook() gave",
            ),
        }
    }
}

/// The innermost line on the stack that is neither the standard library's, nor a library's, nor the
/// harness's own: the line that the user wrote. `None` without debug information.
pub(crate) fn users_line() -> Option<String> {
    Stack::here().users().map(|line| format!("{}:{}", shorten(&line.file), line.number)).next()
}

/// How much of a stack is looked at, in frames from the innermost.
const DEPTH: usize = 400;

/// How many lines of a stack are shown.
const LINES: usize = 20;

/// A thread's stack, as addresses.
#[derive(Clone, Copy)]
pub(crate) struct Stack {
    addresses: [usize; DEPTH],
    depth: usize,
}

impl Stack {
    /// Nothing is known of it.
    pub(crate) const EMPTY: Stack = Stack { addresses: [0; DEPTH], depth: 0 };

    /// The calling thread's. Neither allocates nor locks, so that a signal's handler may ask.
    pub(crate) fn here() -> Stack {
        let mut stack = Stack::EMPTY;
        // SAFETY: what is left out is a lock that platforms need on which not every thread may walk
        // its stack at any time; those where runs have watchdogs are not among them.
        unsafe {
            backtrace::trace_unsynchronized(|frame| {
                stack.addresses[stack.depth] = frame.ip().addr();
                stack.depth += 1;
                stack.depth < DEPTH
            });
        }
        stack
    }

    /// Whether nothing is known of it.
    #[cfg_attr(not(unix), expect(dead_code, reason = "only a watchdog asks"))]
    pub(crate) fn is_empty(&self) -> bool {
        self.depth == 0
    }

    /// Its lines that the user wrote, innermost first.
    fn users(&self) -> impl Iterator<Item = Line> {
        let lines = self.addresses[..self.depth].iter().map(|&address| symbols::lines(address));
        lines.flat_map(|lines| lines.to_vec()).filter(|line| is_users(&line.file))
    }

    /// Its lines that the user wrote, innermost first, with their functions. Lines that a recursion
    /// repeats are left out, and so are those beyond the first [`LINES`].
    pub(crate) fn users_lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for Line { file, number, function } in self.users() {
            let line = format!("{}:{number} in {function}", shorten(&file));
            if !lines.contains(&line) {
                lines.push(line);
            }
            if lines.len() >= LINES {
                break;
            }
        }
        lines
    }
}

/// The folder that the harness's crates are in.
fn harness() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// The harness's crates, which run the user's code or are called by it.
const HARNESS_CRATES: [&str; 6] = ["sim", "labgob", "labrpc", "raftapi", "report", "config"];

fn is_users(file: &Path) -> bool {
    let of_harness = |name| file.starts_with(harness().join(name).join("src"));
    let text = file.to_string_lossy();
    // The C library's frames have lines, too, where its debug information is installed.
    file.extension().is_some_and(|extension| extension == "rs")
        && !text.contains("/rustc/")
        && !text.contains("/registry/src/")
        && !text.contains("/rustlib/")
        // The standard library's own dependencies, such as the map inside HashMap.
        && !text.starts_with("/rust/deps/")
        && !HARNESS_CRATES.into_iter().any(of_harness)
}

/// `location` as it is shown, if the user wrote that line.
pub(crate) fn users_place(location: &Location<'_>) -> Option<String> {
    // The compiler knows the harness's own files from the harness's folder.
    let file = harness().join(location.file());
    is_users(&file).then(|| format!("{}:{}", location.file(), location.line()))
}

/// The path as seen from the harness's workspace or from the current one, whichever holds it.
fn shorten(file: &Path) -> String {
    // Cargo runs a test in its package's folder.
    let current = std::env::current_dir().unwrap_or_default();
    let workspace = current.ancestors().find(|folder| folder.join("Cargo.lock").exists());
    let here = workspace.unwrap_or(&current);
    let short = file.strip_prefix(harness()).or_else(|_| file.strip_prefix(here));
    short.unwrap_or(file).display().to_string()
}
