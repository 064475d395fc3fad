//! What async-raft's messages are in the paper's terms (Figures 2 and 13), and the calls to other servers.
//!
//! Its own types have the paper's names already, but for entries, which the lab's disk and wire have in the form of
//! [`seam::Entry`], and for the number of commands before them.

use std::sync::Arc;

use anyhow::{Result, anyhow};
use async_raft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, EntryConfigChange, EntryNormal, EntryPayload,
    EntrySnapshotPointer, InstallSnapshotRequest, InstallSnapshotResponse, MembershipConfig,
    VoteRequest, VoteResponse,
};
use async_raft::{NodeId, RaftNetwork};
use async_trait::async_trait;
use bytes::Bytes;
use labrpc::ClientEnd;
use raftapi::{Index, Term};
use seam::{Content, Entry};
use serde::{Deserialize, Serialize};

use crate::Request;
use crate::store::Store;

/// A leader replicates entries, or asserts itself with none.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct AppendEntriesArgs {
    term: Term,
    leader_id: u64,
    prev_log_index: Index,
    prev_log_term: Term,
    entries: Vec<Entry>,
    leader_commit: Index,
    /// How many of the entries up to `prev_log_index` are commands. The lab's specification knows by this field that
    /// indexes count other entries, too.
    commands_before: Index,
    /// Entries that async-raft sends under their own indexes, which don't follow `prev_log_index`. The paper has no such
    /// request, so the specification doesn't read them.
    misplaced: Vec<(Index, Entry)>,
}

impl AppendEntriesArgs {
    /// A request, with so many commands before its entries.
    fn new(request: &AppendEntriesRequest<Request>, commands_before: Index) -> AppendEntriesArgs {
        let own = request.entries.iter().map(|entry| entry.index);
        let (entries, misplaced) = if own
            .eq((request.prev_log_index + 1..).take(request.entries.len()))
        {
            (request.entries.iter().map(from_entry).collect(), Vec::new())
        } else {
            let misplaced = request.entries.iter().map(|entry| (entry.index, from_entry(entry)));
            (Vec::new(), misplaced.collect())
        };
        AppendEntriesArgs {
            term: request.term,
            leader_id: request.leader_id,
            prev_log_index: request.prev_log_index,
            prev_log_term: request.prev_log_term,
            entries,
            leader_commit: request.leader_commit,
            commands_before,
            misplaced,
        }
    }
}

impl From<AppendEntriesArgs> for AppendEntriesRequest<Request> {
    fn from(args: AppendEntriesArgs) -> AppendEntriesRequest<Request> {
        let entries = (args.prev_log_index + 1..).zip(&args.entries);
        let entries = entries.chain(args.misplaced.iter().map(|(index, entry)| (*index, entry)));
        AppendEntriesRequest {
            term: args.term,
            leader_id: args.leader_id,
            prev_log_index: args.prev_log_index,
            prev_log_term: args.prev_log_term,
            entries: entries.map(|(index, entry)| to_entry(index, entry)).collect(),
            leader_commit: args.leader_commit,
        }
    }
}

/// A leader sends a part of its snapshot.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct InstallSnapshotArgs {
    term: Term,
    leader_id: u64,
    last_included_index: Index,
    last_included_term: Term,
    offset: u64,
    data: Bytes,
    done: bool,
}

impl From<InstallSnapshotArgs> for InstallSnapshotRequest {
    fn from(args: InstallSnapshotArgs) -> InstallSnapshotRequest {
        InstallSnapshotRequest {
            term: args.term,
            leader_id: args.leader_id,
            last_included_index: args.last_included_index,
            last_included_term: args.last_included_term,
            offset: args.offset,
            data: args.data.into(),
            done: args.done,
        }
    }
}

/// What an entry that isn't a command has, in async-raft's own form.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Members {
    membership: MembershipConfig,
    /// The name of the snapshot that the entry stands for, if it stands for one.
    snapshot: Option<String>,
}

/// An entry of async-raft's, for wire and disk.
pub(crate) fn from_entry(entry: &async_raft::raft::Entry<Request>) -> Entry {
    let members = |membership: &MembershipConfig, snapshot| {
        Content::Membership(labgob::encode(&Members { membership: membership.clone(), snapshot }))
    };
    let content = match &entry.payload {
        EntryPayload::Blank => Content::Blank,
        EntryPayload::Normal(EntryNormal { data: Request(command) }) => {
            Content::Command(command.clone())
        }
        EntryPayload::ConfigChange(change) => members(&change.membership, None),
        EntryPayload::SnapshotPointer(EntrySnapshotPointer { id, membership }) => {
            members(membership, Some(id.clone()))
        }
    };
    Entry { term: entry.term, content }
}

/// The entry at `index`, in async-raft's form.
pub(crate) fn to_entry(index: Index, entry: &Entry) -> async_raft::raft::Entry<Request> {
    let payload = match &entry.content {
        Content::Blank => EntryPayload::Blank,
        Content::Command(command) => {
            EntryPayload::Normal(EntryNormal { data: Request(command.clone()) })
        }
        Content::Membership(members) => match decoded(members) {
            Members { membership, snapshot: None } => {
                EntryPayload::ConfigChange(EntryConfigChange { membership })
            }
            Members { membership, snapshot: Some(id) } => {
                EntryPayload::SnapshotPointer(EntrySnapshotPointer { id, membership })
            }
        },
    };
    async_raft::raft::Entry { term: entry.term, index, payload }
}

/// The members that an entry names, if it names them.
pub(crate) fn members(entry: &Entry) -> Option<MembershipConfig> {
    match &entry.content {
        Content::Membership(members) => Some(decoded(members).membership),
        Content::Blank | Content::Command(_) => None,
    }
}

fn decoded(members: &[u8]) -> Members {
    labgob::decode(members).expect("the adapter has encoded it")
}

/// A server's calls to the others.
#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) peers: Vec<ClientEnd>,
    pub(crate) store: Arc<Store>,
}

impl Network {
    fn end(&self, target: NodeId) -> &ClientEnd {
        &self.peers[target as usize]
    }
}

fn no_reply() -> anyhow::Error {
    anyhow!("no reply")
}

#[async_trait]
impl RaftNetwork<Request> for Network {
    async fn append_entries(
        &self,
        target: NodeId,
        request: AppendEntriesRequest<Request>,
    ) -> Result<AppendEntriesResponse> {
        let commands_before = self.store.commands_up_to(request.prev_log_index);
        let args = AppendEntriesArgs::new(&request, commands_before);
        self.end(target).call("Raft.AppendEntries", &args).await.ok_or_else(no_reply)
    }

    async fn install_snapshot(
        &self,
        target: NodeId,
        request: InstallSnapshotRequest,
    ) -> Result<InstallSnapshotResponse> {
        let args = InstallSnapshotArgs {
            term: request.term,
            leader_id: request.leader_id,
            last_included_index: request.last_included_index,
            last_included_term: request.last_included_term,
            offset: request.offset,
            data: request.data.into(),
            done: request.done,
        };
        self.end(target).call("Raft.InstallSnapshot", &args).await.ok_or_else(no_reply)
    }

    async fn vote(&self, target: NodeId, request: VoteRequest) -> Result<VoteResponse> {
        self.end(target).call("Raft.RequestVote", &request).await.ok_or_else(no_reply)
    }
}
