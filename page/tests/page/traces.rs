//! The trace, held against the format of Chrome's trace events.

use std::collections::BTreeMap;

use report::Outcome;
use serde_json::Value;
use testkit::written::{Run, success};

use crate::run::{behind, failed, read, seed_case};

fn events(run: &Run) -> Vec<Value> {
    let trace: Value = serde_json::from_str(&page::trace(&read(&failed(run)))).expect("it is JSON");
    assert_eq!(trace["displayTimeUnit"], "ms");
    trace["traceEvents"].as_array().expect("a list of events").clone()
}

fn phase<'a>(events: &'a [Value], phase: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["ph"] == phase).collect()
}

/// A run with messages of all fates.
fn busy() -> Run {
    let mut run = seed_case();
    run.at(8100).leads(0, 9);
    let sent = run.appends(0, 1, &behind(9, 0, &[9, 9]));
    run.delivers(sent).ends(sent, &success(9)).at(8200).returns(sent, Outcome::Replied);
    let lost = run.appends(0, 1, &behind(9, 2, &[]));
    run.delivers(lost).ends(lost, &success(9)).at(8300).returns(lost, Outcome::ReplyLost);
    run.at(8400).crash(0);
    run
}

#[test]
fn each_event_has_what_its_phase_asks_for() {
    let events = events(&busy());
    for event in &events {
        let phase = event["ph"].as_str().expect("a phase");
        assert!(event["pid"].is_u64(), "{event}");
        assert!(event["name"].is_string(), "{event}");
        match phase {
            "M" => {
                let names = ["process_name", "thread_name", "thread_sort_index"];
                assert!(names.contains(&event["name"].as_str().expect("a name")), "{event}");
                assert!(event["args"].is_object(), "{event}");
                continue;
            }
            "X" => assert!(event["dur"].is_u64(), "{event}"),
            "i" => assert_eq!(event["s"], "t", "{event}"),
            "C" => assert!(event["args"].as_object().is_some_and(|args| !args.is_empty())),
            "s" | "f" | "b" | "e" => {
                assert!(event["id"].is_string() && event["cat"].is_string(), "{event}");
            }
            other => panic!("{other} is none of the phases that are written"),
        }
        assert!(event["ts"].is_u64(), "{event}");
        assert!(event["tid"].is_u64() || phase == "C", "{event}");
    }
    for wanted in ["M", "X", "i", "s", "f", "b", "e"] {
        assert!(!phase(&events, wanted).is_empty(), "no {wanted}");
    }
}

#[test]
fn each_beginning_has_its_end() {
    let events = events(&busy());
    for (begin, end) in [("b", "e"), ("s", "f")] {
        let times = |phase_: &str| -> BTreeMap<(String, String), u64> {
            let ends = phase(&events, phase_);
            let count = ends.len();
            let key = |event: &Value| (event["cat"].to_string(), event["id"].to_string());
            let time = |event: &Value| event["ts"].as_u64().expect("a time");
            let times: BTreeMap<_, _> =
                ends.iter().map(|event| (key(event), time(event))).collect();
            assert_eq!(times.len(), count, "two {phase_} have the same id");
            times
        };
        let (begins, ends) = (times(begin), times(end));
        assert_eq!(begins.keys().collect::<Vec<_>>(), ends.keys().collect::<Vec<_>>());
        assert!(begins.iter().all(|(id, at)| ends[id] >= *at), "an end is before its beginning");
    }
}

/// Perfetto draws a flow from slice to slice; one that begins or ends in none isn't drawn.
#[test]
fn each_flow_is_between_slices() {
    let events = events(&busy());
    let slices = phase(&events, "X");
    for flow in phase(&events, "s").into_iter().chain(phase(&events, "f")) {
        let at = flow["ts"].as_u64().expect("a time");
        let encloses = |slice: &&&Value| {
            let from = slice["ts"].as_u64().expect("a time");
            let until = from + slice["dur"].as_u64().expect("a length");
            slice["tid"] == flow["tid"] && from <= at && at <= until
        };
        assert!(slices.iter().any(|slice| encloses(&slice)), "{flow}");
        assert_eq!(flow["bp"], "e");
    }
    // Requests that were delivered, and replies that arrived.
    assert_eq!(phase(&events, "s").len(), 2 * (1 + 12) + 2 + 1);
}

/// Slices of a track lie within each other or apart.
#[test]
fn roles_follow_each_other() {
    let events = events(&busy());
    let mut ends: BTreeMap<u64, u64> = BTreeMap::new();
    for slice in phase(&events, "X").into_iter().filter(|slice| slice["cat"] == "role") {
        let (from, length) = (slice["ts"].as_u64(), slice["dur"].as_u64());
        let (from, length) = from.zip(length).expect("a time and a length");
        let end = ends.entry(slice["tid"].as_u64().expect("a track")).or_default();
        assert!(from >= *end, "{slice}");
        *end = from + length;
    }
    assert_eq!(ends.len(), 3);
}
