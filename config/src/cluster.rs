//! The cluster under test: how it is built, broken and mended.

use std::borrow::Cow;
use std::fmt;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use harness::{Participants, T, caller};
use labrpc::{ClientEnd, Network, Reliability, Server, Switch};
use parking_lot::{Mutex, MutexGuard};
use raftapi::{ApplyCh, Make, Persister, Raft, Start, Term, apply_channel};
use rand::RngExt as _;
use rand::distr::uniform::{SampleRange, SampleUniform};
use report::{EventKind, FailureKind, Mark, NetworkChange};
use sim::context::Owner;
use sim::{Clock, Rng, Stream, enter_call};

use crate::applied::{Logs, Snapshots};
use crate::disk::Disk;
use crate::marks::{self, LastSnapshot};
use crate::puppets::Puppets;
use crate::recorder::{self, Recorder};
use crate::refusal::Refusal;
use crate::variation;

/// A cluster under test: MIT's `cfg`. Clones are the same cluster.
#[derive(Clone)]
pub struct Config {
    pub(crate) t: T,
    pub(crate) cluster: Arc<Cluster>,
}

pub(crate) struct Cluster {
    make: Make,
    /// Who stands in for the servers, if anybody does.
    puppets: Option<Puppets>,
    pub(crate) network: Network,
    recorder: Arc<Recorder>,
    snapshots: Snapshots,
    pub(crate) rng: Mutex<Rng>,
    pub(crate) disks: Arc<Disk>,
    state: Mutex<State>,
}

pub(crate) struct State {
    pub(crate) servers: Vec<ServerState>,
    pub(crate) logs: Logs,
    pub(crate) begin: Baseline,
}

pub(crate) struct ServerState {
    raft: Option<Arc<dyn Raft>>,
    pub(crate) incarnation: u32,
    /// Whether that incarnation is the one that counts: false once it has crashed.
    is_live: bool,
    connected: bool,
    saved: Arc<Persister>,
    /// What this life's last accepted command was given.
    pub(crate) last_start: Option<Start>,
    /// The names of its ends, by the server that each leads to; those of its current life.
    end_names: Vec<String>,
}

/// What had been counted when the test began.
#[derive(Default)]
pub(crate) struct Baseline {
    pub(crate) at: Duration,
    pub(crate) rpcs: u64,
    pub(crate) bytes: u64,
    pub(crate) max_index: u64,
}

/// Makes a cluster of `servers` servers and connects them all. Long delays are on, as in every Raft
/// test of MIT's.
///
/// # Panics
/// If `make` does; the run has then failed.
#[track_caller]
pub fn make_config<F>(
    t: &T,
    servers: usize,
    reliability: Reliability,
    snapshots: Snapshots,
    make: F,
) -> Config
where
    F: Fn(Vec<ClientEnd>, usize, Arc<Persister>, ApplyCh) -> Arc<dyn Raft> + Send + Sync + 'static,
{
    cluster(t, "make_config", servers, reliability, snapshots, make)
}

