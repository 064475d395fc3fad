//! The network: which ends lead to which servers, what it counts, and its switches.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::panic::Location;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use nemesis::{Faults, Link};
use report::{Caller, EventKind, Outcome, Payload, RpcId, Time};
use sim::context::Owner;
use sim::{Rng, Sim, Stream};

use crate::end::{Answer, ClientEnd};
use crate::fate::{Fate, ReplyFate, Span};
use crate::faults::{Holding, Mishap, fails_after};
use crate::pump::{self, Request, Schedule, Step};
use crate::server::Server;

/// A server's name: its number.
pub type ServerName = usize;

/// Whether the network loses and delays messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reliability {
    /// Nothing is lost and nothing delayed.
    Reliable,
    /// Requests are delayed, and requests and replies lost.
    Unreliable,
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// On.
    On,
    /// Off.
    Off,
}

/// Is told what happens on a network. But for [`Observer::look_at`] it is called with the network's
/// lock held, so it must not call back.
pub trait Observer: Send + Sync + 'static {
    /// Something happened.
    fn record(&self, at: Time, kind: EventKind);

    /// A server has sent, handled or received something since it was looked at last; or a handler that has
    /// waited has ended, and its reply is about to set out. Nobody's code is
    /// running, and the network's lock is free, so that the server may be asked how it is. By the
    /// real clock there is no such moment, and this isn't called.
    fn look_at(&self, server: Owner) {
        let _ = server;
    }

    /// The same, where nothing is known but that the server's tasks have run.
    fn look_again(&self, server: Owner) {
        self.look_at(server);
    }

    /// The network was used in a way that can't go on, such as a call to an unknown method. The
    /// call concerned never returns; the run should be ended with this message.
    fn fatal(&self, message: String);
}

/// A network, and the only handle that controls it. Dropping it lets go of all servers and messages.
pub struct Network {
    pub(crate) shared: Arc<Shared>,
}

/// What ends, calls and the pump have in common.
pub(crate) struct Shared {
    pub(crate) sim: Sim,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) state: Mutex<State>,
}

pub(crate) struct State {
    pub(crate) schedule: Schedule,
    reliability: Reliability,
    long_delays: Switch,
    long_reordering: Switch,
    is_closed: bool,
    /// The [`Network`] was dropped: nothing will happen any more.
    pub(crate) is_gone: bool,
    ends: Vec<End>,
    end_names: EndNames,
    servers: BTreeMap<ServerName, Arc<Server>>,
    /// How many ids have been given to calls and to copies of calls.
    ids: u64,
    count: u64,
    pub(crate) bytes: u64,
    /// Faults beyond MIT's; `None` if there are none.
    pub(crate) faults: Option<Faults>,
    pub(crate) cut_links: BTreeSet<Link>,
    pub(crate) holds: Vec<Holding>,
    pub(crate) next_hold: u64,
    /// The servers that have had something to do since they were looked at.
    pub(crate) busy: Vec<Owner>,
}

/// Each end by its name. Looked up for every link that is switched, and never gone through; its hash
/// has no random key, which would be drawn from the run's seed.
type EndNames = HashMap<String, usize, BuildHasherDefault<DefaultHasher>>;

struct End {
    name: String,
    caller: Option<Owner>,
    server: Option<ServerName>,
    enabled: Switch,
    rng: Rng,
    /// For faults beyond MIT's.
    mishaps: Rng,
    /// For when calls fail that scripts lose.
    losses: Rng,
}

