//! What simulated code must not do: noticed as it happens, and named at the code's own line.

use std::fmt;
use std::panic::{self, Location};
use std::time::Duration;

use crate::burst::Burst;
use crate::lines::users_place;
use crate::words::{grouped, within};

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
        /// How often.
        polls: u64,
        /// Who spawned the task that was polled last, where that is known.
        spawned_at: Option<&'static Location<'static>>,
    },
    /// A mass of tasks was spawned while the clock hardly moved.
    MassOfTasks {
        /// How many.
        spawned: u64,
        /// Within what time.
        within: Duration,
        /// Who spawned one of them, where that is known.
        spawned_at: Option<&'static Location<'static>>,
    },
    /// A server made more calls than the network can carry while the clock hardly moved.
    MassOfCalls(Burst),
    /// A server made the same call to another one more often, without a pause, than there can be a reason for.
    SameCalls(Burst),
    /// A server passed more bytes than the network can carry while the clock hardly moved.
    MassOfBytes(Burst),
    /// The runtime's clock was meddled with.
    Clock(Meddling),
    /// Panics go to another panic hook than the harness's.
    PanicHook,
    /// A server opened the file or folder of this name.
    File(String),
    /// A server made a socket.
    Socket,
    /// A server started a process.
    Process,
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
                "an OS thread was started: it runs outside the simulation, doesn't follow the seed and takes \
                 no virtual time; write tokio::spawn instead of std::thread::spawn or spawn_blocking",
            ),
            Misuse::File(name) => write!(
                f,
                "the file {} was opened: the contents of files don't follow the seed, and they are still there \
                 in the next run. Save a server's state with its Persister; if you want to read something \
                 yourself, print it, or log it by tracing",
                name.escape_debug()
            ),
            Misuse::Socket => f.write_str(
                "a socket was made: its messages don't follow the seed, and they bypass the simulated network, \
                 which loses, delays and counts messages. Call other servers by their ClientEnd",
            ),
            Misuse::Process => f.write_str(
                "a process was started: it runs outside the simulation, doesn't follow the seed and takes no \
                 virtual time. Leave it out",
            ),
            Misuse::Clock(meddling) => meddling.fmt(f),
            Misuse::MassOfTasks { spawned, within: time, spawned_at } => write!(
                f,
                "{} tasks were spawned {}{}. Spawn one task for each peer or each message; in a loop that \
                 spawns, sleep for at least a millisecond, or wait for an answer",
                grouped(*spawned),
                within(*time),
                match spawned_at.and_then(users_place) {
                    Some(place) => format!(", at {place}"),
                    None => String::new(),
                }
            ),
            Misuse::MassOfCalls(Burst { server, calls, lasted, .. }) => write!(
                f,
                "server {server} made {} calls {}, more than the network can carry: they pile up. Before the \
                 next call to the same server, wait for the answer, or sleep for at least a millisecond",
                grouped(*calls),
                within(*lasted)
            ),
            Misuse::SameCalls(Burst { server, calls, lasted, .. }) => write!(
                f,
                "server {server} made the same call to the same server {} times in a row {}, none with \
                 success. Change what the call says by what its answer or error tells; before the same call \
                 again, sleep for at least a millisecond, or wait until something has changed",
                grouped(*calls),
                within(*lasted)
            ),
            Misuse::MassOfBytes(Burst { server, calls, bytes, lasted, .. }) => write!(
                f,
                "server {server} passed arguments and replies of {} MB in {} {}. Send only what the other \
                 server lacks; send a byte string as bytes::Bytes, which is copied in one piece, and not as a \
                 Vec<u8>",
                grouped(bytes / 1_000_000),
                match calls {
                    1 => "1 call".to_owned(),
                    calls => format!("{} calls", grouped(*calls)),
                },
                within(*lasted)
            ),
            Misuse::TimeStandsStill { polls, spawned_at } => write!(
                f,
                "virtual time stands still: tasks were polled {} times at one instant{}. The clock \
                 moves only when every task waits; a loop of yield_now(), sleep(0) or timeout(0) \
                 never does. Wait for at least a millisecond, or for a tokio::sync::Notify",
                grouped(*polls),
                match spawned_at.and_then(users_place) {
                    Some(place) => format!(", the last of them spawned at {place}"),
                    None => String::new(),
                }
            ),
            Misuse::PanicHook => f.write_str(
                "the panic hook was replaced: the tester needs it to learn of panics, and may have missed \
                 some; leave the hook alone, or let your hook call the one that panic::take_hook() returned",
            ),
        }
    }
}

impl Misuse {
    /// Whether its text says which server it is; else that is whose code runs.
    #[must_use]
    pub fn names_server(&self) -> bool {
        matches!(self, Misuse::MassOfCalls(_) | Misuse::SameCalls(_) | Misuse::MassOfBytes(_))
    }

    /// Ends the code that runs now, which the run's panic hook hears of: a loop that never waits can't be
    /// stopped otherwise.
    pub(crate) fn end_code(self) -> ! {
        panic::panic_any(self)
    }
}

/// How the runtime's clock was meddled with, which is the run's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meddling {
    /// `tokio::time::advance` moved it, or tried to; by so much, if that is known.
    Advanced(Option<Duration>),
    /// `tokio::time::resume` set it going, or tried to.
    Resumed,
    /// `tokio::time::pause` tried to stop it.
    Paused,
}

impl fmt::Display for Meddling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Meddling::Advanced(by) => {
                let by = by.map_or("…".to_owned(), |by| format!("{by:?}"));
                write!(
                    f,
                    "tokio::time::advance({by}) moves the clock of the whole cluster: all servers' \
                     timers and all messages under way. To wait, write tokio::time::sleep({by}).await \
                     instead"
                )
            }
            Meddling::Resumed => f.write_str(
                "tokio::time::resume() takes control of the whole cluster's clock from the tester. Leave it \
                 out: time passes by itself while all tasks wait",
            ),
            Meddling::Paused => f.write_str(
                "tokio::time::pause() is for tests that make their own runtime; here the tester controls the \
                 clock of the whole cluster. Leave it out: time passes by itself while all tasks wait",
            ),
        }
    }
}
