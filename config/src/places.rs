//! Where runs take place: in child processes, or in this one; and whether a failure is the run's own.

use std::collections::BTreeMap;
use std::env;
use std::io;
use std::process::Command;
use std::sync::Mutex;

use report::{Failure, FailureKind, Time};
use sim::{Clock, Death, Done, Isolation};

use crate::describe::line;
use crate::harness::TestName;
use crate::outcome::{Process, RunResult, Verdict};
use crate::run::stuck;
use crate::settings::{Place, Report, Settings};
use crate::store;
use crate::t::lock;

/// Tells a child to send the events of its runs along.
const TRACE: &str = "LAB_WORKER_TRACE";

/// How many lines of what a dead process printed are shown.
const LAST_WORDS: usize = 12;

/// How many runs may hang in the same way before the others are given up: each takes some seconds.
const HANGS: usize = 10;

/// How many runs that took their process along in the same way are confirmed: if these did so again,
/// the others would.
const CONFIRMED: usize = 3;

/// Whether this process was started to run seeds for another.
pub(crate) fn is_child() -> bool {
    cfg!(unix) && sim::is_worker()
}

/// Whether the results are to have the events of their runs.
pub(crate) fn wants_trace() -> bool {
    env::var_os(TRACE).is_some()
}

/// A child's life: runs the seeds that come, until there are none.
pub(crate) fn serve(test: &TestName, clock: Clock, run: impl Fn(u64) -> RunResult) -> ! {
    fn encode(result: &RunResult) -> Vec<u8> {
        serde_json::to_vec(result).expect("a result is plain data")
    }
    let name = test.short.clone();
    sim::serve(
        clock,
        move |seed| encode(&run(seed)),
        move |seed, why, printed| encode(&stuck(&name, seed, why, printed)),
    )
}

/// Runs all seeds where the settings say, and confirms the failures.
pub(crate) fn run_all(
    test: &TestName,
    settings: &Settings,
    seeds: &[u64],
    run: impl Fn(u64) -> RunResult,
) -> Result<Vec<RunResult>, String> {
    let isolation = match settings.place {
        Place::Here => return Ok(seeds.iter().map(|&seed| run(seed)).collect()),
        Place::Process => Isolation::Process,
        // Without its seeded generator tokio chooses by a counter of the process.
        Place::Batch if cfg!(not(tokio_unstable)) => Isolation::Process,
        Place::Batch => Isolation::Batch,
    };
    let mut results = until_it_hangs(test, settings, seeds, isolation)?;
    if settings.clock == Clock::Virtual {
        confirm(test, settings, &mut results)?;
        store_history(test, settings, &mut results)?;
    }
    Ok(results)
}

/// What children send besides their results.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Watch {
    /// Nothing.
    Nothing,
    /// Every event.
    Events,
    /// Every event, with addresses that are the same each time.
    EventsAtFixedAddresses,
    /// Nothing, but they store histories.
    Histories,
}

/// Runs seeds in children: all of them, unless too many hang in the same way. Then the last that hung
/// has the number of those that were not run.
pub(crate) fn until_it_hangs(
    test: &TestName,
    settings: &Settings,
    seeds: &[u64],
    isolation: Isolation,
) -> Result<Vec<RunResult>, String> {
    let hangs: Mutex<BTreeMap<String, usize>> = Mutex::default();
    let enough = |result: &RunResult| {
        let cause = result.cause_of_death().filter(|_| result.process == Process::Hung);
        cause.is_some_and(|cause| {
            let mut hangs = lock(&hangs);
            let count = hangs.entry(cause).or_default();
            *count += 1;
            *count >= HANGS
        })
    };
    // By the real clock no run comes again.
    let watch = match settings.clock {
        Clock::Virtual => Watch::Nothing,
        Clock::Real => Watch::Histories,
    };
    let mut results = start(test, settings, seeds, isolation, watch, &enough)?;
    let not_run = (seeds.len() - results.len()) as u64;
    let mut hung = results.iter_mut().filter(|result| result.process == Process::Hung);
    if let Some(last) = hung.next_back() {
        last.not_run = not_run;
    }
    Ok(results)
}