/// Locks, whoever panicked before: what is behind the network's locks is never left half changed.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Network {
    /// A reliable network without ends and servers, with long delays and long reordering off.
    /// Everything that happens on it is told to `observer`.
    ///
    /// # Panics
    /// Outside a run's runtime.
    #[must_use]
    pub fn new(sim: &Sim, observer: Arc<dyn Observer>) -> Network {
        let shared = Arc::new(Shared {
            sim: sim.clone(),
            observer,
            state: Mutex::new(State {
                schedule: Schedule::default(),
                reliability: Reliability::Reliable,
                long_delays: Switch::Off,
                long_reordering: Switch::Off,
                is_closed: false,
                is_gone: false,
                ends: Vec::new(),
                end_names: EndNames::default(),
                servers: BTreeMap::new(),
                ids: 0,
                count: 0,
                bytes: 0,
                faults: None,
                cut_links: BTreeSet::new(),
                holds: Vec::new(),
                next_hold: 0,
                busy: Vec::new(),
            }),
        });
        tokio::spawn(pump::run(shared.clone()));
        Network { shared }
    }

    /// Makes an end, connected to nothing and disabled. `caller` is who will call through it, for
    /// the record. What becomes of its calls depends on the run's seed and the end's name.
    ///
    /// # Panics
    /// If the name is taken.
    pub fn make_end(&self, name: impl Into<String>, caller: Option<Owner>) -> ClientEnd {
        let name = name.into();
        let mut state = self.state();
        let index = state.ends.len();
        assert!(!state.end_names.contains_key(&name), "MakeEnd: {name} already exists");
        state.end_names.insert(name.clone(), index);
        let rng = self.shared.sim.substream(Stream::Network, key(&name));
        let mishaps = self.shared.sim.substream(Stream::Faults, key(&name));
        let losses = self.shared.sim.substream(Stream::Faults, !key(&name));
        let (server, enabled) = (None, Switch::Off);
        state.ends.push(End { name, caller, server, enabled, rng, mishaps, losses });
        ClientEnd { shared: self.shared.clone(), index }
    }

    /// Takes an end's name away and disables it for ever.
    ///
    /// # Panics
    /// If there is no such end.
    pub fn delete_end(&self, name: &str) {
        let mut state = self.state();
        let index = state.end_names.remove(name);
        let index = index.unwrap_or_else(|| panic!("MakeEnd: {name} doesn't exists"));
        state.ends[index].enabled = Switch::Off;
    }

    /// Connects an end to a server, which need not exist yet. Once in an end's life.
    ///
    /// # Panics
    /// If there is no such end.
    pub fn connect(&self, end: &str, server: ServerName) {
        self.state().end(end).server = Some(server);
    }

    /// Enables or disables an end.
    ///
    /// # Panics
    /// If there is no such end.
    pub fn enable(&self, end: &str, enabled: Switch) {
        self.state().end(end).enabled = enabled;
    }

    /// Puts a server in place. One that was there before under the same name is dead from now on.
    pub fn add_server(&self, name: ServerName, server: Server) {
        let mut state = self.state();
        let replaced = state.servers.insert(name, Arc::new(server));
        replaced.iter().for_each(|server| server.die());
        drop(state);
        drop(replaced); // anybody's code, and so without the lock
    }

    /// Removes a server, which is dead from now on.
    pub fn delete_server(&self, name: ServerName) {
        let mut state = self.state();
        let deleted = state.servers.remove(&name);
        deleted.iter().for_each(|server| server.die());
        drop(state);
        drop(deleted); // anybody's code, and so without the lock
    }

    /// Switches loss and delay of the calls that are sent from now on.
    pub fn set_reliability(&self, reliability: Reliability) {
        self.state().reliability = reliability;
    }

    /// Switches, for calls sent from now on, whether the caller of a server that can't be reached
    /// learns so after up to 7 s or after up to 0.1 s.
    pub fn set_long_delays(&self, long_delays: Switch) {
        self.state().long_delays = long_delays;
    }

    /// Switches whether two of three replies, to calls sent from now on, are late by up to 2.2 s.
    pub fn set_long_reordering(&self, long_reordering: Switch) {
        self.state().long_reordering = long_reordering;
    }

    /// How many requests have arrived at a server since it was put in place; `None` if there is no
    /// such server.
    #[must_use]
    pub fn count(&self, server: ServerName) -> Option<u64> {
        self.state().servers.get(&server).map(|server| server.count())
    }

    /// How many calls were made, including those that came to nothing.
    #[must_use]
    pub fn total_count(&self) -> u64 {
        self.state().count
    }

    /// How many bytes all requests and all delivered replies have.
    #[must_use]
    pub fn total_bytes(&self) -> u64 {
        self.state().bytes
    }

    /// Closes the network: later calls return `None` at once. Requests that are under way run to
    /// their end. MIT's `Cleanup`.
    pub fn close(&self) {
        self.state().is_closed = true;
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.shared.state)
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("Network")
            .field("reliability", &state.reliability)
            .field("long_delays", &state.long_delays)
            .field("long_reordering", &state.long_reordering)
            .field("count", &state.count)
            .finish_non_exhaustive()
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // Servers hold ends, and ends hold the network: the circle has to be cut somewhere. What is
        // let go of is dropped without the lock, since it is anybody's code.
        let mut state = self.state();
        state.is_closed = true;
        state.is_gone = true;
        state.schedule.wake_pump();
        let servers = std::mem::take(&mut state.servers);
        servers.values().for_each(|server| server.die());
        let schedule = std::mem::take(&mut state.schedule);
        let holds = std::mem::take(&mut state.holds);
        drop(state);
        drop((servers, schedule, holds));
    }
}

impl State {
    /// A request's caller has something to do.
    pub(crate) fn caller_is_busy(&mut self, request: &Request) {
        if let Some(caller) = self.ends[request.end].caller {
            self.is_busy(caller);
        }
    }

    /// A server has something to do, and should be looked at.
    pub(crate) fn is_busy(&mut self, server: Owner) {
        if !self.busy.contains(&server) {
            self.busy.push(server);
        }
    }

    fn end(&mut self, name: &str) -> &mut End {
        match self.end_names.get(name) {
            Some(&index) => &mut self.ends[index],
            None => panic!("there is no end named {name}"),
        }
    }

    /// Whether a request's server can no longer answer it: its end is disabled, or its server
    /// deleted or replaced (MIT's `isServerDead`).
    pub(crate) fn is_dead(&self, request: &Request) -> bool {
        self.ends[request.end].enabled == Switch::Off
            || request.server.get().is_none_or(|server| server.is_dead())
    }

