//! A server's disk, as the lab has it: two byte strings that are replaced together.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

/// What survives a crash: the Raft's own state and the service's snapshot.
///
/// Both are replaced at once and as a whole. There is no file system, no delay and no partial write.
/// A crashed server's persister is cut off: what it saves from then on is lost.
#[derive(Default)]
pub struct Persister {
    saved: Mutex<Saved>,
    on_save: Option<OnSave>,
}

/// Is told the sizes of a saved state and snapshot, in bytes.
type OnSave = Box<dyn Fn(usize, usize) + Send + Sync>;

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
        Persister { saved: Mutex::new(self.saved().clone()), on_save: None }
    }

    /// The same persister, of which `on_save` is told the sizes of state and snapshot, in bytes,
    /// whenever something is saved. It is called under whatever locks the saver holds.
    #[must_use]
    pub fn watched(self, on_save: impl Fn(usize, usize) + Send + Sync + 'static) -> Persister {
        Persister { on_save: Some(Box::new(on_save)), ..self }
    }

    /// Replaces both the state and the snapshot. An empty snapshot **erases** the stored one: a
    /// Raft that has a snapshot passes it every time.
    pub fn save(&self, raft_state: Bytes, snapshot: Bytes) {
        let (state_size, snapshot_size) = (raft_state.len(), snapshot.len());
        *self.saved() = Saved { raft_state, snapshot };
        if let Some(on_save) = &self.on_save {
            on_save(state_size, snapshot_size);
        }
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
        self.saved.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Persister {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Persister").field(&*self.saved()).finish()
    }
}
