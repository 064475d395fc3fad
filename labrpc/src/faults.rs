//! Faults beyond MIT's: requests that are late, doubled or held, links that work one way only.
//!
//! All of it is off unless it is asked for, and then draws from a generator of its own, so that a
//! network without it is MIT's, draw for draw.

use std::fmt;
use std::sync::Arc;

use nemesis::{Faults, Link};
use report::{EventKind, Outcome, Payload, Time};

use crate::network::Network;
use crate::request::Request;
use crate::schedule::Step;
use crate::server::{Message, payload};
use crate::state::{Holding, Passing, Shared, State, Switch};

/// Holds certain messages instead of delivering them, until it is told what to do with each.
/// Dropping it lets what it still holds go, and holds no more.
///
/// When its network is dropped, all that was held is gone, and it holds nothing any more.
pub struct Hold {
    shared: Arc<Shared>,
    number: u64,
}

/// A message that is held: [`Hold::take`] has taken it out of a [`Hold`]. If it is dropped, it is lost.
pub struct HeldMessage {
    shared: Arc<Shared>,
    request: Option<Arc<Request>>,
}

impl Network {
    /// Switches faults beyond MIT's, for the calls that are sent from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.state().faults = (faults != Faults::NONE).then_some(faults);
    }

    /// Switches the way from one server to another, for what sets out from now on.
    pub fn set_link(&self, link: Link, switch: Switch) {
        let mut state = self.state();
        match switch {
            Switch::On => state.cut_links.remove(&link),
            Switch::Off => state.cut_links.insert(link),
        };
    }

    /// Whether the way from one server to another is cut.
    #[must_use]
    pub fn is_cut(&self, link: Link) -> bool {
        self.state().is_cut(link)
    }

    /// Holds all messages that are `wanted`, of those that set out from now on. Of several that want
    /// a message, the latest gets it. `wanted` is called with the network's lock held.
    ///
    /// What is held is lost to nobody's faults: it isn't looked at whether its server can be reached. What is
    /// sent through an end that was deleted is never held.
    #[must_use]
    pub fn hold(&self, wanted: impl Fn(Passing<'_>) -> bool + Send + Sync + 'static) -> Hold {
        let mut state = self.state();
        let number = state.next_hold;
        state.next_hold += 1;
        state.holds.push(Holding { number, wanted: Box::new(wanted), held: Vec::new() });
        Hold { shared: self.shared.clone(), number }
    }
}

impl Hold {
    /// How many messages it holds.
    #[must_use]
    pub fn count(&self) -> usize {
        self.shared.state().holding(self.number).map_or(0, |holding| holding.held.len())
    }

    /// Takes out the first that it holds of those that `wanted` picks.
    pub fn take(&self, wanted: impl Fn(Passing<'_>) -> bool) -> Option<HeldMessage> {
        let mut state = self.shared.state();
        let is_wanted = |held: &Arc<Request>| state.passing(held).is_some_and(&wanted);
        let place = state.holding(self.number)?.held.iter().position(is_wanted)?;
        let request = state.holding_mut(self.number)?.held.remove(place);
        Some(HeldMessage { shared: self.shared.clone(), request: Some(request) })
    }

    /// Lets go of all that it holds, in the order in which it came, and holds no more.
    pub fn release(self) {
        drop(self);
    }

    /// Loses all that it holds, and goes on holding.
    pub fn lose_all(&self) {
        while let Some(held) = self.take(|_| true) {
            held.lose();
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        let place = state.holds.iter().position(|holding| holding.number == self.number);
        let Some(place) = place else { return };
        let holding = state.holds.remove(place);
        for request in &holding.held {
            self.shared.let_go(&mut state, request.clone());
        }
        drop(state);
    }
}

impl HeldMessage {
    /// Delivers it. A request goes to whoever stands under its server's name now, and is lost if
    /// nobody does.
    pub fn deliver(mut self) -> Delivered {
        let request = self.request.take().expect("it is taken once");
        self.shared.let_go(&mut self.shared.state(), request.clone());
        Delivered(request)
    }

    /// Delivers a copy of a request, whose reply nobody waits for, and goes on holding the request.
    ///
    /// # Panics
    /// If it is a reply.
    pub fn deliver_copy(&self) -> Delivered {
        self.copy().deliver()
    }

    /// A copy of a request, which is held as well and whose reply nobody waits for: the request can go
    /// its way, and the copy come late.
    ///
    /// # Panics
    /// If it is a reply.
    #[must_use]
    pub fn copy(&self) -> HeldMessage {
        let request = self.request();
        assert!(request.reply.get().is_none(), "only requests can be copied");
        let copy = self.shared.copy(&mut self.shared.state(), request);
        HeldMessage { shared: self.shared.clone(), request: Some(copy) }
    }

    /// Answers a request in its server's place: no handler runs, and the caller gets `reply`.
    ///
    /// # Panics
    /// If it is a reply.
    pub fn answer<R: Message>(mut self, reply: &R) {
        let request = self.request.take().expect("it is taken once");
        let reply = payload(reply);
        request.reply.set(reply.clone()).expect("only requests can be answered");
        let now = self.shared.sim.now_us();
        let kind = EventKind::RpcHandled { id: request.id, reply };
        self.shared.observer.record(Time(now), kind);
        self.shared.let_go(&mut self.shared.state(), request);
    }

    /// Loses it: the caller learns after some milliseconds ([`FAILS_AFTER_MS`](crate::FAILS_AFTER_MS)) that there is no reply.
    pub fn lose(self) {
        drop(self);
    }

    /// The call's arguments.
    #[must_use]
    pub fn args(&self) -> &Payload {
        &self.request().args.payload
    }

    /// The reply, if it is one.
    #[must_use]
    pub fn reply(&self) -> Option<&Payload> {
        self.request().reply.get()
    }

    fn request(&self) -> &Arc<Request> {
        self.request.as_ref().expect("it has not been taken")
    }
}

impl Drop for HeldMessage {
    fn drop(&mut self) {
        let Some(request) = self.request.take() else { return };
        let outcome = match request.reply.get() {
            None => Outcome::RequestLost,
            Some(_) => Outcome::ReplyLost,
        };
        let at = self.shared.sim.now_us() + request.fails_after;
        self.shared.state().schedule.push(at, request, Step::Return(outcome));
    }
}

/// A message that was held and is on its way again.
#[derive(Debug)]
pub struct Delivered(Arc<Request>);

impl Delivered {
    /// The reply to a request, once its handler has ended.
    #[must_use]
    pub fn reply(&self) -> Option<&Payload> {
        self.0.reply.get()
    }
}

impl Shared {
    /// Lets a message go that was held.
    fn let_go(&self, state: &mut State, request: Arc<Request>) {
        let step = match request.reply.get() {
            None => Step::Deliver,
            Some(_) => Step::Return(Outcome::Replied),
        };
        state.schedule.push(self.sim.now_us() + 1, request, step);
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hold").field("count", &self.count()).finish()
    }
}

impl fmt::Debug for HeldMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeldMessage")
            .field("args", self.args())
            .field("reply", &self.reply())
            .finish()
    }
}
