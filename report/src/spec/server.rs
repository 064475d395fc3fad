//! What is known of one server: by what it has said and done, and by what has reached it.

use std::collections::{BTreeMap, BTreeSet};

use crate::event::{RpcId, Time};
use crate::story::{Call, HeldSnapshot, Moment};

/// What is known of a server. What isn't seen is left open, and held against nobody.
#[derive(Debug, Default)]
pub(crate) struct Server {
    /// In which life it is, from 1; 0 before the first.
    pub(crate) life: u32,
    pub(crate) is_alive: bool,
    /// When its present life began.
    pub(crate) began: Option<Moment>,
    /// The term that it has shown last, in this life or an earlier one.
    pub(crate) shown: Option<Shown>,
    /// For whom it has voted, by term.
    pub(crate) votes: BTreeMap<u64, Vote>,
    /// The terms in which it has asked for votes, in this life.
    pub(crate) stood: BTreeSet<u64>,
    /// The votes that have reached it, by term, in this life.
    pub(crate) grants: BTreeMap<u64, Vec<Grant>>,
    pub(crate) log: Log,
    /// How far it may know the log to be committed.
    pub(crate) commit: u64,
    /// How far it may know that if it accepts what has reached it.
    pub(crate) may_know: u64,
    /// The highest term whose leader's entries it has taken over, and up to where its log is that leader's.
    pub(crate) matches: (u64, u64),
    /// The highest commit index that a leader has told it.
    pub(crate) told: u64,
    /// What it has applied last in this life: when, and up to which index.
    pub(crate) applied: Option<(Moment, u64)>,
    /// The latest term that it has led in this life.
    pub(crate) led: Option<Led>,
    /// The requests of leaders that its handlers are at, in this life: what they have changed so far nobody
    /// knows.
    pub(crate) under_way: BTreeSet<RpcId>,
    /// The snapshot that it has, as far as is known.
    pub(crate) snapshot: Option<HeldSnapshot>,
}

/// A term that a server has shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown {
    pub(crate) term: u64,
    pub(crate) life: u32,
    pub(crate) moment: Moment,
    /// The call that shows it; `None` if `get_state` told it.
    pub(crate) call: Option<RpcId>,
}

/// A vote that was given.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Vote {
    pub(crate) candidate: u32,
    pub(crate) life: u32,
    pub(crate) moment: Moment,
    pub(crate) call: RpcId,
}

/// A vote that has come in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grant {
    pub(crate) voter: u32,
    pub(crate) at: Time,
    pub(crate) call: RpcId,
}

/// What a leader has been told.
#[derive(Debug)]
pub(crate) struct Led {
    pub(crate) term: u64,
    /// When it began to lead.
    pub(crate) since: Moment,
    /// Up to where each server has confirmed its log; `u64::MAX` if that can't be known.
    pub(crate) confirmed: Vec<u64>,
    /// Up to where it has told others that its log is committed.
    pub(crate) told: u64,
    /// The first index at which it has sent an entry of its own term.
    pub(crate) own: Option<u64>,
    /// The last request that each server has answered in the leader's term, with success.
    pub(crate) answered: Vec<Option<(Time, RpcId, u64)>>,
    /// The last request that each server has refused in the leader's term.
    pub(crate) refused: Vec<Option<(Time, RpcId, u64)>>,
    /// Room to put `confirmed` in order, each time that a reply comes.
    pub(super) in_order: Vec<u64>,
}

impl Led {
    /// Up to where a majority has the log, if the `leader` has it up to `own`, and those whose logs can't be read up to
    /// `unread`.
    pub(super) fn counts(
        &mut self,
        unread: u64,
        (leader, own): (u32, u64),
        majority: usize,
    ) -> u64 {
        let Led { confirmed, in_order, .. } = self;
        in_order.clear();
        in_order
            .extend(confirmed.iter().map(|&up_to| if up_to == u64::MAX { unread } else { up_to }));
        in_order[leader as usize] = own;
        in_order.sort_unstable();
        in_order[in_order.len() - majority]
    }
}

