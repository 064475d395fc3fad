//! The shape of a type, its fingerprint, and the table of those that the thread has met.
//!
//! The table is per thread, and uses neither locks nor a hash map, on purpose. Under simulation
//! every run has a thread of its own, and finding a shape runs the type's `Deserialize`, which may
//! create a `HashMap` and so move that thread's random numbers by one: it must happen in every run
//! or in none. Shapes shared by the process would make its first run differ from the others.
//!
//! What is in the table is told to nobody who hasn't asked for that very type. All servers of a run
//! share a thread: if an error named each shape that somebody has met, a server could say something
//! to another one by what it encodes, without a message.

use std::any::TypeId;
use std::cell::RefCell;
use std::collections::BTreeMap;

use serde::de::DeserializeOwned;

use crate::trace;

/// Longer shapes are cut in messages.
const SHOWN_CHARS: usize = 200;

/// Shapes that a fingerprint alone tells: these, an option of one, and a sequence of them.
const SIMPLE: [&str; 17] = [
    "bool", "i8", "i16", "i32", "i64", "i128", "u8", "u16", "u32", "u64", "u128", "f32", "f64",
    "char", "String", "Bytes", "()",
];

/// What encoding and decoding need to know of a type.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) fingerprint: u32,
    /// Why the type can't be used, if it can't.
    pub(crate) unsupported: Option<&'static str>,
}

/// Whether the thread has encoded the type before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoded {
    First,
    Again,
}

struct Known {
    shape: Shape,
    text: Box<str>,
    encoded: Encoded,
}

thread_local! {
    static KNOWN: RefCell<BTreeMap<TypeId, Known>> = const { RefCell::new(BTreeMap::new()) };
}

pub(crate) fn of<T: DeserializeOwned + 'static>() -> Shape {
    with_known::<T, _>(|known| known.shape)
}

/// The shape of a type that is about to be encoded.
pub(crate) fn of_encoded<T: DeserializeOwned + 'static>() -> (Shape, Encoded) {
    with_known::<T, _>(|known| (known.shape, std::mem::replace(&mut known.encoded, Encoded::Again)))
}

/// The shape of a type in words.
#[cold]
pub(crate) fn in_words<T: DeserializeOwned + 'static>() -> String {
    with_known::<T, _>(|known| shown(&known.text))
}

/// The shape with this fingerprint, in words, if it is one of the simplest.
#[cold]
pub(crate) fn found(fingerprint: u32) -> String {
    let is_it = |text: &String| crc32fast::hash(text.as_bytes()) == fingerprint;
    let composed = |name: &str| [name.to_owned(), format!("Option<{name}>"), format!("[{name}]")];
    let simple = SIMPLE.iter().flat_map(|name| composed(name)).find(is_it);
    simple.unwrap_or_else(|| format!("of another shape ({fingerprint:#010x})"))
}

fn with_known<T: DeserializeOwned + 'static, R>(mut f: impl FnMut(&mut Known) -> R) -> R {
    let id = TypeId::of::<T>();
    let known = KNOWN.try_with(|known| known.borrow_mut().get_mut(&id).map(&mut f));
    if let Ok(Some(result)) = known {
        return result;
    }
    // The table isn't borrowed here: a `Deserialize` may itself decode something.
    let mut fresh = find::<T>();
    let result = f(&mut fresh);
    // If the thread is ending, its table is gone, and the shape is found anew each time.
    let _ = KNOWN.try_with(|known| known.borrow_mut().insert(id, fresh));
    result
}

#[cold]
fn find<T: DeserializeOwned>() -> Known {
    let trace::Traced { text, unsupported } = trace::trace::<T>();
    let shape = Shape { fingerprint: crc32fast::hash(text.as_bytes()), unsupported };
    Known { shape, text: text.into(), encoded: Encoded::First }
}

fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}
