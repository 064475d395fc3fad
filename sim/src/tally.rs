//! How much the code under test does while the clock hardly moves: what a run that gets nowhere is at.
//!
//! The run's thread counts; the watchdog reads. A burst that is more than any network carries is a misuse.
//! Nothing else follows from these numbers unless the run has already failed.

use std::panic::Location;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};

use crate::burst::{Burst, LONG_US};
use crate::context::Context;
use crate::misuse::Misuse;

/// What is sent within so much virtual time, in microseconds, counts as one burst.
const BURST_US: u64 = 10_000;

/// How many calls a server may make in one burst before that counts as a loop which floods the network:
/// 20 in each microsecond.
const CALLS_IN_A_BURST: u64 = 200_000;

/// How many calls a server may make in that time: 250 in each millisecond, where a server of the lab makes some in a
/// hundred. What never pauses, such as a leader that sends again as soon as it has an answer, comes to that.
const CALLS_FOR_LONG: u64 = 250_000;

/// How many times in a row a server may make the same call to another one in that time: twice as often as one can that
/// waits for each answer. Who has many of them under way comes to that before the run's history grows too long.
pub(crate) const SAME_CALLS: u64 = 20_000;

/// How many bytes of arguments and replies a server may pass in one burst before that counts as more than
/// any network carries.
const BYTES_IN_A_BURST: u64 = 150_000_000;

/// How long a run is watched to see what it is at.
const LOOK: Duration = Duration::from_millis(100);

/// How long a message that is being encoded is waited for, to hear how large it is.
const ENCODED_WITHIN: Duration = Duration::from_secs(1);

/// Tasks and messages that were counted in the whole process. Of each a run may have so many at one instant, and no more.
static COUNTED: AtomicU64 = AtomicU64::new(0);

/// How many tasks and messages this process has counted: while it grows, a run comes nearer to where it is ended.
pub fn counted() -> u64 {
    COUNTED.load(Ordering::Relaxed)
}

/// By the virtual clock only one thread counts, so that adding needs no atomic step.
fn count() {
    COUNTED.store(counted() + 1, Ordering::Relaxed);
}

/// Messages that are being encoded now, in the whole process.
static ENCODING: AtomicU64 = AtomicU64::new(0);

/// A message is being encoded for as long as this lives. A large one takes a while, and then the
/// watchdog waits to hear how large it is.
#[derive(Debug)]
pub struct Encoding(());

impl Encoding {
    /// The encoding begins.
    #[must_use = "the encoding ends when this is dropped"]
    pub fn begin() -> Encoding {
        ENCODING.fetch_add(1, Ordering::Relaxed);
        Encoding(())
    }
}

/// Whether a message is being encoded now, in this process.
#[must_use]
pub(crate) fn is_encoding() -> bool {
    ENCODING.load(Ordering::Relaxed) > 0
}

impl Drop for Encoding {
    fn drop(&mut self) {
        ENCODING.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a run is at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// How often tasks were polled since the clock moved last.
    pub polls: u64,
    /// How many tasks were spawned within 10 ms of virtual time, the last of them just now.
    pub spawned: u64,
    /// From the first of these to the last.
    pub spawned_within: Duration,
    /// Whether tasks are still being polled: none of them loops by itself.
    pub takes_turns: bool,
    /// Whether a message is being encoded, for some seconds by now.
    pub encodes: bool,
    /// The server that makes the most calls now.
    pub calling: Option<Burst>,
    /// The server that sends the most bytes now.
    pub sending: Option<Burst>,
    /// The most calls that a server made within 10 ms in the whole run.
    pub most_calls: Option<Burst>,
    /// The most bytes that a server sent within 10 ms in the whole run.
    pub most_bytes: Option<Burst>,
    /// What a server's task did that was polled last.
    pub last_ran: Option<Context>,
}

/// A message that a server sends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Message {
    /// How large it is, in bytes.
    pub(crate) bytes: u64,
    /// The line of a call; `None` if it is a reply.
    pub(crate) called_at: Option<&'static Location<'static>>,
}

/// What is counted of a run.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    polls: AtomicU64,
    spawned: AtomicU64,
    /// When the first of these was spawned, and the last.
    spawned_since_us: AtomicU64,
    spawned_until_us: AtomicU64,
    sent: Mutex<Sent>,
}

/// What was sent, by server.
#[derive(Debug, Default)]
struct Sent {
    /// The bursts that began last.
    bursts: Vec<Begun>,
    most_calls: Option<Burst>,
    most_bytes: Option<Burst>,
}

/// A burst that may go on.
#[derive(Clone, Copy, Debug)]
struct Begun {
    burst: Burst,
    since_us: u64,
    /// The same for longer.
    calls_for_long: u64,
    long_since_us: u64,
}

