//! State that tasks share: locks, wake-ups, queues.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{sleep, timeout};

use crate::run;

#[derive(Default)]
struct State {
    current_term: u64,
    answers: u64,
}

// ANCHOR: lock
async fn ask(state: Arc<Mutex<State>>, call: impl Future<Output = Option<u64>>) {
    // Read under the lock, and give the lock back: the guard ends with its block.
    let asked_in = {
        let state = state.lock().unwrap();
        state.current_term
    };

    let reply = call.await; // it may take 7 s, and anything may happen meanwhile

    // So look again before you believe the reply.
    let mut state = state.lock().unwrap();
    if reply.is_some() && state.current_term == asked_in {
        state.answers += 1;
    }
}
// ANCHOR_END: lock

#[test]
fn a_reply_of_another_term_counts_for_nothing() {
    let answers = run(|_| async {
        let state = Arc::new(Mutex::new(State::default()));
        let reply = |after| async move {
            sleep(Duration::from_millis(after)).await;
            Some(1)
        };
        let late = tokio::spawn(ask(state.clone(), reply(100)));
        ask(state.clone(), reply(10)).await;
        state.lock().unwrap().current_term += 1;
        late.await.unwrap();
        state.lock().unwrap().answers
    });
    assert_eq!(answers, 1);
}

/// Which of these wakes a task that begins to wait only afterwards?
#[test]
fn a_wake_up_is_lost_or_kept() {
    let (lost, kept) = run(|_| async {
        let wait = Duration::from_secs(1);
        // ANCHOR: lost
        let more = Notify::new();
        more.notify_waiters(); // wakes those that wait at this moment: nobody
        let lost = timeout(wait, more.notified()).await.is_err(); // waits in vain

        more.notify_one(); // wakes one, or else the next that comes
        let kept = timeout(wait, more.notified()).await.is_ok(); // returns at once
        // ANCHOR_END: lost
        (lost, kept)
    });
    assert!(lost && kept);
}

/// A wake-up says that something may be there; the loop has to take all that is.
#[test]
fn one_wake_up_may_stand_for_several() {
    let taken = run(|_| async {
        let queue = Arc::new(Mutex::new(Vec::new()));
        let more = Arc::new(Notify::new());
        for command in 1..=3 {
            queue.lock().unwrap().push(command);
            more.notify_one(); // the second and the third add nothing to the first
        }
        let mut taken = Vec::new();
        // ANCHOR: drain
        while timeout(Duration::from_secs(1), more.notified()).await.is_ok() {
            loop {
                // The lock is given back at the end of this statement.
                let next = queue.lock().unwrap().pop();
                let Some(command) = next else { break };
                taken.push(command);
            }
        }
        // ANCHOR_END: drain
        taken.len()
    });
    assert_eq!(taken, 3);
}

/// A queue without a bound keeps what nobody reads; a `watch` keeps the last value.
#[test]
fn a_queue_without_bound_grows() {
    let (queued, latest) = run(|_| async {
        // ANCHOR: bound
        let (queue, unread) = mpsc::unbounded_channel();
        let (latest, mut seen) = watch::channel(0);
        for commit_index in 1..=100_000 {
            queue.send(commit_index).unwrap(); // never waits, never fails, never forgets
            latest.send_replace(commit_index); // takes the place of the value before
        }
        // ANCHOR_END: bound
        (unread.len(), *seen.borrow_and_update())
    });
    assert_eq!((queued, latest), (100_000, 100_000));
}
