//! A Raft as many students write it: a task for each call, with a timeout; commands as `Vec<u8>`; the whole log is
//! copied for a message and encoded at each save.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use labgob::{Decoder, Encoder};
use labrpc::{ClientEnd, Service};
use raftapi::{ApplyCh, ApplyMsg, Command, Index, Persister, Role, Start, Term};
use rand::RngExt as _;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};

const HEARTBEAT: Duration = Duration::from_millis(100);
const TICK: Duration = Duration::from_millis(20);
const RPC_TIMEOUT: Duration = Duration::from_millis(500);

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Entry {
    term: Term,
    command: Vec<u8>,
}

#[derive(Debug, Serialize, Deserialize)]
struct RequestVoteArgs {
    term: Term,
    candidate_id: usize,
    last_log_index: Index,
    last_log_term: Term,
}

#[derive(Debug, Serialize, Deserialize)]
struct RequestVoteReply {
    term: Term,
    vote_granted: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct AppendEntriesArgs {
    term: Term,
    leader_id: usize,
    prev_log_index: Index,
    prev_log_term: Term,
    entries: Vec<Entry>,
    leader_commit: Index,
}

#[derive(Debug, Serialize, Deserialize)]
struct AppendEntriesReply {
    term: Term,
    success: bool,
    /// Where to try next.
    next_index: Index,
}

#[derive(Debug, Serialize, Deserialize)]
struct InstallSnapshotArgs {
    term: Term,
    leader_id: usize,
    last_included_index: Index,
    last_included_term: Term,
    data: Vec<u8>,
}

#[derive(Debug, Serialize, Deserialize)]
struct InstallSnapshotReply {
    term: Term,
}

struct State {
    role: Role,
    deadline: Instant,
    votes: usize,
    current_term: Term,
    voted_for: Option<usize>,
    /// The first entry is the snapshot's last.
    log: Vec<Entry>,
    base: Index,
    snapshot: Bytes,
    /// A snapshot that is to be applied.
    is_installed: bool,
    commit_index: Index,
    last_applied: Index,
    next_index: Vec<Index>,
    match_index: Vec<Index>,
}

struct Raft {
    peers: Vec<ClientEnd>,
    me: usize,
    persister: Arc<Persister>,
    apply_ch: ApplyCh,
    state: Mutex<State>,
    more_to_apply: Notify,
    dead: AtomicBool,
}

pub(crate) fn make(
    peers: Vec<ClientEnd>,
    me: usize,
    persister: Arc<Persister>,
    apply_ch: ApplyCh,
) -> Arc<dyn raftapi::Raft> {
    let mut state = State {
        role: Role::Follower,
        deadline: new_deadline(),
        votes: 0,
        current_term: 0,
        voted_for: None,
        log: vec![Entry { term: 0, command: Vec::new() }],
        base: 0,
        snapshot: persister.read_snapshot(),
        is_installed: false,
        commit_index: 0,
        last_applied: 0,
        next_index: Vec::new(),
        match_index: Vec::new(),
    };
    let saved = persister.read_raft_state();
    if !saved.is_empty() {
        let mut decoder = Decoder::new(&saved);
        state.current_term = decoder.decode().expect("the term was saved");
        state.voted_for = decoder.decode().expect("the vote was saved");
        state.base = decoder.decode().expect("the snapshot's index was saved");
        state.log = decoder.decode().expect("the log was saved");
        decoder.finish().expect("nothing else was saved");
        (state.commit_index, state.last_applied) = (state.base, state.base);
    }
    let (state, more_to_apply, dead) = (Mutex::new(state), Notify::new(), AtomicBool::new(false));
    let raft = Arc::new(Raft { peers, me, persister, apply_ch, state, more_to_apply, dead });
    tokio::spawn(raft.clone().ticker());
    tokio::spawn(raft.clone().applier());
    raft
}

fn new_deadline() -> Instant {
    Instant::now() + Duration::from_millis(rand::rng().random_range(350..700))
}

impl State {
    fn last_index(&self) -> Index {
        self.base + self.log.len() as u64 - 1
    }

    fn term_at(&self, index: Index) -> Option<Term> {
        Some(self.log.get(usize::try_from(index.checked_sub(self.base)?).ok()?)?.term)
    }

    fn from(&self, index: Index) -> &[Entry] {
        &self.log[(index - self.base) as usize..]
    }

    /// Whether the term is not behind this server's.
    fn is_current(&mut self, term: Term) -> bool {
        if term > self.current_term {
            (self.current_term, self.voted_for, self.role) = (term, None, Role::Follower);
        }
        term == self.current_term
    }
}

impl Raft {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no task has panicked with the lock")
    }

    fn persist(&self, state: &State) {
        let mut encoder = Encoder::new();
        encoder.encode(&state.current_term).encode(&state.voted_for);
        encoder.encode(&state.base).encode(&state.log);
        self.persister.save(encoder.finish(), state.snapshot.clone());
    }

