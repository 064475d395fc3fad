//! What takes the process along: exits, aborts, signals, and more than there is of stack or memory.

use std::fmt;
use std::hint::black_box;
use std::io::{self, Write as _};
use std::mem::forget;
use std::process;
use std::time::{Duration, Instant};

use config::FailureKind;
use futures::future::FutureExt as _;
use nix::sys::signal::{Signal, raise};
use report::Time;
use testkit::{Victim, victims};

use crate::child::{Caught, Place, catch, place};
use crate::server::{Habits, one_in_some_runs};

pub(crate) const VICTIMS: &[Victim] = victims![
    exits_as_if_all_were_well,
    exits_with_a_failure,
    aborts,
    recurses,
    recurses_under_a_lock,
    allocates_without_end,
    accesses_invalid_memory,
    executes_what_is_no_instruction,
    accesses_memory_that_has_gone,
    is_killed,
    stops
];

fn here(function: &str, text: &str) -> Place {
    place(("deaths.rs", include_str!("deaths.rs")), function, text)
}

fn exits_as_if_all_were_well() {
    let in_task = || async { process::exit(0) }.boxed();
    config::test(move |t| one_in_some_runs(t, Habits { in_task, ..Habits::GOOD }));
}

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

fn aborts() {
    let in_task = || async { process::abort() }.boxed();
    config::test(move |t| one_in_some_runs(t, Habits { in_task, ..Habits::GOOD }));
}

#[test]
fn an_abort_is_named() {
    let caught = catch("deaths::aborts");
    assert_death(&caught, "server 1, in a task spawned at ", "signal 6 (abort)");
    caught.assert_at(&here("aborts", "process::abort("));
}

/// Asserts that the death is the server's, and that it is known when it happened and after what.
fn assert_death(caught: &Caught, server: &str, how: &str) {
    caught.assert_is(FailureKind::Panic, &[server, ": the process was ended by ", how]);
    assert!(caught.failure.at > Time(0), "{}", caught.output);
    for text in
        ["  test      Isolation: servers that call each other\n", "  stack     checks/tests/"]
    {
        assert!(
            caught.output.contains(text),
            "the output doesn't say {text:?}:\n{}",
            caught.output
        );
    }
    assert!(!caught.output.contains("  history   0000000000000000\n"), "{}", caught.output);
}

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
    let caught = catch("deaths::recurses");
    let how = "signal 6 (abort): a thread has overflowed its stack: a recursion is too deep";
    assert_death(&caught, "server 1, in the handler of Raft.Listen: ", how);
    // Which of its lines it was at depends on the stack's size.
    assert!(caught.failure.location.contains("depth"), "{}", caught.output);
}

fn recurses_under_a_lock() {
    fn depth(above: &u64) -> u64 {
        let here = black_box(above + 1);
        // This keeps a lock of the standard library's while it goes on.
        io::stdout().lock().write_all(format_args!("{}", Deeper(here)).to_string().as_bytes()).ok();
        here
    }
    struct Deeper(u64);
    impl fmt::Display for Deeper {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            let _lock = io::stdout().lock();
            write!(f, "{}", depth(&self.0))
        }
    }
    let in_start = || assert_eq!(depth(&0), 0);
    config::test(move |t| one_in_some_runs(t, Habits { in_start, ..Habits::GOOD }));
}

#[test]
fn an_overflow_under_a_lock_is_named() {
    let caught = catch("deaths::recurses_under_a_lock");
    let how = "signal 6 (abort): a thread has overflowed its stack";
    assert_death(&caught, "server 1, in start: ", how);
}

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
    let caught = catch("deaths::allocates_without_end");
    let how = "signal 6 (abort): too much memory: a run may take 4 GiB";
    assert_death(&caught, "server 1, in a task spawned at ", how);
    caught.assert_at(&here("allocates_without_end", "Vec::<u8>::with_capacity"));
}

fn send_myself(signal: Signal) -> ! {
    loop {
        assert_eq!(raise(signal), Ok(()), "{signal}");
    }
}

fn accesses_invalid_memory() {
    let in_task = || async { send_myself(Signal::SIGSEGV) }.boxed();
    config::test(move |t| one_in_some_runs(t, Habits { in_task, ..Habits::GOOD }));
}

#[test]
fn a_segmentation_fault_is_named() {
    let caught = catch("deaths::accesses_invalid_memory");
    let how = "signal 11 (invalid memory access)";
    assert_death(&caught, "server 1, in a task spawned at ", how);
}

/// Runs a victim that sends itself a signal when it is asked to start.
fn assert_signal(path: &str, how: &str) {
    assert_death(&catch(path), "server 1, in start: ", how);
}

fn executes_what_is_no_instruction() {
    let in_start = || send_myself(Signal::SIGILL);
    config::test(move |t| one_in_some_runs(t, Habits { in_start, ..Habits::GOOD }));
}

#[test]
fn an_illegal_instruction_is_named() {
    assert_signal("deaths::executes_what_is_no_instruction", "signal 4 (illegal instruction)");
}

fn accesses_memory_that_has_gone() {
    let in_start = || send_myself(Signal::SIGBUS);
    config::test(move |t| one_in_some_runs(t, Habits { in_start, ..Habits::GOOD }));
}

#[test]
fn a_bus_error_is_named() {
    let how = "signal 7 (memory access beyond what there is)";
    assert_signal("deaths::accesses_memory_that_has_gone", how);
}

fn is_killed() {
    let in_task = || async { send_myself(Signal::SIGKILL) }.boxed();
    config::test(move |t| one_in_some_runs(t, Habits { in_task, ..Habits::GOOD }));
}

#[test]
fn a_kill_is_named() {
    catch("deaths::is_killed").assert_is(
        FailureKind::Panic,
        &["the process was ended by signal 9 (killed from outside, or out of memory)"],
    );
}

fn stops() {
    let in_task = || async { send_myself(Signal::SIGSTOP) }.boxed();
    config::test(move |t| one_in_some_runs(t, Habits { in_task, ..Habits::GOOD }));
}

#[test]
fn a_stop_is_named_within_15_seconds() {
    let begun = Instant::now();
    catch("deaths::stops")
        .assert_is(FailureKind::Stuck, &["the process was stopped by a signal such as SIGSTOP"]);
    assert!(begun.elapsed() < Duration::from_secs(15), "it took {:?}", begun.elapsed());
}
