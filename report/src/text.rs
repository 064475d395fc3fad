//! A run for the reader: what is printed below a failure.
//!
//! Everything fits into [`WIDTH`] columns, or into those of a wider terminal, and is plain text. What isn't ours, such as a panic's message or
//! what was printed, goes through [`escaped`], [`one_line`], [`indented`] or [`printed`].

mod event;
mod foreign;
mod log;
mod report;
mod summary;
mod timeline;
pub mod why;

pub use event::event;
pub use foreign::{escaped, indented, is_hidden, one_line, printed};
pub use log::{LogLine, event_lines, log, log_lines};
pub use report::report;
pub(crate) use summary::put_first;
pub use summary::{did, finding, servers, summary};
pub use timeline::{timeline, whole_timeline};

use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many columns a line may have, on any terminal.
pub const WIDTH: usize = 80;

/// How many columns a line may have on the widest terminal: longer lines are hard to follow with the eye.
const WIDEST: usize = 160;

static COLUMNS: AtomicUsize = AtomicUsize::new(WIDTH);

/// Has this process write its reports for a terminal with so many columns. With fewer than [`WIDTH`] they stay as they are.
pub fn write_for(columns: usize) {
    COLUMNS.store(columns.clamp(WIDTH, WIDEST), Ordering::Relaxed);
}

/// How many columns a line of this process's reports may have.
#[must_use]
pub fn columns() -> usize {
    COLUMNS.load(Ordering::Relaxed)
}

/// How wide a label is.
const LABEL: usize = 9;

const CANNOT_FAIL: &str = "writing to a string can't fail";

/// Adds an entry: a label, then what there is to say, wrapped below itself.
pub fn entry(text: &mut String, label: &str, content: &str) {
    let first = format!("  {label:<LABEL$} ");
    wrapped(text, &first, &" ".repeat(first.len()), content);
}

/// Adds a line below an entry, two columns further in.
fn detail(text: &mut String, content: &str) {
    let indent = " ".repeat(LABEL + 5);
    wrapped(text, &indent, &format!("{indent}  "), content);
}

fn wrapped(text: &mut String, first: &str, then: &str, content: &str) {
    for line in broken(&escaped(content), columns(), [first, then]) {
        writeln!(text, "{}", line.trim_end()).expect(CANNOT_FAIL);
    }
}

/// A text in lines of at most `width` columns: the first begins with the first indent, the others with the second. A word
/// that is longer stays whole.
#[must_use]
pub fn broken(content: &str, width: usize, [first, then]: [&str; 2]) -> Vec<String> {
    let options = textwrap::Options::new(width)
        .initial_indent(first)
        .subsequent_indent(then)
        .break_words(false)
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    textwrap::wrap(content, options).into_iter().map(Into::into).collect()
}

/// How often, for a reader: `1 call`, `2 calls`, `2 entries`.
pub(crate) fn count(n: usize, noun: &str) -> String {
    match (n, noun.strip_suffix('y')) {
        (1, _) => format!("1 {noun}"),
        (n, Some(stem)) => format!("{n} {stem}ies"),
        (n, None) => format!("{n} {noun}s"),
    }
}

/// Servers for a reader: `server 0`, `servers 0 and 2`.
pub fn named<T: ToString>(servers: impl IntoIterator<Item = T>) -> String {
    let servers: Vec<T> = servers.into_iter().collect();
    format!("server{} {}", if servers.len() == 1 { "" } else { "s" }, list(servers))
}

/// A list for a reader: `0`, `0 and 2`, `0, 1 and 2`.
pub(crate) fn list(items: impl IntoIterator<Item = impl ToString>) -> String {
    let mut items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    match items.pop() {
        None => "none".to_owned(),
        Some(last) if items.is_empty() => last,
        Some(last) => format!("{} and {last}", items.join(", ")),
    }
}
