//! The log: its entries by index, behind a snapshot that stands for the first of them (§5.3, §7).
//!
//! Everything is asked for by the index that the paper gives it. Where an entry lies in the vector
//! is known here and nowhere else.

use bytes::Bytes;
use raftapi::{Command, Index, Term};
use serde::{Deserialize, Serialize};

use super::rpc::Conflict;

/// How many entries are encoded together.
const CHUNK: usize = 64;

/// A command, and the term in which a leader took it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) term: Term,
    pub(super) command: Command,
}

/// A server's log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Log {
    /// The last index that the snapshot covers; 0 without a snapshot.
    snapshot_index: Index,
    /// That entry's term.
    snapshot_term: Term,
    /// The entries from `snapshot_index + 1` on.
    entries: Vec<Entry>,
    /// The first of them as they were saved last, a chunk each: what stays isn't encoded again.
    chunks: Vec<Bytes>,
}

/// A log in the form in which it is saved.
#[derive(Serialize, Deserialize)]
pub(super) struct SavedLog {
    snapshot_index: Index,
    snapshot_term: Term,
    /// Each has a number of entries, encoded as a `Vec<Entry>`.
    chunks: Vec<Bytes>,
}

impl SavedLog {
    /// The same, if its snapshot's term is lost.
    pub(super) fn without_term(self) -> SavedLog {
        SavedLog { snapshot_term: 0, ..self }
    }
}

/// Whether a log is other than it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a log that has changed must be saved"]
pub(super) enum Changed {
    No,
    Yes,
}

impl Log {
    pub(super) fn snapshot_index(&self) -> Index {
        self.snapshot_index
    }

    pub(super) fn snapshot_term(&self) -> Term {
        self.snapshot_term
    }

    pub(super) fn last_index(&self) -> Index {
        self.snapshot_index + self.entries.len() as Index
    }

    pub(super) fn last_term(&self) -> Term {
        self.entries.last().map_or(self.snapshot_term, |entry| entry.term)
    }

    /// The entry at `index`; `None` if the log ends before, or the snapshot covers it.
    pub(super) fn get(&self, index: Index) -> Option<&Entry> {
        let behind = index.checked_sub(self.snapshot_index + 1)?;
        self.entries.get(usize::try_from(behind).ok()?)
    }

    /// The entry that is at `index` if there is no snapshot.
    ///
    /// # Panics
    /// If there aren't so many.
    pub(super) fn nth(&self, index: Index) -> &Entry {
        &self.entries[usize::try_from(index - 1).expect("a log fits into memory")]
    }

    /// The term of the entry at `index`, which may be the snapshot's last; `None` if the log ends
    /// before, or the snapshot covers later ones.
    pub(super) fn term(&self, index: Index) -> Option<Term> {
        if index == self.snapshot_index {
            return Some(self.snapshot_term);
        }
        self.get(index).map(|entry| entry.term)
    }

    /// All entries from `first` on, which the snapshot doesn't cover; none if the log ends before.
    pub(super) fn since(&self, first: Index) -> Vec<Entry> {
        self.entries.get(self.position(first)..).unwrap_or_default().to_vec()
    }

