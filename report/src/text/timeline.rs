//! A run as a table: time downwards, a column for each server.

use std::fmt::Write as _;

use super::{CANNOT_FAIL, WIDTH};
use crate::event::{Role, Time};
use crate::explain::Window;
use crate::failure::Failure;
use crate::outcome::Outcome;
use crate::story::{Call, Moment, Purpose, Story};

/// How many rows are shown at most.
const ROWS: usize = 48;

/// How long before the failing check the table begins, in microseconds.
const BEFORE: u64 = 3_000_000;

/// How late a return has to be to be told, in microseconds.
const LATE: u64 = 1_000_000;

/// Something that a row tells.
struct Row {
    moment: Moment,
    event: String,
}

/// What happened up to the failure: roles and terms of all servers, and what changed them. The end of
/// it, from shortly before the failing check on.
///
/// A cell has the role (**F**ollower, **C**andidate, **L**eader), the term, and a dot if the server was
/// cut off; it is empty while the server is crashed.
#[must_use]
pub fn timeline(story: &Story, failure: &Failure) -> String {
    let window = Window::of(story, failure);
    let begin = Time(window.from.0.min(window.settled.0).saturating_sub(BEFORE));
    let mut rows = rows(story);
    rows.push(end(story, Some(failure)));
    let all = rows.len();
    rows.retain(|row| row.moment.at >= begin);
    // The end tells more than the beginning.
    let shown = rows.split_off(rows.len().saturating_sub(ROWS));
    table(story, all - shown.len(), &shown)
}

/// The same of a whole run, with what its servers logged.
#[must_use]
pub fn whole_timeline(story: &Story, failure: Option<&Failure>) -> String {
    let mut rows = rows(story);
    for logged in &story.logged {
        let who = logged.server.map_or("?".to_owned(), |server| format!("S{}", server.server));
        let event = format!("{who} logs {}: {}", logged.level, logged.text);
        rows.push(Row { moment: logged.moment, event });
    }
    rows.sort_by_key(|row| row.moment);
    rows.push(end(story, failure));
    table(story, 0, &rows)
}

/// The last row.
fn end(story: &Story, failure: Option<&Failure>) -> Row {
    let sentence = failure.map(|failure| failure.message.lines().next().unwrap_or_default());
    Row {
        moment: Moment {
            place: usize::MAX,
            at: failure.map_or(story.end, |failure| failure.at.max(story.end)),
        },
        event: sentence.map_or("end".to_owned(), |sentence| format!("FAIL {sentence}")),
    }
}

fn table(story: &Story, earlier: usize, rows: &[Row]) -> String {
    let mut text = String::new();
    let cell = 2
        + story
            .calls
            .iter()
            .filter_map(|call| call.args.term)
            .max()
            .unwrap_or(0)
            .to_string()
            .len()
            .max(2)
        + 2;
    write!(text, "{:>7}  ", "t (s)").expect(CANNOT_FAIL);
    for server in 0..story.servers {
        write!(text, "{:<cell$}", format!("S{server}")).expect(CANNOT_FAIL);
    }
    text.push_str("event\n");
    if earlier > 0 {
        writeln!(text, "{:>7}  {earlier} earlier rows are left out", "…").expect(CANNOT_FAIL);
    }
    for Row { moment, event } in rows {
        let mut first = format!("{:>7}  ", moment.at.to_string());
        for server in 0..story.servers {
            write!(first, "{:<cell$}", state(story, server, *moment)).expect(CANNOT_FAIL);
        }
        let options = textwrap::Options::new(WIDTH.max(first.len() + 20))
            .initial_indent(&first)
            .break_words(false);
        let then = " ".repeat(first.len() + 2);
        for line in textwrap::wrap(event, options.subsequent_indent(&then)) {
            writeln!(text, "{}", line.trim_end()).expect(CANNOT_FAIL);
        }
    }
    text.push_str(
        "F follower, C candidate, L leader, with the term; a dot: cut off; blank: crashed\n",
    );
    text
}

/// What a server was at a moment: `C4.`.
fn state(story: &Story, server: usize, moment: Moment) -> String {
    let life = story.lives[server].iter().rev().find(|life| life.from <= moment);
    let Some(life) = life.filter(|life| life.until.is_none_or(|until| until > moment)) else {
        return String::new();
    };
    let mut links = story.links[server].iter().rev();
    let is_up = links.find(|link| link.moment <= moment).is_some_and(|link| link.is_up);
    let dot = if is_up { "" } else { "." };
    let view = story.views[server]
        .iter()
        .rev()
        .find(|view| view.moment <= moment && view.incarnation == life.incarnation);
    // Requests for votes tell of a candidacy before a look does.
    let stood = story.sent_by(server).rev().find(|call| {
        call.purpose == Purpose::Vote
            && call.sent <= moment
            && call.from.incarnation == life.incarnation
    });
    let stood = stood.and_then(|call| call.args.term);
    let seen = view.map(|view| view.term);
    let Some(term) = seen.max(stood) else { return format!("F0{dot}") };
    let role = match view {
        Some(view) if view.term == term && view.is_leader => 'L',
        Some(view) if view.term == term => match &view.detail {
            Some(detail) if detail.role == Role::Candidate => 'C',
            Some(_) => 'F',
            None if stood == Some(term) => 'C',
            None => 'F',
        },
        _ => 'C',
    };
    format!("{role}{term}{dot}")
}

fn rows(story: &Story) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for step in &story.steps {
        if step.is_fault && step.moment.at == Time(0) {
            continue; // how every test begins
        }
        let event = match &step.line {
            Some((_, line)) => format!("test: {}, line {line}", step.what),
            None => format!("test: {}", step.what),
        };
        rows.push(Row { moment: step.moment, event });
    }
    for election in &story.elections {
        let first = &story.calls[election.requests[0]];
        let server = election.candidate.server;
        let asked: Vec<String> = election
            .requests
            .iter()
            .map(|&place| &story.calls[place])
            .map(|call| match call.returned {
                Some((_, Outcome::Unreachable)) => format!("S{} (unreachable)", call.to),
                None if call.delivered.is_none() => format!("S{} (no answer yet)", call.to),
                _ => format!("S{}", call.to),
            })
            .collect();
        let event = format!("S{server} election, term {} -> {}", election.term, asked.join(", "));
        rows.push(Row { moment: first.sent, event });
    }
    for (server, views) in story.views.iter().enumerate() {
        let mut before: Option<(u64, bool)> = None;
        for view in views {
            let led = before.is_some_and(|(_, led)| led);
            if view.is_leader && before != Some((view.term, true)) {
                let event = format!("S{server} leads term {}", view.term);
                rows.push(Row { moment: view.moment, event });
            } else if led && !view.is_leader {
                let event = format!("S{server} steps down, term {}", view.term);
                rows.push(Row { moment: view.moment, event });
            }
            before = Some((view.term, view.is_leader));
        }
    }
    let is_late = |call: &&Call| {
        call.purpose == Purpose::Vote
            && call.returned.is_some_and(|(returned, outcome)| {
                outcome != Outcome::Replied && returned.at.0 - call.sent.at.0 >= LATE
            })
    };
    for call in story.calls.iter().filter(is_late) {
        if let Some((moment, outcome)) = call.returned {
            let waited = moment.at.since(call.sent.at).as_secs_f64();
            let event = format!(
                "S{} <- its request for S{}'s vote, term {}: {outcome}, after {waited:.2} s",
                call.from.server,
                call.to,
                call.args.term.unwrap_or_default()
            );
            rows.push(Row { moment, event });
        }
    }
    rows.sort_by_key(|row| row.moment);
    rows
}
