//! A run as a table: time downwards, a column for each server.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::{CANNOT_FAIL, broken, columns, escaped, one_line};
use crate::event::{Role, TaskEnding, Time};
use crate::explain::{Explanation, Window};
use crate::failure::Failure;
use crate::outcome::Outcome;
use crate::story::{Call, Election, Moment, Standing, Story, View};

/// How many lines the rows may have together, but for those that prove something.
const LINES: usize = 48;

/// How long before the failing check the table begins, in microseconds.
const BEFORE: u64 = 3_000_000;

/// What the rows begin with that tell what the test did.
const TEST: &str = "test: ";

/// How late a return has to be to be told, in microseconds.
const LATE: u64 = 1_000_000;

/// If a line's tasks end so often in a run, it spawns one for each call, and none for a server's whole life.
const MANY_TASKS: usize = 16;

/// Something that a row tells.
struct Row {
    moment: Moment,
    event: String,
    /// Whether it proves why the run failed: then it is shown whatever else is left out.
    is_proof: bool,
    /// Whether it is a step of the script's.
    is_step: bool,
}

impl Row {
    fn new(moment: Moment, event: String) -> Row {
        Row { moment, event, is_proof: false, is_step: false }
    }
}

/// What happened up to the failure: roles and terms of all servers, and what changed them. The end of
/// it, from shortly before the failing check on; and all that proves the first finding.
///
/// A cell has the role (**F**ollower, **C**andidate, **L**eader), the term, and a dot if the server was
/// cut off; it is empty while the server is crashed. A restarted server's term is `?` until something shows it.
#[must_use]
pub fn timeline(story: &Story, failure: &Failure, explanation: &Explanation) -> String {
    let window = Window::of(story, failure);
    let begin = Time(window.from.0.min(window.settled.0).saturating_sub(BEFORE));
    let mut rows = with_proof(story, rows(story), explanation);
    // A broken rule is noticed when the run is over: what came after it is not its cause.
    rows.retain(|row| row.is_proof || row.moment.at <= window.until);
    rows.push(end(story, Some(failure)));
    let rows = folded(story, rows);
    // The end tells more than the beginning.
    let others = rows.iter().rev().filter(|row| !row.is_proof && row.moment.at >= begin);
    let (cell, mut lines) = (cell(story), 0);
    let first = others.map_while(|row| {
        lines += written(story, cell, row).len();
        (lines <= LINES).then_some(row.moment)
    });
    let first = first.last();
    let all = rows.len();
    let is_shown = |row: &Row| row.is_proof || first.is_some_and(|first| row.moment >= first);
    let shown: Vec<Row> = rows.into_iter().filter(is_shown).collect();
    table(story, all - shown.len(), &shown)
}

/// The rows, with one for each moment that proves the first finding and that has no row yet.
fn with_proof(story: &Story, mut rows: Vec<Row>, explanation: &Explanation) -> Vec<Row> {
    // As a reader sees them.
    let mut shown: BTreeSet<String> =
        rows.iter().filter(|row| !row.is_step).map(|row| row.moment.at.to_string()).collect();
    for row in proof(story, explanation) {
        if shown.insert(row.moment.at.to_string()) {
            rows.push(row);
            continue;
        }
        let at = row.moment.at.to_string();
        rows.iter_mut().filter(|row| row.moment.at.to_string() == at).for_each(|row| {
            row.is_proof = true;
        });
    }
    rows.sort_by_key(|row| row.moment);
    rows
}

/// What proves the first finding, in rows.
fn proof(story: &Story, explanation: &Explanation) -> impl Iterator<Item = Row> {
    let evidence = explanation.findings.iter().take(1).flat_map(|finding| &finding.evidence);
    evidence.map(|evidence| Row {
        moment: after(story, evidence.at),
        event: format!("why: {}", evidence.text),
        is_proof: true,
        is_step: false,
    })
}

/// The moment after all that is shown of `at`.
fn after(story: &Story, at: Time) -> Moment {
    let last = |moments: &mut dyn Iterator<Item = Moment>| {
        moments.take_while(|moment| moment.at <= at).last().map(|moment| moment.place)
    };
    let sent = last(&mut story.calls.iter().filter(|call| !call.is_copy).map(|call| call.sent));
    let steps = last(&mut story.steps.iter().map(|step| step.moment));
    let views = story.views.iter().map(|views| last(&mut views.iter().map(|view| view.moment)));
    let lives = story.lives.iter().map(|lives| last(&mut lives.iter().map(|life| life.from)));
    let links = story.links.iter().map(|links| last(&mut links.iter().map(|link| link.moment)));
    let place = [sent, steps].into_iter().chain(views).chain(lives).chain(links).flatten().max();
    Moment { place: place.unwrap_or(0), at }
}

