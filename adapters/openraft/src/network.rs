//! The calls to other servers.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use labrpc::ClientEnd;
use tokio::time::timeout;

use crate::rpc::{
    AppendEntriesArgs, AppendEntriesReply, InstallSnapshotArgs, InstallSnapshotReply, Meta,
    RequestVoteArgs, RequestVoteReply, index_and_term,
};
use crate::store::Store;
use crate::version::{
    self, AppendEntriesRequest, AppendEntriesResponse, Snapshot, Vote, VoteRequest, VoteResponse,
};

/// Makes a server's clients, one for each other server.
#[derive(Debug)]
pub(crate) struct Clients {
    pub(crate) peers: Vec<ClientEnd>,
    pub(crate) store: Arc<Store>,
}

/// Calls one server.
#[derive(Debug)]
pub(crate) struct Client {
    end: ClientEnd,
    store: Arc<Store>,
}

/// A call's reply, if it comes within this time. Why there is none, the network doesn't say; openraft then tries again.
pub(crate) async fn in_time<T>(
    time: Duration,
    call: impl Future<Output = Option<T>>,
) -> io::Result<T> {
    let reply = timeout(time, call).await.ok().flatten();
    reply.ok_or_else(|| io::Error::new(io::ErrorKind::TimedOut, "no reply"))
}

impl Clients {
    /// The client that calls `target`.
    pub(crate) fn client(&self, target: u64) -> Client {
        Client { end: self.peers[target as usize].clone(), store: self.store.clone() }
    }
}

impl Client {
    /// Returns the reply, if there is one.
    pub(crate) async fn send_entries(
        &self,
        request: AppendEntriesRequest,
    ) -> Option<AppendEntriesResponse> {
        let (prev, _) = index_and_term(request.prev_log_id);
        let args = AppendEntriesArgs::new(request, self.store.commands_up_to(prev));
        let reply: AppendEntriesReply = self.end.call("Raft.AppendEntries", &args).await?;
        Some(reply.into())
    }

    /// Returns the reply, if there is one.
    pub(crate) async fn ask_for_vote(&self, request: VoteRequest) -> Option<VoteResponse> {
        let args = RequestVoteArgs::from(&request);
        let reply: RequestVoteReply = self.end.call("Raft.RequestVote", &args).await?;
        Some(reply.into())
    }

    /// Returns the reply, if there is one.
    pub(crate) async fn send_snapshot(&self, vote: Vote, snapshot: Snapshot) -> Option<Vote> {
        let meta = snapshot.meta.clone();
        let data = version::data(snapshot);
        let config = Meta::new(&meta, data.commands);
        let args = InstallSnapshotArgs::new(&vote, config, data.bytes);
        let reply: InstallSnapshotReply = self.end.call("Raft.InstallSnapshot", &args).await?;
        Some(reply.into())
    }
}
