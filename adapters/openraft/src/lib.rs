//! openraft as a Raft of the lab.
//!
//! It is used as its guide says, with its default settings; `make` lists the two that differ. What the lab's contract
//! asks for and openraft has otherwise is in [`seam`], and docs/bring-your-own.md explains it by this crate.
//!
//! * `server.rs`: the contract's calls, and the handlers of RPCs.
//! * `store.rs`: the log, the vote and the snapshot, on the lab's disk; the state machine, which is the apply channel.
//! * `network.rs`: the calls to other servers.
//! * `rpc.rs`: what openraft's messages are in the paper's terms.
//!
//! openraft counts entries from 0, and the paper from 1. So do [`seam::Log`] and the wire; `store.rs` and `rpc.rs`
//! add or take one.

mod network;
mod rpc;
mod server;
mod store;

use bytes::Bytes;

pub use server::make;

openraft::declare_raft_types!(
    /// The types that openraft is used with.
    pub(crate) Types:
        D = Bytes,
        R = (),
        NodeId = u64,
        Node = openraft::EmptyNode,
        SnapshotData = Bytes,
);

/// openraft's identity of an entry.
type LogId = openraft::LogId<u64>;

/// openraft's identity of an entry: its term, and its index from 0. `None` if there is no entry yet.
fn log_id(term: u64, index: u64) -> Option<LogId> {
    let index = index.checked_sub(1)?;
    Some(LogId::new(openraft::CommittedLeaderId::new(term, 0), index))
}

/// The index of an entry, from 1, and its term; 0 and 0 if there is no entry yet.
fn index_and_term(log_id: Option<LogId>) -> (u64, u64) {
    log_id.map_or((0, 0), |log_id| (log_id.index + 1, log_id.leader_id.term))
}
