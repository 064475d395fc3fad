//! What can only be tested from inside: the shapes in words, and contents that no encoder wrote
//! under a fingerprint and a checksum that fit.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::num::NonZeroU64;

use bytes::Bytes;
use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{CONFIG, Error, decode, encode, shape, trace};

fn shape_of<T: DeserializeOwned>() -> String {
    trace::trace::<T>().text
}

/// A frame with the right length, fingerprint and checksum around any content.
fn forge<T: DeserializeOwned + 'static>(content: &[u8]) -> Vec<u8> {
    let mut frame = bincode::encode_to_vec(content.len() as u64, CONFIG).unwrap();
    frame.extend_from_slice(&shape::of::<T>().fingerprint.to_le_bytes());
    frame.extend_from_slice(content);
    frame.extend_from_slice(&crc32fast::hash(&frame).to_le_bytes());
    frame
}

fn decode_forged<T: DeserializeOwned + 'static>(content: &[u8]) -> Result<T, Error> {
    decode(&forge::<T>(content))
}

fn reason<T: DeserializeOwned + std::fmt::Debug + 'static>(content: &[u8]) -> String {
    match decode_forged::<T>(content) {
        Err(Error::Malformed { reason, .. }) => reason,
        other => panic!("expected a malformed content, got {other:?}"),
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Node {
    value: u64,
    next: Option<Box<Node>>,
    name: String,
}

/// The recursive variant comes first, so that nothing is known when the type is met in itself.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Tree {
    Fork(Box<Tree>, Box<Tree>, u8),
    Leaf { weight: i32 },
    Empty,
}

#[derive(Debug, Serialize, Deserialize)]
struct Forest(Vec<Forest>);

#[derive(Debug, Serialize, Deserialize)]
struct Endless(Box<Endless>);

#[derive(Debug, Serialize, Deserialize)]
struct Both {
    tree: Tree,
    after: NonZeroU64,
}

