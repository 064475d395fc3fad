//! Fields of Raft's, how each is called, and sets of them.

use std::cell::Cell;
use std::fmt;

use super::named::is_no_message;

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
    /// None of Raft's: what the message is called.
    Named,
    Done,
    /// The term of each of the entries.
    EntryTerm,
    /// Not a field: that an answer says yes only by a flag for no that isn't set.
    Unrefused,
}

/// How a field is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Called {
    /// As in Figures 2 and 13, in whatever case.
    AsInPaper,
    /// By a name that is in use for it, or might be: what it means is a guess.
    Otherwise,
}

/// Longer names are none of Raft's.
const LONGEST: usize = 24;

impl Slot {
    /// All fields, in the paper's order.
    const ALL: [Slot; 14] = [
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
            Slot::Named => "its name",
            Slot::Done => "done",
            Slot::EntryTerm => "an entry's term",
            Slot::Unrefused => "no refusal",
        }
    }

    /// The field that the paper calls so: in snake case, or in lower case without what stands between the words. An index may
    /// be called `idx` there.
    fn in_paper(name: &[u8]) -> Option<Slot> {
        Some(match name {
            b"term" => Slot::Term,
            b"leader_id" | b"candidate_id" | b"leaderid" | b"candidateid" => Slot::Sender,
            b"prev_log_index" | b"prevlogindex" | b"prevlogidx" => Slot::PrevLogIndex,
            b"prev_log_term" | b"prevlogterm" => Slot::PrevLogTerm,
            b"entries" => Slot::Entries,
            b"leader_commit" | b"leadercommit" => Slot::LeaderCommit,
            b"success" => Slot::Success,
            b"last_log_index" | b"lastlogindex" | b"lastlogidx" => Slot::LastLogIndex,
            b"last_log_term" | b"lastlogterm" => Slot::LastLogTerm,
            b"vote_granted" | b"votegranted" => Slot::VoteGranted,
            b"last_included_index" | b"lastincludedindex" | b"lastincludedidx" => {
                Slot::LastIncludedIndex
            }
            b"last_included_term" | b"lastincludedterm" => Slot::LastIncludedTerm,
            b"done" => Slot::Done,
            _ => return None,
        })
    }

    /// The field that goes by `name`, and whether that is the paper's name for it.
    pub(super) fn named(name: &str) -> Option<(Slot, Called)> {
        // Most are called as in the paper, and are found at once.
        match Slot::in_paper(name.as_bytes()) {
            Some(slot) => Some((slot, Called::AsInPaper)),
            None => Meaning::of(name).slot,
        }
    }

    /// The field that may be meant by a name in lower case, without what stands between its words.
    fn in_use(name: &[u8]) -> Option<Slot> {
        Some(match name {
            b"currentterm" | b"currterm" | b"curterm" | b"leaderterm" | b"candidateterm"
            | b"replyterm" | b"myterm" | b"ownterm" => Slot::Term,
            b"candidate" | b"leader" => Slot::Sender,
            b"granted" | b"grant" | b"grantvote" | b"isgranted" | b"vote" | b"voted"
            | b"votegiven" | b"yes" => Slot::VoteGranted,
            b"logentries" | b"newentries" | b"logs" | b"log" | b"records" | b"suffix" => {
                Slot::Entries
            }
            b"succeeded" | b"succeed" | b"accepted" | b"ok" | b"okay" | b"matched" => Slot::Success,
            _ => return Slot::commit(name).or_else(|| Slot::composed(name)),
        })
    }

    /// Whether a field of this name is a term, as far as names tell.
    pub(crate) fn is_term(name: &str) -> bool {
        is_term(&name.to_ascii_lowercase())
            || Slot::named(name).is_some_and(|(slot, _)| slot == Slot::Term)
    }

    /// Whether it is yes or no.
    pub(super) fn is_flag(self) -> bool {
        matches!(self, Slot::VoteGranted | Slot::Success | Slot::Done)
    }

    /// The commit index, whatever it is called besides.
    fn commit(name: &[u8]) -> Option<Slot> {
        let name = name.strip_prefix(b"leader").unwrap_or(name);
        let rest = name.strip_prefix(b"committed").or_else(|| name.strip_prefix(b"commit"))?;
        (rest.is_empty() || is_index(rest)).then_some(Slot::LeaderCommit)
    }

    /// An index or a term of an entry, by which entry it is.
    fn composed(name: &[u8]) -> Option<Slot> {
        ENTRIES.into_iter().find_map(|(words, [index, term])| {
            let rest = words.iter().find_map(|word| entry(name, word))?;
            Some(if is_index(rest) { index } else { term })
        })
    }
}

