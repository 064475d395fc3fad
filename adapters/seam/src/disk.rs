//! What a server saves.

use std::fmt;
use std::future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use raftapi::Persister;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A server's disk, until it is killed.
///
/// A foreign Raft needn't end when it is killed: its `shutdown` is asynchronous, and its tasks are its own. So the disk
/// of a killed server refuses, as a disk does that was pulled out.
pub struct Disk {
    persister: Arc<Persister>,
    is_pulled: AtomicBool,
}

impl Disk {
    /// The disk behind `persister`.
    #[must_use]
    pub fn new(persister: Arc<Persister>) -> Disk {
        Disk { persister, is_pulled: AtomicBool::new(false) }
    }

    /// What was saved last, and the snapshot; `None` if nothing ever was.
    ///
    /// # Panics
    /// If what was saved is no `S`: then this adapter hasn't saved it.
    #[must_use]
    pub fn read<S: DeserializeOwned + 'static>(&self) -> Option<(S, Bytes)> {
        let state = self.persister.read_raft_state();
        if state.is_empty() {
            return None;
        }
        let state = labgob::decode(&state).expect("the adapter saved it");
        Some((state, self.persister.read_snapshot()))
    }

    /// Saves both. They are durable when this returns. Returns whether the disk is still there.
    ///
    /// # Panics
    /// If `state` can't be encoded, see [`labgob::encode`].
    pub fn save<S: Serialize + DeserializeOwned + 'static>(
        &self,
        state: &S,
        snapshot: Bytes,
    ) -> bool {
        if self.is_pulled() {
            return false;
        }
        self.persister.save(labgob::encode(state), snapshot);
        true
    }

    /// Saves both, but a crash undoes it until a [`Disk::sync`] that began later has returned.
    ///
    /// # Panics
    /// If `state` can't be encoded, see [`labgob::encode`].
    pub fn write<S: Serialize + DeserializeOwned + 'static>(&self, state: &S, snapshot: Bytes) {
        if !self.is_pulled() {
            self.persister.write(labgob::encode(state), snapshot);
        }
    }

    /// Waits until what was written before is durable.
    pub async fn sync(&self) {
        self.persister.sync().await;
    }

    /// From now on it refuses.
    pub fn pull(&self) {
        self.is_pulled.store(true, Ordering::Relaxed);
    }

    /// For a call that a foreign Raft, which has this name, gives no answer: if the server was killed, nobody waits for
    /// one, and this never returns.
    ///
    /// # Panics
    /// If it wasn't: then the foreign Raft has ended by itself.
    pub async fn no_answer<T>(&self, raft: &str, error: &impl fmt::Display) -> T {
        if self.is_pulled() {
            return future::pending().await;
        }
        panic!("{raft} has ended: {error}");
    }

    /// Whether it refuses.
    #[must_use]
    pub fn is_pulled(&self) -> bool {
        self.is_pulled.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Disk").field("is_pulled", &self.is_pulled()).finish_non_exhaustive()
    }
}
