//! A call from one server to another, and what it is for.

use std::borrow::Cow;
use std::sync::Mutex;

use serde_json::Value;

use super::build::BRINGS;
use super::{Kept, Moment};
use crate::event::{Caller, RpcId, Time};
use crate::fields::{Fields, Named, Names, Slot, is_of_sender};
use crate::outcome::Outcome;
use crate::payload::Payload;

/// What a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// RequestVote.
    Vote,
    /// AppendEntries, with entries or without.
    Append,
    /// InstallSnapshot.
    Snapshot,
    /// Something of the student's own.
    Other,
}

impl Purpose {
    /// What a call is for: by the name of its enum's variant, by what it says, or by its method's name.
    #[must_use]
    pub fn of(method: &str, args: &Fields) -> Purpose {
        Purpose::by(Named::by_method(method), args)
    }

    /// The same, if it is known what its method's name says.
    pub(super) fn by(by_method: Option<Named>, args: &Fields) -> Purpose {
        match (args.named, by_method) {
            // A vote before the vote commits nobody to anything, and an answer isn't what it answers.
            (Some(Named::PreVote | Named::Answer), _)
            | (None, Some(Named::PreVote | Named::Answer)) => Purpose::Other,
            (Some(Named::Vote), _) => Purpose::Vote,
            (Some(Named::Append), _) => Purpose::Append,
            (Some(Named::Snapshot), _) => Purpose::Snapshot,
            (None, _) if args.is_answer() => Purpose::Other,
            // Whatever else it tells.
            (None, Some(Named::Vote)) if args.last_log_index.is_some() => Purpose::Vote,
            // Where a leader's snapshot ends AppendEntries may tell as well.
            (None, _) if args.brings_entries() => Purpose::Append,
            (None, _) if args.last_included_index.is_some() => Purpose::Snapshot,
            (None, Some(Named::Snapshot)) => Purpose::Snapshot,
            (None, _) if args.prev_log_index.is_some() || args.entries.is_some() => Purpose::Append,
            (None, _) if args.last_log_index.is_some() => Purpose::Vote,
            (None, Some(Named::Vote)) => Purpose::Vote,
            (None, Some(Named::Append)) => Purpose::Append,
            (None, None) => Purpose::Other,
        }
    }
}

/// A call from one server to another. Calls that come from no server aren't among them.
#[derive(Clone, Debug)]
pub struct Call {
    /// Its number.
    pub id: RpcId,
    /// Who sent it.
    pub from: Caller,
    /// To which server.
    pub to: u32,
    /// Service and method.
    pub method: Cow<'static, str>,
    /// What it is for.
    pub purpose: Purpose,
    /// Whether the network made it, as a copy of another call; nobody waits for its reply.
    pub is_copy: bool,
    /// What it says.
    pub args: Fields,
    /// The size of its arguments, in bytes.
    pub size: usize,
    /// When it was sent.
    pub sent: Moment,
    /// When its handler began.
    pub delivered: Option<Moment>,
    /// In which life of the server, if that isn't the one to which it was sent.
    pub life: Option<u32>,
    /// When its handler ended.
    pub handled: Option<Moment>,
    /// What the handler answered; nothing until then.
    pub reply: Answer,
    /// In which life the server answered, if that is certain: the call was sent, delivered and
    /// handled in it, and the server hadn't been taken down meanwhile.
    pub answered_in: Option<u32>,
    /// When it returned to its caller, and how.
    pub returned: Option<(Moment, Outcome)>,
    /// When its caller dropped the future without having taken its result. If it returned later, or at the
    /// same time but earlier, nobody saw that.
    pub dropped: Option<Moment>,
    /// Its arguments, if they may bring more than is read of them.
    pub(crate) brings: Option<Payload>,
    /// The same of its reply.
    pub(crate) brings_back: Option<Payload>,
}

/// What a handler answered, in Raft's terms: as far as it says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// `term`.
    pub term: Option<u64>,
    /// `voteGranted`.
    pub vote_granted: Option<bool>,
    /// `success`.
    pub success: Option<bool>,
    /// Which of these were found by a name that isn't the paper's.
    pub guessed: Names,
}

