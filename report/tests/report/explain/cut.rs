//! Histories that aren't whole: whatever is missing or wrong in one, its text is made, and fits.

use std::fs;

use report::{Check, Event, EventKind, Failure, FailureKind, Record, RpcId, Story, spec, text};

use crate::explain::golden::path;

/// At how many places each history is cut, at most.
const CUTS: usize = 24;

/// Every stored run.
fn records() -> Vec<Record> {
    let mut files: Vec<_> = fs::read_dir(path("histories", ""))
        .expect("there is a folder of histories")
        .map(|file| file.expect("it can be read").path())
        .collect();
    files.sort();
    let read = |file| {
        let text = fs::read_to_string(file).expect("a history can be read");
        Record::read(&text).expect("it is a history")
    };
    files.iter().map(read).collect()
}

/// The record with other events.
fn with_events(record: &Record, events: Vec<Event>) -> Record {
    Record { events, ..record.clone() }
}

/// Makes all that can be made of a run, and asserts that it fits.
fn assert_shown(record: &Record) {
    let story = Story::new(&record.to_history(), record.servers as usize);
    assert_fits(record, &text::report(record));
    if let Some(failure) = &record.failure {
        let explanation = report::explain(&story, failure);
        assert_fits(record, &text::timeline(&story, failure, &explanation));
    }
    assert!(!text::log(&record.to_history(), Some("TRACE")).contains('\r'));
    for breach in spec::judge(&story) {
        assert!(!breach.facts.is_empty(), "{} rests on nothing", breach.rule.id);
    }
}

/// Asserts that a terminal shows the lines as they are. The failure's own sentence isn't broken: it is
/// what one looks for.
fn assert_fits(record: &Record, text: &str) {
    let sentence = record.failure.as_ref().map_or("", |failure| &failure.message);
    for line in text.lines() {
        let columns = line.chars().count();
        assert!(columns <= text::WIDTH || sentence.contains(line), "{columns} columns: {line}");
        assert!(!line.contains(char::is_control), "{line:?} has a control character");
    }
}

/// The first and the last places of `len`, and some between them.
fn places(len: usize) -> impl Iterator<Item = usize> {
    (0..=len).step_by((len / CUTS).max(1)).chain([len])
}

#[test]
fn a_history_without_its_beginning_is_shown() {
    for record in records() {
        for count in places(record.events.len()) {
            let events = record.events[count..].to_vec();
            assert_shown(&Record { dropped: count as u64, ..with_events(&record, events.clone()) });
            // As if nothing were known to be missing.
            assert_shown(&with_events(&record, events));
        }
    }
}

#[test]
fn a_history_without_its_end_is_shown() {
    for record in records() {
        for count in places(record.events.len()) {
            assert_shown(&with_events(&record, record.events[..count].to_vec()));
        }
    }
}

#[test]
fn a_history_with_gaps_is_shown() {
    for record in records() {
        for n in [2, 3, 5, 7] {
            for first in 0..n {
                let events = record.events.iter().enumerate();
                let kept = events.filter(|(place, _)| place % n != first);
                let events = kept.map(|(_, event)| event.clone()).collect();
                assert_shown(&with_events(&record, events));
            }
        }
    }
}

#[test]
fn a_history_without_one_kind_of_event_is_shown() {
    for record in records() {
        let kinds = |event: &Event| std::mem::discriminant(&event.kind);
        let mut missing: Vec<_> = record.events.iter().map(kinds).collect();
        missing.dedup();
        for missing in missing {
            let kept = record.events.iter().filter(|event| kinds(event) != missing);
            assert_shown(&with_events(&record, kept.cloned().collect()));
        }
    }
}

/// The call that an event is of.
fn id(kind: &mut EventKind) -> Option<&mut RpcId> {
    match kind {
        EventKind::RpcSent { id, .. }
        | EventKind::RpcDelivered { id, .. }
        | EventKind::RpcHandled { id, .. }
        | EventKind::RpcReturned { id, .. } => Some(id),
        _ => None,
    }
}

#[test]
fn calls_that_were_never_sent_or_were_sent_twice_are_passed_over() {
    let mistakes: [fn(u64) -> u64; 5] =
        [|id| id + 1000, |id| id / 2, |_| 0, |id| id + (1 << 31), |id| u64::MAX - id];
    for record in records() {
        for mistake in mistakes {
            for n in [1, 2, 3] {
                let mut events = record.events.clone();
                for event in events.iter_mut().step_by(n) {
                    if let Some(id) = id(&mut event.kind) {
                        id.0 = mistake(id.0);
                    }
                }
                assert_shown(&with_events(&record, events));
            }
        }
    }
}

#[test]
fn events_in_another_order_are_shown() {
    for record in records() {
        let mut events = record.events.clone();
        events.reverse();
        assert_shown(&with_events(&record, events));
        // Each event at the time of another.
        let mut events = record.events.clone();
        for (event, other) in events.iter_mut().zip(record.events.iter().rev()) {
            event.at = other.at;
        }
        assert_shown(&with_events(&record, events));
    }
}

#[test]
fn a_history_of_more_or_fewer_servers_than_it_says_is_shown() {
    for record in records() {
        for servers in [0, 1, 2, 4, 7] {
            assert_shown(&Record { servers, ..record.clone() });
        }
    }
}

#[test]
fn a_history_with_another_failure_or_none_is_shown() {
    let records = records();
    let failures: Vec<Failure> = records.iter().filter_map(|run| run.failure.clone()).collect();
    for record in &records {
        assert_shown(&Record { failure: None, ..record.clone() });
        for failure in &failures {
            assert_shown(&Record { failure: Some(failure.clone()), ..record.clone() });
        }
    }
}

#[test]
fn a_history_of_nothing_is_shown() {
    let failure = Failure {
        kind: FailureKind::Stuck,
        check: Check::InTime,
        message: String::new(),
        location: String::new(),
        at: report::Time(0),
    };
    for failure in [None, Some(failure)] {
        let record = Record { failure, servers: 0, events: Vec::new(), ..records()[0].clone() };
        assert_shown(&record);
    }
}
