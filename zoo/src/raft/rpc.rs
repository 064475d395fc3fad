//! What servers ask and answer: the arguments and replies of Figures 2 and 13.

use bytes::Bytes;
use raftapi::{Index, Term};
use serde::{Deserialize, Serialize};

use super::log::Entry;

/// Figure 2, "RequestVote RPC".
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct RequestVoteArgs {
    pub(super) term: Term,
    pub(super) candidate_id: usize,
    pub(super) last_log_index: Index,
    pub(super) last_log_term: Term,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct RequestVoteReply {
    pub(super) term: Term,
    pub(super) vote_granted: bool,
}

/// Figure 2, "AppendEntries RPC"; without entries it is a heartbeat.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct AppendEntriesArgs {
    pub(super) term: Term,
    pub(super) leader_id: usize,
    pub(super) prev_log_index: Index,
    pub(super) prev_log_term: Term,
    pub(super) entries: Vec<Entry>,
    pub(super) leader_commit: Index,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct AppendEntriesReply {
    pub(super) term: Term,
    pub(super) success: bool,
    /// Where the logs differ; means something only if `success` is false.
    pub(super) conflict: Conflict,
}

/// What a follower has where the leader's previous entry should be, so that the leader needn't go
/// back entry by entry (§5.3, last paragraphs).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Conflict {
    /// The term of the follower's entry there; `None` if its log ends before.
    pub(super) x_term: Option<Term>,
    /// The follower's first entry of that term; 0 without one.
    pub(super) x_index: Index,
    /// The follower's last entry.
    pub(super) x_len: Index,
}

/// Figure 13, "InstallSnapshot RPC", of one chunk: its offset is always 0, and it is always done.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct InstallSnapshotArgs {
    pub(super) term: Term,
    pub(super) leader_id: usize,
    pub(super) last_included_index: Index,
    pub(super) last_included_term: Term,
    pub(super) data: Bytes,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct InstallSnapshotReply {
    pub(super) term: Term,
}

/// What [`Bug::NeverConfirmsLateSnapshots`](crate::Bug::NeverConfirmsLateSnapshots) replies instead.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct AcceptSnapshotReply {
    pub(super) term: Term,
    pub(super) success: bool,
}
