//! Text that isn't ours: what the code under test prints, logs and panics with, shown so that it can't pass
//! for a line of a report, nor do anything to a terminal.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::CANNOT_FAIL;

/// Whether a character acts on what stands around it, or can't be seen: controls such as the beginning of
/// an escape code, marks that turn the direction of writing, what has no width, and other ends of lines.
#[must_use]
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

/// `text` with all that is hidden written out, such as `\u{1b}`. Ends of lines stay, and tabs are four
/// blanks.
///
/// ```
/// use report::text::escaped;
///
/// assert_eq!(escaped("\u{1b}[2Jgone\u{202e}"), r"\u{1b}[2Jgone\u{202e}");
/// assert_eq!(escaped("two\r\nlines"), "two\nlines");
/// ```
#[must_use]
pub fn escaped(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|c| is_hidden(c) && c != '\n') {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\n' => shown.push(c),
            '\r' if chars.peek() == Some(&'\n') => {}
            '\t' => shown.push_str("    "),
            c if is_hidden(c) => write!(shown, "{}", c.escape_unicode()).expect(CANNOT_FAIL),
            c => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

/// The same in one line.
#[must_use]
pub fn one_line(text: &str) -> Cow<'_, str> {
    let shown = escaped(text);
    if shown.contains('\n') { Cow::Owned(shown.replace('\n', " | ")) } else { shown }
}

/// The same with all lines but the first indented by so many columns: where a report's own lines begin,
/// none of these does.
#[must_use]
pub fn indented(text: &str, columns: usize) -> Cow<'_, str> {
    let shown = escaped(text);
    let text = shown.trim_end_matches('\n');
    if !text.contains('\n') && text.len() == shown.len() {
        return shown;
    }
    Cow::Owned(text.replace('\n', &format!("\n{}", " ".repeat(columns))))
}

/// How far what was printed is indented: further than the labels of entries.
const PRINTED: usize = 4;

/// What a run printed, as a part of a report: each line indented.
#[must_use]
pub fn printed(text: &str) -> String {
    format!("{}{}\n", " ".repeat(PRINTED), indented(text, PRINTED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_visible_stays() {
        for text in ["", "one(103) failed", "two\nlines\n", "≥ § … → äöü 中文", "  indented"]
        {
            assert!(matches!(escaped(text), Cow::Borrowed(same) if same == text), "{text:?}");
        }
    }

    #[test]
    fn what_acts_on_a_terminal_is_written_out() {
        assert_eq!(escaped("\u{1b}[31mred\u{7}\0"), r"\u{1b}[31mred\u{7}\u{0}");
        assert_eq!(escaped("over\rwritten"), r"over\u{d}written");
        assert_eq!(escaped("\u{9b}1A"), r"\u{9b}1A");
        assert_eq!(escaped("a\tb"), "a    b");
    }

    #[test]
    fn what_turns_or_hides_text_is_written_out() {
        for hidden in
            ['\u{202e}', '\u{2066}', '\u{200f}', '\u{200b}', '\u{feff}', '\u{2028}', '\u{85}']
        {
            let text = format!("a{hidden}b");
            assert_eq!(escaped(&text), format!("a{}b", hidden.escape_unicode()));
        }
    }

    #[test]
    fn no_line_begins_where_a_report_s_lines_begin() {
        let forged = "boom\n  seed      1\n  ... Passed --  1.0";
        for line in indented(forged, 12).lines().skip(1) {
            assert!(line.starts_with("            "), "{line:?}");
        }
        for line in printed(forged).lines() {
            assert!(line.starts_with("    "), "{line:?}");
        }
        assert_eq!(one_line(forged), "boom |   seed      1 |   ... Passed --  1.0");
        assert_eq!(printed("done\n"), "    done\n");
    }
}