/// What is wrong with a burst, if it is more than any network carries.
pub(crate) fn misuse(burst: Burst) -> Option<Misuse> {
    if burst.bytes >= BYTES_IN_A_BURST {
        Some(Misuse::MassOfBytes(burst))
    } else if burst.calls >= CALLS_IN_A_BURST {
        Some(Misuse::MassOfCalls(burst))
    } else {
        None
    }
}

impl Tally {
    /// The clock has moved.
    pub(crate) fn time_passed(&self) {
        self.polls.store(0, Ordering::Relaxed);
    }

    /// A task is polled. Returns how many were before it, since the clock moved last.
    #[cfg_attr(not(tokio_unstable), expect(dead_code, reason = "only the task hooks count"))]
    pub(crate) fn polled(&self) -> u64 {
        // By the virtual clock only one thread counts, so that adding needs no atomic step.
        let polls = self.polls.load(Ordering::Relaxed);
        self.polls.store(polls + 1, Ordering::Relaxed);
        polls
    }

    /// A task is spawned at `now_us`. Returns how many that makes in the burst that is under way.
    #[cfg_attr(not(tokio_unstable), expect(dead_code, reason = "only the task hooks count"))]
    pub(crate) fn spawned(&self, now_us: u64) -> u64 {
        if now_us.saturating_sub(self.spawned_since_us.load(Ordering::Relaxed)) > BURST_US {
            self.spawned.store(0, Ordering::Relaxed);
            self.spawned_since_us.store(now_us, Ordering::Relaxed);
        }
        count();
        let spawned = self.spawned.load(Ordering::Relaxed) + 1;
        self.spawned.store(spawned, Ordering::Relaxed);
        self.spawned_until_us.store(now_us, Ordering::Relaxed);
        spawned
    }

    /// How many tasks were spawned in the burst that is under way at `now_us`, and within what time.
    pub(crate) fn spawned_lately(&self, now_us: u64) -> (u64, Duration) {
        let since = self.spawned_since_us.load(Ordering::Relaxed);
        if now_us.saturating_sub(since) > BURST_US {
            return (0, Duration::ZERO);
        }
        let until = self.spawned_until_us.load(Ordering::Relaxed);
        let within = Duration::from_micros(until.saturating_sub(since));
        (self.spawned.load(Ordering::Relaxed), within)
    }

    /// A server sends a message at `now_us`. Returns the burst that it is part of.
    pub(crate) fn sent(&self, server: u32, sent: Message, now_us: u64) -> Burst {
        count();
        self.sent.lock().add(server, sent, now_us)
    }

    /// What the run is at, whose clock is at `now_us`, and whose thread goes on meanwhile. Takes a moment
    /// of real time, and some seconds if a large message is being encoded.
    pub(crate) fn look(&self, now_us: u64) -> Work {
        let begun = Instant::now();
        let mut lasts = is_encoding();
        while lasts && begun.elapsed() < ENCODED_WITHIN {
            thread::sleep(Duration::from_millis(10));
            lasts = is_encoding();
        }
        let before = self.polls.load(Ordering::Relaxed);
        thread::sleep(LOOK);
        let takes_turns = self.polls.load(Ordering::Relaxed) != before;
        Work { takes_turns, encodes: lasts && is_encoding(), ..self.so_far(now_us) }
    }

    /// What the run was at, whose clock is at `now_us`, and whose thread may have died.
    pub(crate) fn so_far(&self, now_us: u64) -> Work {
        let (spawned, spawned_within) = self.spawned_lately(now_us);
        let polls = self.polls.load(Ordering::Relaxed);
        let mut work = Work { polls, spawned, spawned_within, ..Work::default() };
        let Some(sent) = lock_of_the_dead(&self.sent) else { return work };
        let is_under_way = |begun: &&Begun| now_us.saturating_sub(begun.since_us) <= BURST_US;
        let now = || sent.bursts.iter().filter(is_under_way).map(|begun| begun.burst);
        let begun = || sent.bursts.iter().map(|begun| begun.burst);
        work.calling = now().max_by_key(|burst| burst.calls);
        work.sending = now().max_by_key(|burst| burst.bytes);
        work.most_calls = begun().chain(sent.most_calls).max_by_key(|burst| burst.calls);
        work.most_bytes = begun().chain(sent.most_bytes).max_by_key(|burst| burst.bytes);
        work
    }
}

