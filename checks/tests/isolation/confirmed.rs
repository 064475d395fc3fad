//! A failure is confirmed in a fresh process; one that isn't the seed's doing is called that.

use std::env;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use config::{Process, RunResult, Verdict};
use futures::future::{BoxFuture, FutureExt as _};
use testkit::{Victim, victims};

use crate::child::{FAILED, VICTIM, run};
use crate::server::{Habits, draws_the_bad_lot, everybody, only_bad_server};

pub(crate) const VICTIMS: &[Victim] = victims![
    remembers_earlier_runs,
    blocks_in_every_run,
    aborts_in_every_run,
    aborts_in_some_runs,
    sleeps_in_every_run
];

/// How many servers this process has made.
static MADE: AtomicU32 = AtomicU32::new(0);

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
    for (result, fails) in
        ran.results_of(VICTIM).iter().zip([false, false, false, true, true, true])
    {
        assert_eq!(result.failure().is_some(), fails, "seed {}:\n{}", result.seed, ran.output);
        let note = result.note.as_deref().unwrap_or_default();
        let begins = "NOT REPRODUCED: the same seed, run again in a fresh process, passed. ";
        assert_eq!(note.starts_with(begins), fails, "seed {}: {note}", result.seed);
        let finding = match &result.verdict {
            Verdict::Failed { explanation, .. } => explanation.findings.first(),
            _ => None,
        };
        let id = finding.map(|finding| finding.id.as_str());
        assert_eq!(id == Some("not-repeatable"), fails, "seed {}: {id:?}", result.seed);
    }
    ran.assert_says(&[
        " panicked in make: out of numbers\n",
        "  why       certain: another run of the same seed went differently: ",
        " this run failed; another run of the same seed passed in",
        "  note      NOT REPRODUCED: ",
        "most likely a static or another global that remembers earlier runs",
        "LAB_CHECK_DETERMINISM=1 shows where the two runs begin to differ",
        "LAB_ISOLATE=process gives each run a process of its own",
        "  replay    LAB_SEED=4 LAB_ISOLATE=process LAB_VICTIM='confirmed::remembers_earlier_runs' cargo test \
         -p checks --test isolation victim\n",
        "\n3 of 6 runs failed:\n",
    ]);

    let alone = [("LAB_SEED", "1"), ("LAB_ITERS", "6"), ("LAB_ISOLATE", "process")];
    run(&[path], &alone).assert_status(crate::child::PASSED);
}

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
    let ran = run(&[path], &[("LAB_SEED", "1"), ("LAB_ITERS", "1000"), ("LAB_JOBS", "3")]);
    assert!(begun.elapsed() < Duration::from_secs(30), "it took {:?}", begun.elapsed());
    ran.assert_status(FAILED);
    let results = ran.results_of(VICTIM);
    assert!(results.iter().all(|result| result.process == Process::Hung), "{}", ran.output);
    // Two others may be under way when the third is over.
    let hung = results.len() as u64;
    assert!((3..=5).contains(&hung), "{hung} runs hung:\n{}", ran.output);
    let not_run: u64 = results.iter().map(|result| result.not_run).sum();
    assert_eq!(hung + not_run, 1000, "{}", ran.output);
    ran.assert_says(&[
        &format!("\n{hung} of {hung} runs failed:\n"),
        &format!(
            "\nstopped after {hung} runs that hung in the same way: {not_run} of 1000 seeds were not run\n"
        ),
        // Where it was ended says little of the run.
        ", up to the point where the run was stopped: differs each time\n",
    ]);
    let is_confirmed = |result: &&&RunResult| result.note.is_none();
    assert_eq!(results.iter().filter(is_confirmed).count(), 1, "{}", ran.output);
    let note = results[1].note.as_deref().unwrap_or_default();
    assert!(
        note.starts_with("not confirmed: the run was not repeated, because the first "),
        "{note}"
    );
}

