//! The log (§5.3), and its beginning that a snapshot has replaced (§7).

use bytes::Bytes;
use raftapi::{Command, Index, Term};
use serde::{Deserialize, Serialize};

use crate::encoded::Encoded;

/// One entry. The log knows its index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The term in which a leader took it.
    pub term: Term,
    /// What the service applies.
    pub command: Command,
}

/// The entries that are kept, and where they begin.
///
/// The log is saved often and whole, but most of it is the same each time. So each entry is encoded
/// once, when it is appended, and the encoded entries are saved as they are.
#[derive(Debug, Default)]
pub(crate) struct Log {
    /// The last entry that is in the snapshot; index 0 and term 0 without a snapshot.
    base_index: Index,
    base_term: Term,
    /// The entries after it.
    entries: Vec<Kept>,
    /// The same entries, encoded one behind the other.
    encoded: Encoded,
}

/// An entry, and its share of the encoded log.
#[derive(Debug)]
struct Kept {
    entry: Entry,
    /// In bytes.
    encoded_size: usize,
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
        self.entries.last().map_or(self.base_term, |kept| kept.entry.term)
    }

    /// The encoded entries, one behind the other.
    pub(crate) fn encoded(&self) -> &Encoded {
        &self.encoded
    }

    /// The term of the entry at `index`; `None` if the log doesn't reach so far, in either direction.
    pub(crate) fn term_at(&self, index: Index) -> Option<Term> {
        match index.checked_sub(self.base_index)? {
            0 => Some(self.base_term),
            n => self.entries.get(n as usize - 1).map(|kept| kept.entry.term),
        }
    }

    /// Up to `most` entries from `first` on, which must be behind the snapshot.
    pub(crate) fn entries_from(&self, first: Index, most: usize) -> Vec<Entry> {
        let from = self.entries.iter().skip(self.offset(first));
        from.take(most).map(|kept| kept.entry.clone()).collect()
    }

    /// The first index that is kept and has the term of the entry at `index`.
    pub(crate) fn first_index_of_term_at(&self, index: Index) -> Index {
        let (before, from) = self.entries.split_at(self.offset(index));
        let term = from[0].entry.term;
        index - before.iter().rev().take_while(|kept| kept.entry.term == term).count() as u64
    }

    /// The last index of an entry of `term`; `None` if none is kept.
    pub(crate) fn last_index_of_term(&self, term: Term) -> Option<Index> {
        // Terms never decrease along a log, so it can be halved again and again.
        let behind = self.entries.partition_point(|kept| kept.entry.term <= term);
        let found = self.entries[..behind].last().is_some_and(|kept| kept.entry.term == term);
        found.then(|| self.base_index + behind as u64)
    }

    pub(crate) fn append(&mut self, entry: Entry) {
        assert!(
            entry.term >= self.last_term(),
            "an entry of term {} would follow one of term {}: terms never decrease along a log (§5.3)",
            entry.term,
            self.last_term()
        );
        let encoded = labgob::encode(&entry);
        self.encoded.push(&encoded);
        self.entries.push(Kept { entry, encoded_size: encoded.len() });
    }

    /// Deletes the entry at `index` and all that follow it.
    pub(crate) fn truncate(&mut self, index: Index) {
        let gone = self.entries.drain(self.offset(index)..);
        let size: usize = gone.map(|kept| kept.encoded_size).sum();
        self.encoded.cut_back(size);
    }

    /// Deletes the entries up to `index`, which a snapshot has replaced (§7).
    pub(crate) fn compact(&mut self, index: Index) {
        let last = self.offset(index);
        self.base_term = self.entries[last].entry.term;
        self.base_index = index;
        let gone = self.entries.drain(..=last);
        let size: usize = gone.map(|kept| kept.encoded_size).sum();
        self.encoded.cut_front(size);
    }

    /// The commands from `first` up to and including `last`.
    pub(crate) fn commands(&self, first: Index, last: Index) -> Vec<Bytes> {
        let entries = &self.entries[self.offset(first)..=self.offset(last)];
        entries.iter().map(|kept| kept.entry.command.clone()).collect()
    }

    fn offset(&self, index: Index) -> usize {
        assert!(
            index > self.base_index,
            "the entry at {index} is in the snapshot, which ends at {}",
            self.base_index
        );
        assert!(
            index <= self.last_index() + 1,
            "the entry at {index} is asked for, and the log ends at {}",
            self.last_index()
        );
        (index - self.base_index - 1) as usize
    }
}
