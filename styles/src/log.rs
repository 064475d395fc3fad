//! The log (§5.3), and its beginning that a snapshot has replaced (§7).

use raftapi::{Index, Term};
use serde::{Deserialize, Serialize};

use crate::message::Entry;

/// The entries that are kept, and the last one that is in the snapshot: index 0 and term 0 if there is no
/// snapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Log {
    base_index: Index,
    base_term: Term,
    entries: Vec<Entry>,
}

impl Log {
    /// A log that begins behind a snapshot.
    pub(crate) fn behind(base_index: Index, base_term: Term) -> Log {
        Log { base_index, base_term, entries: Vec::new() }
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

    /// The term at `index`; `None` if the log doesn't reach so far, in either direction.
    pub(crate) fn term_at(&self, index: Index) -> Option<Term> {
        match index.checked_sub(self.base_index)? {
            0 => Some(self.base_term),
            n => self.entries.get(n as usize - 1).map(|entry| entry.term),
        }
    }

    /// The entries from `first` on that are kept, at most `most`.
    pub(crate) fn from(&self, first: Index, most: usize) -> &[Entry] {
        let begin = (first.saturating_sub(self.base_index + 1) as usize).min(self.entries.len());
        &self.entries[begin..self.entries.len().min(begin.saturating_add(most))]
    }

    /// The first index that is kept and has the same term as the one at `index`.
    pub(crate) fn first_of_term_at(&self, index: Index) -> Index {
        let term = self.term_at(index);
        let same = |&i: &Index| self.term_at(i) == term;
        (self.base_index + 1..=index).rev().take_while(same).last().unwrap_or(index)
    }

    /// The same without the entries behind `last`.
    pub(crate) fn up_to(&self, last: Index) -> Log {
        let mut log = self.clone();
        log.entries.truncate(last.saturating_sub(self.base_index) as usize);
        log
    }

    pub(crate) fn push(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    /// Deletes the entry at `index` and all that follow it.
    pub(crate) fn cut_from(&mut self, index: Index) {
        self.entries.truncate((index - self.base_index - 1) as usize);
    }

    /// Deletes the entries up to and including `index`, which are in a snapshot now (§7).
    pub(crate) fn forget_up_to(&mut self, index: Index) {
        let Some(term) = self.term_at(index) else { return };
        self.entries.drain(..(index - self.base_index) as usize);
        (self.base_index, self.base_term) = (index, term);
    }

    /// Whether a log that ends with these is at least as up to date as this one (§5.4.1).
    pub(crate) fn is_matched_by(&self, last_log_index: Index, last_log_term: Term) -> bool {
        (last_log_term, last_log_index) >= (self.last_term(), self.last_index())
    }
}
