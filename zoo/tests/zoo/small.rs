//! A small right Raft that can be written in many styles: what the scenarios must not call wrong.
//!
//! It has no snapshots. What it does is in [`core`], as a step from one message to others; here is how
//! these messages travel, when they are saved, and when the timer is looked at.

mod core;

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use labrpc::{ClientEnd, Service};
use raftapi::{ApplyCh, ApplyMsg, Command, Index, Persister, Raft, Start, Term};
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, watch};
use tokio::time::sleep;

use self::core::{Core, Due, Message};

/// How often a timer is looked at.
const TICK: Duration = Duration::from_millis(10);

/// How long a polling ticker sleeps, in ms.
const POLL_MS: std::ops::Range<u64> = 600..900;

/// How often a leader speaks.
const HEARTBEAT: Duration = Duration::from_millis(100);

/// In what style it is written. All but the last two are right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// As the paper has it.
    Plain,
    /// A ticker that sleeps, and then looks whether it has heard of a leader.
    Polls,
    /// A vote before the vote (thesis §9.6), and a leader that steps down without a majority.
    AsksFirst,
    /// It refuses votes, and heeds no term, while it has heard of a leader lately (§6).
    Leases,
    /// It writes to its disk some ms after `start`, and waits for the disk in its handlers.
    SavesLater,
    /// Its timer starts anew with every higher term.
    RestartsForTerms,
    /// One method, and an enum of all messages.
    OneEnum,
    /// Answers are calls of their own.
    OneWay,
    /// Messages that nobody can read.
    Opaque,
    /// Answers are calls of their own, and nobody can read anything.
    OpaqueOneWay,
    /// It calls again as soon as a call has failed.
    TriesAtOnce,
    /// It asks nobody for anything.
    Silent,
    /// It doesn't save its vote, and its messages are an enum.
    ForgetsVote,
}

