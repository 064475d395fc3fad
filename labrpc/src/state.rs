//! The network's state: one machine, which everything else here works on.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::sync::Arc;
use std::task::Waker;

use nemesis::{Faults, Link};
use parking_lot::{Mutex, MutexGuard};
use report::{CallChange, EventKind, Payload, RpcId, Time};
use sim::context::Owner;
use sim::{Rng, SameCalls, Sim};

use crate::request::Request;
use crate::schedule::Schedule;
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

/// Receives the network's events. Where a method doesn't say otherwise, it is called with the network's lock held, so it
/// must not call back.
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

    /// Whether the network may make use of its turn. If not, whoever says so wakes it later. The network's lock is free.
    fn may_go_on(&self, network: &Waker) -> bool {
        let _ = network;
        true
    }

    /// A call's handler didn't end at once: it goes on in a task. The network's lock is free.
    fn waits(&self, id: RpcId) {
        let _ = id;
    }

    /// A handler that went on in a task has ended; its server is looked at next. The network's lock is free.
    fn has_waited(&self, id: RpcId) {
        let _ = id;
    }

    /// The network was used in a way that can't go on, such as a call to an unknown method. The
    /// call concerned never returns; the run should be ended with this message.
    fn fatal(&self, message: String);
}

/// What ends, calls and the pump have in common.
pub(crate) struct Shared {
    pub(crate) sim: Sim,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) state: Mutex<State>,
}

pub(crate) struct State {
    pub(crate) schedule: Schedule,
    pub(crate) reliability: Reliability,
    pub(crate) long_delays: Switch,
    pub(crate) long_reordering: Switch,
    pub(crate) is_closed: bool,
    /// The [`Network`] was dropped: nothing will happen any more.
    pub(crate) is_gone: bool,
    pub(crate) ends: Vec<End>,
    pub(crate) end_names: EndNames,
    pub(crate) servers: BTreeMap<ServerName, Arc<Server>>,
    /// How many ids have been given to calls and to copies of calls.
    pub(crate) ids: u64,
    pub(crate) count: u64,
    pub(crate) bytes: u64,
    /// Faults beyond MIT's; `None` if there are none.
    pub(crate) faults: Option<Faults>,
    pub(crate) cut_links: BTreeSet<Link>,
    pub(crate) holds: Vec<Holding>,
    pub(crate) next_hold: u64,
    /// The call that is to fare otherwise.
    pub(crate) changed_call: Option<CallChange>,
    /// The servers that have had something to do since they were looked at.
    pub(crate) busy: Vec<Owner>,
}

/// Each end by its name. Looked up for every link that is switched, and never gone through; its hash
/// has no random key, which would be drawn from the run's seed.
pub(crate) type EndNames = HashMap<String, usize, BuildHasherDefault<DefaultHasher>>;

pub(crate) struct End {
    pub(crate) name: String,
    pub(crate) caller: Option<Owner>,
    pub(crate) server: Option<ServerName>,
    pub(crate) enabled: Switch,
    /// It was deleted: whoever calls through it is dead.
    pub(crate) is_deleted: bool,
    pub(crate) rng: Rng,
    /// For faults beyond MIT's.
    pub(crate) mishaps: Rng,
    /// For when calls fail that scripts lose.
    pub(crate) losses: Rng,
    /// What the last call by it said.
    pub(crate) last: Option<(&'static str, Payload)>,
    /// How often that was said in a row.
    pub(crate) same: SameCalls,
}

impl End {
    /// A call is made by it at `now_us`. Returns how many of the same that makes in a row.
    pub(crate) fn says(&mut self, method: &'static str, args: &Payload, now_us: u64) -> SameCalls {
        let is_same = self.last.as_ref().is_some_and(|(last_method, last)| {
            *last_method == method && last.bytes() == args.bytes()
        });
        if !is_same {
            self.last = Some((method, args.clone()));
        }
        self.same.add(is_same, now_us);
        self.same
    }
}

/// A request or a reply on its way, as a [`Hold`](crate::Hold) sees it.
#[derive(Clone, Copy, Debug)]
pub struct Passing<'a> {
    /// The server that calls.
    pub caller: ServerName,
    /// The server that is called.
    pub callee: ServerName,
    /// Service and method, as in `Raft.RequestVote`.
    pub method: &'static str,
    /// The call's arguments.
    pub args: &'a Payload,
    /// The reply, if it is the reply that is on its way.
    pub reply: Option<&'a Payload>,
}

/// Which messages are to be held.
pub(crate) type Wanted = Box<dyn Fn(Passing<'_>) -> bool + Send + Sync>;

/// What a network's state knows of a [`Hold`](crate::Hold).
pub(crate) struct Holding {
    pub(crate) number: u64,
    pub(crate) wanted: Wanted,
    pub(crate) held: Vec<Arc<Request>>,
}

impl State {
    /// That of a reliable network without ends and servers, with long delays and long reordering off.
    pub(crate) fn new() -> State {
        State {
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
            changed_call: None,
            busy: Vec::new(),
        }
    }

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

    pub(crate) fn end(&mut self, name: &str) -> &mut End {
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
    /// What a hold holds; `None` once the network is gone.
    pub(crate) fn holding(&self, number: u64) -> Option<&Holding> {
        self.holds.iter().find(|holding| holding.number == number)
    }

    pub(crate) fn holding_mut(&mut self, number: u64) -> Option<&mut Holding> {
        self.holds.iter_mut().find(|holding| holding.number == number)
    }

    /// A message as a hold sees it; `None` if it doesn't go from server to server.
    pub(crate) fn passing<'a>(&self, request: &'a Request) -> Option<Passing<'a>> {
        let Link { from: caller, to: callee } = self.link(request.end)?;
        let Request { method, args, reply, .. } = request;
        Some(Passing { caller, callee, method, args: &args.payload, reply: reply.get() })
    }

    /// Holds a message that sets out, if somebody wants that.
    pub(crate) fn hold(&mut self, request: &Arc<Request>) -> bool {
        if self.holds.is_empty() {
            return false;
        }
        let Some(message) = self.passing(request) else { return false };
        let holding = self.holds.iter_mut().rev().find(|holding| (holding.wanted)(message));
        match holding {
            Some(holding) => holding.held.push(request.clone()),
            None => return false,
        }
        true
    }

    /// Whether a way is cut.
    pub(crate) fn is_cut(&self, link: Link) -> bool {
        self.cut_links.contains(&link)
    }
}

impl Shared {
    /// The state, for as long as the guard lives. What is anybody's code is called without it.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}
