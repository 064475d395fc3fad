//! An encoded message, and what it says.

use std::cell::Cell;
use std::fmt;

use bytes::{Bytes, BytesMut};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::fields::Fields;

/// An encoded message, and the way to show it. It is rendered only when somebody asks; what it says in
/// Raft's terms is kept beside it.
#[derive(Clone)]
pub struct Payload {
    /// The message, and behind it its packed [`Fields`]: a part of a chunk of many messages, if it is short.
    data: Bytes,
    /// The length of the message in `data`.
    len: u32,
    /// How long it was on the wire.
    wire_len: u32,
    /// `None` of one that is stored whole: its bytes are there, and nobody knows their type.
    render: Option<Render>,
}

/// Turns an encoded message into field names and values.
type Render = fn(&[u8]) -> Result<Value, String>;

thread_local! {
    /// Taken while in use.
    static ROOM: Cell<Option<Room>> = const { Cell::new(None) };
}

/// Where messages are put together and kept.
#[derive(Default)]
struct Room {
    /// A message and its fields, while they are put together.
    scratch: Vec<u8>,
    /// What is left of the chunk in which short messages are kept: a run has many, which live about as long.
    chunk: BytesMut,
}

/// How large a chunk of messages is, in bytes.
const CHUNK: usize = 16 * 1024;

/// How long a message and its fields may be that are kept in a chunk, in bytes.
const SHORT: usize = CHUNK / 16;

/// The shortest message that is looked for within others, in bytes.
const SEARCHABLE: usize = 6;

/// A scratch buffer that has grown beyond this many bytes is given back to the allocator.
const KEEP_SCRATCH: usize = 64 * 1024;

impl Payload {
    /// The encoded message `bytes`, which says `fields`, and which `render` turns into field names and
    /// values.
    #[must_use]
    pub fn new(
        bytes: &[u8],
        fields: &Fields,
        render: fn(&[u8]) -> Result<Value, String>,
    ) -> Payload {
        Payload::with_wire_len(bytes, bytes.len(), fields, render)
    }

    fn with_wire_len(
        bytes: &[u8],
        wire_len: usize,
        fields: &Fields,
        render: fn(&[u8]) -> Result<Value, String>,
    ) -> Payload {
        let mut room = ROOM.try_with(Cell::take).ok().flatten().unwrap_or_default();
        let Room { scratch, chunk } = &mut room;
        scratch.clear();
        scratch.extend_from_slice(bytes);
        fields.pack(scratch);
        let data = if scratch.len() <= SHORT {
            if chunk.capacity() < scratch.len() {
                *chunk = BytesMut::with_capacity(CHUNK);
            }
            chunk.extend_from_slice(scratch);
            chunk.split().freeze()
        } else {
            Bytes::copy_from_slice(scratch)
        };
        if scratch.capacity() <= KEEP_SCRATCH {
            // If the thread is ending, there is nobody left to keep it for.
            let _ = ROOM.try_with(|kept| kept.set(Some(room)));
        }
        // No message is as long as that: the network's memory would be gone before.
        let length = |len: usize| u32::try_from(len).unwrap_or(u32::MAX);
        Payload { data, len: length(bytes.len()), wire_len: length(wire_len), render: Some(render) }
    }

    /// The message as it was on the wire; of one that was read from a stored history, the text that
    /// stands for it there.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.data[..self.len as usize]
    }

    /// The same message, to be stored whole, with all its bytes: who reads that can send it, and can't show it.
    #[must_use]
    pub fn whole(&self) -> Payload {
        Payload { render: None, ..self.clone() }
    }

    /// Whether its bytes are those that were on the wire.
    pub(crate) fn is_raw(&self) -> bool {
        self.len == self.wire_len
    }

    /// Whether it can be looked for within other messages: neither is a stored text, nor is it so short that it may be
    /// anywhere.
    pub(crate) fn is_searchable(&self) -> bool {
        self.is_raw() && self.wire_len() >= SEARCHABLE
    }

    /// How much memory it takes.
    pub(crate) fn size(&self) -> usize {
        self.data.len()
    }

    /// How long it was on the wire, in bytes.
    #[must_use]
    pub fn wire_len(&self) -> usize {
        self.wire_len as usize
    }

    /// The message as field names and values.
    ///
    /// # Errors
    /// If the bytes don't decode as what their sender says they are.
    pub fn render(&self) -> Result<Value, String> {
        match self.render {
            Some(render) => render(self.bytes()),
            None => Err("its bytes are stored without their type".to_owned()),
        }
    }

    /// The same, with their number in the place of more than `most` numbers in a row, which are somebody's bytes.
    ///
    /// # Errors
    /// As [`Payload::render`].
    pub fn render_shortened(&self, most: usize) -> Result<Value, String> {
        let mut value = self.render()?;
        shorten(&mut value, most);
        Ok(value)
    }

    /// What the message says in Raft's terms.
    #[must_use]
    pub fn fields(&self) -> Fields {
        Fields::unpack(&self.data[self.len as usize..])
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.render() {
            Ok(value) => write!(f, "{value}"),
            Err(_) => write!(f, "{} bytes", self.wire_len()),
        }
    }
}

