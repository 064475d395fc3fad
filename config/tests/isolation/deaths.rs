//! What takes the process along: exits, aborts, signals, and more than there is of stack or memory.

use std::hint::black_box;
use std::mem::forget;
use std::process::{self, Command};

use config::FailureKind;
use futures::future::FutureExt as _;

use crate::child::{Caught, Place, catch, place};
use crate::server::{Habits, one_in_some_runs};

fn here(function: &str, text: &str) -> Place {
    place(("deaths.rs", include_str!("deaths.rs")), function, text)
}

#[test]
#[ignore = "misbehaves on purpose; the test below runs it"]
fn exits_as_if_all_were_well() {
    let in_task = || async { process::exit(0) }.boxed();
    config::test(move |t| one_in_some_runs(t, Habits { in_task, ..Habits::GOOD }));
}

#[test]
#[ignore = "misbehaves on purpose; the test below runs it"]
fn exits_with_a_failure() {
    let in_start = || process::exit(3);
    config::test(move |t| one_in_some_runs(t, Habits { in_start, ..Habits::GOOD }));
}

fn assert_exit(caught: &Caught, server: &str) {
    caught.assert_is(
        FailureKind::Misuse,
        &[server, "exit() was called, which would end the tester as well; return instead"],
    );
}

#[test]
fn exit_is_no_way_to_pass() {
    let caught = catch("deaths::exits_as_if_all_were_well");
    assert_exit(&caught, "server 1, in a task spawned at ");
    caught.assert_at(&here("exits_as_if_all_were_well", "process::exit("));
}

#[test]
fn exit_with_a_failure_is_named() {
    let caught = catch("deaths::exits_with_a_failure");
    assert_exit(&caught, "server 1, in start: ");
    caught.assert_at(&here("exits_with_a_failure", "process::exit("));
}

#[test]
#[ignore = "misbehaves on purpose; the test below runs it"]
fn aborts() {
    let in_task = || async { process::abort() }.boxed();
    config::test(move |t| one_in_some_runs(t, Habits { in_task, ..Habits::GOOD }));
}

#[test]
fn an_abort_is_named() {
    catch("deaths::aborts")
        .assert_is(FailureKind::Panic, &["the process was ended by signal 6 (abort)"]);
}

#[test]
#[ignore = "misbehaves on purpose; the test below runs it"]
fn recurses() {
    #[expect(unconditional_recursion, reason = "this is what is to be caught")]
    fn depth(above: &u64) -> u64 {
        let here = black_box(above + 1);
        depth(&here) + here
    }
    let in_handler = || async { assert_eq!(depth(&0), 0) }.boxed();
    config::test(move |t| one_in_some_runs(t, Habits { in_handler, ..Habits::GOOD }));
}

#[test]
fn a_stack_overflow_is_named() {
    catch("deaths::recurses")
        .assert_is(FailureKind::Panic, &["(abort): ", "has overflowed its stack"]);
}

#[test]
#[ignore = "misbehaves on purpose; the test below runs it"]
fn allocates_without_end() {
    let in_task = || {
        async {
            loop {
                // Asked for, but never touched: so this costs the machine nothing.
                forget(black_box(Vec::<u8>::with_capacity(256 << 20)));
            }
        }
        .boxed()
    };
    config::test(move |t| one_in_some_runs(t, Habits { in_task, ..Habits::GOOD }));
}

#[test]
fn want_of_memory_is_named() {
    catch("deaths::allocates_without_end").assert_is(
        FailureKind::Panic,
        &["(abort): ", "memory allocation of 268435456 bytes failed"],
    );
}

fn send_myself(signal: &str) -> ! {
    loop {
        let kill = Command::new("kill").args([signal, &process::id().to_string()]).status();
        assert!(kill.is_ok_and(|status| status.success()), "kill {signal} has failed");
    }
}

#[test]
#[ignore = "misbehaves on purpose; the test below runs it"]
fn accesses_invalid_memory() {
    let in_task = || async { send_myself("-SEGV") }.boxed();
    config::test(move |t| one_in_some_runs(t, Habits { in_task, ..Habits::GOOD }));
}

#[test]
fn a_segmentation_fault_is_named() {
    catch("deaths::accesses_invalid_memory").assert_is(
        FailureKind::Panic,
        &["the process was ended by signal 11 (invalid memory access)"],
    );
}

#[test]
#[ignore = "misbehaves on purpose; the test below runs it"]
fn is_killed() {
    let in_task = || async { send_myself("-KILL") }.boxed();
    config::test(move |t| one_in_some_runs(t, Habits { in_task, ..Habits::GOOD }));
}

#[test]
fn a_kill_is_named() {
    catch("deaths::is_killed").assert_is(
        FailureKind::Panic,
        &["the process was ended by signal 9 (killed from outside, or out of memory)"],
    );
}
