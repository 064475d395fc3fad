//! Runs that are written down by hand, and how they are stored.

use report::{Outcome, Record};
use serde_json::{Value, json};
use testkit::written::{Append, Run, ask, granted, heartbeat, success};

/// A run that has failed, for want of a leader, as it is stored.
pub(crate) fn failed(run: &Run) -> Value {
    let mut stored = run.stored();
    stored["failure"] = json!({
        "kind": "liveness", "check": { "check": "one_leader" }, "location": "", "at": run.now(),
        "message": "expected one leader, got none"
    });
    stored
}

/// What is stored, as it is read.
pub(crate) fn read(stored: &Value) -> Record {
    Record::read(&stored.to_string()).expect("it is a history")
}

/// So many entries of the leader's term, behind those that there are.
pub(crate) fn behind(term: u64, prev_index: u64, terms: &[u64]) -> Append<'_> {
    let prev_term = if prev_index == 0 { 0 } else { term };
    Append { term, prev_index, prev_term, entries: terms, commit: 0 }
}

/// The case that the project began with, in short: two candidates that ask while they are cut off, and then wait
/// for the answers.
pub(crate) fn seed_case() -> Run {
    let mut run = Run::new(3);
    run.at(300);
    let vote = run.asks(1, 2, &ask(3));
    run.delivers(vote).ends(vote, &granted(3)).returns(vote, Outcome::Replied);
    run.leads(1, 3).in_term(2, 3).in_term(0, 3);
    for beat in 4..10 {
        run.at(100 * beat);
        for to in [0, 2] {
            let beat = run.appends(1, to, &heartbeat(3));
            run.delivers(beat).ends(beat, &success(3)).returns(beat, Outcome::Replied);
        }
    }
    run.at(1000).disconnect(1).disconnect(2);
    run.at(1400);
    let from_2 = [run.asks(2, 0, &ask(4)), run.asks(2, 1, &ask(4))];
    run.in_term(2, 4).at(2000);
    let from_0 = [run.asks(0, 1, &ask(4)), run.asks(0, 2, &ask(4))];
    run.in_term(0, 4);
    run.at(3000).connect(2).step("check_one_leader");
    for round in 1..=9 {
        run.at(3000 + 500 * u64::from(round)).looks(round);
    }
    run.at(7800).returns(from_2[1], Outcome::Unreachable);
    run.at(7900).returns(from_0[0], Outcome::Unreachable).at(8000).looks(10);
    run
}
