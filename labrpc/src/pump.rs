//! What is under way, and the task that makes it happen: one heap, one timer.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::{Arc, OnceLock, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use report::{EventKind, Outcome, Payload, RpcId, Time};
use sim::context::{self, Activity};
use sim::{Clock, Sim};
use tokio::time::Sleep;

use crate::end::Answer;
use crate::fate::{ALIVE_CHECK_MS, ReplyFate};
use crate::network::{Shared, lock};
use crate::server::Server;

/// A call that was sent, with all that is decided about it.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) id: RpcId,
    pub(crate) end: usize,
    /// The instance that it was sent to: a later one under the same name is another.
    pub(crate) server: Option<Arc<Server>>,
    pub(crate) method: &'static str,
    pub(crate) args: Bytes,
    pub(crate) called_at: &'static Location<'static>,
    pub(crate) reply_fate: ReplyFate,
    pub(crate) answer: Answer,
    /// What its handler has ended with: from then on the reply's way is decided.
    pub(crate) reply: OnceLock<Bytes>,
}

/// What happens next to a request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// It reaches its server.
    Deliver,
    /// While its handler runs: is the server still alive?
    CheckAlive,
    /// It returns to its caller.
    Return(Outcome),
}

#[derive(Debug)]
struct Scheduled {
    /// When it happens, in nanoseconds, and below that its number: what happens at the same time
    /// happens first come first served. One number, for the heap compares little but these.
    turn: u128,
    request: Arc<Request>,
    step: Step,
}

impl Scheduled {
    fn at(&self) -> Duration {
        Duration::from_nanos((self.turn >> 64) as u64)
    }
}

impl Ord for Scheduled {
    /// The earliest is the greatest, since the heap gives out the greatest first.
    fn cmp(&self, other: &Scheduled) -> Ordering {
        other.turn.cmp(&self.turn)
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
        let turn = (at.as_nanos() << 64) + u128::from(self.next_sequence);
        self.next_sequence += 1;
        let is_first = self.heap.peek().is_none_or(|head| turn < head.turn);
        self.heap.push(Scheduled { turn, request, step });
        if is_first { self.pump.take() } else { None }
    }
}

/// Whether the other tasks go on before anything later happens.
#[derive(PartialEq)]
enum Next {
    Others,
    Pump,
}

/// Makes things happen at their time, until the network is dropped.
pub(crate) async fn run(network: Weak<Shared>, sim: Sim) {
    let mut timer = pin!(tokio::time::sleep_until(sim.instant(Duration::ZERO)));
    poll_fn(|task| {
        let Some(shared) = network.upgrade() else { return Poll::Ready(()) };
        while let Poll::Ready(scheduled) = next(&shared, timer.as_mut(), task) {
            sim.advance_within_tick(scheduled.at());
            if perform(&shared, scheduled, task) == Next::Others {
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
        if head.at() < shared.sim.tick_end() {
            let scheduled = state.schedule.heap.pop().expect("the head was just looked at");
            return Poll::Ready(scheduled);
        }
        let wake_at = shared.sim.instant(match shared.sim.clock() {
            // A timer that is asked for less than a whole millisecond rounds up, and would be late.
            Clock::Virtual => Duration::from_millis(whole_millis(head.at())),
            Clock::Real => head.at(),
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

fn perform(shared: &Arc<Shared>, scheduled: Scheduled, task: &mut Context<'_>) -> Next {
    let Scheduled { request, step, .. } = scheduled;
    match step {
        Step::Deliver => {
            deliver(shared, request, task);
            Next::Pump
        }
        Step::CheckAlive => {
            check_alive(shared, request);
            Next::Pump
        }
        Step::Return(outcome) => {
            finish(shared, &request, outcome);
            // The caller acts on the reply before anything later happens.
            Next::Others
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
    check_alive_later(shared, request);
}

/// A handler has ended: the reply sets out, unless nobody may hear it.
fn handled(shared: &Shared, request: Arc<Request>, reply: Payload) {
    let now = shared.sim.now();
    request.reply.set(reply.bytes().clone()).expect("a request is handled once");
    shared.observer.record(Time::from(now), EventKind::RpcHandled { id: request.id, reply });
    if request.answer.is_given() {
        return;
    }
    let ReplyFate { hop, lateness, is_lost } = request.reply_fate;
    let mut state = lock(&shared.state);
    let (delay, outcome) = if state.is_dead(&request) {
        (hop, Outcome::ServerDied)
    } else if is_lost {
        (hop, Outcome::ReplyLost)
    } else {
        (lateness + hop, Outcome::Replied)
    };
    let waker = state.schedule.push(now + delay, request, Step::Return(outcome));
    drop(state);
    if let Some(waker) = waker {
        waker.wake();
    }
}

fn check_alive(shared: &Shared, request: Arc<Request>) {
    if request.reply.get().is_some() || request.answer.is_given() {
        return;
    }
    if lock(&shared.state).is_dead(&request) {
        finish(shared, &request, Outcome::ServerDied);
    } else {
        check_alive_later(shared, request);
    }
}

fn check_alive_later(shared: &Shared, request: Arc<Request>) {
    let at = shared.sim.now() + Duration::from_millis(ALIVE_CHECK_MS);
    let waker = lock(&shared.state).schedule.push(at, request, Step::CheckAlive);
    if let Some(waker) = waker {
        waker.wake();
    }
}

fn finish(shared: &Shared, request: &Request, outcome: Outcome) {
    if request.answer.is_given() {
        return;
    }
    if let (Outcome::Replied, Some(reply)) = (outcome, request.reply.get()) {
        shared.count_bytes(reply);
    }
    let kind = EventKind::RpcReturned { id: request.id, outcome };
    shared.observer.record(Time::from(shared.sim.now()), kind);
    request.answer.give(outcome);
}
