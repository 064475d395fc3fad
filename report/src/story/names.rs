//! What the fields of a run's messages mean, where their names alone don't tell.
//!
//! A field with one of the paper's names says what the paper says. Any other name is a guess, until the
//! run itself shows that it is right: by what servers are seen to be, by what their `start()` returns, by
//! what they apply. Indexes may also be counted in another way than the paper's, whatever their names: from
//! 0, or one past the last. Where a run shows that, they aren't read, for they would say something wrong.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::parts::Parts;
use super::{Call, Moment, Purpose, Story};
use crate::fields::{Fields, HIGHEST, Named, Names, Slot};
use crate::outcome::Outcome;

/// How many requests without exception tell how indexes are counted.
const FEW: usize = 2;

/// How many requests with entries are compared with what `start()` returned, at most.
const COMPARED: usize = 64;

/// How many terms are compared with what is seen, at least.
const SEEN: usize = 5;

impl Story {
    /// Finds out what names mean: forgets what is counted in another way, and notes what is guessed.
    pub(super) fn judge_names(&mut self) {
        self.counts_other_entries =
            self.calls.iter().any(|call| call.args.commands_before.is_some());
        self.forget_questions();
        let mut otherwise = self.counted_otherwise();
        if otherwise.has(Slot::LastLogIndex) && self.shift_last_index() {
            otherwise.remove(Slot::LastLogIndex);
        }
        if !otherwise.is_empty() {
            self.forget(otherwise);
        }
        self.counted_otherwise = otherwise;
        let guesses = |story: &Story| {
            let mut guessed = Names::default();
            for call in story.calls.iter().filter(|call| call.purpose != Purpose::Other) {
                guessed.extend(call.args.guessed);
                guessed.extend(call.reply.guessed);
            }
            guessed
        };
        let mut refuted = Names::default();
        guesses(self)
            .iter()
            .filter(|&slot| self.refutes(slot))
            .for_each(|slot| refuted.insert(slot));
        if !refuted.is_empty() {
            self.forget(refuted);
        }
        let mut guessed = guesses(self);
        let confirmed: Vec<Slot> = guessed.iter().filter(|&slot| self.confirms(slot)).collect();
        confirmed.into_iter().for_each(|slot| guessed.remove(slot));
        if self.last_index_shift > 0 {
            guessed.insert(Slot::LastLogIndex);
        }
        self.guessed = guessed;
    }

