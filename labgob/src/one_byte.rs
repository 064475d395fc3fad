//! Recognises a byte among the elements of a sequence: a `Vec<u8>` is written as fast as a loop over bytes can be.

use std::fmt::Error as Other;

use serde::ser::{Impossible, Serialize, Serializer};

/// Takes a `u8`, and nothing else.
pub(crate) struct OneByte;

/// The methods of all that isn't a byte.
macro_rules! refuse {
    ($($method:ident($($kind:ty),*) -> $ok:ty;)*) => {
        $(
            #[inline]
            fn $method(self, $(_: $kind),*) -> Result<$ok, Other> {
                Err(Other)
            }
        )*
    };
    (generic $($method:ident($($kind:ty),*);)*) => {
        $(
            #[inline]
            fn $method<T: Serialize + ?Sized>(self, $(_: $kind,)* _: &T) -> Result<u8, Other> {
                Err(Other)
            }
        )*
    };
}

/// What has parts.
type Parts = Impossible<u8, Other>;

impl Serializer for OneByte {
    type Ok = u8;
    type Error = Other;
    type SerializeSeq = Parts;
    type SerializeTuple = Parts;
    type SerializeTupleStruct = Parts;
    type SerializeTupleVariant = Parts;
    type SerializeMap = Parts;
    type SerializeStruct = Parts;
    type SerializeStructVariant = Parts;

    #[inline]
    fn serialize_u8(self, byte: u8) -> Result<u8, Other> {
        Ok(byte)
    }

    refuse! {
        serialize_bool(bool) -> u8;
        serialize_i8(i8) -> u8;
        serialize_i16(i16) -> u8;
        serialize_i32(i32) -> u8;
        serialize_i64(i64) -> u8;
        serialize_i128(i128) -> u8;
        serialize_u16(u16) -> u8;
        serialize_u32(u32) -> u8;
        serialize_u64(u64) -> u8;
        serialize_u128(u128) -> u8;
        serialize_f32(f32) -> u8;
        serialize_f64(f64) -> u8;
        serialize_char(char) -> u8;
        serialize_str(&str) -> u8;
        serialize_bytes(&[u8]) -> u8;
        serialize_none() -> u8;
        serialize_unit() -> u8;
        serialize_unit_struct(&'static str) -> u8;
        serialize_unit_variant(&'static str, u32, &'static str) -> u8;
        serialize_seq(Option<usize>) -> Parts;
        serialize_tuple(usize) -> Parts;
        serialize_tuple_struct(&'static str, usize) -> Parts;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Parts;
        serialize_map(Option<usize>) -> Parts;
        serialize_struct(&'static str, usize) -> Parts;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Parts;
    }

    refuse! { generic
        serialize_some();
        serialize_newtype_struct(&'static str);
        serialize_newtype_variant(&'static str, u32, &'static str);
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}
