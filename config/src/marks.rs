//! What a run's record must have besides, so that the run can be made again without its servers' code: marks.
//!
//! They are recorded only where that is asked for ([`T::has_marks`]). Who reads them is `crate::puppets`.

use std::sync::Arc;

use bytes::Bytes;
use harness::{T, caller};
use labrpc::Service;
use parking_lot::Mutex;
use raftapi::{Command, DebugState, Index, Raft, Safe, Saving, Start, Term};
use report::{Durable, Event, EventKind, Fields, Mark, Payload, TesterCall};
use sim::Turn;
use sim::context::Owner;

/// A server, each of whose answers to the tester is marked.
struct Marked {
    t: T,
    owner: Owner,
    raft: Arc<dyn Raft>,
}

/// Has a server's answers be marked, where that is asked for. It has just been made.
pub(crate) fn marked(t: &T, owner: Owner, raft: Arc<dyn Raft>) -> Arc<dyn Raft> {
    if !t.has_marks() {
        return raft;
    }
    t.mark(|| Mark::Returned { server: caller(owner), call: TesterCall::Make });
    Arc::new(Marked { t: t.clone(), owner, raft })
}

/// A cluster begins: from now on, marks when a task of the script's or the network's goes on.
pub(crate) fn begin(t: &T) {
    if !t.has_marks() {
        return;
    }
    let is_started = |event: &Event| matches!(event.kind, EventKind::Started { .. });
    if t.history().events().iter().any(is_started) {
        t.mark(|| Mark::Alone { why: "its script makes more than one cluster".to_owned() });
    }
    let marking = t.clone();
    t.sim().on_turn(move |turn| {
        if let Turn::Numbered(task) = turn {
            marking.mark(|| Mark::Turn { task });
        }
    });
}

/// What a server has as its snapshot, as far as it has saved it.
pub(crate) struct LastSnapshot(Mutex<Bytes>);

impl LastSnapshot {
    /// That of a life that begins with this snapshot.
    pub(crate) fn new(snapshot: Bytes) -> LastSnapshot {
        LastSnapshot(Mutex::new(snapshot))
    }

    /// Marks how a server saves.
    pub(crate) fn mark(&self, t: &T, owner: Owner, saving: &Saving<'_>) {
        t.mark(|| {
            let mut last = self.0.lock();
            let is_other = *last != *saving.snapshot;
            last.clone_from(saving.snapshot);
            Mark::Saves {
                server: caller(owner),
                durable: match saving.safe {
                    Safe::Now => Durable::Now,
                    Safe::AtSync => Durable::AtSync,
                },
                snapshot: is_other.then(|| payload(saving.snapshot)),
            }
        });
    }
}

/// A snapshot, for the record.
pub(crate) fn payload(snapshot: &Bytes) -> Payload {
    Payload::new(snapshot, &Fields::default(), |bytes| Ok(bytes.len().into()))
}

impl Marked {
    fn returned(&self, call: TesterCall) {
        self.t.mark(|| Mark::Returned { server: caller(self.owner), call });
    }
}

impl Raft for Marked {
    fn start(&self, command: Command) -> Option<Start> {
        let start = self.raft.start(command);
        let answer = start.map(|Start { index, term }| (index, term));
        self.t.mark(|| Mark::Started { server: caller(self.owner), answer });
        start
    }

    fn get_state(&self) -> (Term, bool) {
        let before = self.t.history().events().len();
        let state = self.raft.get_state();
        if self.t.history().events().len() != before {
            let server = self.owner.server;
            let why = format!("server {server}'s get_state() does something besides answering");
            self.t.mark(|| Mark::Alone { why });
        }
        state
    }

    fn snapshot(&self, index: Index, snapshot: Bytes) {
        self.raft.snapshot(index, snapshot);
        self.returned(TesterCall::Snapshot);
    }

    fn service(self: Arc<Self>) -> Service {
        self.raft.clone().service()
    }

    fn kill(&self) {
        self.raft.kill();
        self.returned(TesterCall::Kill);
    }

    fn debug_state(&self) -> Option<DebugState> {
        self.raft.debug_state()
    }
}
