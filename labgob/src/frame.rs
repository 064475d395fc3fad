//! One value as it stands among others: length, fingerprint, content, checksum.
//!
//! ```text
//! | length of the content | fingerprint | content | checksum of all before it |
//! | 1 to 9 bytes          | 4 bytes     |         | 4 bytes                   |
//! ```
//!
//! The length comes first so that the checksum can be found and checked before a single byte of the
//! content is believed; what `T::deserialize` sees has then at least been written by an encoder, or
//! been forged with care. It is a CRC-32: every change within 32 neighbouring bits changes it.

use std::cell::Cell;

use bincode::error::DecodeError;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::CONFIG;
use crate::error::{Error, Fault, Position};
use crate::payload_decoder;
use crate::payload_encoder::PayloadEncoder;
use crate::shape::{self, Encoded};

/// The longest that bincode makes a 64-bit integer: a marker and the integer.
const MAX_LENGTH: usize = 9;
const FINGERPRINT: usize = 4;
const CHECKSUM: usize = 4;

/// A scratch buffer that has grown beyond this many bytes is given back to the allocator, so that
/// one large snapshot doesn't stay with its thread for ever.
const KEEP_SCRATCH: usize = 64 * 1024;

thread_local! {
    /// Taken while in use: a `Serialize` may itself encode something.
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Encodes a value and hands its frame to `take`. The frame is made in a buffer that the thread
/// keeps, so that the caller needs one allocation of the right size.
pub(crate) fn write<T, R>(value: &T, take: impl FnOnce(&[u8]) -> R) -> Result<R, Fault>
where
    T: Serialize + DeserializeOwned + 'static,
{
    let (shape, encoded) = shape::of_encoded::<T>();
    if let Some(reason) = shape.unsupported {
        return Err(Fault::new(reason));
    }
    let mut bytes = SCRATCH.try_with(Cell::take).unwrap_or_default();
    bytes.clear();
    bytes.extend_from_slice(&[0; MAX_LENGTH]);
    bytes.extend_from_slice(&shape.fingerprint.to_le_bytes());

    let content_at = bytes.len();
    let mut encoder = PayloadEncoder::new(bytes);
    value.serialize(&mut encoder)?;
    let mut bytes = encoder.into_bytes();
    if encoded == Encoded::First {
        payload_decoder::read::<T>(&bytes[content_at..]).map_err(|fault| {
            Fault::new(format!(
                "what its Serialize wrote, its Deserialize can't read ({fault}); look for \
                 #[serde(skip_serializing)] and for hand-written impls that don't match"
            ))
        })?;
    }

    let mut length = [0; MAX_LENGTH];
    let content = (bytes.len() - content_at) as u64;
    let used = bincode::encode_into_slice(content, &mut length, CONFIG)
        .expect("an integer fits into the longest encoding of an integer");
    let start = MAX_LENGTH - used;
    bytes[start..MAX_LENGTH].copy_from_slice(&length[..used]);
    let checksum = crc32fast::hash(&bytes[start..]);
    bytes.extend_from_slice(&checksum.to_le_bytes());

    let taken = take(&bytes[start..]);
    if bytes.capacity() <= KEEP_SCRATCH {
        // If the thread is ending, there is nobody left to keep it for.
        let _ = SCRATCH.try_with(|scratch| scratch.set(bytes));
    }
    Ok(taken)
}

/// Decodes the value at the beginning of `rest`, and says how many bytes it took.
pub(crate) fn read<T>(rest: &[u8], at: Position) -> Result<(T, usize), Error>
where
    T: DeserializeOwned + 'static,
{
    let type_name = std::any::type_name::<T>();
    let shape = shape::of::<T>();
    if let Some(reason) = shape.unsupported {
        return Err(Error::Unsupported { at, type_name, reason });
    }
    let frame = open::<T>(rest, at)?;
    if frame.fingerprint != shape.fingerprint {
        let (wanted, found) = (shape::in_words::<T>(), shape::found(frame.fingerprint));
        return Err(Error::Shape { at, type_name, wanted, found });
    }
    match payload_decoder::read(frame.content) {
        Ok(value) => Ok((value, frame.size)),
        Err(fault) => Err(Error::Malformed { at, type_name, reason: fault.to_string() }),
    }
}

/// A frame whose length and checksum are right.
struct Frame<'a> {
    fingerprint: u32,
    content: &'a [u8],
    /// Bytes of the whole frame.
    size: usize,
}

fn open<T>(rest: &[u8], at: Position) -> Result<Frame<'_>, Error> {
    let type_name = std::any::type_name::<T>();
    let left = rest.len();
    if rest.is_empty() {
        return Err(Error::Missing { at, type_name });
    }
    let (content, used) = match bincode::decode_from_slice::<u64, _>(rest, CONFIG) {
        Ok(length) => length,
        Err(DecodeError::UnexpectedEnd { additional }) => {
            let needs = (left + additional) as u64;
            return Err(Error::Truncated { at, type_name, needs, left });
        }
        Err(_) => {
            let reason = format!("no length begins with the byte {}", rest[0]);
            return Err(Error::Malformed { at, type_name, reason });
        }
    };
    let needs = content.saturating_add((used + FINGERPRINT + CHECKSUM) as u64);
    let size = match usize::try_from(needs) {
        Ok(size) if size <= left => size,
        _ => return Err(Error::Truncated { at, type_name, needs, left }),
    };
    let (checked, stored) = rest[..size].split_at(size - CHECKSUM);
    let stored = number(stored);
    let computed = crc32fast::hash(checked);
    if computed != stored {
        return Err(Error::Corrupt { at, type_name, computed, stored });
    }
    let (fingerprint, content) = checked[used..].split_at(FINGERPRINT);
    Ok(Frame { fingerprint: number(fingerprint), content, size })
}

fn number(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(bytes.try_into().expect("fingerprint and checksum have four bytes"))
}