/// What [`make_config`] makes. The script has called `called` for it.
#[track_caller]
pub(crate) fn cluster<F>(
    t: &T,
    called: &'static str,
    servers: usize,
    reliability: Reliability,
    snapshots: Snapshots,
    make: F,
) -> Config
where
    F: Fn(Vec<ClientEnd>, usize, Arc<Persister>, ApplyCh) -> Arc<dyn Raft> + Send + Sync + 'static,
{
    let puppets = Puppets::of(t);
    marks::begin(t);
    t.step(called, Location::caller());
    let recorder = Arc::new(Recorder::new(t, servers));
    puppets.iter().for_each(Puppets::network_is_next);
    let network = Network::new(t.sim(), recorder.clone());
    network.set_reliability(reliability);
    network.set_long_delays(Switch::On);
    let server = || ServerState {
        raft: None,
        incarnation: 0,
        is_live: false,
        connected: false,
        saved: Arc::new(Persister::new()),
        last_start: None,
        end_names: Vec::new(),
    };
    let config = Config {
        t: t.clone(),
        cluster: Arc::new(Cluster {
            make: Arc::new(make),
            puppets,
            network,
            recorder,
            snapshots,
            rng: Mutex::new(t.sim().stream(Stream::Script)),
            disks: Arc::new(Disk::new(t.sim().stream(Stream::Faults))),
            state: Mutex::new(State {
                servers: (0..servers).map(|_| server()).collect(),
                logs: Logs::new(servers),
                begin: Baseline::default(),
            }),
        }),
    };
    t.attach(servers, Arc::new(config.clone()));
    let cluster = &config.cluster;
    cluster.puppets.iter().for_each(|puppets| puppets.act_on(config.stage()));
    variation::follow(t, &cluster.network, cluster, |cluster| [&cluster.rng, &cluster.disks.rng]);
    config.cluster.recorder.look_when_tasks_ran();
    config.cluster.recorder.record_tasks_ends();
    if t.sim().clock() == Clock::Real {
        sim::spawn_unnumbered(recorder::look_now_and_then(config.cluster.recorder.clone()));
    }
    if reliability == Reliability::Unreliable {
        config.note_change(NetworkChange::Unreliable, "the network is unreliable");
    }
    for i in 0..servers {
        config.bring_up(i);
    }
    for i in 0..servers {
        config.set_connected(i);
    }
    config
}

