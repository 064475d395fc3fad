//! What is committed goes to the service, in order, by one task.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use raftapi::{ApplyMsg, Index};
use tokio::time::sleep;

use super::Raft;
use super::state::State;
use crate::bug::Bug;

/// How long [`Bug::PollsForCommits`] doesn't look.
const POLL_INTERVAL: Duration = Duration::from_millis(1300);

/// How long [`Bug::AppliesOnePerTick`] waits after each message.
const TICK: Duration = Duration::from_millis(300);

impl Raft {
    /// Sends to the service what it has not had. No lock is held meanwhile: the service takes its
    /// time, and may call this server before it takes the next message.
    pub(super) async fn applier(self: Arc<Self>) {
        if self.applies_wrongly() {
            return self.apply_wrongly().await;
        }
        loop {
            let next = self.next_to_apply(&mut self.state());
            match next {
                Some(message) => {
                    if self.bug == Bug::AppliesTwice {
                        self.apply_ch.send(message.clone()).await;
                    }
                    self.hand_over(message).await;
                    match self.bug {
                        Bug::AppliesOnePerNotice => self.committed.notified().await,
                        Bug::AppliesOnePerTick => sleep(TICK).await,
                        _ => {}
                    }
                }
                None if self.bug == Bug::PollsForCommits => sleep(POLL_INTERVAL).await,
                // What came since then has left its notice, which ends this wait at once.
                None => self.committed.notified().await,
            }
        }
    }

    /// Everything up to `index` is known to be committed.
    pub(super) fn commit(&self, state: &mut State, index: Index) {
        if index > state.commit_index {
            state.commit_index = index;
            match self.bug {
                // Who isn't waiting right now never hears of it.
                Bug::RunsTwoAppliers | Bug::MissesNotices => self.committed.notify_waiters(),
                _ => self.committed.notify_one(),
            }
        }
    }

    /// The next message for the service, which counts as applied from here on: only the applier
    /// asks.
    pub(super) fn next_to_apply(&self, state: &mut State) -> Option<ApplyMsg> {
        if let Some(message) = state.installed.take() {
            return Some(message);
        }
        let snapshot_index = state.log.snapshot_index();
        // The service is to be sent a snapshot if it lacks what the log no longer has (§7).
        if state.last_applied < snapshot_index && !self.installs_beside_applier() {
            state.last_applied = match self.bug {
                Bug::AppliesNotFirstBehindSnapshot => snapshot_index + 1,
                _ => snapshot_index,
            };
            if self.bug == Bug::KeepsSnapshotToItself {
                return self.next_to_apply(state);
            }
            return Some(ApplyMsg::Snapshot {
                index: match self.bug {
                    Bug::CountsSnapshotFromZero => snapshot_index - 1,
                    _ => snapshot_index,
                },
                term: state.log.snapshot_term(),
                snapshot: match self.bug {
                    Bug::DeliversGarbage => Bytes::from_static(b"garbage"),
                    _ => state.snapshot.clone(),
                },
            });
        }
        // All Servers: "If commitIndex > lastApplied: increment lastApplied, apply
        // log[lastApplied] to state machine" (§5.3).
        if state.commit_index > state.last_applied {
            let index = match self.bug {
                Bug::AppliesOnlyTheLast => state.commit_index,
                _ => state.last_applied + 1,
            };
            let entry = match self.bug {
                Bug::IgnoresSnapshotOffset => Some(state.log.nth(index)),
                Bug::AppliesFromOne => {
                    Some(state.log.get(index).expect("what is applied is in the log"))
                }
                _ => state.log.get(index),
            };
            self.must(entry.is_some(), "what is committed is in the log");
            let command = entry?.command.clone();
            state.last_applied = index;
            return Some(ApplyMsg::Command { index, command });
        }
        None
    }
}
