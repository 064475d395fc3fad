//! On whose behalf code runs: what was entered holds for this thread until the guard goes, and
//! tasks inherit their spawner's owner.

use std::future::pending;
use std::pin::pin;
use std::time::Duration;

use sim::Clock;
use sim::context::{Activity, Context, Owner, current};
use sim::{enter, within_context};
use tokio::time::sleep;

use crate::helper::{LIMIT, finish, observe, only};

const TWO: Owner = Owner { server: 2, incarnation: 1 };
const THREE: Owner = Owner { server: 3, incarnation: 4 };

fn start_of(owner: Owner) -> Context {
    Context { owner, activity: Activity::Call("start") }
}

#[test]
fn a_context_holds_until_its_guard_is_dropped() {
    assert_eq!(current(), None);
    let outer = enter(Some(start_of(TWO)));
    assert_eq!(current(), Some(start_of(TWO)));
    let inner = enter(Some(start_of(THREE)));
    assert_eq!(current(), Some(start_of(THREE)));
    let nobody = enter(None);
    assert_eq!(current(), None);
    drop(nobody);
    drop(inner);
    assert_eq!(current(), Some(start_of(TWO)));
    assert_eq!(std::thread::spawn(current).join().expect("it looks"), None);
    drop(outer);
    assert_eq!(current(), None);
}

#[test]
fn activities_say_what_code_does() {
    assert_eq!(Activity::Call("make").to_string(), "make");
    let handler = Activity::Handler("Raft.RequestVote");
    assert_eq!(handler.to_string(), "the handler of Raft.RequestVote");
    let here = std::panic::Location::caller();
    let task = format!("a task spawned at {}:{}", here.file(), here.line());
    assert_eq!(Activity::Task(here).to_string(), task);
}

#[test]
fn every_poll_of_a_wrapped_future_has_its_context() {
    finish(1, |_| async {
        let inside = pin!(async {
            let before = current();
            sleep(Duration::from_millis(5)).await;
            (before, current())
        });
        let seen = within_context(Some(start_of(TWO)), inside).await;
        assert_eq!(seen, (Some(start_of(TWO)), Some(start_of(TWO))));
        assert_eq!(current(), None);
    });
}

#[cfg(tokio_unstable)]
#[test]
fn a_task_belongs_to_its_spawner_as_do_its_own_tasks() {
    let line = line!() + 4;
    let (child, grandchild, after, stranger) = finish(1, |_| async {
        assert_eq!(current(), None);
        let entered = enter(Some(start_of(TWO)));
        let task = tokio::spawn(async {
            let before = current();
            sleep(Duration::from_millis(5)).await;
            let grandchild = tokio::spawn(async { current() }).await.expect("it looks");
            (before, grandchild, current())
        });
        drop(entered);
        let stranger = tokio::spawn(async { current() }).await.expect("it looks");
        let (before, grandchild, after) = task.await.expect("it looks");
        (before, grandchild, after, stranger)
    });
    assert_eq!(stranger, None);
    assert_eq!(child, after, "it holds in every poll");
    let child = child.expect("it has an owner");
    assert_eq!(child.owner, TWO);
    let Activity::Task(at) = child.activity else { panic!("{child:?}") };
    assert_eq!((at.file(), at.line()), (file!(), line));
    let grandchild = grandchild.expect("it has an owner");
    assert_eq!(grandchild.owner, TWO);
    let Activity::Task(at) = grandchild.activity else { panic!("{grandchild:?}") };
    assert_eq!(at.line(), line + 3);
}

#[cfg(tokio_unstable)]
#[test]
fn by_either_clock_a_panic_names_the_owner_and_the_task() {
    for clock in [Clock::Virtual, Clock::Real] {
        let line = line!() + 3;
        let (_, panics) = observe(1, clock, LIMIT, |_| async {
            let _entered = enter(Some(start_of(THREE)));
            tokio::spawn(async { panic!("three's") });
            pending::<()>().await;
        });
        let panic = only(panics);
        assert_eq!(panic.message, "three's");
        let context = panic.context.expect("the task has an owner");
        assert_eq!(context.owner, THREE);
        let Activity::Task(at) = context.activity else { panic!("{context:?}") };
        assert_eq!((at.file(), at.line()), (file!(), line));
    }
}

#[test]
fn a_panic_in_an_entered_call_names_the_call() {
    let (_, panics) = observe(1, Clock::Virtual, LIMIT, |_| async {
        let _entered = enter(Some(start_of(TWO)));
        panic!("two's");
    });
    assert_eq!(only(panics).context, Some(start_of(TWO)));
}

/// A run whose task of TWO ends as `end` says, and what was told of it.
#[cfg(tokio_unstable)]
fn ends_of<F, Fut>(script: F) -> Vec<sim::TaskEnd>
where
    F: FnOnce() -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    use std::sync::{Arc, Mutex};
    let ends: Arc<Mutex<Vec<sim::TaskEnd>>> = Arc::default();
    let told = ends.clone();
    let _ = observe(1, Clock::Virtual, LIMIT, |sim| async move {
        sim.on_task_end(move |end| told.lock().expect("nobody panics with it").push(end));
        let entered = enter(Some(start_of(TWO)));
        let script = script();
        drop(entered);
        script.await;
    });
    ends.lock().expect("nobody panics with it").clone()
}

#[cfg(tokio_unstable)]
#[test]
fn the_end_of_a_task_that_has_lasted_is_told() {
    use sim::Ended;
    const LASTS: Duration = Duration::from_millis(150);

    let line = line!() + 2;
    let ends = ends_of(|| {
        let task = tokio::spawn(sleep(LASTS));
        async { task.await.expect("it returns") }
    });
    let [end] = &ends[..] else { panic!("{ends:?}") };
    assert_eq!((end.owner, end.how, end.began_us), (TWO, Ended::Returned, 0));
    assert_eq!((end.spawned_at.file(), end.spawned_at.line()), (file!(), line));

    let ends = ends_of(|| {
        let task = tokio::spawn(async {
            sleep(LASTS).await;
            panic!("it does")
        });
        async { task.await.expect("the run ends first") }
    });
    assert_eq!(ends.iter().map(|end| end.how).collect::<Vec<_>>(), [Ended::Panicked]);

    let ends = ends_of(|| {
        let task = tokio::spawn(pending::<()>());
        async move {
            sleep(LASTS).await;
            task.abort();
            sleep(LASTS).await;
        }
    });
    assert_eq!(ends.iter().map(|end| end.how).collect::<Vec<_>>(), [Ended::LikelyAborted]);
}

#[cfg(tokio_unstable)]
#[test]
fn the_ends_of_short_tasks_and_of_many_are_not_told_nor_what_the_runs_end_drops() {
    let short = ends_of(|| {
        let task = tokio::spawn(sleep(Duration::from_millis(99)));
        async { task.await.expect("it returns") }
    });
    assert_eq!(short, []);
    let many = ends_of(|| {
        let tasks: Vec<_> =
            (0..100).map(|_| tokio::spawn(sleep(Duration::from_millis(100)))).collect();
        async {
            for task in tasks {
                task.await.expect("it returns");
            }
        }
    });
    assert_eq!(many.len(), 64);
    let dropped = ends_of(|| {
        tokio::spawn(pending::<()>());
        sleep(Duration::from_secs(1))
    });
    assert_eq!(dropped, []);
}
