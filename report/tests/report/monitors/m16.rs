//! M16: a server has requests and ends no handler.

use report::Outcome;

use crate::run::{Run, ask, denied, granted};

#[test]
fn a_server_ends_no_handler() {
    let mut run = Run::new(3);
    let asked = run.asks(0, 1, &ask(1));
    run.delivers(asked).at(500).ends(asked, &granted(1)).returns(asked, Outcome::Replied);
    assert!(run.trips("M16"));
}

#[test]
fn other_handlers_end_meanwhile() {
    let mut run = Run::new(3);
    let slow = run.asks(0, 1, &ask(1));
    run.delivers(slow);
    let first = run.at(200).asks(2, 1, &ask(1));
    run.delivers(first).at(201).ends(first, &denied(1));
    run.at(400).ends(slow, &granted(1));
    assert!(!run.trips("M16"));
}

#[test]
fn a_request_goes_down_with_its_server() {
    let mut run = Run::new(3);
    let asked = run.asks(0, 1, &ask(1));
    run.delivers(asked).at(100).restart(1);
    run.at(900).asks(0, 1, &ask(2));
    assert!(!run.trips("M16"));
}
