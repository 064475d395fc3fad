//! What a message of Raft says, whatever its author has called its types.
//!
//! The fields of Figures 2 and 13 are found by their names, in snake or camel case and in the
//! abbreviations that are in use; also in a message that is an enum of all messages, or is wrapped in an
//! envelope. A message that has none of them says nothing; whoever reads it must do without, and never
//! guess.

#[macro_use]
mod refuse;

mod entries;
mod named;
mod names;
mod pack;
mod pick;
mod shape;

use serde::ser::Serialize;

use entries::Entries;
pub use named::Named;
use names::Called;
pub use names::Names;
pub(crate) use names::{Slot, is_index_beside_term, is_of_sender};
use pick::{Look, Name, One, Pick, Scalar};
use shape::Shape;

/// The fields that only requests have.
const OF_REQUESTS: [Slot; 8] = [
    Slot::LastLogIndex,
    Slot::LastLogTerm,
    Slot::PrevLogIndex,
    Slot::PrevLogTerm,
    Slot::Entries,
    Slot::LeaderCommit,
    Slot::LastIncludedIndex,
    Slot::LastIncludedTerm,
];

/// How many levels down Raft's fields are looked for in a message that has none itself.
const LEVELS: u32 = 4;

/// What a message says in Raft's terms: the fields that were found in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    /// `term`: the sender's.
    pub term: Option<u64>,
    /// `candidateId` or `leaderId`.
    pub sender: Option<u64>,
    /// `lastLogIndex`, of the candidate.
    pub last_log_index: Option<u64>,
    /// `lastLogTerm`, of the candidate.
    pub last_log_term: Option<u64>,
    /// `voteGranted`.
    pub vote_granted: Option<bool>,
    /// `prevLogIndex`.
    pub prev_log_index: Option<u64>,
    /// `prevLogTerm`.
    pub prev_log_term: Option<u64>,
    /// `entries[]`: the term of each; `None` for one that doesn't tell.
    pub entries: Option<Vec<Option<u64>>>,
    /// `leaderCommit`.
    pub leader_commit: Option<u64>,
    /// `success`.
    pub success: Option<bool>,
    /// `lastIncludedIndex`, of a snapshot.
    pub last_included_index: Option<u64>,
    /// `lastIncludedTerm`, of a snapshot.
    pub last_included_term: Option<u64>,
    /// Which message it is, by the name of an enum's variant or of a tag.
    pub named: Option<Named>,
    /// `done`: whether a part of a snapshot is the last.
    pub done: Option<bool>,
    /// `commandsBefore`: how many of the entries up to `prevLogIndex` are commands. A message says so if its indexes
    /// count other entries as well, to which the lab gives no index.
    pub commands_before: Option<u64>,
    /// Which of these were found by a name that isn't the paper's.
    pub guessed: Names,
}

/// The highest term or index that a story tells of. No run comes near it, but 0 less 1 does, where it wraps:
/// with this much room nothing that is added to a number does.
pub(crate) const HIGHEST: u64 = u64::MAX >> 1;

impl Fields {
    /// The same with no number above [`HIGHEST`].
    pub(crate) fn capped(mut self) -> Fields {
        let numbers = [
            &mut self.term,
            &mut self.sender,
            &mut self.last_log_index,
            &mut self.last_log_term,
            &mut self.prev_log_index,
            &mut self.prev_log_term,
            &mut self.leader_commit,
            &mut self.last_included_index,
            &mut self.last_included_term,
        ];
        for number in numbers.into_iter().flatten() {
            *number = (*number).min(HIGHEST);
        }
        for term in self.entries.iter_mut().flatten().flatten() {
            *term = (*term).min(HIGHEST);
        }
        self
    }

    /// What `message` says.
    #[must_use]
    pub fn of<T: Serialize + ?Sized>(message: &T) -> Fields {
        let mut fields = Fields::within(message, LEVELS);
        if fields == Fields::default()
            && let Some(said) = bare_answer(message)
        {
            fields.success = Some(said);
            fields.guessed.insert(Slot::Success);
        }
        fields
    }

