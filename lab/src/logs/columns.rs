//! Lines of a log as a reader sees them: one below the other, or in a column for each server.

use std::num::NonZeroU32;

use anstyle::{AnsiColor, Style};
use children::terminal_columns;
use report::text::{LogLine, WIDTH, one_line};

use super::TEST;

/// How wide the time and the topic are, with a blank behind each.
const HEAD: usize = 14;

/// How narrow a column may be before there are none.
const NARROWEST: usize = 12;

/// How lines are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Columns {
    /// How many columns; 1 if each line is as it comes.
    count: usize,
    /// How wide each is.
    width: usize,
}

impl Columns {
    /// As many as are `asked` for, or as fit for this many servers.
    pub(super) fn new(asked: Option<NonZeroU32>, servers: Option<u32>) -> Columns {
        Columns::within(terminal_columns().unwrap_or(WIDTH), asked, servers)
    }

    fn within(width: usize, asked: Option<NonZeroU32>, servers: Option<u32>) -> Columns {
        let room = |count: usize| width.saturating_sub(HEAD) / count.max(1);
        let fits = |count: &usize| room(*count) > NARROWEST;
        let count = match asked {
            Some(count) => count.get() as usize,
            None => servers.map(|count| count as usize).filter(fits).unwrap_or(1),
        }
        .max(1);
        // A blank is between columns.
        Columns { count, width: room(count).saturating_sub(1).max(1) }
    }

    /// A line, with an end.
    pub(super) fn show(self, line: &LogLine) -> String {
        let style = style(&line.topic);
        let at = format!("{:.4}", line.at);
        let head = format!("{at:>8} {:4} ", line.topic);
        let (column, text) = match line.server {
            Some(server) if self.count > 1 => (server as usize, line.text.clone()),
            Some(server) => (0, format!("S{server} {}", line.text)),
            None => (0, line.text.clone()),
        };
        let text = one_line(&text).into_owned();
        if self.count == 1 {
            return format!("{head}{style}{text}{style:#}\n");
        }
        if column >= self.count {
            return String::new();
        }
        // What no server says is below all columns.
        let (indent, width) = match line.server {
            Some(_) => (column * (self.width + 1), self.width),
            None => (0, self.count * (self.width + 1) - 1),
        };
        let mut shown = String::new();
        for (i, piece) in textwrap::wrap(&text, width).iter().enumerate() {
            let before = if i == 0 { head.clone() } else { " ".repeat(HEAD) };
            shown.push_str(&format!("{before}{:indent$}{style}{piece}{style:#}\n", ""));
        }
        if shown.is_empty() {
            shown.push_str(&format!("{}\n", head.trim_end()));
        }
        shown
    }
}

/// The topics of dslogs, in its colours, and those of the tester.
fn style(topic: &str) -> Style {
    use AnsiColor::{Blue, BrightBlack, BrightBlue, Cyan, Green, Magenta, Red, Yellow};
    let colour = match topic {
        "TIMR" | "TRCE" | "DBUG" | "SAVE" | "CALL" | "RTRN" => BrightBlack,
        "VOTE" | "LOG2" => Cyan,
        "LEAD" | "WARN" | TEST => Yellow,
        "TERM" | "ROLE" | "CLNT" => Green,
        "LOG1" => Blue,
        "SNAP" => BrightBlue,
        "CMIT" | "APLY" | "CMND" => Magenta,
        "ERRO" | "DROP" => Red,
        _ => return Style::new(),
    };
    colour.on_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(columns: Columns, line: &str) -> String {
        let line = LogLine::parse(line).expect("a line");
        anstream::adapter::strip_str(&columns.show(&line)).to_string()
    }

    #[test]
    fn there_are_as_many_columns_as_fit() {
        let count = |servers| Columns::within(80, None, Some(servers)).count;
        assert_eq!([1, 3, 5, 7].map(count), [1, 3, 5, 1]);
        assert_eq!(Columns::within(120, None, Some(7)).count, 7);
        assert_eq!(Columns::within(80, NonZeroU32::new(7), Some(3)).count, 7);
        assert_eq!(Columns::within(80, None, None).count, 1);
    }

    #[test]
    fn each_server_has_its_column() {
        let columns = Columns::within(80, None, Some(3));
        let lines = [
            "018430 VOTE S0 grants",
            "018431 VOTE S1 refuses the vote of 2 since it has voted",
            "018432 TEST server 0 crashes, and this is a line that goes on beyond the first column",
        ];
        let text: String = lines.iter().map(|line| shown(columns, line)).collect();
        let expected = [
            "  1.8430 VOTE grants",
            "  1.8431 VOTE                       refuses the vote of 2",
            "                                    since it has voted",
            "  1.8432 TEST server 0 crashes, and this is a line that goes on beyond the",
            "              first column",
            "",
        ];
        let expected = expected.join("\n");
        assert_eq!(text, expected);
        assert_eq!(shown(Columns::within(80, None, None), lines[0]), "  1.8430 VOTE S0 grants\n");
        // As in dslogs, servers beyond the columns that were asked for have none.
        assert_eq!(shown(Columns::within(80, NonZeroU32::new(2), None), "000001 VOTE S2 x"), "");
    }
}
