//! A server's disk, as the lab has it: two byte strings that are replaced together.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;

/// What survives a crash: the Raft's own state and the service's snapshot.
///
/// Both byte strings are replaced together. There is no file system, and no write is partial. After a crash the old
/// instance's persister is cut off: what it saves then is lost.
///
/// [`Persister::save`] takes no time and is durable when it returns: that is MIT's persister. To model a real disk, use
/// [`Persister::write`] instead: its data is durable only after [`Persister::sync`] has returned.
#[derive(Default)]
pub struct Persister {
    disk: Mutex<Disk>,
    on_save: Option<OnSave>,
    sync_time: Option<SyncTime>,
}

/// Is told of a save.
type OnSave = Box<dyn Fn(&Saving<'_>) + Send + Sync>;

/// What is saved, and how.
#[derive(Clone, Copy, Debug)]
pub struct Saving<'a> {
    /// The size of the Raft's own state, in bytes.
    pub state_size: usize,
    /// The service's snapshot.
    pub snapshot: &'a Bytes,
    /// From when on no crash takes it back.
    pub safe: Safe,
}

/// From when on a crash no longer takes back what is saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Safe {
    /// At once: it was [saved](Persister::save).
    Now,
    /// When a [`Persister::sync`] has returned: it was [written](Persister::write).
    AtSync,
}

/// Says how long a sync takes.
type SyncTime = Box<dyn Fn() -> Duration + Send + Sync>;

#[derive(Clone, Debug, Default)]
struct Saved {
    raft_state: RaftState,
    snapshot: Bytes,
}

/// A byte string, as it was handed over.
#[derive(Clone, Debug)]
enum RaftState {
    Whole(Bytes),
    Parts(Arc<[Bytes]>),
}

impl Default for RaftState {
    fn default() -> RaftState {
        RaftState::Whole(Bytes::new())
    }
}

impl RaftState {
    fn len(&self) -> usize {
        match self {
            RaftState::Whole(bytes) => bytes.len(),
            RaftState::Parts(parts) => parts.iter().map(Bytes::len).sum(),
        }
    }

    fn whole(&self) -> Bytes {
        match self {
            RaftState::Whole(bytes) => bytes.clone(),
            RaftState::Parts(parts) => parts.concat().into(),
        }
    }
}

#[derive(Debug, Default)]
struct Disk {
    /// What was written last.
    written: Saved,
    /// What a crash leaves.
    safe: Saved,
    /// How often something was written.
    writes: u64,
    /// How many of these writes are safe.
    safe_writes: u64,
}

impl Persister {
    /// A persister with nothing saved.
    #[must_use]
    pub fn new() -> Persister {
        Persister::default()
    }

    /// Another persister, with what would survive a crash now. The two are independent: they don't even share memory, by
    /// which what the dead instance has left running could tell the next one something.
    #[must_use]
    pub fn copy(&self) -> Persister {
        let Saved { raft_state, snapshot } = self.disk().safe.clone();
        let raft_state = RaftState::Whole(Bytes::copy_from_slice(&raft_state.whole()));
        let safe = Saved { raft_state, snapshot: Bytes::copy_from_slice(&snapshot) };
        let disk = Disk { written: safe.clone(), safe, ..Disk::default() };
        Persister { disk: Mutex::new(disk), ..Persister::default() }
    }

    /// The same persister, which calls `on_save` at each save and each write. The caller's locks are held meanwhile.
    #[must_use]
    pub fn watched(self, on_save: impl Fn(&Saving<'_>) + Send + Sync + 'static) -> Persister {
        Persister { on_save: Some(Box::new(on_save)), ..self }
    }

    /// The same persister, with slow syncs: each takes the time that `sync_time` returns.
    #[must_use]
    pub fn slow(self, sync_time: impl Fn() -> Duration + Send + Sync + 'static) -> Persister {
        Persister { sync_time: Some(Box::new(sync_time)), ..self }
    }

    /// Replaces both the state and the snapshot. They are durable when this returns.
    ///
    /// An empty snapshot **erases** the stored one: a Raft that has a snapshot must pass it every time.
    pub fn save(&self, raft_state: Bytes, snapshot: Bytes) {
        self.put(Saved { raft_state: RaftState::Whole(raft_state), snapshot }, Safe::Now);
    }

    /// The same as [`Persister::save`] of all parts, one after the other. Nothing is copied before the state is read: so a
    /// server that keeps most of its log encoded, as [`Bytes`], can save it often although it is long.
    pub fn save_parts(&self, raft_state: impl Into<Arc<[Bytes]>>, snapshot: Bytes) {
        let raft_state = RaftState::Parts(raft_state.into());
        self.put(Saved { raft_state, snapshot }, Safe::Now);
    }

    /// Replaces both the state and the snapshot, as [`Persister::save`] does, but a crash undoes it until a later
    /// [`Persister::sync`] has returned. Reading returns what was written.
    pub fn write(&self, raft_state: Bytes, snapshot: Bytes) {
        self.put(Saved { raft_state: RaftState::Whole(raft_state), snapshot }, Safe::AtSync);
    }

    /// Waits until everything that was written before is durable. It takes no time in MIT's tests; other tests make it
    /// slow. Several tasks may call it at the same time.
    pub async fn sync(&self) {
        let (writes, written) = {
            let disk = self.disk();
            if disk.safe_writes == disk.writes {
                return;
            }
            (disk.writes, disk.written.clone())
        };
        let time = self.sync_time.as_ref().map_or(Duration::ZERO, |sync_time| sync_time());
        if !time.is_zero() {
            tokio::time::sleep(time).await;
        }
        let mut disk = self.disk();
        if disk.safe_writes < writes {
            disk.safe = written;
            disk.safe_writes = writes;
        }
    }

    fn put(&self, saved: Saved, safe: Safe) {
        let (state_size, snapshot) = (saved.raft_state.len(), saved.snapshot.clone());
        let mut disk = self.disk();
        disk.written = saved;
        disk.writes += 1;
        if safe == Safe::Now {
            disk.safe = disk.written.clone();
            disk.safe_writes = disk.writes;
        }
        drop(disk);
        if let Some(on_save) = &self.on_save {
            on_save(&Saving { state_size, snapshot: &snapshot, safe });
        }
    }

    /// The number of saves and writes.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.disk().writes
    }

    /// How many of these are durable.
    #[must_use]
    pub fn safe(&self) -> u64 {
        self.disk().safe_writes
    }

    /// The state that was saved last; empty if none was.
    #[must_use]
    pub fn read_raft_state(&self) -> Bytes {
        self.disk().written.raft_state.whole()
    }

    /// The snapshot that was saved last; empty if none was.
    #[must_use]
    pub fn read_snapshot(&self) -> Bytes {
        self.disk().written.snapshot.clone()
    }

    /// The size of the saved state, in bytes.
    #[must_use]
    pub fn raft_state_size(&self) -> usize {
        self.disk().written.raft_state.len()
    }

    /// The size of the saved snapshot, in bytes.
    #[must_use]
    pub fn snapshot_size(&self) -> usize {
        self.disk().written.snapshot.len()
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        // A panic can't leave it half written: nothing that is done under the lock can panic.
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Persister {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Persister").field(&self.disk().written).finish()
    }
}
