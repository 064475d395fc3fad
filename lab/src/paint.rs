//! Colour for a run's text, where the terminal has it.

use anstyle::{AnsiColor, Style};

const BAD: Style = AnsiColor::Red.on_default().bold();
const LABEL: Style = Style::new().bold();
const TEST: Style = AnsiColor::Yellow.on_default();
const LEADER: Style = AnsiColor::Blue.on_default().bold();
const CANDIDATE: Style = AnsiColor::Magenta.on_default();

/// The same text with colours: the failure, the labels of entries, and in the table the roles and what the
/// test did.
pub(crate) fn paint(text: &str) -> String {
    let mut painted = String::new();
    let mut is_table = false;
    for (i, line) in text.lines().enumerate() {
        is_table |= line.starts_with("  t (s)");
        let line = match line {
            "passed" => line.to_owned(),
            line if i == 0 => dyed(BAD, line),
            line if is_table => row(line),
            line => entry(line),
        };
        painted.push_str(&line);
        painted.push('\n');
    }
    painted
}

fn dyed(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// An entry's label is what stands in the third column and those that follow.
fn entry(line: &str) -> String {
    const WIDTH: usize = 12;
    match line.split_at_checked(WIDTH) {
        Some((label, content)) if label.starts_with("  ") && !label.starts_with("   ") => {
            let style = if label.trim() == "why" { BAD } else { LABEL };
            format!("{}{content}", dyed(style, label))
        }
        _ => line.to_owned(),
    }
}

/// A row of the table: each role in its colour.
fn row(line: &str) -> String {
    if let Some((before, event)) = line.split_once("FAIL ") {
        return format!("{}{}", cells(before), dyed(BAD, &format!("FAIL {event}")));
    }
    match line.split_once("test: ") {
        Some((before, event)) => {
            format!("{}{}", cells(before), dyed(TEST, &format!("test: {event}")))
        }
        None => cells(line),
    }
}

fn cells(line: &str) -> String {
    let word = |word: &str| {
        let cell = word.trim_end_matches('.');
        let term = cell.get(1..).unwrap_or_default();
        let is_cell = !term.is_empty() && term.chars().all(|c| c.is_ascii_digit());
        match cell.chars().next() {
            Some('L') if is_cell => dyed(LEADER, word),
            Some('C') if is_cell => dyed(CANDIDATE, word),
            _ => word.to_owned(),
        }
    };
    line.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::paint;

    const TEXT: &str = "expected one leader, got none\n  why       likely: it hangs\n\n  t (s)  S0    \
                        S1    event\n   0.53  L2    C2.   test: cut off server 0\n   8.41  F2    C5    \
                        FAIL expected one leader, got none\n";

    #[test]
    fn without_the_colours_the_text_is_the_same() {
        let painted = paint(TEXT);
        assert_eq!(anstream::adapter::strip_str(&painted).to_string(), TEXT);
        assert_ne!(painted, TEXT);
    }

    #[test]
    fn roles_have_their_colours() {
        let painted = paint(TEXT);
        assert!(painted.contains("\u{1b}[1m\u{1b}[34mL2\u{1b}[0m"), "{painted:?}");
        assert!(painted.contains("\u{1b}[35mC2.\u{1b}[0m"), "{painted:?}");
    }
}
