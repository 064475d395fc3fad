//! The least of a Raft that replicates: server 0 leads for ever. It keeps the contract, but for one flaw.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use config::{Reliability, Retry, Snapshots, T, make_config};
use labrpc::{ClientEnd, Service};
use raftapi::{ApplyCh, ApplyMsg, Command, Index, Persister, Raft, Start, Term};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio::time::sleep;

const SERVERS: usize = 3;

/// How often the leader sends what it has.
const HEARTBEAT: Duration = Duration::from_millis(50);

/// How many commands a run asks for: enough for a snapshot.
const COMMANDS: u64 = 12;

/// What is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    CountsFromZero,
    LeavesAnIndexOut,
    AppliesTwice,
    AppliesAnother,
    NeverApplies,
    GivesTheSameIndexAgain,
    NobodyLeads,
    EverybodyLeads,
    PanicsWhenRestored,
    OutlivesItsKill,
    PanicsInSnapshot,
    IndexesBehindTheLog,
    SubtractsBelowZero,
    CallsAnotherService,
    CallsAnotherMethod,
    SendsAnotherType,
    ExpectsAnotherReply,
    AddsAMethodTwice,
    SendsWhatCannotBeEncoded,
}

#[derive(Serialize, Deserialize)]
struct AppendEntriesArgs {
    term: Term,
    entries: Vec<Bytes>,
    leader_commit: Index,
}

#[derive(Serialize, Deserialize)]
struct AppendEntriesReply {
    term: Term,
    success: bool,
    last_index: Index,
}

/// It is told from a number only by its value.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Answer {
    Vote(bool),
    Term(Term),
}

#[derive(Default)]
struct State {
    log: Vec<Bytes>,
    matched: [Index; SERVERS],
    committed: Index,
}

struct Server {
    peers: Vec<ClientEnd>,
    me: usize,
    persister: Arc<Persister>,
    flaw: Flaw,
    state: Mutex<State>,
    advanced: Notify,
    killed: AtomicBool,
}

/// The script: a leader, commands, a follower that crashes and comes back, and more commands.
pub(super) async fn run(t: T, flaw: Flaw) {
    let make = move |peers, me, persister, apply_ch| make(peers, me, persister, apply_ch, flaw);
    let snapshots = if flaw == Flaw::PanicsInSnapshot { Snapshots::On } else { Snapshots::Off };
    let cfg = make_config(&t, SERVERS, Reliability::Reliable, snapshots, make);
    cfg.begin("Mistakes: a Raft with one flaw");
    cfg.check_one_leader().await;
    for command in 1..=COMMANDS {
        cfg.one(command, SERVERS, Retry::No).await;
    }
    cfg.crash1(SERVERS - 1);
    sleep(Duration::from_secs(11)).await;
    cfg.start1(SERVERS - 1);
    cfg.connect(SERVERS - 1);
    cfg.one(COMMANDS + 1, SERVERS, Retry::No).await;
    cfg.end();
}

fn make(
    peers: Vec<ClientEnd>,
    me: usize,
    persister: Arc<Persister>,
    apply_ch: ApplyCh,
    flaw: Flaw,
) -> Arc<dyn Raft> {
    let saved = persister.read_raft_state();
    let log: Vec<Bytes> =
        if saved.is_empty() { Vec::new() } else { labgob::decode(&saved).unwrap() };
    if flaw == Flaw::PanicsWhenRestored {
        labgob::decode::<(Term, Vec<Bytes>)>(&saved).unwrap();
    }
    let state = Mutex::new(State { log, ..State::default() });
    let (advanced, killed) = (Notify::new(), AtomicBool::new(false));
    let server = Arc::new(Server { peers, me, persister, flaw, state, advanced, killed });
    tokio::spawn(server.clone().apply(apply_ch));
    if server.me == 0 {
        (1..SERVERS).for_each(|peer| drop(tokio::spawn(server.clone().lead(peer))));
    }
    server
}

impl Server {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_alive(&self) -> bool {
        self.flaw == Flaw::OutlivesItsKill || !self.killed.load(Ordering::Relaxed)
    }

    async fn lead(self: Arc<Self>, peer: usize) {
        while self.is_alive() {
            let (entries, leader_commit) = {
                let state = self.state();
                (state.log.clone(), state.committed)
            };
            let args = AppendEntriesArgs { term: 1, entries, leader_commit };
            tokio::spawn(self.clone().send_entries(peer, args));
            sleep(HEARTBEAT).await;
        }
    }