pub(crate) const ALL: [Style; 13] = [
    Style::Plain,
    Style::Polls,
    Style::AsksFirst,
    Style::Leases,
    Style::SavesLater,
    Style::RestartsForTerms,
    Style::OneEnum,
    Style::OneWay,
    Style::Opaque,
    Style::OpaqueOneWay,
    Style::TriesAtOnce,
    Style::Silent,
    Style::ForgetsVote,
];

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct RequestVoteArgs {
    term: Term,
    candidate_id: usize,
    last_log_index: Index,
    last_log_term: Term,
    pre_vote: bool,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct RequestVoteReply {
    term: Term,
    vote_granted: bool,
    /// The term that was asked about.
    of_term: Term,
    pre_vote: bool,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct AppendEntriesArgs {
    term: Term,
    leader_id: usize,
    prev_log_index: Index,
    prev_log_term: Term,
    entries: Vec<Entry>,
    leader_commit: Index,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct AppendEntriesReply {
    term: Term,
    success: bool,
    /// The term that was asked in.
    of_term: Term,
    /// Up to where the follower has the leader's log, or where to try next.
    index: Index,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Entry {
    term: Term,
    command: Command,
}

/// What is posted where nobody answers.
#[derive(Serialize, Deserialize)]
struct Post {
    from: usize,
    message: Message,
}

struct Small {
    style: Style,
    peers: Vec<ClientEnd>,
    me: usize,
    persister: Arc<Persister>,
    core: Mutex<Core>,
    /// There is something to send or to save.
    news: Notify,
    committed: Notify,
    killed: watch::Sender<bool>,
}

pub(crate) fn make(
    style: Style,
    peers: Vec<ClientEnd>,
    me: usize,
    persister: Arc<Persister>,
    apply_ch: ApplyCh,
) -> Arc<dyn Raft> {
    let core = Mutex::new(Core::restore(style, me, peers.len(), &persister.read_raft_state()));
    let (news, committed) = (Notify::new(), Notify::new());
    let killed = watch::channel(false).0;
    let small = Arc::new(Small { style, peers, me, persister, core, news, committed, killed });
    tokio::spawn(small.clone().until_killed(small.clone().tick()));
    tokio::spawn(small.clone().until_killed(small.clone().replicate()));
    tokio::spawn(small.clone().until_killed(small.clone().apply(apply_ch)));
    small
}

impl Small {
    fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().expect("no task has panicked")
    }

    async fn until_killed(self: Arc<Self>, task: impl Future<Output = ()>) {
        let mut killed = self.killed.subscribe();
        tokio::select! {
            () = task => {}
            _ = killed.wait_for(|killed| *killed) => {}
        }
    }

    async fn tick(self: Arc<Self>) {
        loop {
            let is_over = if self.style == Style::Polls {
                self.core().has_heard = false;
                sleep(Duration::from_millis(rand::random_range(POLL_MS))).await;
                !self.core().has_heard
            } else {
                sleep(TICK).await;
                self.core().is_over()
            };
            if is_over && self.style != Style::Silent {
                self.core().stand();
                self.flush().await;
            }
        }
    }

    async fn replicate(self: Arc<Self>) {
        loop {
            tokio::select! {
                () = sleep(HEARTBEAT) => self.core().check_quorum(),
                () = self.news.notified() => {}
            }
            if self.style == Style::SavesLater {
                sleep(Duration::from_millis(3)).await;
            }
            self.core().speak();
            self.flush().await;
        }
    }

    async fn apply(self: Arc<Self>, apply_ch: ApplyCh) {
        loop {
            let next = self.core().next_applied();
            match next {
                Some((index, command)) => apply_ch.send(ApplyMsg::Command { index, command }).await,
                None => self.committed.notified().await,
            }
        }
    }

    /// Saves what is new, and then sends what was to be sent. In a box, for answers are flushed, too.
    fn flush(self: &Arc<Self>) -> BoxFuture<'static, ()> {
        let small = self.clone();
        Box::pin(async move {
            let Due { state, out, last } = small.core().take();
            match state {
                Some(state) if small.style == Style::SavesLater => {
                    small.persister.write(state, Bytes::new());
                }
                Some(state) => small.persister.save(state, Bytes::new()),
                None => {}
            }
            // Also for what another task has written.
            small.persister.sync().await;
            small.core().has_saved(last);
            small.committed.notify_one();
            for (to, message) in out {
                let sends = small.clone().send(to, message);
                tokio::spawn(small.clone().until_killed(sends));
            }
        })
    }

    /// Sends a message, and takes its answer if it gets one.
    async fn send(self: Arc<Self>, to: usize, message: Message) {
        let answer = loop {
            let answer = self.call(to, message.clone()).await;
            let is_over = answer.is_some() || !self.core().still_says(&message);
            if is_over || self.style != Style::TriesAtOnce {
                break answer;
            }
        };
        if let Some(answer) = answer {
            self.core().receive(to, answer);
            self.flush().await;
        }
    }

    async fn call(&self, to: usize, message: Message) -> Option<Message> {
        let peer = &self.peers[to];
        let posted = |message| Post { from: self.me, message };
        match (self.style, message) {
            (Style::OneEnum | Style::ForgetsVote, message) => {
                peer.call("Raft.Handle", &posted(message)).await
            }
            (Style::Opaque, message) => {
                let answer: Bytes =
                    peer.call("Raft.Handle", &labgob::encode(&posted(message))).await?;
                labgob::decode(&answer).ok()
            }
            (Style::OneWay, message) => {
                let _: Option<()> = peer.call("Raft.Post", &posted(message)).await;
                None
            }
            (Style::OpaqueOneWay, message) => {
                let _: Option<()> = peer.call("Raft.Post", &labgob::encode(&posted(message))).await;
                None
            }
            (_, Message::RequestVote(args)) => {
                let reply = peer.call("Raft.RequestVote", &args).await;
                reply.map(Message::RequestVoteReply)
            }
            (_, Message::AppendEntries(args)) => {
                let reply = peer.call("Raft.AppendEntries", &args).await;
                reply.map(Message::AppendEntriesReply)
            }
            (_, Message::RequestVoteReply(_) | Message::AppendEntriesReply(_)) => None,
        }
    }

    async fn handle(self: Arc<Self>, Post { from, message }: Post) -> Message {
        let answer = self.core().receive(from, message);
        self.flush().await;
        answer.expect("requests have answers")
    }

    async fn handle_opaque(self: Arc<Self>, post: Bytes) -> Bytes {
        labgob::encode(&self.handle(labgob::decode(&post).expect("a post")).await)
    }

    async fn post(self: Arc<Self>, Post { from, message }: Post) {
        let answer = self.core().receive(from, message);
        self.core().post(from, answer);
        self.flush().await;
    }

    async fn post_opaque(self: Arc<Self>, post: Bytes) {
        self.post(labgob::decode(&post).expect("a post")).await;
    }

    async fn request_vote(self: Arc<Self>, args: RequestVoteArgs) -> RequestVoteReply {
        let post = Post { from: args.candidate_id, message: Message::RequestVote(args) };
        match self.handle(post).await {
            Message::RequestVoteReply(reply) => reply,
            _ => unreachable!("a vote is answered by a vote"),
        }
    }

    async fn append_entries(self: Arc<Self>, args: AppendEntriesArgs) -> AppendEntriesReply {
        let post = Post { from: args.leader_id, message: Message::AppendEntries(args) };
        match self.handle(post).await {
            Message::AppendEntriesReply(reply) => reply,
            _ => unreachable!("entries are acknowledged or not"),
        }
    }
}

impl Raft for Small {
    fn start(&self, command: Command) -> Option<Start> {
        let start = self.core().start(command)?;
        self.news.notify_one();
        Some(start)
    }

    fn get_state(&self) -> (Term, bool) {
        self.core().state()
    }

    fn snapshot(&self, _: Index, _: Bytes) {}

    fn service(self: Arc<Self>) -> Service {
        let style = self.style;
        let service = Service::new("Raft", self);
        match style {
            Style::OneEnum | Style::ForgetsVote => service.method("Handle", Small::handle),
            Style::Opaque => service.method("Handle", Small::handle_opaque),
            Style::OneWay => service.method("Post", Small::post),
            Style::OpaqueOneWay => service.method("Post", Small::post_opaque),
            _ => service
                .method("RequestVote", Small::request_vote)
                .method("AppendEntries", Small::append_entries),
        }
    }

    fn kill(&self) {
        self.killed.send_replace(true);
    }
}
