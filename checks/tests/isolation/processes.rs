//! Where runs take place: in processes of their own or in the test's, and so many at a time.

use std::env;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use config::T;
use futures::future::FutureExt as _;
use testkit::{Victim, victims};

use crate::child::{FAILED, PASSED, Ran, run};
use crate::server::{Habits, everybody};

pub(crate) const VICTIMS: &[Victim] =
    victims![tells_its_process, fails_in_every_place, exits_in_every_place, three_are_alone];

/// Runs in this process so far.
static RUNS: AtomicU32 = AtomicU32::new(0);

fn tells_its_process() {
    config::test(|t| async move {
        let run = RUNS.fetch_add(1, Ordering::Relaxed) + 1;
        t.warn(format!("run {run} of process {}", process::id()));
        everybody(t, Habits::GOOD).await;
    });
}

/// Runs six seeds; returns of each which run of its process it was, and which process.
fn runs_and_processes(variable: (&str, &str)) -> (Ran, Vec<(u32, u32)>) {
    let variables = [("LAB_SEED", "1"), ("LAB_ITERS", "6"), variable];
    let ran = run(&["processes::tells_its_process"], &variables);
    ran.assert_status(PASSED);
    let told = ran.results.iter().map(|result| {
        let words: Vec<&str> = result.warnings[0].split(' ').collect();
        let number = |i: usize| words[i].parse().expect("it is a number");
        (number(1), number(4))
    });
    let told: Vec<(u32, u32)> = told.collect();
    assert_eq!(told.len(), 6, "{}", ran.output);
    (ran, told)
}

#[test]
fn a_batch_shares_a_process_that_is_not_the_test_s() {
    let (ran, told) = runs_and_processes(("LAB_JOBS", "1"));
    assert_eq!(told.iter().map(|(run, _)| *run).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    let (_, first) = told[0];
    assert!(told.iter().all(|(_, process)| *process == first), "{told:?}");
    assert_ne!(first, ran.process_id);
}

#[test]
fn lab_isolate_gives_each_run_a_process_of_its_own() {
    let (ran, told) = runs_and_processes(("LAB_ISOLATE", "process"));
    for (i, (run, process)) in told.iter().enumerate() {
        assert_eq!(*run, 1, "{told:?}");
        assert_ne!(*process, ran.process_id, "{told:?}");
        assert!(told[..i].iter().all(|(_, before)| before != process), "{told:?}");
    }
}

#[test]
fn lab_child_runs_in_the_test_s_own_process() {
    let (ran, told) = runs_and_processes(("LAB_CHILD", "1"));
    let process = ran.process_id;
    assert_eq!(told, (1..=6).map(|run| (run, process)).collect::<Vec<_>>());
}

fn fails_in_every_place() {
    let in_make = || panic!("of process {}", process::id());
    config::test(move |t| everybody(t, Habits { in_make, ..Habits::GOOD }));
}

#[test]
fn a_failure_in_the_test_s_own_process_is_reported_as_any_other() {
    let ran = run(&["processes::fails_in_every_place"], &[("LAB_SEED", "4"), ("LAB_CHILD", "1")]);
    ran.assert_status(FAILED);
    ran.assert_says(&[
        &format!("server 0 panicked in make: of process {}\n  kind      panic\n", ran.process_id),
        "  seed      4\n",
        "  replay    LAB_SEED=4 LAB_VICTIM='processes::fails_in_every_place' cargo test -p checks --test isolation victim\n",
    ]);
}

fn exits_in_every_place() {
    let in_task = || async { process::exit(0) }.boxed();
    config::test(move |t| everybody(t, Habits { in_task, ..Habits::GOOD }));
}

/// Nobody else would hear of it.
fn assert_exit_is_told(clock: &str) {
    let variables = [("LAB_SEED", "4"), ("LAB_CHILD", "1"), ("LAB_CLOCK", clock)];
    let ran = run(&["processes::exits_in_every_place"], &variables);
    ran.assert_status(FAILED);
    ran.assert_says(&[
        ": exit() was called, which would end the tester as well; return instead, or panic\n  kind      \
         misuse\n",
        "  line      checks/tests/isolation/processes.rs:",
        "LAB_CHILD=1 runs all tests in this process: the other tests end here, too\n",
    ]);
    let failure = ran.results[0].failure().expect("it has failed");
    assert!(failure.location.contains("exits_in_every_place"), "{failure:?}");
}

#[test]
fn exit_in_the_test_s_own_process_is_no_way_to_pass() {
    assert_exit_is_told("virtual");
}

#[test]
fn nor_is_it_by_the_real_clock() {
    assert_exit_is_told("real");
}

/// A file that stands for the right to run.
struct Alone(PathBuf);

impl Alone {
    fn enter(t: &T) -> Alone {
        let path = PathBuf::from(env::var_os("LAB_OUT").expect("it is set")).join("running");
        if let Err(error) = File::create_new(&path) {
            t.warn(format!("not alone: {error}"));
        }
        // For as long as it takes another process to come to this point, by the real clock.
        let waited = process::Command::new("sleep").arg("0.05").status();
        assert!(waited.is_ok_and(|status| status.success()), "sleep has failed");
        Alone(path)
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        // Another run that should not be may have removed it.
        let _ = fs::remove_file(&self.0);
    }
}

async fn run_alone(t: T) {
    let _alone = Alone::enter(&t);
    everybody(t, Habits::GOOD).await;
}

/// Makes three calls at the same time. Each of the threads has the name of the test's thread, by which the
/// harness knows the test.
fn three_are_alone() {
    let of_test = thread::current();
    let call = || config::test(|t| async move { run_alone(t).await });
    let spawn = || {
        let thread = thread::Builder::new().name(of_test.name().expect("it has one").to_owned());
        #[expect(clippy::disallowed_methods, reason = "this is no simulated thread")]
        thread.spawn(call).expect("a thread starts")
    };
    for thread in [spawn(), spawn(), spawn()] {
        thread.join().expect("all pass");
    }
}

#[test]
fn lab_jobs_is_for_the_whole_process() {
    let variables = [("LAB_JOBS", "1"), ("LAB_SEED", "1"), ("LAB_ITERS", "4")];
    let ran = run(&["processes::three_are_alone"], &variables);
    ran.assert_status(PASSED);
    assert_eq!(ran.results.len(), 12, "{}", ran.output);
    let warnings: Vec<&String> = ran.results.iter().flat_map(|result| &result.warnings).collect();
    assert!(warnings.is_empty(), "{warnings:?}");
}
