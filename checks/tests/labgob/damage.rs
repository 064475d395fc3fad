//! Bytes that are not what was encoded, or not as what they are decoded, are an error.

use bytes::Bytes;
use labgob::{Decoder, Encoder, Error, Position, decode, encode};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use crate::values::{Op, Rich, on_another_thread, rich};

type Log = Vec<(u64, Op)>;

/// What a server persists.
fn state() -> Bytes {
    let mut encoder = Encoder::new();
    encoder.encode(&7_u64).encode(&Some(2_usize)).encode(&log());
    encoder.finish()
}

fn log() -> Log {
    vec![(1, Op::Nop), (7, Op::Put("x".into(), Bytes::from_static(b"12")))]
}

fn decode_state(bytes: &[u8]) -> Result<(u64, Option<usize>, Log), Error> {
    let mut decoder = Decoder::new(bytes);
    let state = (decoder.decode()?, decoder.decode()?, decoder.decode()?);
    decoder.finish()?;
    Ok(state)
}

#[test]
fn another_type() {
    fn assert_shape<T: serde::de::DeserializeOwned + std::fmt::Debug + 'static>(bytes: &[u8]) {
        let error = decode::<T>(bytes).expect_err("another type was encoded");
        assert!(matches!(error, Error::Shape { .. }), "failed to {error}");
    }
    let number = encode(&1_u64);
    assert_shape::<u32>(&number);
    assert_shape::<i64>(&number);
    assert_shape::<bool>(&number);
    assert_shape::<String>(&number);
    assert_shape::<Option<u64>>(&number);
    assert_shape::<(u64,)>(&number);
    assert_shape::<Vec<u64>>(&number);
    assert_shape::<()>(&number);
    // These all have a content of one byte 0.
    let empty = encode(&Vec::<u8>::new());
    assert_shape::<Vec<u64>>(&empty);
    assert_shape::<Bytes>(&empty);
    assert_shape::<String>(&empty);
    assert_shape::<Option<u8>>(&empty);
    assert_shape::<Op>(&empty);
}

#[test]
fn another_struct_or_enum() {
    #[derive(Debug, Serialize, Deserialize)]
    struct Vote {
        term: u64,
        granted: bool,
    }
    #[derive(Debug, Serialize, Deserialize)]
    struct Swapped {
        granted: bool,
        term: u64,
    }
    #[derive(Debug, Serialize, Deserialize)]
    struct Append {
        term: u64,
        success: bool,
    }
    let vote = encode(&Vote { term: 1, granted: true });
    for error in [
        decode::<Swapped>(&vote).map(drop),
        decode::<Append>(&vote).map(drop),
        decode::<(u64, bool)>(&vote).map(drop),
    ] {
        assert!(matches!(error, Err(Error::Shape { .. })), "{error:?}");
    }

    #[derive(Debug, Serialize, Deserialize)]
    enum Before {
        A,
        B(u8),
    }
    #[derive(Debug, Serialize, Deserialize)]
    enum After {
        A,
        B(u16),
    }
    // The variant that differs needn't be the one that was encoded.
    for before in [Before::A, Before::B(1)] {
        let error = decode::<After>(&encode(&before));
        assert!(matches!(error, Err(Error::Shape { .. })), "{error:?}");
    }
}

#[test]
fn the_message_says_where_what_and_what_else() {
    let state = state();
    let mut decoder = Decoder::new(&state);
    decoder.decode::<u64>().unwrap();
    assert_eq!(
        decoder.decode::<u64>().unwrap_err().to_string(),
        "decode value 1 (at byte 10) as u64: this type wants u64, but what was encoded is Option<u64>"
    );
}

/// Servers that share a thread could speak by it.
#[test]
fn nothing_is_said_of_what_else_the_thread_has_encoded() {
    let bytes = on_another_thread(|| encode(&(1_u8, 2_u16)));
    let before = decode::<u64>(&bytes).unwrap_err().to_string();
    assert!(before.contains("what was encoded is of another shape (0x"), "{before}");
    encode(&(1_u8, 2_u16));
    assert_eq!(decode::<u64>(&bytes).unwrap_err().to_string(), before);
}

#[test]
fn another_order() {
    let state = state();
    let mut decoder = Decoder::new(&state);
    let error = decoder.decode::<Option<usize>>().unwrap_err();
    assert!(matches!(error, Error::Shape { at: Position { index: 0, offset: 0 }, .. }));
    // The decoder hasn't moved.
    assert_eq!(decoder.decode::<u64>(), Ok(7));
    let error = decoder.decode::<Log>().unwrap_err();
    assert!(matches!(error, Error::Shape { at: Position { index: 1, offset: 10 }, .. }));
}

