//! The task that makes happen what is under way, by one timer.

use std::future::poll_fn;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use chance::fate::{ALIVE_CHECK_MS, ms};
use nemesis::Link;
use parking_lot::MutexGuard;
use report::{EventKind, Outcome, Payload, Time};
use sim::context::{self, Activity, Owner};
use sim::{Clock, SameCalls, Sim};
use tokio::time::Sleep;

use crate::mishap::ReplyFate;
use crate::request::{Args, Request};
use crate::schedule::{Schedule, Scheduled, Step, at_us};
use crate::state::{Shared, State};

/// Makes things happen at their time, until the network is dropped.
pub(crate) async fn run(shared: Arc<Shared>) {
    let mut timer = pin!(tokio::time::sleep_until(shared.sim.instant(Duration::ZERO)));
    poll_fn(|task| pump(&shared, timer.as_mut(), task)).await;
}

/// Does one step after the other until a caller has to act first, or the next step's time is yet to
/// come.
fn pump(shared: &Arc<Shared>, mut timer: Pin<&mut Sleep>, task: &mut Context<'_>) -> Poll<()> {
    if !shared.observer.may_go_on(task.waker()) {
        return Poll::Pending;
    }
    // The lock is kept from step to step. Only what may be anybody's code runs without it: handlers,
    // callers' wakers, and what goes with a request that is dropped.
    let mut state = shared.state();
    while !state.is_gone {
        let ran = shared.sim.take_ran();
        if !ran.is_empty() {
            state = look_again(shared, state, ran);
        }
        if !state.busy.is_empty() {
            state = look_around(shared, state);
            continue;
        }
        let next = next(&shared.sim, &mut state.schedule, timer.as_mut(), task);
        let Poll::Ready(Scheduled { turn, request, step }) = next else { return Poll::Pending };
        shared.sim.advance_within_tick(at_us(turn));
        let outcome = match step {
            Step::Deliver => {
                let Some(life) = arrive(&state, &request) else {
                    let at = shared.sim.now_us() + request.fails_after;
                    state.schedule.push(at, request, Step::Return(Outcome::RequestLost));
                    continue;
                };
                let kind = EventKind::RpcDelivered { id: request.id, life };
                shared.observer.record(Time(shared.sim.now_us()), kind);
                drop(state);
                let ended = deliver(shared, request);
                state = shared.state();
                if let Some((request, reply)) = ended {
                    if let Some(owner) = request.server.get().and_then(|server| server.owner()) {
                        state.is_busy(owner);
                    }
                    handled(shared, &mut state, request, reply);
                }
                continue;
            }
            Step::CheckAlive if request.reply.get().is_some() => None,
            Step::CheckAlive if state.is_dead(&request) => Some(Outcome::ServerDied),
            Step::CheckAlive => {
                check_alive_later(&shared.sim, &mut state.schedule, request);
                continue;
            }
            Step::Return(outcome) => Some(outcome),
        };
        if let Some(outcome) = outcome.filter(|_| !request.answer.is_given()) {
            if let (Outcome::Replied, Some(reply)) = (outcome, request.reply.get()) {
                state.bytes += reply.bytes().len() as u64;
            }
            let kind = EventKind::RpcReturned { id: request.id, outcome };
            shared.observer.record(Time(shared.sim.now_us()), kind);
            state.caller_is_busy(&request);
            drop(state);
            request.answer.give(outcome);
            // The caller acts on the reply before anything later happens.
            task.waker().wake_by_ref();
            return Poll::Pending;
        }
        drop(state);
        drop(request);
        state = shared.state();
    }
    Poll::Ready(())
}

/// A request has arrived. One that was late or held goes to whoever is there now, in a life that is
/// told; `None` if nobody is.
fn arrive(state: &State, request: &Request) -> Option<Option<u32>> {
    if request.server.get().is_some() {
        return Some(None);
    }
    let server = state.server_now(request)?;
    let life = server.owner().map(|owner| owner.incarnation);
    request.server.set(server).expect("it wasn't set");
    Some(life)
}

/// Has the observer look at the servers that have had something to do.
fn look_around<'a>(shared: &'a Shared, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
    let mut busy = mem::take(&mut state.busy);
    if shared.sim.clock() == Clock::Virtual {
        drop(state);
        busy.iter().for_each(|server| shared.observer.look_at(*server));
        state = shared.state();
    }
    // Its memory is kept for the next time.
    busy.clear();
    if state.busy.is_empty() {
        state.busy = busy;
    }
    state
}

/// Has the observer look at the servers whose tasks have run, and that will not be looked at anyway.
fn look_again<'a>(
    shared: &'a Shared,
    state: MutexGuard<'a, State>,
    mut ran: Vec<Owner>,
) -> MutexGuard<'a, State> {
    ran.retain(|owner| !state.busy.contains(owner));
    if ran.is_empty() {
        return state;
    }
    drop(state);
    ran.iter().for_each(|server| shared.observer.look_again(*server));
    shared.state()
}

