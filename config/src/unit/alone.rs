//! The server by itself: its network, its incarnations, what it has saved and applied.

use std::fmt;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use harness::{Participants, T};
use labrpc::{ClientEnd, Hold, Network, Server, Switch};
use parking_lot::{Mutex, MutexGuard};
use raftapi::{ApplyMsg, Make, Persister, Raft, apply_channel};
use sim::context::Owner;
use sim::enter_call;

use super::observer::{self, Printer};

/// How long the server may take for what the script waits for.
pub(super) const WITHIN: Duration = Duration::from_secs(5);

/// How often the script looks whether it is there.
pub(super) const LOOK: Duration = Duration::from_millis(1);

/// The server's number.
pub(super) const ME: usize = 0;

pub(super) struct Alone {
    pub(super) t: T,
    pub(super) servers: usize,
    make: Make,
    network: Network,
    /// Has what the server asks of others.
    pub(super) requests: Hold,
    state: Mutex<State>,
}

pub(super) struct State {
    /// `None` at the end of the run.
    raft: Option<Arc<dyn Raft>>,
    incarnation: u32,
    pub(super) saved: Arc<Persister>,
    /// The names of the server's ends, and of the end that leads to it.
    ends: Vec<String>,
    /// What it has applied since it was started.
    pub(super) applied: Arc<Mutex<Vec<ApplyMsg>>>,
    /// How much of that the script has taken.
    taken: usize,
}

impl Alone {
    /// Makes the server, which has saved before what `saved` has.
    pub(super) fn new(t: &T, servers: usize, saved: Persister, make: Make) -> Arc<Alone> {
        let network = Network::new(t.sim(), Arc::new(Printer::new(t)));
        let state = State {
            raft: None,
            incarnation: 0,
            saved: Arc::new(saved),
            ends: Vec::new(),
            applied: Arc::default(),
            taken: 0,
        };
        let alone = Arc::new(Alone {
            t: t.clone(),
            servers,
            make,
            requests: network.hold(|_| true),
            network,
            state: Mutex::new(state),
        });
        // The run lets it go in the end. It is no cluster, of which the rules of Raft's could be asked.
        t.attach(0, alone.clone());
        alone.start();
        alone
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Makes the server, in a new incarnation.
    pub(super) fn start(&self) {
        let mut state = self.state();
        state.incarnation += 1;
        let owner = state.owner();
        let incarnation = state.incarnation;
        let name = |to: usize| format!("{ME}.{incarnation}->{to}");
        let make_end = |to: usize| {
            let end = self.network.make_end(name(to), Some(owner));
            self.network.connect(&name(to), to);
            self.network.enable(&name(to), Switch::On);
            end
        };
        let ends = (0..self.servers).map(make_end).collect();
        state.ends = (0..self.servers).map(name).collect();
        let saved = Arc::new(state.saved.copy());
        state.saved = saved.clone();
        let applied = Arc::new(Mutex::new(Vec::new()));
        (state.applied, state.taken) = (applied.clone(), 0);
        drop(state);

        let (apply_ch, mut receiver) = apply_channel();
        let entered = enter_call(owner, "make");
        let raft = (self.make)(ends, ME, saved, apply_ch);
        let service = raft.clone().service();
        drop(entered);
        let t = self.t.clone();
        tokio::spawn(async move {
            while let Some(message) = receiver.recv().await {
                observer::print(t.now(), &format!("server {ME} applies {message:?}"));
                applied.lock().push(message);
            }
        });
        self.network.add_server(ME, Server::new(Some(owner)).with(service));
        self.state().raft = Some(raft);
    }

    /// Takes the server down, which keeps what it has saved.
    pub(super) fn crash(&self) {
        self.network.delete_server(ME);
        let mut state = self.state();
        state.ends.drain(..).for_each(|end| self.network.delete_end(&end));
        // What the old instance saves from now on is nobody's.
        state.saved = Arc::new(state.saved.copy());
        let (raft, owner) = (state.raft.take(), state.owner());
        drop(state);
        self.requests.lose_all();
        if let Some(raft) = raft {
            let _entered = enter_call(owner, "kill");
            raft.kill();
        }
    }

    /// A new end to the server, which is nobody's.
    pub(super) fn end(&self) -> ClientEnd {
        let mut state = self.state();
        let name = format!("test.{}.{}", state.incarnation, state.ends.len());
        let end = self.network.make_end(&name, None);
        self.network.connect(&name, ME);
        self.network.enable(&name, Switch::On);
        state.ends.push(name);
        end
    }

    pub(super) fn with_raft<R>(
        &self,
        call: &'static str,
        here: &'static Location<'static>,
        f: impl FnOnce(&dyn Raft) -> R,
    ) -> R {
        self.t.step(call, here);
        let state = self.state();
        let (raft, owner) = (state.raft.clone(), state.owner());
        drop(state);
        let raft = raft.expect("it is there while its script runs");
        let _entered = enter_call(owner, call);
        f(&*raft)
    }

    pub(super) fn take_applied(&self) -> Option<ApplyMsg> {
        let mut state = self.state();
        let message = state.applied.lock().get(state.taken).cloned()?;
        state.taken += 1;
        Some(message)
    }
}

impl State {
    fn owner(&self) -> Owner {
        Owner { server: ME as u32, incarnation: self.incarnation }
    }
}

impl Participants for Alone {
    /// There is nothing to record: what a single server is, its script asks.
    fn look(&self) {}

    fn close(&self) {
        let mut state = self.state();
        let (raft, owner) = (state.raft.take(), state.owner());
        drop(state);
        if let Some(raft) = raft {
            let _entered = enter_call(owner, "kill");
            // A panic is noted as any other is; the run has no body left that it could end.
            let _ = catch_unwind(AssertUnwindSafe(move || raft.kill()));
        }
        self.network.close();
    }
}

impl fmt::Debug for Alone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Alone").field("servers", &self.servers).finish_non_exhaustive()
    }
}