fn aborts_in_every_run() {
    let in_make = || std::process::abort();
    config::test(move |t| everybody(t, Habits { in_make, ..Habits::GOOD }));
}

#[test]
fn twenty_sure_deaths_are_not_waited_for() {
    let path = "confirmed::aborts_in_every_run";
    let ran = run(&[path], &[("LAB_SEED", "1"), ("LAB_ITERS", "20")]);
    ran.assert_status(FAILED);
    let results = ran.results_of(VICTIM);
    // Another may be under way when the third is over.
    let died = results.len();
    assert!((3..=4).contains(&died), "{died} runs died:\n{}", ran.output);
    let notes: Vec<bool> = results.iter().map(|result| result.note.is_some()).collect();
    assert_eq!(notes, [vec![false; 3], vec![true; died - 3]].concat(), "{}", ran.output);
    ran.assert_says(&[&format!(
        "\nstopped after {died} runs that died in the same way: {} of 20 seeds were not run\n",
        20 - died
    )]);
}

fn aborts_in_some_runs() {
    let in_task: fn() -> BoxFuture<'static, ()> = || async { std::process::abort() }.boxed();
    let of_run = move || if draws_the_bad_lot() { in_task } else { Habits::GOOD.in_task };
    config::test(move |t| everybody(t, Habits { in_task: of_run(), ..Habits::GOOD }));
}

/// How many of a test's runs die is worth to know, and costs little.
#[test]
fn deaths_among_other_runs_stop_nothing() {
    let path = "confirmed::aborts_in_some_runs";
    let ran = run(&[path], &[("LAB_SEED", "1"), ("LAB_ITERS", "40")]);
    ran.assert_status(FAILED);
    let results = ran.results_of(VICTIM);
    assert_eq!(results.len(), 40, "{}", ran.output);
    let died = results.iter().filter(|result| result.process == Process::Died).count();
    assert!((4..20).contains(&died), "{died} runs died:\n{}", ran.output);
    assert!(!ran.output.contains("not run\n"), "{}", ran.output);
}

/// Names a file that tells of each run whether its child is to look up lines.
const LOOKS_UP_LINES: &str = "ISOLATION_LOOKS_UP_LINES";

fn sleeps_in_every_run() {
    let note = || {
        if let Some(path) = env::var_os(LOOKS_UP_LINES) {
            let file = OpenOptions::new().create(true).append(true).open(path);
            let line = if env::var_os("LAB_WORKER_NO_LINES").is_none() { "yes\n" } else { "no\n" };
            file.expect("the file").write_all(line.as_bytes()).expect("the file can be written");
        }
    };
    let in_make = || {
        #[expect(clippy::disallowed_methods, reason = "this is what is to be caught")]
        std::thread::sleep(Duration::from_millis(1));
        // Something comes after it, or its caller would be on the stack in this function's place.
        std::hint::black_box(());
    };
    config::test(move |t| {
        note();
        only_bad_server(t, Habits { in_make, ..Habits::GOOD })
    });
}

/// To look up a line takes a new process longer than a run.
#[test]
fn where_a_failure_is_confirmed_no_line_is_looked_up() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("looks-up-lines");
    let name = path.to_str().expect("a path of letters");
    let variables = [("LAB_SEED", "1"), ("LAB_ITERS", "10"), (LOOKS_UP_LINES, name)];
    let ran = run(&["confirmed::sleeps_in_every_run"], &variables);
    ran.assert_status(FAILED);
    for result in &ran.results {
        let failure = result.failure().expect("all have failed");
        assert!(failure.location.contains("/confirmed.rs:"), "{failure:?}");
        assert_eq!(result.note, None, "{}", ran.output);
    }
    let told = fs::read_to_string(path).expect("the file");
    let count = |word| told.lines().filter(|&line| line == word).count();
    // All runs, and the one that is stored; the others were only confirmed.
    assert_eq!((count("yes"), count("no")), (10 + 1, 9), "{told}");
}
