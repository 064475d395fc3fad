//! Raft in its plainest form: one state behind one mutex, a ticker, and a task for each RPC.
//!
//! It does what Figure 2 of the extended Raft paper says, rule by rule, each in one place with its
//! section. Where a [`Bug`] breaks a rule, the rule itself asks for the bug, so that right and
//! wrong stand side by side. So far it is part 3A: leaders are elected, and nothing is replicated.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use labrpc::{ClientEnd, Service};
use raftapi::{Command, DebugState, Index, Role, Start, Term};
use rand::RngExt as _;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use crate::bug::Bug;

/// How often a leader sends heartbeats. The lab allows some ten a second.
const HEARTBEAT_INTERVAL: Duration = Duration::from_millis(100);

/// How long a server waits for its leader, or for its election, before it starts another one; in
/// ms. Drawn anew each time, so that split votes are rare (§5.2).
const ELECTION_TIMEOUT_MS: Range<u64> = 300..600;

/// One server.
pub(crate) struct Raft {
    peers: Vec<ClientEnd>,
    me: usize,
    bug: Bug,
    state: Mutex<State>,
    killed: watch::Sender<bool>,
}

/// Figure 2, "State".
struct State {
    current_term: Term,
    voted_for: Option<usize>,
    /// The log, whose first entry stands for the empty one before index 1.
    log: Vec<Entry>,
    role: Role,
    /// The votes of this server's latest election, its own included.
    votes: usize,
    /// When the election timer fires. A leader's means nothing.
    election_deadline: Instant,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Entry {
    term: Term,
    command: Command,
}

/// Figure 2, "RequestVote RPC".
#[derive(Clone, Debug, Serialize, Deserialize)]
struct RequestVoteArgs {
    term: Term,
    candidate_id: usize,
    last_log_index: Index,
    last_log_term: Term,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct RequestVoteReply {
    term: Term,
    vote_granted: bool,
}

/// Figure 2, "AppendEntries RPC"; a heartbeat so far.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct AppendEntriesArgs {
    term: Term,
    leader_id: usize,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct AppendEntriesReply {
    term: Term,
    success: bool,
}

impl Raft {
    /// Makes server `me` and starts its ticker.
    pub(crate) fn start(peers: Vec<ClientEnd>, me: usize, bug: Bug) -> Arc<Raft> {
        let state = State {
            current_term: 0,
            voted_for: None,
            log: vec![Entry { term: 0, command: Command::new() }],
            role: Role::Follower,
            votes: 0,
            election_deadline: Instant::now() + election_timeout(),
        };
        let (killed, _) = watch::channel(false);
        let rf = Arc::new(Raft { peers, me, bug, state: Mutex::new(state), killed });
        tokio::spawn(rf.clone().until_killed(rf.clone().ticker()));
        rf
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no task of this server has panicked")
    }

    fn others(&self) -> impl Iterator<Item = usize> {
        let me = self.me;
        (0..self.peers.len()).filter(move |&server| server != me)
    }

    /// Does `task`, or gives it up when the server is killed: `None`.
    async fn until_killed<T>(self: Arc<Self>, task: impl Future<Output = T>) -> Option<T> {
        let mut killed = self.killed.subscribe();
        tokio::select! {
            biased;
            _ = killed.wait_for(|&killed| killed) => None,
            done = task => Some(done),
        }
    }

    // ---- Elections ----

    /// Starts an election each time the election timer fires.
    async fn ticker(self: Arc<Self>) {
        loop {
            let deadline = self.state().election_deadline;
            sleep_until(deadline).await;
            let Some((term, mut requests)) = self.election() else { continue };
            match self.bug {
                Bug::BlocksOnVotes | Bug::WaitsForAllVotes => {
                    self.collect_votes(term, requests).await;
                }
                // The votes are counted as they come in, while the timer runs.
                _ => requests.detach_all(),
            }
        }
    }