/// What the name of a field tells.
#[derive(Clone, Copy)]
pub(super) struct Meaning {
    /// The field that goes by it, and whether that is the paper's name for it.
    pub(super) slot: Option<(Slot, Called)>,
    /// Whether, as a field of an entry, it tells where the entry is and not of which term.
    pub(super) is_place: bool,
    /// Whether what is in it is no message.
    pub(super) is_no_message: bool,
}

/// How many names are kept.
const KEPT: usize = 64;

thread_local! {
    /// What is known of names that were looked up: a Raft has a few, and reads them of each entry.
    static KNOWN: [Cell<([u8; LONGEST], Meaning)>; KEPT] =
        const { [const { Cell::new(([0; LONGEST], Meaning::NONE)) }; KEPT] };
}

impl Meaning {
    /// That of no name, and of most.
    const NONE: Meaning = Meaning { slot: None, is_place: false, is_no_message: false };

    /// What `name` tells.
    pub(super) fn of(name: &str) -> Meaning {
        let bytes = name.as_bytes();
        let Some(middle) = bytes.get(bytes.len() / 2).filter(|_| bytes.len() <= LONGEST) else {
            return Meaning { is_no_message: is_no_message(name), ..Meaning::NONE };
        };
        let mut padded = [0; LONGEST];
        padded[..bytes.len()].copy_from_slice(bytes);
        // Wherever it is kept: a name that takes another's place costs no more than to look it up again.
        let sum = [bytes[0], *middle, bytes[bytes.len() - 1]].map(usize::from);
        let place = sum[0] + 3 * sum[1] + 5 * sum[2] + 7 * bytes.len();
        KNOWN.with(|known| {
            let kept = &known[place % KEPT];
            let (name_there, meaning) = kept.get();
            if name_there == padded {
                return meaning;
            }
            let meaning = Meaning::found(name);
            kept.set((padded, meaning));
            meaning
        })
    }

    /// Finds it out.
    fn found(name: &str) -> Meaning {
        let lower = name.to_ascii_lowercase();
        let is_place = is_index(lower.as_bytes())
            || matches!(&*lower, "i" | "id" | "n" | "no" | "seq" | "slot" | "offset" | "len");
        let plain: Vec<u8> = lower.bytes().filter(|&byte| byte != b'_' && byte != b'-').collect();
        let in_paper = || Some((Slot::in_paper(&plain)?, Called::AsInPaper));
        let slot = match name {
            "command" | "conflict" | "data" => None,
            _ => in_paper().or_else(|| Some((Slot::in_use(&plain)?, Called::Otherwise))),
        };
        Meaning { slot, is_place, is_no_message: is_no_message(name) }
    }
}

/// Which entry of a log is meant by some words, and the fields for its index and its term.
const ENTRIES: [(&[&str], [Slot; 2]); 3] = [
    (
        &["last", "latest", "newest", "final", "tip", "tail"],
        [Slot::LastLogIndex, Slot::LastLogTerm],
    ),
    (
        &["prev", "previous", "prior", "preceding", "base", "anchor"],
        [Slot::PrevLogIndex, Slot::PrevLogTerm],
    ),
    (
        &["lastincluded", "lastinclude", "included", "snapshot", "snap"],
        [Slot::LastIncludedIndex, Slot::LastIncludedTerm],
    ),
];

