//! What a run has printed: its last part, and how much it is, as that may be why a run gets nowhere.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::FileExt as _;

use children::wire::OUTPUT_KEPT;
use parking_lot::Mutex;

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
    *COUNTED.lock() = counted;
}

/// What the run that gets nowhere in this process has printed.
#[must_use]
pub fn printed() -> Printed {
    let counted = *COUNTED.lock();
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

/// What the runs print: the file that stands in for the standard output.
pub(crate) struct Output(File);

impl Output {
    pub(crate) fn new() -> io::Result<Output> {
        Ok(Output(file()?))
    }

    /// Takes what was printed since the last time, or its last part.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        let mut text = Vec::new();
        // What can't be read is not worth failing a run for.
        let _ = self.0.metadata().and_then(|metadata| {
            let len = metadata.len();
            if len > 0 {
                self.0.seek(SeekFrom::Start(len.saturating_sub(OUTPUT_KEPT)))?;
                self.0.read_to_end(&mut text)?;
                self.0.set_len(0)?;
            }
            Ok(())
        });
        text
    }
}

/// Writes what is printed but not yet written. Not for the watchdog: a run may be stuck with the lock.
pub(crate) fn flush() {
    let _ = io::stdout().flush();
}
