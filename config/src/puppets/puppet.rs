//! One server's puppet, for one of its lives.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use bytes::Bytes;
use labrpc::{Answer, ClientEnd, Sent, Service};
use parking_lot::Mutex;
use raftapi::{Command, Index, Persister, Raft, Start, Term};
use report::{Caller, Durable, Mark, Payload, RpcId, TesterCall};
use sim::context::Owner;

/// As much as a server may have saved, in bytes. A record may claim anything.
const MOST_STATE: u64 = 1 << 30;

/// Says what servers did, and has it done.
pub(super) trait Prompter: Send + Sync {
    /// Within a call of the tester's, does what servers did until the call returned. Returns the mark of that.
    fn follow(&self, is_it: &dyn Fn(&Mark) -> bool, call: &str) -> Option<Mark>;

    /// A server was asked for its state. Returns what is new, if anything is.
    fn new_state(&self, server: Caller) -> Option<(Term, bool)>;

    /// A request has come to a server, which does what it did. Returns its reply, if it did not wait.
    fn deliver(&self, id: RpcId, answer: Answer) -> Option<Payload>;
}

/// Stands in for a server.
pub(super) struct Puppet {
    prompter: Arc<dyn Prompter>,
    me: Caller,
    ends: Vec<ClientEnd>,
    disk: Arc<Persister>,
    state: Mutex<State>,
}

struct State {
    /// What it answers when it is asked for its state.
    seen: (Term, bool),
    /// How it saves next.
    durable: Durable,
    snapshot: Bytes,
    /// The snapshot that it applies next, and its term.
    applies: Option<(Term, Bytes)>,
}

impl Puppet {
    pub(super) fn new(
        prompter: Arc<dyn Prompter>,
        owner: Owner,
        ends: Vec<ClientEnd>,
        disk: Arc<Persister>,
    ) -> Puppet {
        let me = Caller { server: owner.server, incarnation: owner.incarnation };
        let (snapshot, durable) = (disk.read_snapshot(), Durable::Now);
        let state = Mutex::new(State { seen: (0, false), durable, snapshot, applies: None });
        Puppet { prompter, me, ends, disk, state }
    }

    /// It has been made.
    pub(super) fn is_made(&self) {
        self.follow(TesterCall::Make, "make");
    }

    fn follow(&self, call: TesterCall, name: &str) {
        let is_it = |mark: &Mark| {
            matches!(mark, Mark::Returned { server, call: returned }
                if (*server, *returned) == (self.me, call))
        };
        self.prompter.follow(&is_it, name);
    }

    /// Sends a call.
    pub(super) fn send(&self, to: u32, method: &'static str, args: Payload) -> Option<Sent> {
        Some(self.ends.get(to as usize)?.send_whole(method, args))
    }

    /// How it saves next, and which snapshot if it is a new one.
    pub(super) fn will_save(&self, durable: Durable, snapshot: Option<&Payload>) {
        let mut state = self.state.lock();
        state.durable = durable;
        if let Some(snapshot) = snapshot {
            state.snapshot = snapshot.bytes().to_vec().into();
        }
    }

    /// Saves a state of so many bytes: nobody reads which.
    pub(super) fn save(&self, size: u64) -> Option<()> {
        let state = self.state.lock();
        let (durable, snapshot) = (state.durable, state.snapshot.clone());
        drop(state);
        let size = usize::try_from(Some(size).filter(|size| *size <= MOST_STATE)?).ok()?;
        let raft_state = Bytes::from(vec![0; size]);
        match durable {
            Durable::Now => self.disk.save(raft_state, snapshot),
            Durable::AtSync => self.disk.write(raft_state, snapshot),
        }
        Some(())
    }

    /// Begins to sync.
    pub(super) fn sync(&self) {
        let disk = self.disk.clone();
        let mut sync: Pin<Box<dyn Future<Output = ()> + Send>> =
            Box::pin(async move { disk.sync().await });
        // It begins now, not when a task has its turn.
        if sync.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {
            sim::spawn_unnumbered(sync);
        }
    }

    /// Which snapshot it applies next.
    pub(super) fn will_apply(&self, term: Term, snapshot: &Payload) {
        self.state.lock().applies = Some((term, snapshot.bytes().to_vec().into()));
    }

    /// The snapshot that it applies.
    pub(super) fn takes_snapshot(&self) -> Option<(Term, Bytes)> {
        self.state.lock().applies.take()
    }

    /// What it answers from now on.
    pub(super) fn is(&self, term: Term, is_leader: bool) {
        self.state.lock().seen = (term, is_leader);
    }
}

impl labrpc::Puppet for Puppet {
    fn deliver(&self, id: RpcId, answer: Answer) -> Option<Payload> {
        self.prompter.deliver(id, answer)
    }
}

impl Raft for Puppet {
    fn start(&self, _: Command) -> Option<Start> {
        let is_it =
            |mark: &Mark| matches!(mark, Mark::Started { server, .. } if *server == self.me);
        match self.prompter.follow(&is_it, "start()")? {
            Mark::Started { answer, .. } => answer.map(|(index, term)| Start { index, term }),
            _ => None,
        }
    }

    fn get_state(&self) -> (Term, bool) {
        if let Some((term, is_leader)) = self.prompter.new_state(self.me) {
            self.is(term, is_leader);
        }
        self.state.lock().seen
    }

    fn snapshot(&self, _: Index, _: Bytes) {
        self.follow(TesterCall::Snapshot, "snapshot()");
    }

    fn service(self: Arc<Self>) -> Service {
        Service::of_puppet(self)
    }

    fn kill(&self) {
        self.follow(TesterCall::Kill, "kill()");
    }
}
