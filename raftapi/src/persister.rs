//! A server's disk, as the lab has it: two byte strings that are replaced together.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

/// What survives a crash: the Raft's own state and the service's snapshot.
///
/// Both are replaced at once and as a whole. There is no file system, no delay and no partial write.
/// A crashed server's persister is cut off: what it saves from then on is lost.
#[derive(Debug, Default)]
pub struct Persister(Mutex<Saved>);

#[derive(Clone, Debug, Default)]
struct Saved {
    raft_state: Bytes,
    snapshot: Bytes,
}

impl Persister {
    /// A persister with nothing saved.
    #[must_use]
    pub fn new() -> Persister {
        Persister::default()
    }

    /// Another persister with the same content, cut off from this one.
    #[must_use]
    pub fn copy(&self) -> Persister {
        Persister(Mutex::new(self.saved().clone()))
    }

    /// Replaces both the state and the snapshot. An empty snapshot **erases** the stored one: a
    /// Raft that has a snapshot passes it every time.
    pub fn save(&self, raft_state: Bytes, snapshot: Bytes) {
        *self.saved() = Saved { raft_state, snapshot };
    }

    /// The state that was saved last; empty if none was.
    #[must_use]
    pub fn read_raft_state(&self) -> Bytes {
        self.saved().raft_state.clone()
    }

    /// The snapshot that was saved last; empty if none was.
    #[must_use]
    pub fn read_snapshot(&self) -> Bytes {
        self.saved().snapshot.clone()
    }

    /// The size of the saved state, in bytes.
    #[must_use]
    pub fn raft_state_size(&self) -> usize {
        self.saved().raft_state.len()
    }

    /// The size of the saved snapshot, in bytes.
    #[must_use]
    pub fn snapshot_size(&self) -> usize {
        self.saved().snapshot.len()
    }

    fn saved(&self) -> MutexGuard<'_, Saved> {
        // A panic can't leave it half written: both fields are replaced by one assignment.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
