//! What requests say by names that nobody knows, or by none: which of their numbers is which, as the run itself tells.
//!
//! - What servers send while they say that they lead is a leader's; of all else a request for votes is what came last
//!   before they said so, and what came before that is a question whether there would be votes.
//! - A request's term is the number that is the term in which its sender is seen.
//! - A list brings entries, and a number is the index before them, if the two make the last index that `start()` gave.
//! - What is known of an index gives its term, and what is left the commit index.
//! - A snapshot ends where one was made.
//!
//! All that is nearly always right, and no proof. So it serves explanations alone. What a name tells stays as it is.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::build::may_bring;
use super::parts::{Numbers, Parts, number};
use super::{Call, Purpose, Story};
use crate::event::Caller;
use crate::fields::{self, Fields, Slot, is_index_beside_term};

/// How many requests of a kind are looked at to learn how they are read.
const LOOKED_AT: usize = 1000;

/// How often something must be so that is taken for learned.
const OFTEN: usize = 3;

/// How requests are read whose names don't tell what their numbers are.
#[derive(Clone, Debug, Default)]
pub struct Readings {
    /// The requests that are read so, in order, as places in [`Story::calls`], each with its kind.
    pub places: Vec<(usize, usize)>,
    /// What is taken for what in the requests of each kind, in clauses that deny it.
    pub kinds: Vec<String>,
}

/// How the requests of a kind are read.
struct Reading {
    purpose: Purpose,
    is_question: bool,
    /// Which number is which.
    numbers: Vec<(Slot, String)>,
    /// The list of the entries, and which of an entry's numbers is its term.
    entries: Option<(String, Option<String>)>,
}

/// The requests of a kind, in order: each with its place in [`Story::calls`].
type Requests = Vec<(usize, Parts)>;

