//! A cluster that is simulated step by step, with a network, faults, clients and snapshots, and that writes
//! down what happens. What each server does is in `raft.rs`.

use std::collections::BTreeMap;

use report::{EventKind, NetworkChange, Outcome, Role, RpcId};
use serde_json::Value;

use super::server::Server;
use super::{Plan, Slip};
use crate::run::{Append, Ask, Run};

/// A second, in µs.
pub(super) const SECOND: u64 = 1_000_000;

/// A millisecond, in µs.
pub(super) const MS: u64 = 1000;

/// How often a leader sends heartbeats.
const BEAT: u64 = 100 * MS;

/// Random numbers: splitmix64.
#[derive(Clone, Debug)]
pub(super) struct Random(pub(super) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in a range, both ends included.
    pub(super) fn within(&mut self, from: u64, to: u64) -> u64 {
        from + self.next() % (to - from + 1)
    }

    /// Whether something happens that does so in so many of a thousand cases.
    pub(super) fn in_1000(&mut self, cases: u64) -> bool {
        self.next() % 1000 < cases
    }
}

/// What a request says.
#[derive(Clone, Debug)]
pub(super) enum Request {
    Vote { term: u64, last: (u64, u64) },
    Append { term: u64, prev: (u64, u64), entries: Vec<super::server::Entry>, commit: u64 },
    Snapshot { term: u64, last: (u64, u64) },
}

impl Request {
    pub(super) fn term(&self) -> u64 {
        match *self {
            Request::Vote { term, .. }
            | Request::Append { term, .. }
            | Request::Snapshot { term, .. } => term,
        }
    }
}

/// What a reply says: a term, and whether it is a yes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reply {
    pub(super) term: u64,
    pub(super) is_yes: bool,
}

/// A message under way.
#[derive(Clone, Debug)]
pub(super) struct Flight {
    pub(super) id: RpcId,
    pub(super) from: usize,
    from_life: u32,
    pub(super) to: usize,
    to_life: u32,
    pub(super) request: Request,
}

/// What is to happen.
#[derive(Clone, Debug)]
enum Due {
    Timer(usize, u32),
    Beat(usize, u32, u64),
    Comes(Flight),
    Returns(Flight, Reply),
    Fails(Flight, Outcome),
    Client,
    Fault,
    Start(usize),
    Connect(usize),
    Look(usize),
}

/// The cluster.
pub(super) struct Cluster {
    pub(super) run: Run,
    pub(super) random: Random,
    pub(super) servers: Vec<Server>,
    pub(super) now: u64,
    pub(super) plan: Plan,
    /// When the rule was broken, if it was.
    pub(super) slipped: Option<u64>,
    due: BTreeMap<(u64, u64), Due>,
    count: u64,
    commands: u64,
    is_reliable: bool,
    /// Whether servers tell more than their term and whether they lead.
    is_open: bool,
    /// Whether a server is looked at before its reply is noted, or afterwards.
    looks_first: bool,
    pub(super) makes_snapshots: bool,
    sends_at_once: bool,
    /// Whether a handler hands on what is committed before it ends.
    applies_first: bool,
}

impl Cluster {
    /// Simulates a run by its plan.
    pub(super) fn simulate(plan: Plan) -> Cluster {
        let mut random = Random(plan.seed);
        let servers = if random.in_1000(500) { 3 } else { 5 };
        let mut choose = || random.in_1000(500);
        let [is_open, looks_first, makes_snapshots, sends_at_once, applies_first] =
            [(); 5].map(|()| choose());
        let mut cluster = Cluster {
            run: Run::new(servers),
            random,
            servers: vec![Server::new(servers); servers],
            now: 0,
            plan,
            slipped: None,
            due: BTreeMap::new(),
            count: 0,
            commands: 0,
            is_reliable: true,
            is_open,
            looks_first,
            makes_snapshots,
            sends_at_once,
            applies_first,
        };
        for server in 0..servers {
            cluster.restart_timer(server);
            cluster.at(0, Due::Timer(server, 1));
        }
        cluster.after(200 * MS, Due::Client);
        cluster.after(500 * MS, Due::Fault);
        cluster.run.step("one");
        while let Some(((at, _), due)) =
            cluster.due.pop_first().filter(|(key, _)| key.0 < plan.until)
        {
            cluster.now = at;
            cluster.run.at_us(at);
            cluster.happens(due);
        }
        cluster.run.at_us(plan.until);
        cluster
    }

    /// Whether a rule is broken now that could be: once, and not before the plan says so.
    pub(super) fn slips(&mut self, slip: Slip) -> bool {
        let is_due = self.plan.slip == Some(slip) && self.now >= self.plan.from;
        let slips = is_due && self.slipped.is_none();
        if slips {
            self.slipped = Some(self.now);
        }
        slips
    }

    fn at(&mut self, at: u64, due: Due) {
        self.count += 1;
        self.due.insert((at, self.count), due);
    }

    fn after(&mut self, span: u64, due: Due) {
        self.at(self.now + span, due);
    }

