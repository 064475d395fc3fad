//! The log, counted in two ways.

use std::collections::VecDeque;

use bytes::Bytes;
use raftapi::{Command, Index, Term};
use serde::{Deserialize, Serialize};

/// An entry of a foreign Raft's log, on the disk and on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The term in which a leader appended it.
    pub term: Term,
    /// What it is for.
    pub content: Content,
}

/// What an entry is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Content {
    /// A client's command.
    Command(Command),
    /// Nothing: a new leader appends it, so that it can commit what came before (§8).
    Blank,
    /// Who is a member of the cluster, in the foreign Raft's own form (§6).
    Membership(Bytes),
}

/// Where a log begins: behind this entry, which with all before it is in a snapshot, or which never was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    /// Its index among all entries; 0 if nothing is in a snapshot.
    pub index: u64,
    /// Its term; 0 if nothing is in a snapshot.
    pub term: Term,
    /// How many commands there are up to it: the last one's index, as the lab counts.
    pub commands: Index,
}

/// A log whose entries have an index each, from 1, and whose commands have another one, also from 1.
///
/// `index` always means the first, `command` the second.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Log {
    base: Base,
    /// The entries behind the base, each with the number of commands up to it.
    entries: VecDeque<(Entry, Index)>,
}

impl Log {
    /// Where it begins.
    #[must_use]
    pub fn base(&self) -> Base {
        self.base
    }

    /// The last entry's index; the base's if there is none.
    #[must_use]
    pub fn last_index(&self) -> u64 {
        self.base.index + self.entries.len() as u64
    }

    /// The last entry's term; the base's if there is none.
    #[must_use]
    pub fn last_term(&self) -> Term {
        self.entries.back().map_or(self.base.term, |(entry, _)| entry.term)
    }

    /// How many commands there are, with those in the snapshot.
    #[must_use]
    pub fn commands(&self) -> Index {
        self.entries.back().map_or(self.base.commands, |&(_, commands)| commands)
    }

    /// Appends an entry.
    pub fn push(&mut self, entry: Entry) {
        let is_command = matches!(entry.content, Content::Command(_));
        let commands = self.commands() + Index::from(is_command);
        self.entries.push_back((entry, commands));
    }

    /// Removes the entries from `index` on.
    pub fn truncate(&mut self, index: u64) {
        let kept = index.saturating_sub(self.base.index + 1);
        self.entries.truncate(usize::try_from(kept).unwrap_or(usize::MAX));
    }

    /// Removes the entries up to `base`; all of them, if the log has another entry there or none.
    pub fn compact(&mut self, base: Base) {
        if base.index <= self.base.index {
            return;
        }
        if self.base_at(base.index) == Some(base) {
            self.entries.drain(..(base.index - self.base.index) as usize);
        } else {
            self.entries.clear();
        }
        self.base = base;
    }

    /// The entry at `index`; `None` if there is none, or if it is in the snapshot.
    #[must_use]
    pub fn entry(&self, index: u64) -> Option<&Entry> {
        self.at(index).map(|(entry, _)| entry)
    }

    /// The entries from `from` on that come before `to`, each with its index. Those in the snapshot are left out.
    pub fn range(&self, from: u64, to: u64) -> impl Iterator<Item = (u64, &Entry)> {
        let first = self.base.index + 1;
        let skipped = from.saturating_sub(first);
        let kept = to.saturating_sub(first);
        let entries = (first..).zip(&self.entries).take(kept as usize).skip(skipped as usize);
        entries.map(|(index, (entry, _))| (index, entry))
    }

    /// What the log would begin behind if the entry at `index` were its snapshot's last; `None` if it isn't known.
    #[must_use]
    pub fn base_at(&self, index: u64) -> Option<Base> {
        if index == self.base.index {
            return Some(self.base);
        }
        self.at(index).map(|(entry, commands)| Base {
            index,
            term: entry.term,
            commands: *commands,
        })
    }

    /// The index of a command; `None` if it isn't in the log, or is in the snapshot.
    #[must_use]
    pub fn index_of(&self, command: Index) -> Option<u64> {
        if command <= self.base.commands || command > self.commands() {
            return None;
        }
        let before = self.entries.partition_point(|&(_, commands)| commands < command);
        Some(self.base.index + 1 + before as u64)
    }

    fn at(&self, index: u64) -> Option<&(Entry, Index)> {
        let offset = index.checked_sub(self.base.index + 1)?;
        self.entries.get(usize::try_from(offset).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(term: Term, name: &'static str) -> Entry {
        Entry { term, content: Content::Command(Bytes::from_static(name.as_bytes())) }
    }

    fn blank(term: Term) -> Entry {
        Entry { term, content: Content::Blank }
    }

    /// A membership, a blank entry, two commands, another leader's blank entry and its command.
    fn log() -> Log {
        let mut log = Log::default();
        log.push(Entry { term: 0, content: Content::Membership(Bytes::new()) });
        log.push(blank(1));
        log.push(command(1, "a"));
        log.push(command(1, "b"));
        log.push(blank(2));
        log.push(command(2, "c"));
        log
    }

    #[test]
    fn only_commands_are_counted_as_commands() {
        let log = log();
        assert_eq!((log.last_index(), log.last_term(), log.commands()), (6, 2, 3));
        let found: Vec<_> = (0..=4).map(|command| log.index_of(command)).collect();
        assert_eq!(found, [None, Some(3), Some(4), Some(6), None]);
        assert_eq!(log.base_at(5), Some(Base { index: 5, term: 2, commands: 2 }));
        assert_eq!(log.base_at(7), None);
    }

    #[test]
    fn what_is_behind_a_snapshot_keeps_its_numbers() {
        let mut log = log();
        log.compact(log.base_at(4).expect("it is there"));
        assert_eq!((log.last_index(), log.commands()), (6, 3));
        assert_eq!(log.entry(4), None);
        assert_eq!(log.entry(6), Some(&command(2, "c")));
        assert_eq!((log.index_of(2), log.index_of(3)), (None, Some(6)));
        assert_eq!(log.range(0, 6).map(|(index, _)| index).collect::<Vec<_>>(), [5]);
        // An older snapshot changes nothing.
        log.compact(Base { index: 3, term: 1, commands: 1 });
        assert_eq!(log.base().index, 4);
    }

    #[test]
    fn anothers_snapshot_replaces_a_log_that_differs() {
        for base in
            [Base { index: 6, term: 3, commands: 4 }, Base { index: 9, term: 3, commands: 5 }]
        {
            let mut log = log();
            log.compact(base);
            let now = (log.last_index(), log.last_term(), log.commands());
            assert_eq!(now, (base.index, base.term, base.commands));
        }
    }

    #[test]
    fn a_conflict_is_cut_off() {
        let mut log = log();
        log.truncate(4);
        assert_eq!((log.last_index(), log.commands()), (3, 1));
        log.truncate(9);
        assert_eq!(log.last_index(), 3);
        log.truncate(0);
        assert_eq!((log.last_index(), log.last_term(), log.commands()), (0, 0, 0));
    }
}