/// Runs all seeds in children.
pub(crate) fn in_children(
    test: &TestName,
    settings: &Settings,
    seeds: &[u64],
    isolation: Isolation,
    watch: Watch,
) -> Result<Vec<RunResult>, String> {
    start(test, settings, seeds, isolation, watch, &|_| false)
}

/// Runs seeds in children until one whose process ended with it is `enough`.
fn start(
    test: &TestName,
    settings: &Settings,
    seeds: &[u64],
    isolation: Isolation,
    watch: Watch,
    enough: &(dyn Fn(&RunResult) -> bool + Sync),
) -> Result<Vec<RunResult>, String> {
    let binary = env::current_exe()
        .map_err(|error| format!("failed to find the test's own binary: {error}\n"))?;
    let command = || {
        let mut command = Command::new(&binary);
        command.arg(&test.path).args(["--exact", "--nocapture", "--test-threads=1"]);
        command.arg("--include-ignored");
        match watch {
            Watch::Nothing => {}
            Watch::Events => drop(command.env(TRACE, "1")),
            Watch::EventsAtFixedAddresses => {
                command.env(TRACE, "1");
                sim::without_address_randomisation(&mut command);
            }
            Watch::Histories => drop(command.env(store::HISTORIES, store::folder(settings))),
        }
        command
    };
    let enough = |done: &Done| done.is_last && read(test, done).is_ok_and(|result| enough(&result));
    sim::run_in_children(seeds, settings.jobs, isolation, &command, &enough)
        .map_err(|error: io::Error| format!("failed to start {}: {error}\n", binary.display()))?
        .into_iter()
        .map(|done| read(test, &done))
        .collect()
}

/// Reads what a child sent, or describes how it died.
fn read(test: &TestName, done: &Done) -> Result<RunResult, String> {
    let Done { seed, result, output, .. } = done;
    match result {
        Ok(bytes) => {
            let result: RunResult = serde_json::from_slice(bytes)
                .map_err(|error| format!("failed to read the result of seed {seed}: {error}\n"))?;
            Ok(RunResult { printed: output.clone(), ..result })
        }
        Err(Death::NotAWorker) => Err(format!(
            "failed to run {} in a process of its own: `{} --exact` doesn't lead to a #[test] \
             function that calls config::test() directly. LAB_CHILD=1 runs it in this process. What \
             the process printed:\n{}",
            test.short,
            test.path,
            report::text::printed(output)
        )),
        Err(death) => {
            let verdict = Verdict::unexplained(
                Failure {
                    kind: match death {
                        Death::Exited(_) => FailureKind::Misuse,
                        Death::Silent | Death::Stopped => FailureKind::Stuck,
                        Death::Signalled(_) | Death::NotAWorker => FailureKind::Panic,
                    },
                    message: with_cause(&death.to_string(), output),
                    location: String::new(),
                    at: Time(0),
                },
                last_words(output),
            );
            let process = match death {
                Death::Silent | Death::Stopped => Process::Hung,
                Death::Exited(_) | Death::Signalled(_) | Death::NotAWorker => Process::Died,
            };
            let result = RunResult::without_run(&test.short, *seed, verdict);
            Ok(RunResult { process, printed: output.clone(), ..result })
        }
    }
}

/// How a process died, and why, if its last lines say so.
pub(crate) fn with_cause(death: &str, output: &str) -> String {
    match cause(output) {
        Some(cause) => format!("{death}: {}", report::text::one_line(cause)),
        None => death.to_owned(),
    }
}

