//! A run as log lines, in the form that dslogs and its like read.

use std::fmt::Write as _;

use super::{CANNOT_FAIL, one_line};
use crate::event::{EventKind, Time};
use crate::history::History;

/// The levels, from the most to the least important, and the topics that stand for them.
const LEVELS: [(&str, &str); 5] =
    [("ERROR", "ERRO"), ("WARN", "WARN"), ("INFO", "INFO"), ("DEBUG", "DBUG"), ("TRACE", "TRCE")];

/// What servers logged, of `level` and more important, and what the test did: a line each, such as
/// `018430 VOTE S1 granted to 2`. The time is in tenths of a millisecond.
///
/// A message that begins with a topic of four capitals and a blank, or that has a field `topic`, has
/// that topic; others have their level's. Without a level only the test's lines are there.
#[must_use]
pub fn log(history: &History, level: Option<&str>) -> String {
    let rank = |name: &str| LEVELS.iter().position(|(known, _)| *known == name);
    let least = level.and_then(rank);
    let mut text = String::new();
    for event in history.events() {
        let mut did = |server: u32, what: &str| {
            line(&mut text, event.at, "TEST", &format!("server {server} {what}"));
        };
        match &event.kind {
            EventKind::Logged { server, level, text: message, .. }
                if rank(level).is_some_and(|rank| least.is_some_and(|least| rank <= least)) =>
            {
                let (topic, message) = topic(message, level);
                let who = server.map_or(String::new(), |server| format!("S{} ", server.server));
                line(&mut text, event.at, topic, &format!("{who}{message}"));
            }
            EventKind::Step { what, line: at, .. } => {
                line(&mut text, event.at, "TEST", &format!("{what}, line {at}"));
            }
            EventKind::Network { what, .. } => line(&mut text, event.at, "TEST", what),
            EventKind::Started { server } => did(server.server, "starts"),
            EventKind::Crashed { server } => did(server.server, "crashes"),
            EventKind::Connected { server } => did(*server, "is connected"),
            EventKind::Disconnected { server } => did(*server, "is cut off"),
            _ => {}
        }
    }
    text
}

fn line(text: &mut String, at: Time, topic: &str, message: &str) {
    // A line is a line: what else a message has would be taken for somebody else's output.
    writeln!(text, "{:06} {topic} {}", at.0 / 100, one_line(message)).expect(CANNOT_FAIL);
}

/// A message's topic, and the rest of it.
fn topic<'a>(message: &'a str, level: &str) -> (&'a str, String) {
    let is_topic = |word: &str| {
        word.len() == 4
            && word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
            && word.chars().any(|c| c.is_ascii_uppercase())
    };
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
        assert_eq!(
            log(&history, Some("DEBUG")),
            "018430 VOTE S1 granted to 2\n\
             019000 CMIT S1 applies index=3 n=1\n\
             020000 WARN S1 two | lines\n\
             022000 TEST server 0 is cut off\n"
        );
        assert_eq!(log(&history, None), "022000 TEST server 0 is cut off\n");
    }
}
