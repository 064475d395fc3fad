//! The deserializer that answers a type's questions with made-up values.

use std::any::type_name;
use std::fmt::{self, Display};

use serde::de::value::U32Deserializer;
use serde::de::{self, DeserializeSeed, IntoDeserializer, Visitor};

use crate::trace::{ASKS_FOR_A_NAME, ASKS_WHAT_IT_IS, Kind, Tree};

/// Ends a pass: a made-up value was rejected, or none can be made.
#[derive(Debug)]
pub(crate) struct Cut;

impl Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no made-up value will do")
    }
}

impl std::error::Error for Cut {}

impl de::Error for Cut {
    fn custom<T: Display>(_message: T) -> Self {
        Self
    }
}

/// A deserializer for one place in the type.
pub(crate) struct Tracer<'t> {
    tree: &'t mut Tree,
    at: usize,
}

impl<'t> Tracer<'t> {
    pub(crate) fn new(tree: &'t mut Tree, at: usize) -> Self {
        Self { tree, at }
    }

    fn composed<'de, V: Visitor<'de>>(
        self,
        kind: Kind,
        visitor: V,
        walk: impl FnOnce(Tracer<'_>, V) -> Result<V::Value, Cut>,
    ) -> Result<V::Value, Cut> {
        self.tree.visit(self.at, Some(kind), type_name::<V>(), |tree, at| {
            walk(Tracer { tree, at }, visitor)
        })
    }

    fn fixed<'de, V: Visitor<'de>>(
        self,
        kind: Kind,
        count: usize,
        visitor: V,
    ) -> Result<V::Value, Cut> {
        self.composed(kind, visitor, |place, visitor| {
            visitor.visit_seq(Parts { tree: place.tree, at: place.at, next: 0, count })
        })
    }
}

macro_rules! leaves {
    ($($method:ident($visit:ident, $value:expr, $name:literal))*) => {
        $(
            fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Cut> {
                self.tree.visit_leaf(self.at, $name)?;
                visitor.$visit($value)
            }
        )*
    };
}

impl<'de> de::Deserializer<'de> for Tracer<'_> {
    type Error = Cut;

    // Numbers are 1, because the NonZero types reject 0.
    leaves! {
        deserialize_bool(visit_bool, false, "bool")
        deserialize_i8(visit_i8, 1, "i8")
        deserialize_i16(visit_i16, 1, "i16")
        deserialize_i32(visit_i32, 1, "i32")
        deserialize_i64(visit_i64, 1, "i64")
        deserialize_i128(visit_i128, 1, "i128")
        deserialize_u8(visit_u8, 1, "u8")
        deserialize_u16(visit_u16, 1, "u16")
        deserialize_u32(visit_u32, 1, "u32")
        deserialize_u64(visit_u64, 1, "u64")
        deserialize_u128(visit_u128, 1, "u128")
        deserialize_f32(visit_f32, 1.0, "f32")
        deserialize_f64(visit_f64, 1.0, "f64")
        deserialize_char(visit_char, 'a', "char")
        deserialize_str(visit_borrowed_str, "", "String")
        deserialize_string(visit_borrowed_str, "", "String")
        deserialize_bytes(visit_borrowed_bytes, b"", "Bytes")
        deserialize_byte_buf(visit_borrowed_bytes, b"", "Bytes")
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Cut> {
        self.tree.visit_leaf(self.at, "()")?;
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Cut> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Cut> {
        // The same place, for a newtype looks like its content.
        self.tree.visit(self.at, None, type_name::<V>(), |tree, at| {
            visitor.visit_newtype_struct(Tracer { tree, at })
        })
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Cut> {
        self.composed(Kind::Option, visitor, |place, visitor| {
            if !place.tree.worth_entering(place.at, 1) {
                return visitor.visit_none();
            }
            let content = place.tree.child(place.at, 0)?;
            visitor.visit_some(Tracer::new(place.tree, content))
        })
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Cut> {
        self.composed(Kind::Seq, visitor, |place, visitor| {
            let count = usize::from(place.tree.worth_entering(place.at, 1));
            visitor.visit_seq(Parts { tree: place.tree, at: place.at, next: 0, count })
        })
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Cut> {
        self.composed(Kind::Map, visitor, |place, visitor| {
            let count = if place.tree.worth_entering(place.at, 2) { 2 } else { 0 };
            visitor.visit_map(Parts { tree: place.tree, at: place.at, next: 0, count })
        })
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Cut> {
        self.fixed(Kind::Tuple(len), len, visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Cut> {
        self.fixed(Kind::Tuple(len), len, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Cut> {
        self.fixed(Kind::Struct(fields), fields.len(), visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Cut> {
        self.composed(Kind::Enum(variants), visitor, |place, visitor| {
            place.tree.visit_variant(place.at, variants.len(), |tree, at, index| {
                visitor.visit_enum(Variant { place: Tracer { tree, at }, index })
            })
        })
    }

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Cut> {
        Err(self.tree.refuse(self.at, ASKS_WHAT_IT_IS))
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Cut> {
        Err(self.tree.refuse(self.at, ASKS_FOR_A_NAME))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Cut> {
        Err(self.tree.refuse(self.at, ASKS_WHAT_IT_IS))
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

/// The parts of a tuple or struct, the one element of a sequence, or the key and value of a map.
struct Parts<'t> {
    tree: &'t mut Tree,
    at: usize,
    next: usize,
    count: usize,
}

impl Parts<'_> {
    fn part<'de, S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Cut> {
        let part = self.tree.child(self.at, self.next)?;
        self.next += 1;
        seed.deserialize(Tracer { tree: self.tree, at: part })
    }
}

impl<'de> de::SeqAccess<'de> for Parts<'_> {
    type Error = Cut;

    fn next_element_seed<S>(&mut self, seed: S) -> Result<Option<S::Value>, Cut>
    where
        S: DeserializeSeed<'de>,
    {
        if self.next == self.count { Ok(None) } else { self.part(seed).map(Some) }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(0)
    }
}

impl<'de> de::MapAccess<'de> for Parts<'_> {
    type Error = Cut;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Cut> {
        de::SeqAccess::next_element_seed(self, seed)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Cut> {
        self.part(seed)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(0)
    }
}

/// One variant of an enum.
struct Variant<'t> {
    place: Tracer<'t>,
    index: u32,
}

impl<'de, 't> de::EnumAccess<'de> for Variant<'t> {
    type Error = Cut;
    type Variant = Tracer<'t>;

    fn variant_seed<S>(self, seed: S) -> Result<(S::Value, Tracer<'t>), Cut>
    where
        S: DeserializeSeed<'de>,
    {
        let index: U32Deserializer<Cut> = self.index.into_deserializer();
        Ok((seed.deserialize(index)?, self.place))
    }
}

impl<'de> de::VariantAccess<'de> for Tracer<'_> {
    type Error = Cut;

    fn unit_variant(self) -> Result<(), Cut> {
        self.tree.visit_leaf(self.at, "")
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Cut> {
        self.tree.set_kind(self.at, Kind::Newtype);
        let content = self.tree.child(self.at, 0)?;
        seed.deserialize(Tracer::new(self.tree, content))
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Cut> {
        self.tree.set_kind(self.at, Kind::Tuple(len));
        let parts = Parts { tree: self.tree, at: self.at, next: 0, count: len };
        visitor.visit_seq(parts)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Cut> {
        self.tree.set_kind(self.at, Kind::Struct(fields));
        let parts = Parts { tree: self.tree, at: self.at, next: 0, count: fields.len() };
        visitor.visit_seq(parts)
    }
}
