//! What a message is by its shape, where its author has names of his own: which numbers belong together, and whether a
//! list or bytes come with them.
//!
//! An entry is told by its index and its term, whatever it is called: `tail_index` and `tail_term`, or `tail` and
//! `tail_epoch`, or an object of both. In a message that brings a list it is the entry before the list's; in one that
//! brings bytes, the last that they include; in any other, the sender's last. All of it is a guess, which the run
//! must confirm.

use serde::ser::{Impossible, Serialize, SerializeMap, SerializeSeq, SerializeStruct};
use serde::ser::{SerializeStructVariant, SerializeTuple, Serializer};

use super::Slot;
use super::named::{
    Named, is_answer, is_no_message, is_of_an_entry, is_snapshot, is_tag, sense, verdict,
};
use super::names::{
    index_of, is_index_beside_term, is_of_a_place, is_sender, is_term, slots_of, term_of,
};
use super::pick::{Name, One, Other, Scalar, key_of, takes_back};

/// What a message consists of.
#[derive(Default)]
pub(super) struct Shape {
    /// Its numbers, by their names in lower case without what stands between the words.
    numbers: Vec<(String, u64)>,
    /// What its flags say, by their names: yes, no, or nothing that is known.
    flags: Vec<Option<bool>>,
    /// Whether a flag for no is there that isn't set.
    lacks_refusal: bool,
    /// What words say that stand for an answer: the name of an enum's variant, above all.
    words: Vec<bool>,
    /// Entries that are objects of an index and a term.
    entries: Vec<Entry>,
    has_list: bool,
    has_bytes: bool,
    /// How many fields it has.
    fields: usize,
    /// Whether the name of what it is tells that it is about an entry, as that of a conflict does.
    is_of_an_entry: bool,
    /// Whether something in it takes back a yes.
    takes_back: bool,
}

/// An entry of a log that a message tells of.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    /// What it is called: its fields' names without `index` and `term`.
    name: String,
    index: u64,
    term: u64,
    /// Whether its two numbers have no names: which is the index is a guess.
    is_pair: bool,
}

impl Shape {
    pub(super) fn of<T: Serialize + ?Sized>(message: &T) -> Shape {
        let mut shape = Shape::default();
        // What isn't made up of fields has no shape.
        let _ = message.serialize(Gather(&mut shape));
        shape
    }

    /// What it says, as far as its shape tells: no field twice.
    pub(super) fn says(mut self) -> Vec<(Slot, u64)> {
        let mut said = Vec::new();
        let is_request = self.flags.is_empty() && self.words.is_empty();
        // What stands beside a no may be of the entry on which two logs differ.
        let is_no = self.words.contains(&false);
        let is_own = !(self.is_of_an_entry || is_no && self.fields > 1);
        let entry = self.take_entry().filter(|_| is_request && !(self.has_list && self.has_bytes));
        said.extend(self.term().filter(|_| is_own).map(|term| (Slot::Term, term)));
        let Some(Entry { name, index, term, .. }) = entry else { return said };
        let [at_index, at_term] = if self.has_list {
            [Slot::PrevLogIndex, Slot::PrevLogTerm]
        } else if self.has_bytes {
            [Slot::LastIncludedIndex, Slot::LastIncludedTerm]
        } else {
            slots_of(&name).unwrap_or([Slot::LastLogIndex, Slot::LastLogTerm])
        };
        said.extend([(at_index, index), (at_term, term)]);
        if at_index == Slot::PrevLogIndex {
            said.extend(self.commit().map(|commit| (Slot::LeaderCommit, commit)));
        }
        said
    }

    /// The same but for an entry of which only the order of two numbers tells the index from the term.
    pub(super) fn says_by_names(mut self) -> Vec<(Slot, u64)> {
        self.entries.retain(|entry| !entry.is_pair);
        self.says()
    }

