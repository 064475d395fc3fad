//! The network's part of a history: what becomes of each message follows from the seed.
//!
//! Each end of the network draws the fate of its calls from a sequence of its own, which the seed and the end's name
//! give. So for each call in a history it can be drawn anew what became of it, and when; and the history must say so.

use std::collections::BTreeMap;

use chance::fate::{ALIVE_CHECK_MS, Fate};
use chance::{Rng, Stream};
use report::{Caller, Event, EventKind, NetworkChange, Outcome, RpcId, Time};

/// A tick of the clock, in microseconds: within one, things happen in order, but may be told late.
const TICK: u64 = 1000;

/// What is known of the network as far as the history was read.
pub(super) struct Network {
    seed: u64,
    /// Where the run ends.
    end: Time,
    servers: BTreeMap<u32, Server>,
    ends: BTreeMap<(u32, u32, u32), Rng>,
    calls: BTreeMap<RpcId, Call>,
    is_unreliable: bool,
    is_reordered: bool,
    /// Whether a script has done more to the network than MIT's tests do: what then becomes of messages isn't judged.
    is_directed: bool,
    /// How many messages were judged.
    pub(super) judged: u64,
}

#[derive(Clone, Copy, Default)]
struct Server {
    life: u32,
    is_up: bool,
    is_connected: bool,
}

/// A call that is under way.
struct Call {
    from: Caller,
    to: u32,
    /// The life of the server that it was sent to.
    life: u32,
    fate: Fate,
    is_unreliable: bool,
    is_reordered: bool,
    next: Next,
}

/// What must happen next to a call.
#[derive(Clone, Copy, Debug)]
enum Next {
    /// It arrives.
    Arrives(Time),
    /// Its handler runs, since it arrived at that time.
    Answers(Time),
    /// It returns in this way; `then` in that one.
    Returns { at: Time, outcome: Outcome },
    /// Nothing.
    Nothing,
}

impl Network {
    pub(super) fn new(seed: u64, end: Time) -> Network {
        Network {
            seed,
            end,
            servers: BTreeMap::new(),
            ends: BTreeMap::new(),
            calls: BTreeMap::new(),
            is_unreliable: false,
            is_reordered: false,
            is_directed: false,
            judged: 0,
        }
    }

    /// Takes the next event. Says what is wrong with it, if the seed gives something else.
    pub(super) fn take(&mut self, event: &Event) -> Result<(), String> {
        let at = event.at;
        match &event.kind {
            EventKind::Started { server } => {
                let here = self.servers.entry(server.server).or_default();
                (here.life, here.is_up) = (server.incarnation, true);
            }
            EventKind::Crashed { server } => self.server(server.server).is_up = false,
            EventKind::Connected { server } => self.server(*server).is_connected = true,
            EventKind::Disconnected { server } => self.server(*server).is_connected = false,
            EventKind::Network { change, .. } => match change {
                NetworkChange::Reliable => self.is_unreliable = false,
                NetworkChange::Unreliable => self.is_unreliable = true,
                NetworkChange::Reordered => self.is_reordered = true,
                NetworkChange::NotReordered => self.is_reordered = false,
                NetworkChange::SyncTime { .. } => {}
                NetworkChange::Other => self.is_directed = true,
            },
            _ if self.is_directed => {}
            EventKind::RpcSent { id, from: Some(from), to: Some(to), .. } => {
                self.sent(*id, *from, *to, at)?;
            }
            EventKind::RpcDelivered { id, .. } => self.delivered(*id, at)?,
            EventKind::RpcHandled { id, .. } => self.handled(*id, at)?,
            EventKind::RpcReturned { id, outcome } => self.returned(*id, *outcome, at)?,
            EventKind::RpcCopied { id, .. } => {
                return Err(format!("call {} is a copy, and no script asked for one", id.0));
            }
            _ => {}
        }
        Ok(())
    }

