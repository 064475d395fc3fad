//! Servers that talk all the time, and tell a script who heard whom: what a network does to them is
//! plain to see.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use config::{Config, Reliability, Snapshots, T, Value, make_config};
use labrpc::{ClientEnd, Service};
use raftapi::{ApplyCh, ApplyMsg, Command, Index, Persister, Raft, Start, Term};
use tokio::time::{Instant, sleep};

pub(crate) const SERVERS: usize = 4;

/// How often each talks to each other, in ms.
const PAUSE_MS: u64 = 20;

/// A server made: which, when, and with what saved.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    pub(crate) server: usize,
    pub(crate) at: Instant,
    pub(crate) saved: Bytes,
}

/// What the script and the servers of a run share.
#[derive(Default)]
pub(crate) struct Shared {
    /// Who was heard by whom.
    pub(crate) heard: BTreeSet<(usize, usize)>,
    /// Who got an answer from whom.
    pub(crate) answered: BTreeSet<(usize, usize)>,
    pub(crate) made: Vec<Made>,
    /// What each says of itself.
    pub(crate) states: [(Term, bool); SERVERS],
    /// What each was asked to agree on.
    pub(crate) asked: [Vec<Bytes>; SERVERS],
    /// The highest number that each saved, and the highest that anybody heard of it.
    pub(crate) saved: [u8; SERVERS],
    pub(crate) told: [u8; SERVERS],
    /// How long syncs of server 0 took.
    pub(crate) syncs: Vec<Duration>,
    /// How long the service of server 0 made it wait.
    pub(crate) applies: Vec<Duration>,
}

pub(crate) type Table = Arc<Mutex<Shared>>;

struct Talker {
    me: usize,
    table: Table,
    killed: AtomicBool,
}

/// Makes a cluster of talkers.
#[track_caller]
pub(crate) fn talkers(t: &T) -> (Config, Table) {
    let table = Table::default();
    let shared = table.clone();
    let make = move |peers, me, persister: Arc<Persister>, apply_ch| {
        let (at, saved) = (Instant::now(), persister.read_raft_state());
        shared.lock().unwrap().made.push(Made { server: me, at, saved });
        let killed = AtomicBool::new(false);
        let talker = Arc::new(Talker { me, table: shared.clone(), killed });
        tokio::spawn(talker.clone().talk(peers, persister.clone()));
        if me == 0 {
            tokio::spawn(talker.clone().sync(persister));
            tokio::spawn(talker.clone().apply(apply_ch));
        }
        talker as Arc<dyn Raft>
    };
    let cfg = make_config(t, SERVERS, Reliability::Reliable, Snapshots::Off, make);
    cfg.begin("Isolation: servers that talk");
    (cfg, table)
}

impl Talker {
    fn is_alive(&self) -> bool {
        !self.killed.load(Ordering::Relaxed)
    }

    /// Saves a number, then tells it to everybody, and so on.
    async fn talk(self: Arc<Self>, peers: Vec<ClientEnd>, persister: Arc<Persister>) {
        while self.is_alive() {
            if self.me != 0 {
                let number = self.table.lock().unwrap().saved[self.me].wrapping_add(1);
                self.table.lock().unwrap().saved[self.me] = number;
                persister.save(Bytes::copy_from_slice(&[number]), Bytes::new());
            }
            let number = self.table.lock().unwrap().saved[self.me];
            for to in (0..SERVERS).filter(|&to| to != self.me) {
                let answer = peers[to].call::<_, bool>("Raft.Hear", &(self.me, number));
                let (table, me) = (self.table.clone(), self.me);
                tokio::spawn(async move {
                    if answer.await.is_some() {
                        table.lock().unwrap().answered.insert((me, to));
                    }
                });
            }
            sleep(Duration::from_millis(PAUSE_MS)).await;
        }
    }

    async fn hear(self: Arc<Self>, (from, number): (usize, u8)) -> bool {
        let mut table = self.table.lock().unwrap();
        table.heard.insert((from, self.me));
        table.told[from] = table.told[from].max(number);
        true
    }

    async fn sync(self: Arc<Self>, persister: Arc<Persister>) {
        while self.is_alive() {
            persister.write(Bytes::from_static(b"0"), Bytes::new());
            let begun = Instant::now();
            persister.sync().await;
            self.table.lock().unwrap().syncs.push(begun.elapsed());
            sleep(Duration::from_millis(PAUSE_MS)).await;
        }
    }

    async fn apply(self: Arc<Self>, apply_ch: ApplyCh) {
        let value = Value::from(1_u64).encode();
        for index in 1.. {
            let begun = Instant::now();
            apply_ch.send(ApplyMsg::Command { index, command: value.clone() }).await;
            self.table.lock().unwrap().applies.push(begun.elapsed());
            if begun.elapsed().is_zero() {
                sleep(Duration::from_millis(PAUSE_MS)).await;
            }
        }
    }
}

impl Raft for Talker {
    fn start(&self, command: Command) -> Option<Start> {
        self.table.lock().unwrap().asked[self.me].push(command);
        None
    }

    fn get_state(&self) -> (Term, bool) {
        self.table.lock().unwrap().states[self.me]
    }

    fn snapshot(&self, _: Index, _: Bytes) {}

    fn service(self: Arc<Self>) -> Service {
        Service::new("Raft", self).method("Hear", Talker::hear)
    }

    fn kill(&self) {
        self.killed.store(true, Ordering::Relaxed);
    }
}
