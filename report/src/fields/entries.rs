//! Finding the terms of a log's entries in whatever `Serialize` goes through.

use serde::ser::{Impossible, Serialize, SerializeMap, SerializeSeq, SerializeStruct, Serializer};
use serde::ser::{SerializeStructVariant, SerializeTuple, SerializeTupleStruct};

use super::Slot;
use super::names::{Called, Meaning};
use super::pick::{One, Other, Scalar, key_of};

/// Takes the terms of a log's entries.
pub(super) struct Entries<'a> {
    pub(super) terms: &'a mut Vec<Option<u64>>,
    /// How the terms are called.
    pub(super) how: &'a mut Called,
}

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
        self.terms.reserve(len.unwrap_or(0).min(1024));
        Ok(self)
    }

    refuse! {
        serialize_tuple(usize) -> Impossible<(), Other>;
        serialize_tuple_struct(&'static str, usize) -> Impossible<(), Other>;
        serialize_map(Option<usize>) -> Impossible<(), Other>;
        serialize_struct(&'static str, usize) -> Impossible<(), Other>;
    }

    refuse_scalars!(());
    refuse_variants!(());
    refuse_the_rest!(());
}

impl SerializeSeq for Entries<'_> {
    type Ok = ();
    type Error = Other;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, entry: &T) -> Result<(), Other> {
        let found = entry.serialize(EntryTerm).unwrap_or(None);
        if found.is_some_and(|found| found.how != How::Named(Called::AsInPaper)) {
            *self.how = Called::Otherwise;
        }
        self.terms.push(found.map(|found| found.term));
        Ok(())
    }

    fn end(self) -> Result<(), Other> {
        Ok(())
    }
}

/// Takes the term of one entry: its field of that name, or the first number of a tuple.
struct EntryTerm;

/// The term of an entry, and how it was known.
#[derive(Clone, Copy)]
struct Term {
    term: u64,
    how: How,
}

/// How a number was known to be a term.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    /// By its name.
    Named(Called),
    /// It is the only number beside an index, and nothing else is there.
    BesideIndex,
    /// It is the only number of those that are no index.
    Alone,
    /// It is the first of a list. It may be the index, or a command's.
    First,
}

type Found = Option<Term>;

/// Takes it out of what it is in.
#[derive(Default)]
struct TermWithin {
    term: Found,
    /// The term of what is in it, as where an entry is an enum.
    inner_term: Found,
    /// The numbers under names that tell nothing; the last of them, if it isn't an index.
    number: Found,
    numbers: usize,
    /// How many of its numbers are indexes.
    places: usize,
    /// How many fields it has.
    fields: usize,
    is_behind: bool,
    key: String,
}

impl TermWithin {
    fn take<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) {
        self.fields += 1;
        if name == "command" {
            return; // as in most logs
        }
        let meaning = Meaning::of(name);
        if let Some((Slot::Term, how)) = meaning.slot
            && (how == Called::AsInPaper || self.term.is_none())
            && let Ok(Scalar::Number(term)) = value.serialize(One)
        {
            self.term = Some(Term { term, how: How::Named(how) });
        } else if let Ok(Scalar::Number(number)) = value.serialize(One) {
            if meaning.is_place {
                self.places += 1;
            } else {
                self.numbers += 1;
                self.number = Some(Term { term: number, how: How::Alone });
            }
        } else if !meaning.is_no_message
            && let Ok(Some(term)) = value.serialize(EntryTerm)
        {
            // A command may come behind it.
            let is_better = |known: Term| term.how == How::First && known.how != How::First;
            self.inner_term =
                Some(self.inner_term.filter(|&known| is_better(known)).unwrap_or(term));
        }
    }

    fn element<T: Serialize + ?Sized>(&mut self, value: &T) {
        if !std::mem::replace(&mut self.is_behind, true)
            && let Ok(Scalar::Number(term)) = value.serialize(One)
        {
            self.term = Some(Term { term, how: How::First });
        }
    }

    fn found(self) -> Found {
        let number = self.number.filter(|_| self.numbers == 1);
        let how = if self.places == 1 && self.fields == 2 { How::BesideIndex } else { How::Alone };
        let number = number.map(|number| Term { how, ..number });
        // What else is beside other fields may be a command's.
        let inner = self.inner_term.filter(|inner| match inner.how {
            How::Named(_) => true,
            How::BesideIndex => number.is_none(),
            How::Alone | How::First => self.fields == 1,
        });
        self.term.or(inner).or(number)
    }
}

impl Serializer for EntryTerm {
    type Ok = Found;
    type Error = Other;
    type SerializeSeq = TermWithin;
    type SerializeTuple = TermWithin;
    type SerializeTupleStruct = TermWithin;
    type SerializeMap = TermWithin;
    type SerializeStruct = TermWithin;

    type SerializeStructVariant = TermWithin;
    type SerializeTupleVariant = Impossible<Found, Other>;

    take_parts! { |_| TermWithin::default() =>
        serialize_seq(Option<usize>) -> TermWithin;
        serialize_tuple(usize) -> TermWithin;
        serialize_tuple_struct(&'static str, usize) -> TermWithin;
        serialize_map(Option<usize>) -> TermWithin;
        serialize_struct(&'static str, usize) -> TermWithin;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> TermWithin;
    }
    look_within! {
        serialize_newtype_variant(&'static str, u32, &'static str) -> Found;
    }
    refuse! {
        serialize_unit_variant(&'static str, u32, &'static str) -> Found;
        serialize_tuple_variant(&'static str, u32, &'static str, usize)
            -> Impossible<Found, Other>;
    }

    refuse_scalars!(Found);
    refuse_the_rest!(Found);
}

/// What comes one element after the other, by whatever of serde's names.
macro_rules! takes_elements {
    ($($kind:ident by $method:ident;)*) => {
        $(impl $kind for TermWithin {
            type Ok = Found;
            type Error = Other;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Other> {
                self.element(value);
                Ok(())
            }

            fn end(self) -> Result<Found, Other> {
                Ok(self.term)
            }
        })*
    };
}

takes_elements! {
    SerializeSeq by serialize_element;
    SerializeTuple by serialize_element;
    SerializeTupleStruct by serialize_field;
}

takes_fields!(TermWithin, Found);
