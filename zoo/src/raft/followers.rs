//! What a leader knows of its followers (Figure 2, "Volatile state on leaders").

use std::collections::HashMap;
use std::ops;
use std::time::Duration;

use raftapi::Index;
use tokio::task::AbortHandle;
use tokio::time::Instant;

/// What a leader knows of a follower (Figure 2, "Volatile state on leaders"), and what it has sent.
#[derive(Clone, Debug)]
pub(super) struct Follower {
    pub(super) next_index: Index,
    pub(super) match_index: Index,
    /// Whether entries or a snapshot are under way. Until the reply comes, or the next heartbeat is
    /// due, nothing is sent, so that nothing is sent twice; what comes up meanwhile goes together.
    pub(super) is_awaited: bool,
    /// Whether [`Bug::ResendsSameRequest`](crate::Bug::ResendsSameRequest) is at it.
    pub(super) is_resending: bool,
    /// The commit index that it has been told.
    pub(super) told_commit: Index,
    /// When it has to hear of its leader again.
    pub(super) heartbeat_at: Instant,
    /// When it accepted something last, which only [`Bug::RefusesBetweenReplies`] asks for.
    pub(super) replied_at: Option<Instant>,
    /// Whether [`Bug::EndsLoopAtFailedCall`](crate::Bug::EndsLoopAtFailedCall) sends it nothing more.
    pub(super) is_given_up: bool,
    /// The call that [`Bug::DropsCallsUnderWay`](crate::Bug::DropsCallsUnderWay) made last.
    pub(super) last_call: Option<AbortHandle>,
}

impl Follower {
    /// Leaders: nextIndex "initialized to leader last log index + 1", matchIndex "to 0". It is to
    /// hear of its new leader at once (§5.2).
    pub(super) fn new(last_index: Index) -> Follower {
        Follower {
            next_index: last_index + 1,
            match_index: 0,
            is_awaited: false,
            is_resending: false,
            told_commit: 0,
            heartbeat_at: Instant::now(),
            replied_at: None,
            is_given_up: false,
            last_call: None,
        }
    }

    /// Nothing is sent to it before the next heartbeat, as if it had heard of its leader now.
    pub(super) fn wait_for_heartbeat(&mut self, interval: Duration) {
        self.heartbeat_at = Instant::now() + interval;
        self.is_awaited = true;
    }

    /// The follower has this leader's entries up to `index`. An older reply, which knows of fewer,
    /// takes nothing back.
    pub(super) fn has_up_to(&mut self, index: Index) {
        // Leaders: "If successful: update nextIndex and matchIndex for follower" (§5.3).
        self.match_index = self.match_index.max(index);
        self.next_index = self.next_index.max(self.match_index + 1);
    }
}

/// What a leader knows of the others, by their numbers; empty unless it leads.
#[derive(Default)]
pub(super) struct Followers(HashMap<usize, Follower>);

impl Followers {
    /// What is known of `servers` when a leader's log ends at `last_index`.
    pub(super) fn new(servers: impl Iterator<Item = usize>, last_index: Index) -> Followers {
        Followers(servers.map(|server| (server, Follower::new(last_index))).collect())
    }

    /// What is known of `server`; nothing before the first leadership.
    pub(super) fn get(&self, server: usize) -> Option<&Follower> {
        self.0.get(&server)
    }

    pub(super) fn servers(&self) -> Vec<usize> {
        self.0.keys().copied().collect()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Follower> {
        self.0.values()
    }
}

impl ops::Index<usize> for Followers {
    type Output = Follower;

    fn index(&self, server: usize) -> &Follower {
        &self.0[&server]
    }
}

impl ops::IndexMut<usize> for Followers {
    fn index_mut(&mut self, server: usize) -> &mut Follower {
        self.0.get_mut(&server).expect("a leader knows all others")
    }
}
