//! Writes a value's content: bincode's primitives, composed by serde's calls.
//!
//! Two rules are ours and not bincode's. Every value takes at least one byte: what has no content,
//! such as `()` or an empty struct, is written as a zero. So a decoder may hold a claimed number of
//! elements against the number of bytes left, whatever the elements are. And what was announced
//! must follow: a field that is skipped, or a sequence that is longer than it said, is a fault here
//! rather than garbage there.

use bincode::enc::write::Writer;
use bincode::enc::{Encode, Encoder as _, EncoderImpl};
use bincode::error::EncodeError;
use serde::ser::{self, Serialize};

use crate::error::Fault;
use crate::one_byte::OneByte;
use crate::{CONFIG, MAX_DEPTH, ONE_BYTE};

/// A serde serializer that appends to a buffer.
pub(crate) struct PayloadEncoder {
    out: EncoderImpl<Buffer, bincode::config::Configuration>,
    depth: usize,
}

struct Buffer(Vec<u8>);

impl Writer for Buffer {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

impl PayloadEncoder {
    pub(crate) fn new(buffer: Vec<u8>) -> Self {
        Self { out: EncoderImpl::new(Buffer(buffer), CONFIG), depth: 0 }
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.out.into_writer().0
    }

    #[inline]
    fn primitive(&mut self, value: impl Encode) -> Result<(), Fault> {
        value.encode(&mut self.out).map_err(|error| Fault::new(error.to_string()))
    }

    #[inline]
    fn byte(&mut self, byte: u8) -> Result<(), Fault> {
        self.out.writer().0.push(byte);
        Ok(())
    }

    /// An unsigned integer of several bytes. Most are small: see the decoder.
    #[inline]
    fn unsigned<T: Encode + Copy + TryInto<u8>>(&mut self, value: T) -> Result<(), Fault> {
        match value.try_into() {
            Ok(byte @ ..=ONE_BYTE) => self.byte(byte),
            _ => self.primitive(value),
        }
    }

    /// A byte string or the bytes of a string.
    fn bytes(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.unsigned(bytes.len() as u64)?;
        self.out.writer().0.extend_from_slice(bytes);
        Ok(())
    }

    /// The byte that stands for a value without content.
    fn nothing(&mut self) -> Result<(), Fault> {
        self.byte(0)
    }

    fn enter(&mut self) -> Result<(), Fault> {
        if self.depth == MAX_DEPTH {
            return Err(Fault::new(format!("it is nested deeper than {MAX_DEPTH} levels")));
        }
        self.depth += 1;
        Ok(())
    }

    fn inner<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Fault> {
        self.enter()?;
        value.serialize(&mut *self)?;
        self.depth -= 1;
        Ok(())
    }

    /// A tuple or a struct. Its number of parts is known from the type and isn't written.
    fn parts(&mut self, count: usize) -> Result<Parts<'_>, Fault> {
        if count == 0 {
            self.nothing()?;
        }
        self.enter()?;
        Ok(Parts { encoder: self, missing: count })
    }

    /// A sequence or a map, whose number of parts is written.
    fn counted(&mut self, count: Option<usize>) -> Result<Parts<'_>, Fault> {
        let missing = count.ok_or_else(|| {
            Fault::new("it has a sequence or map that doesn't know its length beforehand")
        })?;
        self.unsigned(missing as u64)?;
        self.enter()?;
        Ok(Parts { encoder: self, missing })
    }

    /// The parts of an enum's variant. The variant's number is content enough.
    fn variant(&mut self, index: u32, count: usize) -> Result<Parts<'_>, Fault> {
        self.unsigned(index)?;
        self.enter()?;
        Ok(Parts { encoder: self, missing: count })
    }
}

macro_rules! primitives {
    ($write:ident: $($method:ident($type:ty))*) => {
        $(
            #[inline]
            fn $method(self, value: $type) -> Result<(), Fault> {
                self.$write(value)
            }
        )*
    };
}

impl<'a> ser::Serializer for &'a mut PayloadEncoder {
    type Ok = ();
    type Error = Fault;
    type SerializeSeq = Parts<'a>;
    type SerializeTuple = Parts<'a>;
    type SerializeTupleStruct = Parts<'a>;
    type SerializeTupleVariant = Parts<'a>;
    type SerializeMap = Parts<'a>;
    type SerializeStruct = Parts<'a>;
    type SerializeStructVariant = Parts<'a>;

