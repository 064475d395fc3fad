//! The log (§5.3), and its beginning that a snapshot has replaced (§7).

use bytes::Bytes;
use raftapi::{Command, Index, Term};
use serde::{Deserialize, Serialize};

/// One entry; its index is its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The term in which a leader took it.
    pub term: Term,
    /// What is to be applied.
    pub command: Command,
}

/// The entries that are kept, and where they begin.
///
/// The log is saved often and whole, but most of it is the same each time. So each entry is encoded
/// once, when it is appended, and the encoded entries stand ready to be saved as they are.
#[derive(Debug, Default)]
pub(crate) struct Log {
    /// The last entry that is in the snapshot; index 0 and term 0 without a snapshot.
    base_index: Index,
    base_term: Term,
    /// The entries after it.
    entries: Vec<Entry>,
    /// The entries, encoded one behind the other.
    encoded: Vec<u8>,
    /// Where each encoded entry ends.
    ends: Vec<usize>,
}

impl Log {
    /// A log that begins behind a snapshot.
    pub(crate) fn new(base_index: Index, base_term: Term) -> Log {
        Log { base_index, base_term, ..Log::default() }
    }

    pub(crate) fn base_index(&self) -> Index {
        self.base_index
    }

    pub(crate) fn base_term(&self) -> Term {
        self.base_term
    }

    pub(crate) fn last_index(&self) -> Index {
        self.base_index + self.entries.len() as u64
    }

    pub(crate) fn last_term(&self) -> Term {
        self.entries.last().map_or(self.base_term, |entry| entry.term)
    }

    /// The encoded entries, one behind the other.
    pub(crate) fn encoded(&self) -> &[u8] {
        &self.encoded
    }

    /// The term of the entry at `index`; `None` if the log doesn't reach so far, in either direction.
    pub(crate) fn term_at(&self, index: Index) -> Option<Term> {
        match index.checked_sub(self.base_index)? {
            0 => Some(self.base_term),
            n => self.entries.get(n as usize - 1).map(|entry| entry.term),
        }
    }

    /// Up to `most` entries from `first` on, which must be behind the snapshot.
    pub(crate) fn entries_from(&self, first: Index, most: usize) -> &[Entry] {
        let begin = self.place(first).min(self.entries.len());
        let end = (begin + most).min(self.entries.len());
        &self.entries[begin..end]
    }

    /// The first index that is kept and has the term of the entry at `index`.
    pub(crate) fn first_index_of_term_at(&self, index: Index) -> Index {
        let term = self.entries[self.place(index)].term;
        let before = self.entries[..self.place(index)].iter().rev();
        index - before.take_while(|entry| entry.term == term).count() as u64
    }

    /// The last index of an entry of `term`; `None` if none is kept.
    pub(crate) fn last_index_of_term(&self, term: Term) -> Option<Index> {
        // Terms never decrease along a log, so it can be halved again and again.
        let behind = self.entries.partition_point(|entry| entry.term <= term);
        let found = self.entries[..behind].last().is_some_and(|entry| entry.term == term);
        found.then(|| self.base_index + behind as u64)
    }

    pub(crate) fn append(&mut self, entry: Entry) {
        assert!(entry.term >= self.last_term(), "terms never decrease along a log (§5.3)");
        self.encoded.extend_from_slice(&labgob::encode(&entry));
        self.ends.push(self.encoded.len());
        self.entries.push(entry);
    }

    /// Deletes the entry at `index` and all that follow it.
    pub(crate) fn truncate(&mut self, index: Index) {
        let keep = self.place(index);
        self.entries.truncate(keep);
        self.ends.truncate(keep);
        self.encoded.truncate(self.ends.last().copied().unwrap_or(0));
    }

    /// Deletes the entries up to `index`, which a snapshot has replaced (§7).
    pub(crate) fn compact(&mut self, index: Index) {
        let gone = self.place(index) + 1;
        self.base_term = self.entries[gone - 1].term;
        self.base_index = index;
        self.entries.drain(..gone);
        let cut = self.ends[gone - 1];
        self.encoded.drain(..cut);
        self.ends.drain(..gone);
        for end in &mut self.ends {
            *end -= cut;
        }
    }

    /// The commands from `first` up to and including `last`.
    pub(crate) fn commands(&self, first: Index, last: Index) -> Vec<Bytes> {
        let entries = &self.entries[self.place(first)..=self.place(last)];
        entries.iter().map(|entry| entry.command.clone()).collect()
    }

    fn place(&self, index: Index) -> usize {
        assert!(index > self.base_index, "the entry at {index} is in the snapshot");
        (index - self.base_index - 1) as usize
    }
}