impl Answer {
    /// What a message answers by its fields.
    pub(super) fn of(fields: &Fields) -> Answer {
        let mut guessed = Names::default();
        let own = [Slot::Term, Slot::VoteGranted, Slot::Success, Slot::Unrefused];
        let own = own.into_iter().filter(|&slot| fields.guessed.has(slot));
        own.for_each(|slot| guessed.insert(slot));
        let Fields { term, vote_granted, success, .. } = *fields;
        Answer { term, vote_granted, success, guessed }
    }

    /// The same as an answer to a request of `asked`, a term. In a later term nothing is agreed to.
    pub(super) fn in_term_of(mut self, asked: Option<u64>) -> Answer {
        if self.guessed.has(Slot::Unrefused) && asked.is_some() && self.term > asked {
            (self.vote_granted, self.success) = (None, None);
        }
        self
    }

    /// Whether it says yes, or no, if that can be read.
    pub(crate) fn says(self) -> Option<bool> {
        self.vote_granted.or(self.success)
    }

    /// The same as an answer to a call for this: that one says yes to what it was asked, whatever the author calls it.
    pub(super) fn to(mut self, purpose: Purpose) -> Answer {
        match purpose {
            Purpose::Vote if self.vote_granted.is_none() && self.success.is_some() => {
                self.vote_granted = self.success.take();
                self.guessed.remove(Slot::Success);
                self.guessed.insert(Slot::VoteGranted);
            }
            Purpose::Append if self.success.is_none() && self.vote_granted.is_some() => {
                self.success = self.vote_granted.take();
                self.guessed.remove(Slot::VoteGranted);
                self.guessed.insert(Slot::Success);
            }
            _ => {}
        }
        self
    }
}

impl Kept for Call {
    fn kept() -> &'static Mutex<Vec<Call>> {
        static KEPT: Mutex<Vec<Call>> = Mutex::new(Vec::new());
        &KEPT
    }
}

impl Call {
    /// A copy of it that the network has made.
    pub(super) fn copied(&self, id: RpcId) -> Call {
        Call {
            id,
            is_copy: true,
            delivered: None,
            life: None,
            handled: None,
            reply: Answer::default(),
            answered_in: None,
            returned: None,
            dropped: None,
            brings_back: None,
            ..self.clone()
        }
    }
}

impl Call {
    /// Whether it is a RequestVote.
    #[must_use]
    pub fn is_vote(&self) -> bool {
        self.purpose == Purpose::Vote
    }

    /// Whether this request for a vote, or its answer, doesn't say in a form that can be read what such a call says.
    pub(crate) fn hides_vote(&self) -> bool {
        let is_answered = self.handled.is_none() || self.reply.vote_granted.is_some();
        self.args.term.is_none() || !is_answered
    }

    /// The same of an AppendEntries and what it says of logs.
    pub(crate) fn hides_log(&self) -> bool {
        let (args, reply) = (&self.args, &self.reply);
        // A heartbeat of another type says nothing of logs, but how far they are committed.
        let is_heartbeat = self.is_mere_heartbeat()
            || args.leader_commit.is_none()
                && args.entries.is_none()
                && args.prev_log_index.is_some();
        let is_whole =
            args.term.is_some() && args.prev_log_index.is_some() && args.entries.is_some();
        let is_answered = self.handled.is_none() || reply.success.is_some();
        !(is_heartbeat || is_whole && is_answered)
    }

    /// Whether it is an AppendEntries of a kind of its own: without entries, and without what comes before them.
    pub(crate) fn is_mere_heartbeat(&self) -> bool {
        let says_where = self.args.prev_log_index.is_some() || self.has_entries();
        self.is_append() && !says_where && self.brings.is_none()
    }

    /// Whether it is an AppendEntries.
    #[must_use]
    pub fn is_append(&self) -> bool {
        self.purpose == Purpose::Append
    }

    /// Whether it is an InstallSnapshot.
    #[must_use]
    pub fn is_snapshot(&self) -> bool {
        self.purpose == Purpose::Snapshot
    }

