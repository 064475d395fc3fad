//! raft 0.7, as far as its core differs from older versions.

use slog::{Discard, Logger, o};
use tikv::eraftpb::{Entry, Snapshot};
use tikv::{Config, Error, GetEntriesContext, RaftState, RawNode, Result, Storage, StorageError};

use crate::server::Wishes;
use crate::store::Store;

/// raft's core.
pub(crate) type Node = RawNode<Store>;

/// The core of a server, in its default settings but for these.
pub(crate) fn node(settings: Config, store: Store) -> Node {
    let logger = Logger::root(Discard, o!());
    RawNode::new(&settings, store, &logger).expect("the settings are valid")
}

/// What is to be done now, if anything is.
pub(crate) fn wishes(node: &mut Node) -> Option<Wishes> {
    if !node.has_ready() {
        return None;
    }
    let mut ready = node.ready();
    Some(Wishes {
        snapshot: Some(ready.snapshot()).filter(|it| !it.is_empty()).cloned(),
        entries: ready.take_entries(),
        hard_state: ready.hs().cloned(),
        committed: ready.take_committed_entries(),
        messages: ready.take_messages(),
        messages_behind: ready.take_persisted_messages(),
        must_sync: ready.must_sync(),
        ready,
    })
}

/// What was wished is written, and applied up to this entry.
pub(crate) fn written(node: &mut Node, ready: tikv::Ready, applied: Option<u64>) {
    node.advance_append_async(ready);
    if let Some(applied) = applied {
        node.advance_apply_to(applied);
    }
}

/// The first so many wishes are durable.
pub(crate) fn durable(node: &mut Node, wishes: u64) {
    node.on_persist_ready(wishes);
    // Only now raft lets a snapshot be applied.
    let snapshot = store(node).log().base().index;
    let log = &node.raft.raft_log;
    if (log.applied + 1..=log.committed.min(log.persisted)).contains(&snapshot) {
        node.advance_apply_to(snapshot);
    }
}

/// The entries that raft hasn't wished to be saved yet.
pub(crate) fn new_entries(node: &Node) -> &[Entry] {
    node.raft.raft_log.unstable_entries()
}

/// What the server keeps.
pub(crate) fn store(node: &Node) -> &Store {
    node.store()
}

impl Storage for Store {
    fn initial_state(&self) -> Result<RaftState> {
        Ok(RaftState::new(self.hard_state(), self.members()))
    }

    fn entries(
        &self,
        low: u64,
        high: u64,
        max_size: impl Into<Option<u64>>,
        _: GetEntriesContext,
    ) -> Result<Vec<Entry>> {
        Ok(self.entries_from(low, high, max_size.into().unwrap_or(tikv::NO_LIMIT))?)
    }

    fn term(&self, index: u64) -> Result<u64> {
        Ok(self.term_of(index)?)
    }

    fn first_index(&self) -> Result<u64> {
        Ok(self.log().base().index + 1)
    }

    fn last_index(&self) -> Result<u64> {
        Ok(self.log().last_index())
    }

    fn snapshot(&self, request_index: u64, _: u64) -> Result<Snapshot> {
        if self.log().base().index < request_index {
            return Err(Error::Store(StorageError::SnapshotTemporarilyUnavailable));
        }
        Ok(self.newest_snapshot())
    }
}
