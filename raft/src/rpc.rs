//! What servers send each other (Figures 2 and 13).

use bytes::Bytes;
use raftapi::{Index, Term};
use serde::{Deserialize, Serialize};

use crate::log::Entry;

/// A candidate asks for a vote (§5.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestVoteArgs {
    /// The candidate's term.
    pub term: Term,
    /// The candidate.
    pub candidate_id: usize,
    /// The index of its last log entry (§5.4).
    pub last_log_index: Index,
    /// The term of its last log entry (§5.4).
    pub last_log_term: Term,
}

/// The answer to a candidate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestVoteReply {
    /// The voter's term, for the candidate to update itself.
    pub term: Term,
    /// Whether the candidate has the vote.
    pub vote_granted: bool,
}

/// A leader replicates entries, or asserts itself with none (§5.2, §5.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppendEntriesArgs {
    /// The leader's term.
    pub term: Term,
    /// The leader.
    pub leader_id: usize,
    /// The index of the entry before the new ones.
    pub prev_log_index: Index,
    /// The term of that entry.
    pub prev_log_term: Term,
    /// The new entries; none in a heartbeat.
    pub entries: Vec<Entry>,
    /// The leader's `commit_index`.
    pub leader_commit: Index,
}

/// The answer to a leader.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppendEntriesReply {
    /// The follower's term, for the leader to update itself.
    pub term: Term,
    /// Whether the follower had the entry at `prev_log_index`, and now has the new ones.
    pub success: bool,
    /// If the logs differ at `prev_log_index`: a hint for the leader, which then finds in few steps
    /// where they agree (end of §5.3).
    pub conflict: Option<Conflict>,
}

/// How a follower's log differs from the leader's at `prev_log_index`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Conflict {
    /// The follower has no entry there.
    TooShort {
        /// The index after the follower's last entry.
        x_len: Index,
    },
    /// The follower has an entry of another term there.
    OtherTerm {
        /// The term of that entry.
        x_term: Term,
        /// The first index that the follower has with that term.
        x_index: Index,
    },
}

/// A leader sends its snapshot to a follower that is too far behind (§7), in one piece.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstallSnapshotArgs {
    /// The leader's term.
    pub term: Term,
    /// The leader.
    pub leader_id: usize,
    /// The last index that the snapshot covers.
    pub last_included_index: Index,
    /// The term of that entry.
    pub last_included_term: Term,
    /// The snapshot.
    pub data: Bytes,
}

/// The answer to a leader's snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstallSnapshotReply {
    /// The follower's term, for the leader to update itself.
    pub term: Term,
}
