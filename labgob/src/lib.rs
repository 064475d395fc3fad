//! Bytes for RPC and disk: values in, bytes out, and back as the same values or as an error.
//!
//! # The idea
//!
//! Everything that leaves a server leaves it as bytes: the arguments and the reply of a call, the
//! state that must survive a crash, a snapshot. [`encode`] and [`decode`] are for one value, which
//! is what a call needs. [`Encoder`] and [`Decoder`] are for a sequence of values, which is what
//! persisted state is: the term, the vote, the log (Figure 2 of the Raft paper, "persistent
//! state").
//!
//! ```
//! use bytes::Bytes;
//! use labgob::{Decoder, Encoder, Error};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Debug, PartialEq, Serialize, Deserialize)]
//! struct Entry {
//!     term: u64,
//!     command: Bytes,
//! }
//!
//! // Persist.
//! let (term, voted_for) = (7_u64, Some(2_usize));
//! let log = vec![Entry { term: 5, command: Bytes::from_static(b"x=1") }];
//! let mut encoder = Encoder::new();
//! encoder.encode(&term).encode(&voted_for).encode(&log);
//! let state: Bytes = encoder.finish();
//!
//! // Read it back, in the same order.
//! let mut decoder = Decoder::new(&state);
//! assert_eq!(decoder.decode::<u64>()?, 7);
//! assert_eq!(decoder.decode::<Option<usize>>()?, Some(2));
//! assert_eq!(decoder.decode::<Vec<Entry>>()?, log);
//! decoder.finish()?; // nothing may be left over
//!
//! // In another order it is an error, and the error says where and what.
//! let mut decoder = Decoder::new(&state);
//! decoder.decode::<u64>()?;
//! let error = decoder.decode::<Vec<Entry>>().unwrap_err();
//! assert!(matches!(error, Error::Shape { .. }));
//! assert!(error.to_string().starts_with("decode value 1 (at byte 10) as alloc::vec::Vec<"));
//! assert!(error.to_string().ends_with(
//!     "wants [{ term: u64, command: Bytes }], but what was encoded is Option<u64>"
//! ));
//! # Ok::<(), Error>(())
//! ```
//!
//! # What is guaranteed
//!
//! 1. What was encoded decodes to an equal value. Every type of serde's data model goes through:
//!    128-bit integers, NaN, `char`, units, tuples, all four kinds of enum variants, maps, options,
//!    byte strings.
//! 2. Bytes that are not what was encoded are an [`Error`]: another type, another order, fewer
//!    values than asked for, bytes left over, an end cut off, a bit flipped. The checksum finds every
//!    change within 32 neighbouring bits of a value's content for certain, and any other damage,
//!    like any other shape, but for one chance in four thousand million.
//! 3. Bytes from anyone are harmless. Decoding never panics, never overflows the stack and never
//!    runs longer than the input is long. Each length that the bytes claim is compared with what is
//!    left of them before anything is allocated, so memory stays in the order of the input's size,
//!    times what the type itself spends on a byte: a `Vec<[u64; 8]>` has 64 bytes for each 8 that
//!    were encoded as small numbers.
//! 4. Equal values give equal bytes, in every build and process, with one exception: `HashMap` and
//!    `HashSet` have no order of their own and so encode in a different order each time. Where that
//!    matters, use `BTreeMap`.
//! 5. Small stays small: a value costs 9 bytes beside its content, integers take 1 byte up to 250,
//!    and names and types are not sent. Six small integers are 15 bytes.
//!
//! Guarantees 1 and 2 are about types whose `Serialize` writes what their `Deserialize` reads, as
//! derived ones do; the limits below name the attributes that break this.
//!
//! # How another type is noticed
//!
//! Before its content each value carries a fingerprint of its type's *shape*: which kinds of values
//! stand where, with the names of struct fields and enum variants. The names of the types
//! themselves are no part of it, just as in Go's gob: a `Term(u64)` and a `u64` have one shape, and
//! so have two structs with the same fields. `u64` and `u32` differ, `u64` and `usize` don't, for
//! serde sends `usize` as 64 bits. `Vec<u8>` and [`Bytes`] differ: the first is a
//! sequence of numbers, the second a byte string that is copied in one piece. Prefer the second.
//!
//! **Two values of one shape can't be told apart.** If the term and the commit index are both `u64`
//! and are encoded in one order and decoded in the other, the bytes fit and the values are swapped.
//! Put them into one struct: its field names are part of the shape. The same holds for the variants
//! of an enum and the fields of a struct whose names stayed while their meaning changed.
//!
//! # What MIT's labgob warned about
//!
//! The Go lab wraps `encoding/gob` in order to warn about two mistakes that cost students days.
//! Neither can be made here, and this is what stands in their place.
//!
//! * *Lower-case fields.* Go's encoder sees only fields whose names are capitalised, and says
//!   nothing about the others, which arrive as zero. Serde's derived code is part of the type and
//!   sees private fields too. The one way to lose a field is to ask for it: `#[serde(skip)]` leaves
//!   it out and fills in its default when decoding. On a field of an RPC or of persisted state that
//!   is the same bug as Go's lower-case letter, only written out.
//! * *Decoding into a variable that isn't zero.* Go's encoder leaves out zeros, so that decoding
//!   into a used variable keeps an old value where a zero was sent. Here [`decode`] returns a fresh
//!   value, zeros are sent, and there is nothing old to survive. An error leaves everything as it
//!   was, so restore all the fields of a server together, after the last `?`.
//!
//! A third mistake Go lets pass: the error from decoding is easily ignored, and a half-read state
//! runs on. Here the value is inside the [`Result`].
//!
//! # Limits
//!
//! * [`encode`] and [`Encoder::encode`] panic when a value can't be encoded, because that is a
//!   mistake in the program and not in its input. What can't be: a type that asks the bytes what
//!   they are (`#[serde(untagged)]`, `#[serde(tag = "…")]`, `#[serde(flatten)]`,
//!   `serde_json::Value`), since these bytes don't say; a field with
//!   `#[serde(skip_serializing_if = "…")]`, since it would be missed when decoding; a sequence that
//!   doesn't know its length; a value nested deeper than 128 levels. The panic names the type and
//!   the reason. Decoding such a type is [`Error::Unsupported`] or [`Error::Malformed`].
//! * The first value of each type that a thread encodes is also read back. So a `Serialize` that
//!   writes other things than its `Deserialize` reads, such as one with
//!   `#[serde(skip_serializing)]` on a field, panics where it is used, most of the time. It is a
//!   spot check and no proof: don't write such types.
//! * `#[serde(skip)]` on an enum's *variant* belongs on the last ones. Serde numbers variants
//!   differently on its two sides behind a skipped one.
//! * An error names the shape of what was encoded only if it is a simple one, such as `Option<u64>`.
//!   What others have encoded before isn't told: servers that share a thread could speak by that.
//! * The shape of a type is found by running its `Deserialize` on made-up values. If a hand-written
//!   one rejects these, the shape covers what it asked for until then, and less is noticed.
//! * The format is for one build of one program, as in the Go lab; it is no file format and may
//!   change.

