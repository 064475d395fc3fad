//! A run made again without its servers' code: puppets stand in for the servers, and do what its record says that they
//! did, when it says so. The script, the network and all checks are the tester's own, from the same seed.
//!
//! A record is a list of events in order. Some of them servers bring about: they send, save, apply. These the puppets
//! do, as soon as all that stands before them has happened ([`Puppets::go_on`]). All others have to happen by themselves:
//! each must be the next one of the record, at its microsecond ([`Puppets::has_happened`]). The first that isn't fails
//! the run. So whoever has forged a record has either forged it whole and right, or is found out.
//!
//! At one instant, the record also says in which order tasks have their turns: by [marks](report::Mark). Puppets act before
//! turns, and not in tasks of their own, whose turns would be others than the servers'. If the script or the network has a
//! turn too early, since no servers' tasks are there to wait for, it waits ([`Puppets::may_go_on`]).

mod puppet;
mod tape;

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::task::{Poll, Waker};
use std::time::Duration;

use harness::T;
use labrpc::{Answer, ClientEnd, Sent};
use parking_lot::Mutex;
use raftapi::{ApplyMsg, Persister, Raft};
use report::{
    Asked, Caller, Check, Event, EventKind, FailureKind, Mark, Payload, RpcId, Time, text,
};
use sim::Turn;
use sim::context::Owner;
use tokio::sync::Notify;

use self::puppet::{Prompter, Puppet};
use self::tape::Tape;

/// All puppets of a run, and what leads them. Clones are the same.
#[derive(Clone)]
pub(crate) struct Puppets(Arc<Inner>);

/// Where puppets act: what the tester does when servers have done something.
pub(crate) struct Stage {
    /// A server has applied something.
    pub(crate) takes: Takes,
    /// A server is looked at because its tasks have run.
    pub(crate) looks: Looks,
}

pub(crate) type Takes = Box<dyn Fn(Owner, &ApplyMsg) + Send + Sync>;

pub(crate) type Looks = Box<dyn Fn(Owner, Asked) + Send + Sync>;

struct Inner {
    t: T,
    stage: OnceLock<Stage>,
    tape: Mutex<Tape>,
    lives: Mutex<BTreeMap<(u32, u32), Arc<Puppet>>>,
    /// The calls that are still to be dropped.
    sent: Mutex<BTreeMap<RpcId, Sent>>,
    /// The calls whose handlers wait.
    waiting: Mutex<BTreeMap<RpcId, Answer>>,
    turns: Mutex<Turns>,
    /// The tick, in ms, for which the alarm is set; and its bell.
    alarm: Mutex<Option<u64>>,
    bell: Notify,
}

/// Whose turn it is, and who waits for one.
#[derive(Default)]
struct Turns {
    /// The task that has its turn now.
    now: u32,
    /// The network's task.
    network: Option<u32>,
    /// The tasks that had theirs too early.
    early: Vec<(u32, Waker)>,
}

impl Puppets {
    /// The puppets of a run that is to be another one again; `None` if it isn't.
    ///
    /// Skips the run if it can't be made again.
    pub(crate) fn of(t: &T) -> Option<Puppets> {
        let record = t.judged()?;
        if !cfg!(tokio_unstable) {
            t.skip("without tokio_unstable nobody can say whose turn it is");
        }
        let tape = Tape::of(&record).unwrap_or_else(|why| t.skip(why));
        let puppets = Puppets(Arc::new(Inner {
            t: t.clone(),
            stage: OnceLock::new(),
            tape: Mutex::new(tape),
            lives: Mutex::default(),
            sent: Mutex::default(),
            waiting: Mutex::default(),
            turns: Mutex::default(),
            alarm: Mutex::default(),
            bell: Notify::new(),
        }));
        // The run has both, and outlives neither.
        let weak = Arc::downgrade(&puppets.0);
        let present = move || weak.upgrade().map(Puppets);
        let [happening, turning, going_on] = [present.clone(), present.clone(), present];
        t.on_record(move |at, kind| {
            if let Some(puppets) = happening() {
                puppets.has_happened(at, kind);
            }
        });
        t.sim().on_turn(move |turn| {
            if let Some(puppets) = turning() {
                puppets.begins_turn(turn);
            }
        });
        t.set_gate(move |waker| going_on().is_none_or(|puppets| puppets.may_go_on(waker)));
        sim::spawn_unnumbered(puppets.clone().wake_in_time());
        Some(puppets)
    }

