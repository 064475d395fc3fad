//! What a message of Raft says, whatever its author has called its types.
//!
//! The fields of Figures 2 and 13 are found by their names, in snake or camel case and in the
//! abbreviations that are in use. A message that has none of them says nothing; whoever reads it must
//! do without, and never guess.

mod pack;
mod pick;

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
        let Some(slot) = Slot::named(name) else { return };
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
mod tests {
    use serde::Serialize;
    use serde_json::json;

    use super::Fields;

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
    }

    #[test]
    fn a_message_that_is_no_struct_says_nothing() {
        assert_eq!(Fields::of(&(1, true)), Fields::default());
        assert_eq!(Fields::of(&-1), Fields::default());
    }
}
