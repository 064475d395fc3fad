//! How an entry of a report is written.

use std::fmt::Write as _;

use crate::t::{T, place};

/// The script's step and its line.
pub(crate) fn script_line(t: &T) -> String {
    let mut text = String::new();
    if let Some((what, location)) = t.notes.story().step {
        line(&mut text, "script", format_args!("{}, in {what}", place(location)));
    }
    text
}

/// A line of a failure's text: a label, then what there is to say.
pub(crate) fn line(text: &mut String, label: &str, content: std::fmt::Arguments<'_>) {
    writeln!(text, "  {label:<9} {content}").expect("writing to a string can't fail");
}
