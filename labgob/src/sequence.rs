//! Sequences of values: [`Encoder`] and [`Decoder`].

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Fault, Position};
use crate::frame;

/// Encodes values one after the other.
///
/// The order is the reader's to know: a [`Decoder`] must ask for the same types in the same order.
#[derive(Debug, Default)]
pub struct Encoder {
    bytes: Vec<u8>,
}

impl Encoder {
    /// An encoder with nothing in it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends one value.
    ///
    /// # Panics
    ///
    /// As [`encode`](crate::encode()) does.
    #[track_caller]
    pub fn encode<T: Serialize + DeserializeOwned + 'static>(&mut self, value: &T) -> &mut Self {
        match frame::write(value, |frame| self.bytes.extend_from_slice(frame)) {
            Ok(()) => self,
            Err(fault) => cannot_encode::<T>(&fault),
        }
    }

    /// The bytes of all values so far.
    pub fn finish(self) -> Bytes {
        self.bytes.into()
    }
}

/// Decodes values in the order in which they were encoded.
///
/// After an error the decoder stands where it stood before, so the same value can be asked for
/// again as another type.
#[derive(Clone, Debug)]
#[must_use = "a decoder that isn't finished doesn't notice bytes left over"]
pub struct Decoder<'a> {
    rest: &'a [u8],
    at: Position,
}

impl<'a> Decoder<'a> {
    /// A decoder that stands before the first value.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, at: Position::default() }
    }

    /// The next value.
    ///
    /// # Errors
    ///
    /// Every [`Error`] but [`Error::LeftOver`].
    pub fn decode<T: DeserializeOwned + 'static>(&mut self) -> Result<T, Error> {
        let (value, size) = frame::read(self.rest, self.at)?;
        self.rest = &self.rest[size..];
        self.at.index += 1;
        self.at.offset += size;
        Ok(value)
    }

    /// Ends the decoding. Call it, or values that were encoded and not asked for go unnoticed.
    ///
    /// # Errors
    ///
    /// [`Error::LeftOver`] if bytes are left.
    pub fn finish(self) -> Result<(), Error> {
        match self.rest.len() {
            0 => Ok(()),
            left => Err(Error::LeftOver { at: self.at, left }),
        }
    }
}

/// A value that can't be encoded is a mistake in the program, not in its input.
#[cold]
#[track_caller]
pub(crate) fn cannot_encode<T>(fault: &Fault) -> ! {
    panic!("labgob: failed to encode {}: {fault}", std::any::type_name::<T>());
}