/// How many kinds of rows may take turns to be folded.
const KINDS: usize = 4;

/// The rows, with one in the place of several that say the same, if nothing lies between them but other such
/// rows. What proves why the run failed stays as it is.
fn folded(story: &Story, rows: Vec<Row>) -> Vec<Row> {
    let says = |row: &Row| -> (String, Vec<String>) {
        let cells = (0..story.servers).map(|server| state(story, server, row.moment));
        (row.event.clone(), cells.collect())
    };
    let mut kinds = BTreeMap::new();
    let kinds: Vec<Option<usize>> = rows
        .iter()
        .map(|row| {
            let next = kinds.len();
            (!row.is_proof).then(|| *kinds.entry(says(row)).or_insert(next))
        })
        .collect();
    let mut folded: Vec<Row> = Vec::new();
    // Where the next rows that are to be folded into some of `folded` end; of how many a turn is, if they take turns.
    let (mut end, mut first, mut turn) = (0, 0, None);
    let mut counts: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
    for (i, row) in rows.into_iter().enumerate() {
        if i >= end {
            (end, first) = (i + same(&kinds[i..]), i);
            turn = turns(&kinds[first..end]);
            counts.clear();
        }
        let Some(kind) = kinds[i].filter(|_| end > first + 1) else {
            folded.push(row);
            continue;
        };
        match counts.get_mut(&kind) {
            None => {
                counts.insert(kind, (folded.len(), 1));
                folded.push(row);
            }
            Some((place, count)) => {
                *count += 1;
                let rows = match turn {
                    None => String::new(),
                    // The last row of a turn speaks for all.
                    Some(rows) if (i - first) % rows == rows - 1 => format!("these {rows} rows "),
                    Some(_) => continue,
                };
                let kept = &mut folded[*place].event;
                kept.truncate(row.event.len());
                kept.push_str(&format!(" ({rows}{count} times, until {} s)", row.moment.at));
            }
        }
    }
    folded
}

/// How many rows a turn has, if rows of several kinds take turns, always in the same order.
fn turns(kinds: &[Option<usize>]) -> Option<usize> {
    let rows = kinds.iter().skip(1).position(|kind| *kind == kinds[0])? + 1;
    let in_order = || kinds.chunks(rows).all(|turn| *turn == kinds[..rows]);
    (rows > 1 && in_order()).then_some(rows)
}

/// How many of the next rows are of a few kinds, each of which is there more than once; at least 1.
fn same(kinds: &[Option<usize>]) -> usize {
    let within = |most: usize| {
        let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
        let mut end = 0;
        for kind in kinds.iter().map_while(|kind| *kind) {
            if counts.len() == most && !counts.contains_key(&kind) {
                break;
            }
            *counts.entry(kind).or_default() += 1;
            end += 1;
        }
        // Without what is there once, and what comes behind it.
        while let Some(once) = kinds[..end].iter().flatten().position(|kind| counts[kind] == 1) {
            kinds[once..end].iter().flatten().for_each(|kind| {
                counts.entry(*kind).and_modify(|count| *count -= 1);
            });
            end = once;
            counts.retain(|_, count| *count > 0);
        }
        (end - counts.len().min(end), end)
    };
    // What saves most; of equals, the fewest rows.
    let best =
        (1..=KINDS).map(within).reduce(|best, next| if next.0 > best.0 { next } else { best });
    best.map_or(1, |(_, end)| end.max(1))
}