    /// Says which message should have come by the end of the history, and hasn't.
    pub(super) fn finish(&self) -> Result<(), String> {
        let is_due = |at: Time| at.0 + 2 * TICK < self.end.0;
        for (id, call) in self.calls.iter().filter(|_| !self.is_directed) {
            match call.next {
                Next::Arrives(at) if is_due(at) => {
                    return Err(format!("call {} was to arrive at {} µs, and hasn't", id.0, at.0));
                }
                Next::Returns { at, outcome } if is_due(at) => {
                    return Err(format!(
                        "call {} was to return at {} µs ({outcome}), and hasn't",
                        id.0, at.0
                    ));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn server(&mut self, server: u32) -> &mut Server {
        self.servers.entry(server).or_default()
    }

    /// Whether messages can go from a server's life to a server, and which life that has.
    fn reaches(&self, from: Caller, to: u32) -> Option<u32> {
        let (sender, receiver) = (self.servers.get(&from.server)?, self.servers.get(&to)?);
        let is_so = sender.is_up
            && sender.life == from.incarnation
            && sender.is_connected
            && receiver.is_up
            && receiver.is_connected;
        is_so.then_some(receiver.life)
    }

    fn sent(&mut self, id: RpcId, from: Caller, to: u32, at: Time) -> Result<(), String> {
        let seed = self.seed;
        let rng = self.ends.entry((from.server, from.incarnation, to)).or_insert_with(|| {
            let name = format!("{}.{}->{to}", from.server, from.incarnation);
            Stream::Network.start(seed, chance::key(&name))
        });
        let fate = Fate::draw(rng);
        let after = |span: u64| Time(at.0 + span + fate.request_hop);
        let delay = if self.is_unreliable { fate.request_delay } else { 0 };
        let life = self.reaches(from, to);
        let next = if life.is_none() {
            let outcome = Outcome::Unreachable;
            Next::Returns { at: after(fate.unreachable_long), outcome }
        } else if self.is_unreliable && fate.request_lost {
            Next::Returns { at: after(delay), outcome: Outcome::RequestLost }
        } else {
            Next::Arrives(after(delay))
        };
        let (is_unreliable, is_reordered) = (self.is_unreliable, self.is_reordered);
        let life = life.unwrap_or_default();
        let call = Call { from, to, life, fate, is_unreliable, is_reordered, next };
        match self.calls.insert(id, call) {
            Some(_) => Err(format!("call {} is sent twice", id.0)),
            None => Ok(()),
        }
    }

    fn delivered(&mut self, id: RpcId, at: Time) -> Result<(), String> {
        let Some(call) = self.calls.get_mut(&id) else { return Ok(()) };
        let Next::Arrives(due) = call.next else {
            return Err(format!("call {} arrives, though by the seed it doesn't", id.0));
        };
        call.next = Next::Answers(at);
        self.judged += 1;
        on_time(at, due).map_err(|why| format!("call {} arrives {why}", id.0))
    }

    fn handled(&mut self, id: RpcId, at: Time) -> Result<(), String> {
        let lives = self.calls.get(&id).map(|call| self.reaches(call.from, call.to));
        let Some(call) = self.calls.get_mut(&id) else { return Ok(()) };
        let is_alive = lives.flatten() == Some(call.life);
        match call.next {
            Next::Answers(_) => {}
            // It returned before its handler ended: its server was cut off.
            Next::Nothing => return Ok(()),
            _ => return Err(format!("call {} is handled before it arrives", id.0)),
        }
        let hop = call.fate.reply_hop;
        let lateness = call.fate.reordered.filter(|_| call.is_reordered).unwrap_or(0);
        let (after, outcome) = if !is_alive {
            (hop, Outcome::ServerDied)
        } else if call.is_unreliable && call.fate.reply_lost {
            (hop, Outcome::ReplyLost)
        } else {
            (lateness + hop, Outcome::Replied)
        };
        call.next = Next::Returns { at: Time(at.0 + after), outcome };
        Ok(())
    }

    fn returned(&mut self, id: RpcId, outcome: Outcome, at: Time) -> Result<(), String> {
        let lives = self.calls.get(&id).map(|call| self.reaches(call.from, call.to));
        let Some(call) = self.calls.get_mut(&id) else { return Ok(()) };
        let is_alive = lives.flatten() == Some(call.life);
        let next = std::mem::replace(&mut call.next, Next::Nothing);
        self.judged += 1;
        match next {
            Next::Returns { outcome: given, .. } if given != outcome => Err(format!(
                "call {} returns ({outcome}), where the seed gives another end ({given})",
                id.0
            )),
            Next::Returns { at: due, .. } => {
                on_time(at, due).map_err(|why| format!("call {} returns {why}", id.0))
            }
            // Every 100 ms the network looks whether the server is still there.
            Next::Answers(since) if outcome == Outcome::ServerDied && !is_alive => {
                let looks = ALIVE_CHECK_MS * 1000;
                let waited = at.0.saturating_sub(since.0);
                if waited >= looks {
                    Ok(())
                } else {
                    Err(format!("call {} is given up after {waited} µs", id.0))
                }
            }
            Next::Arrives(due) => Err(format!(
                "call {} returns ({outcome}) out of turn: the seed has it arrive at {} µs",
                id.0, due.0
            )),
            Next::Answers(_) => Err(format!(
                "call {} returns ({outcome}) out of turn: its handler runs, and its server is there",
                id.0
            )),
            Next::Nothing => {
                Err(format!("call {} returns ({outcome}) out of turn: for the second time", id.0))
            }
        }
    }
}

/// Whether something happened when it was due, or in the same tick.
fn on_time(at: Time, due: Time) -> Result<(), String> {
    if at >= due && at.0 / TICK <= due.0 / TICK {
        Ok(())
    } else {
        Err(format!("at {} µs, where the seed gives {} µs", at.0, due.0))
    }
}