impl Story {
    /// The same run, in which requests say what the run tells that they say.
    pub(super) fn with_requests(&self) -> Cow<'_, Story> {
        if self.unread.is_empty() {
            return Cow::Borrowed(self);
        }
        let mut kinds: BTreeMap<(&str, String), Requests> = BTreeMap::new();
        let is_open = |place: usize| is_unread(self.calls[place].purpose, &self.calls[place].args);
        for (place, message) in self.unread.iter().filter(|(place, _)| is_open(*place)) {
            let Ok(value) = message.render() else { continue };
            let parts = Parts::of(&value);
            let method = &*self.calls[*place].method;
            kinds.entry((method, parts.words.clone())).or_default().push((*place, parts));
        }
        let kinds: Vec<Requests> = kinds.into_values().collect();
        let readings = self.readings(&kinds);
        if readings.iter().all(Option::is_none) {
            return Cow::Borrowed(self);
        }
        let mut story = self.clone();
        for (requests, reading) in kinds.iter().zip(&readings) {
            let Some(reading) = reading else { continue };
            for (place, parts) in requests {
                reading.read(&mut story.calls[*place], parts);
            }
            let kind = story.read_so.kinds.len();
            story.read_so.places.extend(requests.iter().map(|&(place, _)| (place, kind)));
            let before = &self.calls[requests[0].0].args;
            story.read_so.kinds.push(reading.in_words(before));
        }
        story.read_so.places.sort_unstable();
        story.take_over_readings();
        Cow::Owned(story)
    }

    /// What follows from what its calls are for.
    fn take_over_readings(&mut self) {
        let (unread, calls) = (std::mem::take(&mut self.unread), &mut self.calls);
        for (place, message) in &unread {
            let call = &mut calls[*place];
            call.brings = may_bring(call.purpose, &call.args, message).then(|| message.clone());
        }
        self.votes_of.iter_mut().for_each(Vec::clear);
        for (own, sent) in self.votes_of.iter_mut().zip(&self.sent) {
            own.extend(sent.iter().copied().filter(|&place| self.calls[place].is_vote()));
        }
        self.votes = self.votes_of.concat();
        self.votes.sort_unstable();
        self.elections = self.find_elections();
        self.notes_anew();
    }

    /// How the requests of each kind are read.
    fn readings(&self, kinds: &[Requests]) -> Vec<Option<Reading>> {
        let terms = self.terms_at();
        // What one kind tells of a name serves the others.
        let read = |named: &Named| -> Vec<Option<Reading>> {
            kinds.iter().map(|requests| self.reading(requests, named, &terms)).collect()
        };
        let mut readings = read(&names(&read(&Named::new())));
        self.tell_questions(kinds, &mut readings);
        readings
    }

    /// Tells requests for votes from questions whether there would be votes: what came last before a server led made it
    /// lead.
    fn tell_questions(&self, kinds: &[Requests], readings: &mut [Option<Reading>]) {
        let are_votes = |reading: &Option<Reading>| {
            reading.as_ref().is_some_and(|reading| reading.purpose == Purpose::Vote)
        };
        let mut last: BTreeMap<usize, usize> = BTreeMap::new();
        for (server, views) in self.views.iter().enumerate() {
            for view in views.iter().filter(|view| view.is_leader) {
                let before =
                    kinds.iter().enumerate().filter(|(kind, _)| are_votes(&readings[*kind]));
                let before = before.filter_map(|(kind, requests)| {
                    let sent = requests.iter().map(|&(place, _)| &self.calls[place]);
                    let mut own = sent.filter(|call| call.from.server as usize == server);
                    let of_life = own.rfind(|call| call.sent < view.moment)?;
                    (of_life.from.incarnation == view.incarnation).then_some((of_life.sent, kind))
                });
                before.max().into_iter().for_each(|(_, kind)| *last.entry(kind).or_default() += 1);
            }
        }
        let made = last.into_iter().max_by_key(|&(_, often)| often).map(|(kind, _)| kind);
        // By some of the requests leaders were elected. If none of them are for votes, some kind has these among others.
        let has_led = self.dropped == 0 && self.views.iter().flatten().any(|view| view.is_leader);
        if has_led && self.votes.is_empty() && !readings.iter().any(are_votes) {
            for (reading, requests) in readings.iter_mut().zip(kinds) {
                let is_named =
                    requests.iter().any(|&(place, _)| self.calls[place].purpose != Purpose::Other);
                if !is_named {
                    *reading = None;
                }
            }
        }
        let knows_votes = !self.votes.is_empty()
            && kinds.iter().flatten().all(|(place, _)| !self.calls[*place].is_vote());
        for (kind, reading) in readings.iter_mut().enumerate() {
            let is_named = kinds[kind].iter().any(|&(place, _)| self.calls[place].is_vote());
            if !are_votes(reading) || is_named || Some(kind) == made && !knows_votes {
                continue;
            }
            match reading {
                Some(reading) if made.is_some() => reading.is_question = true,
                _ => *reading = None,
            }
        }
    }

    fn reading(&self, requests: &Requests, named: &Named, terms: &Terms) -> Option<Reading> {
        let looked_at = &requests[..requests.len().min(LOOKED_AT)];
        let (first, _) = looked_at.first().filter(|_| looked_at.len() >= OFTEN)?;
        let sender = |place: usize| self.seen(self.calls[place].from, self.calls[place].sent);
        let (known, of_servers) = (Vec::new(), Vec::new());
        let mut learning =
            Learning { story: self, requests: looked_at, named, terms, known, of_servers };
        let term =
            |path: &str| learning.share(path, |place, number| Some(sender(place)?.term == number));
        let term = learning.best(Is::Term, term)?;
        learning.known.push((Slot::Term, term));
        // A server's number is none of the rest.
        for server in [|call: &Call| call.from.server, |call: &Call| call.to] {
            learning.of_servers.extend(learning.constant(server));
        }
        let told = self.calls[*first].purpose;
        let entries = if told == Purpose::Vote { None } else { learning.entries() };
        let seen = looked_at.iter().filter_map(|&(place, _)| sender(place));
        let led = seen.clone().filter(|view| view.is_leader).count();
        let purpose = match told {
            Purpose::Other if entries.is_some() || 4 * led >= 3 * seen.clone().count() => {
                Purpose::Append
            }
            Purpose::Other if 4 * led <= seen.count() => Purpose::Vote,
            Purpose::Other => return None,
            known => known,
        };
        let brings_lists = looked_at.iter().any(|(_, parts)| !parts.lists.is_empty());
        let mut reading = Reading { purpose, is_question: false, numbers: Vec::new(), entries };
        match purpose {
            Purpose::Vote => learning.last_entry(),
            _ if reading.entries.is_some() => learning.commit(),
            _ if told != Purpose::Append && learning.snapshot() => {
                reading.purpose = Purpose::Snapshot;
            }
            _ if !brings_lists => learning.commit(),
            _ => {}
        }
        reading.numbers = learning.known;
        Some(reading)
    }

    /// The last index that the sender's `start()` gave in its present term.
    fn given_to(&self, call: &Call, term: u64) -> Option<u64> {
        let until = self.proposals.partition_point(|own| own.moment < call.sent);
        let own = self.proposals[..until].iter().rfind(|own| own.server == call.from)?;
        (own.term == term).then_some(own.index)
    }

    /// The term of the entry at an index, as far as `start()` tells; a later one may have taken its place.
    fn terms_at(&self) -> Terms {
        let mut terms = Terms::from([(0, BTreeSet::from([0]))]);
        for own in &self.proposals {
            terms.entry(own.index).or_default().insert(own.term);
        }
        terms
    }
}

