//! Decoding hostile bytes takes memory in the order of their number. This is a binary with one test
//! because it counts the allocations of the whole process.

use std::collections::{BTreeMap, HashMap, HashSet};

use bytes::Bytes;
use labgob::{decode, encode};
use peak_alloc::PeakAlloc;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// A `HashMap` has room to spare, a `Vec` that grows has an old and a new buffer for a moment, and
/// memory is set aside for elements not yet seen: an eighth of the input's bytes, plus 16.
const FACTOR: usize = 4;
/// For the text of an error, and for the shape of a type that is met for the first time.
const CONSTANT: usize = 8 * 1024;

#[derive(Serialize, Deserialize)]
struct Forest(Vec<Forest>);

#[derive(Serialize, Deserialize)]
struct Entry {
    term: u64,
    command: Bytes,
}

/// A frame in which all is right but the content.
fn forge<T: Serialize + DeserializeOwned + 'static>(model: &T, content: &[u8]) -> Vec<u8> {
    let fingerprint = &encode(model)[1..5];
    let mut frame = match u8::try_from(content.len()) {
        Ok(short @ 0..=250) => vec![short],
        _ => [&[252], &(content.len() as u32).to_le_bytes()[..]].concat(),
    };
    frame.extend_from_slice(fingerprint);
    frame.extend_from_slice(content);
    frame.extend_from_slice(&crc32fast::hash(&frame).to_le_bytes());
    frame
}

/// Decodes the content as a `T` and compares what it takes at its peak. `in_memory` is what `T`
/// itself spends on each byte of content: the size of its smallest element.
#[track_caller]
fn assert_bounded<T: Serialize + DeserializeOwned + 'static>(
    model: &T,
    in_memory: usize,
    content: &[u8],
) {
    let frame = forge(model, content);
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    let result = decode::<T>(&frame);
    let peak = ALLOCATOR.peak_usage() - before;
    let most = FACTOR * in_memory * frame.len() + CONSTANT;
    assert!(
        peak <= most,
        "{} bytes decoded as {} took {peak} bytes, and {most} are allowed; {}",
        frame.len(),
        std::any::type_name::<T>(),
        result.err().map_or("it decoded".to_owned(), |error| format!("failed to {error}")),
    );
}

/// The same content as many types.
#[track_caller]
fn assert_all_bounded(content: &[u8]) {
    assert_bounded(&String::new(), 1, content);
    assert_bounded(&Bytes::new(), 1, content);
    assert_bounded(&Vec::<u8>::new(), 1, content);
    assert_bounded(&Vec::<()>::new(), 1, content);
    assert_bounded(&Vec::<u64>::new(), size_of::<u64>(), content);
    assert_bounded(&Vec::<String>::new(), size_of::<String>(), content);
    assert_bounded(&Vec::<Entry>::new(), size_of::<Entry>(), content);
    assert_bounded(&Vec::<[u64; 32]>::new(), size_of::<u64>(), content);
    assert_bounded(&Vec::<Option<[u64; 32]>>::new(), size_of::<[u64; 33]>(), content);
    assert_bounded(&HashMap::<u64, u64>::new(), size_of::<(u64, u64)>(), content);
    assert_bounded(&HashSet::<String>::new(), size_of::<String>(), content);
    assert_bounded(&BTreeMap::<u64, Bytes>::new(), size_of::<Entry>(), content);
    assert_bounded(&Forest(Vec::new()), size_of::<Forest>(), content);
    assert_bounded(&Vec::<Vec<Vec<u8>>>::new(), size_of::<Vec<u8>>(), content);
}

#[test]
fn hostile_bytes_take_memory_in_the_order_of_their_number() {
    // A claimed length, of every size that it can be written in, with little or much behind it.
    let claims: [&[u8]; 6] = [
        &[250],
        &[251, 255, 255],
        &[252, 255, 255, 255, 255],
        &[253, 255, 255, 255, 255, 0, 0, 0, 0],
        &[253, 255, 255, 255, 255, 255, 255, 255, 255],
        &[253, 0, 0, 0, 0, 0, 0, 0, 128],
    ];
    for claim in claims {
        assert_all_bounded(claim);
        assert_all_bounded(&[claim, &[0; 300]].concat());
        // After a few good elements; and one level further in.
        assert_all_bounded(&[&[9, 1, 1], claim].concat());
        assert_all_bounded(&[&[1], claim, &[0xff; 3]].concat());
    }
    // As many elements as there could be, of which the first ones are malformed. 250 is a length
    // too: every level of a nested type claims all that is left.
    for count in [1_000_u16, 60_000] {
        let claim = [&[251], &count.to_le_bytes()[..]].concat();
        for filling in [0, 1, 4, 250, 254] {
            assert_all_bounded(&[&claim[..], &vec![filling; usize::from(count)]].concat());
        }
        // Every level claims all that is left of the input.
        let nested: Vec<u8> = (0..count)
            .rev()
            .step_by(3)
            .flat_map(|left| [&[251], &left.to_le_bytes()[..]].concat())
            .collect();
        assert_all_bounded(&nested);
    }
    // And as a frame's own length.
    for claim in claims {
        let before = ALLOCATOR.current_usage();
        ALLOCATOR.reset_peak_usage();
        assert!(decode::<Vec<u64>>(claim).is_err());
        assert!(ALLOCATOR.peak_usage() - before <= CONSTANT);
    }
}
