//! A server: does what raftbare says, and hands it what comes.

use std::collections::{BTreeMap, BTreeSet};
use std::future;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Duration;

use bytes::Bytes;
use labrpc::{ClientEnd, Service};
use raftapi::{ApplyCh, Command, Index, Persister, Start, Term};
use raftbare::{Actions, LogEntries, Message, Node, NodeId, Role};
use rand::RngExt as _;
use seam::{Applies, Content, Disk, Log};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::rpc::{
    AppendEntriesArgs, AppendEntriesReply, InstallSnapshotArgs, InstallSnapshotReply,
    RequestVoteArgs, RequestVoteReply, Snapshot, Took, cluster, from_entries, members, position,
    to_entries,
};

/// How often a leader that has nothing to send says that it leads.
const HEARTBEAT: Duration = Duration::from_millis(100);

/// The least and the most that a follower waits for its leader, and a candidate for votes.
const ELECTION: [Duration; 2] = [Duration::from_millis(400), Duration::from_millis(800)];

/// One server.
struct Server {
    /// Itself, for the tasks that wait for replies.
    this: Weak<Server>,
    me: u64,
    peers: Vec<ClientEnd>,
    core: Mutex<Core>,
    /// The timer was set anew.
    timer_set: Notify,
}

/// What is behind the lock.
struct Core {
    node: Node,
    disk: Disk,
    saved: Saved,
    snapshot: Bytes,
    /// The commands of entries that raftbare has and the log hasn't yet, by index.
    commands: BTreeMap<Index, Command>,
    /// The last entry that was applied, or is in the snapshot.
    applied: Index,
    applies: Applies,
    /// When the timer ends; `None` before it is set first.
    deadline: Option<Instant>,
}

/// What is on the disk, beside the service's snapshot.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Saved {
    term: Term,
    voted_for: Option<u64>,
    log: Log,
    snapshot: Option<Snapshot>,
}

/// A message to another server.
enum Sent {
    Vote(RequestVoteArgs),
    Entries(AppendEntriesArgs),
    Snapshot(InstallSnapshotArgs),
}

/// Makes server `me` of a cluster, which knows its members from the beginning. raftbare's guide has one server create the
/// cluster; the others then know nobody, and start no election, until they hear from that one.
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
    let id = NodeId::new(me as u64);
    let disk = Disk::new(persister);
    let found = disk.read::<Saved>();
    let (saved, snapshot) = found.unwrap_or_default();
    let base = saved.snapshot.as_ref().map(|snapshot| snapshot.base).unwrap_or_default();
    let all = || (0..peers.len() as u64).collect();
    let members = saved.snapshot.as_ref().map_or_else(all, |snapshot| snapshot.members.clone());
    let entries = saved.log.range(0, u64::MAX).map(|(_, entry)| entry);
    let entries = from_entries(position(base.index, base.term), entries);
    let log = raftbare::Log::new(cluster(&members), entries);
    let voted_for = saved.voted_for.map(NodeId::new);
    let node = Node::restart(id, raftbare::Term::new(saved.term), voted_for, log);
    let core = Core {
        node,
        disk,
        saved,
        snapshot,
        commands: BTreeMap::new(),
        applied: base.index,
        applies: Applies::new(apply_ch),
        deadline: None,
    };
    let (core, timer_set) = (Mutex::new(core), Notify::new());
    let server = Arc::new_cyclic(|this| {
        let this = this.clone();
        Server { this, me: me as u64, peers, core, timer_set }
    });
    tokio::spawn(server.clone().run_timer());
    let mut core = server.core();
    server.act(&mut core);
    drop(core);
    server
}

impl Core {
    /// Does what raftbare says, but for the timer and the messages to others, which are returned.
    fn act(&mut self) -> Actions {
        let mut actions = mem::take(self.node.actions_mut());
        let entries = actions.append_log_entries.take();
        let is_changed = actions.save_current_term || actions.save_voted_for || entries.is_some();
        self.saved.term = self.node.current_term().get();
        self.saved.voted_for = self.node.voted_for().map(NodeId::get);
        if let Some(entries) = entries {
            self.append(&entries);
        }
        if is_changed {
            self.save();
        }
        self.apply();
        actions
    }

    fn save(&self) {
        // Of a killed server nobody expects anything.
        let _ = self.disk.save(&self.saved, self.snapshot.clone());
    }

    fn append(&mut self, entries: &LogEntries) {
        let new = to_entries(entries, |index| self.command(index));
        self.saved.log.truncate(entries.prev_position().index.get() + 1);
        new.into_iter().for_each(|entry| self.saved.log.push(entry));
        self.commands.clear();
    }

