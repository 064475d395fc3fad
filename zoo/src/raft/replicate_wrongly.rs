//! What some bugs do between leader and follower beside, or in the place of, what is right.

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use raftapi::{Index, Role, Term};
use tokio::time::{Instant, sleep};

use super::Raft;
use super::followers::Follower;
use super::log::Entry;
use super::rpc::{AppendEntriesArgs, AppendEntriesReply, Conflict};
use super::state::State;
use crate::bug::Bug;

/// How long [`Bug::ResendsSameRequest`] waits before it sends a request again.
const RESEND_INTERVAL: Duration = Duration::from_millis(100);

/// How long [`Bug::RefusesBetweenReplies`] takes commands after a follower's reply.
const RECENT: Duration = Duration::from_millis(40);

impl Raft {
    /// How [`Bug::SendsInTurn`] sends what is due: each request when the one before is answered.
    pub(super) async fn send_in_turn(self: &Arc<Self>) {
        for server in self.others() {
            let now = Instant::now();
            let sent = {
                let mut state = self.state();
                let is_due = state.role == Role::Leader && self.is_due(&state, server, now);
                is_due.then(|| self.send(&mut state, server, now))
            };
            if let Some(sent) = sent {
                // An error is a panic, which the runtime has told already.
                _ = sent.await;
            }
        }
    }

    /// Sends the heartbeats of a term that is over, as [`Bug::HeedsFormerLeaders`] does. Returns
    /// when the next will be due.
    pub(super) fn send_as_before(self: &Arc<Self>, term: Term, now: Instant) -> Instant {
        for server in self.others() {
            let args = AppendEntriesArgs {
                term,
                leader_id: self.me,
                prev_log_index: 0,
                prev_log_term: 0,
                entries: Vec::new(),
                leader_commit: 0,
            };
            tokio::spawn(self.clone().until_killed(self.clone().send_entries(server, args)));
        }
        now + self.heartbeat_interval()
    }

    /// Whether a request takes the entries with it that are due: if it is for the heartbeat's sake,
    /// two bugs send them by another.
    pub(super) fn sends_entries(&self, state: &State, server: usize, now: Instant) -> bool {
        let has_empty_heartbeats =
            matches!(self.bug, Bug::CommitsWhatHeartbeatsTell | Bug::CommitsWhatItHas);
        !has_empty_heartbeats || now < state.followers[server].heartbeat_at
    }

    /// Whether a bug keeps a follower's next request back: until a reply comes, or for good.
    pub(super) fn waits_for_reply(&self, follower: &Follower) -> bool {
        let waits = matches!(self.bug, Bug::WaitsForEachReply | Bug::HeartbeatsWaitForEntries);
        follower.is_given_up || (waits && follower.is_awaited)
    }

    /// Whether nextIndex counts what is sent, before there is a reply.
    pub(super) fn moves_next_at_sending(&self) -> bool {
        matches!(self.bug, Bug::NeverTakesNextBack | Bug::LosesWhatItSent)
    }

    /// Leaves out the first entry behind the snapshot, as [`Bug::SkipsFirstBehindSnapshot`] does.
    pub(super) fn skip_behind_snapshot(
        &self,
        snapshot_index: Index,
        prev_log_index: Index,
        entries: &mut Vec<Entry>,
    ) {
        let is_behind = snapshot_index > 0 && prev_log_index == snapshot_index;
        if self.bug == Bug::SkipsFirstBehindSnapshot && is_behind && !entries.is_empty() {
            entries.remove(0);
        }
    }

    /// How [`Bug::RetriesInNewTerm`] goes on with a request that was lost, until there is a reply: in the
    /// term that it is in by then, whatever its role.
    pub(super) async fn retry_in_new_term(
        &self,
        server: usize,
        args: &mut AppendEntriesArgs,
    ) -> Option<AppendEntriesReply> {
        if args.entries.is_empty() || !self.begins_to_resend(server, args.term) {
            return None;
        }
        loop {
            sleep(RESEND_INTERVAL).await;
            args.term = self.state().current_term;
            let call = self.peers[server].call::<_, AppendEntriesReply>("Raft.AppendEntries", args);
            let Some(reply) = call.await else { continue };
            let mut state = self.state();
            if state.leads(args.term) {
                state.followers[server].is_resending = false;
            }
            return Some(reply);
        }
    }

    /// Whether entries follow at once behind a heartbeat without any.
    pub(super) fn follows_heartbeat(&self, state: &State, server: usize, now: Instant) -> bool {
        let follower = &state.followers[server];
        now >= follower.heartbeat_at
            && !follower.is_awaited
            && (state.log.snapshot_index() + 1..=state.log.last_index())
                .contains(&follower.next_index)
    }

    /// How [`Bug::ResendsSameRequest`] goes on with one request until it is accepted: one for each
    /// follower at a time, or there would be more and more of them.
    pub(super) async fn resend(
        &self,
        server: usize,
        args: &AppendEntriesArgs,
        mut reply: Option<AppendEntriesReply>,
    ) -> Option<AppendEntriesReply> {
        if args.entries.is_empty() {
            return reply;
        }
        if !self.begins_to_resend(server, args.term) {
            // Nor does it heed what another request is refused for meanwhile.
            return reply.filter(|reply| reply.success || reply.term > args.term);
        }
        while self.state().leads(args.term)
            && reply.as_ref().is_none_or(|reply| reply.term <= args.term && !reply.success)
        {
            sleep(RESEND_INTERVAL).await;
            let call = self.peers[server].call::<_, AppendEntriesReply>("Raft.AppendEntries", args);
            reply = call.await;
        }
        let mut state = self.state();
        if state.leads(args.term) {
            state.followers[server].is_resending = false;
        }
        reply
    }

    fn begins_to_resend(&self, server: usize, term: Term) -> bool {
        let mut state = self.state();
        state.leads(term) && !mem::replace(&mut state.followers[server].is_resending, true)
    }

    /// What some bugs answer to entries that follow one before the snapshot's last, though the
    /// snapshot covers it.
    ///
    /// # Panics
    /// With [`Bug::PanicsBelowSnapshot`].
    pub(super) fn stumbles(&self, state: &State, prev_log_index: Index) -> Option<Conflict> {
        match self.bug {
            Bug::PanicsBelowSnapshot => {
                let behind = prev_log_index.checked_sub(state.log.snapshot_index());
                behind.expect("index out of bounds: the snapshot covers it");
                None
            }
            Bug::TakesSnapshotForGap => Some(state.log.conflict(prev_log_index)),
            Bug::RefusesBelowSnapshot => {
                Some(Conflict { x_len: prev_log_index, ..Conflict::default() })
            }
            _ => None,
        }
    }
}

impl State {
    /// Whether some follower has answered within the time that [`Bug::RefusesBetweenReplies`] asks
    /// for.
    pub(super) fn has_recent_reply(&self, now: Instant) -> bool {
        let mut replies = self.followers.all().filter_map(|follower| follower.replied_at);
        replies.any(|replied_at| now < replied_at + RECENT)
    }
}
