//! The log, the vote and the snapshot, on the lab's disk.

use std::sync::Arc;

use bytes::Bytes;
use raftapi::{Index, Term};
use seam::{Base, Disk, Log};
use serde::{Deserialize, Serialize};
use tikv::eraftpb::{self, ConfState, HardState, Snapshot};
use tikv::{Error, StorageError};

use crate::form;
use crate::rpc::{from_entry, make_snapshot, read_snapshot, size, to_entry};

/// What a server keeps.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) disk: Arc<Disk>,
    saved: Saved,
    /// The service's snapshot, which ends at the log's base.
    snapshot: Bytes,
    servers: u64,
}

/// What is on the disk, beside the snapshot.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Saved {
    term: Term,
    vote: u64,
    commit: Index,
    log: Log,
}

/// Why there is no entry at an index.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Missing {
    /// A snapshot covers it.
    Compacted,
    /// The log ends before it.
    Unavailable,
}

impl From<Missing> for Error {
    fn from(missing: Missing) -> Error {
        Error::Store(match missing {
            Missing::Compacted => StorageError::Compacted,
            Missing::Unavailable => StorageError::Unavailable,
        })
    }
}

impl Store {
    /// What is on the disk of a server of a cluster with so many.
    pub(crate) fn new(disk: Disk, servers: u64) -> Store {
        let (saved, snapshot) = disk.read().unwrap_or_default();
        Store { disk: Arc::new(disk), saved, snapshot, servers }
    }

    /// The log, as far as it is written.
    pub(crate) fn log(&self) -> &Log {
        &self.saved.log
    }

    /// Takes over what raft wants to be saved.
    pub(crate) fn set_hard_state(&mut self, state: &HardState) {
        (self.saved.term, self.saved.vote) = (state.term, state.vote);
        self.saved.commit = state.commit;
    }

    /// Appends entries, which take the place of those that are there.
    pub(crate) fn append(&mut self, entries: &[eraftpb::Entry]) {
        for entry in entries {
            self.saved.log.truncate(entry.index);
            self.saved.log.push(from_entry(entry));
        }
    }

    /// Another server's snapshot takes the place of what it covers.
    pub(crate) fn install(&mut self, snapshot: &Snapshot) -> (Base, Bytes) {
        let (base, data) = read_snapshot(snapshot);
        self.saved.log.compact(base);
        self.saved.commit = self.saved.commit.max(base.index);
        self.snapshot = data.clone();
        (base, data)
    }

    /// Saves the service's snapshot, which ends at `command`, unless there is a newer one.
    pub(crate) fn keep_snapshot(&mut self, command: Index, snapshot: Bytes) {
        let log = &self.saved.log;
        let Some(base) = log.index_of(command).and_then(|index| log.base_at(index)) else { return };
        self.saved.log.compact(base);
        self.snapshot = snapshot;
        // Of a killed server nobody expects anything.
        let _ = self.disk.save(&self.saved, self.snapshot.clone());
    }

    /// Writes everything, which needn't be durable yet.
    pub(crate) fn write(&self) {
        self.disk.write(&self.saved, self.snapshot.clone());
    }

    /// The term, the vote and the commit index, in raft's form.
    pub(crate) fn hard_state(&self) -> HardState {
        let Saved { term, vote, commit, ref log } = self.saved;
        let mut state = HardState::default();
        state.set_term(term);
        state.set_vote(vote);
        state.set_commit(commit.max(log.base().index));
        state
    }

    /// The members, in raft's form.
    pub(crate) fn members(&self) -> ConfState {
        form::members(self.servers)
    }

    /// The entries from `low` on that come before `high` and don't need more than `max_size` bytes; at least one.
    pub(crate) fn entries_from(
        &self,
        low: u64,
        high: u64,
        max_size: u64,
    ) -> Result<Vec<eraftpb::Entry>, Missing> {
        if low <= self.log().base().index {
            return Err(Missing::Compacted);
        }
        let mut size_so_far = 0;
        let entries = self.log().range(low, high).take_while(|(index, entry)| {
            size_so_far += size(entry);
            *index == low || size_so_far <= max_size
        });
        Ok(entries.map(|(index, entry)| to_entry(index, entry)).collect())
    }

    /// The term of the entry at `index`, or of the last one in the snapshot.
    pub(crate) fn term_of(&self, index: Index) -> Result<Term, Missing> {
        let base = self.log().base();
        let at = self.log().base_at(index);
        at.map(|at| at.term).ok_or(match index < base.index {
            true => Missing::Compacted,
            false => Missing::Unavailable,
        })
    }

    /// The snapshot, in raft's form.
    pub(crate) fn newest_snapshot(&self) -> Snapshot {
        make_snapshot(self.log().base(), &self.snapshot, self.servers)
    }
}