/// The terms that the entry at each index may have.
type Terms = BTreeMap<u64, BTreeSet<u64>>;

/// What a number is of an entry, or of the sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Is {
    Term,
    Index,
    EntryTerm,
}

/// What numbers of a name are.
type Named = BTreeMap<String, Is>;

/// What the names are said of that were found.
fn names(readings: &[Option<Reading>]) -> Named {
    let mut named = Named::new();
    for reading in readings.iter().flatten() {
        let numbers = reading.numbers.iter().filter_map(|(slot, path)| match slot {
            Slot::Term => Some((path, Is::Term)),
            Slot::PrevLogIndex | Slot::LastIncludedIndex => Some((path, Is::Index)),
            Slot::PrevLogTerm | Slot::LastIncludedTerm => Some((path, Is::EntryTerm)),
            _ => None,
        });
        named.extend(numbers.map(|(path, is)| (name(path).to_owned(), is)));
    }
    named
}

/// The name of a number: the last on the way to it.
fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// How often it is so, if that is nearly always, and often enough.
fn nearly_always(all: impl Iterator<Item = bool>) -> Option<usize> {
    let (mut hits, mut of) = (0, 0);
    all.for_each(|is| (hits, of) = (hits + usize::from(is), of + 1));
    (of >= OFTEN && 20 * hits >= 19 * of).then_some(hits)
}

/// What is learned of requests of a kind.
struct Learning<'a> {
    story: &'a Story,
    requests: &'a [(usize, Parts)],
    /// What names are said of in other kinds.
    named: &'a Named,
    terms: &'a Terms,
    /// Which number is which, so far.
    known: Vec<(Slot, String)>,
    /// The numbers that are its sender's and its receiver's.
    of_servers: Vec<String>,
}

