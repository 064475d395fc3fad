//! Reads a value's content back, and believes none of it.
//!
//! Every value takes at least one byte (see the encoder), so no claimed length may exceed the bytes
//! left, and no loop runs longer than the input. Strings and byte strings are slices of the input
//! until their type copies them. Memory for elements that haven't been seen yet is rationed.

use bincode::de::read::Reader;
use bincode::de::{Decode, Decoder, DecoderImpl};
use bincode::error::DecodeError;
use serde::de::value::U32Deserializer;
use serde::de::{self, DeserializeOwned, DeserializeSeed, IntoDeserializer, Visitor};

use crate::error::Fault;
use crate::{CONFIG, MAX_DEPTH, ONE_BYTE, trace};

/// Reads a value that takes up all of `content`.
pub(crate) fn read<T: DeserializeOwned>(content: &[u8]) -> Result<T, Fault> {
    let mut decoder = PayloadDecoder::new(content);
    let value = T::deserialize(&mut decoder)?;
    match decoder.left() {
        0 => Ok(value),
        left => Err(Fault::new(format!("{left} byte(s) of its content are left over"))),
    }
}

/// A serde deserializer over a slice.
struct PayloadDecoder<'de> {
    input: DecoderImpl<Input<'de>, bincode::config::Configuration, ()>,
    depth: usize,
    /// For how many more elements, in all, memory may be set aside before they are read. A `Vec`
    /// does so on the strength of a claimed length, for each level of nesting anew; past the ration
    /// it grows as its elements arrive.
    ration: usize,
}

/// What is left of the content.
struct Input<'de>(&'de [u8]);

impl<'de> Input<'de> {
    fn take(&mut self, count: usize) -> Result<&'de [u8], DecodeError> {
        let (taken, rest) = self
            .0
            .split_at_checked(count)
            .ok_or_else(|| DecodeError::UnexpectedEnd { additional: count - self.0.len() })?;
        self.0 = rest;
        Ok(taken)
    }
}

impl Reader for Input<'_> {
    #[inline]
    fn read(&mut self, bytes: &mut [u8]) -> Result<(), DecodeError> {
        bytes.copy_from_slice(self.take(bytes.len())?);
        Ok(())
    }

    #[inline]
    fn peek_read(&mut self, count: usize) -> Option<&[u8]> {
        self.0.get(..count)
    }

    #[inline]
    fn consume(&mut self, count: usize) {
        self.0 = self.0.get(count..).unwrap_or_default();
    }
}

impl<'de> PayloadDecoder<'de> {
    fn new(content: &'de [u8]) -> Self {
        let input = DecoderImpl::new(Input(content), CONFIG, ());
        Self { input, depth: 0, ration: 16 + content.len() / 8 }
    }

    #[inline]
    fn primitive<P: Decode<()>>(&mut self) -> Result<P, Fault> {
        P::decode(&mut self.input).map_err(Fault::from)
    }

    /// An unsigned integer of several bytes. Most are small, and one of at most [`ONE_BYTE`] is that byte; the others
    /// are left to bincode.
    #[inline]
    fn unsigned<P: Decode<()> + From<u8>>(&mut self) -> Result<P, Fault> {
        let input = self.input.reader();
        match input.0.split_first() {
            Some((&byte, rest)) if byte <= ONE_BYTE => {
                input.0 = rest;
                Ok(P::from(byte))
            }
            _ => self.primitive(),
        }
    }

    #[inline]
    fn byte(&mut self) -> Result<u8, Fault> {
        let input = self.input.reader();
        match input.0.split_first() {
            Some((&byte, rest)) => {
                input.0 = rest;
                Ok(byte)
            }
            None => self.primitive(),
        }
    }

    fn left(&mut self) -> usize {
        self.input.reader().0.len()
    }

    /// A claimed number of things of which each takes at least `size` bytes.
    fn length(&mut self, size: usize) -> Result<usize, Fault> {
        let claimed: u64 = self.unsigned()?;
        let left = self.left();
        match usize::try_from(claimed) {
            Ok(length) if length <= left / size => Ok(length),
            _ => Err(Fault::new(format!(
                "a length of {claimed} is claimed where {left} byte(s) are left"
            ))),
        }
    }

