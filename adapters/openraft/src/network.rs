//! The calls to other servers.

use std::io;
use std::sync::Arc;

use labrpc::ClientEnd;
use openraft::error::{
    Fatal, NetworkError, RPCError, RaftError, ReplicationClosed, StreamingError,
};
use openraft::network::{RPCOption, RaftNetwork, RaftNetworkFactory};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, VoteRequest, VoteResponse,
};
use openraft::{EmptyNode, OptionalSend, Snapshot};
use tokio::time::sleep;

use crate::rpc::{
    AppendEntriesArgs, AppendEntriesReply, InstallSnapshotArgs, InstallSnapshotReply, Meta,
    RequestVoteArgs, RequestVoteReply,
};
use crate::store::Store;
use crate::{Types, index_and_term};

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

impl RaftNetworkFactory<Types> for Clients {
    type Network = Client;

    async fn new_client(&mut self, target: u64, _: &EmptyNode) -> Client {
        Client { end: self.peers[target as usize].clone(), store: self.store.clone() }
    }
}

/// That there was no reply is all that the network says. openraft then tries again by its own timers.
fn no_reply() -> NetworkError {
    NetworkError::new(&io::Error::new(io::ErrorKind::TimedOut, "no reply"))
}

impl RaftNetwork<Types> for Client {
    async fn append_entries(
        &mut self,
        request: AppendEntriesRequest<Types>,
        _: RPCOption,
    ) -> Result<AppendEntriesResponse<u64>, RPCError<u64, EmptyNode, RaftError<u64>>> {
        let (prev, _) = index_and_term(request.prev_log_id);
        let args = AppendEntriesArgs::new(request, self.store.commands_up_to(prev));
        let reply: Option<AppendEntriesReply> = self.end.call("Raft.AppendEntries", &args).await;
        Ok(reply.ok_or_else(no_reply)?.into())
    }

    async fn vote(
        &mut self,
        request: VoteRequest<u64>,
        _: RPCOption,
    ) -> Result<VoteResponse<u64>, RPCError<u64, EmptyNode, RaftError<u64>>> {
        let args = RequestVoteArgs::from(&request);
        let reply: Option<RequestVoteReply> = self.end.call("Raft.RequestVote", &args).await;
        Ok(reply.ok_or_else(no_reply)?.into())
    }

    async fn full_snapshot(
        &mut self,
        vote: openraft::Vote<u64>,
        snapshot: Snapshot<Types>,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        option: RPCOption,
    ) -> Result<SnapshotResponse<u64>, StreamingError<Types, Fatal<u64>>> {
        let args = InstallSnapshotArgs::new(&vote, Meta::from(&snapshot.meta), *snapshot.snapshot);
        let call = self.end.call("Raft.InstallSnapshot", &args);
        let reply: Option<InstallSnapshotReply> = tokio::select! {
            reply = call => reply,
            closed = cancel => return Err(closed.into()),
            // openraft gives other calls up by itself.
            () = sleep(option.hard_ttl()) => None,
        };
        Ok(SnapshotResponse::new(reply.ok_or_else(no_reply)?.into()))
    }
}
