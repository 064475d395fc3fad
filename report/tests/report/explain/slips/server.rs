//! A server of the abstract cluster: its state, and what Figures 2 and 13 say of its log.

use std::collections::BTreeSet;

use report::{Detail, Role};

/// An entry of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) term: u64,
    pub(super) command: String,
}

/// What survives a crash.
#[derive(Clone, Debug, Default)]
pub(super) struct Saved {
    pub(super) term: u64,
    pub(super) voted_for: Option<u32>,
    pub(super) log: Log,
}

/// A log behind a snapshot.
#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    /// Index and term of the last entry that the snapshot covers.
    pub(super) base: (u64, u64),
    pub(super) entries: Vec<Entry>,
}

/// A server.
#[derive(Clone, Debug)]
pub(super) struct Server {
    pub(super) saved: Saved,
    pub(super) is_alive: bool,
    pub(super) is_connected: bool,
    pub(super) life: u32,
    pub(super) role: Role,
    pub(super) votes: BTreeSet<u32>,
    pub(super) next: Vec<u64>,
    pub(super) matched: Vec<u64>,
    pub(super) commit: u64,
    pub(super) applied: u64,
    /// The end of a snapshot that it has taken and not handed on.
    pub(super) installed: Option<u64>,
    /// When it starts an election, in µs.
    pub(super) deadline: u64,
    /// Until when it tells something wrong of itself, and what: its term and whether it leads.
    pub(super) lie: Option<(u64, u64, bool)>,
    /// What it was seen to be last.
    pub(super) shown: Option<(u64, bool, u64)>,
    /// Whether it never starts an election again.
    pub(super) is_idle: bool,
    /// A follower to which it sends no more entries.
    pub(super) forgets: Option<u32>,
}

impl Log {
    pub(super) fn last_index(&self) -> u64 {
        self.base.0 + self.entries.len() as u64
    }

    pub(super) fn last_term(&self) -> u64 {
        self.entries.last().map_or(self.base.1, |entry| entry.term)
    }

    pub(super) fn last(&self) -> (u64, u64) {
        (self.last_term(), self.last_index())
    }

    /// The entry at an index, if the log has it.
    pub(super) fn at(&self, index: u64) -> Option<&Entry> {
        self.entries.get(usize::try_from(index.checked_sub(self.base.0 + 1)?).ok()?)
    }

    /// The term at an index; `None` beyond the log's end, and within the snapshot.
    pub(super) fn term(&self, index: u64) -> Option<u64> {
        match index == self.base.0 {
            true => Some(self.base.1),
            false => self.at(index).map(|entry| entry.term),
        }
    }

    /// The entries from an index on.
    pub(super) fn from(&self, index: u64) -> &[Entry] {
        let skipped = index.saturating_sub(self.base.0 + 1) as usize;
        self.entries.get(skipped..).unwrap_or_default()
    }

    /// Cuts it behind an index.
    pub(super) fn end_with(&mut self, index: u64) {
        self.entries.truncate(index.saturating_sub(self.base.0) as usize);
    }

    /// Drops what a snapshot covers; all of it if the log doesn't agree with the snapshot.
    pub(super) fn begin_behind(&mut self, (index, term): (u64, u64)) {
        self.entries = match self.term(index) == Some(term) {
            true => self.from(index + 1).to_vec(),
            false => Vec::new(),
        };
        self.base = (index, term);
    }
}

impl Server {
    pub(super) fn new(servers: usize) -> Server {
        Server {
            saved: Saved::default(),
            is_alive: true,
            is_connected: true,
            life: 1,
            role: Role::Follower,
            votes: BTreeSet::new(),
            next: vec![1; servers],
            matched: vec![0; servers],
            commit: 0,
            applied: 0,
            installed: None,
            deadline: 0,
            lie: None,
            shown: None,
            is_idle: false,
            forgets: None,
        }
    }

    /// What was volatile is gone.
    pub(super) fn restart(&mut self) {
        let (servers, saved) = (self.next.len(), std::mem::take(&mut self.saved));
        let base = saved.log.base.0;
        let life = self.life + 1;
        *self = Server { saved, life, commit: base, applied: base, ..Server::new(servers) };
    }

    pub(super) fn is_leader(&self) -> bool {
        self.role == Role::Leader
    }

    /// A higher term makes a follower of it.
    pub(super) fn adopt(&mut self, term: u64) {
        if term > self.saved.term {
            self.saved.term = term;
            self.saved.voted_for = None;
            self.role = Role::Follower;
        }
    }

    pub(super) fn detail(&self) -> Detail {
        Detail {
            role: self.role,
            voted_for: self.saved.voted_for.map(u64::from),
            last_index: self.saved.log.last_index(),
            last_term: self.saved.log.last_term(),
            commit_index: self.commit,
            last_applied: self.applied,
            snapshot_index: self.saved.log.base.0,
        }
    }
}
