//! What a message of Raft says, whatever its author has called its types.
//!
//! The fields of Figures 2 and 13 are found by their names, in snake or camel case and in the
//! abbreviations that are in use. A message that has none of them says nothing; whoever reads it must
//! do without, and never guess.

mod pack;
mod pick;

use std::fmt;

use serde::ser::Serialize;

use pick::{Entries, One, Pick, Scalar};

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
    /// Whether a candidate only asks if it would get the vote (thesis §9.6); the paper has no name for it.
    pub pre_vote: Option<bool>,
    /// `done`: whether a part of a snapshot is the last.
    pub done: Option<bool>,
    /// Which of these were found by a name that isn't the paper's.
    pub guessed: Names,
}

/// A set of fields' names.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Names(u16);

impl Names {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether `name` is among them.
    pub(crate) fn has(self, name: Slot) -> bool {
        self.0 & name.bit() != 0
    }

    pub(crate) fn insert(&mut self, name: Slot) {
        self.0 |= name.bit();
    }

    pub(crate) fn remove(&mut self, name: Slot) {
        self.0 &= !name.bit();
    }

    /// Adds all of `others`.
    pub(crate) fn extend(&mut self, others: Names) {
        self.0 |= others.0;
    }

    /// They, in the paper's order.
    pub(crate) fn iter(self) -> impl Iterator<Item = Slot> {
        Slot::ALL.into_iter().filter(move |&name| self.has(name))
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Slot::paper_name)).finish()
    }
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
        let mut fields = Fields::default();
        // A message that can't be gone through has said all that it can.
        let _ = message.serialize(Pick(&mut fields));
        fields
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
        let Some((slot, how)) = Slot::named(name) else { return };
        // What has the paper's name is what the paper means by it, whatever else sounds like it.
        if how == Named::Otherwise && self.has(slot) && !self.guessed.has(slot) {
            return;
        }
        if !self.set(slot, value) {
            return;
        }
        match how {
            Named::AsInPaper => self.guessed.remove(slot),
            Named::Otherwise => self.guessed.insert(slot),
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
                let (mut terms, mut how) = (Vec::new(), Named::AsInPaper);
                if value.serialize(Entries { terms: &mut terms, how: &mut how }).is_err() {
                    return false;
                }
                self.entries = Some(terms);
                match how {
                    Named::AsInPaper => self.guessed.remove(Slot::EntryTerm),
                    Named::Otherwise => self.guessed.insert(Slot::EntryTerm),
                }
                true
            }
            Slot::VoteGranted | Slot::Success | Slot::PreVote | Slot::Done => {
                let Some(flag) = flag(value) else { return false };
                match slot {
                    Slot::Success => self.success = Some(flag),
                    Slot::PreVote => self.pre_vote = Some(flag),
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

    /// Whether a field is there.
    fn has(&mut self, slot: Slot) -> bool {
        match slot {
            Slot::Entries | Slot::EntryTerm => self.entries.is_some(),
            Slot::VoteGranted => self.vote_granted.is_some(),
            Slot::Success => self.success.is_some(),
            Slot::PreVote => self.pre_vote.is_some(),
            Slot::Done => self.done.is_some(),
            _ => self.number(slot as u8).is_some_and(|number| number.is_some()),
        }
    }

    /// The same without a field.
    pub(crate) fn forget(&mut self, slot: Slot) {
        match slot {
            Slot::Entries => self.entries = None,
            Slot::EntryTerm => self.entries.iter_mut().flatten().for_each(|term| *term = None),
            Slot::VoteGranted => self.vote_granted = None,
            Slot::Success => self.success = None,
            Slot::PreVote => self.pre_vote = None,
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

/// A field of Raft's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Slot {
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
    PreVote,
    Done,
    /// The term of each of the entries.
    EntryTerm,
}

/// How a field is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Named {
    /// As in Figures 2 and 13, in whatever case.
    AsInPaper,
    /// By a name that is in use for it, or might be: what it means is a guess.
    Otherwise,
}

/// Longer names are none of Raft's.
const LONGEST: usize = 24;

impl Slot {
    /// All fields, in the paper's order.
    const ALL: [Slot; 15] = [
        Slot::Term,
        Slot::Sender,
        Slot::LastLogIndex,
        Slot::LastLogTerm,
        Slot::VoteGranted,
        Slot::PrevLogIndex,
        Slot::PrevLogTerm,
        Slot::Entries,
        Slot::LeaderCommit,
        Slot::Success,
        Slot::LastIncludedIndex,
        Slot::LastIncludedTerm,
        Slot::PreVote,
        Slot::Done,
        Slot::EntryTerm,
    ];

    fn bit(self) -> u16 {
        1 << self as u8
    }

    /// What the paper calls it.
    pub(crate) fn paper_name(self) -> &'static str {
        match self {
            Slot::Term => "term",
            Slot::Sender => "candidateId or leaderId",
            Slot::LastLogIndex => "lastLogIndex",
            Slot::LastLogTerm => "lastLogTerm",
            Slot::VoteGranted => "voteGranted",
            Slot::PrevLogIndex => "prevLogIndex",
            Slot::PrevLogTerm => "prevLogTerm",
            Slot::Entries => "entries",
            Slot::LeaderCommit => "leaderCommit",
            Slot::Success => "success",
            Slot::LastIncludedIndex => "lastIncludedIndex",
            Slot::LastIncludedTerm => "lastIncludedTerm",
            Slot::PreVote => "a pre-vote",
            Slot::Done => "done",
            Slot::EntryTerm => "an entry's term",
        }
    }

    /// The field that goes by `name`, and whether that is the paper's name for it.
    fn named(name: &str) -> Option<(Slot, Named)> {
        let paper = |slot| Some((slot, Named::AsInPaper));
        // Most are called as in the paper, and are found at once.
        match name {
            "term" => return paper(Slot::Term),
            "leader_id" | "candidate_id" => return paper(Slot::Sender),
            "prev_log_index" => return paper(Slot::PrevLogIndex),
            "prev_log_term" => return paper(Slot::PrevLogTerm),
            "entries" => return paper(Slot::Entries),
            "leader_commit" => return paper(Slot::LeaderCommit),
            "success" => return paper(Slot::Success),
            "last_log_index" => return paper(Slot::LastLogIndex),
            "last_log_term" => return paper(Slot::LastLogTerm),
            "vote_granted" => return paper(Slot::VoteGranted),
            "last_included_index" => return paper(Slot::LastIncludedIndex),
            "last_included_term" => return paper(Slot::LastIncludedTerm),
            "done" => return paper(Slot::Done),
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
        match &buffer[..len] {
            b"term" => return paper(Slot::Term),
            b"candidateid" | b"leaderid" => return paper(Slot::Sender),
            b"lastlogindex" => return paper(Slot::LastLogIndex),
            b"lastlogterm" => return paper(Slot::LastLogTerm),
            b"votegranted" => return paper(Slot::VoteGranted),
            b"prevlogindex" => return paper(Slot::PrevLogIndex),
            b"prevlogterm" => return paper(Slot::PrevLogTerm),
            b"entries" => return paper(Slot::Entries),
            b"leadercommit" => return paper(Slot::LeaderCommit),
            b"success" => return paper(Slot::Success),
            b"done" => return paper(Slot::Done),
            b"lastincludedindex" => return paper(Slot::LastIncludedIndex),
            b"lastincludedterm" => return paper(Slot::LastIncludedTerm),
            _ => {}
        }
        let slot = match &buffer[..len] {
            b"currentterm" | b"currterm" | b"curterm" | b"leaderterm" | b"candidateterm"
            | b"replyterm" => Slot::Term,
            b"candidate" | b"leader" => Slot::Sender,
            b"lastlogidx" | b"lastindex" | b"lastidx" => Slot::LastLogIndex,
            b"lastterm" => Slot::LastLogTerm,
            b"granted" | b"grant" | b"grantvote" | b"isgranted" => Slot::VoteGranted,
            b"prevlogidx" | b"previndex" | b"previdx" | b"previouslogindex" => Slot::PrevLogIndex,
            b"prevterm" | b"previouslogterm" => Slot::PrevLogTerm,
            b"logentries" | b"newentries" | b"logs" | b"log" => Slot::Entries,
            b"leadercommitindex" | b"leadercommitidx" | b"commitindex" | b"commitidx" => {
                Slot::LeaderCommit
            }
            b"succeeded" | b"succeed" | b"accepted" | b"ok" => Slot::Success,
            b"lastincludedidx" | b"lastincludeindex" | b"snapshotindex" => Slot::LastIncludedIndex,
            b"lastincludeterm" | b"snapshotterm" => Slot::LastIncludedTerm,
            // Where the paper has no name, none is wrong.
            b"prevote" | b"isprevote" => return paper(Slot::PreVote),
            _ => return None,
        };
        Some((slot, Named::Otherwise))
    }
}

#[cfg(test)]
mod tests {
    use serde::Serialize;
    use serde_json::json;

    use super::{Fields, Names, Slot};

    #[derive(Serialize)]
    struct Entry {
        term: u64,
        command: Vec<u8>,
    }

    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Args {
        term: u32,
        leader_id: usize,
        prev_log_index: u64,
        entries: Vec<Entry>,
        leader_commit: i64,
    }

    fn args() -> Args {
        let entry = |term| Entry { term, command: vec![1] };
        Args {
            term: 7,
            leader_id: 2,
            prev_log_index: 4,
            entries: vec![entry(6), entry(7)],
            leader_commit: 5,
        }
    }

    #[test]
    fn fields_are_found_by_name() {
        let fields = Fields::of(&args());
        assert_eq!(fields.term, Some(7));
        assert_eq!(fields.sender, Some(2));
        assert_eq!(fields.prev_log_index, Some(4));
        assert_eq!(fields.prev_log_term, None);
        assert_eq!(fields.entries, Some(vec![Some(6), Some(7)]));
        assert_eq!(fields.leader_commit, Some(5));
    }

    #[test]
    fn a_stored_message_says_the_same() {
        let stored = serde_json::to_value(args()).expect("plain data");
        assert_eq!(Fields::of(&stored), Fields::of(&args()));
    }

    #[test]
    fn packing_changes_nothing() {
        let all = Fields {
            term: Some(u64::MAX),
            sender: Some(0),
            last_log_index: Some(127),
            last_log_term: Some(128),
            vote_granted: Some(false),
            prev_log_index: Some(1 << 40),
            prev_log_term: None,
            entries: Some(vec![Some(1), Some(1), None, None, Some(300)]),
            leader_commit: Some(3),
            success: Some(true),
            last_included_index: Some(5),
            last_included_term: Some(6),
            pre_vote: Some(true),
            done: Some(false),
            guessed: Fields::of(&json!({"commit_index": 1, "log": [[1]]})).guessed,
        };
        for fields in [all, Fields::default(), Fields::of(&args())] {
            let mut bytes = Vec::new();
            fields.pack(&mut bytes);
            assert_eq!(Fields::unpack(&bytes), fields);
        }
        let none = Fields { entries: Some(Vec::new()), ..Fields::default() };
        let mut bytes = Vec::new();
        none.pack(&mut bytes);
        assert_eq!(Fields::unpack(&bytes), none);
    }

    #[test]
    fn a_conflict_term_is_no_term() {
        assert_eq!(Fields::of(&json!({"x_term": 3, "conflict": {"term": 4}})), Fields::default());
    }

    #[test]
    fn entries_may_be_tuples() {
        let fields = Fields::of(&json!({"entries": [[3, "a"], ["b", 4], "c"]}));
        assert_eq!(fields.entries, Some(vec![Some(3), None, None]));
        assert!(fields.guessed.has(Slot::EntryTerm), "{:?}", fields.guessed);
    }

    #[test]
    fn a_name_that_isn_t_the_paper_s_is_a_guess() {
        assert_eq!(Fields::of(&args()).guessed, Names::default());
        let fields = Fields::of(&json!({"leaderCommitIndex": 3, "term": 1, "currentTerm": 2}));
        assert_eq!((fields.leader_commit, fields.term), (Some(3), Some(1)));
        let names: Vec<Slot> = fields.guessed.iter().collect();
        assert_eq!(names, [Slot::LeaderCommit]);
        // Whatever comes first.
        let fields = Fields::of(&json!({"leader_term": 2, "term": 1}));
        assert_eq!((fields.term, fields.guessed), (Some(1), Names::default()));
        let fields = Fields::of(&json!({"entries": [{"leader_term": 4}]}));
        assert_eq!(fields.guessed.iter().collect::<Vec<_>>(), [Slot::EntryTerm]);
    }

    #[test]
    fn a_message_that_is_no_struct_says_nothing() {
        assert_eq!(Fields::of(&(1, true)), Fields::default());
        assert_eq!(Fields::of(&-1), Fields::default());
    }
}
