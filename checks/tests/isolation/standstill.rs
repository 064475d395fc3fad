//! What never lets time pass, or never lets anything else happen.

use std::collections::HashMap;
use std::future::pending;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use config::{FailureKind, Reliability, Snapshots, T, make_config};
use futures::future::FutureExt as _;
use testkit::{Victim, victims};
use tokio::sync::Notify;

use crate::child::{FAILED, PASSED, Place, VICTIM, catch, place, run, run_batch};
use crate::server::{Habits, draws_the_bad_lot, one_in_some_runs};

pub(crate) const VICTIMS: &[Victim] = victims![
    loops,
    loops_through_many_lines,
    yields,
    yields_in_a_handler,
    sleeps_for_no_time,
    waits_in_a_circle,
    never_answers
];

fn here(function: &str, text: &str) -> Place {
    place(("standstill.rs", include_str!("standstill.rs")), function, text)
}

fn loops() {
    fn spin() {
        let mut seen = HashMap::new();
        // Nearly always it is inside the map that it is looked at; this is the user's line.
        (0..u64::MAX).for_each(|n| _ = seen.insert(n % 1000, n));
    }
    let in_handler = || async { spin() }.boxed();
    config::test(move |t| one_in_some_runs(t, Habits { in_handler, ..Habits::GOOD }));
}

const ENDLESS_LOOP: [&str; 3] = [
    "an endless loop",
    "runs without an .await that waits, so nothing else can run",
    "wait with tokio::time::sleep for at least a millisecond, or with a Notify",
];

#[test]
fn an_endless_loop_is_named() {
    catch("standstill::loops")
        .assert_is(FailureKind::Stuck, &["server 1, in the handler of Raft.Listen: "])
        .assert_is(FailureKind::Stuck, &ENDLESS_LOOP)
        .assert_at(&here("loops", "seen.insert("));
}

fn loops_through_many_lines() {
    #[inline(never)]
    fn step(number: u64) -> u64 {
        let tripled = black_box(number).wrapping_mul(3);
        let halved = black_box(tripled) / 2;
        let squared = black_box(halved).wrapping_mul(halved);
        black_box(squared).wrapping_add(1)
    }
    let in_make = || {
        let mut number = 1;
        loop {
            number = step(number);
            number = black_box(number) ^ 5;
        }
    };
    config::test(move |t| crate::server::everybody(t, Habits { in_make, ..Habits::GOOD }));
}

/// A loop may be anywhere in its body when it is looked at. That is no difference between two runs.
#[test]
fn an_endless_loop_is_the_same_run_twice() {
    let variables = [("LAB_SEED", "1"), ("LAB_CHECK_DETERMINISM", "1")];
    let ran = run(&["standstill::loops_through_many_lines"], &variables);
    ran.assert_status(FAILED);
    ran.assert_says(&[": an endless loop"]);
    assert!(!ran.output.contains("not the same run"), "{}", ran.output);
}

const STANDS_STILL: [&str; 4] = [
    "server 1, in a task spawned at checks/tests/isolation/standstill.rs:",
    "virtual time stands still",
    "The clock moves only when every task waits",
    "Wait for at least a millisecond, or for a tokio::sync::Notify",
];

fn yields() {
    let in_make = || {
        tokio::spawn(async {
            loop {
                tokio::task::yield_now().await;
            }
        });
    };
    config::test(move |t| one_in_some_runs(t, Habits { in_make, ..Habits::GOOD }));
}

#[test]
fn a_loop_that_only_yields_is_named() {
    catch("standstill::yields")
        .assert_is(FailureKind::Misuse, &STANDS_STILL)
        .assert_at(&here("yields", "tokio::spawn("));
}

fn yields_in_a_handler() {
    let in_handler = || {
        async {
            loop {
                tokio::task::yield_now().await;
            }
        }
        .boxed()
    };
    config::test(move |t| one_in_some_runs(t, Habits { in_handler, ..Habits::GOOD }));
}

#[test]
fn a_handler_that_only_yields_is_named() {
    let caught = catch("standstill::yields_in_a_handler");
    caught.assert_is(
        FailureKind::Misuse,
        &["server 1, in the handler of Raft.Listen: virtual time stands still: tasks were polled \
             1,000,000 times at one instant. The clock moves only"],
    );
    // Whoever spawns a handler's task is none of the user's business.
    assert!(!caught.output.contains("labrpc/src"), "{}", caught.output);
}

fn sleeps_for_no_time() {
    let in_make = || {
        tokio::spawn(async {
            loop {
                tokio::time::sleep(Duration::ZERO).await;
            }
        });
    };
    config::test(move |t| one_in_some_runs(t, Habits { in_make, ..Habits::GOOD }));
}

#[test]
fn a_loop_that_sleeps_for_no_time_is_named() {
    // The runtime lets such a loop run on for a while at each poll, so that it is slow to be polled
    // a million times: it is its CPU time that is noticed first, and its very line; or the line that spawned
    // it, if it had no turn when it was looked at.
    let caught = catch("standstill::sleeps_for_no_time");
    caught.assert_is(FailureKind::Misuse, &STANDS_STILL);
    let places = ["time::sleep(", "tokio::spawn("].map(|text| here("sleeps_for_no_time", text));
    let at = &caught.failure.location;
    assert!(places.iter().any(|place| at.starts_with(&place.to_string())), "at {at}");
}

/// The script waits for a task that waits for a task that waits for the first.
async fn wait_in_a_circle(t: T) {
    let make = |peers, me, _, _| crate::server::make(peers, me, Habits::GOOD);
    let cfg = make_config(&t, 1, Reliability::Reliable, Snapshots::Off, make);
    cfg.begin("Isolation: tasks that wait for each other");
    if draws_the_bad_lot() {
        let (egg, hen) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (laid, hatched) = (egg.clone(), hen.clone());
        tokio::spawn(async move {
            hatched.notified().await;
            laid.notify_one();
        });
        egg.notified().await;
        hen.notify_one();
    }
    cfg.end();
}

fn waits_in_a_circle() {
    config::test(|t| async move { wait_in_a_circle(t).await });
}

#[test]
fn tasks_that_wait_for_each_other_are_cut_off() {
    catch("standstill::waits_in_a_circle")
        .assert_is(FailureKind::Stuck, &["test took longer than 120 seconds"])
        .assert_at(&here("wait_in_a_circle", "make_config("));
}

fn never_answers() {
    let in_handler = || pending().boxed();
    config::test(move |t| one_in_some_runs(t, Habits { in_handler, ..Habits::GOOD }));
}

#[test]
fn a_handler_that_never_returns_is_warned_of() {
    let ran = run_batch("standstill::never_answers");
    ran.assert_status(PASSED);
    let warnings = ran.warnings_of(VICTIM);
    let [warning] = warnings[..] else { panic!("not one warning: {warnings:?}") };
    ran.assert_says(&[warning]);
    for part in [
        "warning: server 1's handler of Raft.Listen has not returned for ",
        "its callers are waiting, too: a handler must not wait for an event that may never come",
    ] {
        assert!(warning.contains(part), "{warning}");
    }
}