    /// If the timer has fired, starts an election: its term, and a request to each other server.
    fn election(self: &Arc<Self>) -> Option<(Term, JoinSet<Option<bool>>)> {
        let mut state = self.state();
        if Instant::now() < state.election_deadline {
            return None;
        }
        state.reset_election_timer();
        // Followers and candidates: "If election timeout elapses" (§5.2). A leader has no timer.
        if state.role == Role::Leader {
            return None;
        }
        // Candidates: "Increment currentTerm, vote for self, reset election timer, send RequestVote
        // RPCs to all other servers" (§5.2).
        state.role = Role::Candidate;
        if self.bug != Bug::NeverIncrementsTerm {
            state.current_term += 1;
        }
        state.voted_for = Some(self.me);
        state.votes = 1;
        self.lead_if_elected(&mut state);
        let args = RequestVoteArgs {
            term: state.current_term,
            candidate_id: self.me,
            last_log_index: state.last_index(),
            last_log_term: state.last_term(),
        };
        let mut requests = JoinSet::new();
        for server in self.others() {
            let request = self.clone().ask_for_vote(server, args.clone());
            requests.spawn(self.clone().until_killed(request));
        }
        Some((args.term, requests))
    }

    /// Asks one server for its vote, and counts it. Returns whether it was granted.
    async fn ask_for_vote(self: Arc<Self>, server: usize, args: RequestVoteArgs) -> bool {
        let call = self.peers[server].call::<_, RequestVoteReply>("Raft.RequestVote", &args);
        let Some(reply) = call.await else { return false };
        let mut state = self.state();
        self.observe_term(&mut state, reply.term);
        // The election may be over: lost, won, or followed by the next.
        if state.role != Role::Candidate || state.current_term != args.term {
            return false;
        }
        if reply.vote_granted && self.bug != Bug::WaitsForAllVotes {
            state.votes += 1;
            self.lead_if_elected(&mut state);
        }
        reply.vote_granted
    }

    /// What two bugs make the ticker do: waits for votes, and lets the timer fire unheard.
    async fn collect_votes(self: &Arc<Self>, term: Term, mut requests: JoinSet<Option<bool>>) {
        let mut votes = 1;
        while let Some(reply) = requests.join_next().await {
            votes += usize::from(matches!(reply, Ok(Some(true))));
            if self.bug == Bug::BlocksOnVotes && votes >= self.majority() {
                requests.detach_all();
                break;
            }
        }
        let mut state = self.state();
        if state.role == Role::Candidate && state.current_term == term {
            state.votes = votes;
            self.lead_if_elected(&mut state);
        }
    }

    fn majority(&self) -> usize {
        let half = self.peers.len() / 2;
        if self.bug == Bug::WinsWithHalf { half } else { half + 1 }
    }

    fn lead_if_elected(self: &Arc<Self>, state: &mut State) {
        // Candidates: "If votes received from majority of servers: become leader" (§5.2).
        if state.votes >= self.majority() {
            state.role = Role::Leader;
            let heartbeats = self.clone().heartbeats(state.current_term);
            tokio::spawn(self.clone().until_killed(heartbeats));
        }
    }

    // ---- Heartbeats ----

    /// Sends heartbeats for as long as this server leads `term`.
    async fn heartbeats(self: Arc<Self>, term: Term) {
        // Leaders: "Upon election: send initial empty AppendEntries RPCs (heartbeat) to each
        // server; repeat during idle periods to prevent election timeouts" (§5.2).
        loop {
            {
                let state = self.state();
                if state.role != Role::Leader || state.current_term != term {
                    return;
                }
            }
            for server in self.others() {
                let args = AppendEntriesArgs { term, leader_id: self.me };
                let heartbeat = self.clone().send_heartbeat(server, args);
                tokio::spawn(self.clone().until_killed(heartbeat));
            }
            sleep(HEARTBEAT_INTERVAL).await;
        }
    }

    async fn send_heartbeat(self: Arc<Self>, server: usize, args: AppendEntriesArgs) {
        let call = self.peers[server].call::<_, AppendEntriesReply>("Raft.AppendEntries", &args);
        if let Some(reply) = call.await {
            self.observe_term(&mut self.state(), reply.term);
        }
    }

    // ---- All servers ----