/// Why a process died, if its last lines say so.
fn cause(output: &str) -> Option<&str> {
    // Its line has a number of the system's, which is another each time.
    if output.contains("has overflowed its stack") {
        return Some(
            "a thread has overflowed its stack, by a recursion that is too deep or has no end; write a loop \
             in its place",
        );
    }
    if output.contains("memory allocation of ") {
        return Some(
            "memory without end: a run may take 4 GiB; look for a Vec or a channel that only grows, or \
             for tasks that are spawned and never end",
        );
    }
    const CAUSES: [&str; 2] = ["panic in a destructor", "thread caused non-unwinding panic"];
    output.lines().find(|line| CAUSES.iter().any(|cause| line.contains(cause)))
}

fn last_words(output: &str) -> String {
    let mut text = String::new();
    let lines: Vec<&str> = output.lines().filter(|line| !line.is_empty()).collect();
    for (i, words) in lines.iter().skip(lines.len().saturating_sub(LAST_WORDS)).enumerate() {
        line(&mut text, if i == 0 { "printed" } else { "" }, format_args!("{words}"));
    }
    text
}

/// Runs each seed that failed once more, in a fresh process, and notes where that comes out
/// otherwise: then it isn't the seed's doing. Of many that took their process along in the same way only
/// the first ones.
fn confirm(test: &TestName, settings: &Settings, results: &mut [RunResult]) -> Result<(), String> {
    let mut failed: Vec<&mut RunResult> =
        results.iter_mut().filter(|result| result.failure().is_some()).collect();
    let mut deaths: BTreeMap<String, usize> = BTreeMap::new();
    failed.retain_mut(|result| {
        let Some(cause) = result.cause_of_death() else { return true };
        let count = deaths.entry(cause).or_default();
        *count += 1;
        if *count > CONFIRMED {
            result.note = Some(format!(
                "not confirmed: it was not run again, as the first {CONFIRMED} that failed in this way \
                 were"
            ));
        }
        *count <= CONFIRMED
    });
    let seeds: Vec<u64> = failed.iter().map(|result| result.seed).collect();
    let again = in_children(test, settings, &seeds, Isolation::Process, Watch::Nothing)?;
    for (first, again) in failed.iter_mut().zip(again) {
        let sentence = |result: &RunResult| result.failure().map(|failure| failure.message.clone());
        // Of some deaths no history is known.
        let same_history =
            first.history == again.history || first.history == 0 || again.history == 0;
        if sentence(first) != sentence(&again) || !same_history {
            let outcome = match again.failure() {
                Some(failure) => {
                    format!("failed with {:?}", failure.message.lines().next().unwrap_or_default())
                }
                None if again.skipped().is_some() => "was skipped".to_owned(),
                None => "passed".to_owned(),
            };
            first.note = Some(format!(
                "NOT REPRODUCED: the same seed, run again in a fresh process, {outcome}{}. Something \
                 outside the simulation leaks in: most likely a static or another global that \
                 remembers earlier runs, a counter of the whole process such as that of \
                 futures::select!, an address, or a thread. LAB_CHECK_DETERMINISM=1 shows where the \
                 two runs part; LAB_ISOLATE=process gives each run a process of its own",
                if sentence(first) == sentence(&again) { ", but by another history" } else { "" }
            ));
        }
    }
    Ok(())
}

/// Stores the history of the run that is reported, which takes place once more for that.
fn store_history(
    test: &TestName,
    settings: &Settings,
    results: &mut [RunResult],
) -> Result<(), String> {
    let failed = results.iter().position(|result| result.failure().is_some());
    let place = match settings.report {
        Report::Never => None,
        Report::Failure => failed,
        Report::Always => failed.or(Some(0)),
    };
    let Some(reported) = place.and_then(|place| results.get_mut(place)) else { return Ok(()) };
    let seeds = [reported.seed];
    let again = in_children(test, settings, &seeds, Isolation::Process, Watch::Histories)?;
    for again in again {
        reported.stored = again.stored;
        reported.note = reported.note.take().or(again.note);
    }
    Ok(())
}