impl Learning<'_> {
    /// The numbers that all have, and of which nobody knows yet what they are.
    fn open(&self) -> Vec<&str> {
        let Some((_, first)) = self.requests.first() else { return Vec::new() };
        let is_known = |path: &str| {
            self.known
                .iter()
                .map(|(_, known)| known)
                .chain(&self.of_servers)
                .any(|known| known == path)
        };
        let paths = first.numbers.iter().map(|(path, _)| &**path).filter(|path| !is_known(path));
        let in_all =
            |path: &&str| self.requests.iter().all(|(_, parts)| parts.number(path).is_some());
        paths.filter(in_all).collect()
    }

    fn path(&self, slot: Slot) -> Option<&str> {
        self.known.iter().find(|(own, _)| *own == slot).map(|(_, path)| &**path)
    }

    /// Whether the entry at an index may be of a term, if anything is known of that index.
    fn is_term_at(&self, index: u64, term: u64) -> Option<bool> {
        Some(self.terms.get(&index)?.contains(&term))
    }

    /// The same for all pairs of an index and a term that requests tell.
    fn are_entries(&self, index: &str, term: &str) -> impl Iterator<Item = bool> {
        let all = self.values(index).zip(self.values(term));
        all.filter_map(|(index, term)| self.is_term_at(index, term))
    }

    fn values(&self, path: &str) -> impl Iterator<Item = u64> {
        self.requests.iter().filter_map(move |(_, parts)| parts.number(path))
    }

    /// In how many requests a number is what it would be, if nearly all of those that tell agree; and how many different
    /// ones there are.
    fn share(&self, path: &str, is: impl Fn(usize, u64) -> Option<bool>) -> Option<(usize, usize)> {
        let all = self.requests.iter().filter_map(|(place, parts)| {
            let number = parts.number(path)?;
            Some((is(*place, number)?, number))
        });
        let all: Vec<(bool, u64)> = all.collect();
        let right = all.iter().filter(|(is, _)| *is);
        let values: BTreeSet<u64> = right.clone().map(|&(_, number)| number).collect();
        let (hits, of) = (right.count(), all.len());
        (of >= OFTEN && 10 * hits >= 9 * of).then_some((hits, values.len()))
    }

    /// What a number is by its name, in the lab's words or by what another kind of requests tells. Of two numbers that are
    /// called as the request's term is, the other is an entry's.
    fn by_name(&self, path: &str) -> Option<Is> {
        let is_term = |term: &str| term != path && name(term) == name(path);
        if self.path(Slot::Term).is_some_and(is_term) {
            return Some(Is::EntryTerm);
        }
        let own = self.named.get(name(path)).copied();
        own.or_else(|| is_index_beside_term(&name(path).to_ascii_lowercase()).then_some(Is::Index))
    }

    /// The number that is it in most requests, and different in most.
    fn best(&self, is: Is, share: impl Fn(&str) -> Option<(usize, usize)>) -> Option<String> {
        let shares = self.open().into_iter().filter_map(|path| Some((share(path)?, path)));
        let mut shares: Vec<((usize, usize), &str)> = shares.collect();
        let is_named = |&(_, path): &((usize, usize), &str)| self.by_name(path) == Some(is);
        if shares.iter().any(is_named) {
            shares.retain(is_named);
        }
        // Of numbers that never change one is like the other, but for its name.
        if shares.iter().all(|((_, values), _)| *values == 1) && shares.len() > 1 {
            return None;
        }
        let is_alone = shares.len() == 1;
        let ((_, values), path) =
            shares.into_iter().max_by_key(|&((hits, values), _)| (values, hits))?;
        (values > 1 || is_alone).then(|| path.to_owned())
    }

    /// The numbers that are always as much more or less than a server's.
    fn constant(&self, server: impl Fn(&Call) -> u32) -> Vec<String> {
        let apart = |path: &str| -> BTreeSet<i128> {
            let of = self.requests.iter().filter_map(|(place, parts)| {
                let server = server(&self.story.calls[*place]);
                Some(i128::from(parts.number(path)?) - i128::from(server))
            });
            of.collect()
        };
        let servers: BTreeSet<_> =
            self.requests.iter().map(|(place, _)| server(&self.story.calls[*place])).collect();
        let own = self.open().into_iter().filter(|path| apart(path).len() == 1);
        own.filter(|_| servers.len() > 1).map(str::to_owned).collect()
    }

    /// In a request for votes, what is left are the candidate's last index and its term.
    fn last_entry(&mut self) {
        let open = self.open();
        let is_entry = |index: &str, term: &str| {
            let all = self.values(index).zip(self.values(term)).filter_map(|(index, term)| {
                let is_so = self.is_term_at(index, term)?;
                Some(is_so && (index == 0) == (term == 0))
            });
            let all: Vec<bool> = all.collect();
            all.len() >= OFTEN && !all.contains(&false)
        };
        let [one, other] = *open.as_slice() else { return };
        let (index, term) = match (is_entry(one, other), is_entry(other, one)) {
            (true, false) => (one, other),
            (false, true) => (other, one),
            // The run allows both: then names decide.
            (true, true) => match [one, other].map(|path| self.by_name(path)) {
                [Some(Is::Index), _] | [_, Some(Is::EntryTerm)] => (one, other),
                [_, Some(Is::Index)] | [Some(Is::EntryTerm), _] => (other, one),
                _ => return,
            },
            _ => return,
        };
        let found = [(Slot::LastLogIndex, index.to_owned()), (Slot::LastLogTerm, term.to_owned())];
        self.known.extend(found);
    }

    /// The list of the entries, and which of their numbers is the term; the index and the term before them, too.
    fn entries(&mut self) -> Option<(String, Option<String>)> {
        let lists: BTreeSet<&str> = self
            .requests
            .iter()
            .flat_map(|(_, parts)| &parts.lists)
            .map(|(path, _)| &**path)
            .collect();
        let pairs =
            lists.iter().flat_map(|list| self.open().into_iter().map(move |index| (*list, index)));
        // The commit index may be the same in most, but doesn't go back. What does, and fits nowhere, may be what is sought.
        let fitting = pairs.filter_map(|(list, index)| {
            let hits = self.fits(list, index)?;
            let goes_back = self.goes_back(index);
            (hits.is_some() || goes_back).then_some((goes_back, hits, list, index))
        });
        let (_, hits, list, index) = fitting.max()?;
        hits?;
        let (list, index) = (list.to_owned(), index.to_owned());
        self.known.push((Slot::PrevLogIndex, index.clone()));
        let before = self.best(Is::EntryTerm, |path| {
            let values: BTreeSet<u64> = self.values(path).collect();
            Some((nearly_always(self.are_entries(&index, path))?, values.len()))
        });
        self.known.extend(before.map(|path| (Slot::PrevLogTerm, path)));
        let term = self.entry_term(&list, &index);
        Some((list, term))
    }

    /// In how many requests a list and the index before it reach as far as the sender's log, if that are enough; `None` if
    /// more than a few go beyond.
    fn fits(&self, list: &str, index: &str) -> Option<Option<usize>> {
        let term = self.path(Slot::Term)?;
        let all = self.requests.iter().filter_map(|(place, parts)| {
            let given = self.story.given_to(&self.story.calls[*place], parts.number(term)?)?;
            let entries = parts.list(list)?.len() as u64;
            Some((parts.number(index)? + entries, given, entries))
        });
        let all: Vec<(u64, u64, u64)> = all.collect();
        let over = all.iter().filter(|(up_to, given, _)| up_to > given).count();
        if 20 * over > all.len() {
            return None;
        }
        let hits = all.iter().filter(|(up_to, given, _)| up_to == given);
        let ends = hits.clone().filter(|(_, _, entries)| *entries > 0).map(|(up_to, _, _)| up_to);
        let (brought, ends): (usize, BTreeSet<u64>) =
            (ends.clone().count(), ends.copied().collect());
        // What goes to followers that lack much reaches less far.
        let hits = hits.count();
        Some((brought >= OFTEN && ends.len() > 1 && 5 * hits >= all.len()).then_some(hits))
    }

    /// Which of an entry's numbers is its term.
    fn entry_term(&self, list: &str, before: &str) -> Option<String> {
        let entries = || {
            let all = self.requests.iter().filter_map(|(_, parts)| {
                Some((parts.number(before)? + 1..).zip(parts.list(list)?))
            });
            all.flatten()
        };
        let paths: BTreeSet<&str> =
            entries().flat_map(|(_, numbers)| numbers).map(|(path, _)| &**path).collect();
        let terms = paths.into_iter().filter_map(|path| {
            let of = || {
                entries().filter_map(|(index, numbers)| {
                    let known = self.terms.get(&index)?;
                    Some((known, number(numbers, path).filter(|term| known.contains(term))))
                })
            };
            let hits = nearly_always(of().map(|(_, term)| term.is_some()))?;
            // Most entries may be of one term: each other must be found, too.
            let found: BTreeSet<u64> = of().filter_map(|(_, term)| term).collect();
            of().all(|(known, _)| !known.is_disjoint(&found)).then_some((hits, path))
        });
        terms.max().map(|(_, path)| path.to_owned())
    }

    /// Whether a number gets smaller under a leader.
    fn goes_back(&self, path: &str) -> bool {
        let mut last: BTreeMap<(u32, u32, Option<u64>), u64> = BTreeMap::new();
        let term = self.path(Slot::Term);
        self.requests.iter().any(|(place, parts)| {
            let Some(own) = parts.number(path) else { return false };
            let Caller { server, incarnation } = self.story.calls[*place].from;
            let of = term.and_then(|term| parts.number(term));
            let before = last.insert((server, incarnation, of), own);
            before.is_some_and(|before| own < before)
        })
    }

    /// Whether a number grows under each leader, and is never more than the leader has.
    fn grows(&self, path: &str) -> bool {
        let is_there = |(place, parts): &(usize, Parts)| {
            let (call, term) = (&self.story.calls[*place], parts.number(self.path(Slot::Term)?)?);
            Some(
                self.story
                    .given_to(call, term)
                    .is_none_or(|given| parts.number(path) <= Some(given)),
            )
        };
        let are_there = self.requests.iter().all(|own| is_there(own) == Some(true));
        are_there && !self.goes_back(path) && self.values(path).max() > self.values(path).min()
    }

    /// The commit index is the number that is left, grows with time, and is never more than is there.
    fn commit(&mut self) {
        let mut growing = self.open().into_iter().filter(|path| self.grows(path));
        let commit = growing.next().map(str::to_owned);
        let is_alone = growing.next().is_none();
        self.known.extend(commit.filter(|_| is_alone).map(|path| (Slot::LeaderCommit, path)));
    }

    /// Whether it brings snapshots: where they end, and in which term.
    fn snapshot(&mut self) -> bool {
        let made: BTreeSet<(u32, u64)> =
            self.story.snapshots.iter().map(|own| (own.server.server, own.index)).collect();
        let ends = |path: &str| {
            self.share(path, |place, number| {
                Some(made.contains(&(self.story.calls[place].from.server, number)))
            })
        };
        let Some(index) = self.best(Is::Index, ends) else { return false };
        self.known.push((Slot::LastIncludedIndex, index.clone()));
        let term = self.best(Is::EntryTerm, |path| {
            self.are_entries(&index, path).all(|is_so| is_so).then_some((1, 2))
        });
        self.known.extend(term.map(|path| (Slot::LastIncludedTerm, path)));
        true
    }
}

