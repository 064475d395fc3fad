//! How an entry of a report is written.

use std::fmt::Write as _;

/// Where the content of a line begins.
const COLUMNS: usize = 12;

/// A line of a failure's text: a label, then what there is to say.
pub fn entry_line(text: &mut String, label: &str, content: std::fmt::Arguments<'_>) {
    let content = content.to_string();
    let content = crate::text::indented(&content, COLUMNS);
    writeln!(text, "  {label:<9} {content}").expect("writing to a string can't fail");
}
