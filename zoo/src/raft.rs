//! Raft in its plainest form: one state behind one mutex, a few tasks that wait for what they have
//! to do, and one more for each RPC.
//!
//! It does what Figures 2 and 13 of the extended Raft paper say, rule by rule, each in one place
//! with its section. Where a [`Bug`] breaks a rule, the rule itself asks for the bug, so that right
//! and wrong stand side by side.
//!
//! Three tasks live as long as the server: the `ticker` starts elections, the `replicator` sends
//! what a leader has to send, the `applier` hands what is committed to the service. Whoever gives
//! one of the last two something to do leaves it a notice, which waits for it if it is busy.

mod accept;
mod apply;
mod apply_wrongly;
mod backup;
mod election;
mod followers;
mod log;
mod look_first;
mod persist;
mod replicate_wrongly;
mod replication;
mod rpc;
mod say_wrongly;
mod snapshot;
mod state;

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use labrpc::{ClientEnd, Service};
use raftapi::{ApplyCh, Command, DebugState, Index, Persister, Role, Start, Term};
use tokio::sync::{Notify, watch};

use crate::bug::Bug;
use state::State;

/// One server.
pub(crate) struct Raft {
    peers: Vec<ClientEnd>,
    me: usize,
    persister: Arc<Persister>,
    apply_ch: ApplyCh,
    bug: Bug,
    state: Mutex<State>,
    /// A lock that only some bugs take, as [`Bug::HoldsLockDuringCalls`] does.
    calls: tokio::sync::Mutex<()>,
    /// The replicator's notice: there may be something to send.
    news: Notify,
    /// The applier's notice: there may be something to apply.
    committed: Notify,
    killed: watch::Sender<bool>,
}

impl Raft {
    /// Makes server `me` with what it had saved, and starts its tasks.
    pub(crate) fn make(
        peers: Vec<ClientEnd>,
        me: usize,
        persister: Arc<Persister>,
        apply_ch: ApplyCh,
        bug: Bug,
    ) -> Arc<Raft> {
        let state = State::restore(&persister, bug);
        let has_snapshot = state.log.snapshot_index() > 0;
        let state = Mutex::new(state);
        let (killed, _) = watch::channel(false);
        let (news, committed) = (Notify::new(), Notify::new());
        let calls = tokio::sync::Mutex::default();
        let rf = Arc::new(Raft {
            peers,
            me,
            persister,
            apply_ch,
            bug,
            state,
            calls,
            news,
            committed,
            killed,
        });
        if bug == Bug::IdlesBehindSnapshot && has_snapshot {
            return rf;
        }
        if bug != Bug::NeverStandsBehindSnapshot || !has_snapshot {
            tokio::spawn(rf.clone().until_killed(rf.clone().ticker()));
        }
        tokio::spawn(rf.clone().until_killed(rf.clone().replicator()));
        tokio::spawn(rf.clone().until_killed(rf.clone().applier()));
        match bug {
            Bug::RunsTwoTickers => _ = tokio::spawn(rf.clone().until_killed(rf.clone().ticker())),
            Bug::RunsTwoAppliers => _ = tokio::spawn(rf.clone().until_killed(rf.clone().applier())),
            _ => {}
        }
        rf
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no task of this server has panicked")
    }

    fn others(&self) -> impl Iterator<Item = usize> {
        let me = self.me;
        (0..self.peers.len()).filter(move |&server| server != me)
    }

    fn majority(&self) -> usize {
        self.peers.len() / 2 + 1
    }

    /// What always holds in a right Raft. A wrong one goes on: what it breaks, the tester is to say.
    ///
    /// # Panics
    /// If it doesn't hold in a right Raft.
    fn must(&self, holds: bool, what: &str) {
        assert!(holds || self.bug != Bug::None, "a right Raft is wrong: {what}");
    }

    /// Does `task`, or gives it up when the server is killed: `None`.
    async fn until_killed<T>(self: Arc<Self>, task: impl Future<Output = T>) -> Option<T> {
        if matches!(self.bug, Bug::WorksOnWhenKilled | Bug::KeepsLockWhenKilled) {
            return Some(task.await);
        }
        let mut killed = self.killed.subscribe();
        tokio::select! {
            _ = killed.wait_for(|&killed| killed) => None,
            done = task => Some(done),
        }
    }

