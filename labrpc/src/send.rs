//! What becomes of a call: decided when it is sent, in one place.

use std::panic::Location;
use std::sync::{Arc, OnceLock};

use chance::fate::{Fate, Span, fails_after};
use report::{CallChange, Caller, EventKind, Outcome, RpcId, Time, Way};
use sim::context::Owner;

use crate::mishap::{Mishap, ReplyFate};
use crate::request::{Answer, Args, Request};
use crate::schedule::Step;
use crate::state::{Reliability, ServerName, Shared, State, Switch};

impl Shared {
    /// Takes a request from a caller and decides what becomes of it.
    pub(crate) fn send(
        &self,
        end_index: usize,
        method: &'static str,
        args: Args,
        called_at: &'static Location<'static>,
    ) -> Arc<Request> {
        let now = self.sim.now_us();
        let mut state = self.state();
        let caller = state.ends[end_index].caller;
        if let Some(caller) = caller {
            // It ends a caller that makes too many, and so comes before anything is changed.
            let bytes = args.payload.bytes().len() as u64;
            self.sim.count_call(caller.server, bytes, called_at);
            let row = state.ends[end_index].says(method, &args.payload, now);
            self.sim.count_same_call(caller.server, bytes, called_at, row);
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
        let change = state.changed_call.filter(|change| change.id == RpcId(state.ids));
        let request = Arc::new(Request {
            id: RpcId(state.ids),
            end: end_index,
            server: OnceLock::new(),
            method,
            args: args.clone(),
            called_at,
            reply_fate: changed_reply(
                ReplyFate {
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
                change,
                fails_after,
            ),
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
        state.bytes += args.payload.bytes().len() as u64;
        self.observer.record(
            Time(now),
            EventKind::RpcSent {
                id: request.id,
                from: caller.map(|Owner { server, incarnation }| Caller { server, incarnation }),
                to: to.map(server_number),
                method: method.into(),
                args: args.payload,
            },
        );
        // What a dead server still sends reaches nobody, nor any hold.
        if !state.ends[end_index].is_deleted && state.hold(&request) {
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
        let (delay, step) = match change.and_then(|change| change.request) {
            Some(Way::Lost) => (usual_delay + fails_after, Step::Return(Outcome::RequestLost)),
            Some(Way::After(delay)) if is_reachable => (delay, Step::Deliver),
            Some(Way::After(delay)) => (delay, step),
            None => (delay, step),
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

    /// A caller has dropped a call whose result it has not taken. It may do that under whatever locks of its
    /// own, and so this takes none of the network's.
    pub(crate) fn dropped(&self, request: &Request) {
        let kind = EventKind::RpcDropped { id: request.id };
        self.observer.record(Time(self.sim.now_us()), kind);
    }

    /// The same request once more, of which its caller knows nothing.
    pub(crate) fn copy(&self, state: &mut State, request: &Request) -> Arc<Request> {
        let id = state.next_id();
        let kind = EventKind::RpcCopied { id, of: request.id };
        self.observer.record(Time(self.sim.now_us()), kind);
        Arc::new(request.copy(id))
    }

    /// What a message takes in any case: by the real clock the machine sees to that.
    fn hop(&self, drawn: Span) -> Span {
        match self.sim.clock() {
            sim::Clock::Virtual => drawn,
            sim::Clock::Real => 0,
        }
    }
}

/// A reply's fate, or what is to become of it in its place.
fn changed_reply(fate: ReplyFate, change: Option<CallChange>, fails_after: Span) -> ReplyFate {
    match change.and_then(|change| change.reply) {
        Some(Way::Lost) => ReplyFate { lost_after: Some(fails_after), ..fate },
        Some(Way::After(lateness)) => ReplyFate { lateness, lost_after: None, ..fate },
        None => fate,
    }
}

fn server_number(name: ServerName) -> u32 {
    u32::try_from(name).expect("a server's number fits 32 bits")
}