    async fn ticker(self: Arc<Self>) {
        let mut heartbeat = Instant::now();
        while !self.dead.load(Ordering::Relaxed) {
            self.tick(&mut heartbeat);
            sleep(TICK).await;
        }
    }

    fn tick(self: &Arc<Self>, heartbeat: &mut Instant) {
        let mut state = self.state();
        if state.role == Role::Leader && Instant::now() >= *heartbeat {
            *heartbeat = Instant::now() + HEARTBEAT;
            self.send_all(&state);
        } else if state.role != Role::Leader && Instant::now() >= state.deadline {
            self.start_election(&mut state);
        }
    }

    fn others(&self) -> impl Iterator<Item = usize> {
        let me = self.me;
        (0..self.peers.len()).filter(move |&server| server != me)
    }

    fn start_election(self: &Arc<Self>, state: &mut State) {
        (state.role, state.votes, state.deadline) = (Role::Candidate, 1, new_deadline());
        (state.current_term, state.voted_for) = (state.current_term + 1, Some(self.me));
        self.persist(state);
        for server in self.others() {
            let args = RequestVoteArgs {
                term: state.current_term,
                candidate_id: self.me,
                last_log_index: state.last_index(),
                last_log_term: state.log[state.log.len() - 1].term,
            };
            let raft = self.clone();
            tokio::spawn(async move {
                let call = raft.peers[server].call("Raft.RequestVote", &args);
                if let Ok(Some(reply)) = timeout(RPC_TIMEOUT, call).await {
                    raft.take_vote(&args, &reply);
                }
            });
        }
    }

    fn take_vote(self: &Arc<Self>, args: &RequestVoteArgs, reply: &RequestVoteReply) {
        let mut state = self.state();
        let term = state.current_term;
        let is_current = state.is_current(reply.term);
        if state.current_term != term {
            return self.persist(&state);
        }
        if !is_current || args.term != term || state.role != Role::Candidate || !reply.vote_granted
        {
            return;
        }
        state.votes += 1;
        if state.votes * 2 > self.peers.len() {
            state.role = Role::Leader;
            state.next_index = vec![state.last_index() + 1; self.peers.len()];
            state.match_index = vec![0; self.peers.len()];
            self.send_all(&state);
        }
    }

    fn send_all(self: &Arc<Self>, state: &State) {
        self.others().for_each(|server| self.send(state, server));
    }

    /// Sends a follower all that it isn't known to have, in a task.
    fn send(self: &Arc<Self>, state: &State, server: usize) {
        let (raft, next) = (self.clone(), state.next_index[server]);
        let (term, leader_id) = (state.current_term, self.me);
        if next <= state.base {
            let (last_included_index, last_included_term) = (state.base, state.log[0].term);
            let data = state.snapshot.to_vec();
            let args = InstallSnapshotArgs {
                term,
                leader_id,
                last_included_index,
                last_included_term,
                data,
            };
            tokio::spawn(async move {
                let call = raft.peers[server].call("Raft.InstallSnapshot", &args);
                let reply: Option<InstallSnapshotReply> =
                    timeout(RPC_TIMEOUT, call).await.ok().flatten();
                if let Some(reply) = reply {
                    raft.take_answer(server, term, reply.term, Ok(args.last_included_index));
                }
            });
            return;
        }
        let args = AppendEntriesArgs {
            term,
            leader_id,
            prev_log_index: next - 1,
            prev_log_term: state.term_at(next - 1).expect("it is in the log"),
            entries: state.from(next).to_vec(),
            leader_commit: state.commit_index,
        };
        tokio::spawn(async move {
            let call = raft.peers[server].call("Raft.AppendEntries", &args);
            let reply: Option<AppendEntriesReply> = timeout(RPC_TIMEOUT, call).await.ok().flatten();
            if let Some(reply) = reply {
                let up_to = args.prev_log_index + args.entries.len() as u64;
                let answer = if reply.success { Ok(up_to) } else { Err(reply.next_index) };
                raft.take_answer(server, term, reply.term, answer);
            }
        });
    }

    fn take_answer(
        self: &Arc<Self>,
        server: usize,
        term: Term,
        reply_term: Term,
        answer: Result<Index, Index>,
    ) {
        let mut state = self.state();
        state.is_current(reply_term);
        if state.current_term > term {
            return self.persist(&state);
        }
        if state.role != Role::Leader {
            return;
        }
        match answer {
            Ok(up_to) => {
                state.match_index[server] = state.match_index[server].max(up_to);
                state.next_index[server] = state.match_index[server] + 1;
            }
            Err(next) => {
                state.next_index[server] = next.clamp(1, state.last_index() + 1);
                self.send(&state, server);
            }
        }
        let mut matched = state.match_index.clone();
        matched[self.me] = state.last_index();
        matched.sort_unstable();
        let index = matched[(matched.len() - 1) / 2];
        if index > state.commit_index && state.term_at(index) == Some(term) {
            state.commit_index = index;
            self.more_to_apply.notify_one();
        }
    }