    /// Adds an entry at the end.
    pub(super) fn push(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    /// Adds entries at the end, whatever is there.
    pub(super) fn append(&mut self, entries: impl Iterator<Item = Entry>) -> Changed {
        let before = self.entries.len();
        self.entries.extend(entries);
        if self.entries.len() > before { Changed::Yes } else { Changed::No }
    }

    /// Whether this log has the entry of term `prev_log_term` at `prev_log_index`, and so all that a
    /// leader of that log has before it (§5.3, Log Matching).
    pub(super) fn matches(&self, prev_log_index: Index, prev_log_term: Term) -> bool {
        // What a snapshot covers is committed, and then every later leader has it, too (§5.4).
        prev_log_index < self.snapshot_index || self.term(prev_log_index) == Some(prev_log_term)
    }

    /// Takes over a leader's entries, which follow `prev_log_index`, where the logs match.
    pub(super) fn merge(&mut self, prev_log_index: Index, entries: Vec<Entry>) -> Changed {
        let mut changed = Changed::No;
        for (index, entry) in (prev_log_index + 1..).zip(entries) {
            if index <= self.snapshot_index || self.term(index) == Some(entry.term) {
                continue;
            }
            // AppendEntries 3: "If an existing entry conflicts with a new one (same index but
            // different terms), delete the existing entry and all that follow it" (§5.3).
            self.end_with(index - 1);
            // AppendEntries 4: "Append any new entries not already in the log" (§5.3).
            self.entries.push(entry);
            changed = Changed::Yes;
        }
        changed
    }

    /// Takes over a leader's entries as [`merge`](Log::merge) does, but deletes nothing that follows
    /// those that it replaces.
    pub(super) fn overwrite(&mut self, prev_log_index: Index, entries: Vec<Entry>) -> Changed {
        let mut changed = Changed::No;
        for (index, entry) in (prev_log_index + 1..).zip(entries) {
            if index <= self.snapshot_index || self.term(index) == Some(entry.term) {
                continue;
            }
            let position = self.position(index);
            self.chunks.truncate(position / CHUNK);
            match self.entries.get_mut(position) {
                Some(old) => *old = entry,
                None => self.entries.push(entry),
            }
            changed = Changed::Yes;
        }
        changed
    }

    /// Deletes what follows `last_index`.
    pub(super) fn end_with(&mut self, last_index: Index) {
        let position = self.position(last_index + 1);
        self.entries.truncate(position);
        self.chunks.truncate(position / CHUNK);
    }

    /// What a leader should know whose entry at `prev_log_index` isn't in this log (§5.3).
    pub(super) fn conflict(&self, prev_log_index: Index) -> Conflict {
        let x_term = self.term(prev_log_index);
        let x_index = x_term.map_or(0, |x_term| {
            let mut first = prev_log_index;
            // Whatever the snapshot covers agrees with every leader's.
            while first > self.snapshot_index + 1 && self.term(first - 1) == Some(x_term) {
                first -= 1;
            }
            first
        });
        Conflict { x_term, x_index, x_len: self.last_index() }
    }

    /// The last entry of `term` before the index `before`, if there is one.
    pub(super) fn last_of_term(&self, term: Term, before: Index) -> Option<Index> {
        let earlier = (self.snapshot_index..before).rev();
        // Terms never go down within a log.
        let mut not_later = earlier.skip_while(|&index| self.term(index) > Some(term));
        not_later.next().filter(|&index| self.term(index) == Some(term))
    }

    /// The first entry of `term` behind the snapshot, if there is one.
    pub(super) fn first_of_term(&self, term: Term) -> Option<Index> {
        (self.snapshot_index + 1..=self.last_index()).find(|&index| self.term(index) == Some(term))
    }

    /// Lets a snapshot stand for everything up to its last entry.
    pub(super) fn begin_behind(&mut self, snapshot_index: Index, snapshot_term: Term) {
        if self.term(snapshot_index) == Some(snapshot_term) {
            // InstallSnapshot 6: "If existing log entry has same index and term as snapshot's last
            // included entry, retain log entries following it" (§7).
            self.keep_behind(snapshot_index, snapshot_term);
        } else {
            // InstallSnapshot 7: "Discard the entire log" (§7).
            self.entries.clear();
            self.keep_behind(snapshot_index, snapshot_term);
        }
    }

    /// Lets a snapshot stand for everything up to its last entry, and keeps what follows that.
    pub(super) fn keep_behind(&mut self, snapshot_index: Index, snapshot_term: Term) {
        let covered = self.position(snapshot_index + 1).min(self.entries.len());
        self.entries.drain(..covered);
        self.chunks.clear();
        self.snapshot_index = snapshot_index;
        self.snapshot_term = snapshot_term;
    }

    /// Does the same, and keeps the snapshot's last entry, which all others follow.
    pub(super) fn keep_with(&mut self, snapshot_index: Index, snapshot_term: Term) {
        self.keep_behind(snapshot_index - 1, snapshot_term);
        self.snapshot_index = snapshot_index;
    }

    /// What is left of the log if its entries are lost.
    pub(super) fn without_entries(&self) -> Log {
        let Log { snapshot_index, snapshot_term, .. } = *self;
        Log { snapshot_index, snapshot_term, entries: Vec::new(), chunks: Vec::new() }
    }

    /// Counts its entries from 1 on, as if there were no snapshot.
    pub(super) fn begin_at_one(&mut self) {
        (self.snapshot_index, self.snapshot_term) = (0, 0);
    }

    /// The log as it is to be saved.
    pub(super) fn save(&mut self) -> SavedLog {
        let mut unsaved = self.entries[self.chunks.len() * CHUNK..].chunks_exact(CHUNK);
        for chunk in unsaved.by_ref() {
            self.chunks.push(labgob::encode(&chunk.to_vec()));
        }
        let mut chunks = self.chunks.clone();
        chunks.push(labgob::encode(&unsaved.remainder().to_vec()));
        SavedLog { snapshot_index: self.snapshot_index, snapshot_term: self.snapshot_term, chunks }
    }

    /// The log that was saved.
    pub(super) fn restore(saved: SavedLog) -> Result<Log, labgob::Error> {
        let mut entries = Vec::new();
        for chunk in &saved.chunks {
            entries.extend(labgob::decode::<Vec<Entry>>(chunk)?);
        }
        let SavedLog { snapshot_index, snapshot_term, .. } = saved;
        Ok(Log { snapshot_index, snapshot_term, entries, chunks: Vec::new() })
    }

    /// Where the entry at `index` lies in the vector, or would lie; 0 if the snapshot covers it.
    fn position(&self, index: Index) -> usize {
        let behind = index.saturating_sub(self.snapshot_index + 1);
        usize::try_from(behind).expect("a log fits into memory")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(term: Term) -> Entry {
        Entry { term, command: Command::new() }
    }

    /// A log with entries of these terms behind a snapshot that ends with this index and term.
    fn log(snapshot_index: Index, snapshot_term: Term, terms: &[Term]) -> Log {
        let entries = terms.iter().copied().map(entry).collect();
        Log { snapshot_index, snapshot_term, entries, chunks: Vec::new() }
    }

    fn merge(log: &mut Log, prev_log_index: Index, terms: &[Term]) -> Changed {
        log.merge(prev_log_index, terms.iter().copied().map(entry).collect())
    }

    #[test]
    fn an_index_means_the_same_with_a_snapshot_as_without() {
        let whole = log(0, 0, &[1, 1, 2, 4]);
        let mut behind = whole.clone();
        behind.begin_behind(2, 1);
        assert_eq!(behind, log(2, 1, &[2, 4]));
        for index in 2..=6 {
            assert_eq!(behind.term(index), whole.term(index), "index {index}");
        }
        assert_eq!(behind.term(1), None);
        assert_eq!(behind.get(2), None);
        assert_eq!(behind.since(4), whole.since(4));
        assert_eq!(behind.since(5), []);
        assert_eq!(behind.since(9), []);
        assert_eq!((behind.last_index(), behind.last_term()), (4, 4));
    }

    #[test]
    fn a_log_that_is_all_snapshot_ends_with_it() {
        let log = log(7, 3, &[]);
        assert_eq!((log.last_index(), log.last_term()), (7, 3));
        assert_eq!(log.term(7), Some(3));
        assert_eq!(log.since(8), []);
        assert_eq!(Log::default().term(0), Some(0));
    }

    #[test]
    fn entries_that_are_there_already_change_nothing() {
        let mut follower = log(0, 0, &[1, 1, 2, 2]);
        assert_eq!(merge(&mut follower, 1, &[1, 2]), Changed::No);
        assert_eq!(merge(&mut follower, 4, &[]), Changed::No);
        assert_eq!(follower, log(0, 0, &[1, 1, 2, 2]));
    }

    #[test]
    fn a_conflict_replaces_all_that_follows_it() {
        let mut follower = log(0, 0, &[1, 1, 2, 2]);
        assert_eq!(merge(&mut follower, 1, &[1, 3]), Changed::Yes);
        assert_eq!(follower, log(0, 0, &[1, 1, 3]));
    }

    #[test]
    fn entries_that_a_snapshot_covers_are_passed_over() {
        let mut follower = log(3, 2, &[2]);
        assert!(follower.matches(1, 1));
        assert_eq!(merge(&mut follower, 1, &[1, 2]), Changed::No);
        assert_eq!(merge(&mut follower, 1, &[1, 2, 2, 4]), Changed::Yes);
        assert_eq!(follower, log(3, 2, &[2, 4]));
    }

    #[test]
    fn a_follower_tells_where_its_term_begins() {
        let conflict = |x_term, x_index, x_len| Conflict { x_term, x_index, x_len };
        assert_eq!(log(0, 0, &[1, 4, 4, 4]).conflict(3), conflict(Some(4), 2, 4));
        assert_eq!(log(0, 0, &[4, 4]).conflict(2), conflict(Some(4), 1, 2));
        assert_eq!(log(0, 0, &[4, 4]).conflict(5), conflict(None, 0, 2));
        // What the snapshot covers is no part of the conflict.
        assert_eq!(log(2, 4, &[4, 4]).conflict(4), conflict(Some(4), 3, 4));
    }

    #[test]
    fn a_leader_finds_its_last_entry_of_a_term() {
        let leader = log(2, 1, &[3, 3, 5, 5]);
        assert_eq!(leader.last_of_term(3, 6), Some(4));
        assert_eq!(leader.last_of_term(3, 4), Some(3));
        assert_eq!(leader.last_of_term(1, 6), Some(2));
        assert_eq!(leader.last_of_term(4, 6), None);
        assert_eq!(leader.last_of_term(6, 6), None);
    }

    #[test]
    fn a_snapshot_keeps_what_follows_it_if_the_logs_agree_there() {
        let mut same = log(0, 0, &[1, 2, 2]);
        same.begin_behind(2, 2);
        assert_eq!(same, log(2, 2, &[2]));

        let mut other = log(0, 0, &[1, 1, 1]);
        other.begin_behind(2, 2);
        assert_eq!(other, log(2, 2, &[]));

        let mut short = log(0, 0, &[1]);
        short.begin_behind(5, 2);
        assert_eq!(short, log(5, 2, &[]));
    }

    #[test]
    fn what_is_saved_is_the_log_as_it_is_now() {
        fn check(log: &mut Log) {
            let restored = Log::restore(log.save()).unwrap();
            assert_eq!(restored.snapshot_index(), log.snapshot_index());
            assert_eq!(restored.snapshot_term(), log.snapshot_term());
            assert_eq!(restored.entries, log.entries);
        }

        let mut log = Log::default();
        check(&mut log);
        for _ in 0..3 * CHUNK {
            log.push(entry(1));
            check(&mut log);
        }
        // In the last chunk, before it, and at its edge.
        for (prev_log_index, term) in [(3 * CHUNK - 1, 2), (CHUNK + 9, 3), (CHUNK, 4)] {
            let changed = merge(&mut log, prev_log_index as Index, &vec![term; CHUNK]);
            assert_eq!(changed, Changed::Yes);
            check(&mut log);
        }
        log.begin_behind(CHUNK as Index / 2, 1);
        check(&mut log);
        log.begin_behind(1000, 9);
        check(&mut log);
    }
}
