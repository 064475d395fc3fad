//! A server: does what raft says, and hands it what comes.

use std::future;
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Duration;

use bytes::Bytes;
use labrpc::{ClientEnd, Service};
use raftapi::{ApplyCh, Command, Index, Persister, Start, Term};
use seam::{Applies, Content, Disk};
use tikv::eraftpb::{Entry, HardState, Message, MessageType, Snapshot};
use tikv::{Config, SnapshotStatus, StateRole};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use crate::rpc::{
    AppendEntriesArgs, AppendEntriesReply, Ask, InstallSnapshotArgs, InstallSnapshotReply, Request,
    RequestVoteArgs, RequestVoteReply, context, is_command, number,
};
use crate::store::Store;
use crate::version::{self, Node, store};

/// raft counts its times in these.
const TICK: Duration = Duration::from_millis(50);

/// How often a leader says that it leads, in ticks.
const HEARTBEAT: usize = 2;

/// The least that a follower waits for its leader, in ticks. It waits for up to twice as long.
const ELECTION: usize = 10;

/// About the most bytes in a message with entries, as TiKV sets it. By default each entry has its own message.
const MESSAGE: u64 = 1 << 20;

/// How many messages with entries may be under way to a follower. More of them, which raft allows by default, need a
/// network that keeps them in order: a follower refuses what comes too early, and then the leader sends all of it again.
const IN_FLIGHT: usize = 1;

/// One server.
struct Server {
    /// Itself, for the tasks that wait for replies.
    this: Weak<Server>,
    me: u64,
    peers: Vec<ClientEnd>,
    core: Mutex<Core>,
    /// How many of raft's wishes are durable.
    durable: watch::Sender<u64>,
}

/// What is behind the lock.
struct Core {
    node: Node,
    applies: Applies,
    /// How often raft has wished something.
    wishes: u64,
}

/// What raft wishes to be done.
pub(crate) struct Wishes {
    pub(crate) snapshot: Option<Snapshot>,
    pub(crate) entries: Vec<Entry>,
    pub(crate) hard_state: Option<HardState>,
    pub(crate) committed: Vec<Entry>,
    /// To be sent at once.
    pub(crate) messages: Vec<Message>,
    /// To be sent when the rest is durable.
    pub(crate) messages_behind: Vec<Message>,
    /// Whether the rest must be made durable.
    pub(crate) must_sync: bool,
    pub(crate) ready: tikv::Ready,
}

/// Makes server `me` of a cluster, which knows its members from the beginning.
///
/// raft has its default settings, but for its times and for what TiKV sets, too: the size of its messages, `check_quorum`
/// and `pre_vote`. Without these two a leader that was replaced may learn of that only from its successor, and servers that
/// can't win keep others from their elections: raft's timer begins anew at each higher term.
///
/// # Panics
/// If what `persister` has is not what a server saves.
#[must_use]
pub fn make(
    peers: Vec<ClientEnd>,
    me: usize,
    persister: Arc<Persister>,
    apply_ch: ApplyCh,
) -> Arc<dyn raftapi::Raft> {
    let me = me as u64;
    let kept = Store::new(Disk::new(persister), peers.len() as u64);
    let config = Config {
        id: number(me),
        election_tick: ELECTION,
        heartbeat_tick: HEARTBEAT,
        max_size_per_msg: MESSAGE,
        max_inflight_msgs: IN_FLIGHT,
        applied: kept.log().base().index,
        check_quorum: true,
        pre_vote: true,
        ..Config::default()
    };
    let node = version::node(config, kept);
    let core = Mutex::new(Core { node, applies: Applies::new(apply_ch), wishes: 0 });
    let durable = watch::Sender::new(0);
    let server = Arc::new_cyclic(|this| Server { this: this.clone(), me, peers, core, durable });
    tokio::spawn(server.clone().run_ticks());
    server
}

impl Core {
    fn is_pulled(&self) -> bool {
        store(&self.node).disk.is_pulled()
    }

    fn apply(&self, entries: &[Entry]) {
        let log = store(&self.node).log();
        for entry in entries {
            let base = log.base_at(entry.index).expect("committed entries are written");
            if let Some(Content::Command(command)) = log.entry(entry.index).map(|it| &it.content) {
                self.applies.command(base.commands, command.clone());
            }
        }
    }