impl Sent {
    fn add(&mut self, server: u32, message: Message, now_us: u64) -> Burst {
        let found = self.bursts.iter().position(|begun| begun.burst.server == server);
        let lasted = Duration::ZERO;
        let burst = Burst { server, calls: 0, bytes: 0, lasted, called_at: None };
        let place = found.unwrap_or_else(|| {
            let (since_us, long_since_us) = (now_us, now_us);
            self.bursts.push(Begun { burst, since_us, calls_for_long: 0, long_since_us });
            self.bursts.len() - 1
        });
        let begun = &mut self.bursts[place];
        if now_us - begun.since_us > BURST_US {
            let over = begun.burst;
            *begun = Begun { burst, since_us: now_us, ..*begun };
            self.most_calls = greater(self.most_calls, over, |burst| burst.calls);
            self.most_bytes = greater(self.most_bytes, over, |burst| burst.bytes);
        }
        let begun = &mut self.bursts[place];
        if now_us - begun.long_since_us > LONG_US {
            (begun.calls_for_long, begun.long_since_us) = (0, now_us);
        }
        let Begun { burst, since_us, calls_for_long, long_since_us } = begun;
        let calls = u64::from(message.called_at.is_some());
        burst.calls += calls;
        *calls_for_long += calls;
        burst.bytes += message.bytes;
        burst.called_at = message.called_at.or(burst.called_at);
        burst.lasted = Duration::from_micros(now_us - *since_us);
        if *calls_for_long >= CALLS_FOR_LONG {
            let lasted = Duration::from_micros(now_us - *long_since_us);
            return Burst { calls: *calls_for_long, lasted, ..*burst };
        }
        *burst
    }
}

/// The greater of two bursts.
fn greater(one: Option<Burst>, other: Burst, key: impl Fn(&Burst) -> u64) -> Option<Burst> {
    Some(one.filter(|burst| key(burst) >= key(&other)).unwrap_or(other))
}

/// How long a lock is waited for that nobody may ever let go.
const PATIENCE: Duration = Duration::from_millis(100);

/// Locks what a thread may have locked that has died; then it is `None`. One that lives lets go of it soon.
pub(crate) fn lock_of_the_dead<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    mutex.try_lock_for(PATIENCE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bursts_are_kept_apart_by_server_and_time() {
        let tally = Tally::default();
        let called_at = Some(Location::caller());
        for at in 0..100 {
            tally.sent(2, Message { bytes: 10, called_at }, at * 20);
        }
        tally.sent(0, Message { bytes: 50_000, called_at: None }, 1500);
        tally.sent(2, Message { bytes: 7, called_at }, 50_000);
        let work = tally.so_far(5000);
        let (lasted, bytes) = (Duration::from_micros(99 * 20), 1000);
        let many = Burst { server: 2, calls: 100, bytes, lasted, called_at };
        assert_eq!(work.most_calls, Some(many));
        let lasted = Duration::ZERO;
        let large = Burst { server: 0, calls: 0, bytes: 50_000, lasted, called_at: None };
        assert_eq!(work.most_bytes, Some(large));
        assert_eq!(work.sending, Some(large));
        assert_eq!(tally.so_far(55_000).calling.map(|burst| burst.calls), Some(1));
    }

    #[test]
    fn what_never_pauses_comes_to_more_than_a_network_carries() {
        let called_at = Some(Location::caller());
        // So many µs after the one before, a call each time.
        let ends = |pause: u64| {
            let tally = Tally::default();
            let ended = (0..1_000_000).find_map(|call| {
                misuse(tally.sent(0, Message { bytes: 10, called_at }, call * pause))
            });
            ended.map(|misuse| match misuse {
                Misuse::MassOfCalls(Burst { calls, lasted, .. }) => (calls, lasted.as_millis()),
                other => panic!("{other}"),
            })
        };
        assert_eq!(ends(2), Some((250_000, 499)));
        assert_eq!(ends(10), None);
    }

    #[test]
    fn what_was_counted_is_forgotten_when_time_passes() {
        let tally = Tally::default();
        assert_eq!((tally.polled(), tally.polled()), (0, 1));
        let Work { polls, takes_turns, .. } = tally.look(0);
        assert_eq!((polls, takes_turns), (2, false));
        tally.time_passed();
        assert_eq!(tally.polled(), 0);
    }

    #[test]
    fn tasks_are_counted_within_a_short_time() {
        let tally = Tally::default();
        [500, 2000, 6000].into_iter().for_each(|at| assert!(tally.spawned(at) > 0));
        assert_eq!(tally.spawned_lately(6100), (3, Duration::from_micros(6000)));
        tally.spawned(20_000);
        assert_eq!(tally.spawned_lately(20_000), (1, Duration::ZERO));
        assert_eq!(tally.spawned_lately(40_000), (0, Duration::ZERO));
    }
}
