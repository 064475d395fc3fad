//! Panics, wherever the tester's calls lead.

use std::panic;

use config::{FailureKind, Reliability, Snapshots, T, make_config};
use futures::future::FutureExt as _;
use testkit::{Victim, victims};

use crate::child::{PASSED, Place, catch, place, run, run_batch};
use crate::server::{
    BAD_SERVER, Habits, SERVERS, draws_the_bad_lot, everybody, make, one_in_some_runs,
};

pub(crate) const VICTIMS: &[Victim] = victims![
    panics_in_make,
    speaks_like_a_report,
    panics_in_a_handler,
    panics_in_a_task,
    panics_in_start,
    panics_in_get_state,
    panics_in_kill,
    panics_in_the_last_kill,
    panics_unheard,
    adds_to_the_panic_hook,
    panics_while_it_is_dropped
];

fn here(function: &str) -> Place {
    place(("panics.rs", include_str!("panics.rs")), function, "panic!(")
}

fn panics_in_make() {
    let in_make = || panic!("no disk");
    config::test(move |t| one_in_some_runs(t, Habits { in_make, ..Habits::GOOD }));
}

#[test]
fn a_panic_in_make_is_named() {
    catch("panics::panics_in_make")
        .assert_is(FailureKind::Panic, &["server 1 panicked in make: no disk"])
        .assert_at(&here("panics_in_make"));
}

/// An escape code, a turn of the direction of writing, and lines as a report has them.
const FORGED: &str =
    "no disk\u{1b}[2K\r\n  seed      12345\n\u{202e}... Passed --   0.0  3    1    1    1";

fn speaks_like_a_report() {
    let in_make = || {
        println!("{FORGED}");
        panic!("{FORGED}");
    };
    config::test(move |t| one_in_some_runs(t, Habits { in_make, ..Habits::GOOD }));
}

#[test]
fn what_a_server_says_does_not_pass_for_the_tester_s_word() {
    let ran = run_batch("panics::speaks_like_a_report");
    assert!(ran.output.contains("server 1 panicked in make: no disk\\u{1b}[2K"), "{}", ran.output);
    for line in ran.output.lines() {
        assert!(!line.contains(['\u{1b}', '\u{202e}']), "{line:?}");
        assert!(!line.starts_with("  seed      12345"), "{line:?}");
        assert!(!line.starts_with("... Passed"), "{line:?}");
    }
}

fn panics_in_a_handler() {
    let in_handler = || async { panic!("no such term: {}", 7) }.boxed();
    config::test(move |t| one_in_some_runs(t, Habits { in_handler, ..Habits::GOOD }));
}

#[test]
fn a_panic_in_a_handler_is_named() {
    let text = "server 1 panicked in the handler of Raft.Listen: no such term: 7";
    catch("panics::panics_in_a_handler")
        .assert_is(FailureKind::Panic, &[text])
        .assert_at(&here("panics_in_a_handler"));
}

fn panics_in_a_task() {
    let in_make = || {
        tokio::spawn(async {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            panic!("index out of bounds");
        });
    };
    config::test(move |t| one_in_some_runs(t, Habits { in_make, ..Habits::GOOD }));
}

#[test]
fn a_panic_in_a_task_is_named() {
    let spawned =
        place(("panics.rs", include_str!("panics.rs")), "panics_in_a_task", "tokio::spawn(");
    let text = format!("server 1 panicked in a task spawned at {spawned}: index out of bounds");
    catch("panics::panics_in_a_task")
        .assert_is(FailureKind::Panic, &[&text])
        .assert_at(&here("panics_in_a_task"));
}

fn panics_in_start() {
    let in_start = || panic!("not now");
    config::test(move |t| one_in_some_runs(t, Habits { in_start, ..Habits::GOOD }));
}

#[test]
fn a_panic_in_start_is_named() {
    catch("panics::panics_in_start")
        .assert_is(FailureKind::Panic, &["server 1 panicked in start: not now"])
        .assert_at(&here("panics_in_start"));
}