    /// Whether it says yes or no, and nothing else but numbers; of what `is_named` an answer, whatever else is there.
    pub(super) fn answer(&self, is_named: bool) -> Option<bool> {
        // A word within another that says the same is one with it, as in `Err(Mismatch { .. })`.
        let first = self.words.first();
        let is_of_one = self.words.iter().all(|word| Some(word) == first);
        let words =
            &self.words[..if is_of_one { self.words.len().min(1) } else { self.words.len() }];
        let mut said = self.flags.iter().copied().flatten().chain(words.iter().copied());
        let is_alone = said.clone().count() == 1;
        let is_alone = is_alone && (is_named || !self.has_list && !self.has_bytes);
        said.next().filter(|said| is_alone && !(*said && self.takes_back))
    }

    /// Whether it says yes only by a flag for no that isn't set: what is refused for another reason may leave it so, too.
    pub(super) fn only_lacks_refusal(&self) -> bool {
        self.lacks_refusal && self.words.is_empty()
    }

    /// Takes the name of what it is, or all that it is.
    fn take_word(&mut self, word: &str) {
        self.words.extend(verdict(word));
        self.is_of_an_entry |= is_of_an_entry(word, || 0);
    }

    /// The one entry that it tells of, if there is one alone.
    fn take_entry(&mut self) -> Option<Entry> {
        let mut entries = std::mem::take(&mut self.entries);
        let terms = self.numbers.iter().filter_map(|(name, term)| Some((term_of(name)?, *term)));
        for (of, term) in terms.filter(|(of, _)| !of.is_empty()) {
            let index = self.numbers.iter().find(|(name, _)| index_of(name) == Some(of));
            let index = index.or_else(|| self.numbers.iter().find(|(name, _)| name == of));
            entries.extend(index.map(|&(_, index)| Entry {
                name: of.to_owned(),
                index,
                term,
                is_pair: false,
            }));
        }
        let entry = entries.pop().filter(|_| entries.is_empty())?;
        self.numbers.retain(|(name, _)| {
            name != &entry.name
                && index_of(name) != Some(&entry.name)
                && term_of(name) != Some(&entry.name)
        });
        Some(entry)
    }

    /// The sender's term, under a name that is in use for it.
    fn term(&self) -> Option<u64> {
        let mut terms = self.numbers.iter().filter(|(name, _)| is_term(name));
        terms.next().filter(|_| terms.next().is_none()).map(|&(_, term)| term)
    }

    /// The number that is left, if it is one alone.
    fn commit(&self) -> Option<u64> {
        let is_left =
            |name: &str| !is_term(name) && !is_sender(name) && Slot::named(name).is_none();
        let mut left = self.numbers.iter().filter(|(name, _)| is_left(name));
        left.next().filter(|_| left.next().is_none()).map(|&(_, commit)| commit)
    }

    fn take<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) {
        self.fields += 1;
        self.takes_back |= takes_back(name, value);
        if is_answer(name)
            && let Ok(word) = value.serialize(Name)
        {
            return self.take_word(&word);
        }
        let plain = |letter: &char| !matches!(letter, '_' | '-');
        let name: String = name.to_ascii_lowercase().chars().filter(plain).collect();
        match value.serialize(One) {
            Ok(Scalar::Number(number)) => return self.numbers.push((name, number)),
            Ok(Scalar::Flag(flag)) => {
                let sense = sense(&name);
                self.lacks_refusal |= sense == Some(false) && !flag;
                let said = sense.map(|sense| sense == flag);
                return self.flags.push(said);
            }
            Err(_) => {}
        }
        match value.serialize(Kind) {
            Ok(Part::List) => self.has_list = true,
            // A text may stand for bytes, as in a stored history.
            Ok(Part::Bytes) => self.has_bytes |= !is_sender(&name) && !is_tag(&name),
            Ok(Part::Entry { index, term, is_known })
                if !is_no_message(&name) && (is_known || is_of_a_place(&name)) =>
            {
                self.entries.push(Entry { name, index, term, is_pair: false });
            }
            // As most say it: at which index, and then of which term.
            Ok(Part::Pair { numbers: [index, term], is_tuple })
                if is_of_a_place(&name) && (is_tuple || !is_snapshot(&name)) =>
            {
                self.entries.push(Entry { name, index, term, is_pair: true });
            }
            Ok(Part::Pair { is_tuple, .. }) => self.has_bytes |= !is_tuple && !is_sender(&name),
            Ok(Part::Entry { .. } | Part::Other) | Err(_) => {}
        }
    }
}