/// Takes the next step once its time has come; until then the pump is woken for it.
fn next(
    sim: &Sim,
    schedule: &mut Schedule,
    mut timer: Pin<&mut Sleep>,
    task: &mut Context<'_>,
) -> Poll<Scheduled> {
    loop {
        let Some(head) = schedule.heap.peek() else {
            schedule.pump = Some(task.waker().clone());
            return Poll::Pending;
        };
        let at_us = at_us(head.turn);
        if at_us < sim.tick_end_us() {
            let scheduled = schedule.heap.pop().expect("the head was just looked at");
            return Poll::Ready(scheduled);
        }
        let wake_at = sim.instant(match sim.clock() {
            // A timer that is asked for less than a whole millisecond rounds up, and would be late.
            Clock::Virtual => Duration::from_millis(at_us / 1000),
            Clock::Real => Duration::from_micros(at_us),
        });
        if timer.deadline() != wake_at {
            timer.as_mut().reset(wake_at);
        }
        if timer.as_mut().poll(task).is_pending() {
            schedule.pump = Some(task.waker().clone());
            return Poll::Pending;
        }
    }
}

/// Has a request's server handle it. Returns both it and the reply if the handler has ended; else
/// it goes on in a task of its own, or there is nothing to wait for.
fn deliver(shared: &Arc<Shared>, request: Arc<Request>) -> Option<(Arc<Request>, Payload)> {
    let server = request.server.get().expect("only what has a server is delivered");
    let activity = Activity::Handler(request.method);
    let context = server.owner().map(|owner| context::Context { owner, activity });
    let _entered = sim::enter(context);
    if let Some(puppet) = server.puppet() {
        let (waiting, waited_for) = (shared.clone(), request.clone());
        let answer = Box::new(move |reply| has_waited(&waiting, waited_for, reply));
        if let Some(reply) = puppet.deliver(request.id, answer) {
            return Some((request, reply));
        }
        check_alive_later(&shared.sim, &mut shared.state().schedule, request);
        return None;
    }
    // A handler that panics has been noted by the run, which it ends; its call never returns.
    let Args { payload, shape } = &request.args;
    let dispatch = AssertUnwindSafe(|| server.dispatch(request.method, payload.bytes(), *shape));
    let mut handling = match catch_unwind(dispatch) {
        Ok(Ok(handling)) => handling,
        Ok(Err(message)) => {
            shared.observer.fatal(format!("{message}; the call is at {}", request.called_at));
            return None;
        }
        Err(_) => return None,
    };
    if shared.sim.clock() == Clock::Virtual {
        // Most handlers never wait, and then a task of their own would be for nothing. One that does is polled again at
        // once by its task; whatever it waits for has no business with the pump's.
        let mut nobody = Context::from_waker(Waker::noop());
        match catch_unwind(AssertUnwindSafe(|| handling.as_mut().poll(&mut nobody))) {
            Ok(Poll::Ready(reply)) => return Some((request, reply)),
            Ok(Poll::Pending) => {}
            Err(_) => return None,
        }
    }
    shared.observer.waits(request.id);
    let (waiting, waited_for) = (shared.clone(), request.clone());
    sim::go_on_in_a_task(async move {
        let reply = sim::within_context(context, handling).await;
        waiting.observer.has_waited(waited_for.id);
        has_waited(&waiting, waited_for, reply);
    });
    check_alive_later(&shared.sim, &mut shared.state().schedule, request);
    None
}

/// A handler has ended that has waited.
fn has_waited(shared: &Shared, request: Arc<Request>, reply: Payload) {
    // What the server is when it answers, before the answer tells anybody.
    if shared.sim.clock() == Clock::Virtual
        && let Some(server) = request.server.get()
        && let Some(owner) = server.owner()
    {
        shared.observer.look_at(owner);
    }
    handled(shared, &mut shared.state(), request, reply);
}

/// A handler has ended: the reply sets out.
fn handled(shared: &Shared, state: &mut State, request: Arc<Request>, reply: Payload) {
    let now = shared.sim.now_us();
    if let Some(owner) = request.server.get().and_then(|server| server.owner()) {
        shared.sim.count_reply(owner.server, reply.bytes().len() as u64);
    }
    let same = &mut state.ends[request.end].same;
    if same.calls > 1 && reply.fields().success == Some(true) {
        *same = SameCalls::default(); // a call that succeeds may be made again
    }
    request.reply.set(reply.clone()).expect("a request is handled once");
    shared.observer.record(Time(now), EventKind::RpcHandled { id: request.id, reply });
    let ReplyFate { hop, lateness, lost_after } = request.reply_fate;
    let way_back = state.link(request.end).map(|Link { from, to }| Link { from: to, to: from });
    let is_cut = way_back.is_some_and(|link| state.is_cut(link));
    let (delay, outcome) = if state.is_dead(&request) {
        (hop, Outcome::ServerDied)
    } else if is_cut {
        (request.fails_after + hop, Outcome::ReplyLost)
    } else if let Some(after) = lost_after {
        (after + hop, Outcome::ReplyLost)
    } else if state.hold(&request) {
        return;
    } else {
        (lateness + hop, Outcome::Replied)
    };
    state.schedule.push(now + delay, request, Step::Return(outcome));
}

fn check_alive_later(sim: &Sim, schedule: &mut Schedule, request: Arc<Request>) {
    schedule.push(sim.now_us() + ms(ALIVE_CHECK_MS), request, Step::CheckAlive);
}
