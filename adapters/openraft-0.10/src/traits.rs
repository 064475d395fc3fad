//! What openraft 0.10 asks for: a network, a storage of the log, and a state machine.

use std::fmt::Debug;
use std::io::Result;
use std::ops::RangeBounds;

use futures::{Stream, TryStreamExt as _};
use openraft::error::{NetworkError, RPCError, ReplicationClosed, StreamingError};
use openraft::network::{RPCOption, RaftNetworkFactory, RaftNetworkV2};
use openraft::raft::SnapshotResponse;
use openraft::storage::{EntryResponder, IOFlushed, LogState, RaftLogStorage, RaftStateMachine};
use openraft::{EmptyNode, OptionalSend, RaftLogReader, RaftSnapshotBuilder};

use crate::network::{Client, Clients, in_time};
use crate::rpc::Data;
use crate::store::Handle;
use crate::version::{
    AppendEntriesRequest, AppendEntriesResponse, Entry, LogId, Snapshot, SnapshotMeta,
    StoredMembership, Types, Vote, VoteRequest, VoteResponse,
};

type Answer<T> = std::result::Result<T, RPCError<Types>>;

impl RaftNetworkFactory<Types> for Clients {
    type Network = Client;

    async fn new_client(&mut self, target: u64, _: &EmptyNode) -> Client {
        self.client(target)
    }
}

impl RaftNetworkV2<Types> for Client {
    type SnapshotData = Data;

    async fn append_entries(
        &mut self,
        request: AppendEntriesRequest,
        option: RPCOption,
    ) -> Answer<AppendEntriesResponse> {
        let reply = in_time(option.soft_ttl(), self.send_entries(request)).await;
        Ok(reply.map_err(|error| NetworkError::new(&error))?)
    }

    async fn vote(&mut self, request: VoteRequest, option: RPCOption) -> Answer<VoteResponse> {
        let reply = in_time(option.soft_ttl(), self.ask_for_vote(request)).await;
        Ok(reply.map_err(|error| NetworkError::new(&error))?)
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: Snapshot,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        option: RPCOption,
    ) -> std::result::Result<SnapshotResponse<Types>, StreamingError<Types>> {
        let reply = tokio::select! {
            reply = in_time(option.soft_ttl(), self.send_snapshot(vote, snapshot)) => reply,
            closed = cancel => return Err(closed.into()),
        };
        let vote = reply.map_err(|error| NetworkError::new(&error))?;
        Ok(SnapshotResponse::new(vote))
    }
}

impl RaftLogReader<Types> for Handle {
    async fn try_get_log_entries<R>(&mut self, range: R) -> Result<Vec<Entry>>
    where
        R: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        Ok(self.entries(range))
    }

    async fn read_vote(&mut self) -> Result<Option<Vote>> {
        Ok(self.vote())
    }
}

impl RaftLogStorage<Types> for Handle {
    type LogReader = Handle;

    async fn get_log_state(&mut self) -> Result<LogState<Types>> {
        let (last_purged_log_id, last_log_id) = self.log_ends();
        Ok(LogState { last_purged_log_id, last_log_id })
    }

    async fn get_log_reader(&mut self) -> Handle {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> Result<()> {
        self.keep_vote(vote)
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<Types>) -> Result<()>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        self.push(entries)?;
        callback.io_completed(Ok(()));
        Ok(())
    }

    async fn truncate_after(&mut self, last: Option<LogId>) -> Result<()> {
        self.keep_entries(last.map_or(0, |last| last.index + 1))
    }

    async fn purge(&mut self, log_id: LogId) -> Result<()> {
        self.compact(log_id)
    }
}

impl RaftSnapshotBuilder<Types> for Handle {
    type SnapshotData = Data;

    async fn build_snapshot(&mut self) -> Result<Snapshot> {
        Ok(self.snapshot().expect("asked for only when there is one"))
    }
}

impl RaftStateMachine<Types> for Handle {
    type SnapshotData = Data;
    type SnapshotBuilder = Handle;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, StoredMembership)> {
        Ok(self.applied())
    }

    async fn apply<S>(&mut self, mut entries: S) -> Result<()>
    where
        S: Stream<Item = Result<EntryResponder<Types>>> + Unpin + OptionalSend,
    {
        while let Some((entry, responder)) = entries.try_next().await? {
            self.apply_one(entry);
            if let Some(responder) = responder {
                responder.send(());
            }
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Handle {
        self.clone()
    }

    async fn install_snapshot(&mut self, meta: &SnapshotMeta, data: Data) -> Result<()> {
        self.install(meta, data)
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot>> {
        Ok(self.snapshot())
    }
}
