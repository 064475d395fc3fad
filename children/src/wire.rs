//! What a child tells its parent, on the wire between them.
//!
//! A child runs code that nobody knows, which may write to any of its process's descriptors. So the parent
//! takes nothing for granted: each frame begins with its kind and the process's [`Nonce`] and has a bound,
//! and what isn't a frame is an error that says so, of the kind `InvalidData`.

use std::io::{self, Read, Write};

use crate::nonce::Nonce;

/// How much of what a run printed is kept, in bytes, from its end.
pub const OUTPUT_KEPT: u64 = 64 * 1024;

/// The most bytes that a result may have. What a run tells of itself takes some thousands; all that a
/// history may hold, a few times as many as it has.
pub const MOST: u64 = 256 << 20;

/// The most bytes that a run's output may have. Of a longer one its last part is sent.
const MOST_OUTPUT: u64 = OUTPUT_KEPT;

/// One word of a child's.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame {
    /// It has come to the point where it takes seeds.
    Ready,
    /// It is alive, though its run has no result yet.
    Alive,
    /// The next result is its last: it ends itself, and what else it has in hand is not run.
    Leaving,
    /// A run has ended.
    Result {
        /// The run's seed.
        seed: u64,
        /// The result.
        result: Vec<u8>,
        /// What the run printed.
        output: Vec<u8>,
    },
}

const READY: u8 = b'Y';
const ALIVE: u8 = b'A';
const LEAVING: u8 = b'L';
const RESULT: u8 = b'R';

/// Writes a frame of the process with this `nonce`, in one piece.
///
/// # Errors
/// If it can't be written.
pub fn write(to: &mut impl Write, nonce: &Nonce, frame: &Frame) -> io::Result<()> {
    let begin = |kind| [&[kind], &nonce.text()[..]].concat();
    match frame {
        Frame::Ready => to.write_all(&begin(READY)),
        Frame::Alive => to.write_all(&begin(ALIVE)),
        Frame::Leaving => to.write_all(&begin(LEAVING)),
        Frame::Result { seed, result, output } => {
            let mut bytes = begin(RESULT);
            bytes.extend(seed.to_le_bytes());
            // Something else may have printed while it was read.
            let output = &output[output.len().saturating_sub(MOST_OUTPUT as usize)..];
            for part in [&result[..], output] {
                bytes.extend((part.len() as u64).to_le_bytes());
                bytes.extend(part);
            }
            to.write_all(&bytes)
        }
    }
}

/// Reads the next frame of the process with this `nonce`, whose result has at most `most` bytes. An end of input is an
/// error, and so is what is no frame: then its text says why, and its kind is `InvalidData`.
pub(crate) fn read(from: &mut impl Read, nonce: &Nonce, most: u64) -> io::Result<Frame> {
    let mut kind = [0];
    from.read_exact(&mut kind)?;
    if ![READY, ALIVE, LEAVING, RESULT].contains(&kind[0]) {
        let what = format!("the byte {}, where a message of the tester's begins", kind[0]);
        return Err(invalid(what));
    }
    // Byte by byte: what is wrong at once isn't waited for.
    for &expected in nonce.text() {
        let mut byte = [0];
        from.read_exact(&mut byte)?;
        if byte[0] != expected {
            let what = "a message that doesn't bear the number that the tester gave this process";
            return Err(invalid(what.to_owned()));
        }
    }
    match kind[0] {
        READY => Ok(Frame::Ready),
        ALIVE => Ok(Frame::Alive),
        LEAVING => Ok(Frame::Leaving),
        _ => {
            let seed = read_u64(from)?;
            let result = read_bytes(from, "result", most)?;
            Ok(Frame::Result {
                seed,
                result,
                output: read_bytes(from, "run's output", MOST_OUTPUT)?,
            })
        }
    }
}

fn read_u64(from: &mut impl Read) -> io::Result<u64> {
    let mut bytes = [0; 8];
    from.read_exact(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}

/// Reads a length and so many bytes. Memory is taken as they come, not as they are promised.
fn read_bytes(from: &mut impl Read, what: &str, most: u64) -> io::Result<Vec<u8>> {
    let len = read_u64(from)?;
    if len > most {
        return Err(invalid(format!("a {what} of {len} bytes, where {most} are the most")));
    }
    let mut bytes = Vec::new();
    from.take(len).read_to_end(&mut bytes)?;
    if bytes.len() as u64 == len { Ok(bytes) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

fn invalid(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: Nonce = Nonce::for_tests(*b"0123456789abcdef0123456789abcdef");

    fn bytes(frames: &[&Frame]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for frame in frames {
            write(&mut bytes, &NONCE, frame).expect("a vector takes everything");
        }
        bytes
    }

    fn result() -> Frame {
        Frame::Result { seed: u64::MAX, result: b"{}".to_vec(), output: b"printed".to_vec() }
    }

    #[test]
    fn what_is_written_is_read() {
        let bytes = bytes(&[&Frame::Ready, &Frame::Alive, &result(), &Frame::Leaving]);
        let mut from = &bytes[..];
        let read: Vec<Frame> =
            (0..4).map(|_| read(&mut from, &NONCE, MOST).expect("a frame")).collect();
        assert_eq!(read, [Frame::Ready, Frame::Alive, result(), Frame::Leaving]);
        assert!(from.is_empty());
    }

    #[test]
    fn of_a_long_output_the_last_part_is_sent() {
        let output = [vec![b'a'; 10], vec![b'b'; MOST_OUTPUT as usize]].concat();
        let sent = bytes(&[&Frame::Result { seed: 1, result: Vec::new(), output }]);
        let Ok(Frame::Result { output, .. }) = read(&mut &sent[..], &NONCE, MOST) else {
            panic!("no result")
        };
        assert_eq!(output, vec![b'b'; MOST_OUTPUT as usize]);
    }

    #[test]
    fn a_frame_that_is_cut_off_is_an_end_and_no_nonsense() {
        let whole = bytes(&[&result()]);
        for len in 0..whole.len() {
            let error = read(&mut &whole[..len], &NONCE, MOST).expect_err("it isn't whole");
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{len} bytes: {error}");
        }
    }

    #[test]
    fn what_is_no_frame_is_named() {
        for (from, says) in [
            (b"hello".to_vec(), "the byte 104, where a message of the tester's begins"),
            (b"R0123456789abcdeX".to_vec(), "a message that doesn't bear the number"),
            (b"Y\x01\x02".to_vec(), "a message that doesn't bear the number"),
            (
                [&[RESULT], &NONCE.text()[..], &[0; 8], &[255; 8]].concat(),
                "a result of 18446744073709551615 bytes",
            ),
            (
                [&[RESULT], &NONCE.text()[..], &[0; 8], &(MOST + 1).to_le_bytes()].concat(),
                "a result of 268435457 bytes, where 268435456 are the most",
            ),
            (
                [&[RESULT], &NONCE.text()[..], &[0; 16], &(MOST_OUTPUT + 1).to_le_bytes()].concat(),
                "a run's output of 65537 bytes, where 65536 are the most",
            ),
        ] {
            let error = read(&mut &from[..], &NONCE, MOST).expect_err("it is no frame");
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
            assert!(error.to_string().starts_with(says), "{error}");
        }
    }

    #[test]
    fn a_promise_of_much_takes_no_memory() {
        // Nothing follows the length, so it is an end; a vector of that size would be noticed.
        let from = [&[RESULT], &NONCE.text()[..], &[0; 8], &MOST.to_le_bytes()].concat();
        let error = read(&mut &from[..], &NONCE, MOST).expect_err("it isn't whole");
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