/// Goes through a message's fields.
struct Gather<'a>(&'a mut Shape);

/// Takes them one by one.
struct Gathering<'a> {
    shape: &'a mut Shape,
    key: String,
    /// What the name of its first field says if it is the only one and no mere number's: so JSON writes an enum's
    /// variant.
    variant: Option<bool>,
}

impl Gathering<'_> {
    fn take<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) {
        let is_variant = name.starts_with(char::is_uppercase) || value.serialize(One).is_err();
        if self.shape.fields == 0 && is_variant {
            let word = value.serialize(Name).ok();
            self.variant =
                verdict(name).or_else(|| verdict(&word.filter(|_| Named::by(name).is_some())?));
        }
        self.shape.take(name, value);
    }

    fn found(self) {
        let is_alone = self.shape.fields == 1;
        self.shape.words.extend(self.variant.filter(|_| is_alone));
    }
}

impl<'a> Gather<'a> {
    fn fields(self) -> Gathering<'a> {
        Gathering { shape: self.0, key: String::new(), variant: None }
    }
}

impl<'a> Serializer for Gather<'a> {
    type Ok = ();
    type Error = Other;
    type SerializeSeq = Impossible<(), Other>;
    type SerializeTuple = Impossible<(), Other>;
    type SerializeTupleStruct = Impossible<(), Other>;
    type SerializeMap = Gathering<'a>;
    type SerializeStruct = Gathering<'a>;
    type SerializeStructVariant = Gathering<'a>;
    type SerializeTupleVariant = Impossible<(), Other>;

