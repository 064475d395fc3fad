//! An encoded message, and the ways to read it.

use std::fmt;
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::fields::Fields;

/// How the bytes of one type's messages are read.
#[derive(Debug)]
pub struct Reader {
    /// The message as field names and values; fails with the reason if the bytes aren't one.
    pub render: fn(&[u8]) -> Result<Value, String>,
    /// What it says in Raft's terms; nothing if the bytes aren't one.
    pub fields: fn(&[u8]) -> Fields,
    /// How long it was on the wire, in bytes.
    pub wire_len: fn(&[u8]) -> usize,
}

/// An encoded message, and the ways to read it. Nothing is read until somebody asks.
#[derive(Clone)]
pub struct Payload {
    bytes: Arc<[u8]>,
    reader: &'static Reader,
}

impl Payload {
    /// The message `bytes`, which `reader` can read.
    #[must_use]
    pub fn new(bytes: Arc<[u8]>, reader: &'static Reader) -> Payload {
        Payload { bytes, reader }
    }

    /// The message as it was on the wire; of one that was read from a stored history, the text that
    /// stands for it there.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How long it was on the wire, in bytes.
    #[must_use]
    pub fn wire_len(&self) -> usize {
        (self.reader.wire_len)(&self.bytes)
    }

    /// The message as field names and values.
    ///
    /// # Errors
    /// If the bytes don't decode as what their sender says they are.
    pub fn render(&self) -> Result<Value, String> {
        (self.reader.render)(&self.bytes)
    }

    /// What the message says in Raft's terms.
    #[must_use]
    pub fn fields(&self) -> Fields {
        (self.reader.fields)(&self.bytes)
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<Value>,
    /// Why it can't be told what it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Serialize for Payload {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes = self.wire_len();
        let (value, error) = match self.render() {
            Ok(mut value) => {
                shorten(&mut value);
                (Some(value), None)
            }
            Err(error) => (None, Some(error)),
        };
        Stored { bytes, value, error }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Payload, D::Error> {
        let stored = Stored::deserialize(deserializer)?;
        let text = serde_json::to_vec(&stored).map_err(D::Error::custom)?;
        Ok(Payload::new(text.into(), &STORED))
    }
}

/// How a message is read that comes from a stored history: its bytes are the text that stands there.
static STORED: Reader = Reader {
    render: |text| {
        let stored = stored(text)?;
        stored.value.ok_or_else(|| stored.error.unwrap_or_default())
    },
    fields: |text| {
        stored(text)
            .ok()
            .and_then(|stored| stored.value)
            .map_or_else(Fields::default, |value| Fields::of(&value))
    },
    wire_len: |text| stored(text).map_or(0, |stored| stored.bytes),
};

fn stored(text: &[u8]) -> Result<Stored, String> {
    serde_json::from_slice(text).map_err(|error| error.to_string())
}

/// How many numbers in a row are stored; longer rows are somebody's bytes, of no use to a reader.
const NUMBERS: usize = 32;

fn shorten(value: &mut Value) {
    match value {
        Value::Array(items) if items.len() > NUMBERS && items.iter().all(Value::is_number) => {
            *value = Value::String(format!("{} bytes", items.len()));
        }
        Value::Array(items) => items.iter_mut().for_each(shorten),
        Value::Object(fields) => fields.values_mut().for_each(shorten),
        _ => {}
    }
}
