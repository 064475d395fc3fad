//! What can be wrong with bytes, and the plain-text fault that serde's traits hand up.

use std::fmt::{self, Display};

use bincode::error::DecodeError;

/// Why bytes could not be decoded. Each message completes "failed to …".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A value was asked for where the bytes end: fewer values were encoded than are decoded.
    #[error("decode {at} as {type_name}: the bytes end here, after {} value(s)", at.index)]
    Missing {
        /// Where the value should have begun.
        at: Position,
        /// The type that was asked for.
        type_name: &'static str,
    },
    /// The value's own length says that it is longer than what is left of the bytes.
    #[error("decode {at} as {type_name}: it takes {needs} bytes and {left} are left")]
    Truncated {
        /// Where the value begins.
        at: Position,
        /// The type that was asked for.
        type_name: &'static str,
        /// How many bytes the value takes, by its own account.
        needs: u64,
        /// How many bytes there are from its beginning.
        left: usize,
    },
    /// The checksum doesn't fit: these are not the bytes that were encoded.
    #[error(
        "decode {at} as {type_name}: the bytes were changed, for their checksum is \
         {computed:#010x} and {stored:#010x} was stored"
    )]
    Corrupt {
        /// Where the value begins.
        at: Position,
        /// The type that was asked for.
        type_name: &'static str,
        /// The checksum of the bytes as they are.
        computed: u32,
        /// The checksum that came with them.
        stored: u32,
    },
    /// The value has another shape than the type that was asked for: another type was encoded, or
    /// the values are decoded in another order.
    #[error(
        "decode {at} as {type_name}: this type wants {wanted}, but what was encoded is {found}"
    )]
    Shape {
        /// Where the value begins.
        at: Position,
        /// The type that was asked for.
        type_name: &'static str,
        /// The shape of that type.
        wanted: String,
        /// The shape of what was encoded if it is a simple one, such as `Option<u64>`; else its fingerprint in words.
        /// Whoever knows the type that was encoded can put [`shape`](crate::shape()) in its place.
        found: String,
    },
    /// The content can't be read as the type, although length, checksum and shape fit: the type's
    /// `Deserialize` rejects the value or doesn't match its `Serialize`, or the bytes are forged.
    #[error("decode {at} as {type_name}: {reason}")]
    Malformed {
        /// Where the value begins.
        at: Position,
        /// The type that was asked for.
        type_name: &'static str,
        /// What was met.
        reason: String,
    },
    /// The type can't be decoded from any bytes of this format.
    #[error("decode {at} as {type_name}: {reason}")]
    Unsupported {
        /// Where the value begins.
        at: Position,
        /// The type that was asked for.
        type_name: &'static str,
        /// What the type asks for that this format hasn't got.
        reason: &'static str,
    },
    /// All values that were asked for are decoded, and bytes remain: more was encoded.
    #[error("decode everything: {left} byte(s) are left over before {at}")]
    LeftOver {
        /// Where the next value would begin.
        at: Position,
        /// How many bytes are left.
        left: usize,
    },
}

/// A place in a sequence of values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// How many values stand before it; the first value of a sequence is 0.
    pub index: usize,
    /// How many bytes stand before it.
    pub offset: usize,
}

impl Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "value {} (at byte {})", self.index, self.offset)
    }
}

/// A reason in words, on its way up through a type's `Serialize` or `Deserialize`. Where and in
/// which type is added at the top, where both are known.
#[derive(Debug)]
pub(crate) struct Fault(Box<str>);

impl Fault {
    #[cold]
    pub(crate) fn new(reason: impl Into<Box<str>>) -> Self {
        Self(reason.into())
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Fault {}

impl serde::ser::Error for Fault {
    fn custom<T: Display>(message: T) -> Self {
        Self::new(message.to_string())
    }
}

impl serde::de::Error for Fault {
    fn custom<T: Display>(message: T) -> Self {
        Self::new(message.to_string())
    }
}

impl From<DecodeError> for Fault {
    #[cold]
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::UnexpectedEnd { .. } => Self::new("the content ends too early"),
            DecodeError::InvalidBooleanValue(byte) => {
                Self::new(format!("a bool is 0 or 1, and not {byte}"))
            }
            other => Self::new(format!("a primitive value is malformed: {other}")),
        }
    }
}
