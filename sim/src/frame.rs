//! What a child tells its parent, on the wire between them.

use std::io::{self, Read, Write};

/// One word of a child's.
#[derive(Debug)]
pub(crate) enum Frame {
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

/// Writes a frame, in one piece.
pub(crate) fn write(to: &mut impl Write, frame: &Frame) -> io::Result<()> {
    match frame {
        Frame::Ready => to.write_all(&[READY]),
        Frame::Alive => to.write_all(&[ALIVE]),
        Frame::Leaving => to.write_all(&[LEAVING]),
        Frame::Result { seed, result, output } => {
            let mut bytes = vec![RESULT];
            bytes.extend(seed.to_le_bytes());
            for part in [result, output] {
                bytes.extend((part.len() as u64).to_le_bytes());
                bytes.extend(part);
            }
            to.write_all(&bytes)
        }
    }
}

/// Reads the next frame; an end of input is an error.
pub(crate) fn read(from: &mut impl Read) -> io::Result<Frame> {
    let mut kind = [0];
    from.read_exact(&mut kind)?;
    match kind[0] {
        READY => Ok(Frame::Ready),
        ALIVE => Ok(Frame::Alive),
        LEAVING => Ok(Frame::Leaving),
        RESULT => {
            let seed = read_u64(from)?;
            Ok(Frame::Result { seed, result: read_bytes(from)?, output: read_bytes(from)? })
        }
        other => Err(io::Error::other(format!("a child sent {other} where a frame begins"))),
    }
}

fn read_u64(from: &mut impl Read) -> io::Result<u64> {
    let mut bytes = [0; 8];
    from.read_exact(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}

fn read_bytes(from: &mut impl Read) -> io::Result<Vec<u8>> {
    let len = read_u64(from)?;
    let mut bytes = Vec::new();
    from.take(len).read_to_end(&mut bytes)?;
    if bytes.len() as u64 == len { Ok(bytes) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}
