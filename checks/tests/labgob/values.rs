//! The types and values that the tests share.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

/// Runs a function where no type has been met.
#[expect(
    clippy::disallowed_methods,
    reason = "no simulation here, and threads are what it is about"
)]
pub(crate) fn on_another_thread<R: Send + 'static>(f: impl FnOnce() -> R + Send + 'static) -> R {
    std::thread::spawn(f).join().expect("the function returns")
}

/// All four kinds of variants, one of them recursive.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Op {
    Nop,
    Get(String),
    Put(String, Bytes),
    Swap { old: Option<i64>, new: i64 },
    Twice(Box<Op>),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Empty {}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Unit;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Meters(pub(crate) u32);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Pair(pub(crate) u8, pub(crate) String);

/// Something of everything in serde's data model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Rich {
    pub(crate) unsigned: (u8, u16, u32, u64, u128),
    pub(crate) signed: (i8, i16, i32, i64, i128),
    pub(crate) size: usize,
    pub(crate) flag: bool,
    pub(crate) letter: char,
    pub(crate) text: String,
    pub(crate) raw: Bytes,
    pub(crate) numbers: Vec<u8>,
    pub(crate) ops: Vec<Op>,
    pub(crate) array: [u16; 3],
    pub(crate) nothing: ((), Unit, Empty, [u8; 0]),
    pub(crate) nothings: Vec<()>,
    pub(crate) newtype: Meters,
    pub(crate) pair: Pair,
    pub(crate) options: Vec<Option<Option<u8>>>,
    pub(crate) ordered: BTreeMap<i16, Vec<String>>,
    pub(crate) hashed: HashMap<String, f64>,
    pub(crate) result: Result<u32, String>,
}

pub(crate) fn bytes() -> impl Strategy<Value = Bytes> {
    prop::collection::vec(any::<u8>(), 0..40).prop_map(Bytes::from)
}

pub(crate) fn op() -> impl Strategy<Value = Op> {
    let flat = prop_oneof![
        Just(Op::Nop),
        any::<String>().prop_map(Op::Get),
        (any::<String>(), bytes()).prop_map(|(key, value)| Op::Put(key, value)),
        any::<(Option<i64>, i64)>().prop_map(|(old, new)| Op::Swap { old, new }),
    ];
    flat.prop_recursive(4, 8, 1, |op| op.prop_map(|op| Op::Twice(Box::new(op))))
}

pub(crate) fn rich() -> impl Strategy<Value = Rich> {
    let first = (
        any::<(u8, u16, u32, u64, u128)>(),
        any::<(i8, i16, i32, i64, i128)>(),
        any::<(usize, bool, char, String)>(),
        bytes(),
        any::<Vec<u8>>(),
        prop::collection::vec(op(), 0..6),
    );
    let second = (
        any::<[u16; 3]>(),
        0..5_usize,
        any::<(u32, u8, String)>(),
        any::<Vec<Option<Option<u8>>>>(),
        prop::collection::btree_map(any::<i16>(), any::<Vec<String>>(), 0..4),
        prop::collection::hash_map(any::<String>(), any::<f64>(), 0..4),
        any::<Result<u32, String>>(),
    );
    (first, second).prop_map(|(first, second)| {
        let (unsigned, signed, (size, flag, letter, text), raw, numbers, ops) = first;
        let (array, nothings, (meters, left, right), options, ordered, hashed, result) = second;
        Rich {
            unsigned,
            signed,
            size,
            flag,
            letter,
            text,
            raw,
            numbers,
            ops,
            array,
            nothing: ((), Unit, Empty {}, []),
            nothings: vec![(); nothings],
            newtype: Meters(meters),
            pair: Pair(left, right),
            options,
            ordered,
            hashed,
            result,
        }
    })
}