mod error;
mod frame;
mod one_byte;
mod payload_decoder;
mod payload_encoder;
mod sequence;
mod shape;
mod trace;
mod tracer;

#[cfg(test)]
mod tests;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use error::{Error, Position};
pub use sequence::{Decoder, Encoder};

/// The folder of this crate's sources, no line of which is the user's.
#[doc(hidden)]
pub const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src");

/// How deep values may be nested: structs, sequences, options, variants, each counts as a level.
/// Decoding recurses, so without a limit a few kilobytes from an enemy would overflow the stack.
const MAX_DEPTH: usize = 128;

/// Integers as in bincode's standard configuration: little-endian, one byte up to 250.
const CONFIG: bincode::config::Configuration = bincode::config::standard();

/// The highest integer of several bytes that is written as one, itself.
const ONE_BYTE: u8 = 250;

/// Encodes one value.
///
/// # Panics
///
/// If the value can't be encoded; the crate's documentation lists when. The message names the type
/// and the reason.
///
/// ```
/// let bytes = labgob::encode(&("x".to_string(), 1_u64));
/// assert_eq!(labgob::decode::<(String, u64)>(&bytes), Ok(("x".to_string(), 1)));
/// ```
#[track_caller]
pub fn encode<T: Serialize + DeserializeOwned + 'static>(value: &T) -> Bytes {
    encode_with(value, Bytes::copy_from_slice)
}

/// The shape of a type in words, as an [`Error::Shape`] has it.
///
/// ```
/// assert_eq!(labgob::shape::<(u64, Vec<String>)>(), "(u64, [String])");
/// ```
#[must_use]
pub fn shape<T: DeserializeOwned + 'static>() -> String {
    shape::in_words::<T>()
}

/// Encodes one value and hands the bytes to `take`, for a caller that keeps them in something else
/// than [`Bytes`], or not at all.
///
/// # Panics
///
/// As [`encode`] does.
///
/// ```
/// let size = labgob::encode_with(&7_u64, <[u8]>::len);
/// assert_eq!(size, labgob::encode(&7_u64).len());
/// ```
#[track_caller]
pub fn encode_with<T, R>(value: &T, take: impl FnOnce(&[u8]) -> R) -> R
where
    T: Serialize + DeserializeOwned + 'static,
{
    match frame::write(value, take) {
        Ok(taken) => taken,
        Err(fault) => sequence::cannot_encode::<T>(&fault),
    }
}

/// Decodes bytes that hold exactly one value.
///
/// # Errors
///
/// Every [`Error`]; in particular [`Error::LeftOver`] if there are more bytes than the value has.
pub fn decode<T: DeserializeOwned + 'static>(bytes: &[u8]) -> Result<T, Error> {
    let mut decoder = Decoder::new(bytes);
    let value = decoder.decode()?;
    decoder.finish()?;
    Ok(value)
}