impl Config {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.cluster.state.lock()
    }

    /// How many servers the cluster has, whatever state they are in.
    #[must_use]
    pub fn servers(&self) -> usize {
        self.state().servers.len()
    }

    /// Starts a server, or crashes it and starts it again with what it had saved. It gets fresh ends
    /// and is not connected: that is [`Config::connect`]'s part.
    #[track_caller]
    pub fn start1(&self, i: usize) {
        self.t.step_to_change("start1", Location::caller());
        self.bring_up(i);
    }

    /// Crashes a server: it is cut off, and keeps only what it had saved. What the old instance still
    /// does reaches nobody.
    #[track_caller]
    pub fn crash1(&self, i: usize) {
        self.t.step_to_change("crash1", Location::caller());
        self.take_down(i);
    }

    /// Connects a server to all that are connected.
    #[track_caller]
    pub fn connect(&self, i: usize) {
        self.t.step_to_change("connect", Location::caller());
        self.set_connected(i);
    }

    /// Cuts a server off from all others.
    #[track_caller]
    pub fn disconnect(&self, i: usize) {
        self.t.step_to_change("disconnect", Location::caller());
        self.set_disconnected(i);
    }

    fn bring_up(&self, i: usize) {
        self.take_down(i);
        let network = &self.cluster.network;
        let mut state = self.state();
        let servers = state.servers.len();
        let server = &mut state.servers[i];
        server.incarnation += 1;
        server.is_live = true;
        let owner = Owner { server: number(i), incarnation: server.incarnation };
        // The ends of an earlier life are gone for ever, so each life has its own.
        server.end_names =
            (0..servers).map(|j| format!("{i}.{}->{j}", owner.incarnation)).collect();
        let ends = server.end_names.iter().enumerate().map(|(j, name)| {
            let end = network.make_end(name, Some(owner));
            network.connect(name, j);
            end
        });
        let ends = ends.collect();
        let config = Arc::downgrade(&self.cluster);
        let (t, disks) = (self.t.clone(), self.cluster.disks.clone());
        let last = LastSnapshot::new(server.saved.read_snapshot());
        let syncing = t.clone();
        let saved = server.saved.copy().slow(move || {
            syncing.mark(|| Mark::Syncs { server: caller(owner) });
            disks.sync_time()
        });
        let saved = Arc::new(saved.watched(move |saving| {
            last.mark(&t, owner, saving);
            let (state, snapshot) = (saving.state_size as u64, saving.snapshot.len() as u64);
            t.record(EventKind::Saved { server: caller(owner), state, snapshot });
            if let Some(cluster) = config.upgrade() {
                Config { t: t.clone(), cluster }.has_saved(owner);
            }
        }));
        server.saved = saved.clone();
        server.last_start = None;
        let begun = state.logs.begin_life(i, &saved.read_snapshot());
        drop(state);
        if let Err(Refusal { check, message }) = begun {
            self.t.fail((FailureKind::Safety, check), message);
        }

        self.t.record(EventKind::Started { server: caller(owner) });
        let (apply_ch, receiver) = apply_channel();
        let entered = enter_call(owner, "make");
        let raft = match &self.cluster.puppets {
            Some(puppets) => puppets.make(owner, ends, saved),
            None => (self.cluster.make)(ends, i, saved, apply_ch),
        };
        let service = raft.clone().service();
        let raft = marks::marked(&self.t, owner, raft);
        drop(entered);
        sim::spawn_unnumbered(self.clone().applier(owner, receiver));
        network.add_server(i, Server::new(Some(owner)).with(service));
        self.cluster.recorder.begin(owner, raft.clone());
        self.state().servers[i].raft = Some(raft);
    }

    fn take_down(&self, i: usize) {
        if let Some((owner, raft)) = self.unplug(i) {
            let _entered = enter_call(owner, "kill");
            raft.kill();
        }
    }

    /// Crashes a server in all but telling it so.
    pub(crate) fn unplug(&self, i: usize) -> Option<(Owner, Arc<dyn Raft>)> {
        self.set_disconnected(i);
        self.cluster.network.delete_server(i);
        let mut state = self.state();
        let server = &mut state.servers[i];
        // What the old instance saves from now on goes to a persister that nobody reads.
        server.saved = Arc::new(server.saved.copy());
        for name in server.end_names.drain(..) {
            self.cluster.network.delete_end(&name);
        }
        server.is_live = false;
        let owner = Owner { server: number(i), incarnation: server.incarnation };
        let raft = server.raft.take();
        drop(state);
        self.cluster.recorder.end(i);
        let raft = raft?;
        self.t.record(EventKind::Crashed { server: caller(owner) });
        Some((owner, raft))
    }

    fn set_connected(&self, i: usize) {
        let mut state = self.state();
        state.servers[i].connected = true;
        self.switch_links(&state, i, Switch::On, |other| other.connected);
        drop(state);
        self.t.record(EventKind::Connected { server: number(i) });
    }

    fn set_disconnected(&self, i: usize) {
        let mut state = self.state();
        let was_connected = std::mem::replace(&mut state.servers[i].connected, false);
        self.switch_links(&state, i, Switch::Off, |_| true);
        drop(state);
        if was_connected {
            self.t.record(EventKind::Disconnected { server: number(i) });
        }
    }

    /// Switches the links of server `i`, in both directions, to those servers that `which` picks.
    fn switch_links(
        &self,
        state: &State,
        i: usize,
        switch: Switch,
        which: impl Fn(&ServerState) -> bool,
    ) {
        let network = &self.cluster.network;
        for (j, other) in state.servers.iter().enumerate().filter(|(_, other)| which(other)) {
            let outgoing = state.servers[i].end_names.get(j);
            let incoming = other.end_names.get(i);
            for name in outgoing.into_iter().chain(incoming) {
                network.enable(name, switch);
            }
        }
    }

    /// Calls a server on its own behalf, and tells in which life; `None` if it is crashed.
    pub(crate) fn call_raft<R>(
        &self,
        i: usize,
        call: &'static str,
        f: impl FnOnce(Owner, &dyn Raft) -> R,
    ) -> Option<R> {
        let state = self.state();
        let ServerState { raft, incarnation, .. } = &state.servers[i];
        let (raft, owner) = (raft.clone()?, Owner { server: number(i), incarnation: *incarnation });
        drop(state);
        let _entered = enter_call(owner, call);
        Some(f(owner, &*raft))
    }

    /// Records that the script has switched how the network behaves.
    pub(crate) fn note_network(&self, what: impl Into<Cow<'static, str>>) {
        self.note_change(NetworkChange::Other, what);
    }

    /// The same, with what it is as data.
    pub(crate) fn note_change(&self, change: NetworkChange, what: impl Into<Cow<'static, str>>) {
        self.t.record(EventKind::Network { what: what.into(), change });
    }

    pub(crate) fn recorder(&self) -> &Recorder {
        &self.cluster.recorder
    }

    pub(crate) fn disks(&self) -> &Disk {
        &self.cluster.disks
    }

    pub(crate) fn snapshots(&self) -> Snapshots {
        self.cluster.snapshots
    }

    pub(crate) fn with_logs<R>(&self, read: impl FnOnce(&Logs) -> R) -> R {
        read(&self.state().logs)
    }

    pub(crate) fn network(&self) -> &Network {
        &self.cluster.network
    }

    /// The size of the largest state that any server has saved, crashed ones included, in bytes.
    #[must_use]
    pub fn log_size(&self) -> usize {
        let sizes = self.state();
        sizes.servers.iter().map(|server| server.saved.raft_state_size()).max().unwrap_or(0)
    }

    /// The size of the snapshot that a server has saved, crashed or not, in bytes.
    #[must_use]
    pub fn snapshot_size(&self, i: usize) -> usize {
        self.state().servers[i].saved.snapshot_size()
    }

    /// What server `i` saves to, crashed or not.
    pub(crate) fn disk(&self, i: usize) -> Arc<Persister> {
        self.state().servers[i].saved.clone()
    }

    /// Asks a server for its term and whether it believes that it leads; `None` if it is crashed.
    #[must_use]
    pub fn get_state(&self, i: usize) -> Option<(Term, bool)> {
        self.call_raft(i, "get_state", |owner, raft| {
            let (term, is_leader) = raft.get_state();
            self.cluster.recorder.saw(owner, raft, term, is_leader);
            (term, is_leader)
        })
    }

    /// Whether a server is connected.
    #[must_use]
    pub fn is_connected(&self, i: usize) -> bool {
        self.state().servers[i].connected
    }

    /// Whether a server is alive: started, and not crashed since.
    #[must_use]
    pub fn is_live(&self, i: usize) -> bool {
        self.state().servers[i].is_live
    }

    /// Whether a life of a server goes on, and the server has been made.
    pub(crate) fn is_running(&self, owner: Owner) -> bool {
        let server = &self.state().servers[owner.server as usize];
        server.is_live && server.incarnation == owner.incarnation && server.raft.is_some()
    }

    /// The servers that are connected, by number.
    pub(crate) fn connected(&self) -> Vec<usize> {
        let state = self.state();
        (0..state.servers.len()).filter(|&i| state.servers[i].connected).collect()
    }

    /// Switches whether calls to servers that can't be reached fail after up to 7 s (on, as every
    /// test begins) or after up to 0.1 s.
    pub fn set_long_delays(&self, long_delays: Switch) {
        self.cluster.network.set_long_delays(long_delays);
        self.note_network(match long_delays {
            Switch::On => "calls to unreachable servers fail after up to 7 s",
            Switch::Off => "calls to unreachable servers fail after up to 0.1 s",
        });
    }

    /// Draws a number for the script from the run's seed: MIT's `rand.Int() % n` is
    /// `random_range(0..n)`.
    pub fn random_range<N: SampleUniform>(&self, range: impl SampleRange<N>) -> N {
        self.cluster.rng.lock().random_range(range)
    }
}

impl Participants for Config {
    fn look(&self) {
        self.cluster.recorder.look_around();
    }

    /// Kills all servers and closes the network.
    fn close(&self) {
        let rafts: Vec<_> = self
            .state()
            .servers
            .iter_mut()
            .map(|server| (server.incarnation, server.raft.take()))
            .collect();
        for (i, (incarnation, raft)) in rafts.into_iter().enumerate() {
            // It has the network's ends, and the network has the recorder.
            self.cluster.recorder.end(i);
            if let Some(raft) = raft {
                let _entered = enter_call(Owner { server: number(i), incarnation }, "kill");
                // A panic is noted as any other is; the run has no body left that it could end.
                let _ = catch_unwind(AssertUnwindSafe(move || raft.kill()));
            }
        }
        self.cluster.network.close();
    }
}

impl State {
    /// Whether a life of a server is the one that counts.
    pub(crate) fn is_live(&self, owner: Owner) -> bool {
        let ServerState { is_live, incarnation, .. } = self.servers[owner.server as usize];
        is_live && incarnation == owner.incarnation
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config").field("network", &self.cluster.network).finish_non_exhaustive()
    }
}

fn number(server: usize) -> u32 {
    u32::try_from(server).expect("a server's number fits 32 bits")
}
