//! A run as log lines, in the form that dslogs and its like read.

use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Write as _;

use super::{CANNOT_FAIL, one_line};
use crate::event::{Event, EventKind, Time};
use crate::history::History;

/// The levels, from the most to the least important, and the topics that stand for them.
const LEVELS: [(&str, &str); 5] =
    [("ERROR", "ERRO"), ("WARN", "WARN"), ("INFO", "INFO"), ("DEBUG", "DBUG"), ("TRACE", "TRCE")];

/// The topic of what the test did.
const TEST: &str = "TEST";

/// How much is shown of a message between servers, in characters.
const SHOWN: usize = 120;

/// A line of a log: when, what about, who, what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When, to the tenth of a millisecond.
    pub at: Time,
    /// Four letters or digits, such as `VOTE`; `TEST` is what the test did.
    pub topic: String,
    /// The server that says it.
    pub server: Option<u32>,
    /// What it says, without the server: one line.
    pub text: String,
}

impl LogLine {
    /// Reads a line in the form in which one is displayed: `018430 VOTE S1 granted to 2`. `None` if it has another
    /// form.
    #[must_use]
    pub fn parse(line: &str) -> Option<LogLine> {
        let (time, rest) = line.split_once(' ')?;
        let (topic, text) = rest.split_once(' ').unwrap_or((rest, ""));
        let is_time = time.len() >= 6 && time.bytes().all(|c| c.is_ascii_digit());
        if !is_time || !is_topic(topic) {
            return None;
        }
        let at = Time(time.parse::<u64>().ok()?.checked_mul(100)?);
        let number = |word: &str| word.strip_prefix('S')?.trim_end_matches(':').parse().ok();
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        let (server, text) = match number(word) {
            Some(server) => (Some(server), rest),
            None => (None, text),
        };
        Some(LogLine { at, topic: topic.to_owned(), server, text: text.to_owned() })
    }
}

impl fmt::Display for LogLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:06} {} ", self.at.0 / 100, self.topic)?;
        if let Some(server) = self.server {
            write!(f, "S{server} ")?;
        }
        // A line is a line: what else a message has would be taken for somebody else's output.
        f.write_str(&one_line(&self.text))
    }
}

/// What servers logged, of `level` and more important, and what the test did: a line each, such as
/// `018430 VOTE S1 granted to 2`. The time is in tenths of a millisecond.
///
/// A message that begins with a topic of four capitals and a blank, or that has a field `topic`, has
/// that topic; others have their level's. Without a level only the test's lines are there.
#[must_use]
pub fn log(history: &History, level: Option<&str>) -> String {
    let mut text = String::new();
    for line in log_lines(history, level) {
        writeln!(text, "{line}").expect(CANNOT_FAIL);
    }
    text
}

/// The same as data.
#[must_use]
pub fn log_lines(history: &History, level: Option<&str>) -> Vec<LogLine> {
    let rank = |name: &str| LEVELS.iter().position(|(known, _)| *known == name);
    let least = level.and_then(rank);
    let is_logged =
        |level: &str| rank(level).is_some_and(|rank| least.is_some_and(|least| rank <= least));
    history.events().iter().filter_map(|event| told(event, is_logged)).collect()
}

/// What the tester saw of the servers, as lines: calls (`CALL`) and their returns (`RTRN`), terms and roles (`ROLE`),
/// saves (`SAVE`), what is applied (`APLY`), commands (`CMND`).
#[must_use]
pub fn event_lines(history: &History) -> Vec<LogLine> {
    let mut calls = BTreeMap::new();
    let mut lines = Vec::new();
    for Event { at, kind } in history.events() {
        let mut line = |topic: &str, server: u32, text: String| {
            let text = one_line(&text).into_owned();
            lines.push(LogLine { at: *at, topic: topic.to_owned(), server: Some(server), text });
        };
        match kind {
            EventKind::RpcSent { id, from: Some(from), to, method, args } => {
                let to = to.map_or(String::new(), |to| format!(" of S{to}"));
                line("CALL", from.server, format!("{method}{to} {}", short(&format!("{args:?}"))));
                calls.insert(*id, (from.server, format!("{method}{to}"), String::new()));
            }
            EventKind::RpcHandled { id, reply } => {
                if let Some((_, _, told)) = calls.get_mut(id) {
                    *told = short(&format!("{reply:?}"));
                }
            }
            EventKind::RpcReturned { id, outcome } => {
                if let Some((server, what, told)) = calls.remove(id) {
                    let told = match outcome {
                        crate::Outcome::Replied => told,
                        outcome => format!("no reply: {outcome}"),
                    };
                    line("RTRN", server, format!("{what} {told}"));
                }
            }
            EventKind::Viewed { server, term, is_leader, .. } => {
                let role = if *is_leader { "leads" } else { "doesn't lead" };
                line("ROLE", server.server, format!("term {term}, {role}"));
            }
            EventKind::Proposed { server, index, term, .. } => {
                line("CMND", server.server, format!("takes a command: index {index}, term {term}"));
            }
            EventKind::Applied { server, index, .. } => {
                line("APLY", server.server, format!("applies index {index}"));
            }
            EventKind::AppliedSnapshot { server, index, .. } => {
                line("APLY", server.server, format!("applies a snapshot up to index {index}"));
            }
            EventKind::Saved { server, state, snapshot } => {
                line("SAVE", server.server, format!("saves {state} bytes, snapshot {snapshot}"));
            }
            _ => {}
        }
    }
    lines
}