/// The same of a whole run, with what its servers logged.
#[must_use]
pub fn whole_timeline(
    story: &Story,
    failure: Option<&Failure>,
    explanation: &Explanation,
) -> String {
    let mut rows = with_proof(story, rows(story), explanation);
    for logged in &story.logged {
        let who = logged.server.map_or("?".to_owned(), |server| format!("S{}", server.server));
        let event = format!("{who} logs {}: {}", logged.level, one_line(&logged.text));
        rows.push(Row::new(logged.moment, event));
    }
    for task in &story.tasks {
        let (file, line) = &task.spawned;
        // Of a line that spawns a task for each call, the ends say nothing.
        let of_line =
            story.tasks.iter().filter(|it| it.spawned == task.spawned && it.how == task.how);
        if task.how == TaskEnding::Returned && of_line.take(MANY_TASKS).count() == MANY_TASKS {
            continue;
        }
        let how = match task.how {
            TaskEnding::Returned => "returns",
            TaskEnding::Panicked => "panics",
            TaskEnding::LikelyAborted => "is aborted, or returns",
        };
        let event = format!("S{}'s task, spawned at {file}:{line}, {how}", task.server.server);
        rows.push(Row::new(task.moment, event));
    }
    rows.sort_by_key(|row| row.moment);
    rows.push(end(story, failure));
    table(story, 0, &folded(story, rows))
}

/// The last row.
fn end(story: &Story, failure: Option<&Failure>) -> Row {
    let sentence = failure.map(|failure| failure.message.lines().next().unwrap_or_default());
    let at = failure.map_or(story.end, |failure| Window::of(story, failure).until);
    let event = sentence.map_or("end".to_owned(), |sentence| format!("FAIL {sentence}"));
    Row::new(Moment { place: usize::MAX, at }, event)
}

/// How many columns a server has: for its role, its term and a dot. Where there are many, they stand closer.
fn cell(story: &Story) -> usize {
    let last = story.calls.iter().filter_map(|call| call.args.term).max().unwrap_or(0);
    let term = last.to_string().len().max(2);
    term + if story.servers > CLOSE { 3 } else { 4 }
}

/// More servers than this stand closer, so that what happened has room beside them.
const CLOSE: usize = 5;

/// A row, in as many lines as it needs; a server has so many columns.
fn written(story: &Story, cell: usize, Row { moment, event, .. }: &Row) -> Vec<String> {
    let mut first = format!("{:>7}  ", moment.at.to_string());
    for server in 0..story.servers {
        write!(first, "{:<cell$}", state(story, server, *moment)).expect(CANNOT_FAIL);
    }
    let then = " ".repeat(first.len() + 2);
    broken(&escaped(event), columns().max(first.len() + 20), [&first, &then])
}

fn table(story: &Story, earlier: usize, rows: &[Row]) -> String {
    let mut text = String::new();
    let cell = cell(story);
    write!(text, "{:>7}  ", "t (s)").expect(CANNOT_FAIL);
    for server in 0..story.servers {
        write!(text, "{:<cell$}", format!("S{server}")).expect(CANNOT_FAIL);
    }
    text.push_str("event\n");
    if story.dropped > 0 {
        let since = story.since.to_string();
        let what = "the beginning is missing: the history grew too long";
        writeln!(text, "{since:>7}  {what}").expect(CANNOT_FAIL);
    }
    if earlier > 0 {
        writeln!(text, "{:>7}  {earlier} earlier rows are left out", "…").expect(CANNOT_FAIL);
    }
    for line in rows.iter().flat_map(|row| written(story, cell, row)) {
        writeln!(text, "{}", line.trim_end()).expect(CANNOT_FAIL);
    }
    let is_unknown = |row: &Row| {
        let standings = (0..story.servers).map(|server| story.standing_at(server, row.moment));
        standings.flatten().any(|standing| standing.term.is_none())
    };
    text.push_str(match rows.iter().any(is_unknown) {
        true => "F follower, C candidate, L leader; ? term unknown; dot: cut off; blank: crashed\n",
        false => {
            "F follower, C candidate, L leader, with the term; a dot: cut off; blank: crashed\n"
        }
    });
    if story.dropped > 0 {
        text.push_str("or unknown\n");
    }
    text
}

/// What a server was at a moment: `C4.`.
fn state(story: &Story, server: usize, moment: Moment) -> String {
    let Some(Standing { role, term, .. }) = story.standing_at(server, moment) else {
        return String::new();
    };
    let links = &story.links[server];
    let last = links[..links.partition_point(|link| link.moment <= moment)].last();
    let is_up = last.is_some_and(|link| link.is_up);
    let dot = if is_up { "" } else { "." };
    let role = match role {
        Role::Leader => 'L',
        Role::Candidate => 'C',
        Role::Follower => 'F',
    };
    let term = term.map_or("?".to_owned(), |term| term.to_string());
    format!("{role}{term}{dot}")
}