    /// Takes the lock of [`Bug::HoldsLockDuringCalls`], around each call.
    async fn lock_calls(&self) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        match self.bug {
            Bug::HoldsLockDuringCalls => Some(self.calls.lock().await),
            _ => None,
        }
    }

    /// Takes that lock in a handler, or another that bugs hold while they send to the service.
    async fn lock_handler(&self) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        match self.bug {
            Bug::HoldsLockDuringCalls
            | Bug::HoldsLockWhileApplying
            | Bug::AnswersNothingWhileApplying => Some(self.calls.lock().await),
            _ => None,
        }
    }

    /// Waits for the lock of [`Bug::HoldsLockWhileApplying`] where nobody can be awaited.
    fn wait_for_lock(&self) {
        if self.bug == Bug::HoldsLockWhileApplying {
            drop(futures::executor::block_on(self.calls.lock()));
        }
    }

    /// Looks at the term of a request or a reply, before anything else is done with it.
    fn observe_term(&self, state: &mut State, term: Term) {
        // All Servers: "If RPC request or response contains term T > currentTerm: set currentTerm =
        // T, convert to follower" (§5.1).
        let is_other = self.bug == Bug::AdoptsLowerTerm && term != state.current_term;
        if term <= state.current_term && !is_other {
            return;
        }
        if self.bug != Bug::NeverAdoptsTerm {
            state.current_term = term;
        }
        if self.bug != Bug::NeverClearsVote {
            state.voted_for = None;
        }
        if self.bug != Bug::NeverSavesNewTerm {
            self.persist(state);
        }
        if state.role == Role::Leader && self.bug == Bug::LeadsOnInHigherTerm {
            return;
        }
        if state.role == Role::Candidate && self.bug == Bug::LosesTimerToHigherTerm {
            state.has_lost_timer = true;
        }
        let restarts =
            matches!(self.bug, Bug::RestartsTimerWithTerm | Bug::RestartsTimerForEveryTerm);
        if state.role == Role::Leader || restarts {
            // It had no timer until now.
            state.reset_election_timer();
        }
        state.role = Role::Follower;
    }

    /// The leader of the current term has said something.
    fn hear_from_leader(&self, state: &mut State) {
        // Candidates: "If AppendEntries RPC received from new leader: convert to follower" (§5.2).
        if state.role == Role::Candidate {
            state.role = Role::Follower;
        }
        if self.bug == Bug::ForgetsVoteWhenLed {
            state.voted_for = None;
        }
        // Followers: the timer starts anew with every word of the current leader's (§5.2).
        match self.bug {
            Bug::TimesOutDespiteHeartbeats | Bug::RestartsTimerOnSuccessOnly => {}
            _ => state.reset_election_timer(),
        }
    }

    /// The leader of the current term has said something that this server accepts.
    fn agree_with_leader(&self, state: &mut State) {
        if self.bug == Bug::RestartsTimerOnSuccessOnly {
            state.reset_election_timer();
        }
    }
}

impl raftapi::Raft for Raft {
    fn start(&self, command: Command) -> Option<Start> {
        self.wait_for_lock();
        let start = self.append(command);
        if start.is_some() && self.bug == Bug::BlocksUntilCommitted {
            futures::executor::block_on(self.committed.notified());
        }
        start
    }

    fn get_state(&self) -> (Term, bool) {
        let state = self.state();
        let term = match self.bug {
            Bug::ReportsTermItLed => state.led.map_or(0, |led| led.term),
            _ => state.current_term,
        };
        let is_leader = match self.bug {
            Bug::NeverSaysItLeads => false,
            Bug::SaysItLeadsForEver => state.led.is_some(),
            Bug::SaysItLeadsAsCandidate => state.role != Role::Follower,
            _ => state.role == Role::Leader,
        };
        (term, is_leader)
    }

    fn snapshot(&self, index: Index, snapshot: Bytes) {
        self.wait_for_lock();
        self.take_snapshot(index, snapshot);
    }

    fn service(self: Arc<Self>) -> Service {
        let bug = self.bug;
        let service = Service::new("Raft", self)
            .method("RequestVote", Raft::request_vote)
            .method("AppendEntries", Raft::append_entries);
        match bug {
            Bug::NeverConfirmsLateSnapshots => {
                service.method("InstallSnapshot", Raft::confirm_snapshot)
            }
            _ => service.method("InstallSnapshot", Raft::install_snapshot),
        }
    }

    fn kill(&self) {
        if self.bug == Bug::KeepsLockWhenKilled {
            mem::forget(self.state());
        }
        self.killed.send_replace(true);
    }

    fn debug_state(&self) -> Option<DebugState> {
        let state = self.state();
        Some(DebugState {
            role: state.role,
            voted_for: state.voted_for,
            last_index: state.log.last_index(),
            last_term: state.log.last_term(),
            commit_index: state.commit_index,
            last_applied: state.last_applied,
            snapshot_index: state.log.snapshot_index(),
        })
    }
}
