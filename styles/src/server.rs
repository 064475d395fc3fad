//! A server as the tester and the network see it: it puts what they want into the actor's inbox.

use std::future::pending;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use labrpc::{ClientEnd, Service};
use raftapi::{ApplyCh, ApplyMsg, Command, Index, Persister, Raft, Start, Term};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

use crate::actor::{Actor, Letter, Surroundings, Window};
use crate::bug::Bug;
use crate::machine::{Machine, Taken};
use crate::message::{Reply, Request};
use crate::saved::Saved;
use crate::style::{Style, Wire};

/// One server. Its state is the actor's; here is what leads to it.
#[derive(Debug)]
pub(crate) struct Server {
    wire: Wire,
    inbox: mpsc::UnboundedSender<Letter>,
    window: Arc<Window>,
    tasks: Mutex<JoinSet<()>>,
}

impl Server {
    pub(crate) fn make(
        peers: Vec<ClientEnd>,
        me: usize,
        persister: Arc<Persister>,
        apply_ch: ApplyCh,
        (style, bug): (Style, Bug),
    ) -> Arc<dyn Raft> {
        let wire = style.wire;
        let saved = Saved::read(&persister);
        let machine = Machine::new((me, peers.len()), (style, bug), saved, rand::random());
        let window = Arc::new(Window::default());
        *window.view() = machine.shown();
        let (inbox, letters) = mpsc::unbounded_channel();
        let (written, writes) = watch::channel(0);
        let (to_apply, messages) = mpsc::unbounded_channel();
        let mut tasks = JoinSet::new();
        tasks.spawn(sync(persister.clone(), writes, inbox.clone()));
        tasks.spawn(apply(messages, apply_ch));
        let surroundings =
            Surroundings { peers, wire, persister, written, to_apply, window: window.clone() };
        tasks.spawn(Actor::new(machine, surroundings).run(letters));
        Arc::new(Server { wire, inbox, window, tasks: Mutex::new(tasks) })
    }

    /// Has the actor answer `request`, and waits for that.
    pub(crate) async fn ask(&self, request: Request) -> Reply {
        let (reply_to, reply) = oneshot::channel();
        self.put(Letter::Request(request, Some(reply_to)));
        match reply.await {
            Ok(reply) => reply,
            // The server is dead.
            Err(_) => pending().await,
        }
    }

    /// Has the actor take a request whose reply is a message of its own.
    pub(crate) fn take(&self, request: Request) {
        self.put(Letter::Request(request, None));
    }

    /// Has the actor take a reply that is a message of its own.
    pub(crate) fn hear(&self, reply: Reply) {
        self.put(Letter::Reply(reply));
    }

    fn put(&self, letter: Letter) {
        // Without an actor the server is dead, and takes nothing.
        let _ = self.inbox.send(letter);
    }
}

impl Raft for Server {
    /// Promises the command a place, and leaves it to the actor. Nobody else gives places to commands of
    /// this term, and they come to the actor in the order of their places.
    fn start(&self, command: Command) -> Option<Start> {
        let mut view = self.window.view();
        if !view.leads {
            return None;
        }
        let (index, term) = (view.next_index, view.term);
        view.next_index += 1;
        self.put(Letter::Command(Taken { term, index, command }));
        Some(Start { index, term })
    }

    fn get_state(&self) -> (Term, bool) {
        let view = self.window.view();
        (view.term, view.leads)
    }

    fn snapshot(&self, index: Index, snapshot: Bytes) {
        self.put(Letter::Snapshot { index, snapshot });
    }

    fn service(self: Arc<Self>) -> Service {
        self.wire.service(self)
    }

    fn kill(&self) {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
    }
}

/// Syncs after each write, and says so: writes that come meanwhile are synced together.
async fn sync(
    persister: Arc<Persister>,
    mut writes: watch::Receiver<u64>,
    inbox: mpsc::UnboundedSender<Letter>,
) {
    while writes.changed().await.is_ok() {
        let write = *writes.borrow_and_update();
        persister.sync().await;
        if inbox.send(Letter::Synced { write }).is_err() {
            return;
        }
    }
}

/// Hands what is committed to the service, which may take its time.
async fn apply(mut messages: mpsc::UnboundedReceiver<ApplyMsg>, apply_ch: ApplyCh) {
    while let Some(message) = messages.recv().await {
        apply_ch.send(message).await;
    }
}
