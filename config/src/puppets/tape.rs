//! What a run's record has, in order, and how far it has been followed.

use std::collections::{BTreeMap, BTreeSet};

use report::{Asked, Event, EventKind, History, Mark, Payload, Record, RpcId, Time};

/// A run's record, as puppets follow it.
pub(super) struct Tape {
    events: Vec<Event>,
    place: usize,
    /// There is no more to follow: the script has ended, or the run has parted from the record.
    pub(super) is_over: bool,
    /// The calls that their callers drop.
    dropped: BTreeSet<RpcId>,
    /// What handlers answer that wait.
    replies: BTreeMap<RpcId, Payload>,
    /// The names of methods, which live as long as the process: there are few.
    methods: BTreeMap<String, &'static str>,
}

impl Tape {
    /// Reads a record. Fails with a sentence if the run can't be made again.
    pub(super) fn of(record: &Record) -> Result<Tape, String> {
        if record.dropped > 0 {
            return Err(format!("its record lacks the first {} events", record.dropped));
        }
        let mut tape = Tape {
            events: Vec::with_capacity(record.events.len()),
            place: 0,
            is_over: false,
            dropped: BTreeSet::new(),
            replies: BTreeMap::new(),
            methods: BTreeMap::new(),
        };
        let mut waits = BTreeSet::new();
        for event in &record.events {
            match &event.kind {
                // What is seen of servers follows from what they answer.
                EventKind::Logged { .. } | EventKind::Viewed { .. } => continue,
                EventKind::Mark(Mark::Alone { why }) => return Err(why.clone()),
                EventKind::Mark(Mark::Waits { id }) => drop(waits.insert(*id)),
                EventKind::RpcDropped { id } => drop(tape.dropped.insert(*id)),
                EventKind::RpcHandled { id, reply } if waits.contains(id) => {
                    tape.replies.insert(*id, reply.clone());
                }
                _ => {}
            }
            tape.events.push(event.clone());
        }
        Ok(tape)
    }

    /// What comes next; `None` if nothing does.
    pub(super) fn next(&self) -> Option<&Event> {
        self.events.get(self.place).filter(|_| !self.is_over)
    }

    /// What came next has come.
    pub(super) fn advance(&mut self) {
        self.place += 1;
    }

    /// How far it has been followed.
    pub(super) fn place(&self) -> usize {
        self.place
    }

    /// Whether a call's caller drops it.
    pub(super) fn is_dropped(&self, id: RpcId) -> bool {
        self.dropped.contains(&id)
    }

    /// What the handler of a call answers that has waited.
    pub(super) fn reply(&self, id: RpcId) -> Option<Payload> {
        self.replies.get(&id).cloned()
    }

    /// A method's name, for as long as the process lives.
    pub(super) fn interned(&mut self, method: &str) -> &'static str {
        if let Some(known) = self.methods.get(method) {
            return known;
        }
        let known: &'static str = Box::leak(method.into());
        self.methods.insert(method.to_owned(), known);
        known
    }
}

/// Whether it is servers that bring this about.
pub(super) fn is_deed(kind: &EventKind) -> bool {
    matches!(
        kind,
        EventKind::RpcSent { .. }
            | EventKind::RpcDropped { .. }
            | EventKind::Saved { .. }
            | EventKind::Applied { .. }
            | EventKind::AppliedSnapshot { .. }
            | EventKind::TaskEnded { .. }
            | EventKind::Mark(
                Mark::Saves { .. }
                    | Mark::Syncs { .. }
                    | Mark::Applies { .. }
                    | Mark::Answers { .. }
                    | Mark::State { asked: Asked::AtRest, .. }
            )
    )
}

/// Whether what has happened is this event.
pub(super) fn is_same(event: &Event, at: Time, kind: &EventKind) -> bool {
    match (&event.kind, kind) {
        (EventKind::Mark(Mark::End), EventKind::Mark(Mark::End)) => event.at == at,
        (EventKind::Mark(_), _) | (_, EventKind::Mark(_)) => false,
        _ => History::fingerprint(event.at, &event.kind) == History::fingerprint(at, kind),
    }
}
