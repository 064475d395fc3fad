//! What the scripts have agreed upon: whole numbers and strings, as in MIT's.

use std::fmt;

use raftapi::Command;
use report::{Fields, Payload};
use serde::{Deserialize, Serialize};

/// How much of a long string is shown.
const SHOWN: usize = 20;

/// A command of a script's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Value {
    /// A whole number.
    Int(u64),
    /// A string.
    Text(String),
}

impl Value {
    /// The command, as it is given to a Raft.
    #[must_use]
    pub fn encode(&self) -> Command {
        labgob::encode(self)
    }

    /// The value that `command` stands for; `None` if it was not made by [`Value::encode`].
    #[must_use]
    pub fn decode(command: &Command) -> Option<Value> {
        labgob::decode(command).ok()
    }

    /// `command` for the reader.
    pub(crate) fn show(command: &Command) -> String {
        Value::decode(command).map_or_else(
            || format!("{} undecodable bytes", command.len()),
            |value| value.to_string(),
        )
    }

    /// The number, if it is one.
    #[must_use]
    pub fn as_int(&self) -> Option<u64> {
        match self {
            Value::Int(number) => Some(*number),
            Value::Text(_) => None,
        }
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Value {
        Value::Int(number)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Text(text)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Int(number) => write!(f, "{number}"),
            Value::Text(text) if text.chars().count() <= SHOWN => {
                f.write_str(&report::text::one_line(text))
            }
            Value::Text(text) => {
                let beginning: String = text.chars().take(SHOWN).collect();
                let beginning = report::text::one_line(&beginning);
                write!(f, "{beginning}… ({} bytes)", text.len())
            }
        }
    }
}

/// A command, for the record.
pub(crate) fn payload(command: &Command) -> Payload {
    fn render(bytes: &[u8]) -> Result<serde_json::Value, String> {
        let value: Value = labgob::decode(bytes).map_err(|error| error.to_string())?;
        Ok(value.to_string().into())
    }
    Payload::new(command, &Fields::default(), render)
}