fn panics_in_get_state() {
    let in_get_state = || panic!("who knows");
    config::test(move |t| one_in_some_runs(t, Habits { in_get_state, ..Habits::GOOD }));
}

#[test]
fn a_panic_in_get_state_is_named() {
    let caught = catch("panics::panics_in_get_state");
    caught
        .assert_is(FailureKind::Panic, &["server 1 panicked in get_state: who knows"])
        .assert_at(&here("panics_in_get_state"));
    // The report asks the servers for their state once more.
    assert!(caught.output.contains("server 1  connected, state never seen"), "{}", caught.output);
}

fn panics_in_kill() {
    let in_kill = || panic!("immortal");
    config::test(move |t| one_in_some_runs(t, Habits { in_kill, ..Habits::GOOD }));
}

#[test]
fn a_panic_in_kill_is_named() {
    catch("panics::panics_in_kill")
        .assert_is(FailureKind::Panic, &["server 1 panicked in kill: immortal"])
        .assert_at(&here("panics_in_kill"));
}

/// A run that ends while all servers are alive: the tester kills them.
async fn end_with_all_alive(t: T, habits: Habits) {
    let habits = if draws_the_bad_lot() { habits } else { Habits::GOOD };
    let make = move |peers, me, _, _| {
        make(peers, me, if me == BAD_SERVER { habits } else { Habits::GOOD })
    };
    let cfg = make_config(&t, SERVERS, Reliability::Reliable, Snapshots::Off, make);
    cfg.begin("Isolation: servers that are killed in the end");
    cfg.end();
}

fn panics_in_the_last_kill() {
    let in_kill = || panic!("immortal");
    config::test(move |t| end_with_all_alive(t, Habits { in_kill, ..Habits::GOOD }));
}

#[test]
fn a_panic_in_the_last_kill_is_named() {
    catch("panics::panics_in_the_last_kill")
        .assert_is(FailureKind::Panic, &["server 1 panicked in kill: immortal"])
        .assert_at(&here("panics_in_the_last_kill"));
}

fn panics_unheard() {
    let in_make = || panic::set_hook(Box::new(|_| ()));
    let in_task = || async { panic!("psst") }.boxed();
    config::test(move |t| one_in_some_runs(t, Habits { in_make, in_task, ..Habits::GOOD }));
}

#[test]
fn a_panic_hook_in_place_of_the_tester_s_is_named() {
    // The seed behind the bad one passes in the same process.
    catch("panics::panics_unheard").assert_is(
        FailureKind::Misuse,
        &[
            "the panic hook was replaced",
            "the tester needs it to learn of panics, and may have missed some",
            "leave the hook alone, or let your hook call the one that panic::take_hook() returned",
        ],
    );
}

fn adds_to_the_panic_hook() {
    let in_make = || {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| before(info)));
    };
    config::test(move |t| everybody(t, Habits { in_make, ..Habits::GOOD }));
}

#[test]
fn a_panic_hook_that_calls_the_one_before_is_no_misuse() {
    let ran = run(&["panics::adds_to_the_panic_hook"], &[("LAB_SEED", "1"), ("LAB_ITERS", "3")]);
    ran.assert_status(PASSED);
}

fn panics_while_it_is_dropped() {
    struct Fragile;
    impl Drop for Fragile {
        fn drop(&mut self) {
            panic!("broken");
        }
    }
    let in_task = || async { drop(Fragile) }.boxed();
    config::test(move |t| one_in_some_runs(t, Habits { in_task, ..Habits::GOOD }));
}

#[test]
fn a_panic_in_a_destructor_is_named() {
    catch("panics::panics_while_it_is_dropped")
        .assert_is(FailureKind::Panic, &["server 1 panicked in a task spawned at ", ": broken"])
        .assert_at(&here("panics_while_it_is_dropped"));
}
