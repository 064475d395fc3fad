//! Is a failure the seed's own? Runs that failed take place once more, in fresh processes.

use std::collections::BTreeMap;

use report::explain::{Parted, not_repeatable};
use report::{Process, RunResult, without_numbers};
use supervisor::Isolation;

use crate::children::{Extra, in_children};
use crate::name::TestName;
use crate::settings::{Report, Settings};
use crate::store;

/// How many runs that died in the same way are confirmed: if these did so again, the others would.
const DEATHS: usize = 3;

/// The same of runs that hung, of which each takes some seconds.
const HANGS: usize = 1;

/// How the note of a run begins whose seed came out otherwise in a fresh process.
pub(crate) const NOT_REPRODUCED: &str = "NOT REPRODUCED";

/// Runs each seed that failed once more, in a fresh process, and notes where that comes out
/// otherwise: then it isn't the seed's doing. Of many that took their process along in the same way only
/// the first ones. The run that is reported has its history stored, for which it takes place anew, too.
pub(crate) fn confirm(
    test: &TestName,
    settings: &Settings,
    results: &mut [RunResult],
) -> Result<(), String> {
    let failed = results.iter().position(|result| result.failure().is_some());
    let reported = match settings.report {
        Report::Never => None,
        Report::Failure => failed,
        Report::Always => failed.or(Some(0)),
    };
    if let Some(reported) = reported.and_then(|reported| results.get_mut(reported)) {
        let seeds = [reported.seed];
        let again = in_children(test, settings, &seeds, Isolation::Process, Extra::Histories)?;
        // A run that is cut off is no other run.
        if supervisor::is_interrupted() {
            return Ok(());
        }
        for again in again {
            compare(reported, &again);
            reported.stored = again.stored;
            reported.note = reported.note.take().or(again.note);
            let is_another =
                reported.note.as_ref().is_some_and(|note| note.starts_with(NOT_REPRODUCED));
            if let Some(stored) = reported.stored.as_ref().filter(|_| is_another) {
                let settings = Settings { isolation: Some(Isolation::Process), ..settings.clone() };
                let replay = test.replay_command(&settings, reported.seed);
                // The history itself is none the worse without it.
                let _ = store::set_replay(stored, replay);
            }
        }
    }
    let mut others = to_be_confirmed(results, reported);
    let seeds: Vec<u64> = others.iter().map(|result| result.seed).collect();
    let again = in_children(test, settings, &seeds, Isolation::Process, Extra::Outcomes)?;
    if supervisor::is_interrupted() {
        return Ok(());
    }
    for (first, again) in others.iter_mut().zip(&again) {
        compare(first, again);
    }
    Ok(())
}

/// The runs that have failed and are to be run again, but for one that was. Notes of the others why not.
fn to_be_confirmed(results: &mut [RunResult], was_confirmed: Option<usize>) -> Vec<&mut RunResult> {
    let mut ends: BTreeMap<String, usize> = BTreeMap::new();
    let mut chosen = Vec::new();
    for (position, result) in results.iter_mut().enumerate() {
        if result.failure().is_none() {
            continue;
        }
        if let Some(cause) = result.cause_of_death() {
            let count = ends.entry(cause).or_default();
            *count += 1;
            let (at_most, first) = match result.process {
                Process::Hung => (HANGS, "one that hung in this way was".to_owned()),
                _ => (DEATHS, format!("{DEATHS} that died in this way were")),
            };
            if *count > at_most {
                let note =
                    format!("not confirmed: the run was not repeated, because the first {first}");
                result.note = Some(note);
                continue;
            }
        }
        if Some(position) != was_confirmed {
            chosen.push(result);
        }
    }
    chosen
}

/// Notes of a run that failed where it came out otherwise when it took place `again`.
fn compare(first: &mut RunResult, again: &RunResult) {
    if first.failure().is_none() {
        return;
    }
    if is_silent(again) {
        let note = "not confirmed: the run was repeated, but that process gave no sign of life";
        first.note = first.note.take().or((!is_silent(first)).then(|| note.to_owned()));
    } else if is_silent(first) {
        let (not_run, note) = (first.not_run, Some(AFTER_SILENCE.to_owned()));
        *first = RunResult { not_run, note, ..again.clone() };
    } else if let Some(how) = difference(first, again) {
        let is_cut = is_cut(first, again);
        let why = if is_cut { WAS_CUT } else { LEAKS_IN };
        let other = format!("{how} in a fresh process");
        // Of some deaths no history is known.
        let hashes = Some([first.history, again.history]).filter(|hashes| !hashes.contains(&0));
        // When a run is ended from outside is the machine's doing as much as the run's.
        if !is_cut {
            let parted = Parted { other, hashes, event: None };
            not_repeatable(&mut first.verdict, &parted);
        }
        first.note = Some(format!(
            "{NOT_REPRODUCED}: the same seed, run again in a fresh process, {how}. {why}"
        ));
    }
}