    async fn request_vote(self: Arc<Self>, args: RequestVoteArgs) -> RequestVoteReply {
        let mut state = self.state();
        let is_current = state.is_current(args.term);
        let last = (state.log[state.log.len() - 1].term, state.last_index());
        let is_free = state.voted_for.is_none_or(|voted| voted == args.candidate_id);
        let vote_granted =
            is_current && is_free && (args.last_log_term, args.last_log_index) >= last;
        if vote_granted {
            (state.voted_for, state.deadline) = (Some(args.candidate_id), new_deadline());
        }
        self.persist(&state);
        RequestVoteReply { term: state.current_term, vote_granted }
    }

    async fn append_entries(self: Arc<Self>, args: AppendEntriesArgs) -> AppendEntriesReply {
        let mut state = self.state();
        let no = |state: &State, next_index| AppendEntriesReply {
            term: state.current_term,
            success: false,
            next_index,
        };
        if !state.is_current(args.term) {
            return no(&state, 0);
        }
        (state.role, state.deadline) = (Role::Follower, new_deadline());
        let prev = args.prev_log_index;
        if prev > state.last_index() {
            let next = state.last_index() + 1;
            self.persist(&state);
            return no(&state, next);
        }
        if let Some(term) = state.term_at(prev).filter(|&term| term != args.prev_log_term) {
            let mut first = prev;
            while first > state.base + 1 && state.term_at(first - 1) == Some(term) {
                first -= 1;
            }
            self.persist(&state);
            return no(&state, first.max(state.commit_index + 1));
        }
        let up_to = prev + args.entries.len() as u64;
        for (index, entry) in (prev + 1..).zip(args.entries) {
            if index <= state.base || state.term_at(index) == Some(entry.term) {
                continue;
            }
            let len = (index - state.base) as usize;
            state.log.truncate(len);
            state.log.push(entry);
        }
        self.persist(&state);
        if args.leader_commit.min(up_to) > state.commit_index {
            state.commit_index = args.leader_commit.min(up_to);
            self.more_to_apply.notify_one();
        }
        AppendEntriesReply { term: state.current_term, success: true, next_index: up_to + 1 }
    }

    async fn install_snapshot(self: Arc<Self>, args: InstallSnapshotArgs) -> InstallSnapshotReply {
        let mut state = self.state();
        if !state.is_current(args.term) {
            return InstallSnapshotReply { term: state.current_term };
        }
        (state.role, state.deadline) = (Role::Follower, new_deadline());
        let index = args.last_included_index;
        if index > state.commit_index {
            let first = Entry { term: args.last_included_term, command: Vec::new() };
            state.log = match state.term_at(index) {
                Some(term) if term == first.term => state.from(index).to_vec(),
                _ => vec![first],
            };
            (state.base, state.commit_index) = (index, index);
            (state.snapshot, state.is_installed) = (args.data.into(), true);
            self.more_to_apply.notify_one();
        }
        self.persist(&state);
        InstallSnapshotReply { term: state.current_term }
    }

    async fn applier(self: Arc<Self>) {
        while !self.dead.load(Ordering::Relaxed) {
            match self.next_message() {
                Some(message) => self.apply_ch.send(message).await,
                None => self.more_to_apply.notified().await,
            }
        }
    }

    fn next_message(&self) -> Option<ApplyMsg> {
        let mut state = self.state();
        if std::mem::take(&mut state.is_installed) {
            state.last_applied = state.base;
            let (index, term) = (state.base, state.log[0].term);
            return Some(ApplyMsg::Snapshot { index, term, snapshot: state.snapshot.clone() });
        }
        if state.last_applied == state.commit_index {
            return None;
        }
        state.last_applied += 1;
        let index = state.last_applied;
        Some(ApplyMsg::Command { index, command: state.from(index)[0].command.clone().into() })
    }
}

impl raftapi::Raft for Raft {
    fn start(&self, command: Command) -> Option<Start> {
        let mut state = self.state();
        if state.role != Role::Leader {
            return None;
        }
        let term = state.current_term;
        state.log.push(Entry { term, command: command.to_vec() });
        self.persist(&state);
        Some(Start { index: state.last_index(), term })
    }

    fn get_state(&self) -> (Term, bool) {
        let state = self.state();
        (state.current_term, state.role == Role::Leader)
    }

    fn snapshot(&self, index: Index, snapshot: Bytes) {
        let mut state = self.state();
        if index > state.base {
            state.log = state.from(index).to_vec();
            (state.base, state.snapshot) = (index, snapshot);
            self.persist(&state);
        }
    }

    fn service(self: Arc<Self>) -> Service {
        Service::new("Raft", self)
            .method("RequestVote", Raft::request_vote)
            .method("AppendEntries", Raft::append_entries)
            .method("InstallSnapshot", Raft::install_snapshot)
    }

    fn kill(&self) {
        self.dead.store(true, Ordering::Relaxed);
        self.more_to_apply.notify_one();
    }
}
