//! A request that comes when the life to which it was sent is over, and the next has begun.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use config::{Reliability, Snapshots, make_config};
use labrpc::{ClientEnd, Service};
use raftapi::{Command, Index, Raft, Start, Term};
use testkit::{Victim, victims};
use tokio::time::sleep;

use crate::child::{PASSED, run};

pub(crate) const VICTIMS: &[Victim] = victims![restarts_amid_requests];

/// A server whose handlers wait for another of its tasks, as an actor's do: once it is killed, for ever.
struct Actor {
    peers: Vec<ClientEnd>,
    is_killed: AtomicBool,
}

impl Actor {
    async fn work(self: Arc<Self>) {
        while !self.is_killed.load(Ordering::Relaxed) {
            sleep(Duration::from_millis(5)).await;
            for peer in &self.peers {
                drop(peer.call::<_, bool>("Raft.Listen", &1_u64));
            }
        }
    }

    async fn listen(self: Arc<Self>, _message: u64) -> bool {
        if self.is_killed.load(Ordering::Relaxed) {
            pending::<()>().await;
        }
        true
    }
}

impl Raft for Actor {
    fn start(&self, _: Command) -> Option<Start> {
        None
    }

    fn get_state(&self) -> (Term, bool) {
        (0, false)
    }

    fn snapshot(&self, _: Index, _: Bytes) {}

    fn service(self: Arc<Self>) -> Service {
        Service::new("Raft", self).method("Listen", Actor::listen)
    }

    fn kill(&self) {
        self.is_killed.store(true, Ordering::Relaxed);
    }
}

fn restarts_amid_requests() {
    config::test(|t| async move {
        let cfg =
            make_config(&t, 3, Reliability::Unreliable, Snapshots::Off, |peers, _me, _, _| {
                let actor = Arc::new(Actor { peers, is_killed: AtomicBool::new(false) });
                tokio::spawn(actor.clone().work());
                actor
            });
        cfg.begin("Isolation: requests to a life that is over");
        for _ in 0..10 {
            sleep(Duration::from_millis(50)).await;
            cfg.start1(1);
            cfg.connect(1);
        }
        sleep(Duration::from_secs(3)).await;
        cfg.end();
    });
}

#[test]
fn a_dead_server_s_handler_is_not_the_next_life_s() {
    let variables = [("LAB_SEED", "1"), ("LAB_ITERS", "3")];
    let ran = run(&["restarted::restarts_amid_requests"], &variables);
    ran.assert_status(PASSED);
    assert_eq!(ran.results.len(), 3);
    for result in &ran.results {
        assert_eq!(result.warnings, [""; 0], "seed {}", result.seed);
    }
}
