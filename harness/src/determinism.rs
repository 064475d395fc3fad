//! Is the same seed the same run? Each is run twice, and the first difference shown.

use std::num::NonZeroUsize;

use report::explain::{Parted, PartedAt, not_repeatable};
use report::{Check, Event, Failure, FailureKind, Process, RunResult, Time, Verdict, entry_line};
use supervisor::Isolation;

use crate::children::{Extra, in_children, until_enough};
use crate::name::TestName;
use crate::settings::Settings;

/// Runs each seed twice, in different processes and beside different neighbours. A seed whose two
/// runs differ has failed, whatever its runs came to.
pub(crate) fn check(
    test: &TestName,
    settings: &Settings,
    seeds: &[u64],
) -> Result<Vec<RunResult>, String> {
    // Without its seeded generator tokio chooses by a counter of the process: that is no leak of the
    // code under test.
    let isolation = if cfg!(tokio_unstable) { Isolation::Batch } else { Isolation::Process };
    let mut results = until_enough(test, settings, seeds, isolation)?;
    let backwards: Vec<u64> = results.iter().rev().map(|result| result.seed).collect();
    let mut again = in_children(test, settings, &backwards, isolation, Extra::Nothing)?;
    if supervisor::is_interrupted() {
        return Ok(results); // what was run once is all there is
    }
    again.reverse();
    for (first, second) in results.iter_mut().zip(again) {
        if first.is_same_run(&second) {
            continue;
        }
        match (first.process == Process::Hung, second.process == Process::Hung) {
            (false, false) => first.verdict = explain(test, settings, first.seed)?,
            // It has failed; where one run is cut, the two can't be compared any further.
            (true, _) => first.note = Some(cut("the first time", &second)),
            (false, true) => {
                let note = cut("the second time", first);
                *first = RunResult { note: Some(note), ..second };
            }
        }
    }
    Ok(results)
}

/// What is said of a seed of which one run got nowhere, and the other came to something else.
fn cut(when: &str, other: &RunResult) -> String {
    let outcome = match other.failure() {
        Some(failure) => {
            format!("failed with {:?}", failure.message.lines().next().unwrap_or_default())
        }
        None if other.skipped().is_some() => "was skipped".to_owned(),
        None => "passed".to_owned(),
    };
    format!(
        "this seed ran twice, and the other run {outcome}. This one made no progress {when}, and was ended by \
         a limit on CPU time, memory or wall-clock time, which also depends on the machine and its load"
    )
}

/// Where the leak is, as far as it can be told from which repetitions agree.
enum Leak {
    /// Two fresh processes agree; two runs in one process don't.
    BetweenRuns,
    /// Fresh processes agree only if their addresses do.
    Addresses,
    /// Fresh processes differ in any case.
    World,
    /// All of these repetitions agreed: the difference came from somewhere else.
    Elusive,
}

impl Leak {
    fn text(&self) -> &'static str {
        match self {
            Leak::BetweenRuns => {
                "two fresh processes agree, but a second run in one process differs from the first: \
                 a static or another global remembers the run before, or a counter belongs to the whole \
                 process, like those of futures::select!, thread ids and task ids. Keep all state in the server; use \
                 tokio::select!"
            }
            Leak::Addresses => {
                "two processes agree only if their addresses do: some decision depends on an address, \
                 such as a pointer that is hashed, compared or printed. Use numbers of your own"
            }
            Leak::World => {
                "two fresh processes differ: something outside the process leaks in, such as an OS \
                 thread, a file, the process id, or a clock or random source outside the simulation"
            }
            Leak::Elusive => {
                "the repetitions made to find the cause agreed with each other: a thread, or memory \
                 that was never written, may be the cause"
            }
        }
    }
}

/// Repeats a seed in ways that tell the possible causes apart.
fn explain(test: &TestName, settings: &Settings, seed: u64) -> Result<Verdict, String> {
    // In a batch the second run must meet what the first has left behind, so both go to one child.
    let settings = &Settings { jobs: NonZeroUsize::MIN, ..settings.clone() };
    let run_twice = |isolation, extra| in_children(test, settings, &[seed, seed], isolation, extra);
    let fresh = run_twice(Isolation::Process, Extra::Events)?;
    let (leak, pair) = if differ(&fresh) {
        let fixed = run_twice(Isolation::Process, Extra::EventsAtFixedAddresses)?;
        (if differ(&fixed) { Leak::World } else { Leak::Addresses }, fresh)
    } else {
        let batch = run_twice(Isolation::Batch, Extra::Events)?;
        (if differ(&batch) { Leak::BetweenRuns } else { Leak::Elusive }, batch)
    };
    let mut evidence = String::new();
    let nothing = Vec::new();
    let traces: Vec<&Vec<String>> =
        pair.iter().map(|result| result.trace.as_ref().unwrap_or(&nothing)).collect();
    let same = traces[0].iter().zip(traces[1]).take_while(|(a, b)| a == b).count();
    let is_shown = differ(&pair);
    if is_shown {
        entry_line(&mut evidence, "event", format_args!("{same} events are the same, then"));
        for (label, trace) in ["one run", "the other"].into_iter().zip(&traces) {
            let event = trace.get(same).map_or("(has ended)", String::as_str);
            entry_line(&mut evidence, label, format_args!("{event}"));
        }
    }
    entry_line(&mut evidence, "likely", format_args!("{}", leak.text()));
    // When they parted.
    let parted = traces[0].get(same).and_then(|event| serde_json::from_str::<Event>(event).ok());
    let failure = Failure {
        kind: FailureKind::Misuse,
        check: Check::Repeated,
        message: format!("seed {seed} is not the same run twice"),
        location: String::new(),
        at: parted.map_or(Time(0), |event| event.at),
    };
    let event = is_shown.then(|| {
        let event =
            |trace: &Vec<String>| trace.get(same).map_or("its end", String::as_str).to_owned();
        PartedAt { same, at: failure.at, events: [event(traces[0]), event(traces[1])] }
    });
    let hashes = match &pair[..] {
        [one, two] if is_shown => Some([one.history, two.history]),
        _ => None,
    };
    let mut verdict = Verdict::unexplained(failure, evidence);
    let parted = Parted { other: "went another way".to_owned(), hashes, event };
    not_repeatable(&mut verdict, &parted);
    Ok(verdict)
}

/// Whether the two are different runs. Of an interrupted pair one may be missing, or both.
fn differ(pair: &[RunResult]) -> bool {
    matches!(pair, [first, second] if !first.is_same_run(second))
}