    take_parts! { Gather::fields =>
        serialize_map(Option<usize>) -> Gathering<'a>;
        serialize_struct(&'static str, usize) -> Gathering<'a>;
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), Other> {
        self.0.take_word(variant);
        Ok(())
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Gathering<'a>, Other> {
        self.0.take_word(variant);
        Ok(self.fields())
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Other> {
        self.0.take_word(variant);
        value.serialize(self)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Impossible<(), Other>, Other> {
        self.0.take_word(variant);
        Err(std::fmt::Error)
    }

    /// As a variant that has nothing but its name stands in a stored history.
    fn serialize_str(self, word: &str) -> Result<(), Other> {
        self.0.take_word(word);
        Ok(())
    }

    look_within! {
        serialize_some() -> ();
        serialize_newtype_struct(&'static str) -> ();
    }
    refuse! {
        serialize_seq(Option<usize>) -> Impossible<(), Other>;
        serialize_tuple(usize) -> Impossible<(), Other>;
        serialize_tuple_struct(&'static str, usize) -> Impossible<(), Other>;
        serialize_f32(f32) -> ();
        serialize_f64(f64) -> ();
        serialize_char(char) -> ();
        serialize_bytes(&[u8]) -> ();
        serialize_none() -> ();
        serialize_unit() -> ();
        serialize_unit_struct(&'static str) -> ();
    }

    refuse_scalars!(());
}

takes_fields!(Gathering<'_>, ());

/// What a field's value is, if it is no number and no flag.
enum Part {
    /// Of anything but numbers, or empty.
    List,
    Bytes,
    /// An object of these two and nothing else.
    Entry {
        index: u64,
        term: u64,
        /// Whether both have names that are known: if one has, the other is what is left.
        is_known: bool,
    },
    /// Two numbers without names: a tuple, or a list, as which a tuple may stand in a text.
    Pair {
        numbers: [u64; 2],
        is_tuple: bool,
    },
    Other,
}

/// Tells which it is.
struct Kind;

/// A list or a tuple, by its first elements.
#[derive(Default)]
struct Elements {
    is_tuple: bool,
    first: Option<Element>,
    second: Option<Element>,
    has_more: bool,
}

/// A number, or something else.
type Element = Option<u64>;

/// An object, which may be an entry's index and term.
#[derive(Default)]
struct Object {
    index: Option<u64>,
    term: Option<u64>,
    /// A number of another name.
    other: Option<u64>,
    has_more: bool,
    key: String,
}

impl Object {
    fn take<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) {
        let name = name.to_ascii_lowercase();
        let Ok(Scalar::Number(number)) = value.serialize(One) else { return self.has_more = true };
        let place = if is_index_beside_term(&name) {
            &mut self.index
        } else if is_term(&name) {
            &mut self.term
        } else if !is_sender(&name) {
            &mut self.other
        } else {
            return self.has_more = true;
        };
        self.has_more |= place.replace(number).is_some();
    }

    fn found(self) -> Part {
        let (index, term, is_known) = match (self.index, self.term, self.other) {
            _ if self.has_more => return Part::Other,
            (Some(index), Some(term), None) => (index, term, true),
            (Some(index), None, Some(term)) | (None, Some(term), Some(index)) => {
                (index, term, false)
            }
            _ => return Part::Other,
        };
        Part::Entry { index, term, is_known }
    }
}

impl Serializer for Kind {
    type Ok = Part;
    type Error = Other;
    type SerializeSeq = Elements;
    type SerializeTuple = Elements;
    type SerializeTupleStruct = Impossible<Part, Other>;
    type SerializeMap = Object;
    type SerializeStruct = Object;

    fn serialize_seq(self, _: Option<usize>) -> Result<Elements, Other> {
        Ok(Elements::default())
    }

    fn serialize_tuple(self, _: usize) -> Result<Elements, Other> {
        Ok(Elements { is_tuple: true, ..Elements::default() })
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<Part, Other> {
        Ok(Part::Bytes)
    }

    fn serialize_str(self, _: &str) -> Result<Part, Other> {
        Ok(Part::Bytes)
    }

    take_parts! { |_| Object::default() =>
        serialize_map(Option<usize>) -> Object;
        serialize_struct(&'static str, usize) -> Object;
    }
    look_within! {
        serialize_some() -> Part;
        serialize_newtype_struct(&'static str) -> Part;
    }
    refuse! {
        serialize_tuple_struct(&'static str, usize) -> Impossible<Part, Other>;
        serialize_f32(f32) -> Part;
        serialize_f64(f64) -> Part;
        serialize_char(char) -> Part;
        serialize_none() -> Part;
        serialize_unit() -> Part;
        serialize_unit_struct(&'static str) -> Part;
    }
    refuse_scalars!(Part);
    refuse_variants!(Part);
}

impl Elements {
    fn take<T: Serialize + ?Sized>(&mut self, value: &T) {
        let number = || match value.serialize(One) {
            Ok(Scalar::Number(number)) => Some(number),
            _ => None,
        };
        if self.first.is_none() {
            self.first = Some(number());
        } else if self.second.is_none() {
            self.second = Some(number());
        } else {
            self.has_more = true;
        }
    }

    fn found(self) -> Part {
        match (self.first.flatten(), self.second.flatten()) {
            (Some(first), Some(second)) if !self.has_more => {
                Part::Pair { numbers: [first, second], is_tuple: self.is_tuple }
            }
            _ if self.is_tuple => Part::Other,
            (Some(_), _) => Part::Bytes,
            (None, _) => Part::List,
        }
    }
}

impl SerializeSeq for Elements {
    type Ok = Part;
    type Error = Other;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Other> {
        self.take(value);
        Ok(())
    }

    fn end(self) -> Result<Part, Other> {
        Ok(self.found())
    }
}

impl SerializeTuple for Elements {
    type Ok = Part;
    type Error = Other;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Other> {
        self.take(value);
        Ok(())
    }

    fn end(self) -> Result<Part, Other> {
        Ok(self.found())
    }
}

takes_fields!(Object, Part);