    /// The way that an end's requests go, if it leads from a server to a server.
    pub(crate) fn link(&self, end: usize) -> Option<Link> {
        let End { caller, server, .. } = &self.ends[end];
        Some(Link { from: (*caller)?.server as ServerName, to: (*server)? })
    }

    /// Who stands under the name of a request's server now.
    pub(crate) fn server_now(&self, request: &Request) -> Option<Arc<Server>> {
        self.servers.get(&self.ends[request.end].server?).cloned()
    }

    /// The next call's id.
    pub(crate) fn next_id(&mut self) -> RpcId {
        let id = RpcId(self.ids);
        self.ids += 1;
        id
    }
}

impl Shared {
    pub(crate) fn end_name(&self, index: usize) -> String {
        lock(&self.state).ends[index].name.clone()
    }

    /// Takes a request from a caller and decides what becomes of it.
    pub(crate) fn send(
        &self,
        end_index: usize,
        method: &'static str,
        args: Payload,
        called_at: &'static Location<'static>,
    ) -> Arc<Request> {
        let now = self.sim.now_us();
        let mut state = lock(&self.state);
        let caller = state.ends[end_index].caller;
        if let Some(caller) = caller {
            // It ends a caller that makes too many, and so comes before anything is changed.
            self.sim.count_call(caller.server, args.bytes().len() as u64, called_at);
        }
        let State { ends, faults, .. } = &mut *state;
        let end = &mut ends[end_index];
        let fate = Fate::draw(&mut end.rng);
        let mishap = match faults {
            Some(faults) => Mishap::draw(faults, &mut end.mishaps),
            None => Mishap::default(),
        };
        let fails_after = fails_after(&mut end.losses);
        let (to, enabled) = (end.server, end.enabled);
        let is_cut = state.link(end_index).is_some_and(|link| state.is_cut(link));
        let target = to.filter(|_| enabled == Switch::On && !is_cut);
        let server = target.and_then(|name| state.servers.get(&name)).cloned();
        let is_unreliable = state.reliability == Reliability::Unreliable;
        let is_reachable = server.is_some();
        let request = Arc::new(Request {
            id: RpcId(state.ids),
            end: end_index,
            server: OnceLock::new(),
            method,
            args: args.clone(),
            called_at,
            reply_fate: ReplyFate {
                hop: self.hop(fate.reply_hop),
                lateness: mishap.reply_delay
                    + match state.long_reordering {
                        Switch::On => fate.reordered.unwrap_or(0),
                        Switch::Off => 0,
                    },
                lost_after: if mishap.reply_lost {
                    Some(fails_after)
                } else {
                    (is_unreliable && fate.reply_lost).then_some(0)
                },
            },
            fails_after,
            answer: Answer::new(),
            reply: OnceLock::new(),
        });
        if state.is_closed {
            request.answer.give(Outcome::Unreachable);
            return request;
        }
        state.caller_is_busy(&request);
        state.ids += 1;
        state.count += 1;
        state.bytes += args.bytes().len() as u64;
        self.observer.record(
            Time(now),
            EventKind::RpcSent {
                id: request.id,
                from: caller.map(|Owner { server, incarnation }| Caller { server, incarnation }),
                to: to.map(server_number),
                method: method.into(),
                args,
            },
        );
        if state.hold(&request) {
            return request;
        }
        // Who gets what is late stands there when it arrives.
        if let Some(server) = server.filter(|_| mishap.request_delay.is_none()) {
            request.server.set(server).expect("it wasn't set");
        }
        let usual_delay = if is_unreliable { fate.request_delay } else { 0 };
        let (delay, step) = if !is_reachable {
            let wait = match state.long_delays {
                Switch::On => fate.unreachable_long,
                Switch::Off => fate.unreachable_short,
            };
            (wait, Step::Return(Outcome::Unreachable))
        } else if mishap.request_lost {
            (usual_delay + fails_after, Step::Return(Outcome::RequestLost))
        } else if is_unreliable && fate.request_lost {
            (usual_delay, Step::Return(Outcome::RequestLost))
        } else {
            (usual_delay + mishap.request_delay.unwrap_or(0), Step::Deliver)
        };
        let at = now + delay + self.hop(fate.request_hop);
        state.schedule.push(at, request.clone(), step);
        if let Some(late_by) = mishap.doubled.filter(|_| is_reachable) {
            let copy = self.copy(&mut state, &request);
            let at = now + usual_delay + late_by + self.hop(fate.reply_hop);
            state.schedule.push(at, copy, Step::Deliver);
        }
        drop(state);
        request
    }

    /// What a message takes in any case: by the real clock the machine sees to that.
    fn hop(&self, drawn: Span) -> Span {
        match self.sim.clock() {
            sim::Clock::Virtual => drawn,
            sim::Clock::Real => 0,
        }
    }
}

fn server_number(name: ServerName) -> u32 {
    u32::try_from(name).expect("a server's number fits 32 bits")
}

/// The part of the network's stream that an end of this name draws from (FNV-1a of the name).
fn key(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
