//! What servers send each other (Figures 2 and 13), whatever the way on which it travels.

use bytes::Bytes;
use raftapi::{Command, Index, Term};
use serde::{Deserialize, Serialize};

/// The number that a server gives to a request that it sends. The reply has it, too.
pub(crate) type Number = u64;

/// An entry of the log; its index is its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) term: Term,
    pub(crate) command: Command,
}

/// A candidate asks for a vote (§5.2), or a server whether it would get one (thesis §9.6): then the term
/// is the one that it would be a candidate in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RequestVoteArgs {
    pub(crate) number: Number,
    pub(crate) term: Term,
    pub(crate) candidate_id: usize,
    pub(crate) last_log_index: Index,
    pub(crate) last_log_term: Term,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RequestVoteReply {
    pub(crate) number: Number,
    pub(crate) from: usize,
    pub(crate) term: Term,
    pub(crate) vote_granted: bool,
}

/// A leader replicates entries, or asserts itself with none (§5.2, §5.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AppendEntriesArgs {
    pub(crate) number: Number,
    pub(crate) term: Term,
    pub(crate) leader_id: usize,
    pub(crate) prev_log_index: Index,
    pub(crate) prev_log_term: Term,
    pub(crate) entries: Vec<Entry>,
    pub(crate) leader_commit: Index,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AppendEntriesReply {
    pub(crate) number: Number,
    pub(crate) from: usize,
    pub(crate) term: Term,
    pub(crate) success: bool,
    /// If not: from where the leader should go on. If so: the same, if that isn't behind the request's last entry; 0 else.
    pub(crate) retry_from: Index,
}

/// A leader asserts itself, and says how much of what this server has confirmed is committed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HeartbeatArgs {
    pub(crate) number: Number,
    pub(crate) term: Term,
    pub(crate) leader_id: usize,
    pub(crate) leader_commit: Index,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HeartbeatReply {
    pub(crate) number: Number,
    pub(crate) from: usize,
    pub(crate) term: Term,
}

/// A leader sends its snapshot (§7), in one piece.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct InstallSnapshotArgs {
    pub(crate) number: Number,
    pub(crate) term: Term,
    pub(crate) leader_id: usize,
    pub(crate) last_included_index: Index,
    pub(crate) last_included_term: Term,
    pub(crate) data: Bytes,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct InstallSnapshotReply {
    pub(crate) number: Number,
    pub(crate) from: usize,
    pub(crate) term: Term,
}

/// Any request.
#[expect(clippy::enum_variant_names, reason = "the paper calls a vote's request so")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Request {
    PreVote(RequestVoteArgs),
    RequestVote(RequestVoteArgs),
    AppendEntries(AppendEntriesArgs),
    Heartbeat(HeartbeatArgs),
    InstallSnapshot(InstallSnapshotArgs),
}

/// Any reply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Reply {
    PreVote(RequestVoteReply),
    RequestVote(RequestVoteReply),
    AppendEntries(AppendEntriesReply),
    Heartbeat(HeartbeatReply),
    InstallSnapshot(InstallSnapshotReply),
}

impl Request {
    pub(crate) fn number(&self) -> Number {
        match self {
            Request::PreVote(args) | Request::RequestVote(args) => args.number,
            Request::AppendEntries(args) => args.number,
            Request::Heartbeat(args) => args.number,
            Request::InstallSnapshot(args) => args.number,
        }
    }

    /// The server that has sent it.
    pub(crate) fn from(&self) -> usize {
        match self {
            Request::PreVote(args) | Request::RequestVote(args) => args.candidate_id,
            Request::AppendEntries(args) => args.leader_id,
            Request::Heartbeat(args) => args.leader_id,
            Request::InstallSnapshot(args) => args.leader_id,
        }
    }
}

impl Reply {
    /// The number of the request, the server that replies, and its term.
    pub(crate) fn head(&self) -> (Number, usize, Term) {
        match self {
            Reply::PreVote(r) | Reply::RequestVote(r) => (r.number, r.from, r.term),
            Reply::AppendEntries(r) => (r.number, r.from, r.term),
            Reply::Heartbeat(r) => (r.number, r.from, r.term),
            Reply::InstallSnapshot(r) => (r.number, r.from, r.term),
        }
    }
}