/// A server's log: the term of each entry from index 1 on, where it is known.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(super) terms: Vec<Option<u64>>,
    /// Whether there may be more behind it.
    pub(crate) open: bool,
    /// Up to where it must be saved: others rely on it. What a leader has only sent needn't be (thesis
    /// §10.2.1), nor what its `start()` has returned.
    pub(crate) saved: u64,
    /// Up to where the log went when the state was saved last, in this life; and before the last crash. What
    /// was written may be lost, and what was saved may have left out the end.
    pub(crate) written: u64,
    pub(crate) written_before: u64,
    /// From which index on nothing but the answers of `start()` tells of entries, though the server may have dropped
    /// them: see [`Story::leads_on`](crate::Story::leads_on).
    pub(crate) promised: Option<u64>,
    /// Whether it is known only by what its server says of it when it asks for votes.
    pub(crate) is_claimed: bool,
    /// When it was changed last, and by what term's leader.
    pub(crate) changed: Option<(Moment, u64)>,
    /// What it has confirmed: up to which index, and where.
    pub(crate) confirmations: Vec<Confirmation>,
    /// The terms of the entries that others have replaced, by index.
    pub(crate) former: BTreeMap<u64, u64>,
    /// The last snapshot that replaced entries with which it doesn't agree.
    pub(crate) replaced: Option<Replaced>,
    /// The entries at its end that it may have dropped, and the first one's index: see [`Log::may_drop`].
    dropped: Option<(u64, Vec<Option<u64>>)>,
}

/// A server has answered that its log is a leader's up to an index.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Confirmation {
    pub(crate) up_to: u64,
    pub(crate) at: Time,
    pub(crate) call: RpcId,
    pub(crate) life: u32,
}

/// A snapshot has taken the place of a log that had another entry at its end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Replaced {
    pub(crate) at: Time,
    pub(crate) call: RpcId,
    /// The last index that the snapshot covers.
    pub(crate) index: u64,
    /// The term of its entry there, and of the entry that the log had.
    pub(crate) terms: [u64; 2],
}

impl Server {
    /// What was volatile is gone.
    pub(crate) fn restart(&mut self, life: u32, from: Moment) {
        self.life = life;
        self.is_alive = true;
        self.began = Some(from);
        self.under_way.clear();
        self.stood.clear();
        // The votes that it has got stay: nobody takes one back, and a server may save that it was elected.
        self.led = None;
        self.applied = None;
        let log = &mut self.log;
        log.written_before = std::mem::take(&mut log.written);
        if log.last_index() > log.saved {
            // What nobody relies on may be saved, or not.
            log.terms.truncate(log.saved as usize);
            log.open = true;
        }
        log.promised = None;
    }

    /// What has come to it may have changed its log, and nobody can read how. What it has committed stays.
    pub(crate) fn lose_sight(&mut self, moment: Moment, call: &Call) {
        self.log.lose_sight(self.commit, (moment, call.args.term.unwrap_or(0)));
    }

    /// Whether its log is as its answers tell it while it handles `call`: no other handler may be about to
    /// change it, or has changed it since the call came.
    pub(crate) fn is_at_rest(&self, call: &Call) -> bool {
        let is_as_before = |since| self.log.changed.is_none_or(|(changed, _)| changed <= since);
        self.under_way.iter().all(|&other| other == call.id)
            && call.delivered.is_some_and(is_as_before)
    }

    /// Whether its log hasn't changed since its last crash.
    pub(crate) fn is_as_saved(&self) -> bool {
        let changed = self.log.changed.map(|(changed, _)| changed);
        self.life > 1 && changed < self.began
    }

    /// How far it may know its log to be committed.
    pub(crate) fn knows(&self) -> u64 {
        self.commit.max(self.may_know)
    }

    /// Who has voted for it in `term`, itself aside.
    pub(crate) fn voters(&self, term: u64) -> BTreeSet<u32> {
        self.grants.get(&term).into_iter().flatten().map(|grant| grant.voter).collect()
    }

    /// The term that it has led, if it is `term`.
    pub(crate) fn leads(&self, term: Option<u64>) -> Option<&Led> {
        self.led.as_ref().filter(|led| Some(led.term) == term)
    }
}

impl Log {
    /// The highest index that is kept: a stored history can be anything.
    const LONGEST: usize = 1 << 24;

    pub(crate) fn last_index(&self) -> u64 {
        self.terms.len() as u64
    }

    /// The last entry's term, if it is known, and its index.
    pub(crate) fn last(&self) -> Option<(u64, u64)> {
        Some((self.term(self.last_index())?, self.last_index()))
    }

    /// The last index at which the server has shown to have an entry: see [`Log::promised`].
    pub(crate) fn last_shown_index(&self) -> u64 {
        self.promised.map_or(self.last_index(), |from| from - 1)
    }

