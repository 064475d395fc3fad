//! Several calls of `config::test` in one test function: each is a test of its own.

use std::env;
use std::fs;
use std::thread;

use config::{RunResult, T};
use testkit::{Victim, victims};

use crate::child::{FAILED, PASSED, Ran, VICTIM, run};
use crate::server::{Habits, everybody, only_bad_server};

pub(crate) const VICTIMS: &[Victim] =
    victims![in_a_loop, in_many_ways, the_second_fails, fewer_in_a_child, another_order_in_a_child];

const SEEDS: [(&str, &str); 2] = [("LAB_SEED", "7"), ("LAB_ITERS", "2")];

/// The first warning of each result, with its call and its seed.
fn told<'a>(ran: &'a Ran) -> Vec<(u32, u64, &'a str)> {
    let told = |result: &'a RunResult| {
        (result.call, result.seed, result.warnings.first().map_or("", String::as_str))
    };
    ran.results.iter().map(told).collect()
}

async fn tells(t: T, what: &str) {
    t.warn(what);
    everybody(t, Habits::GOOD).await;
}

fn in_a_loop() {
    for n in [3, 5] {
        config::test(move |t| async move { tells(t, &format!("{n} servers")).await });
    }
}

#[test]
fn each_turn_of_a_loop_is_run() {
    let ran = run(&["calls::in_a_loop"], &SEEDS);
    ran.assert_status(PASSED);
    let both = [(1, 7, "3 servers"), (1, 8, "3 servers"), (2, 7, "5 servers"), (2, 8, "5 servers")];
    assert_eq!(told(&ran), both, "{}", ran.output);
}

#[test]
fn each_call_is_run_in_the_test_s_own_process_too() {
    let ran = run(&["calls::in_a_loop"], &[SEEDS[0], ("LAB_CHILD", "1")]);
    ran.assert_status(PASSED);
    assert_eq!(told(&ran), [(1, 7, "3 servers"), (2, 7, "5 servers")], "{}", ran.output);
}

#[test]
fn each_call_is_compared_with_itself() {
    let ran = run(&["calls::in_a_loop"], &[SEEDS[0], SEEDS[1], ("LAB_CHECK_DETERMINISM", "1")]);
    ran.assert_status(PASSED);
    assert_eq!(ran.results.len(), 4, "{}", ran.output);
}

#[test]
fn one_call_can_be_chosen() {
    let ran = run(&["calls::in_a_loop"], &[SEEDS[0], ("LAB_CALL", "2")]);
    ran.assert_status(PASSED);
    assert_eq!(told(&ran), [(2, 7, "5 servers")], "{}", ran.output);
    // A test that runs nothing must not seem to have passed.
    ran.assert_says(&[
        "call 1 of config::test() in victim: not run, because LAB_CALL=2 selects another call\n",
    ]);
}

fn helper(what: &'static str) {
    config::test(move |t| tells(t, what));
}

fn in_many_ways() {
    helper("first");
    config::test_with_seed(30, |t| async move { tells(t, "second").await });
    helper("third");
    config::test(by_its_name);
    config::test_with_seed(31, |t| tells(t, "fifth"));
}

async fn by_its_name(t: T) {
    tells(t, "fourth").await;
}

/// In a function that the test calls, by two closures, by a function, and with a seed of its own.
#[test]
fn each_call_is_run_however_it_is_made() {
    let ran = run(&["calls::in_many_ways"], &[]);
    ran.assert_status(PASSED);
    let words: Vec<(u32, &str)> = told(&ran).iter().map(|&(call, _, word)| (call, word)).collect();
    let all = [(1, "first"), (2, "second"), (3, "third"), (4, "fourth"), (5, "fifth")];
    assert_eq!(words, all, "{}", ran.output);
    assert!(ran.results.iter().all(|result| result.test == VICTIM), "{}", ran.output);
    assert_eq!((ran.results[1].seed, ran.results[4].seed), (30, 31));
}

