//! What openraft 0.9 asks for: a network, a storage of the log, and a state machine.

use std::fmt::Debug;
use std::io;
use std::ops::RangeBounds;

use openraft::error::{NetworkError, RPCError, RaftError, ReplicationClosed, StreamingError};
use openraft::network::{RPCOption, RaftNetwork, RaftNetworkFactory};
use openraft::raft::SnapshotResponse;
use openraft::storage::{LogFlushed, LogState, RaftLogStorage, RaftStateMachine};
use openraft::{
    EmptyNode, ErrorSubject, ErrorVerb, OptionalSend, RaftLogReader, RaftSnapshotBuilder,
    StorageError, StorageIOError,
};

use crate::network::{Client, Clients, in_time};
use crate::rpc::Data;
use crate::store::Handle;
use crate::version::{
    AppendEntriesRequest, AppendEntriesResponse, Entry, Fatal, LogId, Result, Snapshot,
    SnapshotMeta, StoredMembership, Types, Vote, VoteRequest, VoteResponse,
};

type Answer<T> = std::result::Result<T, RPCError<u64, EmptyNode, RaftError<u64>>>;

impl RaftNetworkFactory<Types> for Clients {
    type Network = Client;

    async fn new_client(&mut self, target: u64, _: &EmptyNode) -> Client {
        self.client(target)
    }
}

impl RaftNetwork<Types> for Client {
    async fn append_entries(
        &mut self,
        request: AppendEntriesRequest,
        option: RPCOption,
    ) -> Answer<AppendEntriesResponse> {
        let reply = in_time(option.hard_ttl(), self.send_entries(request)).await;
        Ok(reply.map_err(|error| NetworkError::new(&error))?)
    }

    async fn vote(&mut self, request: VoteRequest, option: RPCOption) -> Answer<VoteResponse> {
        let reply = in_time(option.hard_ttl(), self.ask_for_vote(request)).await;
        Ok(reply.map_err(|error| NetworkError::new(&error))?)
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: Snapshot,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        option: RPCOption,
    ) -> std::result::Result<SnapshotResponse<u64>, StreamingError<Types, Fatal>> {
        let reply = tokio::select! {
            reply = in_time(option.hard_ttl(), self.send_snapshot(vote, snapshot)) => reply,
            closed = cancel => return Err(closed.into()),
        };
        let vote = reply.map_err(|error| NetworkError::new(&error))?;
        Ok(SnapshotResponse::new(vote))
    }
}

/// That something of a server's wasn't saved.
fn unsaved(subject: ErrorSubject<u64>) -> impl FnOnce(io::Error) -> StorageError<u64> {
    move |error| StorageIOError::new(subject, ErrorVerb::Write, &error).into()
}

impl RaftLogReader<Types> for Handle {
    async fn try_get_log_entries<R>(&mut self, range: R) -> Result<Vec<Entry>>
    where
        R: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        Ok(self.entries(range))
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
        self.keep_vote(vote).map_err(unsaved(ErrorSubject::Vote))
    }

    async fn read_vote(&mut self) -> Result<Option<Vote>> {
        Ok(self.vote())
    }

    async fn append<I>(&mut self, entries: I, callback: LogFlushed<Types>) -> Result<()>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        self.push(entries).map_err(unsaved(ErrorSubject::Logs))?;
        callback.log_io_completed(Ok(()));
        Ok(())
    }

    async fn truncate(&mut self, log_id: LogId) -> Result<()> {
        self.keep_entries(log_id.index).map_err(unsaved(ErrorSubject::Logs))
    }

    async fn purge(&mut self, log_id: LogId) -> Result<()> {
        self.compact(log_id).map_err(unsaved(ErrorSubject::Logs))
    }
}

impl RaftSnapshotBuilder<Types> for Handle {
    async fn build_snapshot(&mut self) -> Result<Snapshot> {
        Ok(self.snapshot().expect("asked for only when there is one"))
    }
}

impl RaftStateMachine<Types> for Handle {
    type SnapshotBuilder = Handle;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, StoredMembership)> {
        Ok(self.applied())
    }

    async fn apply<I>(&mut self, entries: I) -> Result<Vec<()>>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        Ok(entries.into_iter().map(|entry| self.apply_one(entry)).collect())
    }

    async fn get_snapshot_builder(&mut self) -> Handle {
        self.clone()
    }

    async fn begin_receiving_snapshot(&mut self) -> Result<Box<Data>> {
        Ok(Box::default())
    }

    async fn install_snapshot(&mut self, meta: &SnapshotMeta, data: Box<Data>) -> Result<()> {
        self.install(meta, *data).map_err(unsaved(ErrorSubject::Snapshot(None)))
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot>> {
        Ok(self.snapshot())
    }
}
