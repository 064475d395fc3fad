//! The applier: takes what servers apply, and has it checked (MIT's `applier` and `applierSnap`).

use harness::caller;
use raftapi::{ApplyMsg, ApplyReceiver};
use report::{EventKind, FailureKind, Mark};
use sim::context::Owner;

use crate::applied::Applied;
use crate::cluster::Config;
use crate::marks;
use crate::refusal::Refusal;
use crate::value::payload;

impl Config {
    /// Takes what a server applies, for as long as that life of it lasts: MIT's `applier` and
    /// `applierSnap`.
    pub(crate) async fn applier(self, owner: Owner, mut messages: ApplyReceiver) {
        while let Some(message) = messages.recv().await {
            self.take(owner, &message);
            self.disks().apply().await;
        }
    }

    /// A server has applied something.
    pub(crate) fn take(&self, owner: Owner, message: &ApplyMsg) {
        let i = owner.server as usize;
        let mut state = self.state();
        // A dead instance may go on sending; nobody listens.
        if !state.is_live(owner) {
            return;
        }
        let applied = state.logs.apply(i, message, self.snapshots());
        drop(state);
        if let ApplyMsg::Snapshot { term, snapshot, .. } = message {
            let (server, term) = (caller(owner), *term);
            self.t.mark(|| Mark::Applies { server, term, snapshot: marks::payload(snapshot) });
        }
        self.t.record(applied_event(owner, message));
        match applied {
            Ok(Applied::Noted) => {}
            Ok(Applied::MakeSnapshot { index, snapshot }) => {
                self.t.record(EventKind::Snapshotted { server: caller(owner), index });
                self.call_raft(i, "snapshot", |_, raft| raft.snapshot(index, snapshot));
            }
            Err(Refusal { check, message }) => {
                self.t.fail((FailureKind::Safety, check), format!("apply error: {message}"));
            }
        }
    }
}

/// What a server has applied, for the record.
fn applied_event(owner: Owner, message: &ApplyMsg) -> EventKind {
    let server = caller(owner);
    match message {
        ApplyMsg::Command { index, command } => {
            EventKind::Applied { server, index: *index, command: payload(command) }
        }
        ApplyMsg::Snapshot { index, snapshot, .. } => {
            EventKind::AppliedSnapshot { server, index: *index, bytes: snapshot.len() as u64 }
        }
    }
}
