//! The events of a run, in order, and the hash that identifies the run.

use std::collections::BTreeMap;
use std::sync::Mutex;

use crate::event::{Caller, Event, EventKind, RpcId, TaskEnding, Time};
use crate::outcome::Outcome;
use crate::payload::Payload;
use crate::reused::{Kept, Reused};

/// What happened in a run, in order.
///
/// The hash covers every event's time, server, kind and bytes (a server's state as of when it last had to
/// do with others, however soon it is seen): two runs with the same hash did the
/// same things at the same times.
///
/// It is bounded: of a run in which more happens than [`History::LIMIT`] bytes can hold, the oldest
/// events are dropped, a quarter at a time. The hash still covers them. Of each server, what it was last seen to be
/// is kept, at the time at which the rest begins. If lines that servers logged take most of the room, only such lines are
/// dropped, the older half of them: how a run is judged mustn't depend on whether they are recorded.
#[derive(Clone, Debug, Default)]
pub struct History {
    events: Reused<Event>,
    hash: Hash,
    /// What the events take, in bytes.
    size: usize,
    dropped: u64,
    /// It is read, and has no more than there was room for once.
    is_stored: bool,
}

impl Kept for Event {
    fn kept() -> &'static Mutex<Vec<Event>> {
        static KEPT: Mutex<Vec<Event>> = Mutex::new(Vec::new());
        &KEPT
    }
}

impl History {
    /// A history in which nothing has happened.
    #[must_use]
    pub fn new() -> History {
        History::default()
    }

    /// A history that is read, and whose `dropped` oldest events are missing. Its hash covers only what follows. All
    /// that is read is kept, though it may take more memory than what was recorded.
    pub(crate) fn stored(dropped: u64) -> History {
        History { dropped, is_stored: true, ..History::default() }
    }

    /// How much memory the events may take, in bytes: some hundred thousand calls. The tests of the lab take a
    /// few millions of bytes.
    pub const LIMIT: usize = 64 << 20;

    /// Adds what happened at `at`.
    pub fn record(&mut self, at: Time, kind: EventKind) {
        self.cover(at, &kind);
        self.note(at, kind);
    }

    /// Makes the hash cover what is already [noted](History::note).
    pub fn cover(&mut self, at: Time, kind: &EventKind) {
        self.hash.event(at, kind);
    }

    /// Adds what is seen at `at`, and leaves the hash alone: what identifies a run mustn't depend on how
    /// soon somebody looks.
    pub fn note(&mut self, at: Time, kind: EventKind) {
        self.size += size(&kind);
        self.events.push(Event { at, kind });
        if self.size > History::LIMIT && !self.is_stored {
            self.drop_oldest();
        }
    }

    /// Makes room by lines that were logged, if they take most of it. Returns whether they do.
    fn drop_logged(&mut self) -> bool {
        let is_logged = |event: &Event| matches!(event.kind, EventKind::Logged { .. });
        let logged = self.events.iter().filter(|event| is_logged(event));
        let logged: usize = logged.map(|event| size(&event.kind)).sum();
        if logged < History::LIMIT / 2 {
            return false;
        }
        let mut room = 0;
        self.events.retain(|event| {
            let is_dropped = room < logged / 2 && is_logged(event);
            room += if is_dropped { size(&event.kind) } else { 0 };
            !is_dropped
        });
        self.size -= room;
        true
    }

    #[cold]
    fn drop_oldest(&mut self) {
        if self.drop_logged() {
            return;
        }
        let oldest = self.events.len() / 4 + 1;
        // What servers were last seen to be stays known: it is the beginning of what is left.
        let Some(begin) = self.events.get(oldest).map(|event| event.at) else { return };
        let mut seen: BTreeMap<u32, EventKind> = BTreeMap::new();
        for Event { kind, .. } in self.events.drain(..oldest) {
            self.size -= size(&kind);
            match kind {
                EventKind::Viewed { server, .. } => {
                    seen.insert(server.server, kind);
                }
                EventKind::Crashed { server } | EventKind::Started { server } => {
                    seen.remove(&server.server);
                }
                _ => {}
            }
        }
        self.dropped += (oldest - seen.len()) as u64;
        self.size += seen.values().map(size).sum::<usize>();
        let seen = seen.into_values().map(|kind| Event { at: begin, kind });
        self.events.splice(..0, seen);
    }