    /// The puppets act on this stage.
    pub(crate) fn act_on(&self, stage: Stage) {
        let _ = self.0.stage.set(stage);
    }

    /// Makes the puppet of one life.
    pub(crate) fn make(
        &self,
        owner: Owner,
        ends: Vec<ClientEnd>,
        disk: Arc<Persister>,
    ) -> Arc<dyn Raft> {
        let puppet = Arc::new(Puppet::new(Arc::new(self.clone()), owner, ends, disk));
        self.0.lives.lock().insert((owner.server, owner.incarnation), puppet.clone());
        puppet.is_made();
        puppet
    }

    fn life(&self, server: &Caller) -> Option<Arc<Puppet>> {
        self.0.lives.lock().get(&(server.server, server.incarnation)).cloned()
    }

    fn now(&self) -> Time {
        self.0.t.now()
    }

    /// Something has happened: it must be what the record has next.
    fn has_happened(&self, at: Time, kind: &EventKind) {
        if matches!(kind, EventKind::Logged { .. } | EventKind::Viewed { .. }) {
            return;
        }
        let mut tape = self.0.tape.lock();
        if tape.is_over {
            return;
        }
        if tape.next().is_some_and(|next| tape::is_same(next, at, kind)) {
            tape.advance();
            if matches!(kind, EventKind::Mark(Mark::End)) {
                tape.is_over = true;
            }
            return;
        }
        drop(tape);
        self.differs(&format!("{}, at {} µs", text::event(kind), at.0));
    }

    /// The run parts from the record here, where something else happens.
    fn differs(&self, here: &str) {
        let mut tape = self.0.tape.lock();
        if tape.is_over {
            return;
        }
        let next = tape.next().map_or("nothing".to_owned(), |Event { at, kind }| {
            format!("{}, at {} µs", text::event(kind), at.0)
        });
        tape.is_over = true;
        drop(tape);
        let message = format!("by the record, {next}; by seed and script, {here}");
        self.0.t.fail((FailureKind::Tester, Check::Script), message);
    }

    /// The task that is spawned next is the network's.
    pub(crate) fn network_is_next(&self) {
        self.0.turns.lock().network = Some(self.0.t.sim().next_number());
    }

    /// A turn begins: whatever servers did before it is done now.
    fn begins_turn(&self, turn: Turn) {
        self.go_on();
        match turn {
            Turn::Numbered(task) => {
                let mut turns = self.0.turns.lock();
                turns.now = task;
                // Those two ask whether they may go on.
                let asks = task == 0 || turns.network == Some(task);
                drop(turns);
                if !asks && !self.has_turn(task) {
                    let turn = text::event(&EventKind::Mark(Mark::Turn { task }));
                    self.differs(&format!("{turn}, at {} µs", self.now().0));
                }
            }
            Turn::Other => {}
            Turn::Rest => self.set_alarm(),
        }
    }

    /// Whether the record has a task go on now; then it does.
    fn has_turn(&self, task: u32) -> bool {
        let mut tape = self.0.tape.lock();
        let Some(Event { at, kind }) = tape.next() else { return true };
        let is_it = matches!(kind, EventKind::Mark(Mark::Turn { task: next }) if *next == task);
        let is_now = is_it && *at == self.now();
        if is_now {
            tape.advance();
        }
        is_now
    }

    /// Whether the script or the network may make use of its turn. If not, it is woken for it.
    fn may_go_on(&self, waker: &Waker) -> bool {
        let task = self.0.turns.lock().now;
        if self.has_turn(task) {
            self.look_early(Asked::AtTurn);
            return true;
        }
        let mut turns = self.0.turns.lock();
        turns.early.retain(|(early, _)| *early != task);
        turns.early.push((task, waker.clone()));
        false
    }