    /// Looks at the term of a request or a reply, before anything else is done with it.
    fn observe_term(&self, state: &mut State, term: Term) {
        // All servers: "If RPC request or response contains term T > currentTerm: set currentTerm =
        // T, convert to follower" (§5.1).
        if term <= state.current_term {
            return;
        }
        if self.bug != Bug::NeverAdoptsTerm {
            state.current_term = term;
        }
        state.voted_for = None;
        if state.role == Role::Leader {
            // It had no timer until now.
            state.reset_election_timer();
        }
        state.role = Role::Follower;
    }

    // ---- Handlers ----

    async fn request_vote(self: Arc<Self>, args: RequestVoteArgs) -> RequestVoteReply {
        let mut state = self.state();
        self.observe_term(&mut state, args.term);
        // RequestVote 1: "Reply false if term < currentTerm" (§5.1).
        let is_current = args.term >= state.current_term;
        // RequestVote 2: "If votedFor is null or candidateId, and candidate's log is at least as
        // up-to-date as receiver's log, grant vote" (§5.2, §5.4.1).
        let is_free = state.voted_for.is_none_or(|server| server == args.candidate_id)
            || self.bug == Bug::VotesTwice;
        let is_up_to_date =
            (args.last_log_term, args.last_log_index) >= (state.last_term(), state.last_index());
        let vote_granted = is_current && is_free && is_up_to_date;
        if vote_granted {
            state.voted_for = Some(args.candidate_id);
            // Followers: the timer starts anew when a vote is granted (§5.2).
            state.reset_election_timer();
        }
        RequestVoteReply { term: state.current_term, vote_granted }
    }

    async fn append_entries(self: Arc<Self>, args: AppendEntriesArgs) -> AppendEntriesReply {
        let mut state = self.state();
        self.observe_term(&mut state, args.term);
        // AppendEntries 1: "Reply false if term < currentTerm" (§5.1).
        if args.term < state.current_term {
            return AppendEntriesReply { term: state.current_term, success: false };
        }
        // Candidates: "If AppendEntries RPC received from new leader: convert to follower" (§5.2).
        if state.role == Role::Candidate {
            state.role = Role::Follower;
        }
        // Followers: the timer starts anew with every word of the current leader's (§5.2).
        if self.bug != Bug::TimesOutDespiteHeartbeats {
            state.reset_election_timer();
        }
        AppendEntriesReply { term: state.current_term, success: true }
    }
}

impl State {
    fn reset_election_timer(&mut self) {
        self.election_deadline = Instant::now() + election_timeout();
    }

    fn last_index(&self) -> Index {
        self.log.len() as Index - 1
    }

    fn last_term(&self) -> Term {
        self.log.last().map_or(0, |entry| entry.term)
    }
}

fn election_timeout() -> Duration {
    Duration::from_millis(rand::rng().random_range(ELECTION_TIMEOUT_MS))
}

impl raftapi::Raft for Raft {
    fn start(&self, command: Command) -> Option<Start> {
        let mut state = self.state();
        if state.role != Role::Leader {
            return None;
        }
        // Leaders: "If command received from client: append entry to local log" (§5.3).
        let term = state.current_term;
        state.log.push(Entry { term, command });
        Some(Start { index: state.last_index(), term })
    }

    fn get_state(&self) -> (Term, bool) {
        let state = self.state();
        (state.current_term, state.role == Role::Leader)
    }

    fn snapshot(&self, _index: Index, _snapshot: Bytes) {}

    fn service(self: Arc<Self>) -> Service {
        Service::new("Raft", self)
            .method("RequestVote", Raft::request_vote)
            .method("AppendEntries", Raft::append_entries)
    }

    fn kill(&self) {
        self.killed.send_replace(true);
    }

    fn debug_state(&self) -> Option<DebugState> {
        let state = self.state();
        Some(DebugState {
            role: state.role,
            voted_for: state.voted_for,
            last_index: state.last_index(),
            last_term: state.last_term(),
            commit_index: 0,
            last_applied: 0,
            snapshot_index: 0,
        })
    }
}
