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
        let found = found.filter(|found| found.how != How::InList);
        if found.is_some_and(|found| found.how != How::Named(Called::AsInPaper)) {
            *self.how = Called::Otherwise;
        }
        let times = found.map_or(1, |found| found.times);
        self.terms.extend(std::iter::repeat_n(found.map(|found| found.term), times));
        Ok(())
    }

    fn end(self) -> Result<(), Other> {
        Ok(())
    }
}

/// Takes the term of one entry: its field of that name, or the first number of a tuple.
struct EntryTerm;

/// The term of an entry, and how it was known. Some Rafts send entries of one term together: a term, and a list of
/// commands.
#[derive(Clone, Copy)]
struct Term {
    term: u64,
    how: How,
    /// How many entries it is the term of.
    times: usize,
}

impl Term {
    fn new(term: u64, how: How) -> Term {
        Term { term, how, times: 1 }
    }
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
    /// It isn't known: this is a list of what isn't numbers, as of commands.
    InList,
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
    /// How many fields, or elements, it has.
    fields: usize,
    /// How many commands a list in it has, if there is one; and how many fields are neither that nor numbers.
    commands: Option<usize>,
    others: usize,
    key: String,
}

impl TermWithin {
    fn take<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) {
        self.fields += 1;
        if name == "command" {
            self.others += 1;
            return; // as in most logs
        }
        let meaning = Meaning::of(name);
        if let Some((Slot::Term, how)) = meaning.slot
            && (how == Called::AsInPaper || self.term.is_none())
            && let Ok(Scalar::Number(term)) = value.serialize(One)
        {
            self.term = Some(Term::new(term, How::Named(how)));
        } else if let Ok(Scalar::Number(number)) = value.serialize(One) {
            if meaning.is_place {
                self.places += 1;
            } else {
                self.numbers += 1;
                self.number = Some(Term::new(number, How::Alone));
            }
        } else if meaning.is_no_message {
            self.others += 1;
        } else {
            self.take_inner(value.serialize(EntryTerm).unwrap_or(None));
        }
    }

    fn take_inner(&mut self, found: Found) {
        match found {
            Some(Term { how: How::InList, times, .. }) if self.commands.is_none() => {
                self.commands = Some(times);
            }
            Some(term) if term.how != How::InList => {
                self.others += 1;
                // A command may come behind it.
                let is_better = |known: Term| term.how == How::First && known.how != How::First;
                self.inner_term =
                    Some(self.inner_term.filter(|&known| is_better(known)).unwrap_or(term));
            }
            _ => self.others += 1,
        }
    }

    fn element<T: Serialize + ?Sized>(&mut self, value: &T) {
        self.fields += 1;
        if self.fields == 1 {
            let number = value.serialize(One);
            if let Ok(Scalar::Number(term)) = number {
                self.term = Some(Term::new(term, How::First));
            }
        } else if self.fields == 2
            && self.term.is_some()
            && let Ok(Some(Term { how: How::InList, times, .. })) = value.serialize(EntryTerm)
        {
            self.commands = Some(times);
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
            How::InList => false,
        });
        let found = self.term.or(inner).or(number);
        let commands = self.commands.filter(|_| self.others == 0);
        found.map(|found| Term { times: commands.unwrap_or(found.times), ..found })
    }

    /// The same of what comes one after the other: if it doesn't begin with a number, it is a list of commands.
    fn found_in_list(self) -> Found {
        let commands = Term { term: 0, how: How::InList, times: self.fields };
        let found = self.term.map(|term| Term { times: self.commands.unwrap_or(1), ..term });
        found.or(Some(commands).filter(|_| self.fields > 0))
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

    /// What an enum has in a list are no entries.
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Result<Found, Other> {
        Ok(value.serialize(EntryTerm)?.filter(|found| found.how != How::InList))
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
                Ok(self.found_in_list())
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