/// A message in a stored history.
#[derive(Serialize, Deserialize)]
struct Stored {
    /// How long it was on the wire.
    bytes: usize,
    /// What it says.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "there")]
    value: Option<Value>,
    /// Why it can't be told what it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// Its packed [`Fields`], if `value` doesn't say the same: of a message that is too long to be stored, or has tuples,
    /// which are lists in a stored history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fields: Option<Vec<u8>>,
    /// Of a message that is stored whole, its bytes and behind them its packed [`Fields`], in hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    whole: Option<String>,
}

/// Reads a value that is there. It may be `null`: a message can say just that.
fn there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl Serialize for Payload {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes = self.wire_len();
        if self.render.is_none() {
            let whole = Some(hex(&self.data));
            return Stored { bytes, value: None, error: None, fields: None, whole }
                .serialize(serializer);
        }
        let too_long = || Err("it is too long to be stored".to_owned());
        let (value, error) =
            match if bytes > STORED { too_long() } else { self.render_shortened(NUMBERS) } {
                Ok(value) => (Some(value), None),
                Err(error) => (None, Some(error)),
            };
        let said = value.as_ref().map(Fields::of).unwrap_or_default();
        let fields = Some(self.fields()).filter(|fields| *fields != said);
        let fields = fields.map(|fields| fields.pack_within(FIELDS));
        Stored { bytes, value, error, fields, whole: None }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Payload, D::Error> {
        let stored = Stored::deserialize(deserializer)?;
        if let Some(whole) = &stored.whole {
            let data = unhex(whole).filter(|data| data.len() >= stored.bytes);
            let len = u32::try_from(stored.bytes).ok();
            let (Some(data), Some(len)) = (data, len) else {
                return Err(D::Error::custom("a message's bytes aren't what a whole one has"));
            };
            return Ok(Payload { data: data.into(), len, wire_len: len, render: None });
        }
        let text = serde_json::to_vec(&stored).map_err(D::Error::custom)?;
        let fields = match (&stored.fields, &stored.value) {
            (Some(fields), _) => Fields::unpack(fields),
            (None, Some(value)) => Fields::of(value),
            (None, None) => Fields::default(),
        };
        Ok(Payload::with_wire_len(&text, stored.bytes, &fields, render_stored))
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = |byte: &u8| [byte >> 4, byte & 15].map(|digit| DIGITS[digit as usize] as char);
    bytes.iter().flat_map(digits).collect()
}

/// The bytes that hexadecimal digits stand for; `None` if something else is among them.
fn unhex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let digit = |digit: u8| char::from(digit).to_digit(16);
    let byte = |&[high, low]: &[u8; 2]| Some((digit(high)? << 4 | digit(low)?) as u8);
    rest.is_empty().then(|| pairs.iter().map(byte).collect()).flatten()
}

/// Renders a message that comes from a stored history: its bytes are the text that stands there.
fn render_stored(text: &[u8]) -> Result<Value, String> {
    let stored: Stored = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    stored.value.ok_or_else(|| stored.error.unwrap_or_default())
}

/// How long a message may be whose content is stored, in bytes. Shown, it takes many times as much memory.
const STORED: usize = 1 << 20;