/// Whom a candidate asked, each once, and how often if that was more than once; then those it has not reached, by what
/// came of it: `: asks S1, S2 (3 times); unreachable: S3`.
fn asked(story: &Story, election: &Election) -> String {
    let mut asked: Vec<(u32, Vec<&Call>)> = Vec::new();
    for call in election.requests.iter().map(|&place| &story.calls[place]) {
        match asked.iter_mut().find(|(to, _)| *to == call.to) {
            Some((_, calls)) => calls.push(call),
            None => asked.push((call.to, vec![call])),
        }
    }
    let mut by_ending =
        [(None, Vec::new()), (Some(NO_ANSWER), Vec::new()), (Some(UNREACHED), Vec::new())];
    for (to, calls) in asked {
        let failed = |call: &&Call| matches!(call.returned, Some((_, Outcome::Unreachable)));
        let waits = |call: &&Call| call.returned.is_none() && call.delivered.is_none();
        let ending = match () {
            () if calls.iter().all(failed) => Some(UNREACHED),
            () if calls.iter().all(|call| failed(call) || waits(call)) => Some(NO_ANSWER),
            () => None,
        };
        let name = match calls.len() {
            1 => format!("S{to}"),
            times => format!("S{to} ({times} times)"),
        };
        let of_ending = by_ending.iter_mut().find(|(it, _)| *it == ending);
        of_ending.expect("all endings are there").1.push(name);
    }
    let groups = by_ending.iter().filter(|(_, names)| !names.is_empty());
    let groups = groups.map(|(ending, names)| match ending {
        None => format!(": asks {}", names.join(", ")),
        Some(ending) => format!("; {ending}: {}", names.join(", ")),
    });
    groups.collect()
}

/// What comes of requests that reach nobody.
const UNREACHED: &str = "unreachable";
const NO_ANSWER: &str = "no answer yet";

