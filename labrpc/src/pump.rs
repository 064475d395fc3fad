//! What is under way, and the task that makes it happen: one heap, one timer.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use report::{EventKind, Outcome, Payload, RpcId, Time};
use sim::context::{self, Activity};
use sim::{Clock, Sim};
use tokio::time::Sleep;

use crate::end::Answer;
use crate::fate::{ALIVE_CHECK_MS, Fate};
use crate::network::{Reliability, ServerName, Shared, Switch, lock};
use crate::server::Server;

/// A call that was sent, with all that is decided about it.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) id: RpcId,
    pub(crate) end: usize,
    pub(crate) to: Option<ServerName>,
    /// The instance that it was sent to: a later one under the same name is another.
    pub(crate) server: Option<Arc<Server>>,
    pub(crate) method: &'static str,
    pub(crate) args: Bytes,
    pub(crate) called_at: &'static Location<'static>,
    pub(crate) fate: Fate,
    pub(crate) reliability: Reliability,
    pub(crate) long_reordering: Switch,
    pub(crate) answer: Answer,
    /// Whether its handler has ended: from then on the reply's way is decided.
    pub(crate) is_handled: AtomicBool,
}

/// What happens next to a request.
#[derive(Debug)]
pub(crate) enum Step {
    /// It reaches its server.
    Deliver,
    /// While its handler runs: is the server still alive?
    CheckAlive,
    /// It returns to its caller.
    Return(Outcome, Option<Bytes>),
}

#[derive(Debug)]
struct Scheduled {
    at: Duration,
    /// Orders what happens in the same microsecond, first come first served.
    sequence: u64,
    request: Arc<Request>,
    step: Step,
}

impl Ord for Scheduled {
    /// The earliest is the greatest, since the heap gives out the greatest first.
    fn cmp(&self, other: &Scheduled) -> Ordering {
        (other.at, other.sequence).cmp(&(self.at, self.sequence))
    }
}

impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Scheduled) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Scheduled {
    fn eq(&self, other: &Scheduled) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Scheduled {}

/// All that is under way, by time.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    heap: BinaryHeap<Scheduled>,
    next_sequence: u64,
    /// The pump, if it sleeps.
    pump: Option<Waker>,
}

impl Schedule {
    /// Adds a step. Returns the pump's waker if the step comes before all others: to be woken once
    /// the network's lock is free.
    #[must_use]
    pub(crate) fn push(
        &mut self,
        at: Duration,
        request: Arc<Request>,
        step: Step,
    ) -> Option<Waker> {
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        let is_first = self.heap.peek().is_none_or(|head| at < head.at);
        self.heap.push(Scheduled { at, sequence, request, step });
        if is_first { self.pump.take() } else { None }
    }
}

/// Whether the other tasks must have their turn before anything later happens.
#[derive(PartialEq)]
enum Turn {
    Others,
    Mine,
}