    pub(super) fn restart_timer(&mut self, server: usize) {
        self.servers[server].deadline = self.now + self.random.within(300 * MS, 600 * MS);
    }

    pub(super) fn beats(&mut self, server: usize) {
        let (life, term) = (self.servers[server].life, self.servers[server].saved.term);
        self.after(BEAT, Due::Beat(server, life, term));
    }

    pub(super) fn lies(&mut self, server: usize, term: u64, is_leader: bool) {
        let until = self.now + 400 * MS;
        self.servers[server].lie = Some((until, term, is_leader));
        self.at(until, Due::Look(server));
    }

    fn happens(&mut self, due: Due) {
        match due {
            Due::Timer(server, life) => {
                if self.servers[server].life != life || !self.servers[server].is_alive {
                    return;
                }
                if self.servers[server].deadline <= self.now {
                    self.restart_timer(server);
                    self.times_out(server);
                    self.look(server);
                }
                let deadline = self.servers[server].deadline;
                self.at(deadline, Due::Timer(server, life));
            }
            Due::Beat(server, life, term) => {
                let now = &self.servers[server];
                if (now.life, now.saved.term, now.is_alive) == (life, term, true) && now.is_leader()
                {
                    self.sends_to_all(server);
                    self.beats(server);
                    self.look(server);
                }
            }
            Due::Comes(flight) => self.comes(flight),
            Due::Returns(flight, reply) => self.comes_back(&flight, reply),
            Due::Fails(flight, outcome) => {
                if self.is_same_life(flight.from, flight.from_life) {
                    self.run.returns(flight.id, outcome);
                }
            }
            Due::Client => {
                for server in 0..self.servers.len() {
                    let now = &self.servers[server];
                    if now.is_alive && now.is_leader() {
                        self.commands += 1;
                        let command = format!("c{}", self.commands);
                        self.starts(server, command);
                        self.applies(server);
                        if self.sends_at_once {
                            self.sends_to_all(server);
                        }
                        self.look(server);
                    }
                }
                let pause = self.random.within(20 * MS, 200 * MS);
                self.after(pause, Due::Client);
            }
            Due::Fault => {
                self.fault();
                let pause = self.random.within(100 * MS, 900 * MS);
                self.after(pause, Due::Fault);
            }
            Due::Start(server) => {
                self.run.start(server as u32).connect(server as u32);
                self.servers[server].restart();
                self.restart_timer(server);
                let life = self.servers[server].life;
                self.at(self.now, Due::Timer(server, life));
                self.look(server);
            }
            Due::Connect(server) => {
                if self.servers[server].is_alive && !self.servers[server].is_connected {
                    self.servers[server].is_connected = true;
                    self.run.connect(server as u32);
                }
            }
            Due::Look(server) => self.look(server),
        }
    }

    fn is_same_life(&self, server: usize, life: u32) -> bool {
        self.servers[server].is_alive && self.servers[server].life == life
    }

    /// Something goes wrong that may.
    fn fault(&mut self) {
        let server = self.random.within(0, self.servers.len() as u64 - 1) as usize;
        let back = self.random.within(50 * MS, 1200 * MS);
        // Who leads is of more interest.
        let leader = self.servers.iter().position(|server| server.is_alive && server.is_leader());
        let server = leader.filter(|_| self.random.in_1000(300)).unwrap_or(server);
        match self.random.within(0, 3) {
            0 if self.servers[server].is_alive => {
                self.run.crash(server as u32);
                self.crashes(server);
                self.servers[server].is_alive = false;
                self.after(back, Due::Start(server));
            }
            1 if self.servers[server].is_alive && self.servers[server].is_connected => {
                self.servers[server].is_connected = false;
                self.run.disconnect(server as u32);
                self.after(back, Due::Connect(server));
            }
            2 => {
                self.is_reliable = !self.is_reliable;
                self.run.network(match self.is_reliable {
                    true => NetworkChange::Reliable,
                    false => NetworkChange::Unreliable,
                });
            }
            _ => {}
        }
    }

    /// A server's request leaves.
    pub(super) fn sends(&mut self, from: usize, to: usize, request: Request) {
        let (sender, receiver) = (from as u32, to as u32);
        let id = match request {
            Request::Vote { term, last: (last_term, last_index) } => {
                self.run.asks(sender, receiver, &Ask { term, last_term, last_index })
            }
            Request::Append { term, prev: (prev_term, prev_index), ref entries, commit } => {
                let entries: Vec<u64> = entries.iter().map(|entry| entry.term).collect();
                let append = Append { term, prev_index, prev_term, entries: &entries, commit };
                self.run.appends(sender, receiver, &append)
            }
            Request::Snapshot { term, last: (last_term, index) } => {
                let args = serde_json::json!({
                    "term": term, "leader_id": from, "last_included_index": index,
                    "last_included_term": last_term, "data": vec![7; 100 + index as usize],
                });
                self.run.sends(sender, receiver, "Raft.InstallSnapshot", &args)
            }
        };
        let lives = [from, to].map(|server| self.servers[server].life);
        let flight = Flight { id, from, from_life: lives[0], to, to_life: lives[1], request };
        if !self.reaches(from, to) {
            let late = self.random.within(0, 100 * MS);
            self.after(late, Due::Fails(flight, Outcome::Unreachable));
        } else if !self.is_reliable && self.random.in_1000(100) {
            let late = self.random.within(0, 27 * MS);
            self.after(late, Due::Fails(flight, Outcome::RequestLost));
        } else {
            let delay = self.delay();
            self.after(delay, Due::Comes(flight));
        }
    }