    fn term(&self) -> Term {
        self.node.raft.term
    }

    /// How many commands the log has, with those that raft hasn't wished to be saved yet.
    fn commands(&self) -> Index {
        let new = version::new_entries(&self.node);
        let log = store(&self.node).log();
        let before = match new.first() {
            Some(first) => log.base_at(first.index - 1).map_or(0, |base| base.commands),
            None => log.commands(),
        };
        before + new.iter().filter(|entry| is_command(entry)).count() as Index
    }
}

impl Server {
    fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().expect("a panic has ended the run")
    }

    /// Does what raft says.
    fn act(self: &Arc<Self>, core: &mut Core) {
        while !core.is_pulled()
            && let Some(wishes) = version::wishes(&mut core.node)
        {
            let Wishes { snapshot, entries, hard_state, must_sync, .. } = wishes;
            let is_new = snapshot.is_some() || hard_state.is_some() || !entries.is_empty();
            let kept = core.node.mut_store();
            if let Some(snapshot) = snapshot {
                let (base, data) = kept.install(&snapshot);
                core.applies.snapshot(base.commands, base.term, data);
            }
            kept.append(&entries);
            if let Some(state) = &hard_state {
                kept.set_hard_state(state);
            }
            if is_new {
                kept.write();
            }
            self.send_all(core, &wishes.messages);
            core.apply(&wishes.committed);
            let applied = wishes.committed.last().map(|entry| entry.get_index());
            version::written(&mut core.node, wishes.ready, applied);
            core.wishes += 1;
            // What needs no sync itself must wait for what was written before it.
            if must_sync || *self.durable.borrow() + 1 < core.wishes {
                tokio::spawn(self.clone().sync(core.wishes, wishes.messages_behind));
            } else {
                self.go_on(core, core.wishes, &wishes.messages_behind);
            }
        }
    }

    /// Makes durable what is written, and then goes on.
    async fn sync(self: Arc<Self>, wishes: u64, behind: Vec<Message>) {
        let disk = store(&self.core().node).disk.clone();
        disk.sync().await;
        let mut core = self.core();
        if !core.is_pulled() {
            self.go_on(&mut core, wishes, &behind);
            self.act(&mut core);
        }
    }

    /// The first so many wishes are durable, so these messages may be sent.
    fn go_on(self: &Arc<Self>, core: &mut Core, wishes: u64, messages: &[Message]) {
        version::durable(&mut core.node, wishes);
        self.durable.send_modify(|durable| *durable = wishes.max(*durable));
        self.send_all(core, messages);
    }

    fn send_all(self: &Arc<Self>, core: &Core, messages: &[Message]) {
        for message in messages {
            // Replies go back where the request came from.
            if let Some(request) = Request::new(message, store(&core.node).log()) {
                self.send(message.to - 1, request);
            }
        }
    }

    fn send(self: &Arc<Self>, to: u64, request: Request) {
        let (server, me) = (self.clone(), self.me);
        let end = &self.peers[to as usize];
        match request {
            Request::Vote(ask, args) => {
                let method = match ask {
                    Ask::PreVote => "Raft.PreVote",
                    Ask::Vote => "Raft.RequestVote",
                };
                let call = end.call::<_, RequestVoteReply>(method, &args);
                tokio::spawn(async move {
                    if let Some(reply) = call.await {
                        server.hear(reply.message(ask, to, me));
                    }
                });
            }
            Request::Entries(args) => {
                let call = end.call::<_, AppendEntriesReply>("Raft.AppendEntries", &args);
                tokio::spawn(async move {
                    match call.await {
                        Some(reply) => server.hear(reply.message(to, me)),
                        None => server.core().node.report_unreachable(number(to)),
                    }
                });
            }
            Request::Snapshot(args) => {
                let call = end.call::<_, InstallSnapshotReply>("Raft.InstallSnapshot", &args);
                tokio::spawn(async move {
                    let reply = call.await;
                    let status = match reply {
                        Some(_) => SnapshotStatus::Finish,
                        None => SnapshotStatus::Failure,
                    };
                    server.core().node.report_snapshot(number(to), status);
                    if let Some(reply) = reply {
                        server.hear(reply.message(to, me));
                    }
                });
            }
        }
    }

    /// Hands a reply to raft.
    fn hear(self: &Arc<Self>, message: Message) {
        let mut core = self.core();
        if !core.is_pulled() {
            // It refuses what isn't for it, such as what a server of no cluster says.
            let _ = core.node.step(message);
            self.act(&mut core);
        }
    }

    /// Hands a request to raft, and returns its answer, of one of these kinds, when all is durable that it relies on;
    /// `None` if there is none.
    async fn ask(
        self: &Arc<Self>,
        from: u64,
        message: Message,
        kinds: &[MessageType],
    ) -> Option<Message> {
        let (answer, wishes) = {
            let mut core = self.core();
            if core.is_pulled() {
                return None;
            }
            let _ = core.node.step(message);
            let is_answer =
                |it: &Message| it.to == number(from) && kinds.contains(&it.get_msg_type());
            let messages = &mut core.node.raft.msgs;
            let place = messages.iter().position(is_answer);
            let answer = place.map(|place| messages.remove(place));
            self.act(&mut core);
            (answer, core.wishes)
        };
        self.durable.subscribe().wait_for(|durable| *durable >= wishes).await.ok()?;
        answer
    }

    async fn run_ticks(self: Arc<Self>) {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let mut core = self.core();
            if core.is_pulled() {
                return;
            }
            core.node.tick();
            self.act(&mut core);
        }
    }

    async fn pre_vote(self: Arc<Self>, args: RequestVoteArgs) -> RequestVoteReply {
        self.vote(Ask::PreVote, &args).await
    }

    async fn request_vote(self: Arc<Self>, args: RequestVoteArgs) -> RequestVoteReply {
        self.vote(Ask::Vote, &args).await
    }

    async fn vote(self: &Arc<Self>, ask: Ask, args: &RequestVoteArgs) -> RequestVoteReply {
        let answer = self.ask(args.from(), args.message(ask, self.me), &[ask.answer()]).await;
        RequestVoteReply::new(self.core().term(), answer.as_ref())
    }

    async fn append_entries(self: Arc<Self>, args: AppendEntriesArgs) -> AppendEntriesReply {
        let kinds = [MessageType::MsgAppendResponse, MessageType::MsgHeartbeatResponse];
        match self.ask(args.from(), args.message(self.me), &kinds).await {
            Some(answer) => AppendEntriesReply::new(&args, &answer),
            None => future::pending().await,
        }
    }

    async fn install_snapshot(self: Arc<Self>, args: InstallSnapshotArgs) -> InstallSnapshotReply {
        let message = args.message(self.me, self.peers.len() as u64);
        let answer = self.ask(args.from(), message, &[MessageType::MsgAppendResponse]).await;
        let term = Some(self.core()).filter(|core| !core.is_pulled()).map(|core| core.term());
        match (answer, term) {
            (Some(answer), _) => InstallSnapshotReply::new(&answer),
            (None, Some(term)) => InstallSnapshotReply::ignored(term),
            (None, None) => future::pending().await,
        }
    }
}

impl raftapi::Raft for Server {
    fn start(&self, command: Command) -> Option<Start> {
        let mut core = self.core();
        if core.node.raft.state != StateRole::Leader || core.is_pulled() {
            return None;
        }
        core.node.propose(context(), command.to_vec()).ok()?;
        let start = Start { index: core.commands(), term: core.term() };
        self.this.upgrade()?.act(&mut core);
        Some(start)
    }

    fn get_state(&self) -> (Term, bool) {
        let core = self.core();
        (core.term(), core.node.raft.state == StateRole::Leader)
    }

    fn snapshot(&self, index: Index, snapshot: Bytes) {
        self.core().node.mut_store().keep_snapshot(index, snapshot);
    }

    fn service(self: Arc<Self>) -> Service {
        Service::new("Raft", self)
            .method("PreVote", Server::pre_vote)
            .method("RequestVote", Server::request_vote)
            .method("AppendEntries", Server::append_entries)
            .method("InstallSnapshot", Server::install_snapshot)
    }

    fn kill(&self) {
        let core = self.core();
        store(&core.node).disk.pull();
        core.applies.end();
    }
}