/// How much is stored of such a message's fields, in bytes. More is needed only if the terms of its entries
/// change all the time.
const FIELDS: usize = 4096;

/// How many numbers in a row are stored; longer rows are somebody's bytes, of no use to a reader.
const NUMBERS: usize = 32;

/// Puts their number in the place of more than `most` numbers in a row.
fn shorten(value: &mut Value, most: usize) {
    match value {
        Value::Array(items) if items.len() > most && items.iter().all(Value::is_number) => {
            *value = Value::String(format!("{} bytes", items.len()));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| shorten(item, most)),
        Value::Object(fields) => fields.values_mut().for_each(|field| shorten(field, most)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What rules and scenarios read of a message doesn't depend on its length.
    #[test]
    fn of_a_message_that_is_too_long_the_fields_are_stored() {
        let message = vec![7; STORED + 1];
        let term = |number| Some(if number < 70_000 { 4 } else { 5 });
        let entries = Some((0..100_000).map(term).collect());
        let fields = Fields {
            term: Some(5),
            prev_log_index: Some(12),
            prev_log_term: Some(3),
            entries,
            ..Fields::default()
        };
        let payload = Payload::new(&message, &fields, |_| unreachable!("nobody shows it"));
        let stored = serde_json::to_string(&payload).expect("a payload is data");
        assert!(stored.len() < 200, "{stored}");
        let read: Payload = serde_json::from_str(&stored).expect("what was stored can be read");
        assert_eq!((read.fields(), read.wire_len()), (fields, STORED + 1));
        let again = serde_json::to_string(&read).expect("a payload is data");
        assert_eq!(again, stored);
    }

    /// What a run's report says of a message, its stored history says, too.
    #[test]
    fn where_a_stored_message_reads_otherwise_its_fields_are_stored() {
        let message =
            r#"{"term":3,"holder":[3,1],"after":{"slot":4,"ballot":2},"proposals":[],"chosen":4}"#;
        let render = |text: &[u8]| serde_json::from_slice(text).map_err(|error| error.to_string());
        let value: Value = render(message.as_bytes()).expect("it is JSON");
        for fields in
            [Fields::of(&value), Fields { term: Some(3), ..Fields::default() }, Fields::default()]
        {
            let payload = Payload::new(message.as_bytes(), &fields, render);
            let stored = serde_json::to_string(&payload).expect("a payload is data");
            let is_as_read = fields == Fields::of(&value);
            assert_eq!(stored.contains(r#""fields":"#), !is_as_read, "{stored}");
            let read: Payload = serde_json::from_str(&stored).expect("what was stored can be read");
            assert_eq!((read.fields(), read.render()), (fields, Ok(value.clone())));
            let again = serde_json::to_string(&read).expect("a payload is data");
            assert_eq!(again, stored);
        }
    }

    /// Where the terms take too much room, it is still told how many entries there are.
    #[test]
    fn of_many_terms_only_their_number_is_stored() {
        let message = vec![7; STORED + 1];
        let entries = Some((0..10_000).map(Some).collect());
        let fields = Fields { prev_log_index: Some(12), entries, ..Fields::default() };
        let payload = Payload::new(&message, &fields, |_| unreachable!("nobody shows it"));
        let stored = serde_json::to_string(&payload).expect("a payload is data");
        assert!(stored.len() < 200, "{stored}");
        let read: Payload = serde_json::from_str(&stored).expect("what was stored can be read");
        let entries = Some(vec![None; 10_000]);
        assert_eq!(read.fields(), Fields { entries, ..fields });
    }

    /// A log of a hundred megabytes takes gigabytes when it is shown.
    #[test]
    fn of_a_message_that_is_too_long_only_its_length_is_stored() {
        let message = vec![7; STORED + 1];
        let payload =
            Payload::new(&message, &Fields::default(), |_| unreachable!("nobody shows it"));
        let stored = serde_json::to_string(&payload).expect("a payload is data");
        assert_eq!(stored, r#"{"bytes":1048577,"error":"it is too long to be stored"}"#);
        let read: Payload = serde_json::from_str(&stored).expect("what was stored can be read");
        assert_eq!(read.wire_len(), STORED + 1);
        assert_eq!(read.render(), Err("it is too long to be stored".to_owned()));
    }
}
