//! How lines of source are shown.

use std::panic::Location;

/// A line as it is shown: `tests/raft/election_3a.rs:72`.
#[must_use]
pub fn shown_line(location: &Location<'_>) -> String {
    format!("{}:{}", shown_file(location.file()), location.line())
}

/// A source file as it is shown.
///
/// A script that another crate compiles as its own has a roundabout path, such as
/// `zoo/tests/../../tests/raft/election_3a.rs`; what is gone into and left again is cut out.
pub(crate) fn shown_file(file: &str) -> String {
    let mut path: Vec<&str> = Vec::new();
    for part in file.split('/') {
        match path.last() {
            Some(&last) if part == ".." && last != ".." => drop(path.pop()),
            _ => path.push(part),
        }
    }
    path.join("/")
}