    /// What `message` says: by its own fields, or, if these don't tell what it is for, by those of what is
    /// in it.
    fn within<T: Serialize + ?Sized>(message: &T, levels: u32) -> Fields {
        let mut fields = Fields::default();
        // A message that can't be gone through has said all that it can.
        let _ = message.serialize(Pick { fields: &mut fields, look: Look::AtFields });
        // One struct for all messages has a request's fields in an answer, too, where they say nothing.
        let is_named_answer = fields.named == Some(Named::Answer);
        if is_named_answer {
            OF_REQUESTS.into_iter().for_each(|slot| fields.forget(slot));
        }
        // What tells its purpose by a name may have no name for the rest.
        let lacks_commit = fields.prev_log_index.is_some() && fields.leader_commit.is_none();
        let by_name = !lacks_commit && fields.tell_purpose();
        if !by_name {
            fields.take_shape(Shape::of(message), is_named_answer);
        }
        let tells_no_term = fields.term.is_none() && !fields.is_answer() && fields.tell_purpose();
        if levels > 0 && tells_no_term {
            let _ = message.serialize(Pick { fields: &mut fields, look: Look::ForHead });
        }
        // So may what has names for all but the entry before: that is a struct then, of an index and a term.
        let lacks_prev = fields.prev_log_index.is_none()
            && (fields.leader_commit.is_some() || fields.entries.is_some())
            && !fields.is_answer();
        if by_name && (fields.term.is_none() || lacks_prev) {
            let is_wanted = |slot| match slot {
                Slot::PrevLogIndex | Slot::PrevLogTerm | Slot::LeaderCommit => lacks_prev,
                slot => slot == Slot::Term,
            };
            fields.take_numbers(Shape::of(message).says_by_names(), is_wanted);
        }
        // What follows an entry brings others, whatever they are called.
        if fields.prev_log_index.is_some() && fields.entries.is_none() {
            let _ = message.serialize(Pick { fields: &mut fields, look: Look::ForLists });
        }
        // What says yes or no may say its term behind that.
        let lacks_term = fields.is_answer() && fields.term.is_none();
        if levels > 0 && (lacks_term || !fields.tell_purpose()) {
            let look = Look::Within(levels - 1);
            let _ = message.serialize(Pick { fields: &mut fields, look });
        }
        fields
    }

    /// Takes what a message says by its shape, where no name tells it.
    fn take_shape(&mut self, shape: Shape, is_named_answer: bool) {
        if let Some(flag) = shape.answer(is_named_answer) {
            // A vote, too, if that is what it answers.
            self.success = Some(flag);
            self.guessed.insert(Slot::Success);
            if flag && shape.only_lacks_refusal() {
                self.guessed.insert(Slot::Unrefused);
            }
        }
        self.take_numbers(shape.says(), |slot| !(is_named_answer && OF_REQUESTS.contains(&slot)));
    }

    /// Takes numbers that are guessed, where none is known and the field is wanted.
    fn take_numbers(&mut self, said: Vec<(Slot, u64)>, is_wanted: impl Fn(Slot) -> bool) {
        for (slot, number) in said.into_iter().filter(|&(slot, _)| is_wanted(slot)) {
            if let Some(place) = self.number(slot as u8).filter(|place| place.is_none()) {
                *place = Some(number);
                self.guessed.insert(slot);
            }
        }
    }

    /// Whether there is more than an envelope has.
    fn tell_purpose(&self) -> bool {
        let numbers = [
            self.last_log_index,
            self.last_log_term,
            self.prev_log_index,
            self.prev_log_term,
            self.leader_commit,
            self.last_included_index,
            self.last_included_term,
        ];
        self.entries.is_some() || self.is_answer() || numbers.iter().any(Option::is_some)
    }

    /// Whether it says what only an answer says: that a vote was granted or not, that entries were taken
    /// over or not.
    #[must_use]
    pub fn is_answer(&self) -> bool {
        let is_request = self.last_log_index.is_some()
            || self.prev_log_index.is_some()
            || self.entries.is_some()
            || self.last_included_index.is_some();
        !is_request && (self.vote_granted.is_some() || self.success.is_some())
    }

    /// Whether it has all that only AppendEntries has: the entry before, and a list of entries.
    pub(crate) fn brings_entries(&self) -> bool {
        self.prev_log_index.is_some() && self.entries.is_some()
    }

    /// Whether it gives the vote, if it answers a request for one: whatever an author calls it, it says yes or no.
    #[must_use]
    pub fn gives_vote(&self) -> Option<bool> {
        self.vote_granted.or(self.success)
    }

