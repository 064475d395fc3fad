//! The log, the vote and the snapshot, on the lab's disk; and the state machine, which is the apply channel.

use std::collections::BTreeMap;
use std::io;
use std::ops::{Bound, RangeBounds};
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use openraft::EntryPayload;
use raftapi::{Index, Term};
use seam::{Applies, Base, Disk, Log};
use serde::{Deserialize, Serialize};

use crate::rpc::{self, Data, Meta, Vote, index_and_term, log_id};
use crate::version::{self, Entry, LogId, Snapshot, SnapshotMeta, StoredMembership};

/// What a server keeps. openraft gets handles to it, as its log storage, log reader and state machine.
#[derive(Debug)]
pub(crate) struct Store {
    disk: Disk,
    state: Mutex<State>,
    applies: Applies,
}

#[derive(Debug)]
struct State {
    saved: Saved,
    snapshot: Bytes,
    /// Other servers' snapshots that openraft hasn't installed yet, by the index and the term at which they end: another may
    /// come before it has.
    incoming: BTreeMap<(Index, Term), (Meta, Bytes)>,
    /// What openraft has applied in this incarnation, or the snapshot has.
    applied: Base,
    /// The members as of there.
    membership: StoredMembership,
}

/// What is on the disk, beside the snapshot.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Saved {
    vote: Option<Vote>,
    log: Log,
    /// What goes with the snapshot; `None` if there is none.
    meta: Option<Meta>,
}

impl Store {
    /// What is on `disk`. What is applied goes to `applies`.
    pub(crate) fn new(disk: Disk, applies: Applies) -> Store {
        let (saved, snapshot) = disk.read::<Saved>().unwrap_or_default();
        let meta = saved.meta.as_ref();
        let applied = meta.map(|meta| meta.base).unwrap_or_default();
        let membership = meta.map_or_else(StoredMembership::default, Meta::membership);
        let state =
            Mutex::new(State { saved, snapshot, incoming: BTreeMap::new(), applied, membership });
        Store { disk, state, applies }
    }

    /// The server's disk.
    pub(crate) fn disk(&self) -> &Disk {
        &self.disk
    }

    /// From now on nothing is saved or applied.
    pub(crate) fn kill(&self) {
        self.disk.pull();
        self.applies.end();
    }

    /// How many commands the log has, with those in the snapshot.
    pub(crate) fn commands(&self) -> Index {
        self.state().saved.log.commands()
    }

    /// The term that was saved last.
    pub(crate) fn term(&self) -> Term {
        let vote = self.state().saved.vote;
        vote.map_or(0, |vote| version::Vote::from(vote).leader_id.term)
    }

    /// Keeps the service's snapshot, which ends at `command`. Returns whether it is newer than the one before.
    pub(crate) fn keep_snapshot(&self, command: Index, snapshot: Bytes) -> bool {
        let mut state = self.state();
        let log = &state.saved.log;
        let newest = state.saved.meta.as_ref().map_or(0, |meta| meta.base.commands);
        let base = log.index_of(command).and_then(|index| log.base_at(index));
        let Some(base) = base.filter(|base| base.commands > newest) else { return false };
        // Nobody changes the members, so they are those of whatever was applied.
        state.saved.meta = Some(Meta::at(base, &state.membership));
        state.snapshot = snapshot;
        // Its disk may be gone; openraft hears of that at its next write.
        let _ = self.save(&state);
        true
    }

    /// Another server's snapshot has come, which openraft may install.
    pub(crate) fn expect_snapshot(&self, meta: Meta, snapshot: Bytes) {
        let Base { index, term, .. } = meta.base;
        self.state().incoming.insert((index, term), (meta, snapshot));
    }

    /// How many of the entries up to `index` are commands, as far as the log knows.
    pub(crate) fn commands_up_to(&self, index: u64) -> Index {
        let state = self.state();
        let base = state.saved.log.base_at(index);
        base.map_or(state.saved.log.commands(), |base| base.commands)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("a panic has ended the run")
    }

    fn save(&self, state: &State) -> io::Result<()> {
        match self.disk.save(&state.saved, state.snapshot.clone()) {
            true => Ok(()),
            false => Err(io::Error::other("this server was killed")),
        }
    }
}

/// openraft's handle: what `traits.rs` needs. All indexes are openraft's, from 0.
#[derive(Clone, Debug)]
pub(crate) struct Handle(pub(crate) Arc<Store>);

