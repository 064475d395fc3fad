//! Finding the fields in whatever `Serialize` goes through.

use serde::ser::SerializeStructVariant;
use serde::ser::{Impossible, Serialize, SerializeMap, SerializeStruct, Serializer};

use super::named::{self, Named, is_of_an_entry};
use super::{Fields, Slot, count};

/// Why something was not gone through: it isn't what was looked for.
pub(super) type Other = std::fmt::Error;

/// A value that stands for itself.
pub(super) enum Scalar {
    Number(u64),
    Flag(bool),
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

    refuse_parts!(Scalar);
    refuse_variants!(Scalar);
    refuse_the_rest!(Scalar);
}

/// Takes a name: a string, or a variant that has nothing but its name.
pub(super) struct Name;

impl Serializer for Name {
    type Ok = String;
    type Error = Other;

    fn serialize_str(self, name: &str) -> Result<String, Other> {
        Ok(name.to_owned())
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<String, Other> {
        Ok(variant.to_owned())
    }

    look_within! {
        serialize_some() -> String;
        serialize_newtype_struct(&'static str) -> String;
    }
    refuse! {
        serialize_f32(f32) -> String;
        serialize_f64(f64) -> String;
        serialize_char(char) -> String;
        serialize_bytes(&[u8]) -> String;
        serialize_none() -> String;
        serialize_unit() -> String;
        serialize_unit_struct(&'static str) -> String;
    }
    refuse_parts!(String);
    refuse_variants_with_values!(String);
    refuse_scalars!(String);
}

/// Whether a field takes back a yes: it says in what two logs differ, as something that may be left out and isn't, or that
/// something wasn't right, as `log_ok: false`.
pub(super) fn takes_back<T: Serialize + ?Sized>(name: &str, value: &T) -> bool {
    let is_there = || value.serialize(IsThere).is_ok();
    let is_not_set = || matches!(value.serialize(One), Ok(Scalar::Flag(false)));
    named::is_conflict(name) && is_there() || named::is_ok_of_a_part(name) && is_not_set()
}

/// Takes what may be left out and isn't.
struct IsThere;

impl Serializer for IsThere {
    type Ok = ();
    type Error = Other;

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<(), Other> {
        Ok(())
    }

    look_within! {
        serialize_newtype_struct(&'static str) -> ();
    }
    refuse! {
        serialize_f32(f32) -> ();
        serialize_f64(f64) -> ();
        serialize_char(char) -> ();
        serialize_str(&str) -> ();
        serialize_bytes(&[u8]) -> ();
        serialize_none() -> ();
        serialize_unit() -> ();
        serialize_unit_struct(&'static str) -> ();
    }
    refuse_parts!(());
    refuse_variants!(());
    refuse_scalars!(());
}

/// Takes the fields of a struct, or of an object; those of an enum's variant, too, and the variant's name.
pub(super) struct Pick<'a> {
    pub(super) fields: &'a mut Fields,
    pub(super) look: Look,
}

/// Where Raft's fields are looked for.
#[derive(Clone, Copy)]
pub(super) enum Look {
    /// Among the fields of the message itself.
    AtFields,
    /// Among those of its fields that are lists and aren't known by their names.
    ForLists,
    /// In those of its fields that have fields themselves, and in theirs, so many levels down.
    Within(u32),
    /// In those of its fields that say who speaks, and in which term.
    ForHead,
}

/// Takes the fields one by one.
pub(super) struct Picking<'a> {
    fields: &'a mut Fields,
    look: Look,
    key: String,
    /// Whether something in it takes back a yes.
    takes_back: bool,
    /// How many lists it has under names that aren't known.
    lists: usize,
}

impl Picking<'_> {
    fn take<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) {
        match self.look {
            Look::AtFields => {
                self.takes_back |= takes_back(name, value);
                self.fields.take(name, value);
            }
            Look::ForLists => self.lists += usize::from(self.fields.take_list(name, value)),
            Look::Within(levels) => self.fields.take_within(name, value, levels),
            Look::ForHead => self.fields.take_head(name, value),
        }
    }

    /// A yes that something takes back isn't said of the entries: it may only say that the request was current. And which
    /// of two empty lists is that of the entries nobody knows.
    fn found(self) {
        if self.takes_back && self.fields.success == Some(true) {
            self.fields.forget(Slot::Success);
        }
        if self.lists > 1 && self.fields.entries.as_ref().is_some_and(Vec::is_empty) {
            self.fields.forget(Slot::Entries);
        }
    }
}

impl<'a> Pick<'a> {
    fn fields(self) -> Picking<'a> {
        Picking {
            fields: self.fields,
            look: self.look,
            key: String::new(),
            takes_back: false,
            lists: 0,
        }
    }

    fn named(&mut self, variant: &str) {
        self.fields.named = self.fields.named.or_else(|| Named::by(variant));
    }
}

impl<'a> Serializer for Pick<'a> {
    type Ok = ();
    type Error = Other;
    type SerializeSeq = Impossible<(), Other>;
    type SerializeTuple = Impossible<(), Other>;
    type SerializeTupleStruct = Impossible<(), Other>;
    type SerializeMap = Picking<'a>;
    type SerializeStruct = Picking<'a>;

    take_parts! { Pick::fields =>
        serialize_map(Option<usize>) -> Picking<'a>;
        serialize_struct(&'static str, usize) -> Picking<'a>;
    }

    type SerializeStructVariant = Picking<'a>;

    fn serialize_struct_variant(
        mut self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Picking<'a>, Other> {
        self.named(variant);
        match is_of_an_entry(variant, || len) {
            true => Err(std::fmt::Error),
            false => Ok(self.fields()),
        }
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        mut self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Other> {
        self.named(variant);
        match is_of_an_entry(variant, || count(value)) {
            true => Err(std::fmt::Error),
            false => value.serialize(self),
        }
    }

    type SerializeTupleVariant = Impossible<(), Other>;

    fn serialize_tuple_variant(
        mut self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Impossible<(), Other>, Other> {
        // Values without names say nothing but what they are.
        self.named(variant);
        Err(std::fmt::Error)
    }

    fn serialize_unit_variant(
        mut self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), Other> {
        self.named(variant);
        Ok(())
    }

    refuse! {
        serialize_seq(Option<usize>) -> Impossible<(), Other>;
        serialize_tuple(usize) -> Impossible<(), Other>;
        serialize_tuple_struct(&'static str, usize) -> Impossible<(), Other>;
    }

    refuse_scalars!(());
    refuse_the_rest!(());
}

takes_fields!(Picking<'_>, ());

/// An object's key: only names are of interest.
pub(super) fn key_of<T: Serialize + ?Sized>(key: &T) -> Result<String, Other> {
    match serde_json::to_value(key) {
        Ok(serde_json::Value::String(name)) => Ok(name),
        _ => Err(std::fmt::Error),
    }
}
