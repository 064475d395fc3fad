//! A file of results: JSON lines, to which lines are only ever added, by several processes at the same time.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

/// The name of the file, in the folder of `LAB_OUT`, that has a line for each run.
pub const RESULTS: &str = "results.jsonl";

/// Adds whole lines to the file at `path`, which is made if there is none. If its last line isn't whole, because
/// whoever wrote it was cut off, they begin on a line of their own.
///
/// # Errors
/// If the file can't be made, read or written.
pub fn add_lines(path: &Path, lines: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).read(true).append(true).open(path)?;
    // Others add theirs at the same time, and what they have written in part is no broken end.
    // Where a file can't be locked, a line of a result may be left empty.
    let _ = file.lock();
    let separator: &[u8] = if has_broken_end(&mut file)? { b"\n" } else { b"" };
    file.write_all(&[separator, lines].concat())
}

/// Whether the last line of a file isn't whole.
fn has_broken_end(file: &mut File) -> io::Result<bool> {
    let mut last = [b'\n'];
    if file.metadata()?.len() > 0 {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
    }
    Ok(last != *b"\n")
}