    /// That entry's term, if it is known, and its index.
    pub(crate) fn last_shown(&self) -> Option<(u64, u64)> {
        Some((self.term(self.last_shown_index())?, self.last_shown_index()))
    }

    /// `start()` has returned `index`.
    pub(crate) fn promises(&mut self, index: u64) {
        self.promised = Some(self.promised.map_or(index, |from| from.min(index)));
    }

    /// The server shows that it has the log up to `index`.
    pub(crate) fn shows(&mut self, index: u64) {
        let behind = self.promised.map(|from| from.max(index.saturating_add(1)));
        self.promised = behind.filter(|&from| from <= self.last_index());
    }

    /// The term at `index`; `None` if it isn't known. At 0 it is 0.
    pub(crate) fn term(&self, index: u64) -> Option<u64> {
        match index {
            0 => Some(0),
            _ => *self.terms.get(usize::try_from(index - 1).ok()?)?,
        }
    }

    /// Ends the log with `index`, whose entry is of `term`.
    pub(crate) fn end_with(&mut self, index: u64, term: Option<u64>) {
        let Some(len) = usize::try_from(index).ok().filter(|&len| len < Log::LONGEST) else {
            return;
        };
        self.terms.resize(len, None);
        if let Some(last) = self.terms.last_mut()
            && term.is_some()
        {
            *last = term;
        }
        self.saved = self.saved.min(index);
        self.shows(0); // what is cut off is promised no more
    }

    /// What is behind `index` may be other entries than those that are known.
    pub(crate) fn blur(&mut self, index: u64) {
        let kept = usize::try_from(index).unwrap_or(usize::MAX).min(self.terms.len());
        self.terms[kept..].fill(None);
    }

    /// Something may have changed what is behind `index`, and nobody can read how: it may be cut off, too.
    pub(crate) fn lose_sight(&mut self, index: u64, (moment, term): (Moment, u64)) {
        self.end_with(index.min(self.last_index()), None);
        self.open = true;
        self.saved = self.saved.min(index);
        self.changed = Some((moment, term));
    }

    /// The server has refused to follow `index`, where its leader has another entry: it may have dropped its own and all
    /// behind it.
    pub(crate) fn may_drop(&mut self, index: u64) {
        let entries = self.terms.split_off(index as usize - 1);
        self.dropped = Some((index, entries)).filter(|_| !self.open);
        self.end_with(index - 1, None);
        self.open = true;
    }

    /// What it may have dropped is as good as there if another entry takes the first one's place now.
    fn takes_the_place(&mut self, prev: u64, entries: &[Option<u64>]) {
        let Some((first, _)) = self.dropped else { return };
        let is_covered = prev < first && first <= prev + entries.len() as u64;
        let is_at_end = self.open && self.last_index() + 1 == first;
        if let Some((_, dropped)) = self.dropped.take_if(|_| is_covered || !is_at_end)
            && is_at_end
            && dropped.first() != entries.get((first - prev - 1) as usize)
        {
            self.terms.extend(dropped);
            self.open = false;
        }
    }

    /// An accepted request: its entries follow `prev`, of which the log has that of `prev_term`.
    pub(crate) fn accept(
        &mut self,
        (prev, prev_term): (u64, Option<u64>),
        entries: &[Option<u64>],
        (moment, term): (Moment, u64),
    ) {
        self.takes_the_place(prev, entries);
        if self.last_index() < prev {
            self.end_with(prev, prev_term);
            self.changed = Some((moment, term));
        }
        for (index, &entry) in (prev + 1..).zip(entries) {
            let (has, known) = (self.last_index() >= index, self.term(index));
            if has && known == entry && entry.is_some() {
                continue;
            }
            if let (true, Some(known)) = (has, known) {
                self.former.insert(index, known);
            }
            // What isn't known may go on behind the end that is; a conflict cuts it. Where one of the two isn't known they
            // may have been different entries, and then all that followed is gone.
            let is_unknown = known.is_none() || entry.is_none();
            self.open = (has && is_unknown) || (self.open && !has);
            self.end_with(index, entry);
            if let Some(last) = self.terms.get_mut(index as usize - 1) {
                *last = entry;
            }
            self.changed = Some((moment, term));
        }
    }

    /// The last confirmation that covers `index`.
    pub(crate) fn confirmed(&self, index: u64) -> Option<Confirmation> {
        self.confirmations.iter().rev().find(|confirmation| confirmation.up_to >= index).copied()
    }
}
