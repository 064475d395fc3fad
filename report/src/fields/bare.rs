//! Answers without any name: a flag, or a pair of a number and a flag.

use serde::ser::{
    Impossible, Serialize, SerializeSeq, SerializeTuple, SerializeTupleStruct, Serializer,
};

use super::pick::{One, Other, Scalar};

/// What a message says that is a flag, or a number and a flag: yes or no. The number may be a term, and an index.
pub(super) fn answer<T: Serialize + ?Sized>(message: &T) -> Option<bool> {
    let bare = message.serialize(Bare::default()).ok()?;
    bare.flag.filter(|_| bare.others == 0)
}

/// Takes scalars without names.
#[derive(Default)]
struct Bare {
    flag: Option<bool>,
    has_number: bool,
    /// How many more there are, and how many things of another kind.
    others: usize,
}

impl Bare {
    fn take<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Other> {
        match value.serialize(One) {
            Ok(Scalar::Flag(flag)) if self.flag.is_none() => self.flag = Some(flag),
            Ok(Scalar::Number(_)) if !self.has_number => self.has_number = true,
            _ => self.others += 1,
        }
        Ok(())
    }

    /// What has several parts is a pair: a list of one thing may have any length.
    fn pair(mut self) -> Result<Bare, Other> {
        self.others += usize::from(!self.has_number);
        Ok(self)
    }
}

impl Serializer for Bare {
    type Ok = Bare;
    type Error = Other;
    type SerializeSeq = Bare;
    type SerializeTuple = Bare;
    type SerializeTupleStruct = Bare;
    type SerializeMap = Impossible<Bare, Other>;
    type SerializeStruct = Impossible<Bare, Other>;

    fn serialize_bool(self, flag: bool) -> Result<Bare, Other> {
        Ok(Bare { flag: Some(flag), ..self })
    }

    take_parts! { |bare| bare =>
        serialize_seq(Option<usize>) -> Bare;
        serialize_tuple(usize) -> Bare;
        serialize_tuple_struct(&'static str, usize) -> Bare;
    }
    refuse! {
        serialize_map(Option<usize>) -> Impossible<Bare, Other>;
        serialize_struct(&'static str, usize) -> Impossible<Bare, Other>;
        serialize_i8(i8) -> Bare;
        serialize_i16(i16) -> Bare;
        serialize_i32(i32) -> Bare;
        serialize_i64(i64) -> Bare;
        serialize_u8(u8) -> Bare;
        serialize_u16(u16) -> Bare;
        serialize_u32(u32) -> Bare;
        serialize_u64(u64) -> Bare;
    }
    refuse_variants!(Bare);
    refuse_the_rest!(Bare);
}

impl SerializeSeq for Bare {
    type Ok = Bare;
    type Error = Other;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Other> {
        self.take(value)
    }

    fn end(self) -> Result<Bare, Other> {
        self.pair()
    }
}

impl SerializeTuple for Bare {
    type Ok = Bare;
    type Error = Other;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Other> {
        self.take(value)
    }

    fn end(self) -> Result<Bare, Other> {
        self.pair()
    }
}

impl SerializeTupleStruct for Bare {
    type Ok = Bare;
    type Error = Other;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Other> {
        self.take(value)
    }

    fn end(self) -> Result<Bare, Other> {
        self.pair()
    }
}
