//! What is committed goes to the service, in order, by one task.

use std::sync::Arc;

use raftapi::{ApplyMsg, Index};

use super::Raft;
use super::state::State;

impl Raft {
    /// Sends to the service what it has not had. No lock is held meanwhile: the service takes its
    /// time, and may call this server before it takes the next message.
    pub(super) async fn applier(self: Arc<Self>) {
        loop {
            let next = self.state().next_to_apply();
            match next {
                Some(message) => self.apply_ch.send(message).await,
                // What came since then has left its notice, which ends this wait at once.
                None => self.committed.notified().await,
            }
        }
    }

    /// Everything up to `index` is known to be committed.
    pub(super) fn commit(&self, state: &mut State, index: Index) {
        if index > state.commit_index {
            state.commit_index = index;
            self.committed.notify_one();
        }
    }
}

impl State {
    /// The next message for the service, which counts as applied from here on: only the applier
    /// asks.
    fn next_to_apply(&mut self) -> Option<ApplyMsg> {
        let snapshot_index = self.log.snapshot_index();
        // The service is to be sent a snapshot if it lacks what the log no longer has (§7).
        if self.last_applied < snapshot_index {
            self.last_applied = snapshot_index;
            return Some(ApplyMsg::Snapshot {
                index: snapshot_index,
                term: self.log.snapshot_term(),
                snapshot: self.snapshot.clone(),
            });
        }
        // All Servers: "If commitIndex > lastApplied: increment lastApplied, apply
        // log[lastApplied] to state machine" (§5.3).
        if self.commit_index > self.last_applied {
            self.last_applied += 1;
            let index = self.last_applied;
            let entry = self.log.get(index).expect("what is committed is in the log");
            return Some(ApplyMsg::Command { index, command: entry.command.clone() });
        }
        None
    }
}
