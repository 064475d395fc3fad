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
mod pack;
mod pick;

use serde::ser::Serialize;

use entries::Entries;
pub use named::Named;
use pick::{Look, Name, One, Pick, Scalar};

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
}

/// The highest term or index that a story tells of. No run comes near it, but 0 less 1 does, where it wraps:
/// with this much room nothing that is added to a number does.
pub(crate) const HIGHEST: u64 = u64::MAX >> 1;

impl Fields {
    /// The same with no number above [`HIGHEST`].
    pub(crate) fn capped(mut self) -> Fields {
        for slot in 0..=Slot::LastIncludedTerm as u8 {
            if let Some(Some(number)) = self.number(slot) {
                *number = (*number).min(HIGHEST);
            }
        }
        for term in self.entries.iter_mut().flatten().flatten() {
            *term = (*term).min(HIGHEST);
        }
        self
    }

    /// What `message` says.
    #[must_use]
    pub fn of<T: Serialize + ?Sized>(message: &T) -> Fields {
        Fields::within(message, LEVELS)
    }

    /// What `message` says: by its own fields, or, if these don't tell what it is for, by those of what is
    /// in it.
    fn within<T: Serialize + ?Sized>(message: &T, levels: u32) -> Fields {
        let mut fields = Fields::default();
        // A message that can't be gone through has said all that it can.
        let _ = message.serialize(Pick { fields: &mut fields, look: Look::AtFields });
        if levels > 0 && !fields.tell_purpose() {
            let look = Look::Within(levels - 1);
            let _ = message.serialize(Pick { fields: &mut fields, look });
        }
        fields
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

    /// Takes over what `inner` says and this doesn't.
    fn fill(&mut self, mut inner: Fields) {
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
        if Slot::named(name).is_some() || named::is_no_message(name) {
            return;
        }
        let mut inner = Fields::within(value, levels);
        if inner == Fields::default() {
            return;
        }
        // As in JSON, where the variant of an enum is the name of a field.
        inner.named = inner.named.or_else(|| Named::by(name));
        self.fill(inner);
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
        let Some(slot) = Slot::named(name) else { return self.take_name(name, value) };
        match slot {
            Slot::Entries => {
                let mut terms = Vec::new();
                if value.serialize(Entries(&mut terms)).is_ok() {
                    self.entries = Some(terms);
                }
            }
            Slot::VoteGranted | Slot::Success => {
                let Ok(Scalar::Flag(flag)) = value.serialize(One) else { return };
                match slot {
                    Slot::Success => self.success = Some(flag),
                    _ => self.vote_granted = Some(flag),
                }
            }
            _ => {
                if let Ok(Scalar::Number(number)) = value.serialize(One)
                    && let Some(place) = self.number(slot as u8)
                {
                    *place = Some(number);
                }
            }
        }
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
        }
    }
}

/// A field of Raft's.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(u8)]
enum Slot {
    Term,
    Sender,
    LastLogIndex,
    LastLogTerm,
    VoteGranted,
    PrevLogIndex,
    PrevLogTerm,
    Entries,
    LeaderCommit,
    Success,
    LastIncludedIndex,
    LastIncludedTerm,
    /// None of Raft's: what the message is called.
    Named,
}

/// Longer names are none of Raft's.
const LONGEST: usize = 24;

impl Slot {
    /// The field that goes by `name`.
    fn named(name: &str) -> Option<Slot> {
        // Most are called as in the paper, and are found at once.
        match name {
            "term" => return Some(Slot::Term),
            "leader_id" | "candidate_id" => return Some(Slot::Sender),
            "prev_log_index" => return Some(Slot::PrevLogIndex),
            "prev_log_term" => return Some(Slot::PrevLogTerm),
            "entries" => return Some(Slot::Entries),
            "leader_commit" => return Some(Slot::LeaderCommit),
            "success" => return Some(Slot::Success),
            "last_log_index" => return Some(Slot::LastLogIndex),
            "last_log_term" => return Some(Slot::LastLogTerm),
            "vote_granted" => return Some(Slot::VoteGranted),
            "last_included_index" => return Some(Slot::LastIncludedIndex),
            "last_included_term" => return Some(Slot::LastIncludedTerm),
            "command" | "conflict" | "data" => return None,
            _ => {}
        }
        if name.len() > LONGEST {
            return None;
        }
        // In lower case, without what stands between the words.
        let mut buffer = [0; LONGEST];
        let mut len = 0;
        for byte in name.bytes().filter(|&byte| byte != b'_' && byte != b'-') {
            buffer[len] = byte.to_ascii_lowercase();
            len += 1;
        }
        Some(match &buffer[..len] {
            b"term" | b"currentterm" | b"currterm" | b"curterm" | b"leaderterm"
            | b"candidateterm" | b"replyterm" => Slot::Term,
            b"candidateid" | b"candidate" | b"leaderid" | b"leader" => Slot::Sender,
            b"lastlogindex" | b"lastlogidx" | b"lastindex" | b"lastidx" => Slot::LastLogIndex,
            b"lastlogterm" | b"lastterm" => Slot::LastLogTerm,
            b"votegranted" | b"granted" | b"grant" | b"grantvote" | b"isgranted" => {
                Slot::VoteGranted
            }
            b"prevlogindex" | b"prevlogidx" | b"previndex" | b"previdx" | b"previouslogindex" => {
                Slot::PrevLogIndex
            }
            b"prevlogterm" | b"prevterm" | b"previouslogterm" => Slot::PrevLogTerm,
            b"entries" | b"logentries" | b"newentries" | b"logs" | b"log" => Slot::Entries,
            b"leadercommit" | b"leadercommitindex" | b"leadercommitidx" | b"commitindex"
            | b"commitidx" => Slot::LeaderCommit,
            b"success" | b"succeeded" | b"succeed" | b"accepted" | b"ok" => Slot::Success,
            b"lastincludedindex" | b"lastincludedidx" | b"lastincludeindex" | b"snapshotindex" => {
                Slot::LastIncludedIndex
            }
            b"lastincludedterm" | b"lastincludeterm" | b"snapshotterm" => Slot::LastIncludedTerm,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests;