    /// Wakes the task whose turn it is by the record, if it had it too early.
    fn wake_early(&self) {
        let tape = self.0.tape.lock();
        // When there is nothing to follow, nobody waits for a turn.
        let next = tape.next().map(|Event { at, kind }| (*at, kind.clone()));
        drop(tape);
        let now = self.now();
        let is_due = |task: u32| match &next {
            None => true,
            Some((at, EventKind::Mark(Mark::Turn { task: next }))) => *next == task && *at == now,
            Some(_) => false,
        };
        let mut turns = self.0.turns.lock();
        let (due, early) = turns.early.drain(..).partition(|(task, _)| is_due(*task));
        turns.early = early;
        drop(turns);
        let due: Vec<(u32, Waker)> = due;
        due.into_iter().for_each(|(_, waker)| waker.wake());
    }

    /// Does what servers did next, as far as it is due.
    fn go_on(&self) {
        while let Some(deed) = self.next_deed() {
            self.does(deed);
        }
        if !self.0.turns.lock().early.is_empty() {
            self.wake_early();
        }
    }

    /// What a server did next, if it is due now. The run differs if something should have happened by now.
    fn next_deed(&self) -> Option<Event> {
        let now = self.now();
        let tape = self.0.tape.lock();
        let next = tape.next()?;
        if next.at < now {
            drop(tape);
            self.differs(&format!("nothing of the kind, and it is {} µs", now.0));
            return None;
        }
        (next.at == now && tape::is_deed(&next.kind)).then(|| next.clone())
    }

    /// Does what a server did.
    fn does(&self, Event { kind, .. }: Event) {
        let place = self.0.tape.lock().place();
        let done = self.try_to_do(&kind);
        // What is recorded has been found to be the next event; a mark is nobody's event.
        let mut tape = self.0.tape.lock();
        if tape.place() == place && matches!(kind, EventKind::Mark(_)) {
            tape.advance();
        }
        let is_stuck = tape.place() == place;
        drop(tape);
        if done.is_none() || is_stuck {
            self.differs("nobody who could do that");
        }
    }

    fn try_to_do(&self, kind: &EventKind) -> Option<()> {
        match kind {
            EventKind::RpcSent { id, from: Some(from), to: Some(to), method, args } => {
                let method = self.0.tape.lock().interned(method);
                let sent = self.life(from)?.send(*to, method, args.clone())?;
                if self.0.tape.lock().is_dropped(*id) {
                    self.0.sent.lock().insert(*id, sent);
                }
            }
            EventKind::RpcDropped { id } => {
                let sent = self.0.sent.lock().remove(id)?;
                sent.is_dropped();
            }
            EventKind::Saved { server, state, .. } => self.life(server)?.save(*state)?,
            EventKind::Applied { server, index, command } => {
                let (index, command) = (*index, command.bytes().to_vec().into());
                self.applies(server, &ApplyMsg::Command { index, command })?;
            }
            EventKind::AppliedSnapshot { server, index, .. } => {
                let (term, snapshot) = self.life(server)?.takes_snapshot()?;
                self.applies(server, &ApplyMsg::Snapshot { index: *index, term, snapshot })?;
            }
            EventKind::TaskEnded { .. } => self.0.t.record(kind.clone()),
            EventKind::Mark(Mark::Saves { server, durable, snapshot }) => {
                self.life(server)?.will_save(*durable, snapshot.as_ref());
            }
            EventKind::Mark(Mark::Syncs { server }) => self.life(server)?.sync(),
            EventKind::Mark(Mark::Applies { server, term, snapshot }) => {
                self.life(server)?.will_apply(*term, snapshot);
            }
            EventKind::Mark(Mark::State { asked: Asked::AtRest, .. }) => {
                self.look_early(Asked::AtRest);
            }
            EventKind::Mark(Mark::Answers { id }) => {
                let answer = self.0.waiting.lock().remove(id)?;
                let mut tape = self.0.tape.lock();
                let reply = tape.reply(*id)?;
                tape.advance();
                drop(tape);
                answer(reply);
            }
            _ => return None,
        }
        Some(())
    }

