//! Finding the fields in whatever `Serialize` goes through.

use serde::ser::{Impossible, Serialize, SerializeMap, SerializeSeq, SerializeStruct, Serializer};
use serde::ser::{SerializeTuple, SerializeTupleStruct};

use super::{Fields, Named, Slot};

/// Why something was not gone through: it isn't what was looked for.
pub(super) type Other = std::fmt::Error;

/// A value that stands for itself.
pub(super) enum Scalar {
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
pub(super) struct One;

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
pub(super) struct Pick<'a>(pub(super) &'a mut Fields);

/// Takes the fields one by one.
pub(super) struct Picking<'a> {
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
pub(super) struct Entries<'a> {
    pub(super) terms: &'a mut Vec<Option<u64>>,
    /// How the terms are called.
    pub(super) how: &'a mut Named,
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
    refuse_the_rest!(());
}

impl SerializeSeq for Entries<'_> {
    type Ok = ();
    type Error = Other;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, entry: &T) -> Result<(), Other> {
        let found = entry.serialize(EntryTerm).unwrap_or(None);
        if let Some((_, Named::Otherwise)) = found {
            *self.how = Named::Otherwise;
        }
        self.terms.push(found.map(|(term, _)| term));
        Ok(())
    }

    fn end(self) -> Result<(), Other> {
        Ok(())
    }
}

/// Takes the term of one entry: its field of that name, or the first number of a tuple.
struct EntryTerm;

/// The term of an entry, and how it is called there.
type Found = Option<(u64, Named)>;

/// Takes it out of what it is in.
#[derive(Default)]
struct TermWithin {
    term: Found,
    is_behind: bool,
    key: String,
}

impl TermWithin {
    fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) {
        if let Some((Slot::Term, how)) = Slot::named(name)
            && (how == Named::AsInPaper || self.term.is_none())
            && let Ok(Scalar::Number(term)) = value.serialize(One)
        {
            self.term = Some((term, how));
        }
    }

    fn element<T: Serialize + ?Sized>(&mut self, value: &T) {
        if !std::mem::replace(&mut self.is_behind, true)
            && let Ok(Scalar::Number(term)) = value.serialize(One)
        {
            // It may be the index.
            self.term = Some((term, Named::Otherwise));
        }
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

    refuse_scalars!(Found);
    refuse_the_rest!(Found);
}

/// An object's key: only names are of interest.
fn key_of<T: Serialize + ?Sized>(key: &T) -> Result<String, Other> {
    match serde_json::to_value(key) {
        Ok(serde_json::Value::String(name)) => Ok(name),
        _ => Err(std::fmt::Error),
    }
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

impl SerializeMap for TermWithin {
    type Ok = Found;
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

    fn end(self) -> Result<Found, Other> {
        Ok(self.term)
    }
}

impl SerializeStruct for TermWithin {
    type Ok = Found;
    type Error = Other;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Other> {
        self.field(name, value);
        Ok(())
    }

    fn end(self) -> Result<Found, Other> {
        Ok(self.term)
    }
}