    /// How many events are no longer here, the oldest ones; 0 but for very long runs.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The events so far, in the order in which they happened.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// What identifies the run so far.
    #[must_use]
    pub fn hash(&self) -> u64 {
        self.hash.0
    }

    /// What tells an event from another one: two with the same number are the same, as far as a run's hash covers
    /// them.
    #[must_use]
    pub fn fingerprint(at: Time, kind: &EventKind) -> u64 {
        let mut hash = Hash::default();
        hash.event(at, kind);
        hash.0
    }

    /// What identifies the run as it was before `until`: other runs with the same events before that time have
    /// the same hash, whatever happened later. `None` if not all events are here.
    #[must_use]
    pub fn hash_before(&self, until: Time) -> Option<u64> {
        let mut hash = Hash::default();
        let before = self.events.iter().filter(|event| event.at < until);
        before.for_each(|Event { at, kind }| hash.event(*at, kind));
        (self.dropped == 0).then_some(hash.0)
    }
}

/// What an event takes, in bytes.
fn size(kind: &EventKind) -> usize {
    size_of::<Event>() + kind.heap_size()
}

/// A running hash of words, the same on every platform and in every version of Rust.
#[derive(Clone, Copy, Debug, Default)]
struct Hash(u64);

impl Hash {
    fn word(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        // The multiplication moves nothing downwards; without this the high bits would never
        // reach the low ones.
        self.0 ^= self.0 >> 32;
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.word(bytes.len() as u64);
        let mut words = bytes.chunks_exact(8);
        for word in &mut words {
            self.word(u64::from_le_bytes(word.try_into().expect("a chunk of eight bytes")));
        }
        let mut last = [0; 8];
        last[..words.remainder().len()].copy_from_slice(words.remainder());
        self.word(u64::from_le_bytes(last));
    }

    fn payload(&mut self, payload: &Payload) {
        self.bytes(payload.bytes());
    }

    fn caller(&mut self, caller: Option<Caller>) {
        let caller = caller.unwrap_or(Caller { server: u32::MAX, incarnation: 0 });
        self.word(u64::from(caller.server) << 32 | u64::from(caller.incarnation));
    }

    /// `tag` tells the kinds apart; it must not change for a kind that exists.
    fn rpc(&mut self, tag: u64, id: RpcId) {
        self.word(tag);
        self.word(id.0);
    }

    fn of_server<const N: usize>(&mut self, tag: u64, server: Caller, words: [u64; N]) {
        self.word(tag);
        self.caller(Some(server));
        words.into_iter().for_each(|word| self.word(word));
    }

