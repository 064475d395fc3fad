//! A server: its lock, its tasks, and the calls of the tester.

use std::sync::{Arc, Mutex, MutexGuard};

use labrpc::{ClientEnd, Service};
use raftapi::{ApplyCh, Command, DebugState, Index, Persister, Role, Start, Term};
use tokio::task::JoinSet;

use crate::state::State;

/// One server.
#[derive(Debug)]
pub struct Raft {
    /// The ends to all servers; the one at `me` is never used.
    pub(crate) peers: Vec<ClientEnd>,
    pub(crate) me: usize,
    state: Mutex<State>,
    /// Everything that runs on this server's behalf; `None` once it is killed.
    tasks: Mutex<Option<JoinSet<()>>>,
}

/// Makes server `me` of a cluster: `peers` leads to all servers.
#[must_use]
pub fn make(
    peers: Vec<ClientEnd>,
    me: usize,
    _persister: Arc<Persister>,
    _apply_ch: ApplyCh,
) -> Arc<dyn raftapi::Raft> {
    let raft = Arc::new(Raft {
        peers,
        me,
        state: Mutex::new(State::new(me)),
        tasks: Mutex::new(Some(JoinSet::new())),
    });
    raft.spawn(raft.clone().tick());
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
    fn start(&self, _command: Command) -> Option<Start> {
        None
    }

    fn get_state(&self) -> (Term, bool) {
        let state = self.state();
        (state.current_term, state.role == Role::Leader)
    }

    fn snapshot(&self, _index: Index, _snapshot: bytes::Bytes) {}

    fn service(self: Arc<Self>) -> Service {
        Service::new("Raft", self)
            .method("RequestVote", Raft::request_vote)
            .method("AppendEntries", Raft::append_entries)
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
            last_index: 0,
            last_term: 0,
            commit_index: 0,
            last_applied: 0,
            snapshot_index: 0,
        })
    }
}