    /// Whether its receiver answered that it votes for the sender.
    #[must_use]
    pub fn is_granted(&self) -> bool {
        // A reply of a later term gives no vote in the one that it was asked for.
        let is_of_term =
            self.reply.term.zip(self.args.term).is_none_or(|(now, asked)| now <= asked);
        self.reply.vote_granted == Some(true) && is_of_term
    }

    /// When it failed, and how.
    #[must_use]
    pub fn failed(&self) -> Option<(Moment, Outcome)> {
        self.returned.filter(|&(_, outcome)| outcome != Outcome::Replied)
    }

    /// Whether it, or its reply, was lost on its way.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        matches!(self.returned, Some((_, Outcome::RequestLost | Outcome::ReplyLost)))
    }

    /// Whether its receiver answered that it doesn't vote for the sender.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        self.reply.vote_granted == Some(false)
    }

    /// Whether its receiver answered with success.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        self.reply.success == Some(true)
    }

    /// Whether its receiver answered without success.
    #[must_use]
    pub fn is_rejected(&self) -> bool {
        self.reply.success == Some(false)
    }

    /// Whether it brings entries.
    #[must_use]
    pub fn has_entries(&self) -> bool {
        self.args.entries.as_ref().is_some_and(|entries| !entries.is_empty())
    }

    /// Whether its handler had ended at `at`.
    #[must_use]
    pub fn is_handled_until(&self, at: Time) -> bool {
        self.handled.is_some_and(|handled| handled.at <= at)
    }

    /// Whether it is a leader's.
    #[must_use]
    pub fn is_leaders(&self) -> bool {
        matches!(self.purpose, Purpose::Append | Purpose::Snapshot)
    }

    /// Whether its sender asks if it would get votes, before it stands.
    #[must_use]
    pub fn is_pre_vote(&self) -> bool {
        self.purpose == Purpose::Other
            && Named::of(&self.method, &self.args) == Some(Named::PreVote)
    }

    /// Whether its handler may change its server's log, and nobody can read how: what it brings goes by names that
    /// aren't known.
    #[must_use]
    pub fn hides_what_it_brings(&self) -> bool {
        self.purpose == Purpose::Other && self.brings.is_some() && !self.is_named_otherwise()
    }

    /// Whether its reply may change its sender's log in such a way.
    #[must_use]
    pub fn hides_what_it_brings_back(&self) -> bool {
        self.purpose == Purpose::Other && self.may_bring_back() && !self.is_named_otherwise()
    }

    /// The numbers that its reply says beside its term, such as the hint of a refusal, each with its name.
    pub(crate) fn numbers_besides(&self) -> Vec<(String, u64)> {
        let reply = self.brings_back.as_ref().and_then(|reply| reply.render().ok());
        let mut numbers = Vec::new();
        let mut take = |name: &str, number| {
            if is_word(name) && !is_of_sender(name) && name != "to" {
                numbers.push((name.to_owned(), number));
            }
        };
        reply.iter().for_each(|reply| each_named_number(reply, &mut take));
        numbers
    }

    /// Whether its reply says this number anywhere.
    pub(crate) fn says_number(&self, number: u64) -> bool {
        let reply = self.brings_back.as_ref().and_then(|reply| reply.render().ok());
        reply.is_some_and(|reply| has_number(&reply, number))
    }

    /// The same in words; `None` if there are none, or more than are of use.
    pub(crate) fn says_besides(&self) -> Option<String> {
        const MOST: usize = 4;
        let numbers = self.numbers_besides();
        let words = numbers.iter().map(|(name, number)| format!("{name} {number}"));
        (1..=MOST).contains(&numbers.len()).then(|| words.collect::<Vec<_>>().join(", "))
    }

    /// Whether its reply is long enough to bring a command.
    fn may_bring_back(&self) -> bool {
        self.brings_back.as_ref().is_some_and(|reply| reply.wire_len() >= BRINGS)
    }

    /// Whether its name tells that it is neither a request for a vote nor a leader's.
    #[must_use]
    pub fn is_named_otherwise(&self) -> bool {
        matches!(Named::of(&self.method, &self.args), Some(Named::PreVote | Named::Answer))
    }

    /// The index of the last entry that AppendEntries brings, or that it says comes before.
    #[must_use]
    pub fn up_to(&self) -> Option<u64> {
        let entries = self.args.entries.as_ref().map_or(0, Vec::len) as u64;
        Some(self.args.prev_log_index? + entries)
    }

    /// Up to which index its receiver has confirmed its log by the answer, if it is a leader's.
    #[must_use]
    pub fn confirms(&self) -> Option<u64> {
        if self.is_snapshot() {
            let index = self.args.last_included_index;
            return index.filter(|_| self.is_followed() && !self.is_rejected());
        }
        self.up_to().filter(|_| self.is_append() && self.is_accepted())
    }

    /// The term of the entry at `index`, if the call brings that entry and tells its term.
    #[must_use]
    pub fn entry_term(&self, index: u64) -> Option<u64> {
        let place = index.checked_sub(self.args.prev_log_index? + 1)?;
        *self.args.entries.as_ref()?.get(place as usize)?
    }

    /// When a reply arrived; `None` if none has.
    #[must_use]
    pub fn replied(&self) -> Option<Time> {
        match self.returned {
            Some((moment, Outcome::Replied)) => Some(moment.at),
            _ => None,
        }
    }

    /// When a reply arrived that nobody took: its caller had dropped the call. `None` if the caller took it, or
    /// if no reply has arrived.
    #[must_use]
    pub fn arrived_unheard(&self) -> Option<Time> {
        self.replied().filter(|_| self.dropped.is_some())
    }

    /// Whether the network had not yet returned it at `at`. Its caller may have dropped it: see `dropped`.
    #[must_use]
    pub fn is_outstanding(&self, at: Time) -> bool {
        self.sent.at <= at && self.returned.is_none_or(|(returned, _)| returned.at > at)
    }

    /// Whether its answer says nothing that can be read: it may come as a message of its own.
    #[must_use]
    pub fn says_nothing_back(&self) -> bool {
        self.handled.is_some() && self.reply.term.is_none() && self.reply.says().is_none()
    }

    /// Whether its reply says nothing at all: whoever answers by a message of its own sends such ones.
    pub(crate) fn is_answered_emptily(&self) -> bool {
        self.says_nothing_back() && !self.may_bring_back()
    }

    /// Whether it is an answer of its own to a request for a vote or to AppendEntries.
    pub(crate) fn is_own_answer(&self) -> bool {
        let (vote_granted, success) = (self.args.vote_granted, self.args.success);
        self.purpose == Purpose::Other
            && !self.is_copy
            && vote_granted.is_some() != success.is_some()
            && !self.is_pre_vote()
    }

    /// Whether it is one of Raft's requests, and its reply says nothing that can be read.
    pub(super) fn is_unanswered(&self) -> bool {
        self.says_nothing_back() && (self.is_vote() || self.is_leaders() || self.is_pre_vote())
    }

    /// Whether its receiver answered in the sender's own term, as far as both can be read.
    #[must_use]
    pub fn is_answered_in_its_term(&self) -> bool {
        self.args.term.is_some() && self.reply.term == self.args.term
    }

    /// Whether its receiver took the sender for its leader: it answered in the sender's own term.
    #[must_use]
    pub fn is_followed(&self) -> bool {
        self.is_leaders() && self.handled.is_some() && self.is_answered_in_its_term()
    }
}

/// Goes through the numbers in a message that have names.
pub(super) fn each_named_number(message: &Value, take: &mut impl FnMut(&str, u64)) {
    for (name, value) in message.as_object().into_iter().flatten() {
        value.as_u64().into_iter().for_each(|number| take(name, number));
        each_named_number(value, take);
    }
}

/// Whether a field's name can stand in a sentence.
fn is_word(name: &str) -> bool {
    const LONGEST: usize = 24;
    name.len() <= LONGEST
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

fn has_number(value: &Value, number: u64) -> bool {
    match value {
        Value::Number(own) => own.as_u64() == Some(number),
        Value::Array(parts) => parts.iter().any(|part| has_number(part, number)),
        Value::Object(fields) => fields.values().any(|field| has_number(field, number)),
        Value::Null | Value::Bool(_) | Value::String(_) => false,
    }
}
