//! What blocks the simulated thread or leaves it: sleeps, OS threads, locks and receives.

#![expect(clippy::disallowed_methods, reason = "this is what is to be caught")]

use std::io;
use std::sync::{Condvar, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use config::FailureKind;
use futures::future::FutureExt as _;
use testkit::{Victim, victims};

use crate::child::{FAILED, Place, catch, place, run};
use crate::server::{Habits, one_in_some_runs, only_bad_server};

pub(crate) const VICTIMS: &[Victim] = victims![
    sleeps,
    sleeps_in_a_handler,
    starts_a_thread,
    spawns_blocking_work,
    locks_twice,
    locks_twice_while_it_prints,
    receives,
    waits_for_a_condition
];

fn here(function: &str, text: &str) -> Place {
    place(("blocked.rs", include_str!("blocked.rs")), function, text)
}

fn sleeps() {
    fn sleep() {
        thread::sleep(Duration::from_millis(50));
    }
    let in_task = || async { sleep() }.boxed();
    config::test(move |t| one_in_some_runs(t, Habits { in_task, ..Habits::GOOD }));
}

#[test]
fn a_blocking_sleep_is_named() {
    let caught = catch("blocked::sleeps");
    caught
        .assert_is(
            FailureKind::Misuse,
            &[
                "server 1, in a task spawned at checks/tests/isolation/server.rs:",
                "std::thread::sleep(50ms) blocks the whole cluster: all servers share one simulated \
                 thread",
                "write tokio::time::sleep(50ms).await",
            ],
        )
        .assert_at(&here("sleeps", "thread::sleep("));
}

fn sleeps_in_a_handler() {
    let in_handler = || async { thread::sleep(Duration::from_secs(1)) }.boxed();
    config::test(move |t| one_in_some_runs(t, Habits { in_handler, ..Habits::GOOD }));
}

#[test]
fn a_blocking_sleep_in_a_handler_is_its_server_s() {
    catch("blocked::sleeps_in_a_handler")
        .assert_is(
            FailureKind::Misuse,
            &["server 1, in the handler of Raft.Listen: std::thread::sleep(1s) blocks"],
        )
        .assert_at(&here("sleeps_in_a_handler", "thread::sleep("));
}

fn starts_a_thread() {
    let in_make = || {
        thread::spawn(|| {});
    };
    config::test(move |t| one_in_some_runs(t, Habits { in_make, ..Habits::GOOD }));
}

const OS_THREAD: [&str; 3] = [
    "an OS thread was started",
    "outside the simulation, doesn't follow the seed and takes no virtual time",
    "write tokio::spawn",
];

#[test]
fn a_thread_is_named() {
    catch("blocked::starts_a_thread")
        .assert_is(FailureKind::Misuse, &["server 1, in make: "])
        .assert_is(FailureKind::Misuse, &OS_THREAD)
        .assert_at(&here("starts_a_thread", "thread::spawn("));
}

fn spawns_blocking_work() {
    let in_task = || async { drop(tokio::task::spawn_blocking(|| {})) }.boxed();
    config::test(move |t| one_in_some_runs(t, Habits { in_task, ..Habits::GOOD }));
}

#[test]
fn blocking_work_is_named() {
    catch("blocked::spawns_blocking_work")
        .assert_is(FailureKind::Misuse, &["server 1, in a task spawned at "])
        .assert_is(FailureKind::Misuse, &OS_THREAD)
        .assert_at(&here("spawns_blocking_work", "spawn_blocking("));
}

const BLOCKED: [&str; 2] = [
    "the simulated thread is blocked, and with it the whole cluster",
    "use tokio's channels and .await, and release a lock before you take it again",
];

fn locks_twice() {
    let in_get_state = || {
        let state = Mutex::new(1);
        let term = state.lock().unwrap();
        assert_eq!(*term, *state.lock().unwrap());
    };
    config::test(move |t| one_in_some_runs(t, Habits { in_get_state, ..Habits::GOOD }));
}

#[test]
fn a_lock_taken_twice_is_named() {
    catch("blocked::locks_twice")
        .assert_is(FailureKind::Stuck, &["server 1, in get_state: "])
        .assert_is(FailureKind::Stuck, &BLOCKED)
        .assert_at(&here("locks_twice", "assert_eq!"));
}

fn locks_twice_while_it_prints() {
    let in_get_state = || {
        let _printing = io::stdout().lock();
        let state = Mutex::new(1);
        let term = state.lock().unwrap();
        assert_eq!(*term, *state.lock().unwrap());
    };
    config::test(move |t| only_bad_server(t, Habits { in_get_state, ..Habits::GOOD }));
}

/// Nobody else can print then, but the run's log is printed.
#[test]
fn a_lock_taken_twice_is_named_though_its_thread_keeps_the_output() {
    let variables = [("LAB_SEED", "1"), ("LAB_LOG", "1")];
    let ran = run(&["blocked::locks_twice_while_it_prints"], &variables);
    ran.assert_status(FAILED);
    ran.assert_says(&["server 1, in get_state: ", BLOCKED[0], "\nwhat the run printed:\n"]);
}

fn receives() {
    let in_task = || {
        async {
            let (_sender, receiver) = mpsc::channel::<()>();
            receiver.recv().unwrap();
        }
        .boxed()
    };
    config::test(move |t| one_in_some_runs(t, Habits { in_task, ..Habits::GOOD }));
}

#[test]
fn a_blocking_receive_is_named() {
    catch("blocked::receives")
        .assert_is(FailureKind::Stuck, &["server 1, in a task spawned at "])
        .assert_is(FailureKind::Stuck, &BLOCKED)
        .assert_at(&here("receives", "recv()"));
}

fn waits_for_a_condition() {
    let in_task = || {
        async {
            let (state, changed) = (Mutex::new(()), Condvar::new());
            let waited = changed.wait_timeout(state.lock().unwrap(), Duration::from_millis(5));
            assert!(waited.is_ok());
        }
        .boxed()
    };
    config::test(move |t| one_in_some_runs(t, Habits { in_task, ..Habits::GOOD }));
}

/// Its clock is the cluster's, which can't move meanwhile.
#[test]
fn a_blocking_wait_is_named_though_it_has_a_timeout() {
    catch("blocked::waits_for_a_condition")
        .assert_is(FailureKind::Stuck, &["server 1, in a task spawned at "])
        .assert_is(FailureKind::Stuck, &BLOCKED)
        .assert_at(&here("waits_for_a_condition", "wait_timeout("));
}
