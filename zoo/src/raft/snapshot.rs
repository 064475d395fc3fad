//! Snapshots: the service's own, and those that a leader sends in the place of entries which it no
//! longer has (§7, Figure 13).

use std::sync::Arc;

use bytes::Bytes;
use raftapi::{Index, Role};

use super::Raft;
use super::rpc::{AcceptSnapshotReply, InstallSnapshotArgs, InstallSnapshotReply};
use super::state::State;
use crate::bug::Bug;

impl Raft {
    /// The service has made a snapshot that covers everything up to `index`.
    pub(super) fn take_snapshot(&self, index: Index, snapshot: Bytes) {
        if self.bug == Bug::IgnoresSnapshots {
            return;
        }
        let mut state = self.state();
        if self.bug == Bug::IgnoresSnapshotsAsFollower && state.role != Role::Leader {
            return;
        }
        // A later one may have come from the leader meanwhile; and nobody can cover what was never
        // applied.
        let is_applied = index <= state.last_applied || self.takes_snapshots_beyond_applied();
        if index <= state.log.snapshot_index() || !is_applied {
            return;
        }
        let term = state.log.term(index);
        self.must(term.is_some(), "what is applied is in the log");
        let Some(term) = term else { return };
        match self.bug {
            Bug::CutsWithCurrentTerm => {
                let current_term = state.current_term;
                state.log.keep_behind(index, current_term);
            }
            Bug::CutsOneTooFew => state.log.keep_with(index, term),
            _ => state.log.begin_behind(index, term),
        }
        match self.bug {
            Bug::DropsSnapshot => {}
            Bug::KeepsFirstSnapshot if !state.snapshot.is_empty() => {}
            _ => state.snapshot = snapshot,
        }
        // The log and the snapshot that it begins behind are saved together (§7).
        self.persist_snapshot(&mut state);
    }

    /// Sends the snapshot to a follower whose next entry is no longer in the log.
    pub(super) async fn send_snapshot(self: Arc<Self>, server: usize, args: InstallSnapshotArgs) {
        let _lock = self.lock_calls().await;
        self.sync().await;
        let reply = self.call_with_snapshot(server, &args).await;
        let mut state = self.state();
        if let Some(reply) = &reply {
            self.observe_term(&mut state, reply.term);
        }
        let takes_any = self.bug == Bug::TakesAnySnapshotReply && state.role == Role::Leader;
        if !state.leads(args.term) && !takes_any {
            return;
        }
        let follower = &mut state.followers[server];
        follower.is_awaited = false;
        if matches!(self.bug, Bug::WaitsForEachReply | Bug::HeartbeatsWaitForEntries) {
            self.news.notify_one();
        }
        if reply.is_some() && takes_any {
            follower.match_index = args.last_included_index;
            follower.next_index = args.last_included_index + 1;
            self.news.notify_one();
            return;
        }
        if reply.is_some_and(|reply| reply.success) && self.bug != Bug::NeverAdvancesAfterSnapshot {
            follower.has_up_to(match self.bug {
                Bug::CountsSnapshotOneShort => args.last_included_index - 1,
                _ => args.last_included_index,
            });
            self.news.notify_one();
        }
    }

    pub(super) async fn install_snapshot(
        self: Arc<Self>,
        args: InstallSnapshotArgs,
    ) -> InstallSnapshotReply {
        let _lock = self.lock_handler().await;
        let (reply, _) = self.accept_snapshot(args);
        self.sync().await;
        reply
    }

    /// The handler of [`Bug::NeverConfirmsLateSnapshots`].
    pub(super) async fn confirm_snapshot(
        self: Arc<Self>,
        args: InstallSnapshotArgs,
    ) -> AcceptSnapshotReply {
        let (_, reply) = self.accept_snapshot(args);
        self.sync().await;
        reply
    }

    async fn call_with_snapshot(
        &self,
        server: usize,
        args: &InstallSnapshotArgs,
    ) -> Option<AcceptSnapshotReply> {
        let (peer, method) = (&self.peers[server], "Raft.InstallSnapshot");
        if self.bug == Bug::NeverConfirmsLateSnapshots {
            return peer.call(method, args).await;
        }
        let InstallSnapshotReply { term } = peer.call(method, args).await?;
        // Whether it needed the snapshot or not, it has what the snapshot covers.
        Some(AcceptSnapshotReply { term, success: true })
    }

    fn accept_snapshot(
        &self,
        args: InstallSnapshotArgs,
    ) -> (InstallSnapshotReply, AcceptSnapshotReply) {
        let mut state = self.state();
        self.observe_term(&mut state, args.term);
        let is_late = args.last_included_index <= state.commit_index;
        // InstallSnapshot 1: "Reply immediately if term < currentTerm" (§7).
        if args.term >= state.current_term {
            self.hear_from_leader(&mut state);
            self.agree_with_leader(&mut state);
            self.replace_log(&mut state, args);
        }
        if self.bug == Bug::DeliversSnapshotsBeside
            && let Some(message) = state.installed.take()
        {
            let apply_ch = self.apply_ch.clone();
            tokio::spawn(async move { apply_ch.send(message).await });
        }
        let term = state.current_term;
        (InstallSnapshotReply { term }, AcceptSnapshotReply { term, success: !is_late })
    }

    fn takes_snapshots_beyond_applied(&self) -> bool {
        matches!(
            self.bug,
            // The others note late what they have applied.
            Bug::TakesSnapshotsBeyondApplied | Bug::AppliesPerNotice | Bug::RunsTwoAppliers
        )
    }

    fn replace_log(&self, state: &mut State, args: InstallSnapshotArgs) {
        let InstallSnapshotArgs { term, last_included_index, last_included_term, data, .. } = args;
        let last_included_term = match self.bug {
            Bug::InstallsInLeadersTerm => term,
            _ => last_included_term,
        };
        // InstallSnapshot 5: "discard any existing or partial snapshot with a smaller index" (§7);
        // and a late one is itself discarded. This server has all that it covers.
        let covered = match self.bug {
            Bug::InstallsAnySnapshot | Bug::CommitGoesBackWithSnapshot => 0,
            Bug::InstallsOverApplied => state.log.snapshot_index(),
            _ => state.commit_index,
        };
        if last_included_index <= covered {
            return;
        }
        if self.bug == Bug::KeepsLogOverSnapshot {
            let own_term = state.log.term(last_included_index);
            state.log.keep_behind(last_included_index, own_term.unwrap_or(last_included_term));
        } else {
            state.log.begin_behind(last_included_index, last_included_term);
        }
        if self.bug != Bug::KeepsOwnSnapshot {
            state.snapshot = data;
        }
        if self.bug != Bug::NeverSavesInstalled {
            self.persist_snapshot(state);
        }
        // InstallSnapshot 8: "Reset state machine using snapshot contents" (§7): the applier sees
        // that the log begins behind what was applied.
        self.commit(state, last_included_index);
        match self.bug {
            Bug::InstallsAnySnapshot | Bug::InstallsOverApplied => {
                state.last_applied = state.last_applied.min(last_included_index);
            }
            Bug::CommitGoesBackWithSnapshot => state.commit_index = last_included_index,
            _ if self.installs_beside_applier() => self.leave_for_service(state),
            _ => {}
        }
    }
}
