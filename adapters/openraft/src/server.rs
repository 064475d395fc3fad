//! A server: the contract's calls, and the handlers of RPCs.

use std::collections::BTreeSet;
use std::env;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use labrpc::{ClientEnd, Service};
use openraft::error::{InitializeError, RaftError};
use openraft::{Config, SnapshotPolicy};
use raftapi::{ApplyCh, Command, Index, Persister, Start, Term};
use rand::RngExt as _;
use seam::{Applies, Disk, Starts};
use tokio::sync::SetOnce;
use tokio::time::sleep;

use crate::network::Clients;
use crate::rpc::{
    AppendEntriesArgs, AppendEntriesReply, InstallSnapshotArgs, InstallSnapshotReply,
    RequestVoteArgs, RequestVoteReply,
};
use crate::store::{Handle, Store};
use crate::version::{self, Raft, TICK};

/// The variable that says when servers begin: `aligned`, all at the same instant; `spread`, each up to a tick later.
/// Because it begins with `LAB_`, a report's replay command repeats it.
const STARTS: &str = "LAB_STARTS";

/// One server.
struct Server {
    store: Arc<Store>,
    /// openraft, once it has begun.
    raft: SetOnce<Raft>,
    starts: Mutex<Starts>,
}

/// Makes server `me` of a cluster.
///
/// openraft has its default settings, but for two: the service decides when a snapshot is made, and a log keeps nothing
/// that is in a snapshot. Each server initializes the cluster with the same members, as openraft's guide allows: the
/// lab's servers know one another, and each starts an election if it hears from no leader.
///
/// # Panics
/// If what `persister` has is not what a server saves, or the variable `LAB_STARTS` has neither of its values.
#[must_use]
pub fn make(
    peers: Vec<ClientEnd>,
    me: usize,
    persister: Arc<Persister>,
    apply_ch: ApplyCh,
) -> Arc<dyn raftapi::Raft> {
    let store = Arc::new(Store::new(Disk::new(persister), Applies::new(apply_ch)));
    let server = Arc::new(Server { store, raft: SetOnce::new(), starts: Mutex::default() });
    tokio::spawn(server.clone().begin(peers, me as u64));
    server
}

/// How much later than the others a server begins.
fn delay() -> Duration {
    match env::var(STARTS).as_deref() {
        Err(_) | Ok("aligned") => Duration::ZERO,
        Ok("spread") => rand::rng().random_range(Duration::ZERO..TICK),
        Ok(other) => panic!("{STARTS}={other}: write {STARTS}=aligned or {STARTS}=spread"),
    }
}

fn config() -> Config {
    let config = Config {
        snapshot_policy: SnapshotPolicy::Never,
        max_in_snapshot_log_to_keep: 0,
        ..Config::default()
    };
    config.validate().expect("the default settings are valid")
}

impl Server {
    async fn begin(self: Arc<Self>, peers: Vec<ClientEnd>, me: u64) {
        sleep(delay()).await;
        let members: BTreeSet<u64> = (0..peers.len() as u64).collect();
        let (log, machine) = (Handle(self.store.clone()), Handle(self.store.clone()));
        let clients = Clients { peers, store: self.store.clone() };
        let begun = Raft::new(me, Arc::new(config()), clients, log, machine).await;
        let raft = begun.unwrap_or_else(|error| panic!("openraft doesn't begin: {error}"));
        // Nobody else sets it.
        let _ = self.raft.set(raft.clone());
        if self.store.disk().is_pulled() {
            end(raft).await;
        } else {
            match raft.initialize(members).await {
                Ok(()) | Err(RaftError::APIError(InitializeError::NotAllowed(_))) => {}
                Err(error) => self.fail(&error).await,
            }
        }
    }

    /// openraft; waits until it has begun.
    async fn raft(&self) -> &Raft {
        self.raft.wait().await
    }

    async fn fail<T>(&self, error: &impl std::fmt::Display) -> T {
        self.store.disk().no_answer("openraft", error).await
    }

    async fn request_vote(self: Arc<Self>, args: RequestVoteArgs) -> RequestVoteReply {
        match self.raft().await.vote(args.into()).await {
            Ok(response) => response.into(),
            Err(error) => self.fail(&error).await,
        }
    }

    async fn append_entries(self: Arc<Self>, args: AppendEntriesArgs) -> AppendEntriesReply {
        let term = args.term();
        match self.raft().await.append_entries(args.into()).await {
            Ok(response) => AppendEntriesReply::new(term, response),
            Err(error) => self.fail(&error).await,
        }
    }

    async fn install_snapshot(self: Arc<Self>, args: InstallSnapshotArgs) -> InstallSnapshotReply {
        let (vote, meta, data) = args.into_parts();
        self.store.expect_snapshot(meta.clone(), data.clone());
        let snapshot = meta.snapshot(data);
        match self.raft().await.install_full_snapshot(vote, snapshot).await {
            Ok(response) => response.vote.into(),
            Err(error) => self.fail(&error).await,
        }
    }

    fn role(&self) -> (Term, bool) {
        match self.raft.get() {
            Some(raft) => version::role(raft),
            None => (self.store.term(), false),
        }
    }
}

impl raftapi::Raft for Server {
    fn start(&self, command: Command) -> Option<Start> {
        let raft = self.raft.get()?;
        let term = version::leads_in(raft)?;
        if !version::queue(raft, command) {
            return None;
        }
        let mut starts = self.starts.lock().expect("predicting doesn't panic");
        Some(starts.next(term, self.store.commands()))
    }

    fn get_state(&self) -> (Term, bool) {
        self.role()
    }

    fn snapshot(&self, index: Index, snapshot: Bytes) {
        if self.store.keep_snapshot(index, snapshot)
            && let Some(raft) = self.raft.get().cloned()
        {
            tokio::spawn(async move {
                // It fails only if openraft has ended, and then the log needn't be made shorter.
                let _ = raft.trigger().snapshot().await;
            });
        }
    }

    fn service(self: Arc<Self>) -> Service {
        Service::new("Raft", self)
            .method("RequestVote", Server::request_vote)
            .method("AppendEntries", Server::append_entries)
            .method("InstallSnapshot", Server::install_snapshot)
    }

    fn kill(&self) {
        self.store.kill();
        if let Some(raft) = self.raft.get().cloned() {
            tokio::spawn(end(raft));
        }
    }
}

/// Ends openraft, which takes a while.
async fn end(raft: Raft) {
    // It may have ended by itself, when its disk was gone.
    let _ = raft.shutdown().await;
}