fn rows(story: &Story) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for step in &story.steps {
        if step.is_fault && step.moment.at == Time(0) {
            continue; // how every test begins
        }
        let event = match &step.line {
            Some((_, line)) => format!("{TEST}{}, line {line}", step.what),
            None => format!("{TEST}{}", step.what),
        };
        rows.push(Row { is_step: true, ..Row::new(step.moment, event) });
    }
    for election in &story.elections {
        let first = &story.calls[election.requests[0]];
        let server = election.candidate.server;
        let asked = asked(story, election);
        let event = format!("S{server} election, term {}{asked}", election.term);
        rows.push(Row::new(first.sent, event));
    }
    for (server, views) in story.views.iter().enumerate() {
        let mut before: Option<&View> = None;
        for view in views {
            // Who is started again steps down from nothing.
            let led = before.filter(|it| it.is_leader && it.incarnation == view.incarnation);
            if view.is_leader && led.is_none_or(|led| led.term != view.term) {
                let event = format!("S{server} leads term {}", view.term);
                rows.push(Row::new(view.moment, event));
            } else if led.is_some() && !view.is_leader {
                let event = format!("S{server} steps down, term {}", view.term);
                rows.push(Row::new(view.moment, event));
            }
            before = Some(view);
        }
    }
    let is_late = |call: &&Call| {
        call.is_vote()
            && call.returned.is_some_and(|(returned, outcome)| {
                outcome != Outcome::Replied && returned.at.0 - call.sent.at.0 >= LATE
            })
    };
    for call in story.calls.iter().filter(is_late) {
        if let Some((moment, outcome)) = call.returned {
            let waited = moment.at.since(call.sent.at).as_secs_f64();
            let term = call.args.term.map_or(String::new(), |term| format!(" in term {term}"));
            let event = format!(
                "S{}'s request for S{}'s vote{term} fails after {waited:.2} s: {outcome}",
                call.from.server, call.to
            );
            rows.push(Row::new(moment, event));
        }
    }
    rows.sort_by_key(|row| row.moment);
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Check;
    use crate::event::{Caller, EventKind, StepKind};
    use crate::explain::{Confidence, Evidence, Finding};
    use crate::failure::FailureKind;
    use crate::history::History;

    const SECOND: u64 = 1_000_000;

    /// A run of one server in which the script takes these steps, one a second.
    fn steps(steps: &[(&'static str, u32)]) -> Story {
        let mut history = History::new();
        let server = Caller { server: 0, incarnation: 1 };
        history.record(Time(0), EventKind::Started { server });
        history.record(Time(0), EventKind::Connected { server: 0 });
        for (i, &(what, line)) in (1..).zip(steps) {
            let (what, file, kind) = (what.into(), "script.rs".into(), StepKind::Check);
            history.record(Time(i * SECOND), EventKind::Step { what, file, line, kind });
        }
        Story::new(&history, 1)
    }

    fn failure(at: u64, check: Check) -> Failure {
        let (kind, message) = (FailureKind::Liveness, "failed to reach agreement".to_owned());
        Failure { kind, check, message, location: String::new(), at: Time(at * SECOND) }
    }

    fn because(times: &[u64]) -> Explanation {
        let evidence = times.iter().map(|&at| Evidence {
            text: format!("it did nothing in second {at}"),
            at: Time(at * SECOND),
            calls: Vec::new(),
        });
        let finding = Finding {
            id: "slow".to_owned(),
            confidence: Confidence::Likely,
            what: "server 0 is slow".to_owned(),
            evidence: evidence.collect(),
            rule: "be fast (§1)".to_owned(),
            look: "look".to_owned(),
            normal: None,
            refuted_if: None,
        };
        Explanation { findings: vec![finding], not_the_cause: Vec::new() }
    }

    #[test]
    fn rows_that_say_the_same_are_one_also_where_they_take_turns() {
        let churn = [("wait", 5), ("one", 9)].repeat(40);
        let mut all = vec![("checkOneLeader", 3)];
        all.extend(churn);
        all.push(("end", 11));
        let story = steps(&all);
        let (failure, why) = (failure(84, Check::Script), Explanation::default());
        expect_test::expect![[r#"
              t (s)  S0    event
               1.00  F0    test: checkOneLeader, line 3
               2.00  F0    test: wait, line 5
               3.00  F0    test: one, line 9 (these 2 rows 40 times, until 81.00 s)
              82.00  F0    test: end, line 11
              84.00  F0    FAIL failed to reach agreement
            F follower, C candidate, L leader, with the term; a dot: cut off; blank: crashed
        "#]]
        .assert_eq(&timeline(&story, &failure, &why));
    }

    #[test]
    fn what_the_first_finding_names_is_in_the_table_however_much_is_folded() {
        let story = steps(&[("wait", 5)].repeat(60));
        let failure = failure(61, Check::Script);
        let text = timeline(&story, &failure, &because(&[2, 30, 61]));
        expect_test::expect![[r#"
              t (s)  S0    event
               1.00  F0    test: wait, line 5 (2 times, until 2.00 s)
               2.00  F0    why: it did nothing in second 2
               3.00  F0    test: wait, line 5 (28 times, until 30.00 s)
              30.00  F0    why: it did nothing in second 30
              31.00  F0    test: wait, line 5 (30 times, until 60.00 s)
              61.00  F0    why: it did nothing in second 61
              61.00  F0    FAIL failed to reach agreement
            F follower, C candidate, L leader, with the term; a dot: cut off; blank: crashed
        "#]]
        .assert_eq(&text);
    }

    #[test]
    fn the_table_of_a_rule_ends_when_it_was_broken() {
        let story = steps(&[("one", 5), ("wait", 6), ("one", 7), ("end", 8)]);
        let failure = failure(3, Check::Rule { id: "voted-twice".into() });
        let text = timeline(&story, &failure, &because(&[2, 3]));
        expect_test::expect![[r#"
              t (s)  S0    event
               1.00  F0    test: one, line 5
               2.00  F0    test: wait, line 6
               2.00  F0    why: it did nothing in second 2
               3.00  F0    test: one, line 7
               3.00  F0    why: it did nothing in second 3
               3.00  F0    FAIL failed to reach agreement
            F follower, C candidate, L leader, with the term; a dot: cut off; blank: crashed
        "#]]
        .assert_eq(&text);
        let did = super::super::summary(&story, &failure, &Explanation::default());
        expect_test::expect![[r#"
            did       called one() at 3.00 s
            why       unknown: no known cause fits this run
            server 0  connected, state never seen
        "#]]
        .assert_eq(&textwrap::dedent(&did));
    }
}