/// Makes things happen at their time, until the network is dropped.
pub(crate) async fn run(network: Weak<Shared>, sim: Sim) {
    let mut timer = pin!(tokio::time::sleep_until(sim.instant(Duration::ZERO)));
    poll_fn(|task| {
        let Some(shared) = network.upgrade() else { return Poll::Ready(()) };
        while let Poll::Ready(scheduled) = next(&shared, timer.as_mut(), task) {
            sim.advance_within_tick(scheduled.at);
            if perform(&shared, scheduled, task) == Turn::Others {
                task.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
        Poll::Pending
    })
    .await;
}

/// Takes the next step once its time has come; until then the pump is woken for it.
fn next(shared: &Shared, mut timer: Pin<&mut Sleep>, task: &mut Context<'_>) -> Poll<Scheduled> {
    let mut state = lock(&shared.state);
    loop {
        let Some(head) = state.schedule.heap.peek() else {
            state.schedule.pump = Some(task.waker().clone());
            return Poll::Pending;
        };
        if head.at < shared.sim.tick_end() {
            let scheduled = state.schedule.heap.pop().expect("the head was just looked at");
            return Poll::Ready(scheduled);
        }
        let wake_at = shared.sim.instant(match shared.sim.clock() {
            // A timer that is asked for less than a whole millisecond rounds up, and would be late.
            Clock::Virtual => Duration::from_millis(whole_millis(head.at)),
            Clock::Real => head.at,
        });
        if timer.deadline() != wake_at {
            timer.as_mut().reset(wake_at);
        }
        if timer.as_mut().poll(task).is_pending() {
            state.schedule.pump = Some(task.waker().clone());
            return Poll::Pending;
        }
    }
}

fn perform(shared: &Arc<Shared>, scheduled: Scheduled, task: &mut Context<'_>) -> Turn {
    let Scheduled { request, step, .. } = scheduled;
    match step {
        Step::Deliver => {
            deliver(shared, request, task);
            Turn::Mine
        }
        Step::CheckAlive => {
            check_alive(shared, request);
            Turn::Mine
        }
        Step::Return(outcome, reply) => {
            finish(shared, &request, outcome, reply);
            // The caller acts on the reply before anything later happens.
            Turn::Others
        }
    }
}

fn whole_millis(duration: Duration) -> u64 {
    duration.as_secs() * 1000 + u64::from(duration.subsec_millis())
}

fn deliver(shared: &Arc<Shared>, request: Arc<Request>, task: &mut Context<'_>) {
    let kind = EventKind::RpcDelivered { id: request.id };
    shared.observer.record(Time::from(shared.sim.now()), kind);
    let server = request.server.as_ref().expect("only what has a server is delivered");
    let activity = Activity::Handler(request.method);
    let context = server.owner().map(|owner| context::Context { owner, activity });
    let entered = context::enter(context);
    // A handler that panics has been noted by the run, which it ends; its call never returns.
    let dispatch = AssertUnwindSafe(|| server.dispatch(request.method, &request.args));
    let mut handling = match catch_unwind(dispatch) {
        Ok(Ok(handling)) => handling,
        Ok(Err(message)) => {
            shared.observer.fatal(format!("{message}; the call is at {}", request.called_at));
            return;
        }
        Err(_) => return,
    };
    if shared.sim.clock() == Clock::Virtual {
        // Most handlers never wait, and then a task of their own would be for nothing.
        match catch_unwind(AssertUnwindSafe(|| handling.as_mut().poll(task))) {
            Ok(Poll::Ready(reply)) => {
                drop(entered);
                handled(shared, request, reply);
                return;
            }
            Ok(Poll::Pending) => {}
            Err(_) => return,
        }
    }
    let (waiting, waited_for) = (Arc::clone(shared), request.clone());
    tokio::spawn(async move {
        let reply = context::within(context, handling).await;
        handled(&waiting, waited_for, reply);
    });
    drop(entered);
    schedule(shared, Duration::from_millis(ALIVE_CHECK_MS), request, Step::CheckAlive);
}

/// A handler has ended: the reply sets out, unless nobody may hear it.
fn handled(shared: &Shared, request: Arc<Request>, reply: Payload) {
    let bytes = reply.bytes().clone();
    let kind = EventKind::RpcHandled { id: request.id, reply };
    request.is_handled.store(true, Relaxed);
    shared.observer.record(Time::from(shared.sim.now()), kind);
    if request.answer.is_given() {
        return;
    }
    let fate = request.fate;
    let unreliable = request.reliability == Reliability::Unreliable;
    let reordered = fate.reordered.filter(|_| request.long_reordering == Switch::On);
    let (delay, step) = if lock(&shared.state).is_dead(&request) {
        (Duration::ZERO, Step::Return(Outcome::ServerDied, None))
    } else if unreliable && fate.reply_lost {
        (Duration::ZERO, Step::Return(Outcome::ReplyLost, None))
    } else {
        let lateness = reordered.unwrap_or(Duration::ZERO);
        (lateness, Step::Return(Outcome::Replied, Some(bytes)))
    };
    schedule(shared, delay + shared.hop(fate.reply_hop), request, step);
}

fn check_alive(shared: &Shared, request: Arc<Request>) {
    if request.is_handled.load(Relaxed) || request.answer.is_given() {
        return;
    }
    if lock(&shared.state).is_dead(&request) {
        finish(shared, &request, Outcome::ServerDied, None);
    } else {
        schedule(shared, Duration::from_millis(ALIVE_CHECK_MS), request, Step::CheckAlive);
    }
}

fn finish(shared: &Shared, request: &Request, outcome: Outcome, reply: Option<Bytes>) {
    if request.answer.is_given() {
        return;
    }
    if let Some(reply) = &reply {
        lock(&shared.state).bytes += reply.len() as u64;
    }
    let kind = EventKind::RpcReturned { id: request.id, outcome };
    shared.observer.record(Time::from(shared.sim.now()), kind);
    request.answer.give(reply);
}

fn schedule(shared: &Shared, delay: Duration, request: Arc<Request>, step: Step) {
    let at = shared.sim.now() + delay;
    let waker = lock(&shared.state).schedule.push(at, request, step);
    if let Some(waker) = waker {
        waker.wake();
    }
}