#[test]
fn shapes_name_kinds_fields_and_variants_but_no_types() {
    #[derive(Deserialize)]
    struct Term(#[expect(dead_code, reason = "only its shape matters")] u64);
    #[derive(Deserialize)]
    struct Nothing {}
    #[derive(Deserialize)]
    #[expect(dead_code, reason = "only its shape matters")]
    enum Vote {
        No,
        For(Option<usize>),
        Split(u8, u8),
        Because { why: String },
    }
    #[derive(Deserialize)]
    #[expect(dead_code, reason = "only its shape matters")]
    struct Renamed {
        #[serde(rename = "a: u8, b")]
        a: u8,
    }
    assert_eq!(shape_of::<Term>(), "u64");
    assert_eq!(shape_of::<Nothing>(), "{}");
    assert_eq!(
        shape_of::<Vote>(),
        "enum { No, For(Option<u64>), Split(u8, u8), Because { why: String } }"
    );
    assert_eq!(shape_of::<Renamed>(), r#"{ "a: u8, b": u8 }"#);
    assert_eq!(shape_of::<HashMap<String, Vec<[i8; 2]>>>(), "[String => [(i8, i8)]]");
    assert_eq!(shape_of::<(Bytes, Vec<u8>, (), char)>(), "(Bytes, [u8], (), char)");
    assert_eq!(shape_of::<Result<u8, String>>(), "enum { Ok(u8), Err(String) }");
    // One enum in two places, and two enums of one name, are each explored for themselves.
    assert_eq!(
        shape_of::<(Result<u8, i8>, Result<u16, i16>)>(),
        "(enum { Ok(u8), Err(i8) }, enum { Ok(u16), Err(i16) })"
    );
}

#[test]
fn shapes_of_recursive_types_are_cut_and_go_on_behind_the_cut() {
    assert_eq!(shape_of::<Node>(), "{ value: u64, next: Option<Self^2>, name: String }");
    let tree = "enum { Fork(Self^1, Self^1, u8), Leaf { weight: i32 }, Empty }";
    assert_eq!(shape_of::<Tree>(), tree);
    assert_eq!(shape_of::<Both>(), format!("{{ tree: {tree}, after: u64 }}"));
    assert_eq!(shape_of::<Forest>(), "[Self^2]");
    assert_eq!(shape_of::<Endless>(), "Self^1");
}

#[test]
fn a_shape_ends_where_made_up_values_are_rejected() {
    #[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
    #[serde(try_from = "String")]
    struct Picky;
    impl TryFrom<String> for Picky {
        type Error = &'static str;
        fn try_from(_: String) -> Result<Self, Self::Error> {
            Err("never")
        }
    }
    assert_eq!(shape_of::<(u8, Picky, u8)>(), "(u8, String, ?)");
    // Behind an option, a sequence or a map it can be avoided.
    assert_eq!(
        shape_of::<(Option<Picky>, Vec<Picky>, BTreeMap<u8, (u8, Option<()>)>, u8)>(),
        "(Option<String>, [String], [u8 => (u8, Option<()>)], u8)"
    );
    assert_eq!(shape_of::<(BTreeMap<String, Picky>, u8)>(), "([String => String], u8)");
    // Here a pass must give up on what it can't reach, or it would never come to the last one.
    assert_eq!(shape_of::<(BTreeMap<Picky, u8>, u8)>(), "([String => ?], u8)");
}

#[test]
fn huge_shapes_end_and_are_the_same_each_time() {
    type Eight<T> = (T, T, T, T, T, T, T, T);
    type Huge = Eight<Eight<Eight<Eight<Result<u8, u16>>>>>;
    let shape = shape_of::<Huge>();
    assert!(shape.ends_with(", 6 x ?)"), "it ends with {}", &shape[shape.len() - 40..]);
    assert_eq!(shape, shape_of::<Huge>());
}

#[test]
fn fingerprints_are_the_same_in_every_build() {
    assert_eq!(shape::of::<u64>().fingerprint, 0x05d3_1669);
    assert_eq!(shape::of::<Tree>().fingerprint, 0x0f94_117d);
}

#[test]
fn hostile_lengths_are_rejected_before_anything_is_allocated() {
    // Nine bytes that claim the largest length there is.
    const NINE: [u8; 9] = [253, 255, 255, 255, 255, 255, 255, 255, 255];
    let text = "a length of 18446744073709551615 is claimed where 0 byte(s) are left";
    assert_eq!(reason::<Vec<u64>>(&NINE), text);
    assert_eq!(reason::<Vec<()>>(&NINE), text);
    assert_eq!(reason::<String>(&NINE), text);
    assert_eq!(reason::<Bytes>(&NINE), text);
    assert_eq!(reason::<BTreeSet<u8>>(&NINE), text);
    assert_eq!(reason::<HashMap<u8, u8>>(&NINE), text);
    // The same nine as a frame's own length.
    let error = decode::<Vec<u64>>(&NINE).unwrap_err();
    assert!(matches!(error, Error::Truncated { needs: u64::MAX, left: 9, .. }), "{error}");
    // One more than there can be, and exactly as many.
    assert!(reason::<Vec<()>>(&[3, 0, 0]).contains("length of 3 is claimed"));
    assert_eq!(decode_forged(&[2, 0, 0]), Ok(vec![(), ()]));
    assert!(reason::<BTreeMap<u8, u8>>(&[2, 1, 1, 2]).contains("length of 2 is claimed"));
    assert_eq!(decode_forged(&[1, 7, 8]), Ok(BTreeMap::from([(7_u8, 8_u8)])));
}

#[test]
fn forged_contents_are_malformed_in_words() {
    assert_eq!(reason::<bool>(&[2]), "a bool is 0 or 1, and not 2");
    assert_eq!(reason::<Option<u8>>(&[2, 0]), "an option begins with 0 or 1, and not 2");
    assert_eq!(reason::<()>(&[1]), "a value without content is 0, and not 1");
    assert_eq!(reason::<(u8, u8)>(&[1]), "the content ends too early");
    assert_eq!(reason::<(u8, u8)>(&[1, 2, 3]), "1 byte(s) of its content are left over");
    assert!(reason::<String>(&[1, 0xff]).starts_with("a string is not UTF-8"));
    assert!(reason::<char>(&[0xff]).starts_with("a primitive value is malformed"));
    assert!(reason::<u16>(&[252, 0, 0, 1, 0]).starts_with("a primitive value is malformed"));
    assert!(reason::<Tree>(&[3]).starts_with("invalid value: integer `3`, expected variant index"));
    assert!(reason::<NonZeroU64>(&[0]).contains("nonzero"));
}

#[test]
fn hostile_nesting_ends_before_the_stack_does() {
    const TEXT: &str = "it is nested deeper than 128 levels";
    let ones = [1; 100_000];
    assert_eq!(reason::<Forest>(&ones), TEXT);
    assert_eq!(reason::<Endless>(&ones), TEXT);
    assert_eq!(reason::<Tree>(&[0; 100_000]), TEXT);
    let nodes = [0, 1].repeat(50_000);
    assert_eq!(reason::<Node>(&nodes), TEXT);
}

/// Decodes as many types, forged and as they are; the results don't matter, only that there are.
fn decode_as_everything(bytes: &[u8]) {
    fn as_one<T: DeserializeOwned + 'static>(bytes: &[u8]) {
        let _ = decode::<T>(bytes);
        let _ = decode_forged::<T>(bytes);
    }
    as_one::<bool>(bytes);
    as_one::<char>(bytes);
    as_one::<(i16, i32, i64, i128, u128, f32, f64)>(bytes);
    as_one::<String>(bytes);
    as_one::<Bytes>(bytes);
    as_one::<Vec<()>>(bytes);
    as_one::<Vec<Option<[u64; 32]>>>(bytes);
    as_one::<Vec<Vec<Vec<u8>>>>(bytes);
    as_one::<HashMap<String, Vec<char>>>(bytes);
    as_one::<BTreeMap<u64, BTreeSet<Bytes>>>(bytes);
    as_one::<Vec<Node>>(bytes);
    as_one::<Both>(bytes);
    as_one::<Forest>(bytes);
    as_one::<Vec<Result<(Tree, u8), std::time::Duration>>>(bytes);
    as_one::<std::net::SocketAddr>(bytes);
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        decode_as_everything(&bytes);
    }

    /// Small numbers are tags, lengths and variants: these get deeper than arbitrary bytes do.
    #[test]
    fn arbitrary_small_numbers_never_panic(bytes in prop::collection::vec(0..5_u8, 0..300)) {
        decode_as_everything(&bytes);
    }

    #[test]
    fn forged_contents_that_decode_are_values_like_any_other(
        content in prop::collection::vec(0..5_u8, 0..40),
    ) {
        if let Ok(tree) = decode_forged::<Tree>(&content) {
            prop_assert_eq!(decode(&encode(&tree)), Ok(tree));
        }
    }
}