/// Whether nothing is known of a run but that its process gave no sign of life, which may be the machine's doing.
fn is_silent(result: &RunResult) -> bool {
    result.process == Process::Hung && result.history == 0
}

/// What is said of a run that came to something only when it took place again.
const AFTER_SILENCE: &str = "the first process with this seed gave no sign of life: perhaps the machine was overloaded; \
     this is the result of a fresh process";

/// What is likely where nothing but the seed should count.
const LEAKS_IN: &str = "Something outside the simulation leaks in: most likely a static or another global that remembers \
     earlier runs, a counter of the whole process such as that of futures::select!, an address, or a \
     thread. LAB_CHECK_DETERMINISM=1 shows where the two runs begin to differ; LAB_ISOLATE=process gives each run a \
     process of its own";

/// What is likely where a run was ended because it got nowhere.
const WAS_CUT: &str = "The run made no progress and was ended by a limit on CPU time, memory or wall-clock time: \
     whether a run reaches such a limit also depends on the machine and its load. If it is far from \
     them, something outside the simulation leaks in, such as a static that remembers earlier runs";

/// Whether one of the two was ended from outside: where in its history that happened isn't the seed's
/// doing, nor which numbers it had come to.
fn is_cut(first: &RunResult, again: &RunResult) -> bool {
    [first, again].iter().any(|result| result.process == Process::Hung)
}

/// How a run came out when it took place again, if that was otherwise.
fn difference(first: &RunResult, again: &RunResult) -> Option<String> {
    let is_cut = is_cut(first, again);
    let sentence = |result: &RunResult| {
        let message = &result.failure()?.message;
        if is_cut { Some(without_numbers(message)) } else { result.sentence() }
    };
    if sentence(first) != sentence(again) {
        return Some(match again.failure() {
            Some(failure) => {
                format!("failed with {:?}", failure.message.lines().next().unwrap_or_default())
            }
            None if again.skipped().is_some() => "was skipped".to_owned(),
            None => "passed".to_owned(),
        });
    }
    // Of some deaths no history is known.
    let same_history =
        is_cut || first.history == again.history || first.history == 0 || again.history == 0;
    (!same_history).then(|| "failed in the same way, but by another history".to_owned())
}

#[cfg(test)]
mod tests {
    use report::{Check, Failure, FailureKind, Time, Verdict};

    use super::*;

    fn failed(message: &str, process: Process, history: u64) -> RunResult {
        let failure = Failure {
            kind: FailureKind::Stuck,
            check: Check::InTime,
            message: message.to_owned(),
            location: String::new(),
            at: Time(history),
        };
        let verdict = Verdict::unexplained(failure, String::new());
        RunResult { process, history, ..TestName::for_tests("test").result_without_run(1, verdict) }
    }

    #[test]
    fn a_process_that_falls_silent_tells_nothing_of_the_run() {
        let silent = failed("the process gave no sign of life", Process::Hung, 0);
        let other = failed("one", Process::Survived, 5);
        let mut first = silent.clone();
        compare(&mut first, &other);
        assert_eq!(first.verdict, other.verdict);
        assert!(first.note.is_some_and(|note| note.contains("a fresh process")));
        let mut first = other.clone();
        compare(&mut first, &silent);
        assert_eq!(first.verdict, other.verdict);
        assert!(first.note.is_some_and(|note| note.starts_with("not confirmed: ")));
        // What falls silent each time is a failure of its own.
        assert_eq!(note(&silent, &silent), None);
    }

    fn note(first: &RunResult, again: &RunResult) -> Option<String> {
        let mut first = first.clone();
        compare(&mut first, again);
        first.note
    }

    #[test]
    fn runs_that_were_ended_from_outside_may_be_of_different_length() {
        let slow = |seconds, history| {
            failed(&format!("work without end: {seconds} s"), Process::Hung, history)
        };
        assert_eq!(note(&slow(30, 5), &slow(31, 6)), None);
        let died = |history| failed("signal 6", Process::Died, history);
        assert_eq!(note(&died(5), &died(5)), None);
        let note_of_died = note(&died(5), &died(6)).expect("the histories differ");
        assert!(note_of_died.contains("by another history. Something outside"), "{note_of_died}");
    }

    #[test]
    fn a_run_that_is_not_always_ended_from_outside_is_not_blamed_on_a_static_alone() {
        let slow = failed("work without end: 30 s", Process::Hung, 5);
        let other = failed("one", Process::Survived, 5);
        for (first, again) in [(&slow, &other), (&other, &slow)] {
            let note = note(first, again).expect("they differ");
            assert!(note.starts_with("NOT REPRODUCED: "), "{note}");
            assert!(note.contains("depends on the machine and its load"), "{note}");
            assert!(!note.contains("most likely a static"), "{note}");
        }
        let note = note(&other, &failed("two", Process::Survived, 5)).expect("they differ");
        assert!(note.contains("failed with \"two\". Something outside"), "{note}");
    }
}
