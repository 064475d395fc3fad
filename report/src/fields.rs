//! What a message of Raft says, whatever its author has called its types.
//!
//! The fields of Figures 2 and 13 are found by their names, in snake or camel case and in the
//! abbreviations that are in use. A message that has none of them says nothing; whoever reads it must
//! do without, and never guess.

use serde::ser::{Impossible, Serialize, SerializeMap, SerializeSeq, SerializeStruct, Serializer};
use serde::ser::{SerializeTuple, SerializeTupleStruct};

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

impl Fields {
    /// What `message` says.
    #[must_use]
    pub fn of<T: Serialize + ?Sized>(message: &T) -> Fields {
        let mut fields = Fields::default();
        // A message that can't be gone through has said all that it can.
        let _ = message.serialize(Pick(&mut fields));
        fields
    }

    /// Packs the fields behind what is in `bytes`: a number for each field that is there, and its
    /// value. Entries of one term, as most are, take the room of one.
    pub(crate) fn pack(&self, bytes: &mut Vec<u8>) {
        let Fields {
            term,
            sender,
            last_log_index,
            last_log_term,
            vote_granted,
            prev_log_index,
            prev_log_term,
            entries,
            leader_commit,
            success,
            last_included_index,
            last_included_term,
        } = self;
        let numbers = [
            (Slot::Term, *term),
            (Slot::Sender, *sender),
            (Slot::LastLogIndex, *last_log_index),
            (Slot::LastLogTerm, *last_log_term),
            (Slot::VoteGranted, vote_granted.map(u64::from)),
            (Slot::PrevLogIndex, *prev_log_index),
            (Slot::PrevLogTerm, *prev_log_term),
            (Slot::LeaderCommit, *leader_commit),
            (Slot::Success, success.map(u64::from)),
            (Slot::LastIncludedIndex, *last_included_index),
            (Slot::LastIncludedTerm, *last_included_term),
        ];
        for (slot, number) in numbers {
            if let Some(number) = number {
                bytes.push(slot as u8);
                pack_number(bytes, number);
            }
        }
        if let Some(entries) = entries {
            bytes.push(Slot::Entries as u8);
            for run in entries.chunk_by(|one, next| one == next) {
                pack_number(bytes, run.len() as u64);
                bytes.push(u8::from(run[0].is_some()));
                pack_number(bytes, run[0].unwrap_or(0));
            }
        }
    }

