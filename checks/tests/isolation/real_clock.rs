//! `LAB_CLOCK=real`: the same scripts by the wall clock, on several threads.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use config::{FailureKind, Reliability, Snapshots, T, make_config};
use futures::future::FutureExt as _;
use testkit::{Victim, victims};
use tokio::time::sleep;

use crate::child::{FAILED, PASSED, place, run};
use crate::server::{BAD_SERVER, Habits, SERVERS, make};

pub(crate) const VICTIMS: &[Victim] = victims![is_well_behaved, panics_in_a_task, blocks_a_thread];

const REAL: (&str, &str) = ("LAB_CLOCK", "real");

/// Half a second with one server that has `habits`.
async fn half_a_second(t: T, habits: Habits) {
    let make = move |peers, me, _, _| {
        make(peers, me, if me == BAD_SERVER { habits } else { Habits::GOOD })
    };
    let cfg = make_config(&t, SERVERS, Reliability::Reliable, Snapshots::Off, make);
    cfg.begin("Isolation: half a second");
    sleep(Duration::from_millis(500)).await;
    cfg.end();
}

fn is_well_behaved() {
    config::test(|t| half_a_second(t, Habits::GOOD));
}

#[test]
fn the_same_script_passes_by_the_wall_clock() {
    let begun = Instant::now();
    let ran = run(&["real_clock::is_well_behaved"], &[REAL]);
    ran.assert_status(PASSED);
    assert!(begun.elapsed() > Duration::from_millis(500), "that was no real half second");
    ran.assert_says(&["  ... Passed --   0.5  3 "]);
}

fn panics_in_a_task() {
    let in_task = || async { panic!("by any clock") }.boxed();
    config::test(move |t| half_a_second(t, Habits { in_task, ..Habits::GOOD }));
}

#[test]
fn a_panic_is_named_by_the_wall_clock_too() {
    let ran = run(&["real_clock::panics_in_a_task"], &[REAL, ("LAB_SEED", "3")]);
    ran.assert_status(FAILED);
    let failure = ran.results[0].failure().expect("it has failed");
    assert_eq!(failure.kind, FailureKind::Panic);
    let source = ("real_clock.rs", include_str!("real_clock.rs"));
    let line = place(source, "panics_in_a_task", "panic!(").to_string();
    assert!(failure.location.starts_with(&line), "{failure:?}");
    ran.assert_says(&[
        "server 1 panicked in a task spawned at checks/tests/isolation/server.rs:",
        ": by any clock\n  kind      panic\n",
        &line,
        "  replay    LAB_SEED=3 LAB_CLOCK=real LAB_VICTIM='real_clock::panics_in_a_task' cargo test -p checks --test \
         isolation victim\n",
        "  note      with the wall clock no run repeats exactly",
    ]);
}

/// By the wall clock a blocked task costs the cluster one of its threads, as it does in life.
fn blocks_a_thread() {
    let in_task = || {
        async {
            let state = Mutex::new(1);
            let term = state.lock().unwrap();
            assert_eq!(*term, *state.lock().unwrap());
        }
        .boxed()
    };
    config::test(move |t| half_a_second(t, Habits { in_task, ..Habits::GOOD }));
}

#[test]
fn a_blocked_thread_does_not_hang_the_tester() {
    run(&["real_clock::blocks_a_thread"], &[REAL]).assert_status(PASSED);
}
