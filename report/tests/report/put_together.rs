//! What a story tells of calls, handlers, tasks and refusals.

use report::story::Story;
use report::{Outcome, TaskEnding, Time};

use crate::sketch::{Sketch, ask, granted, heartbeat, success};

/// The pairs of calls whose handlers overlap, by their numbers.
fn overlapping(story: &Story, server: u32) -> Vec<(u64, u64)> {
    story.overlapping(server).map(|(first, second)| (first.id.0, second.id.0)).collect()
}

#[test]
fn a_reply_to_a_dropped_call_arrives_unheard() {
    let mut run = Sketch::of(3);
    let taken = run.at(100).asks(1, 0, &ask(1));
    let late = run.asks(1, 2, &ask(1));
    let lost = run.asks(1, 2, &ask(1));
    run.at(110).answers(taken, &granted(1));
    run.at(120).drops(late).drops(lost);
    run.at(130).answers(late, &granted(1)).returns(lost, Outcome::RequestLost);
    let story = run.story();
    let [taken, late, lost] = &story.calls[..] else { panic!("{:?}", story.calls) };
    assert_eq!((taken.dropped, taken.arrived_unheard()), (None, None));
    assert_eq!(late.dropped.map(|moment| moment.at), Some(Time(120_000)));
    assert_eq!(late.arrived_unheard(), Some(Time(130_000)));
    assert_eq!(lost.dropped.map(|moment| moment.at), Some(Time(120_000)));
    assert_eq!(lost.arrived_unheard(), None);
}

#[test]
fn handlers_that_are_under_way_at_once_are_told_in_pairs() {
    let mut run = Sketch::of(3);
    let calls: Vec<_> = (0..4).map(|_| run.at(100).appends(1, 0, &heartbeat(1))).collect();
    let other = run.appends(1, 2, &heartbeat(1));
    // 0 and 1 overlap, 1 and 2; 3 is alone, and the other one is another server's.
    run.at(110).delivers(calls[0]).delivers(other).delivers(calls[1]);
    run.at(120).ends(calls[0], &success(1)).delivers(calls[2]);
    run.at(130).ends(calls[1], &success(1)).ends(calls[2], &success(1)).ends(other, &success(1));
    run.at(140).delivers(calls[3]).ends(calls[3], &success(1));
    let story = run.story();
    assert_eq!(overlapping(&story, 0), [(0, 1), (1, 2)]);
    assert_eq!(overlapping(&story, 2), []);
}

#[test]
fn a_handler_of_an_earlier_incarnation_overlaps_none_of_a_later_one() {
    let mut run = Sketch::of(3);
    let before = run.at(100).appends(1, 0, &heartbeat(1));
    run.delivers(before);
    let after = run.at(200).restarts(0).at(210).appends(1, 0, &heartbeat(1));
    run.delivers(after).ends(after, &success(1)).ends(before, &success(1));
    assert_eq!(overlapping(&run.story(), 0), []);
}

#[test]
fn ends_of_tasks_and_refusals_are_told() {
    let mut run = Sketch::of(3);
    run.at(100).refuses(1).at(200).ends_task(2, 7, TaskEnding::Returned);
    let story = run.story();
    let [refusal] = &story.refusals[..] else { panic!("{:?}", story.refusals) };
    assert_eq!((refusal.moment.at, refusal.server.server), (Time(100_000), 1));
    let [task] = &story.tasks[..] else { panic!("{:?}", story.tasks) };
    assert_eq!((task.moment.at, task.server.server, task.spawned.1), (Time(200_000), 2, 7));
    assert_eq!((task.began, task.how), (Time(0), TaskEnding::Returned));
}
