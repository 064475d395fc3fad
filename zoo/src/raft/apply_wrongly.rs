//! Appliers that are built in another way than the right one, as their bugs need it.

use std::sync::Arc;
use std::time::Duration;

use futures::executor::block_on;
use raftapi::{ApplyMsg, Index};
use tokio::time::timeout;

use super::Raft;
use super::state::State;
use crate::bug::Bug;

/// How long [`Bug::DropsWhatServiceHasNoTimeFor`] waits for the service.
const SERVICE_PATIENCE: Duration = Duration::from_millis(20);

impl Raft {
    /// Hands a message to the service. Some bugs have a lock meanwhile.
    pub(super) async fn hand_over(&self, message: ApplyMsg) {
        match self.bug {
            Bug::HoldsLockWhileApplying | Bug::AnswersNothingWhileApplying => {
                let _lock = self.calls.lock().await;
                self.apply_ch.send(message).await;
            }
            Bug::BlocksThreadWhileApplying => {
                let _state = self.state();
                block_on(self.apply_ch.send(message));
            }
            // What the channel has no room for by then is lost.
            Bug::DropsWhatServiceHasNoTimeFor => {
                _ = timeout(SERVICE_PATIENCE, self.apply_ch.send(message)).await;
            }
            _ => self.apply_ch.send(message).await,
        }
    }

    /// Whether a snapshot that comes from the leader goes to the service by a way of its own.
    pub(super) fn installs_beside_applier(&self) -> bool {
        matches!(
            self.bug,
            Bug::AppliesFromOne | Bug::SetsAppliedBack | Bug::DeliversSnapshotsBeside
        )
    }

    /// Leaves an installed snapshot for the service, and counts it as applied.
    pub(super) fn leave_for_service(&self, state: &mut State) {
        let index = state.log.snapshot_index();
        state.last_applied = state.last_applied.max(index);
        let (term, snapshot) = (state.log.snapshot_term(), state.snapshot.clone());
        state.installed = Some(ApplyMsg::Snapshot { index, term, snapshot });
        self.committed.notify_one();
    }

    /// Whether the bug needs an applier of its own.
    pub(super) fn applies_wrongly(&self) -> bool {
        matches!(
            self.bug,
            Bug::RunsTwoAppliers
                | Bug::AppliesPerNotice
                | Bug::MissesNotices
                | Bug::SetsAppliedBack
                | Bug::DeliversSnapshotsBeside
        )
    }

    pub(super) async fn apply_wrongly(self: Arc<Self>) {
        match self.bug {
            Bug::RunsTwoAppliers => self.apply_beside_another().await,
            Bug::AppliesPerNotice => loop {
                self.committed.notified().await;
                tokio::spawn(self.clone().until_killed(self.clone().apply_batch()));
            },
            Bug::MissesNotices => loop {
                self.committed.notified().await;
                let commit_index = self.state().commit_index;
                self.apply_until(commit_index).await;
            },
            _ => loop {
                self.clone().apply_batch().await;
                if !self.has_more() {
                    self.committed.notified().await;
                }
            },
        }
    }

    /// Applies entry by entry, and notes each once the service has it: between the two another task
    /// does the same.
    async fn apply_beside_another(&self) {
        loop {
            let next = {
                let mut state = self.state();
                let applied = state.last_applied;
                let message = self.next_to_apply(&mut state);
                let index = state.last_applied;
                state.last_applied = applied;
                message.map(|message| (index, message))
            };
            match next {
                Some((index, message)) => {
                    self.apply_ch.send(message).await;
                    let mut state = self.state();
                    state.last_applied = state.last_applied.max(index);
                }
                None => self.committed.notified().await,
            }
        }
    }

    /// Applies up to the index that was committed when somebody looked.
    async fn apply_until(&self, commit_index: Index) {
        loop {
            let message = {
                let mut state = self.state();
                if state.last_applied >= commit_index {
                    return;
                }
                self.next_to_apply(&mut state)
            };
            let Some(message) = message else { return };
            self.apply_ch.send(message).await;
        }
    }

    fn has_more(&self) -> bool {
        let state = self.state();
        let index = state.last_applied + 1;
        state.installed.is_some() || (index <= state.commit_index && state.log.get(index).is_some())
    }

    /// Sends to the service all that is committed by now, and notes afterwards how far that is.
    async fn apply_batch(self: Arc<Self>) {
        let (messages, last) = self.batch();
        for message in messages {
            if self.bug != Bug::AppliesPerNotice
                && let ApplyMsg::Command { index, .. } = &message
            {
                // The service may make a snapshot of it.
                let mut state = self.state();
                state.last_applied = state.last_applied.max(*index);
            }
            self.apply_ch.send(message).await;
        }
        let mut state = self.state();
        state.last_applied = match self.bug {
            Bug::SetsAppliedBack => last,
            _ => state.last_applied.max(last),
        };
    }

    /// What is committed and not yet applied, and the last index of it. It doesn't count as applied.
    fn batch(&self) -> (Vec<ApplyMsg>, Index) {
        let mut state = self.state();
        let applied = state.last_applied;
        let mut messages = Vec::new();
        while let Some(message) = self.next_to_apply(&mut state) {
            messages.push(message);
        }
        let last = state.last_applied;
        state.last_applied = applied;
        (messages, last)
    }
}
