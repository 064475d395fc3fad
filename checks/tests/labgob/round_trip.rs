//! What was encoded decodes to an equal value, alone and in a sequence, and stays small.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use labgob::{Decoder, Encoder, decode, encode};
use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::values::{Meters, Op, Rich, bytes, on_another_thread, op, rich};

#[track_caller]
pub(crate) fn assert_round_trip<T>(value: T)
where
    T: Serialize + DeserializeOwned + PartialEq + Debug + 'static,
{
    let encoded = encode(&value);
    assert_eq!(decode::<T>(&encoded).as_ref(), Ok(&value), "encoded as {encoded:?}");
}

proptest! {
    #[test]
    fn rich_values(value in rich()) {
        prop_assert_eq!(decode::<Rich>(&encode(&value)), Ok(value));
    }

    #[test]
    fn sequences(
        term in any::<u64>(),
        voted_for in any::<Option<usize>>(),
        log in prop::collection::vec((any::<u64>(), op()), 0..8),
        snapshot in bytes(),
    ) {
        let mut encoder = Encoder::new();
        encoder.encode(&term).encode(&voted_for).encode(&log);
        encoder.encode(&snapshot);
        let state = encoder.finish();
        let mut decoder = Decoder::new(&state);
        prop_assert_eq!(decoder.decode::<u64>(), Ok(term));
        prop_assert_eq!(decoder.decode::<Option<usize>>(), Ok(voted_for));
        prop_assert_eq!(decoder.decode::<Vec<(u64, Op)>>(), Ok(log));
        prop_assert_eq!(decoder.decode::<Bytes>(), Ok(snapshot));
        prop_assert_eq!(decoder.finish(), Ok(()));
    }

    #[test]
    fn floats_keep_every_bit(bits in any::<(u32, u64)>()) {
        let (single, double): (f32, f64) =
            decode(&encode(&(f32::from_bits(bits.0), f64::from_bits(bits.1)))).unwrap();
        prop_assert_eq!((single.to_bits(), double.to_bits()), bits);
    }
}

#[test]
fn edges() {
    assert_round_trip(());
    assert_round_trip((u128::MAX, i128::MIN, u64::MAX, i64::MIN));
    for edge in [0, 250, 251, 65_535, 65_536, u64::from(u32::MAX), u64::from(u32::MAX) + 1] {
        assert_round_trip(edge);
    }
    assert_round_trip(('\0', 'ß', '→', '\u{10ffff}'));
    assert_round_trip(vec![(); 300]);
    assert_round_trip(String::new());
    assert_round_trip(Bytes::from(vec![7; 100_000]));
    assert_round_trip(Arc::new(Duration::from_nanos(1)));
    assert_round_trip(IpAddr::from([127, 0, 0, 1]));
    let nan: f64 = decode(&encode(&f64::NAN)).unwrap();
    assert!(nan.is_nan());
}

#[test]
fn names_of_types_do_not_matter() {
    assert_eq!(decode::<u32>(&encode(&Meters(9))), Ok(9));
    assert_eq!(decode::<Arc<[u8; 2]>>(&encode(&(1_u8, 2_u8))), Ok(Arc::new([1, 2])));
}

#[test]
fn equal_values_give_equal_bytes() {
    let map: BTreeMap<u8, Op> = BTreeMap::from([(1, Op::Nop), (2, Op::Get("x".into()))]);
    let before = encode(&map);
    encode(&"something in between".to_owned());
    assert_eq!(encode(&map.clone()), before);
    assert_eq!(on_another_thread(move || encode(&map)), before);
}

#[test]
fn small_values_stay_small() {
    #[derive(Serialize, Deserialize)]
    struct Heartbeat {
        term: u64,
        leader: u64,
        prev_log_index: u64,
        prev_log_term: u64,
        entries: u64,
        leader_commit: u64,
    }
    let mut heartbeat = Heartbeat {
        term: 3,
        leader: 1,
        prev_log_index: 200,
        prev_log_term: 2,
        entries: 0,
        leader_commit: 199,
    };
    assert_eq!(encode(&heartbeat).len(), 15);
    heartbeat.prev_log_index = 1000;
    assert_eq!(encode(&heartbeat).len(), 17);
    assert_eq!(encode(&Bytes::from(vec![0; 5000])).len(), 5000 + 14);
}

/// A command that is itself encoded where it is serialized, as a tester's are.
#[derive(Clone, Debug, PartialEq)]
struct Inside(HashMap<String, u64>);

impl Serialize for Inside {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        encode(&self.0).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Inside {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = Bytes::deserialize(deserializer)?;
        decode(&bytes).map(Self).map_err(serde::de::Error::custom)
    }
}

#[test]
fn values_that_encode_others_while_they_are_encoded() {
    let inside = Inside(HashMap::from([("x".into(), 1), ("y".into(), 2)]));
    assert_round_trip(vec![(1_u8, inside.clone()), (2, inside)]);
}