    fn reaches(&self, from: usize, to: usize) -> bool {
        let is_up =
            |server: usize| self.servers[server].is_connected && self.servers[server].is_alive;
        is_up(from) && is_up(to)
    }

    fn delay(&mut self) -> u64 {
        match (self.is_reliable, self.random.in_1000(30)) {
            (true, _) => self.random.within(200, 900),
            (false, false) => self.random.within(0, 27 * MS),
            (false, true) => self.random.within(100 * MS, 1500 * MS),
        }
    }

    /// A request reaches its server, which answers at once.
    fn comes(&mut self, flight: Flight) {
        let to = flight.to;
        if !self.is_same_life(to, flight.to_life) {
            return self.happens(Due::Fails(flight, Outcome::ServerDied));
        }
        self.run.delivers(flight.id);
        let reply = self.answers(&flight);
        if self.looks_first {
            self.look(to);
        }
        if self.applies_first {
            self.applies(to);
        }
        self.run.ends(flight.id, &said(&flight.request, reply));
        if !self.looks_first {
            self.look(to);
        }
        self.applies(to);
        let is_lost = !self.is_reliable && self.random.in_1000(100);
        let delay = self.delay();
        let is_back = self.reaches(flight.from, to) && !is_lost;
        self.after(
            delay,
            match is_back {
                true => Due::Returns(flight, reply),
                false => Due::Fails(flight, Outcome::ReplyLost),
            },
        );
    }

    fn comes_back(&mut self, flight: &Flight, reply: Reply) {
        let from = flight.from;
        if self.is_same_life(from, flight.from_life) {
            self.run.returns(flight.id, Outcome::Replied);
            self.takes(flight, reply);
            self.look(from);
            self.applies(from);
        }
    }

    /// A server saves its state, and its snapshot.
    pub(super) fn saves(&mut self, server: usize) {
        let Server { saved, .. } = &self.servers[server];
        let state = 40 + 12 * saved.log.entries.len() as u64;
        let snapshot = match saved.log.base.0 {
            0 => 0,
            index => 100 + index,
        };
        self.run.save(server as u32, [state, snapshot]);
    }

    /// A server is looked at; that is noted if it is another than before.
    pub(super) fn look(&mut self, server: usize) {
        let now = &mut self.servers[server];
        if !now.is_alive {
            return;
        }
        now.lie = now.lie.filter(|lie| lie.0 > self.now);
        let (term, is_leader) = match now.lie {
            Some((_, term, is_leader)) => (term, is_leader),
            None => (now.saved.term, now.is_leader()),
        };
        let shows = self.is_open && self.random.in_1000(100) || now.shown.is_none();
        let shown = (term, is_leader, now.saved.log.last_index());
        let is_other = now.shown.is_none_or(|before| {
            (before.0, before.1) != (term, is_leader) || shows && before != shown
        });
        if is_other {
            now.shown = Some(shown);
            let role = if is_leader { Role::Leader } else { Role::Follower };
            let detail = self.is_open.then(|| Box::new(now.detail()));
            self.run.view(server as u32, term, role, detail);
        }
    }

    /// A server hands its service what is committed, in order.
    pub(super) fn applies(&mut self, server: usize) {
        if let Some(index) = self.servers[server].installed.take() {
            let server = self.run.caller(server as u32);
            self.run.event(EventKind::AppliedSnapshot { server, index, bytes: 100 + index });
        }
        while self.servers[server].applied < self.servers[server].commit {
            let now = &mut self.servers[server];
            let index = now.applied + 1;
            let Some(entry) = now.saved.log.at(index).cloned() else { return };
            now.applied = index;
            if index > 1 && self.slips(Slip::LeavesOut) {
                continue;
            }
            self.run.apply_command(server as u32, index, &entry.command);
            if self.slips(Slip::AppliesTwice) {
                self.run.apply_command(server as u32, index, &entry.command);
            }
            if self.makes_snapshots && index.is_multiple_of(10) {
                self.run.snapshot(server as u32, index);
                self.servers[server].saved.log.begin_behind((index, entry.term));
                self.saves(server);
            }
        }
    }
}

/// A reply as its message.
fn said(request: &Request, reply: Reply) -> Value {
    let Reply { term, is_yes } = reply;
    match request {
        Request::Vote { .. } => serde_json::json!({ "term": term, "vote_granted": is_yes }),
        Request::Append { .. } => serde_json::json!({ "term": term, "success": is_yes }),
        Request::Snapshot { .. } => serde_json::json!({ "term": term }),
    }
}
