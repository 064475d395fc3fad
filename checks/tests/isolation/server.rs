//! The least of a server that has work to do, and a place in it for every bad habit.
//!
//! It elects nobody: it calls its peers, answers their calls, and ends soon after it is killed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use config::{Reliability, Snapshots, T, make_config};
use futures::future::{BoxFuture, FutureExt as _, ready};
use labrpc::{ClientEnd, Service};
use raftapi::{Command, Index, Raft, Start, Term};
use tokio::time::sleep;

pub(crate) const SERVERS: usize = 3;

/// The server that has the bad habit.
pub(crate) const BAD_SERVER: usize = 1;

/// One run in so many draws the bad lot.
const LOTS: u32 = 6;

/// What a server does beside its duty, by the place where it does it.
#[derive(Clone, Copy)]
pub(crate) struct Habits {
    pub(crate) in_make: fn(),
    pub(crate) in_start: fn(),
    pub(crate) in_get_state: fn(),
    pub(crate) in_kill: fn(),
    pub(crate) in_drop: fn(),
    /// In the task that calls the peers, each time before it calls.
    pub(crate) in_task: fn() -> BoxFuture<'static, ()>,
    pub(crate) in_handler: fn() -> BoxFuture<'static, ()>,
    /// What it tells its peers.
    pub(crate) message: fn() -> BoxFuture<'static, u64>,
}

impl Habits {
    pub(crate) const GOOD: Habits = Habits {
        in_make: || {},
        in_start: || {},
        in_get_state: || {},
        in_kill: || {},
        in_drop: || {},
        in_task: || ready(()).boxed(),
        in_handler: || ready(()).boxed(),
        message: || ready(1).boxed(),
    };
}

struct Server {
    peers: Vec<ClientEnd>,
    me: usize,
    habits: Habits,
    killed: AtomicBool,
}

pub(crate) fn make(peers: Vec<ClientEnd>, me: usize, habits: Habits) -> Arc<dyn Raft> {
    let server = Arc::new(Server { peers, me, habits, killed: AtomicBool::new(false) });
    tokio::spawn(server.clone().work());
    (habits.in_make)();
    server
}

impl Server {
    async fn work(self: Arc<Self>) {
        while !self.killed.load(Ordering::Relaxed) {
            sleep(Duration::from_millis(100)).await;
            (self.habits.in_task)().await;
            for peer in (0..self.peers.len()).filter(|&peer| peer != self.me) {
                let message = (self.habits.message)().await;
                let _answer = self.peers[peer].call::<_, bool>("Raft.Listen", &message).await;
            }
        }
    }

    async fn listen(self: Arc<Self>, _message: u64) -> bool {
        (self.habits.in_handler)().await;
        true
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        (self.habits.in_drop)();
    }
}

impl Raft for Server {
    fn start(&self, _: Command) -> Option<Start> {
        (self.habits.in_start)();
        None
    }

    fn get_state(&self) -> (Term, bool) {
        (self.habits.in_get_state)();
        (0, false)
    }

    fn snapshot(&self, _: Index, _: Bytes) {}

    fn service(self: Arc<Self>) -> Service {
        Service::new("Raft", self).method("Listen", Server::listen)
    }

    fn kill(&self) {
        (self.habits.in_kill)();
        self.killed.store(true, Ordering::Relaxed);
    }
}

/// Whether this run is one of those that go wrong: the first draw of the code under test tells.
pub(crate) fn draws_the_bad_lot() -> bool {
    rand::random_range(0..LOTS) == 0
}

/// A run in which one server has a bad habit, if the lot says so.
pub(crate) async fn one_in_some_runs(t: T, habits: Habits) {
    let habits = if draws_the_bad_lot() { habits } else { Habits::GOOD };
    run(t, move |server| if server == BAD_SERVER { habits } else { Habits::GOOD }).await;
}

/// A run in which one server has a bad habit, whatever the lot says.
pub(crate) async fn only_bad_server(t: T, habits: Habits) {
    run(t, move |server| if server == BAD_SERVER { habits } else { Habits::GOOD }).await;
}

/// A run in which the servers that live until it is over have a bad habit.
pub(crate) async fn only_survivor(t: T, habits: Habits) {
    run(t, move |server| if server == BAD_SERVER { Habits::GOOD } else { habits }).await;
}

/// A run in which all servers have these habits.
pub(crate) async fn everybody(t: T, habits: Habits) {
    run(t, move |_| habits).await;
}

/// The script: the servers work, are asked, work on for a while, and lose the one that may be bad.
async fn run(t: T, habits_of: impl Fn(usize) -> Habits + Send + Sync + 'static) {
    let cfg =
        make_config(&t, SERVERS, Reliability::Reliable, Snapshots::Off, move |peers, me, _, _| {
            make(peers, me, habits_of(me))
        });
    cfg.begin("Isolation: servers that call each other");
    sleep(Duration::from_secs(1)).await;
    for server in 0..SERVERS {
        assert_eq!(cfg.start(server, 1), None);
        assert_eq!(cfg.start(server, 2), None);
        assert_eq!(cfg.get_state(server), Some((0, false)));
    }
    sleep(Duration::from_secs(7)).await;
    cfg.crash1(BAD_SERVER);
    sleep(Duration::from_secs(12)).await;
    cfg.end();
}