#[test]
fn values_of_one_shape_are_not_told_apart() {
    let mut encoder = Encoder::new();
    encoder.encode(&1_u64).encode(&2_u64);
    let bytes = encoder.finish();
    let mut decoder = Decoder::new(&bytes);
    // The documented limit: nothing here knows which of the two was meant to be first.
    let (commit_index, term): (u64, u64) = (decoder.decode().unwrap(), decoder.decode().unwrap());
    assert_eq!((commit_index, term), (1, 2));
}

#[test]
fn too_few_and_too_many() {
    let state = state();
    let mut decoder = Decoder::new(&state);
    decoder.decode::<u64>().unwrap();
    let left = state.len() - 10;
    let at = Position { index: 1, offset: 10 };
    assert_eq!(decoder.clone().finish(), Err(Error::LeftOver { at, left }));
    assert_eq!(decode::<u64>(&state), Err(Error::LeftOver { at, left }));
    decoder.decode::<Option<usize>>().unwrap();
    decoder.decode::<Log>().unwrap();
    let error = decoder.decode::<u64>().unwrap_err();
    let end = Position { index: 3, offset: state.len() };
    assert_eq!(error, Error::Missing { at: end, type_name: "u64" });
    assert_eq!(decoder.finish(), Ok(()));
    assert!(matches!(decode::<u64>(&[]), Err(Error::Missing { .. })));
    assert!(matches!(decode::<()>(&[]), Err(Error::Missing { .. })));
}

#[test]
fn truncated_anywhere() {
    let state = state();
    for end in 0..state.len() {
        let error = decode_state(&state[..end]).expect_err("the end is cut off");
        assert!(
            matches!(error, Error::Missing { .. } | Error::Truncated { .. }),
            "{end} bytes: failed to {error}"
        );
    }
    assert!(decode_state(&state).is_ok());
}

#[test]
fn any_bit_flipped() {
    type Decodes = fn(&[u8]) -> bool;
    let messages: [(Bytes, Decodes); 5] = [
        (state(), |bytes| decode_state(bytes).is_ok()),
        (encode(&7_u64), |bytes| decode::<u64>(bytes).is_ok()),
        (encode(&log()), |bytes| decode::<Log>(bytes).is_ok()),
        (encode(&Bytes::from(vec![0; 700])), |bytes| decode::<Bytes>(bytes).is_ok()),
        (encode(&vec![(); 9]), |bytes| decode::<Vec<()>>(bytes).is_ok()),
    ];
    for (message, decodes) in messages {
        assert!(decodes(&message));
        let mut flipped = message.to_vec();
        for bit in 0..message.len() * 8 {
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(!decodes(&flipped), "bit {bit} of {message:?} is flipped, and it decodes");
            flipped[bit / 8] ^= 1 << (bit % 8);
        }
    }
}

proptest! {
    #[test]
    fn any_bit_of_rich_values_flipped(value in rich(), bit in any::<prop::sample::Index>()) {
        let mut bytes = encode(&value).to_vec();
        let bit = bit.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(decode::<Rich>(&bytes).is_err());
    }

    #[test]
    fn rich_values_truncated(value in rich(), end in any::<prop::sample::Index>()) {
        let bytes = encode(&value);
        prop_assert!(decode::<Rich>(&bytes[..end.index(bytes.len())]).is_err());
    }

    #[test]
    fn bytes_left_over(value in rich(), more in prop::collection::vec(any::<u8>(), 1..20)) {
        let mut bytes = encode(&value).to_vec();
        bytes.extend_from_slice(&more);
        let error = decode::<Rich>(&bytes).unwrap_err();
        let left_over = matches!(error, Error::LeftOver { left, .. } if left == more.len());
        prop_assert!(left_over, "{}", error);
    }

    #[test]
    fn values_exchanged(first in any::<u64>(), second in any::<Option<u64>>()) {
        let mut encoder = Encoder::new();
        encoder.encode(&second).encode(&first);
        let bytes = encoder.finish();
        let mut decoder = Decoder::new(&bytes);
        prop_assert!(matches!(decoder.decode::<u64>(), Err(Error::Shape { .. })), "in order");
    }
}