    /// Reads what [`Fields::pack`] has written.
    pub(crate) fn unpack(mut bytes: &[u8]) -> Fields {
        let mut fields = Fields::default();
        while let Some((&slot, rest)) = bytes.split_first() {
            bytes = rest;
            if slot == Slot::Entries as u8 {
                fields.entries = Some(unpack_entries(&mut bytes));
                continue;
            }
            let number = unpack_number(&mut bytes);
            match slot {
                slot if slot == Slot::Success as u8 => fields.success = Some(number != 0),
                slot if slot == Slot::VoteGranted as u8 => fields.vote_granted = Some(number != 0),
                slot => {
                    if let Some(place) = fields.number(slot) {
                        *place = Some(number);
                    }
                }
            }
        }
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

/// Packs a number: seven bits to a byte, the lowest first; all but the last have the eighth.
fn pack_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn unpack_number(bytes: &mut &[u8]) -> u64 {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let Some((&byte, rest)) = bytes.split_first() else { break };
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    number
}

fn unpack_entries(bytes: &mut &[u8]) -> Vec<Option<u64>> {
    let mut entries = Vec::new();
    // They are the last that is packed.
    while !bytes.is_empty() {
        let count = unpack_number(bytes) as usize;
        let is_known = unpack_number(bytes) != 0;
        let term = unpack_number(bytes);
        entries.resize(entries.len() + count, is_known.then_some(term));
    }
    entries
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

/// Why something was not gone through: it isn't what was looked for.
type Other = std::fmt::Error;

/// A value that stands for itself.
enum Scalar {
    Number(u64),
    Flag(bool),
}

/// The methods of a serializer for all that isn't looked for.
macro_rules! refuse {
    ($($method:ident($($kind:ty),*) -> $ok:ty;)*) => {
        $(fn $method(self, $(_: $kind),*) -> Result<$ok, Other> { Err(std::fmt::Error) })*
    };
}

/// What no serializer here takes.
macro_rules! refuse_the_rest {
    ($ok:ty) => {
        refuse! {
            serialize_f32(f32) -> $ok;
            serialize_f64(f64) -> $ok;
            serialize_char(char) -> $ok;
            serialize_str(&str) -> $ok;
            serialize_bytes(&[u8]) -> $ok;
            serialize_none() -> $ok;
            serialize_unit() -> $ok;
            serialize_unit_struct(&'static str) -> $ok;
            serialize_unit_variant(&'static str, u32, &'static str) -> $ok;
        }

        fn serialize_newtype_variant<T: Serialize + ?Sized>(
            self,
            _: &'static str,
            _: u32,
            _: &'static str,
            _: &T,
        ) -> Result<$ok, Other> {
            Err(std::fmt::Error)
        }

        type SerializeTupleVariant = Impossible<$ok, Other>;
        type SerializeStructVariant = Impossible<$ok, Other>;
        refuse! {
            serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Impossible<$ok, Other>;
            serialize_struct_variant(&'static str, u32, &'static str, usize) -> Impossible<$ok, Other>;
        }

        /// What is there or in a wrapper is looked at as it is.
        fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<$ok, Other> {
            value.serialize(self)
        }

        fn serialize_newtype_struct<T: Serialize + ?Sized>(
            self,
            _: &'static str,
            value: &T,
        ) -> Result<$ok, Other> {
            value.serialize(self)
        }
    };
}

/// A number or a flag, for serializers that look for neither.
macro_rules! refuse_scalars {
    ($ok:ty) => {
        refuse! {
            serialize_bool(bool) -> $ok;
            serialize_i8(i8) -> $ok;
            serialize_i16(i16) -> $ok;
            serialize_i32(i32) -> $ok;
            serialize_i64(i64) -> $ok;
            serialize_u8(u8) -> $ok;
            serialize_u16(u16) -> $ok;
            serialize_u32(u32) -> $ok;
            serialize_u64(u64) -> $ok;
        }
    };
}

/// Takes one number or flag.
struct One;

macro_rules! numbers {
    ($($method:ident($kind:ty);)*) => {
        $(fn $method(self, value: $kind) -> Result<Scalar, Other> {
            u64::try_from(value).map(Scalar::Number).map_err(|_| std::fmt::Error)
        })*
    };
}

impl Serializer for One {
    type Ok = Scalar;
    type Error = Other;
    type SerializeSeq = Impossible<Scalar, Other>;
    type SerializeTuple = Impossible<Scalar, Other>;
    type SerializeTupleStruct = Impossible<Scalar, Other>;
    type SerializeMap = Impossible<Scalar, Other>;
    type SerializeStruct = Impossible<Scalar, Other>;

    fn serialize_bool(self, value: bool) -> Result<Scalar, Other> {
        Ok(Scalar::Flag(value))
    }

    numbers! {
        serialize_i8(i8);
        serialize_i16(i16);
        serialize_i32(i32);
        serialize_i64(i64);
        serialize_u8(u8);
        serialize_u16(u16);
        serialize_u32(u32);
        serialize_u64(u64);
    }

    refuse! {
        serialize_seq(Option<usize>) -> Impossible<Scalar, Other>;
        serialize_tuple(usize) -> Impossible<Scalar, Other>;
        serialize_tuple_struct(&'static str, usize) -> Impossible<Scalar, Other>;
        serialize_map(Option<usize>) -> Impossible<Scalar, Other>;
        serialize_struct(&'static str, usize) -> Impossible<Scalar, Other>;
    }

    refuse_the_rest!(Scalar);
}

/// Takes the fields of a struct, or of an object.
struct Pick<'a>(&'a mut Fields);

/// Takes the fields one by one.
struct Picking<'a> {
    fields: &'a mut Fields,
    key: String,
}

impl<'a> Serializer for Pick<'a> {
    type Ok = ();
    type Error = Other;
    type SerializeSeq = Impossible<(), Other>;
    type SerializeTuple = Impossible<(), Other>;
    type SerializeTupleStruct = Impossible<(), Other>;
    type SerializeMap = Picking<'a>;
    type SerializeStruct = Picking<'a>;

    fn serialize_map(self, _: Option<usize>) -> Result<Picking<'a>, Other> {
        Ok(Picking { fields: self.0, key: String::new() })
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Picking<'a>, Other> {
        Ok(Picking { fields: self.0, key: String::new() })
    }

    refuse! {
        serialize_seq(Option<usize>) -> Impossible<(), Other>;
        serialize_tuple(usize) -> Impossible<(), Other>;
        serialize_tuple_struct(&'static str, usize) -> Impossible<(), Other>;
    }

    refuse_scalars!(());
    refuse_the_rest!(());
}

impl SerializeStruct for Picking<'_> {
    type Ok = ();
    type Error = Other;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Other> {
        self.fields.take(name, value);
        Ok(())
    }

    fn end(self) -> Result<(), Other> {
        Ok(())
    }
}

impl SerializeMap for Picking<'_> {
    type Ok = ();
    type Error = Other;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Other> {
        self.key = key_of(key)?;
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Other> {
        self.fields.take(&self.key, value);
        Ok(())
    }

    fn end(self) -> Result<(), Other> {
        Ok(())
    }
}

/// Takes the terms of a log's entries.
struct Entries<'a>(&'a mut Vec<Option<u64>>);

impl Serializer for Entries<'_> {
    type Ok = ();
    type Error = Other;
    type SerializeSeq = Self;
    type SerializeTuple = Impossible<(), Other>;
    type SerializeTupleStruct = Impossible<(), Other>;
    type SerializeMap = Impossible<(), Other>;
    type SerializeStruct = Impossible<(), Other>;

    fn serialize_seq(self, len: Option<usize>) -> Result<Self, Other> {
        // A length that is only claimed is no reason to take memory.
        self.0.reserve(len.unwrap_or(0).min(1024));
        Ok(self)
    }

    refuse! {
        serialize_tuple(usize) -> Impossible<(), Other>;
        serialize_tuple_struct(&'static str, usize) -> Impossible<(), Other>;
        serialize_map(Option<usize>) -> Impossible<(), Other>;
        serialize_struct(&'static str, usize) -> Impossible<(), Other>;
    }

    refuse_scalars!(());
    refuse_the_rest!(());
}

impl SerializeSeq for Entries<'_> {
    type Ok = ();
    type Error = Other;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, entry: &T) -> Result<(), Other> {
        self.0.push(entry.serialize(EntryTerm).unwrap_or(None));
        Ok(())
    }

    fn end(self) -> Result<(), Other> {
        Ok(())
    }
}

/// Takes the term of one entry: its field of that name, or the first number of a tuple.
struct EntryTerm;

/// Takes it out of what it is in.
#[derive(Default)]
struct TermWithin {
    term: Option<u64>,
    is_behind: bool,
    key: String,
}

impl TermWithin {
    fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) {
        if Slot::named(name) == Some(Slot::Term)
            && let Ok(Scalar::Number(term)) = value.serialize(One)
        {
            self.term = Some(term);
        }
    }

