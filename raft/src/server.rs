//! A server: its lock, its tasks, and the calls of the tester.

use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use labrpc::{ClientEnd, Service};
use raftapi::{ApplyCh, Command, DebugState, Index, Persister, Role, Start, Term};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::state::State;

/// One server.
#[derive(Debug)]
pub struct Raft {
    /// The ends to all servers; the one at `me` is never used.
    pub(crate) peers: Vec<ClientEnd>,
    pub(crate) me: usize,
    state: Mutex<State>,
    /// Wakes the applier: there is more to apply.
    pub(crate) more_to_apply: Notify,
    /// Wakes the replicators, one for each server: there is more to send to it.
    pub(crate) more_to_send: Vec<Notify>,
    /// Everything that runs on this server's behalf; `None` once it is killed.
    tasks: Mutex<Option<JoinSet<()>>>,
}

/// Makes server `me` of a cluster. It calls the other servers by `peers`, restores what it has saved from
/// `persister`, and sends committed entries to `apply_ch`.
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
    let raft = Arc::new(Raft {
        more_to_send: peers.iter().map(|_| Notify::new()).collect(),
        more_to_apply: Notify::new(),
        state: Mutex::new(State::new(me, peers.len(), persister)),
        peers,
        me,
        tasks: Mutex::new(Some(JoinSet::new())),
    });
    raft.spawn(raft.clone().tick());
    raft.spawn(raft.clone().apply(apply_ch));
    raft
}

impl Raft {
    /// Locks the state. Never across an `.await`.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("a panic has ended the run")
    }

    /// The other servers.
    pub(crate) fn others(&self) -> impl Iterator<Item = usize> {
        let me = self.me;
        (0..self.peers.len()).filter(move |&server| server != me)
    }

    /// Runs `task` until it ends or the server is killed.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock().expect("spawning doesn't panic");
        if let Some(tasks) = tasks.as_mut() {
            while tasks.try_join_next().is_some() {} // those that have ended
            tasks.spawn(task);
        }
    }
}

impl raftapi::Raft for Raft {
    fn start(&self, command: Command) -> Option<Start> {
        let mut state = self.state();
        if state.role != Role::Leader {
            return None;
        }
        state.append_command(command);
        let start = Start { index: state.log.last_index(), term: state.current_term };
        // Alone, a server is its own majority.
        if state.advance_commit_index() {
            self.more_to_apply.notify_one();
        }
        drop(state);
        self.send_more();
        Some(start)
    }

    fn get_state(&self) -> (Term, bool) {
        let state = self.state();
        (state.current_term, state.role == Role::Leader)
    }

    fn snapshot(&self, index: Index, snapshot: Bytes) {
        self.state().take_snapshot(index, snapshot);
    }

    fn service(self: Arc<Self>) -> Service {
        Service::new("Raft", self)
            .method("RequestVote", Raft::request_vote)
            .method("AppendEntries", Raft::append_entries)
            .method("InstallSnapshot", Raft::install_snapshot)
    }

    fn kill(&self) {
        // Dropping the set aborts what is in it.
        self.tasks.lock().expect("spawning doesn't panic").take();
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
            snapshot_index: state.log.base_index(),
        })
    }
}