fn the_second_fails() {
    for habits in [Habits::GOOD, Habits { in_start: || panic!("no disk"), ..Habits::GOOD }] {
        config::test(move |t| only_bad_server(t, habits));
    }
}

#[test]
fn a_later_call_s_failure_is_told_stored_and_repeated_as_its_own() {
    let path = "calls::the_second_fails";
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().to_str().expect("a path is text");
    let ran = run(&[path], &[SEEDS[0], SEEDS[1], ("LAB_OUT", out)]);
    ran.assert_status(FAILED);
    ran.assert_says(&[
        "server 1 panicked in start: no disk\n",
        "  replay    LAB_SEED=7 LAB_CALL=2 LAB_VICTIM='calls::the_second_fails' cargo test -p checks --test \
         isolation victim\n",
        &format!("  stored    {out}/victim-call2-7.json\n"),
    ]);
    let history = fs::read_to_string(folder.path().join("victim-call2-7.json"));
    assert!(history.expect("it is stored").contains("LAB_CALL=2"));
    let lines = fs::read_to_string(folder.path().join("results.jsonl")).expect("results");
    let call = |line| {
        let line: serde_json::Value = serde_json::from_str(line).expect("a line is JSON");
        line.get("call").and_then(serde_json::Value::as_u64)
    };
    // The first call's lines are as they always were.
    assert_eq!(lines.lines().map(call).collect::<Vec<_>>(), [None, None, Some(2), Some(2)]);

    let again = run(&[path], &[SEEDS[0], ("LAB_CALL", "2")]);
    again.assert_status(FAILED);
    let [result] = &again.results[..] else { panic!("not one run:\n{}", again.output) };
    assert_eq!(
        result.failure().map(|failure| &*failure.message),
        Some("server 1 panicked in start: no disk")
    );
}

fn fewer_in_a_child() {
    let is_child = env::var_os("LAB_WORKER").is_some();
    let calls = if is_child { 1 } else { 2 };
    for _ in 0..calls {
        config::test(|t| everybody(t, Habits::GOOD));
    }
}

fn another_order_in_a_child() {
    let is_child = env::var_os("LAB_WORKER").is_some();
    let mut calls: [fn(); 2] = [
        || config::test(|t| everybody(t, Habits::GOOD)),
        || config::test(|t| only_bad_server(t, Habits::GOOD)),
    ];
    if is_child {
        calls.reverse();
    }
    for call in calls {
        call();
    }
}

#[test]
fn a_test_that_makes_other_calls_in_a_child_is_told_so() {
    let ran = run(&["calls::fewer_in_a_child"], &SEEDS);
    ran.assert_status(FAILED);
    ran.assert_says(&[
        "failed to run call 2 of config::test() in victim in a process of its own: there the \
         test function didn't come to its call 2. It must make the same calls, in the same order, ",
    ]);
    assert_eq!(ran.results.len(), 2, "{}", ran.output);

    let ran = run(&["calls::another_order_in_a_child"], &SEEDS);
    ran.assert_status(FAILED);
    ran.assert_says(&["call 1 of config::test() is at checks/tests/isolation/calls.rs:"]);
    ran.assert_says(&[" in the parent process and at checks/tests/isolation/calls.rs:"]);
    assert!(ran.results.is_empty(), "{}", ran.output);
}

/// This is no victim: on such a thread the harness must tell the test by the closure.
#[test]
fn on_another_thread() {
    #[expect(clippy::disallowed_methods, reason = "this is no simulated thread")]
    let calls = thread::spawn(|| {
        for n in [3, 5] {
            config::test(move |t| async move { tells(t, &format!("{n} servers")).await });
        }
    });
    calls.join().expect("both pass");
}

/// A thread without a name doesn't tell the test; a closure in the test function does.
#[test]
fn each_call_is_run_on_another_thread_too() {
    let ran = run(&["calls::on_another_thread"], &SEEDS[..1]);
    ran.assert_status(PASSED);
    assert_eq!(told(&ran), [(1, 7, "3 servers"), (2, 7, "5 servers")], "{}", ran.output);
}