    async fn send_entries(self: Arc<Self>, peer: usize, args: AppendEntriesArgs) {
        let end = &self.peers[peer];
        let last_index = match self.flaw {
            Flaw::CallsAnotherService => end.call("Raf.AppendEntries", &args).await,
            Flaw::CallsAnotherMethod => end.call("Raft.AppendEntry", &args).await,
            Flaw::SendsAnotherType => end.call("Raft.AppendEntries", &args.entries).await,
            Flaw::ExpectsAnotherReply => {
                let reply = end.call::<_, bool>("Raft.AppendEntries", &args).await;
                reply.map(Index::from)
            }
            Flaw::SendsWhatCannotBeEncoded => end.call("Raft.Answer", &Answer::Vote(true)).await,
            _ => {
                let reply = end.call::<_, AppendEntriesReply>("Raft.AppendEntries", &args);
                reply.await.map(|reply| reply.last_index)
            }
        };
        if let Some(last_index) = last_index {
            self.matched(peer, last_index);
        }
    }

    fn matched(&self, peer: usize, last_index: Index) {
        let mut state = self.state();
        state.matched[peer] = last_index.max(state.matched[peer]);
        state.matched[self.me] = state.log.len() as Index;
        if self.flaw == Flaw::IndexesBehindTheLog {
            let last = state.log[last_index as usize + 1].clone();
            assert!(!last.is_empty());
        }
        if self.flaw == Flaw::SubtractsBelowZero {
            let before = last_index - 1;
            assert!(before <= last_index);
        }
        let mut matched = state.matched;
        matched.sort_unstable();
        state.committed = matched[SERVERS / 2].max(state.committed);
        drop(state);
        self.advanced.notify_one();
    }

    async fn append_entries(self: Arc<Self>, args: AppendEntriesArgs) -> AppendEntriesReply {
        let last_index = {
            let mut state = self.state();
            if args.entries.len() > state.log.len() {
                state.log = args.entries;
                self.save(&state);
            }
            state.committed = args.leader_commit.max(state.committed);
            state.log.len() as Index
        };
        self.advanced.notify_one();
        AppendEntriesReply { term: 1, success: true, last_index }
    }

    async fn answer(self: Arc<Self>, _: Answer) -> Index {
        0
    }

    fn save(&self, state: &State) {
        self.persister.save(labgob::encode(&state.log), Bytes::new());
    }

    async fn apply(self: Arc<Self>, apply_ch: ApplyCh) {
        let mut applied = 0;
        while self.is_alive() && self.flaw != Flaw::NeverApplies {
            self.advanced.notified().await;
            let commands = {
                let state = self.state();
                let end = state.committed as usize;
                state.log[applied..end.max(applied)].to_vec()
            };
            for command in commands {
                applied += 1;
                self.send(&apply_ch, applied as Index, command).await;
            }
        }
    }

    async fn send(&self, apply_ch: &ApplyCh, index: Index, command: Command) {
        let message = match self.flaw {
            Flaw::CountsFromZero => ApplyMsg::Command { index: index - 1, command },
            Flaw::LeavesAnIndexOut if index > 2 => ApplyMsg::Command { index: index + 1, command },
            Flaw::AppliesAnother if self.me == 1 && index == 3 => {
                ApplyMsg::Command { index, command: self.state().log[0].clone() }
            }
            _ => ApplyMsg::Command { index, command },
        };
        if self.flaw == Flaw::AppliesTwice && index == 2 {
            apply_ch.send(message.clone()).await;
        }
        apply_ch.send(message).await;
    }
}

impl Raft for Server {
    fn start(&self, command: Command) -> Option<Start> {
        if !self.get_state().1 {
            return None;
        }
        let mut state = self.state();
        state.log.push(command);
        self.save(&state);
        let index = match self.flaw {
            Flaw::CountsFromZero => state.log.len() - 1,
            Flaw::GivesTheSameIndexAgain => 1,
            _ => state.log.len(),
        };
        drop(state);
        Some(Start { index: index as Index, term: 1 })
    }

    fn get_state(&self) -> (Term, bool) {
        let leads = match self.flaw {
            Flaw::NobodyLeads => false,
            Flaw::EverybodyLeads => true,
            _ => self.me == 0,
        };
        (1, leads)
    }

    fn snapshot(&self, index: Index, _: Bytes) {
        if self.flaw == Flaw::PanicsInSnapshot {
            todo!("drop the log up to index {index}");
        }
    }

    fn service(self: Arc<Self>) -> Service {
        let adds_twice = self.flaw == Flaw::AddsAMethodTwice;
        let service = Service::new("Raft", self)
            .method("AppendEntries", Server::append_entries)
            .method("Answer", Server::answer);
        if adds_twice {
            return service.method("AppendEntries", Server::append_entries);
        }
        service
    }

    fn kill(&self) {
        self.killed.store(true, Ordering::Relaxed);
        self.advanced.notify_one();
    }
}