    /// Takes over what `inner` says and this doesn't.
    fn fill(&mut self, mut inner: Fields) {
        for slot in inner.guessed.iter() {
            let is_new = slot == Slot::EntryTerm || !self.has(slot);
            if is_new && (slot != Slot::EntryTerm || self.entries.is_none()) {
                self.guessed.insert(slot);
            }
        }
        if inner.guessed.has(Slot::Unrefused) && !self.is_answer() {
            self.guessed.insert(Slot::Unrefused);
        }
        self.done = self.done.or(inner.done);
        self.commands_before = self.commands_before.or(inner.commands_before);
        self.vote_granted = self.vote_granted.or(inner.vote_granted);
        self.success = self.success.or(inner.success);
        self.entries = self.entries.take().or(inner.entries.take());
        self.named = self.named.or(inner.named);
        for slot in 0..=Slot::LastIncludedTerm as u8 {
            let number = inner.number(slot).and_then(|number| *number);
            if let Some(place) = self.number(slot) {
                *place = place.or(number);
            }
        }
    }

    /// Takes what a field's value says, if it is a message in an envelope.
    fn take_within<T: Serialize + ?Sized>(&mut self, name: &str, value: &T, levels: u32) {
        // A flag's name that isn't a flag's is an answer's, as JSON writes an enum's variant.
        let is_field = Slot::named(name).is_some_and(|(slot, _)| !slot.is_flag());
        if is_field || named::is_no_message(name) || named::is_of_an_entry(name, || count(value)) {
            return;
        }
        let mut inner = Fields::within(value, levels);
        let is_variant = name.starts_with(char::is_uppercase);
        if inner == Fields::default() && !is_variant {
            return;
        }
        // As in JSON, where the variant of an enum is the name of a field. One whose values have no names says nothing
        // but what it is.
        inner.named = inner.named.or_else(|| Named::by(name));
        self.fill(inner);
    }

