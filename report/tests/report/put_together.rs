//! What a story tells of calls, handlers, tasks and refusals.

use report::{Outcome, TaskEnding, Time};

use crate::run::{Run, ask, granted};

#[test]
fn a_reply_to_a_dropped_call_arrives_unheard() {
    let mut run = Run::new(3);
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
    assert_eq!(late.arrived_unheard(), Some(Time(130_600)));
    assert_eq!(lost.dropped.map(|moment| moment.at), Some(Time(120_000)));
    assert_eq!(lost.arrived_unheard(), None);
}

#[test]
fn ends_of_tasks_and_refusals_are_told() {
    let mut run = Run::new(3);
    run.at(100).refuses(1).at(200).ends_task(2, 7, TaskEnding::Returned);
    let story = run.story();
    let [refusal] = &story.refusals[..] else { panic!("{:?}", story.refusals) };
    assert_eq!((refusal.moment.at, refusal.server.server), (Time(100_000), 1));
    let [task] = &story.tasks[..] else { panic!("{:?}", story.tasks) };
    assert_eq!((task.moment.at, task.server.server, task.spawned.1), (Time(200_000), 2, 7));
    assert_eq!((task.began, task.how), (Time(0), TaskEnding::Returned));
}