    fn event(&mut self, at: Time, kind: &EventKind) {
        if let EventKind::Logged { .. } | EventKind::Mark(_) = kind {
            return; // whether somebody listens must make no difference
        }
        self.word(at.0);
        match kind {
            EventKind::RpcSent { id, from, to, method, args } => {
                self.rpc(1, *id);
                self.caller(*from);
                self.word(to.map_or(u64::MAX, u64::from));
                self.bytes(method.as_bytes());
                self.payload(args);
            }
            EventKind::RpcDelivered { id, life } => {
                self.rpc(2, *id);
                life.iter().for_each(|&life| self.word(u64::from(life)));
            }
            EventKind::RpcHandled { id, reply } => {
                self.rpc(3, *id);
                self.payload(reply);
            }
            EventKind::RpcReturned { id, outcome } => {
                self.rpc(4, *id);
                self.word(match outcome {
                    Outcome::Replied => 1,
                    Outcome::RequestLost => 2,
                    Outcome::ReplyLost => 3,
                    Outcome::Unreachable => 4,
                    Outcome::ServerDied => 5,
                });
            }
            EventKind::Started { server } => self.of_server(5, *server, []),
            EventKind::Crashed { server } => self.of_server(6, *server, []),
            EventKind::Connected { server } => {
                self.word(7);
                self.word(u64::from(*server));
            }
            EventKind::Disconnected { server } => {
                self.word(8);
                self.word(u64::from(*server));
            }
            // The file's name depends on the crate that is compiled, not on what happened.
            EventKind::Step { what, file: _, line, kind: _ } => {
                self.word(9);
                self.bytes(what.as_bytes());
                self.word(u64::from(*line));
            }
            EventKind::Viewed { server, term, is_leader, detail: _ } => {
                self.of_server(10, *server, [*term, u64::from(*is_leader)])
            }
            EventKind::Network { what, change: _ } => {
                self.word(11);
                self.bytes(what.as_bytes());
            }
            EventKind::Looked { round, rounds: _, leader } => {
                self.word(12);
                self.word(u64::from(*round));
                self.word(leader.map_or(u64::MAX, u64::from));
            }
            EventKind::Proposed { server, index, term, command } => {
                self.of_server(13, *server, [*index, *term]);
                self.payload(command);
            }
            EventKind::Applied { server, index, command } => {
                self.of_server(14, *server, [*index]);
                self.payload(command);
            }
            EventKind::AppliedSnapshot { server, index, bytes } => {
                self.of_server(15, *server, [*index, *bytes])
            }
            EventKind::Snapshotted { server, index } => self.of_server(16, *server, [*index]),
            EventKind::Saved { server, state, snapshot } => {
                self.of_server(17, *server, [*state, *snapshot])
            }
            EventKind::RpcCopied { id, of } => {
                self.rpc(18, *id);
                self.word(of.0);
            }
            EventKind::RpcDropped { id } => self.rpc(19, *id),
            EventKind::Refused { server } => self.of_server(20, *server, []),
            EventKind::TaskEnded { server, file: _, line, began, how } => {
                self.of_server(21, *server, [u64::from(*line), began.0]);
                self.word(match how {
                    TaskEnding::Returned => 1,
                    TaskEnding::Panicked => 2,
                    TaskEnding::LikelyAborted => 3,
                });
            }
            EventKind::Logged { .. } | EventKind::Mark(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::Fields;

    /// A call that is sent and returns.
    fn call(sent: u64, returned: u64, server: u32, bytes: &[u8], outcome: Outcome) -> u64 {
        let mut history = History::new();
        let payload = Payload::new(bytes, &Fields::default(), |_| Ok(serde_json::Value::Null));
        history.record(
            Time(sent),
            EventKind::RpcSent {
                id: RpcId(0),
                from: Some(Caller { server, incarnation: 1 }),
                to: Some(2),
                method: "Raft.RequestVote".into(),
                args: payload,
            },
        );
        history.record(Time(returned), EventKind::RpcReturned { id: RpcId(0), outcome });
        history.hash()
    }

    /// What chance decides of a call shows as a time or an outcome, and each of these counts.
    #[test]
    fn the_hash_covers_time_server_kind_and_bytes() {
        let hash = call(10, 99, 0, b"args", Outcome::Replied);
        assert_eq!(call(10, 99, 0, b"args", Outcome::Replied), hash);
        assert_ne!(call(11, 99, 0, b"args", Outcome::Replied), hash);
        assert_ne!(call(10, 98, 0, b"args", Outcome::Replied), hash);
        assert_ne!(call(10, 99, 1, b"args", Outcome::Replied), hash);
        assert_ne!(call(10, 99, 0, b"argt", Outcome::Replied), hash);
        assert_ne!(call(10, 99, 0, b"args", Outcome::ReplyLost), hash);
    }

    /// What could happen at one instant to one server, or to one message, is told apart by its kind; and in which
    /// incarnation a message found its server counts, too.
    #[test]
    fn the_hash_covers_the_kind_and_the_incarnation() {
        let server = Caller { server: 1, incarnation: 2 };
        let id = RpcId(3);
        let kinds = [
            EventKind::RpcDelivered { id, life: None },
            EventKind::RpcDelivered { id, life: Some(1) },
            EventKind::RpcDelivered { id, life: Some(2) },
            EventKind::RpcDropped { id },
            EventKind::Started { server },
            EventKind::Crashed { server },
            EventKind::Refused { server },
            EventKind::Started { server: Caller { incarnation: 3, ..server } },
            EventKind::Connected { server: 1 },
            EventKind::Disconnected { server: 1 },
            EventKind::AppliedSnapshot { server, index: 4, bytes: 5 },
            EventKind::Saved { server, state: 4, snapshot: 5 },
        ];
        let hash = |kind: &EventKind| {
            let mut history = History::new();
            history.record(Time(1), kind.clone());
            history.hash()
        };
        for (i, one) in kinds.iter().enumerate() {
            for other in &kinds[..i] {
                assert_ne!(hash(one), hash(other), "{one:?} and {other:?}");
            }
        }
    }

    #[test]
    fn what_is_logged_leaves_the_hash_alone() {
        let mut history = History::new();
        let logged = EventKind::Logged {
            server: None,
            level: "INFO".into(),
            target: "raft".into(),
            text: "hello".to_owned(),
        };
        history.record(Time(1), logged);
        assert_eq!(history.hash(), History::new().hash());
        assert_eq!(history.events().len(), 1);
    }

    #[test]
    fn what_is_logged_takes_no_room_of_other_events() {
        let mut history = History::new();
        history.record(Time(0), EventKind::Connected { server: 1 });
        for time in 1..400 {
            let text = "a line that is long ".repeat(1 << 14);
            let (level, target) = ("DEBUG".into(), "raft".into());
            history.record(Time(time), EventKind::Logged { server: None, level, target, text });
        }
        assert!(history.size <= History::LIMIT, "{}", history.size);
        assert!(history.events().len() < 400, "lines were dropped");
        assert_eq!((history.dropped(), history.events()[0].at), (0, Time(0)));
        assert_eq!(history.events().last().map(|event| event.at), Some(Time(399)));
    }

    #[test]
    fn the_hash_of_a_beginning_covers_nothing_else() {
        let connected = |server| EventKind::Connected { server };
        let run = |last| {
            let mut history = History::new();
            history.record(Time(1), connected(0));
            history.record(Time(5), connected(last));
            history
        };
        let (one, other) = (run(1), run(2));
        assert_ne!(one.hash(), other.hash());
        assert_eq!(one.hash_before(Time(5)), other.hash_before(Time(5)));
        assert_ne!(one.hash_before(Time(6)), other.hash_before(Time(6)));
        assert_ne!(one.hash_before(Time(1)), one.hash_before(Time(5)));
        assert_eq!(one.hash_before(Time(6)), Some(one.hash()));
    }

    #[test]
    fn a_history_is_bounded_and_keeps_the_end() {
        let bytes = vec![0; 1 << 20];
        let fill = |history: &mut History| {
            for time in 0..400 {
                let command =
                    Payload::new(&bytes, &Fields::default(), |_| Ok(serde_json::Value::Null));
                let server = Caller { server: 0, incarnation: 1 };
                history.record(Time(time), EventKind::Applied { server, index: time, command });
            }
        };
        let mut history = History::new();
        fill(&mut history);
        assert!(history.size <= History::LIMIT, "{}", history.size);
        assert_eq!(history.dropped() + history.events().len() as u64, 400);
        assert!(history.dropped() > 0);
        assert_eq!(history.events().last().map(|event| event.at), Some(Time(399)));
        // One that is read isn't cut again.
        let mut read = History::stored(3);
        fill(&mut read);
        assert_eq!((read.dropped(), read.events().len()), (3, 400));
    }

    #[test]
    fn what_servers_were_seen_to_be_is_not_dropped() {
        let caller = |server| Caller { server, incarnation: 1 };
        let viewed = |server, term, is_leader| EventKind::Viewed {
            server: caller(server),
            term,
            is_leader,
            detail: None,
        };
        let mut history = History::new();
        history.record(Time(0), viewed(0, 1, false));
        history.record(Time(0), viewed(1, 1, false));
        history.record(Time(0), viewed(2, 1, false));
        history.record(Time(1), viewed(0, 2, true));
        history.record(Time(1), EventKind::Crashed { server: caller(2) });
        let bytes = vec![0; 1 << 20];
        for time in 2..400 {
            let command = Payload::new(&bytes, &Fields::default(), |_| Ok(serde_json::Value::Null));
            let server = caller(0);
            history.record(Time(time), EventKind::Applied { server, index: time, command });
        }
        let [first, second, third] = &history.events()[..3] else { panic!("there are more") };
        assert!(third.at > Time(1) && first.at == third.at && second.at == third.at);
        let is = |event: &Event, server, term| {
            let own = caller(server);
            matches!(event.kind, EventKind::Viewed { server, term: now, .. } if (server, now) == (own, term))
        };
        assert!(is(first, 0, 2) && is(second, 1, 1));
        assert!(matches!(third.kind, EventKind::Applied { .. }));
        assert_eq!(history.dropped() + history.events().len() as u64, 403);
    }
}