impl Reading {
    /// What it takes for what, beyond what names told `before`, in clauses that deny it.
    fn in_words(&self, before: &Fields) -> String {
        let mut before = before.clone();
        let list = self.entries.iter().map(|(list, _)| (Slot::Entries, list));
        let numbers = self.numbers.iter().map(|(slot, path)| (*slot, path));
        let learned = numbers.chain(list).filter(|(slot, _)| !before.has(*slot));
        let clauses = learned.map(|(slot, path)| {
            let name = path.trim_start_matches('/').replace('/', ".");
            format!("\"{name}\" isn't {}", slot.paper_name())
        });
        clauses.collect::<Vec<_>>().join(", or ")
    }

    /// Reads a request so.
    fn read(&self, call: &mut Call, parts: &Parts) {
        let said =
            self.numbers.iter().filter_map(|(slot, path)| Some((*slot, parts.number(path)?)));
        call.args.take_learned(said);
        if self.is_question {
            call.args.named = Some(fields::Named::PreVote);
        } else {
            call.purpose = self.purpose;
        }
        if let Some((list, term)) = &self.entries
            && call.args.entries.is_none()
            && let Some(entries) = parts.list(list)
        {
            let term = |entry: &Numbers| number(entry, term.as_ref()?);
            call.args.entries = Some(entries.iter().map(term).collect());
            call.args.guessed.insert(Slot::Entries);
            call.args.guessed.insert(Slot::EntryTerm);
        }
        call.reply = call.reply.in_term_of(call.args.term).to(call.purpose);
    }
}

/// Whether of a request is still open what it says.
pub(super) fn is_unread(purpose: Purpose, args: &Fields) -> bool {
    let lacks = match purpose {
        Purpose::Vote => args.last_log_index.is_none(),
        Purpose::Append => args.prev_log_index.is_none() || args.entries.is_none(),
        // A part of a snapshot that isn't its last ends nowhere.
        Purpose::Snapshot => args.last_included_index.is_none() && args.done != Some(false),
        Purpose::Other => !args.is_answer(),
    };
    lacks || args.term.is_none()
}