    /// The command of an entry.
    fn command(&self, index: Index) -> Command {
        let in_log = || match &self.saved.log.entry(index)?.content {
            Content::Command(command) => Some(command.clone()),
            Content::Blank | Content::Membership(_) => None,
        };
        let known = self.commands.get(&index).cloned();
        known.or_else(in_log).expect("it came with the entry")
    }

    fn apply(&mut self) {
        while self.applied < self.node.commit_index().get() {
            self.applied += 1;
            let base = self.saved.log.base_at(self.applied).expect("committed entries are saved");
            let entry = self.saved.log.entry(self.applied);
            if let Some(Content::Command(command)) = entry.map(|entry| &entry.content) {
                self.applies.command(base.commands, command.clone());
            }
        }
    }

    /// A message of raftbare's, for the wire.
    fn request(&self, message: Message) -> Option<Sent> {
        match message {
            Message::RequestVoteCall { header, last_position } => {
                Some(Sent::Vote(RequestVoteArgs::new(header, last_position)))
            }
            Message::AppendEntriesCall { header, commit_index, entries } => {
                let prev = entries.prev_position();
                let before = self.saved.log.base_at(prev.index.get());
                let before = before.map_or(self.saved.log.commands(), |base| base.commands);
                let entries = to_entries(&entries, |index| self.command(index));
                let args = AppendEntriesArgs::new(header, commit_index, prev, entries, before);
                Some(Sent::Entries(args))
            }
            // Replies go back where the request came from.
            Message::RequestVoteReply { .. } | Message::AppendEntriesReply { .. } => None,
        }
    }

    fn snapshot_for(&self, me: u64) -> Option<Sent> {
        let snapshot = self.saved.snapshot.clone()?;
        let term = self.node.current_term().get();
        Some(Sent::Snapshot(InstallSnapshotArgs::new(term, me, snapshot, self.snapshot.clone())))
    }
}

