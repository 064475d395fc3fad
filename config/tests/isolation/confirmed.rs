//! A failure is confirmed in a fresh process; one that isn't the seed's doing is called that.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use config::{Process, RunResult};

use crate::child::{FAILED, run};
use crate::server::{Habits, everybody};

/// How many servers this process has made.
static MADE: AtomicU32 = AtomicU32::new(0);

#[test]
#[ignore = "misbehaves on purpose; the test below runs it"]
fn remembers_earlier_runs() {
    let in_make = || assert!(MADE.fetch_add(1, Ordering::Relaxed) < 10, "out of numbers");
    config::test(move |t| everybody(t, Habits { in_make, ..Habits::GOOD }));
}

#[test]
fn a_failure_that_comes_from_earlier_runs_is_called_that() {
    let path = "confirmed::remembers_earlier_runs";
    let variables = [("LAB_SEED", "1"), ("LAB_ITERS", "6"), ("LAB_JOBS", "1")];
    let ran = run(&[path], &variables);
    ran.assert_status(FAILED);
    // Each run makes three servers.
    for (result, fails) in ran.results_of(path).iter().zip([false, false, false, true, true, true])
    {
        assert_eq!(result.failure().is_some(), fails, "seed {}:\n{}", result.seed, ran.output);
        let note = result.note.as_deref().unwrap_or_default();
        let begins = "NOT REPRODUCED: the same seed, run again in a fresh process, passed. ";
        assert_eq!(note.starts_with(begins), fails, "seed {}: {note}", result.seed);
    }
    ran.assert_says(&[
        " panicked in make: out of numbers\n",
        "  note      NOT REPRODUCED: ",
        "most likely a static or another global that remembers earlier runs",
        "LAB_CHECK_DETERMINISM=1 shows where the two runs part",
        "LAB_ISOLATE=process gives each run a process of its own",
        "  replay    LAB_SEED=4 LAB_ISOLATE=process cargo test -p config remembers_earlier_runs\n",
        "\n3 of 6 runs failed:\n",
    ]);

    let alone = [("LAB_SEED", "1"), ("LAB_ITERS", "6"), ("LAB_ISOLATE", "process")];
    run(&[path], &alone).assert_status(crate::child::PASSED);
}

#[test]
#[ignore = "misbehaves on purpose; the test below runs it"]
fn blocks_in_every_run() {
    let in_make = || {
        let state = Mutex::new(1);
        let term = state.lock().unwrap();
        assert_eq!(*term, *state.lock().unwrap());
    };
    config::test(move |t| everybody(t, Habits { in_make, ..Habits::GOOD }));
}

#[test]
fn a_thousand_sure_hangs_are_not_waited_for() {
    let path = "confirmed::blocks_in_every_run";
    let begun = Instant::now();
    // They wait and use no CPU, so as many as there are to be may do it at a time.
    let ran = run(&[path], &[("LAB_SEED", "1"), ("LAB_ITERS", "1000"), ("LAB_JOBS", "10")]);
    assert!(begun.elapsed() < Duration::from_secs(30), "it took {:?}", begun.elapsed());
    ran.assert_status(FAILED);
    let results = ran.results_of(path);
    assert!(results.iter().all(|result| result.process == Process::Hung), "{}", ran.output);
    // Nine others may be under way when the tenth is over.
    let hung = results.len() as u64;
    assert!((10..20).contains(&hung), "{hung} runs hung:\n{}", ran.output);
    let not_run: u64 = results.iter().map(|result| result.not_run).sum();
    assert_eq!(hung + not_run, 1000, "{}", ran.output);
    ran.assert_says(&[
        &format!("\n{hung} of {hung} runs failed:\n"),
        &format!("\nstopped after {hung} runs that hung: {not_run} of 1000 seeds were not run\n"),
    ]);
    let is_confirmed = |result: &&&RunResult| result.note.is_none();
    assert_eq!(results.iter().filter(is_confirmed).count(), 3, "{}", ran.output);
    let note = results[3].note.as_deref().unwrap_or_default();
    assert!(note.starts_with("not confirmed: it was not run again, as the first 3 "), "{note}");
}

#[test]
#[ignore = "misbehaves on purpose; the test below runs it"]
fn aborts_in_every_run() {
    let in_make = || std::process::abort();
    config::test(move |t| everybody(t, Habits { in_make, ..Habits::GOOD }));
}

/// A death costs little, so all runs take place; but to run each twice would tell nothing more.
#[test]
fn of_many_sure_deaths_three_are_confirmed() {
    let path = "confirmed::aborts_in_every_run";
    let ran = run(&[path], &[("LAB_SEED", "1"), ("LAB_ITERS", "12")]);
    ran.assert_status(FAILED);
    let results = ran.results_of(path);
    assert_eq!(results.len(), 12, "{}", ran.output);
    let notes: Vec<bool> = results.iter().map(|result| result.note.is_some()).collect();
    assert_eq!(notes, [vec![false; 3], vec![true; 9]].concat(), "{}", ran.output);
    ran.assert_says(&["\n12 of 12 runs failed:\n"]);
    assert!(!ran.output.contains("not run\n"), "{}", ran.output);
}