    /// Takes what a request says of itself in a part of its own, such as `header: { term, sender }`;
    /// or in two numbers without names, such as `holder: (term, id)`: the first of them is guessed to be its term.
    fn take_head<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) {
        if self.term.is_none() && names::is_of_sender(name) {
            self.term = first_of_two(value);
            if self.term.is_some() {
                return self.guessed.insert(Slot::Term);
            }
        }
        let is_other = self.term.is_some() || Slot::named(name).is_some();
        if is_other || named::is_no_message(name) || !is_head(value) {
            return;
        }
        let mut head = Fields::default();
        let _ = value.serialize(Pick { fields: &mut head, look: Look::AtFields });
        if head.term.is_some() && !head.tell_purpose() {
            self.fill(Fields { named: None, ..head });
        }
    }

    /// Takes a list under a name that isn't known for the entries, if each of its elements tells a term. Returns whether it
    /// is a list.
    fn take_list<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> bool {
        if Slot::named(name).is_some() || self.entries.as_ref().is_some_and(|it| !it.is_empty()) {
            return false;
        }
        let (mut terms, mut how) = (Vec::new(), Called::AsInPaper);
        let is_list = value.serialize(Entries { terms: &mut terms, how: &mut how }).is_ok();
        if is_list && terms.iter().all(Option::is_some) {
            self.entries = Some(terms);
            self.guessed.insert(Slot::Entries);
            if let Called::Otherwise = how {
                self.guessed.insert(Slot::EntryTerm);
            }
        }
        is_list
    }

    /// Takes numbers of which the run tells what they are, where no name does.
    pub(crate) fn take_learned(&mut self, said: impl Iterator<Item = (Slot, u64)>) {
        self.take_numbers(said.collect(), |_| true);
    }

    /// The place of a number.
    fn number(&mut self, slot: u8) -> Option<&mut Option<u64>> {
        Some(match slot {
            slot if slot == Slot::Term as u8 => &mut self.term,
            slot if slot == Slot::Sender as u8 => &mut self.sender,
            slot if slot == Slot::LastLogIndex as u8 => &mut self.last_log_index,
            slot if slot == Slot::LastLogTerm as u8 => &mut self.last_log_term,
            slot if slot == Slot::PrevLogIndex as u8 => &mut self.prev_log_index,
            slot if slot == Slot::PrevLogTerm as u8 => &mut self.prev_log_term,
            slot if slot == Slot::LeaderCommit as u8 => &mut self.leader_commit,
            slot if slot == Slot::LastIncludedIndex as u8 => &mut self.last_included_index,
            slot if slot == Slot::LastIncludedTerm as u8 => &mut self.last_included_term,
            _ => return None,
        })
    }

    /// Takes a field's value, if it is one of Raft's.
    fn take<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) {
        let Some((slot, how)) = Slot::named(name) else { return self.take_name(name, value) };
        // Two flags for the same that differ say neither yes nor no.
        if self.contradicts(slot, value) {
            self.vote_granted.take_if(|_| slot == Slot::VoteGranted);
            self.success.take_if(|_| slot == Slot::Success);
            return self.guessed.remove(slot);
        }
        // What has the paper's name is what the paper means by it, whatever else sounds like it.
        // But of two terms the sender's own is the one that says whose it is, as `leader_term` does.
        let says_whose = slot == Slot::Term;
        let is_known = self.has(slot) && self.guessed.has(slot) == says_whose;
        if is_known && (how == Called::Otherwise) != says_whose {
            return;
        }
        if !self.set(slot, value) {
            return;
        }
        match how {
            Called::AsInPaper => self.guessed.remove(slot),
            Called::Otherwise => self.guessed.insert(slot),
        }
    }

    /// Sets a field to `value`, if it is of the field's kind; returns whether it is.
    fn set<T: Serialize + ?Sized>(&mut self, slot: Slot, value: &T) -> bool {
        let flag = |value: &T| match value.serialize(One) {
            Ok(Scalar::Flag(flag)) => Some(flag),
            _ => None,
        };
        match slot {
            Slot::Entries => {
                let (mut terms, mut how) = (Vec::new(), Called::AsInPaper);
                if value.serialize(Entries { terms: &mut terms, how: &mut how }).is_err() {
                    return false;
                }
                self.entries = Some(terms);
                match how {
                    Called::AsInPaper => self.guessed.remove(Slot::EntryTerm),
                    Called::Otherwise => self.guessed.insert(Slot::EntryTerm),
                }
                true
            }
            Slot::VoteGranted | Slot::Success | Slot::Done => {
                let Some(flag) = flag(value) else { return false };
                match slot {
                    Slot::Success => self.success = Some(flag),
                    Slot::Done => self.done = Some(flag),
                    _ => self.vote_granted = Some(flag),
                }
                true
            }
            _ => {
                if let Ok(Scalar::Number(number)) = value.serialize(One)
                    && let Some(place) = self.number(slot as u8)
                {
                    *place = Some(number);
                    return true;
                }
                false
            }
        }
    }

    /// Whether a flag says yes and the same under another name says no, or the other way round.
    fn contradicts<T: Serialize + ?Sized>(&self, slot: Slot, value: &T) -> bool {
        let said = match slot {
            Slot::VoteGranted => self.vote_granted,
            Slot::Success => self.success,
            _ => None,
        };
        said.is_some_and(
            |said| matches!(value.serialize(One), Ok(Scalar::Flag(flag)) if flag != said),
        )
    }

    /// Whether a field is there.
    pub(crate) fn has(&mut self, slot: Slot) -> bool {
        match slot {
            Slot::Entries | Slot::EntryTerm => self.entries.is_some(),
            Slot::VoteGranted => self.vote_granted.is_some(),
            Slot::Success => self.success.is_some(),
            Slot::Done => self.done.is_some(),
            _ => self.number(slot as u8).is_some_and(|number| number.is_some()),
        }
    }

    /// What a snapshot's message calls its last entry is the last that the snapshot includes, if it tells no other.
    pub(crate) fn last_is_included(&mut self) {
        for (from, to) in [
            (Slot::LastLogIndex, Slot::LastIncludedIndex),
            (Slot::LastLogTerm, Slot::LastIncludedTerm),
        ] {
            let number = self.number(from as u8).and_then(|number| number.take());
            self.guessed.remove(from);
            if let Some(place) = self.number(to as u8).filter(|place| place.is_none())
                && number.is_some()
            {
                *place = number;
                self.guessed.insert(to);
            }
        }
    }

    /// A message that brings a snapshot may say how entries go on behind it. Where the snapshot ends isn't known, so
    /// that what follows can't be read.
    pub(crate) fn forget_entries(&mut self) {
        for slot in [Slot::PrevLogIndex, Slot::PrevLogTerm, Slot::Entries, Slot::LeaderCommit] {
            self.forget(slot);
        }
    }

    /// The same without a field.
    pub(crate) fn forget(&mut self, slot: Slot) {
        match slot {
            Slot::Entries => self.entries = None,
            Slot::EntryTerm => self.entries.iter_mut().flatten().for_each(|term| *term = None),
            Slot::VoteGranted => self.vote_granted = None,
            Slot::Success => self.success = None,
            Slot::Done => self.done = None,
            _ => {
                if let Some(number) = self.number(slot as u8) {
                    *number = None;
                }
            }
        }
        self.guessed.remove(slot);
    }
}

