//! openraft 0.10, as far as its types differ from other versions.

use bytes::Bytes;
use futures::FutureExt as _;
use openraft::alias::{EntryOf, LogIdOf, SnapshotMetaOf, SnapshotOf, StoredMembershipOf, VoteOf};
use openraft::async_runtime::watch::WatchReceiver as _;
use openraft::vote::leader_id_std::{CommittedLeaderId, LeaderId};
use openraft::{EmptyNode, Instant as _, raft};
use raftapi::Term;
use tokio::task::unconstrained;
use tokio::time::Duration;

use crate::rpc::{Data, Opaque};
use crate::store::Handle;

openraft::declare_raft_types!(
    /// The types that openraft is used with. Leaders are ordered by their terms alone, as in the paper.
    pub(crate) Types:
        D = Opaque,
        R = (),
        NodeId = u64,
        Node = EmptyNode,
        LeaderId = LeaderId<u64, u64>,
);

pub(crate) type Raft = openraft::Raft<Types, Handle>;

pub(crate) type LogId = LogIdOf<Types>;
pub(crate) type Entry = EntryOf<Types>;
pub(crate) type Vote = VoteOf<Types>;
pub(crate) type Membership = openraft::Membership<u64, EmptyNode>;
pub(crate) type StoredMembership = StoredMembershipOf<Types>;
pub(crate) type SnapshotMeta = SnapshotMetaOf<Types>;
pub(crate) type Snapshot = SnapshotOf<Types, Data>;

pub(crate) type VoteRequest = raft::VoteRequest<Types>;
pub(crate) type VoteResponse = raft::VoteResponse<Types>;
pub(crate) type AppendEntriesRequest = raft::AppendEntriesRequest<Types>;
pub(crate) type AppendEntriesResponse = raft::AppendEntriesResponse<Types>;

/// How often openraft looks at its timers, with its default settings.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// How long a majority's reply counts, with openraft's default settings.
const LEASE: Duration = Duration::from_millis(300);

/// The identity of the entry of this term at this index, from 0.
pub(crate) fn log_id(term: Term, index: u64) -> LogId {
    LogId::new(CommittedLeaderId::new(term), index)
}

/// A vote for a server. In this version there is none that is for no server.
pub(crate) fn vote(term: Term, voted_for: Option<u64>, committed: bool) -> Vote {
    let voted_for = voted_for.expect("each vote is for a server");
    Vote { leader_id: LeaderId { term, voted_for }, committed }
}

/// For whom a vote is.
pub(crate) fn voted_for(vote: &Vote) -> Option<u64> {
    Some(vote.leader_id.voted_for)
}

/// A snapshot of the log up to an entry.
pub(crate) fn snapshot(end: Option<LogId>, members: StoredMembership, data: Data) -> Snapshot {
    let meta = SnapshotMeta { last_log_id: end, last_membership: members };
    Snapshot { meta, snapshot: data }
}

/// What a snapshot holds.
pub(crate) fn data(snapshot: Snapshot) -> Data {
    snapshot.snapshot
}

/// The term, and whether the server leads.
pub(crate) fn role(raft: &Raft) -> (Term, bool) {
    let metrics = raft.metrics();
    let metrics = metrics.borrow_watched();
    (metrics.current_term, metrics.state.is_leader())
}

/// The term in which openraft leads and takes commands, if it does.
///
/// This version refuses commands while it hasn't heard from a majority for a lease's time, or not yet, and may take others
/// later in the same term. So whether it does must be known before the command's index is predicted.
pub(crate) fn leads_in(raft: &Raft) -> Option<Term> {
    let metrics = raft.metrics();
    let metrics = metrics.borrow_watched();
    let has_lease = metrics.last_quorum_acked.is_some_and(|acked| acked.elapsed() < LEASE);
    (metrics.state.is_leader() && has_lease).then_some(metrics.current_term)
}

/// Puts a command into openraft's queue, without waiting. Returns whether openraft has taken it.
pub(crate) fn queue(raft: &Raft, command: Bytes) -> bool {
    // What becomes of the command, the tester sees by what is applied. tokio may make a task wait that has done much
    // without a pause, even if there is room in the queue.
    let write = unconstrained(raft.client_write_ff(Opaque(command), None));
    matches!(write.now_or_never(), Some(Ok(())))
}