impl Server {
    fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().expect("a panic has ended the run")
    }

    /// Does what raftbare says.
    fn act(self: &Arc<Self>, core: &mut Core) {
        let actions = core.act();
        self.finish(core, actions);
    }

    /// Sets the timer and sends what `actions` has.
    fn finish(self: &Arc<Self>, core: &mut Core, actions: Actions) {
        if actions.set_election_timeout {
            let span = match core.node.role() {
                Role::Leader => HEARTBEAT,
                Role::Candidate | Role::Follower => {
                    rand::rng().random_range(ELECTION[0]..ELECTION[1])
                }
            };
            core.deadline = Some(Instant::now() + span);
            self.timer_set.notify_one();
        }
        if let Some(message) = actions.broadcast_message {
            let peers: Vec<NodeId> = core.node.peers().collect();
            for peer in peers {
                self.send(peer, core.request(message.clone()));
            }
        }
        for (peer, message) in actions.send_messages {
            self.send(peer, core.request(message));
        }
        for peer in actions.install_snapshots {
            self.send(peer, core.snapshot_for(self.me));
        }
    }

    fn send(self: &Arc<Self>, to: NodeId, sent: Option<Sent>) {
        let (server, to) = (self.clone(), to.get());
        let end = &self.peers[to as usize];
        match sent {
            Some(Sent::Vote(args)) => {
                let call = end.call::<_, RequestVoteReply>("Raft.RequestVote", &args);
                tokio::spawn(async move {
                    if let Some(answer) = call.await.and_then(|reply| reply.message(to)) {
                        server.hear(answer);
                    }
                });
            }
            Some(Sent::Entries(args)) => {
                let call = end.call::<_, AppendEntriesReply>("Raft.AppendEntries", &args);
                tokio::spawn(async move {
                    if let Some(reply) = call.await {
                        server.hear(reply.message(to));
                    }
                });
            }
            Some(Sent::Snapshot(args)) => {
                // The next heartbeat's answer says what came of it.
                let call = end.call::<_, InstallSnapshotReply>("Raft.InstallSnapshot", &args);
                tokio::spawn(async move {
                    let _ = call.await;
                });
            }
            None => {}
        }
    }

    /// Hands a reply to raftbare.
    fn hear(self: &Arc<Self>, message: Message) {
        let mut core = self.core();
        if !core.disk.is_pulled() {
            core.node.handle_message(message);
            self.act(&mut core);
        }
    }

    /// Hands a request to raftbare, and returns its answer.
    fn ask(self: &Arc<Self>, core: &mut Core, from: NodeId, message: Message) -> Option<Message> {
        core.node.handle_message(message);
        let mut actions = core.act();
        let answer = actions.send_messages.remove(&from);
        self.finish(core, actions);
        answer
    }

    async fn run_timer(self: Arc<Self>) {
        loop {
            let (deadline, is_pulled) = {
                let core = self.core();
                (core.deadline, core.disk.is_pulled())
            };
            if is_pulled {
                return;
            }
            let ended = async {
                match deadline {
                    Some(deadline) => sleep_until(deadline).await,
                    None => future::pending().await,
                }
            };
            tokio::select! {
                () = ended => {
                    let mut core = self.core();
                    if core.deadline == deadline && !core.disk.is_pulled() {
                        core.deadline = None;
                        core.node.handle_election_timeout();
                        self.act(&mut core);
                    }
                }
                () = self.timer_set.notified() => {}
            }
        }
    }

    async fn request_vote(self: Arc<Self>, args: RequestVoteArgs) -> RequestVoteReply {
        let mut core = self.core();
        let answer = self.ask(&mut core, args.from(), args.message());
        RequestVoteReply::new(core.node.current_term().get(), answer)
    }

    async fn append_entries(self: Arc<Self>, args: AppendEntriesArgs) -> AppendEntriesReply {
        match self.take_entries(&args) {
            Some(answer) => answer,
            // A server that takes part in an election ignores the leader, who then hears nothing.
            None => future::pending().await,
        }
    }

    fn take_entries(self: &Arc<Self>, args: &AppendEntriesArgs) -> Option<AppendEntriesReply> {
        let mut core = self.core();
        core.commands = args.commands().collect();
        let (end, term) = (args.entries().last_position(), args.term());
        let answer = self.ask(&mut core, args.from(), args.message());
        core.commands.clear();
        let is_current = term == core.node.current_term().get();
        let has_them = is_current && core.node.log().entries().contains(end);
        AppendEntriesReply::new(answer?, if has_them { Took::All } else { Took::NotAll })
    }

    async fn install_snapshot(self: Arc<Self>, args: InstallSnapshotArgs) -> InstallSnapshotReply {
        let mut core = self.core();
        let term = core.node.current_term().get();
        let base = args.config.base;
        let is_new = args.term >= term && base.index > core.applied;
        if is_new {
            let members = cluster(&args.config.members);
            let at = position(base.index, base.term);
            if core.node.handle_snapshot_installed(at, members) {
                core.saved.log.compact(base);
                core.saved.snapshot = Some(args.config);
                core.snapshot = args.data.clone();
                core.applied = base.index;
                core.save();
                core.applies.snapshot(base.commands, base.term, args.data);
                self.act(&mut core);
            }
        }
        InstallSnapshotReply { term }
    }
}

impl raftapi::Raft for Server {
    fn start(&self, command: Command) -> Option<Start> {
        let mut core = self.core();
        let at = core.node.propose_command();
        if at.is_invalid() {
            return None;
        }
        core.commands.insert(at.index.get(), command);
        self.this.upgrade()?.act(&mut core);
        Some(Start { index: core.saved.log.commands(), term: at.term.get() })
    }

    fn get_state(&self) -> (Term, bool) {
        let core = self.core();
        (core.node.current_term().get(), core.node.role().is_leader())
    }

    fn snapshot(&self, index: Index, snapshot: Bytes) {
        let mut core = self.core();
        let newest = core.saved.snapshot.as_ref().map_or(0, |it| it.base.commands);
        let base = core.saved.log.index_of(index).and_then(|at| core.saved.log.base_at(at));
        let Some(base) = base.filter(|base| base.commands > newest) else { return };
        let at = position(base.index, base.term);
        let Some((_, config)) = core.node.log().get_position_and_config(at.index) else { return };
        let config = config.clone();
        let all: BTreeSet<u64> = members(&config);
        if core.node.handle_snapshot_installed(at, config) {
            core.saved.log.compact(base);
            core.saved.snapshot = Some(Snapshot { base, members: all });
            core.snapshot = snapshot;
            core.save();
        }
    }

    fn service(self: Arc<Self>) -> Service {
        Service::new("Raft", self)
            .method("RequestVote", Server::request_vote)
            .method("AppendEntries", Server::append_entries)
            .method("InstallSnapshot", Server::install_snapshot)
    }

    fn kill(&self) {
        let core = self.core();
        core.disk.pull();
        core.applies.end();
        drop(core);
        self.timer_set.notify_one();
    }
}