    fn bytes(&mut self) -> Result<&'de [u8], Fault> {
        let length = self.length(1)?;
        Ok(self.input.reader().take(length)?)
    }

    fn text(&mut self) -> Result<&'de str, Fault> {
        std::str::from_utf8(self.bytes()?)
            .map_err(|error| Fault::new(format!("a string is not UTF-8: {error}")))
    }

    fn nothing(&mut self) -> Result<(), Fault> {
        match self.byte()? {
            0 => Ok(()),
            byte => Err(Fault::new(format!("a value without content is 0, and not {byte}"))),
        }
    }

    fn nested<R>(&mut self, f: impl FnOnce(&mut Self) -> Result<R, Fault>) -> Result<R, Fault> {
        if self.depth == MAX_DEPTH {
            return Err(Fault::new(format!("it is nested deeper than {MAX_DEPTH} levels")));
        }
        self.depth += 1;
        let result = f(self);
        self.depth -= 1;
        result
    }

    fn parts(&mut self, left: usize) -> Parts<'_, 'de> {
        let set_aside = left.min(self.ration);
        self.ration -= set_aside;
        Parts { decoder: self, left, set_aside }
    }

    /// A tuple or a struct, whose number of parts is known from the type. Such a number is no claim
    /// of the input's, and nothing is set aside for it.
    fn fixed<V: Visitor<'de>>(&mut self, count: usize, visitor: V) -> Result<V::Value, Fault> {
        if count == 0 {
            self.nothing()?;
        }
        self.variant(count, visitor)
    }

    fn variant<V: Visitor<'de>>(&mut self, count: usize, visitor: V) -> Result<V::Value, Fault> {
        self.nested(|decoder| visitor.visit_seq(Parts { decoder, left: count, set_aside: 0 }))
    }
}

macro_rules! primitives {
    ($read:ident: $($method:ident($visit:ident))*) => {
        $(
            #[inline]
            fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
                visitor.$visit(self.$read()?)
            }
        )*
    };
}

impl<'de> de::Deserializer<'de> for &mut PayloadDecoder<'de> {
    type Error = Fault;

    primitives! { byte: deserialize_u8(visit_u8) }
    primitives! {
        unsigned:
        deserialize_u16(visit_u16) deserialize_u32(visit_u32) deserialize_u64(visit_u64)
        deserialize_u128(visit_u128)
    }
    primitives! {
        primitive:
        deserialize_bool(visit_bool)
        deserialize_i8(visit_i8) deserialize_i16(visit_i16) deserialize_i32(visit_i32)
        deserialize_i64(visit_i64) deserialize_i128(visit_i128)
        deserialize_f32(visit_f32) deserialize_f64(visit_f64)
        deserialize_char(visit_char)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_borrowed_str(self.text()?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_borrowed_str(self.text()?)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_borrowed_bytes(self.bytes()?)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_borrowed_bytes(self.bytes()?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.byte()? {
            0 => visitor.visit_none(),
            1 => self.nested(|decoder| visitor.visit_some(decoder)),
            byte => Err(Fault::new(format!("an option begins with 0 or 1, and not {byte}"))),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.nothing()?;
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.nested(|decoder| visitor.visit_newtype_struct(decoder))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let length = self.length(1)?;
        self.nested(|decoder| {
            let mut parts = decoder.parts(length);
            let value = visitor.visit_seq(&mut parts)?;
            parts.finish()?;
            Ok(value)
        })
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        // A key and a value: two bytes at least.
        let length = self.length(2)?;
        self.nested(|decoder| {
            let mut parts = decoder.parts(length);
            let value = visitor.visit_map(&mut parts)?;
            parts.finish()?;
            Ok(value)
        })
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Fault> {
        self.fixed(len, visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.fixed(len, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.fixed(fields.len(), visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_enum(self)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Fault> {
        Err(Fault::new(trace::ASKS_WHAT_IT_IS))
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Fault> {
        Err(Fault::new(trace::ASKS_FOR_A_NAME))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Fault> {
        Err(Fault::new(trace::ASKS_WHAT_IT_IS))
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

/// The parts of anything composed.
struct Parts<'a, 'de> {
    decoder: &'a mut PayloadDecoder<'de>,
    left: usize,
    /// For how many of them memory may be set aside.
    set_aside: usize,
}

impl Parts<'_, '_> {
    fn finish(self) -> Result<(), Fault> {
        match self.left {
            0 => Ok(()),
            left => Err(Fault::new(format!("its Deserialize leaves {left} element(s) unread"))),
        }
    }
}

impl<'de> de::SeqAccess<'de> for Parts<'_, 'de> {
    type Error = Fault;

    #[inline]
    fn next_element_seed<S>(&mut self, seed: S) -> Result<Option<S::Value>, Fault>
    where
        S: DeserializeSeed<'de>,
    {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        seed.deserialize(&mut *self.decoder).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.set_aside)
    }
}

impl<'de> de::MapAccess<'de> for Parts<'_, 'de> {
    type Error = Fault;

    #[inline]
    fn next_key_seed<S>(&mut self, seed: S) -> Result<Option<S::Value>, Fault>
    where
        S: DeserializeSeed<'de>,
    {
        de::SeqAccess::next_element_seed(self, seed)
    }

    #[inline]
    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Fault> {
        seed.deserialize(&mut *self.decoder)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.set_aside)
    }
}

impl<'de> de::EnumAccess<'de> for &mut PayloadDecoder<'de> {
    type Error = Fault;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Fault> {
        let index: u32 = self.unsigned()?;
        let index: U32Deserializer<Fault> = index.into_deserializer();
        Ok((seed.deserialize(index)?, self))
    }
}

impl<'de> de::VariantAccess<'de> for &mut PayloadDecoder<'de> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Fault> {
        self.nested(|decoder| seed.deserialize(decoder))
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Fault> {
        self.variant(len, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.variant(fields.len(), visitor)
    }
}
