//! Committed entries go to the service, in order and once (§5.3).

use std::sync::Arc;

use raftapi::{ApplyCh, ApplyMsg};

use crate::server::Raft;
use crate::state::State;

impl Raft {
    /// All servers 1: applies committed entries. No other task sends to the service, so the order is
    /// right. It holds no lock while it sends, since the service may take its time and call back.
    pub(crate) async fn apply(self: Arc<Self>, apply_ch: ApplyCh) {
        loop {
            let messages = self.state().messages_to_apply();
            if messages.is_empty() {
                self.more_to_apply.notified().await;
                continue;
            }
            for message in messages {
                let (ApplyMsg::Command { index, .. } | ApplyMsg::Snapshot { index, .. }) = message;
                apply_ch.send(message).await;
                self.state().last_applied = index;
            }
        }
    }
}

impl State {
    /// The messages for what is committed and not yet applied: the snapshot, if it covers more than was
    /// applied, else the commands.
    fn messages_to_apply(&self) -> Vec<ApplyMsg> {
        assert!(
            self.last_applied <= self.commit_index,
            "server {} has applied index {}, and only {} is committed",
            self.me,
            self.last_applied,
            self.commit_index
        );
        let (base_index, term) = (self.log.base_index(), self.log.base_term());
        if self.last_applied < base_index {
            let snapshot = self.snapshot.clone();
            return vec![ApplyMsg::Snapshot { index: base_index, term, snapshot }];
        }
        if self.last_applied == self.commit_index {
            return Vec::new();
        }
        let first = self.last_applied + 1;
        let commands = self.log.commands(first, self.commit_index).into_iter();
        (first..)
            .zip(commands)
            .map(|(index, command)| ApplyMsg::Command { index, command })
            .collect()
    }
}
