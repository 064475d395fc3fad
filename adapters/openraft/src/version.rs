//! openraft 0.9, as far as its types differ from other versions.

use std::result;

use bytes::Bytes;
use futures::FutureExt as _;
use openraft::{EmptyNode, LeaderId, StorageError, error, raft};
use raftapi::Term;
use tokio::time::Duration;

use crate::rpc::{Data, Opaque};

openraft::declare_raft_types!(
    /// The types that openraft is used with.
    pub(crate) Types:
        D = Opaque,
        R = (),
        NodeId = u64,
        Node = EmptyNode,
        SnapshotData = Data,
);

pub(crate) type Raft = openraft::Raft<Types>;
pub(crate) type Fatal = error::Fatal<u64>;
pub(crate) type Result<T> = result::Result<T, StorageError<u64>>;

pub(crate) type LogId = openraft::LogId<u64>;
pub(crate) type Entry = openraft::Entry<Types>;
pub(crate) type Vote = openraft::Vote<u64>;
pub(crate) type Membership = openraft::Membership<u64, EmptyNode>;
pub(crate) type StoredMembership = openraft::StoredMembership<u64, EmptyNode>;
pub(crate) type SnapshotMeta = openraft::SnapshotMeta<u64, EmptyNode>;
pub(crate) type Snapshot = openraft::Snapshot<Types>;

pub(crate) type VoteRequest = raft::VoteRequest<u64>;
pub(crate) type VoteResponse = raft::VoteResponse<u64>;
pub(crate) type AppendEntriesRequest = raft::AppendEntriesRequest<Types>;
pub(crate) type AppendEntriesResponse = raft::AppendEntriesResponse<u64>;

/// How often openraft looks at its timers, with its default settings.
pub(crate) const TICK: Duration = Duration::from_millis(75);

/// The identity of the entry of this term at this index, from 0.
pub(crate) fn log_id(term: Term, index: u64) -> LogId {
    LogId::new(openraft::CommittedLeaderId::new(term, 0), index)
}

/// A vote for a server, or for none yet.
pub(crate) fn vote(term: Term, voted_for: Option<u64>, committed: bool) -> Vote {
    Vote { leader_id: LeaderId { term, voted_for }, committed }
}

/// For whom a vote is.
pub(crate) fn voted_for(vote: &Vote) -> Option<u64> {
    vote.leader_id.voted_for
}

/// A snapshot of the log up to an entry.
pub(crate) fn snapshot(end: Option<LogId>, members: StoredMembership, data: Data) -> Snapshot {
    let snapshot_id = data.commands.to_string();
    let meta = SnapshotMeta { last_log_id: end, last_membership: members, snapshot_id };
    Snapshot { meta, snapshot: Box::new(data) }
}

/// What a snapshot holds.
pub(crate) fn data(snapshot: Snapshot) -> Data {
    *snapshot.snapshot
}

/// The term, and whether the server leads.
pub(crate) fn role(raft: &Raft) -> (Term, bool) {
    let metrics = raft.metrics();
    let metrics = metrics.borrow();
    (metrics.current_term, metrics.state.is_leader())
}

/// The term in which openraft leads and takes commands, if it does.
pub(crate) fn leads_in(raft: &Raft) -> Option<Term> {
    let (term, is_leader) = role(raft);
    is_leader.then_some(term)
}

/// Puts a command into openraft's queue, without waiting. Returns whether openraft has taken it.
pub(crate) fn queue(raft: &Raft, command: Bytes) -> bool {
    // What becomes of the command, the tester sees by what is applied.
    matches!(raft.client_write_ff(Opaque(command)).now_or_never(), Some(Ok(_)))
}
