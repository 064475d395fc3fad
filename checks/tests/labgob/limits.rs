//! What can't be encoded says so where it is encoded.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use labgob::{Error, decode, encode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize, Serializer};

/// The message of the panic that encoding ends in.
#[track_caller]
fn refusal<T: Serialize + DeserializeOwned + 'static>(value: &T) -> String {
    let panic = catch_unwind(AssertUnwindSafe(|| encode(value))).expect_err("encoding panics");
    let message = panic.downcast_ref::<String>().expect("the message is text").clone();
    let start = format!("labgob: failed to encode {}: ", std::any::type_name::<T>());
    message
        .strip_prefix(&start)
        .unwrap_or_else(|| panic!("it names the type: {message}"))
        .to_owned()
}

#[track_caller]
fn assert_unsupported<T: Serialize + DeserializeOwned + 'static>(value: &T, part: &str) {
    let reason = refusal(value);
    assert!(reason.contains(part), "{reason}");
    match decode::<T>(&encode(&1_u8)).map(drop) {
        Err(Error::Unsupported { reason: the_same, .. }) => assert_eq!(the_same, reason),
        other => panic!("expected that decoding isn't supported, got {other:?}"),
    }
}

#[test]
fn types_that_ask_the_bytes_what_they_are() {
    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Untagged {
        Number(u64),
        Text(String),
    }
    #[derive(Serialize, Deserialize)]
    #[serde(tag = "kind")]
    enum Internal {
        A { x: u8 },
        B { y: u8 },
    }
    #[derive(Serialize, Deserialize)]
    #[serde(tag = "kind", content = "content")]
    enum Adjacent {
        A(u8),
        B(u16),
    }
    #[derive(Serialize, Deserialize)]
    struct Inner {
        x: u8,
    }
    #[derive(Serialize, Deserialize)]
    struct Flat {
        #[serde(flatten)]
        inner: Inner,
        y: u8,
    }
    assert_unsupported(&Untagged::Number(1), "asks the bytes what they are");
    assert_unsupported(&Internal::A { x: 1 }, "asks the bytes what they are");
    assert_unsupported(&Adjacent::A(1), "asks the bytes for a name");
    assert_unsupported(&Flat { inner: Inner { x: 1 }, y: 2 }, "asks the bytes for a name");
    // Also where no value has it.
    assert_unsupported(&(1_u8, None::<Vec<Untagged>>), "asks the bytes what they are");
}

#[test]
fn fields_that_are_skipped_on_one_side_only() {
    #[derive(Serialize, Deserialize)]
    struct Sometimes {
        #[serde(skip_serializing_if = "Option::is_none")]
        vote: Option<u8>,
        term: u8,
    }
    encode(&Sometimes { vote: Some(1), term: 2 });
    assert!(refusal(&Sometimes { vote: None, term: 2 }).contains("its field vote is left out"));

    #[derive(Serialize, Deserialize)]
    struct Never {
        term: u8,
        #[serde(skip_serializing)]
        #[expect(dead_code, reason = "that it isn't read is what this is about")]
        vote: u8,
    }
    let reason = refusal(&Never { term: 1, vote: 2 });
    assert!(reason.contains("its Deserialize can't read (the content ends too early)"), "{reason}");
}

#[test]
fn a_field_skipped_on_both_sides_is_lost_as_asked() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Cached {
        term: u8,
        #[serde(skip)]
        cache: u8,
    }
    assert_eq!(decode(&encode(&Cached { term: 1, cache: 2 })), Ok(Cached { term: 1, cache: 0 }));
}

#[test]
fn sequences_that_are_not_as_long_as_announced() {
    #[derive(Deserialize)]
    struct Odd(#[expect(dead_code, reason = "only encoded")] Vec<u8>);
    impl Serialize for Odd {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_seq((0..9_u8).filter(|number| number % 2 == 1))
        }
    }
    assert!(refusal(&Odd(vec![])).contains("doesn't know its length"));

    #[derive(Deserialize)]
    struct Announces(Vec<u8>);
    impl Serialize for Announces {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            use serde::ser::SerializeSeq;
            let mut seq = serializer.serialize_seq(Some(2))?;
            self.0.iter().try_for_each(|element| seq.serialize_element(element))?;
            seq.end()
        }
    }
    encode(&Announces(vec![1, 2]));
    assert!(refusal(&Announces(vec![1])).contains("1 of the parts its Serialize announced"));
    assert!(refusal(&Announces(vec![1, 2, 3])).contains("more parts than its Serialize announced"));
}

#[test]
fn values_nested_too_deeply() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct List(Option<Box<List>>);
    let nested = |levels| (0..levels).fold(List(None), |list, _| List(Some(Box::new(list))));
    // Each element is two levels, a newtype and an option; the innermost is one.
    let deepest = nested(63);
    assert_eq!(decode(&encode(&deepest)), Ok(deepest));
    assert_eq!(refusal(&nested(64)), "it is nested deeper than 128 levels");
}

#[test]
fn serialize_impls_that_fail() {
    #[derive(Deserialize)]
    struct Fails;
    impl Serialize for Fails {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("no such luck"))
        }
    }
    assert_eq!(refusal(&BTreeMap::from([(1, Fails)])), "no such luck");
    // The thread goes on as if nothing had been.
    assert_eq!(decode(&encode(&5_u8)), Ok(5_u8));
}

#[test]
fn reasons_of_a_type_come_through() {
    #[derive(Debug, Serialize, Deserialize)]
    #[serde(try_from = "u8")]
    struct Even(u8);
    impl TryFrom<u8> for Even {
        type Error = String;
        fn try_from(number: u8) -> Result<Self, String> {
            if number.is_multiple_of(2) {
                Ok(Self(number))
            } else {
                Err(format!("{number} is odd"))
            }
        }
    }
    assert_eq!(decode::<Even>(&encode(&4_u8)).map(|even| even.0), Ok(4));
    let error = decode::<Even>(&encode(&5_u8)).unwrap_err().to_string();
    assert!(error.starts_with("decode value 0 (at byte 0) as "), "{error}");
    assert!(error.ends_with("Even: 5 is odd"), "{error}");
}
