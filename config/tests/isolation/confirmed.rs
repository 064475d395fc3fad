//! A failure is confirmed in a fresh process; one that isn't the seed's doing is called that.

use std::sync::atomic::{AtomicU32, Ordering};

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
        "\n3 of 6 runs failed:\n",
    ]);

    let alone = [("LAB_SEED", "1"), ("LAB_ITERS", "6"), ("LAB_ISOLATE", "process")];
    run(&[path], &alone).assert_status(crate::child::PASSED);
}
