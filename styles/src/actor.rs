//! The actor: the one task that owns a server's state, and does what the state machine says.
//!
//! Whatever comes is a [`Letter`] in its inbox, or the end of a call that it waits for. It takes all that
//! is there, has the machine make one [step](Machine::step) of it, and does what that says: some of it at
//! once, and the rest, in order, when the disk has what it rests on. It never waits for the disk itself:
//! the sync is another task, which writes a letter when it is done.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures::FutureExt as _;
use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use labrpc::ClientEnd;
use raftapi::{ApplyMsg, Index, Persister};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};

use crate::machine::{Input, Machine, Output, Taken, View, When};
use crate::message::{Reply, Request};
use crate::style::Wire;

/// What comes into the inbox.
#[derive(Debug)]
pub(crate) enum Letter {
    /// A request, and where its reply goes; nowhere if replies are messages of their own.
    Request(Request, Option<oneshot::Sender<Reply>>),
    /// A reply that is a message of its own.
    Reply(Reply),
    /// A command that `start` has taken.
    Command(Taken),
    /// A snapshot of the service's.
    Snapshot { index: Index, snapshot: Bytes },
    /// All writes up to this one are safe.
    Synced { write: u64 },
}

/// What the tester may see of a server, and `start` counts on in.
#[derive(Debug, Default)]
pub(crate) struct Window(Mutex<View>);

impl Window {
    pub(crate) fn view(&self) -> MutexGuard<'_, View> {
        // Nothing that is done under the lock can panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an actor works with.
#[derive(Debug)]
pub(crate) struct Surroundings {
    pub(crate) peers: Vec<ClientEnd>,
    pub(crate) wire: Wire,
    pub(crate) persister: Arc<Persister>,
    /// Tells the syncing task of writes.
    pub(crate) written: watch::Sender<u64>,
    /// Leads to the applying task.
    pub(crate) to_apply: mpsc::UnboundedSender<ApplyMsg>,
    pub(crate) window: Arc<Window>,
}

/// The task's state.
pub(crate) struct Actor {
    machine: Machine,
    surroundings: Surroundings,
    /// When the machine's time began.
    begun: Instant,
    /// The calls under way.
    calls: FuturesUnordered<BoxFuture<'static, Input>>,
    /// Where replies go, by ticket.
    tickets: BTreeMap<u64, oneshot::Sender<Reply>>,
    last_ticket: u64,
    /// What waits until a write is safe, in order.
    held: VecDeque<(u64, Output)>,
    last_write: u64,
    safe_write: u64,
}

impl Actor {
    pub(crate) fn new(machine: Machine, surroundings: Surroundings) -> Actor {
        Actor {
            machine,
            surroundings,
            begun: Instant::now(),
            calls: FuturesUnordered::new(),
            tickets: BTreeMap::new(),
            last_ticket: 0,
            held: VecDeque::new(),
            last_write: 0,
            safe_write: 0,
        }
    }

    /// Lives until its inbox is closed, or the task is aborted.
    pub(crate) async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Letter>) {
        loop {
            let wakes_at = self.begun + self.machine.wakes_at();
            let mut inputs = Vec::new();
            tokio::select! {
                biased;
                letter = inbox.recv() => match letter {
                    Some(letter) => inputs.push(self.open(letter)),
                    None => return,
                },
                Some(input) = self.calls.next() => inputs.push(input),
                () = sleep_until(wakes_at) => {}
            }
            while let Ok(letter) = inbox.try_recv() {
                inputs.push(self.open(letter));
            }
            while let Some(Some(input)) = self.calls.next().now_or_never() {
                inputs.push(input);
            }
            for output in self.machine.step(self.begun.elapsed(), inputs) {
                match output.when() {
                    When::Now => self.put(output),
                    When::Safe => self.held.push_back((self.last_write, output)),
                }
            }
            while let Some((_, output)) = self.held.pop_front_if(|held| held.0 <= self.safe_write) {
                self.put(output);
            }
        }
    }

    fn open(&mut self, letter: Letter) -> Input {
        match letter {
            Letter::Request(request, reply_to) => {
                self.last_ticket += 1;
                let ticket = self.last_ticket;
                self.tickets.extend(reply_to.map(|reply_to| (ticket, reply_to)));
                Input::Request { ticket, request }
            }
            Letter::Reply(reply) => Input::Reply(reply),
            Letter::Command(taken) => Input::Command(taken),
            Letter::Snapshot { index, snapshot } => Input::Snapshot { index, snapshot },
            Letter::Synced { write } => {
                self.safe_write = write;
                Input::Synced { write }
            }
        }
    }

    /// Does what the machine says.
    fn put(&mut self, output: Output) {
        match output {
            Output::Write { write, state, snapshot } => {
                self.surroundings.persister.write(state, snapshot);
                self.last_write = write;
                self.surroundings.written.send_replace(write);
            }
            Output::Show { view, .. } => *self.surroundings.window.view() = view,
            Output::Send { to, request, .. } => {
                let Surroundings { peers, wire, .. } = &self.surroundings;
                self.calls.extend(wire.send(&peers[to], &request));
            }
            Output::Reply { ticket, to, reply } => match self.tickets.remove(&ticket) {
                // Whoever asked may have stopped waiting.
                Some(reply_to) => drop(reply_to.send(reply)),
                None => self.surroundings.wire.send_reply(&self.surroundings.peers[to], &reply),
            },
            // Without an applying task the server is dead.
            Output::Apply(message) => drop(self.surroundings.to_apply.send(message)),
        }
    }
}