    /// The same run without what rests on a guess: what nobody knows is held against nobody.
    #[must_use]
    pub(crate) fn without_guesses(&self) -> Cow<'_, Story> {
        if self.guessed.is_empty() {
            return Cow::Borrowed(self);
        }
        let mut story = self.clone();
        story.forget(self.guessed);
        story.guessed = Names::default();
        Cow::Owned(story)
    }

    /// Requests for votes whose names are guessed may be questions whether there would be votes. They are of a kind that
    /// comes from who can't be a candidate.
    fn forget_questions(&mut self) {
        if !self.votes.iter().any(|&place| is_guess(&self.calls[place].args)) {
            return; // as in the paper's names
        }
        let guessed = self.places(|call| call.is_vote() && is_guess(&call.args));
        let is_none = |place: &usize| self.is_no_candidate_s(&self.calls[*place]);
        let none: BTreeSet<usize> = guessed.iter().copied().filter(is_none).collect();
        if none.is_empty() {
            return; // as nearly always
        }
        let mut kinds: BTreeMap<(&str, String), Vec<usize>> = BTreeMap::new();
        for place in guessed {
            let message = self.unread.binary_search_by_key(&place, |&(place, _)| place).ok();
            let message = message.and_then(|own| self.unread[own].1.render().ok());
            let words = message.map_or_else(String::new, |message| Parts::of(&message).words);
            kinds.entry((&*self.calls[place].method, words)).or_default().push(place);
        }
        // A question comes before each election. What a wrong server does now and then makes no question of the others.
        let is_question = |kind: &Vec<usize>| {
            kind.iter().filter(|place| none.contains(place)).count() * 4 > kind.len()
        };
        let questions: BTreeSet<usize> =
            kinds.into_values().filter(is_question).flatten().collect();
        if questions.is_empty() {
            return;
        }
        questions.iter().for_each(|&place| self.calls[place].purpose = Purpose::Other);
        self.votes.retain(|&place| self.calls[place].purpose == Purpose::Vote);
        self.unread.retain(|(place, _)| !questions.contains(place));
        // Where nothing asks for votes any more, these may have asked in a wrong term.
        if !self.votes.is_empty() {
            let named = Some(Named::PreVote);
            questions.iter().for_each(|&place| self.calls[place].args.named = named);
        }
        self.elections = self.find_elections();
        // Nor does a question prove its term.
        self.notes_anew();
    }

    /// Whether a request for a vote comes from who can't be a candidate: it isn't in that term, follows its leader, or leads
    /// it.
    fn is_no_candidate_s(&self, call: &Call) -> bool {
        let Some(term) = call.args.term else { return false };
        let server = call.from.server;
        let view = self.seen(call.from, call.sent);
        let is_behind = view.is_some_and(|view| view.term < term);
        let handled = self.handled_by(server as usize).rev();
        let handled = handled.skip_while(|own| own.handled >= Some(call.sent));
        let follows =
            handled.take(COMPARED).any(|own| own.is_followed() && own.args.term == Some(term));
        let leads = view.is_some_and(|view| view.is_leader && view.term == term);
        term == 0 || is_behind || follows || leads
    }

    fn forget(&mut self, names: Names) {
        for call in &mut self.calls {
            for slot in names.iter() {
                call.args.forget(slot);
                match slot {
                    Slot::Term => call.reply.term = None,
                    Slot::VoteGranted => call.reply.vote_granted = None,
                    Slot::Success => call.reply.success = None,
                    _ => {}
                }
            }
        }
        if names.has(Slot::Term) {
            self.elections.clear();
            self.reached.iter_mut().for_each(Vec::clear);
        }
    }

    /// The first moment at which some log may have an entry.
    fn first_entry(&self) -> Moment {
        let never = Moment { place: usize::MAX, at: self.end };
        let proposed = self.proposals.first().map_or(never, |proposal| proposal.moment);
        let brings = |call: &&Call| match call.purpose {
            Purpose::Append => call.has_entries(),
            Purpose::Snapshot => true,
            Purpose::Vote | Purpose::Other => false,
        };
        let sent = self.calls.iter().take_while(|call| call.sent < proposed).find(brings);
        sent.map_or(proposed, |call| call.sent)
    }

    /// The indexes that are counted in another way than the paper's.
    fn counted_otherwise(&self) -> Names {
        let mut names = Names::default();
        // Who says that it counts more entries has other indexes than `start()`, and right ones.
        if self.dropped > 0 || self.counts_other_entries {
            return names;
        }
        // With empty logs each is 0.
        let first = self.first_entry();
        let early = || self.calls.iter().take_while(|call| call.sent < first);
        for slot in [Slot::LastLogIndex, Slot::PrevLogIndex, Slot::LeaderCommit] {
            // What every follower refuses is no way to count.
            let of_leaders =
                || early().filter(|call| index(call, slot).is_some() && call.is_append());
            if of_leaders().any(Call::is_rejected) && !of_leaders().any(Call::is_accepted) {
                continue;
            }
            let mut values = early().filter_map(|call| index(call, slot));
            let Some(value) = values.next().filter(|&value| value > 0) else { continue };
            let mut count = 1;
            if values.inspect(|_| count += 1).all(|other| other == value) && count >= FEW {
                names.insert(slot);
            }
        }
        if self.ends_below_zero() {
            names.insert(Slot::LastLogIndex);
        }
        if self.counts_entries_from_zero() || self.begins_below_zero() {
            names.insert(Slot::PrevLogIndex);
            names.insert(Slot::LastLogIndex);
            names.insert(Slot::LeaderCommit);
        }
        if self.snapshots_end_elsewhere() {
            names.insert(Slot::LastIncludedIndex);
        }
        names
    }

    /// Where only requests for votes count otherwise, and call an empty log's last index the same each time: they
    /// are read as that much less. Returns whether they are.
    fn shift_last_index(&mut self) -> bool {
        let values = || {
            let asked = self.votes.iter().map(|&place| &self.calls[place]);
            asked.filter_map(|call| call.args.last_log_index)
        };
        let Some(shift) = values().next().filter(|_| !self.counts_entries_from_zero()) else {
            return false;
        };
        if shift != 1 || values().any(|value| value < shift) {
            return false;
        }
        for &place in &self.votes {
            let args = &mut self.calls[place].args;
            if let Some(index) = &mut args.last_log_index {
                *index -= shift;
                args.guessed.insert(Slot::LastLogIndex);
            }
        }
        self.last_index_shift = shift;
        true
    }

    /// Whether an empty log's last index is below 0, and so isn't read: no request for a vote has one while logs are empty,
    /// and one later is 0.
    fn ends_below_zero(&self) -> bool {
        let first = self.first_entry();
        let asked = || self.votes.iter().map(|&place| &self.calls[place]);
        let mut early = asked().take_while(|call| call.sent < first).peekable();
        early.peek().is_some()
            && early.all(|call| call.args.last_log_index.is_none())
            && asked().any(|call| call.args.last_log_index == Some(0))
    }

    /// The same of what comes before the first entry.
    fn begins_below_zero(&self) -> bool {
        let appends = || self.calls.iter().filter(|call| call.is_append());
        let mut first = appends().filter(|call| call.has_entries()).take(COMPARED);
        first.any(|call| call.args.prev_log_index.is_none())
            && appends().any(|call| call.args.prev_log_index == Some(0))
    }

    /// Whether the last entries that leaders send are one short of those that their `start()` returned, and
    /// all the same are applied under the index that it returned.
    fn counts_entries_from_zero(&self) -> bool {
        let sent = self.calls.iter().filter_map(|call| {
            let up_to = call.up_to()?;
            call.args.entries.as_ref().filter(|entries| !entries.is_empty())?;
            Some((up_to, self.last_proposed(call)?))
        });
        let mut count = 0;
        for (up_to, proposed) in sent.take(COMPARED) {
            if up_to >= proposed {
                return false; // as nearly always, at once
            }
            count += 1;
        }
        if count < FEW {
            return false;
        }
        let brought = |server: u32, until: Moment| {
            let calls = self.calls.iter().filter(move |call| call.to == server);
            calls.filter(move |call| call.delivered < Some(until)).filter_map(Call::up_to).max()
        };
        let mut followers = self.applied.iter().take(COMPARED).filter(|applied| {
            let view = self.view_at(applied.server.server as usize, applied.moment.at);
            applied.command.is_some() && view.is_some_and(|view| !view.is_leader)
        });
        followers.any(|applied| {
            brought(applied.server.server, applied.moment) == applied.index.checked_sub(1)
        })
    }

    /// The last index that the leader that sent a request had returned in its term by then.
    fn last_proposed(&self, call: &Call) -> Option<u64> {
        let before = self.proposals.partition_point(|proposal| proposal.moment < call.sent);
        let own = self.proposals[..before].iter().rev().take(COMPARED);
        let mut own = own.filter(|own| own.server == call.from);
        own.find(|own| Some(own.term) == call.args.term).map(|own| own.index)
    }

    /// Whether no snapshot that is sent ends where the tester had one made, and all end next to that.
    fn snapshots_end_elsewhere(&self) -> bool {
        let sent = self.calls.iter().filter_map(|call| call.args.last_included_index);
        let sent: BTreeSet<u64> = sent.collect();
        let made = |index: u64| self.snapshots.iter().any(|snapshot| snapshot.index == index);
        let all = |off: fn(u64) -> u64| sent.iter().all(|&index| made(off(index)));
        !sent.is_empty()
            && !sent.iter().any(|&index| made(index))
            && (all(|index| index + 1) || all(|index| index.saturating_sub(1)))
    }

    /// Whether the run shows that what is taken for a field is that field.
    fn confirms(&self, slot: Slot) -> bool {
        match slot {
            Slot::Sender | Slot::Named | Slot::Done | Slot::Unrefused => true,
            Slot::Term => self.terms_are_as_seen(),
            Slot::VoteGranted => self.votes_make_leaders(),
            Slot::Success => self.successes_are_plausible(),
            Slot::LastLogTerm | Slot::PrevLogTerm | Slot::LastIncludedTerm => {
                self.terms_are_earlier(slot)
            }
            Slot::LastLogIndex | Slot::PrevLogIndex => self.indexes_are_plausible(slot),
            Slot::LeaderCommit => self.indexes_are_plausible(slot) && self.commits_are_as_applied(),
            Slot::Entries => self.entries_are_as_proposed(),
            Slot::EntryTerm => self.entries_terms_are_as_proposed(),
            Slot::LastIncludedIndex => {
                let sent = self.calls.iter().filter_map(|call| call.args.last_included_index);
                let mut sent = sent.peekable();
                sent.peek().is_some()
                    && sent.all(|index| self.snapshots.iter().any(|made| made.index == index))
            }
        }
    }

    /// Whether the run shows that what is taken for a field is something else: more often than not it isn't what it
    /// would have to be.
    fn refutes(&self, slot: Slot) -> bool {
        let (right, all) = match slot {
            Slot::Term => self.terms_as_seen(),
            Slot::EntryTerm => self.entries_terms_as_proposed(),
            Slot::LastLogIndex | Slot::PrevLogIndex if self.dropped == 0 => {
                self.indexes_in_logs(slot)
            }
            Slot::LeaderCommit => self.commits_as_applied(),
            _ => return false,
        };
        all >= FEW && right * 2 < all
    }

    fn terms_are_as_seen(&self) -> bool {
        let (right, all) = self.terms_as_seen();
        all >= SEEN && right * 10 >= all * 9
    }

    /// How many of the terms that messages tell are those that their servers are seen in, and of how many.
    fn terms_as_seen(&self) -> (usize, usize) {
        let seen = |server: u32, moment: Moment, term: u64| {
            let views = &self.views[server as usize];
            let next = views.partition_point(|view| view.moment <= moment);
            let around = next.checked_sub(1).into_iter().chain([next]);
            around.filter_map(|place| views.get(place)).any(|view| view.term == term)
        };
        let (mut right, mut all) = (0, 0);
        for call in self.calls.iter().filter(|call| call.purpose != Purpose::Other) {
            let asked = call.args.term.filter(|_| call.args.guessed.has(Slot::Term));
            let answered = call.reply.term.filter(|_| call.reply.guessed.has(Slot::Term));
            let asked = asked.map(|term| (call.from.server, call.sent, term));
            let answered = answered.zip(call.handled).map(|(term, at)| (call.to, at, term));
            for (server, moment, term) in asked.into_iter().chain(answered) {
                all += 1;
                right += usize::from(seen(server, moment, term));
            }
        }
        (right, all)
    }

    /// Whether each server that was seen to lead had the votes of a majority by then.
    fn votes_make_leaders(&self) -> bool {
        let leaders = self.views.iter().zip(0_u32..).flat_map(|(views, server)| {
            views.iter().filter(|view| view.is_leader).map(move |view| (server, view))
        });
        let mut leaders = leaders.peekable();
        leaders.peek().is_some()
            && leaders.all(|(server, view)| {
                let votes = self.votes.iter().map(|&place| &self.calls[place]);
                let voters: BTreeSet<u32> = votes
                    .filter(|call| call.from.server == server && call.args.term == Some(view.term))
                    .filter(|call| call.is_granted())
                    .filter(|call| {
                        matches!(call.returned, Some((at, Outcome::Replied)) if at < view.moment)
                    })
                    .map(|call| call.to)
                    .collect();
                voters.len() + 1 >= self.majority()
            })
    }

    /// Whether there are both, and no request of an earlier term succeeds.
    fn successes_are_plausible(&self) -> bool {
        let appends = || self.calls.iter().filter(|call| call.is_append());
        appends().any(Call::is_accepted)
            && appends().any(Call::is_rejected)
            && appends().all(|call| !call.is_accepted() || call.reply.term <= call.args.term)
    }

    fn terms_are_earlier(&self, slot: Slot) -> bool {
        let told = self.calls.iter().filter_map(|call| {
            let (at, term) = match slot {
                Slot::LastLogTerm => (call.args.last_log_index, call.args.last_log_term?),
                Slot::PrevLogTerm => (call.args.prev_log_index, call.args.prev_log_term?),
                _ => (None, call.args.last_included_term?),
            };
            Some((at, term, call.args.term))
        });
        let mut told = told.peekable();
        told.peek().is_some()
            && told.all(|(at, term, now)| Some(term) <= now && (at != Some(0) || term == 0))
    }

    /// Whether an index is 0 with empty logs, and never beyond what `start()` has returned.
    fn indexes_are_plausible(&self, slot: Slot) -> bool {
        let first = self.first_entry();
        let mut early = self.calls.iter().take_while(|call| call.sent < first);
        let (right, all) = self.indexes_in_logs(slot);
        self.dropped == 0 && early.any(|call| index(call, slot) == Some(0)) && right == all
    }

    /// The highest index that any `start()` has returned.
    fn highest_proposed(&self) -> u64 {
        self.proposals.iter().map(|proposal| proposal.index).max().unwrap_or(0)
    }

    /// How many of a field's indexes aren't beyond what `start()` has returned, and of how many.
    fn indexes_in_logs(&self, slot: Slot) -> (usize, usize) {
        let last = self.highest_proposed();
        let told = || self.calls.iter().filter_map(|call| index(call, slot));
        (told().filter(|&index| index <= last).count(), told().count())
    }

    fn commits_are_as_applied(&self) -> bool {
        let (same, all) = self.commits_as_applied();
        same * 2 >= all
    }

    /// How many of the commit indexes that leaders tell are the last that they have applied, at some time while they tell
    /// it, and of how many. A slow service is behind for long, and a stuck one for good.
    fn commits_as_applied(&self) -> (usize, usize) {
        let mut applied = self.applied.iter().peekable();
        let mut last = vec![0; self.servers];
        let mut told: Vec<Option<(u64, bool)>> = vec![None; self.servers];
        let (mut same, mut all) = (0, 0);
        for call in &self.calls {
            while let Some(done) = applied.next_if(|done| done.moment < call.sent) {
                last[done.server.server as usize] = done.index;
            }
            let server = call.from.server as usize;
            let Some(commit) = call.args.leader_commit else { continue };
            let is_same = commit == last[server];
            match &mut told[server] {
                Some((before, was_same)) if *before == commit => {
                    same += usize::from(is_same && !*was_same);
                    *was_same |= is_same;
                }
                now => {
                    *now = Some((commit, is_same));
                    all += 1;
                    same += usize::from(is_same);
                }
            }
        }
        (same, all)
    }

    fn entries_are_as_proposed(&self) -> bool {
        let last = self.highest_proposed();
        let ends = || {
            self.calls.iter().filter(|call| call.is_append()).filter_map(|call| {
                Some((call, call.up_to().filter(|_| call.args.entries.is_some())?))
            })
        };
        let mut brought = ends().filter(|(call, _)| call.has_entries());
        ends().all(|(_, up_to)| up_to <= last)
            && brought.any(|(call, up_to)| self.last_proposed(call) == Some(up_to))
    }

    fn entries_terms_are_as_proposed(&self) -> bool {
        let (right, all) = self.entries_terms_as_proposed();
        all >= FEW && right == all
    }

    /// How many of the terms that entries tell are those in which some server's `start()` took an entry of that index,
    /// and of how many; of the first entries only.
    fn entries_terms_as_proposed(&self) -> (usize, usize) {
        let (mut right, mut all) = (0, 0);
        for call in self.calls.iter().filter(|call| call.is_append()) {
            let (Some(prev), Some(entries)) = (call.args.prev_log_index, &call.args.entries) else {
                continue;
            };
            for (index, term) in (prev + 1..).zip(entries) {
                let own = |proposal: &&super::Proposal| proposal.index == index;
                let mut own = self.proposals.iter().filter(own).peekable();
                let is_right = term.is_some_and(|term| {
                    own.peek().is_none() || own.any(|proposal| proposal.term == term)
                });
                all += 1;
                right += usize::from(is_right);
                if all > COMPARED {
                    return (right, all);
                }
            }
        }
        (right, all)
    }
}

/// An index that a request has.
fn index(call: &Call, slot: Slot) -> Option<u64> {
    let index = match slot {
        Slot::LastLogIndex if call.is_vote() => call.args.last_log_index,
        Slot::PrevLogIndex if call.is_append() => call.args.prev_log_index,
        Slot::LeaderCommit if call.is_append() => call.args.leader_commit,
        _ => None,
    };
    index.map(|index| index.min(HIGHEST))
}

/// Whether a call is taken for a request for a vote by names that aren't the paper's.
/// Whether what is read as a request for a vote may be a question whether there would be one.
pub(super) fn is_guess(vote: &Fields) -> bool {
    vote.named.is_none() && vote.guessed.has(Slot::LastLogIndex)
}