    /// Has those servers be looked at whose tasks have run, and who are seen to be others than before.
    fn look_early(&self, when: Asked) {
        loop {
            let tape = self.0.tape.lock();
            let Some(Event { kind: EventKind::Mark(mark), .. }) = tape.next() else { return };
            let Mark::State { server, term, is_leader, asked } = *mark else { return };
            drop(tape);
            let (true, Some(puppet), Some(stage)) =
                (asked == when, self.life(&server), self.0.stage.get())
            else {
                return;
            };
            puppet.is(term, is_leader);
            // What it answers isn't the next event as long as the mark is.
            (stage.looks)(owner(&server), asked);
            self.0.tape.lock().advance();
        }
    }

    fn applies(&self, server: &Caller, message: &ApplyMsg) -> Option<()> {
        (self.0.stage.get()?.takes)(owner(server), message);
        Some(())
    }

    /// All tasks wait. What a server does next, it does at its time, also if nothing else happens then.
    fn set_alarm(&self) {
        let tape = self.0.tape.lock();
        let is_waited_for = |kind: &EventKind| match kind {
            EventKind::Mark(Mark::Turn { task }) => {
                self.0.turns.lock().early.iter().any(|(early, _)| early == task)
            }
            kind => tape::is_deed(kind),
        };
        let next = tape.next().filter(|next| is_waited_for(&next.kind));
        let next = next.map(|next| next.at.0 / 1000);
        drop(tape);
        let next = next.filter(|tick| *tick > self.now().0 / 1000);
        let mut alarm = self.0.alarm.lock();
        if next.is_some() && *alarm != next {
            *alarm = next;
            drop(alarm);
            self.0.bell.notify_one();
        }
    }

    /// The task that lets the clock stop at the alarm.
    async fn wake_in_time(self) {
        loop {
            let tick = *self.0.alarm.lock();
            let bell = pin!(self.0.bell.notified());
            match tick {
                None => bell.await,
                Some(tick) => {
                    let at = self.0.t.sim().instant(Duration::from_millis(tick));
                    let (mut bell, mut time) = (bell, pin!(tokio::time::sleep_until(at)));
                    let is_late = poll_fn(|task| match bell.as_mut().poll(task) {
                        Poll::Ready(()) => Poll::Ready(false),
                        Poll::Pending => time.as_mut().poll(task).map(|()| true),
                    });
                    if is_late.await {
                        let mut alarm = self.0.alarm.lock();
                        if *alarm == Some(tick) {
                            *alarm = None;
                        }
                    }
                }
            }
        }
    }
}

impl Prompter for Puppets {
    fn follow(&self, is_it: &dyn Fn(&Mark) -> bool, call: &str) -> Option<Mark> {
        loop {
            let mut tape = self.0.tape.lock();
            let Event { kind, .. } = tape.next()?;
            if let EventKind::Mark(mark) = kind
                && is_it(mark)
            {
                let mark = mark.clone();
                tape.advance();
                return Some(mark);
            }
            drop(tape);
            match self.next_deed() {
                Some(deed) => self.does(deed),
                None => {
                    self.differs(&format!("a call of {call}, at {} µs", self.now().0));
                    return None;
                }
            }
        }
    }

    fn new_state(&self, server: Caller) -> Option<(u64, bool)> {
        let mut tape = self.0.tape.lock();
        let Event { at, kind } = tape.next()?;
        match kind {
            EventKind::Mark(Mark::State { server: of, term, is_leader, asked: Asked::Due })
                if *of == server && *at == self.now() =>
            {
                let state = (*term, *is_leader);
                tape.advance();
                Some(state)
            }
            _ => None,
        }
    }

    fn deliver(&self, id: RpcId, answer: Answer) -> Option<Payload> {
        loop {
            let mut tape = self.0.tape.lock();
            match &tape.next()?.kind {
                EventKind::RpcHandled { id: handled, reply } if *handled == id => {
                    return Some(reply.clone());
                }
                EventKind::Mark(Mark::Waits { id: waits }) if *waits == id => {
                    tape.advance();
                    self.0.waiting.lock().insert(id, answer);
                    return None;
                }
                _ => {}
            }
            drop(tape);
            match self.next_deed() {
                Some(deed) => self.does(deed),
                None => {
                    self.differs(&format!("the handler of call {}, at {} µs", id.0, self.now().0));
                    return None;
                }
            }
        }
    }
}

fn owner(server: &Caller) -> Owner {
    Owner { server: server.server, incarnation: server.incarnation }
}
