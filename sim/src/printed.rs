//! How much a run has printed: counted when it gets nowhere, as that may be why.

use std::fs::File;
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::fs::FileExt as _;
use std::sync::{Mutex, PoisonError};

/// How much is read at a time, in bytes.
const PIECE: usize = 1 << 20;

/// What a run has printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Printed {
    /// How many lines.
    pub lines: u64,
    /// How many bytes.
    pub bytes: u64,
    /// Whether it goes on printing.
    pub goes_on: bool,
}

static COUNTED: Mutex<Printed> = Mutex::new(Printed { lines: 0, bytes: 0, goes_on: false });

/// Counts what is in the file that is this process's standard output. It is lost to the count when it
/// has been taken.
pub(crate) fn count() {
    let counted = count_lines().unwrap_or_default();
    *COUNTED.lock().unwrap_or_else(PoisonError::into_inner) = counted;
}

/// What the run that gets nowhere in this process has printed.
#[must_use]
pub fn printed() -> Printed {
    let counted = *COUNTED.lock().unwrap_or_else(PoisonError::into_inner);
    // It was emptied when that had been counted.
    let goes_on = file().and_then(|file| file.metadata()).is_ok_and(|now| now.len() > 0);
    Printed { goes_on, ..counted }
}

fn file() -> io::Result<File> {
    Ok(File::from(io::stdout().as_fd().try_clone_to_owned()?))
}

fn count_lines() -> io::Result<Printed> {
    let file = file()?;
    let mut printed = Printed::default();
    let mut piece = vec![0; PIECE];
    loop {
        let read = file.read_at(&mut piece, printed.bytes)?;
        if read == 0 {
            return Ok(printed);
        }
        printed.bytes += read as u64;
        printed.lines += piece[..read].iter().filter(|&&byte| byte == b'\n').count() as u64;
    }
}