    primitives! { byte: serialize_u8(u8) }
    primitives! {
        unsigned: serialize_u16(u16) serialize_u32(u32) serialize_u64(u64) serialize_u128(u128)
    }
    primitives! {
        primitive:
        serialize_bool(bool)
        serialize_i8(i8) serialize_i16(i16) serialize_i32(i32) serialize_i64(i64)
        serialize_i128(i128)
        serialize_f32(f32) serialize_f64(f64)
        serialize_char(char)
    }

    fn serialize_str(self, text: &str) -> Result<(), Fault> {
        self.bytes(text.as_bytes())
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<(), Fault> {
        self.bytes(bytes)
    }

    fn serialize_none(self) -> Result<(), Fault> {
        self.byte(0)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Fault> {
        self.byte(1)?;
        self.inner(value)
    }

    fn serialize_unit(self) -> Result<(), Fault> {
        self.nothing()
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), Fault> {
        self.nothing()
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<(), Fault> {
        self.inner(value)
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        index: u32,
        _variant: &'static str,
    ) -> Result<(), Fault> {
        self.unsigned(index)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        index: u32,
        _variant: &'static str,
        value: &T,
    ) -> Result<(), Fault> {
        self.unsigned(index)?;
        self.inner(value)
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Parts<'a>, Fault> {
        self.counted(len)
    }

    /// What a `Vec` or a slice calls. Its bytes, if it has such, are written in one piece.
    #[inline]
    fn collect_seq<I>(self, elements: I) -> Result<(), Fault>
    where
        I: IntoIterator<Item: Serialize>,
    {
        let mut elements = elements.into_iter();
        let (least, most) = elements.size_hint();
        let mut parts = self.counted(most.filter(|&most| most == least))?;
        let Some(first) = elements.next() else { return parts.finish() };
        if let Ok(byte) = first.serialize(OneByte) {
            return parts.bytes(byte, elements);
        }
        parts.part(&first)?;
        for element in elements {
            parts.part(&element)?;
        }
        parts.finish()
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Parts<'a>, Fault> {
        self.counted(len)
    }

    fn serialize_tuple(self, len: usize) -> Result<Parts<'a>, Fault> {
        self.parts(len)
    }

    fn serialize_tuple_struct(self, _name: &'static str, len: usize) -> Result<Parts<'a>, Fault> {
        self.parts(len)
    }

    fn serialize_struct(self, _name: &'static str, len: usize) -> Result<Parts<'a>, Fault> {
        self.parts(len)
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        index: u32,
        _variant: &'static str,
        len: usize,
    ) -> Result<Parts<'a>, Fault> {
        self.variant(index, len)
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        index: u32,
        _variant: &'static str,
        len: usize,
    ) -> Result<Parts<'a>, Fault> {
        self.variant(index, len)
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

/// The parts of anything composed, counted as they come.
pub(crate) struct Parts<'a> {
    encoder: &'a mut PayloadEncoder,
    /// How many were announced and haven't come.
    missing: usize,
}

impl Parts<'_> {
    fn part<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Fault> {
        self.missing = self
            .missing
            .checked_sub(1)
            .ok_or_else(|| Fault::new("it has more parts than its Serialize announced"))?;
        value.serialize(&mut *self.encoder)
    }

    /// All elements of a sequence whose first is a byte. Then all are: its `Deserialize` asks for one kind.
    fn bytes(mut self, first: u8, rest: impl Iterator<Item: Serialize>) -> Result<(), Fault> {
        let buffer = &mut self.encoder.out.writer().0;
        let (begin, mut are_bytes) = (buffer.len(), true);
        buffer.push(first);
        buffer.extend(rest.map(|element| {
            element.serialize(OneByte).unwrap_or_else(|_| {
                are_bytes = false;
                0
            })
        }));
        let written = buffer.len() - begin;
        if !are_bytes || written > self.missing {
            return Err(Fault::new("it has a sequence of bytes with something else among them"));
        }
        self.missing -= written;
        self.finish()
    }

    fn finish(self) -> Result<(), Fault> {
        if self.missing > 0 {
            let reason =
                format!("{} of the parts its Serialize announced are missing", self.missing);
            return Err(Fault::new(reason));
        }
        self.encoder.depth -= 1;
        Ok(())
    }
}

fn skipped(field: &'static str) -> Fault {
    Fault::new(format!(
        "its field {field} is left out (skip_serializing_if), and would be missed in decoding"
    ))
}

impl ser::SerializeSeq for Parts<'_> {
    type Ok = ();
    type Error = Fault;

    #[inline]
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Fault> {
        self.part(value)
    }

    fn end(self) -> Result<(), Fault> {
        self.finish()
    }
}

impl ser::SerializeTuple for Parts<'_> {
    type Ok = ();
    type Error = Fault;