/// What of an event is said, if anything is.
fn told(event: &Event, is_logged: impl Fn(&str) -> bool) -> Option<LogLine> {
    let line = |topic: &str, server, text: String| {
        let text = one_line(&text).into_owned();
        Some(LogLine { at: event.at, topic: topic.to_owned(), server, text })
    };
    let did = |server: u32, what: &str| line(TEST, None, format!("server {server} {what}"));
    match &event.kind {
        EventKind::Logged { server, level, text: message, .. } if is_logged(level) => {
            let (topic, message) = topic(message, level);
            line(topic, server.map(|server| server.server), message)
        }
        EventKind::Step { what, line: at, .. } => line(TEST, None, format!("{what}, line {at}")),
        EventKind::Network { what, .. } => line(TEST, None, what.clone().into_owned()),
        EventKind::Started { server } => did(server.server, "starts"),
        EventKind::Crashed { server } => did(server.server, "crashes"),
        EventKind::Connected { server } => did(*server, "is connected"),
        EventKind::Disconnected { server } => did(*server, "is cut off"),
        _ => None,
    }
}

/// The beginning of a message.
fn short(text: &str) -> String {
    if text.chars().count() <= SHOWN {
        return text.to_owned();
    }
    text.chars().take(SHOWN).chain(['…']).collect()
}

/// Whether a word is a topic: four capitals or digits.
fn is_topic(word: &str) -> bool {
    word.len() == 4
        && word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
        && word.chars().any(|c| c.is_ascii_uppercase())
}

/// A message's topic, and the rest of it.
fn topic<'a>(message: &'a str, level: &str) -> (&'a str, String) {
    if let Some((word, rest)) = message.split_once(' ')
        && is_topic(word)
    {
        return (word, rest.to_owned());
    }
    if let Some((before, after)) = message.split_once(" topic=") {
        let (word, rest) = after.split_once(' ').unwrap_or((after, ""));
        let word = word.trim_matches('"');
        if is_topic(word) {
            let rest = if rest.is_empty() { String::new() } else { format!(" {rest}") };
            return (word, format!("{before}{rest}"));
        }
    }
    let topic = LEVELS.iter().find(|(known, _)| *known == level).map_or("INFO", |(_, topic)| topic);
    (topic, message.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Caller;

    fn logged(level: &'static str, text: &str) -> EventKind {
        EventKind::Logged {
            server: Some(Caller { server: 1, incarnation: 1 }),
            level: level.into(),
            target: "raft".into(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn a_line_has_time_topic_and_server() {
        let mut history = History::new();
        history.record(Time(1_843_099), logged("INFO", "VOTE granted to 2"));
        history.record(Time(1_900_000), logged("DEBUG", "applies index=3 topic=CMIT n=1"));
        history.record(Time(2_000_000), logged("WARN", "two\nlines"));
        history.record(Time(2_100_000), logged("TRACE", "too much"));
        history.record(Time(2_200_000), EventKind::Disconnected { server: 0 });
        let text = "018430 VOTE S1 granted to 2\n\
                    019000 CMIT S1 applies index=3 n=1\n\
                    020000 WARN S1 two | lines\n\
                    022000 TEST server 0 is cut off\n";
        assert_eq!(log(&history, Some("DEBUG")), text);
        assert_eq!(log(&history, None), "022000 TEST server 0 is cut off\n");
        // What is printed can be read again.
        let read: Vec<LogLine> = text.lines().filter_map(LogLine::parse).collect();
        assert_eq!(
            read.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
            text.trim_end()
        );
        assert_eq!((read[0].server, read[3].server), (Some(1), None));
    }

    #[test]
    fn other_lines_are_not_taken_for_a_log_s() {
        for line in [
            "",
            "panicked: VOTE",
            "018430",
            "018430 vote S1 x",
            "18430 VOTE S1 x",
            "99999999999999999999999 VOTE x",
        ] {
            assert_eq!(LogLine::parse(line), None, "{line:?}");
        }
        let bare = LogLine::parse("000000 VOTE").expect("a line");
        assert_eq!((bare.server, &*bare.text), (None, ""));
    }

    #[test]
    fn what_the_tester_saw_has_topics_too() {
        let mut history = History::new();
        let server = Caller { server: 2, incarnation: 1 };
        let viewed = EventKind::Viewed { server, term: 3, is_leader: true, detail: None };
        history.record(Time(100), viewed);
        history.record(Time(200), EventKind::Saved { server, state: 7, snapshot: 0 });
        let lines: Vec<String> = event_lines(&history).iter().map(ToString::to_string).collect();
        assert_eq!(
            lines,
            ["000001 ROLE S2 term 3, leads", "000002 SAVE S2 saves 7 bytes, snapshot 0"]
        );
    }
}