/// What a name says of the entry that `word` means: its index or its term.
fn entry<'a>(name: &'a [u8], word: &str) -> Option<&'a [u8]> {
    let rest = name.strip_prefix(word.as_bytes())?;
    if rest == b"logentry" {
        return Some(INDEXES[0].as_bytes()); // as Hashicorp's Raft calls its index
    }
    let rest = rest.strip_prefix(b"log").or_else(|| rest.strip_prefix(b"entry")).unwrap_or(rest);
    (is_index(rest) || matches!(rest, b"term" | b"epoch")).then_some(rest)
}

/// What an index is called; and what it may be called besides, behind what tells of which entry it is.
const INDEXES: [&str; 5] = ["index", "idx", "ix", "pos", "position"];
const PLACES: [&str; 3] = ["slot", "offset", "at"];

pub(super) fn is_index(word: &[u8]) -> bool {
    INDEXES.iter().any(|index| index.as_bytes() == word)
}

/// The same of a field beside a term's, which makes an entry of the two.
pub(crate) fn is_index_beside_term(word: &str) -> bool {
    INDEXES.contains(&word) || PLACES.contains(&word)
}

/// What a term is called.
const TERMS: [&str; 9] =
    ["term", "epoch", "round", "generation", "gen", "era", "reign", "ballot", "view"];

pub(super) fn is_term(name: &str) -> bool {
    TERMS.contains(&name)
}

/// What a name that ends with a term's is said of; empty if that is all of it.
pub(super) fn term_of(name: &str) -> Option<&str> {
    TERMS.into_iter().find_map(|term| name.strip_suffix(term))
}

/// What a name that ends with an index's is said of.
pub(super) fn index_of(name: &str) -> Option<&str> {
    let mut words = INDEXES.into_iter().chain(PLACES);
    words.find_map(|index| name.strip_suffix(index)).filter(|of| !of.is_empty())
}

/// The fields for the index and the term of the entry that is called so.
pub(super) fn slots_of(name: &str) -> Option<[Slot; 2]> {
    let means = |words: &[&str]| words.iter().any(|word| name.starts_with(word));
    ENTRIES.into_iter().find_map(|(words, slots)| means(words).then_some(slots))
}

/// Whether it tells of an entry by where that stands in a log.
pub(super) fn is_of_a_place(name: &str) -> bool {
    const PLACES: [&str; 14] = [
        "after", "base", "before", "behind", "covers", "end", "entry", "floor", "mark", "newest",
        "spot", "tail", "top", "upto",
    ];
    PLACES.contains(&name) || is_index_beside_term(name) || slots_of(name).is_some()
}

/// Whether it says from whom a message is, or in which term, by whatever name.
pub(crate) fn is_of_sender(name: &str) -> bool {
    let plain = |letter: &char| !matches!(letter, '_' | '-');
    let lower: String = name.to_ascii_lowercase().chars().filter(plain).collect();
    let is_named = |slot| matches!(slot, Slot::Term | Slot::Sender);
    is_sender(&lower)
        || is_term(&lower)
        || Slot::named(name).is_some_and(|(slot, _)| is_named(slot))
}

/// Whether it says from whom a message is.
pub(super) fn is_sender(name: &str) -> bool {
    const SENDERS: [&str; 24] = [
        "author",
        "boss",
        "caller",
        "captain",
        "chief",
        "claimant",
        "from",
        "head",
        "holder",
        "master",
        "origin",
        "owner",
        "primary",
        "sender",
        "src",
        "source",
        "id",
        "me",
        "who",
        "node",
        "server",
        "peer",
        "leader",
        "candidate",
    ];
    SENDERS
        .iter()
        .any(|sender| name.strip_prefix(sender).is_some_and(|rest| rest.is_empty() || rest == "id"))
}

/// A set of fields' names.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Names(pub(super) u16);

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