impl Fields {
    /// Takes which message it is, if a field tells that.
    fn take_name<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) {
        if named::is_tag(name)
            && let Ok(tag) = value.serialize(Name)
        {
            self.named = self.named.or_else(|| Named::by(&tag));
        } else if named::is_pre_vote_flag(name)
            && let Ok(Scalar::Flag(true)) = value.serialize(One)
        {
            self.named = Some(Named::PreVote);
        } else if named::is_commands_before(name)
            && let Ok(Scalar::Number(commands)) = value.serialize(One)
        {
            self.commands_before = Some(commands);
        } else if named::is_snapshot(name) && is_something(value) {
            // Beside entries, too: then nobody can say what becomes of the log.
            self.named = Some(Named::Snapshot);
        }
    }
}

/// How many fields a value has, if it is an object.
fn count<T: Serialize + ?Sized>(value: &T) -> usize {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_object().map_or(0, serde_json::Map::len)
}

/// The first of two numbers that have no names.
fn first_of_two<T: Serialize + ?Sized>(value: &T) -> Option<u64> {
    let value = serde_json::to_value(value).ok()?;
    let [first, second] = value.as_array()?.as_slice() else { return None };
    first.as_u64().filter(|_| second.is_u64())
}

/// Whether a value is an object of plain values none of which is a place in a log: a term beside such a place is that of
/// the entry there.
fn is_head<T: Serialize + ?Sized>(value: &T) -> bool {
    let value = serde_json::to_value(value).unwrap_or_default();
    let is_plain = |(name, value): (&String, &serde_json::Value)| {
        let name = name.to_ascii_lowercase();
        !value.is_array()
            && !value.is_object()
            && !names::is_index_beside_term(&name)
            && !["index", "idx"].iter().any(|it| name.contains(it))
    };
    value.as_object().is_some_and(|fields| fields.iter().all(is_plain))
}

/// What a message without names says that is a flag, or one or two numbers and a flag: yes or no. A number may be a term, or
/// an index. A request has more.
fn bare_answer<T: Serialize + ?Sized>(message: &T) -> Option<bool> {
    use serde_json::Value::{Array, Bool};
    match serde_json::from_slice(&beginning(message, TWO_NUMBERS)).ok()? {
        Bool(said) => Some(said),
        Array(parts) => {
            let is_number = |part: &&serde_json::Value| part.is_u64();
            let (numbers, rest): (Vec<_>, Vec<_>) = parts.iter().partition(is_number);
            match (&*numbers, &*rest) {
                ([_] | [_, _], &[&Bool(said)]) => Some(said),
                _ => None,
            }
        }
        _ => None,
    }
}

/// More than a flag and two numbers have, in bytes.
const TWO_NUMBERS: usize = 64;

/// Whether a value has parts: it isn't left out, no list or text without any, and no mere number or flag.
fn is_something<T: Serialize + ?Sized>(value: &T) -> bool {
    let begins = beginning(value, NULL);
    let is_scalar = |byte: &u8| byte.is_ascii_alphanumeric() || b"-.".contains(byte);
    !matches!(&*begins, b"[]" | b"{}" | b"\"\"") && !begins.iter().all(is_scalar)
}

/// More than `null` has, in bytes.
const NULL: usize = 8;

/// How a value begins in JSON: all of it, if it has less than `most` bytes.
fn beginning<T: Serialize + ?Sized>(value: &T, most: usize) -> Vec<u8> {
    let mut begins = Beginning { bytes: Vec::new(), most };
    // It ends in an error if there is more than the beginning.
    let _ = serde_json::to_writer(&mut begins, value);
    begins.bytes
}

/// Takes no more than so many bytes.
struct Beginning {
    bytes: Vec<u8>,
    most: usize,
}

impl std::io::Write for Beginning {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.bytes.extend(bytes.iter().take(self.most));
        match self.bytes.len() < self.most {
            true => Ok(bytes.len()),
            false => Err(std::io::ErrorKind::StorageFull.into()),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