impl Handle {
    /// The entries in a range of indexes.
    pub(crate) fn entries(&self, range: impl RangeBounds<u64>) -> Vec<Entry> {
        let first = match range.start_bound() {
            Bound::Included(&first) => first,
            Bound::Excluded(&before) => before + 1,
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(&last) => last + 1,
            Bound::Excluded(&end) => end,
            Bound::Unbounded => u64::MAX - 1,
        };
        let state = self.0.state();
        let entries = state.saved.log.range(first + 1, end + 1);
        entries.map(|(index, entry)| rpc::openrafts(index, entry)).collect()
    }

    /// Behind which entry the log begins, and its last entry.
    pub(crate) fn log_ends(&self) -> (Option<LogId>, Option<LogId>) {
        let state = self.0.state();
        let log = &state.saved.log;
        let base = log.base();
        (log_id(base.term, base.index), log_id(log.last_term(), log.last_index()))
    }

    pub(crate) fn keep_vote(&self, vote: &version::Vote) -> io::Result<()> {
        let mut state = self.0.state();
        state.saved.vote = Some((*vote).into());
        self.0.save(&state)
    }

    pub(crate) fn vote(&self) -> Option<version::Vote> {
        self.0.state().saved.vote.map(version::Vote::from)
    }

    /// Appends entries.
    pub(crate) fn push(&self, entries: impl IntoIterator<Item = Entry>) -> io::Result<()> {
        let mut state = self.0.state();
        for entry in entries {
            assert_eq!(entry.log_id.index, state.saved.log.last_index(), "a gap in the log");
            state.saved.log.push(rpc::entry(entry));
        }
        self.0.save(&state)
    }

    /// Keeps the log's first so many entries.
    pub(crate) fn keep_entries(&self, entries: u64) -> io::Result<()> {
        let mut state = self.0.state();
        state.saved.log.truncate(entries + 1);
        self.0.save(&state)
    }

    /// Removes the entries up to one.
    pub(crate) fn compact(&self, log_id: LogId) -> io::Result<()> {
        let mut state = self.0.state();
        let (index, term) = index_and_term(Some(log_id));
        let is_it = |base: &Base| (base.index, base.term) == (index, term);
        // openraft drops what another server's snapshot covers before it installs that. A crash between the two would
        // leave neither, so the snapshot is kept here.
        if let Some((meta, snapshot)) = state.incoming.remove(&(index, term)) {
            state.saved.meta = Some(meta);
            state.snapshot = snapshot;
        }
        state.incoming.retain(|&(incoming, _), _| incoming > index);
        let of_snapshot = state.saved.meta.as_ref().map(|meta| meta.base).filter(is_it);
        let of_log = || state.saved.log.base_at(index).filter(is_it);
        let base = of_snapshot.or_else(of_log).expect("only a snapshot replaces entries");
        state.saved.log.compact(base);
        self.0.save(&state)
    }

    /// The newest snapshot.
    pub(crate) fn snapshot(&self) -> Option<Snapshot> {
        let state = self.0.state();
        Some(state.saved.meta.as_ref()?.snapshot(state.snapshot.clone()))
    }

    /// The last entry that was applied, and the members as of there.
    pub(crate) fn applied(&self) -> (Option<LogId>, StoredMembership) {
        let state = self.0.state();
        let Base { index, term, .. } = state.applied;
        (log_id(term, index), state.membership.clone())
    }

    /// Applies the entry behind the last one that was applied.
    pub(crate) fn apply_one(&self, entry: Entry) {
        let mut state = self.0.state();
        (state.applied.index, state.applied.term) = index_and_term(Some(entry.log_id));
        match entry.payload {
            EntryPayload::Blank => {}
            EntryPayload::Normal(command) => {
                // Another server's snapshot may have taken the entry's place in the log by now.
                state.applied.commands += 1;
                self.0.applies.command(state.applied.commands, command.0);
            }
            EntryPayload::Membership(membership) => {
                state.membership = StoredMembership::new(Some(entry.log_id), membership);
            }
        }
    }

    /// Another server's snapshot takes the place of all that was applied.
    pub(crate) fn install(&self, meta: &SnapshotMeta, data: Data) -> io::Result<()> {
        let mut state = self.0.state();
        let meta = Meta::new(meta, data.commands);
        let Base { term, commands, .. } = meta.base;
        state.applied = meta.base;
        state.membership = meta.membership();
        state.saved.meta = Some(meta);
        state.snapshot = data.bytes;
        self.0.applies.snapshot(commands, term, state.snapshot.clone());
        self.0.save(&state)
    }
}