    fn element<T: Serialize + ?Sized>(&mut self, value: &T) {
        if !std::mem::replace(&mut self.is_behind, true)
            && let Ok(Scalar::Number(term)) = value.serialize(One)
        {
            self.term = Some(term);
        }
    }
}

impl Serializer for EntryTerm {
    type Ok = Option<u64>;
    type Error = Other;
    type SerializeSeq = TermWithin;
    type SerializeTuple = TermWithin;
    type SerializeTupleStruct = TermWithin;
    type SerializeMap = TermWithin;
    type SerializeStruct = TermWithin;

    fn serialize_seq(self, _: Option<usize>) -> Result<TermWithin, Other> {
        Ok(TermWithin::default())
    }

    fn serialize_tuple(self, _: usize) -> Result<TermWithin, Other> {
        Ok(TermWithin::default())
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<TermWithin, Other> {
        Ok(TermWithin::default())
    }

    fn serialize_map(self, _: Option<usize>) -> Result<TermWithin, Other> {
        Ok(TermWithin::default())
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<TermWithin, Other> {
        Ok(TermWithin::default())
    }

    refuse_scalars!(Option<u64>);
    refuse_the_rest!(Option<u64>);
}

/// An object's key: only names are of interest.
fn key_of<T: Serialize + ?Sized>(key: &T) -> Result<String, Other> {
    match serde_json::to_value(key) {
        Ok(serde_json::Value::String(name)) => Ok(name),
        _ => Err(std::fmt::Error),
    }
}

impl SerializeSeq for TermWithin {
    type Ok = Option<u64>;
    type Error = Other;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Other> {
        self.element(value);
        Ok(())
    }

    fn end(self) -> Result<Option<u64>, Other> {
        Ok(self.term)
    }
}

impl SerializeTuple for TermWithin {
    type Ok = Option<u64>;
    type Error = Other;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Other> {
        self.element(value);
        Ok(())
    }

    fn end(self) -> Result<Option<u64>, Other> {
        Ok(self.term)
    }
}

impl SerializeTupleStruct for TermWithin {
    type Ok = Option<u64>;
    type Error = Other;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Other> {
        self.element(value);
        Ok(())
    }

    fn end(self) -> Result<Option<u64>, Other> {
        Ok(self.term)
    }
}

impl SerializeMap for TermWithin {
    type Ok = Option<u64>;
    type Error = Other;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Other> {
        self.key = key_of(key)?;
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Other> {
        let key = std::mem::take(&mut self.key);
        self.field(&key, value);
        Ok(())
    }

    fn end(self) -> Result<Option<u64>, Other> {
        Ok(self.term)
    }
}

impl SerializeStruct for TermWithin {
    type Ok = Option<u64>;
    type Error = Other;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Other> {
        self.field(name, value);
        Ok(())
    }

    fn end(self) -> Result<Option<u64>, Other> {
        Ok(self.term)
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
