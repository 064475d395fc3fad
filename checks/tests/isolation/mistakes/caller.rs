//! The least of a server that calls: one of its tasks is the mistake's.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use config::{Reliability, Snapshots, T, make_config};
use futures::future::BoxFuture;
use labrpc::{ClientEnd, Service};
use raftapi::{Command, Index, Raft, Start, Term};
use tokio::time::sleep;

use crate::server::{BAD_SERVER, SERVERS};

/// What one server does with its peers.
pub(super) type Calls = fn(Vec<ClientEnd>) -> BoxFuture<'static, ()>;

struct Listener;

impl Listener {
    async fn listen(self: Arc<Self>, _: u64) -> bool {
        true
    }

    async fn append(self: Arc<Self>, _: Vec<(Term, Vec<u8>)>) -> bool {
        true
    }

    async fn install(self: Arc<Self>, _: Bytes) -> bool {
        true
    }
}

impl Raft for Listener {
    fn start(&self, _: Command) -> Option<Start> {
        None
    }

    fn get_state(&self) -> (Term, bool) {
        (0, false)
    }

    fn snapshot(&self, _: Index, _: Bytes) {}

    fn service(self: Arc<Self>) -> Service {
        Service::new("Raft", self)
            .method("Listen", Listener::listen)
            .method("Append", Listener::append)
            .method("Install", Listener::install)
    }

    fn kill(&self) {}
}

/// The script: one server calls as it likes.
pub(super) async fn run(t: T, calls: Calls) {
    let make = move |peers: Vec<ClientEnd>, me, _, _| {
        if me == BAD_SERVER {
            tokio::spawn(async move {
                sleep(Duration::from_millis(100)).await;
                calls(peers).await;
            });
        }
        Arc::new(Listener) as Arc<dyn Raft>
    };
    let cfg = make_config(&t, SERVERS, Reliability::Reliable, Snapshots::Off, make);
    cfg.begin("Mistakes: a server that calls");
    sleep(Duration::from_secs(5)).await;
    cfg.end();
}