    #[inline]
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Fault> {
        self.part(value)
    }

    fn end(self) -> Result<(), Fault> {
        self.finish()
    }
}

impl ser::SerializeTupleStruct for Parts<'_> {
    type Ok = ();
    type Error = Fault;

    #[inline]
    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Fault> {
        self.part(value)
    }

    fn end(self) -> Result<(), Fault> {
        self.finish()
    }
}

impl ser::SerializeTupleVariant for Parts<'_> {
    type Ok = ();
    type Error = Fault;

    #[inline]
    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Fault> {
        self.part(value)
    }

    fn end(self) -> Result<(), Fault> {
        self.finish()
    }
}

impl ser::SerializeMap for Parts<'_> {
    type Ok = ();
    type Error = Fault;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Fault> {
        key.serialize(&mut *self.encoder)
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Fault> {
        self.part(value)
    }

    fn end(self) -> Result<(), Fault> {
        self.finish()
    }
}

impl ser::SerializeStruct for Parts<'_> {
    type Ok = ();
    type Error = Fault;

    #[inline]
    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        _name: &'static str,
        value: &T,
    ) -> Result<(), Fault> {
        self.part(value)
    }

    fn skip_field(&mut self, name: &'static str) -> Result<(), Fault> {
        Err(skipped(name))
    }

    fn end(self) -> Result<(), Fault> {
        self.finish()
    }
}

impl ser::SerializeStructVariant for Parts<'_> {
    type Ok = ();
    type Error = Fault;

    #[inline]
    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        _name: &'static str,
        value: &T,
    ) -> Result<(), Fault> {
        self.part(value)
    }

    fn skip_field(&mut self, name: &'static str) -> Result<(), Fault> {
        Err(skipped(name))
    }

    fn end(self) -> Result<(), Fault> {
        self.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is written in one byte here has bincode's form.
    #[test]
    fn integers_are_written_as_bincode_writes_them() {
        fn same<T: Serialize + Encode>(value: T) {
            let mut encoder = PayloadEncoder::new(Vec::new());
            value.serialize(&mut encoder).expect("it can be written");
            let theirs = bincode::encode_to_vec(&value, CONFIG).expect("it can be written");
            assert_eq!(encoder.into_bytes(), theirs);
        }
        for value in [0, 1, 249, 250, 251, 252, 254, 255, 256, 65_535, 65_536, u64::MAX] {
            same(value);
            same(value as u8);
            same(value as u16);
            same(value as u32);
            same(u128::from(value));
            same(value as i64);
        }
        same(vec![251_u8, 250, 0]);
        same(Vec::<u8>::new());
        same([[7_u8; 300].to_vec(), Vec::new()].to_vec());
        same(Some("text".to_owned()));
        same("x".repeat(300));
    }

    /// A number that is a byte if it is small: no `Deserialize` could tell.
    struct Mixed(u16);

    impl Serialize for Mixed {
        fn serialize<S: ser::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            match u8::try_from(self.0) {
                Ok(byte) => serializer.serialize_u8(byte),
                Err(_) => serializer.serialize_u16(self.0),
            }
        }
    }

    #[test]
    fn what_is_no_byte_among_bytes_is_a_fault() {
        let encode = |elements: Vec<Mixed>| {
            let mut encoder = PayloadEncoder::new(Vec::new());
            elements.serialize(&mut encoder).map(|()| encoder.into_bytes())
        };
        assert_eq!(encode(vec![Mixed(1), Mixed(2)]).expect("they are bytes"), [2, 1, 2]);
        let error = encode(vec![Mixed(1), Mixed(300)]).expect_err("one is none");
        assert!(error.to_string().contains("something else among them"), "{error}");
    }
}
