//! Futures that are dropped half way, and tasks that aren't.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::run;

const MS: Duration = Duration::from_millis(1);

/// Two steps that belong together.
async fn two_steps(first: &AtomicU64, second: &AtomicU64) {
    first.fetch_add(1, Ordering::Relaxed);
    sleep(20 * MS).await; // stands for a call
    second.fetch_add(1, Ordering::Relaxed);
}

#[test]
fn select_drops_what_is_not_ready() {
    let (first, second) = run(|_| async {
        let (first, second) = (AtomicU64::new(0), AtomicU64::new(0));
        // ANCHOR: select
        for _ in 0..5 {
            tokio::select! {
                // Ready after 10 ms: the branch wins, and the other future is dropped where it is.
                () = sleep(10 * MS) => {}
                // Begins anew in each round, and never gets to its second step.
                () = two_steps(&first, &second) => {}
            }
        }
        // ANCHOR_END: select
        (first.into_inner(), second.into_inner())
    });
    assert_eq!((first, second), (5, 0));
}

#[test]
fn a_pinned_future_goes_on() {
    let (first, second) = run(|_| async {
        let (first, second) = (AtomicU64::new(0), AtomicU64::new(0));
        {
            // ANCHOR: pin
            let mut steps = std::pin::pin!(two_steps(&first, &second));
            loop {
                tokio::select! {
                    () = sleep(10 * MS) => {} // the next round goes on with the same future
                    () = &mut steps => break,
                }
            }
            // ANCHOR_END: pin
        }
        (first.into_inner(), second.into_inner())
    });
    assert_eq!((first, second), (1, 1));
}

/// Counts until it is stopped.
async fn count(ticks: Arc<AtomicU64>) {
    loop {
        ticks.fetch_add(1, Ordering::Relaxed);
        sleep(10 * MS).await;
    }
}

#[test]
fn a_task_outlives_its_handle() {
    let (detached, in_a_set) = run(|_| async {
        let (a, b) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        // ANCHOR: detached
        let handle = tokio::spawn(count(a.clone()));
        drop(handle); // the task goes on

        let mut tasks = JoinSet::new();
        tasks.spawn(count(b.clone()));
        sleep(50 * MS).await;
        drop(tasks); // the task ends, at its next `.await`
        // ANCHOR_END: detached
        sleep(1000 * MS).await;
        (a.load(Ordering::Relaxed), b.load(Ordering::Relaxed))
    });
    assert!(detached > 100 && in_a_set < 10, "{detached} and {in_a_set}");
}
