//! A server: the contract's calls, and the handlers of RPCs.

use std::collections::HashSet;
use std::fmt::Display;
use std::sync::{Arc, Mutex};

use async_raft::raft::{
    AppendEntriesResponse, ClientWriteRequest, InstallSnapshotResponse, VoteRequest, VoteResponse,
};
use async_raft::{Config, InitializeError};
use bytes::Bytes;
use futures::FutureExt as _;
use labrpc::{ClientEnd, Service};
use raftapi::{ApplyCh, Command, Index, Persister, Start, Term};
use seam::{Applies, Disk, Starts};

use crate::rpc::{AppendEntriesArgs, InstallSnapshotArgs, Network};
use crate::store::Store;
use crate::{Raft, Request};

/// One server.
struct Server {
    store: Arc<Store>,
    raft: Raft,
    starts: Mutex<Starts>,
}

/// Makes server `me` of a cluster.
///
/// async-raft has its default settings. The service decides when there is a snapshot, and then the log is made shorter at
/// once. Each server initializes the cluster with the same members, as its guide has it.
///
/// # Panics
/// If what `persister` has is not what a server saves.
#[must_use]
pub fn make(
    peers: Vec<ClientEnd>,
    me: usize,
    persister: Arc<Persister>,
    apply_ch: ApplyCh,
) -> Arc<dyn raftapi::Raft> {
    let me = me as u64;
    let store = Arc::new(Store::new(me, Disk::new(persister), Applies::new(apply_ch)));
    let members: HashSet<u64> = (0..peers.len() as u64).collect();
    let config =
        Config::build("lab".to_owned()).validate().expect("the default settings are valid");
    let network = Arc::new(Network { peers, store: store.clone() });
    let is_new = store.is_new();
    let raft = Raft::new(me, Arc::new(config), network, store.clone());
    let server = Arc::new(Server { store, raft, starts: Mutex::default() });
    if is_new {
        tokio::spawn(server.clone().initialize(members));
    }
    server
}

impl Server {
    async fn initialize(self: Arc<Self>, members: HashSet<u64>) {
        match self.raft.initialize(members).await {
            Ok(()) | Err(InitializeError::NotAllowed) => {}
            Err(error) => self.fail(&error).await,
        }
    }

    async fn fail<T>(&self, error: &impl Display) -> T {
        self.store.disk().no_answer("async-raft", error).await
    }

    async fn request_vote(self: Arc<Self>, request: VoteRequest) -> VoteResponse {
        match self.raft.vote(request).await {
            Ok(response) => response,
            Err(error) => self.fail(&error).await,
        }
    }

    async fn append_entries(self: Arc<Self>, args: AppendEntriesArgs) -> AppendEntriesResponse {
        match self.raft.append_entries(args.into()).await {
            Ok(response) => response,
            Err(error) => self.fail(&error).await,
        }
    }

    async fn install_snapshot(
        self: Arc<Self>,
        args: InstallSnapshotArgs,
    ) -> InstallSnapshotResponse {
        match self.raft.install_snapshot(args.into()).await {
            Ok(response) => response,
            Err(error) => self.fail(&error).await,
        }
    }
}

impl raftapi::Raft for Server {
    fn start(&self, command: Command) -> Option<Start> {
        let (term, true) = self.get_state() else { return None };
        // Its first poll puts the command into async-raft's queue. The rest waits for the commit; what becomes of the
        // command, the tester sees by what is applied.
        let raft = self.raft.clone();
        let mut write =
            Box::pin(
                async move { raft.client_write(ClientWriteRequest::new(Request(command))).await },
            );
        if write.as_mut().now_or_never().is_some() {
            return None; // it has ended
        }
        tokio::spawn(write);
        let mut starts = self.starts.lock().expect("predicting doesn't panic");
        Some(starts.next(term, self.store.commands()))
    }

    fn get_state(&self) -> (Term, bool) {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow();
        (metrics.current_term, metrics.state.is_leader())
    }

    fn snapshot(&self, index: Index, snapshot: Bytes) {
        self.store.keep_snapshot(index, snapshot);
    }

    fn service(self: Arc<Self>) -> Service {
        Service::new("Raft", self)
            .method("RequestVote", Server::request_vote)
            .method("AppendEntries", Server::append_entries)
            .method("InstallSnapshot", Server::install_snapshot)
    }

    fn kill(&self) {
        self.store.kill();
        let raft = self.raft.clone();
        tokio::spawn(async move {
            // It may have ended by itself, when its disk was gone.
            let _ = raft.shutdown().await;
        });
    }
}
