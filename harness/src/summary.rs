//! What is printed of a test's runs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use report::explain::Finding;
use report::spec::{Kind, RULES};
use report::text::{self, escaped, indented};
use report::{Check, Measured, Process, RunResult, Verdict, entry_line, without_numbers};
use sim::Clock;
use supervisor::Isolation;

use crate::confirm::NOT_REPRODUCED;
use crate::name::TestName;
use crate::settings::Settings;
use crate::store;

/// How many failing seeds are listed for each message.
const SEEDS_SHOWN: usize = 10;

const CANNOT_FAIL: &str = "writing to a string can't fail";

/// What is printed of a test's runs: `Ok` if none failed, else the report of the first that failed.
pub(crate) fn summarise(
    test: &TestName,
    settings: &Settings,
    results: &[RunResult],
) -> Result<String, String> {
    let runs = results.len();
    if let Some(failed) = results.iter().find(|result| result.failure().is_some()) {
        let mut report = failure_report(test, settings, failed);
        if runs > 1 {
            report.push_str(&failures_by_message(results));
        }
        return Err(report);
    }
    // Of a unit test the test runner says that it has passed.
    let is_unit = |result: &RunResult| matches!(result.verdict, Verdict::Passed(measured) if measured.peers == 0);
    let are_units = results.iter().all(is_unit);
    let mut text = String::new();
    if !are_units {
        writeln!(text, "{} ...", results[0].banner).expect(CANNOT_FAIL);
    }
    text.push_str(&warnings(results));
    if !are_units {
        text.push_str(&outcomes(results));
    }
    text.push_str(&doubts(test, settings, results));
    if settings.clock == Clock::Virtual && !are_units {
        for limit in limits(settings) {
            writeln!(text, "note: {limit}").expect(CANNOT_FAIL);
        }
    }
    for result in results {
        // For whoever asked to see it (`--nocapture`); captured otherwise.
        if !result.printed.is_empty() {
            print!("{}", report::text::printed(&result.printed));
        }
    }
    Ok(text)
}

/// MIT's line for the runs that passed, if any did, and one for each reason for which runs were skipped.
fn outcomes(results: &[RunResult]) -> String {
    let runs = results.len();
    let passed = |result: &RunResult| match result.verdict {
        Verdict::Passed(measured) => Some(measured),
        Verdict::Skipped { .. } | Verdict::Failed { .. } => None,
    };
    let passed: Vec<Measured> = results.iter().filter_map(passed).collect();
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for reason in results.iter().filter_map(RunResult::skipped) {
        *reasons.entry(reason).or_default() += 1;
    }
    let mut text = String::new();
    if !passed.is_empty() {
        let skipped = runs - passed.len();
        write!(text, "{}", medians(passed)).expect(CANNOT_FAIL);
        if runs > 1 {
            write!(text, "  {runs} runs, 0 failures").expect(CANNOT_FAIL);
        }
        if skipped > 0 {
            write!(text, ", {skipped} skipped").expect(CANNOT_FAIL);
        }
        text.push('\n');
    }
    for (reason, count) in reasons {
        match runs {
            1 => writeln!(text, "  ... Skipped -- {reason}"),
            runs => writeln!(text, "  ... Skipped -- {reason} ({count} of {runs} runs)"),
        }
        .expect(CANNOT_FAIL);
    }
    text
}

/// A line for each warning, with how often it was given. Of each broken rule, only the first warning is shown.
fn warnings(results: &[RunResult]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut rules: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
    for warning in results.iter().flat_map(|result| &result.warnings) {
        let of_rule = warning.strip_prefix("warning: ").filter(|text| text.starts_with("rule "));
        match of_rule.and_then(|text| Some((text.split(' ').nth(1)?, text))) {
            Some((rule, text)) => rules.entry(rule).or_insert((0, text)).0 += 1,
            None => *counts.entry(warning).or_default() += 1,
        }
    }
    let mut text = String::new();
    for (count, first) in rules.into_values() {
        let more = if count > 1 { format!(" ({count} such warnings)") } else { String::new() };
        text::entry(&mut text, "warning", &format!("{first}{more}"));
    }
    for (warning, count) in counts {
        let warning = indented(warning, 4);
        match results.len() {
            1 => writeln!(text, "{warning}"),
            runs => writeln!(text, "{warning} ({count} times in {runs} runs)"),
        }
        .expect(CANNOT_FAIL);
    }
    text
}

/// What is wrong although all runs passed: each finding once, with the command that shows it again.
fn doubts(test: &TestName, settings: &Settings, results: &[RunResult]) -> String {
    let mut found: BTreeMap<&str, (usize, u64, &Finding)> = BTreeMap::new();
    for result in results {
        for doubt in &result.doubts {
            found.entry(&doubt.id).or_insert((0, result.seed, doubt)).0 += 1;
        }
    }
    let mut text = String::new();
    for (count, seed, finding) in found.into_values() {
        text.push_str("passed, and yet something is wrong:\n");
        text.push_str(&text::finding("why", finding));
        if count > 1 {
            entry_line(&mut text, "seen", format_args!("in {count} of {} runs", results.len()));
        }
        if RULES.iter().any(|rule| rule.id == finding.id && rule.kind == Kind::Safety) {
            entry_line(&mut text, "strict", format_args!("LAB_STRICT=1 fails such a run"));
        }
        entry_line(&mut text, "replay", format_args!("{}", test.replay_command(settings, seed)));
    }
    text
}

/// A line for each kind of message, with the seeds that it came from.
fn failures_by_message(results: &[RunResult]) -> String {
    let mut seeds: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for result in results {
        if let Some(failure) = result.failure() {
            let sentence = escaped(failure.message.lines().next().unwrap_or_default());
            seeds.entry(without_numbers(&sentence)).or_default().push(result.seed);
        }
    }
    let count: usize = seeds.values().map(Vec::len).sum();
    let mut text = format!("\n{count} of {} runs failed:\n", results.len());
    let mut rows: Vec<_> = seeds.into_iter().collect();
    rows.sort_by_key(|(_, seeds)| std::cmp::Reverse(seeds.len()));
    for (sentence, seeds) in rows {
        let shown: Vec<String> = seeds.iter().take(SEEDS_SHOWN).map(u64::to_string).collect();
        let more = if seeds.len() > SEEDS_SHOWN { ", …" } else { "" };
        writeln!(text, "{:>7}  {sentence}; seeds {}{more}", seeds.len(), shown.join(", "))
            .expect(CANNOT_FAIL);
    }
    let not_run: u64 = results.iter().map(|result| result.not_run).sum();
    if not_run > 0 {
        let count =
            |process| results.iter().filter(move |result| result.process == process).count();
        let (runs, how) = match count(Process::Hung) {
            0 => (count(Process::Died), "died"),
            hung => (hung, "hung"),
        };
        let all = results.len() as u64 + not_run;
        writeln!(
            text,
            "stopped after {runs} runs that {how} in the same way: {not_run} of {all} seeds were not run"
        )
        .expect(CANNOT_FAIL);
    }
    text
}

/// The columns of MIT's line, each by its median.
fn medians(mut passed: Vec<Measured>) -> Measured {
    let middle = passed.len() / 2;
    let mut median = |column: fn(&Measured) -> u64| {
        passed.sort_by_key(column);
        column(&passed[middle])
    };
    let (rpcs, bytes, commands) = (median(|m| m.rpcs), median(|m| m.bytes), median(|m| m.commands));
    passed.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
    let Measured { seconds, peers, .. } = passed[middle];
    Measured { seconds, peers, rpcs, bytes, commands }
}

/// All that is said of one failed run. MIT's sentence comes first, so that it is what one reads
/// first.
fn failure_report(test: &TestName, settings: &Settings, result: &RunResult) -> String {
    let Verdict::Failed { failure, evidence, timeline, .. } = &result.verdict else {
        unreachable!("only a failed run is reported")
    };
    let clock = match settings.clock {
        Clock::Virtual => "virtual",
        Clock::Real => "real",
    };
    let mut text = format!("{}\n", escaped(&failure.message));
    entry_line(&mut text, "kind", format_args!("{}", failure.kind));
    if !result.banner.is_empty() {
        entry_line(&mut text, "test", format_args!("{}", result.banner));
    }
    entry_line(&mut text, "time", format_args!("{} s, {clock}", failure.at));
    // A checker's failure is at the script's line, which the evidence begins with.
    if !failure.location.is_empty() && !evidence.contains(&format!(" {},", failure.location)) {
        entry_line(&mut text, "line", format_args!("{}", failure.location));
    }
    text.push_str(evidence);
    for warning in &result.warnings {
        entry_line(&mut text, "", format_args!("{warning}"));
    }
    entry_line(&mut text, "seed", format_args!("{}", result.seed));
    let how_far = match result.process {
        Process::Hung => ", up to the point where the run was stopped: differs each time",
        Process::Survived | Process::Died => "",
    };
    entry_line(&mut text, "history", format_args!("{:016x}{how_far}", result.history));
    let mut repeated = settings.clone();
    if result.note.as_ref().is_some_and(|note| note.starts_with(NOT_REPRODUCED)) {
        // What it shows doesn't depend on other runs, however many are asked for.
        repeated.isolation = Some(Isolation::Process);
    }
    // It is no run that has failed, but the comparison of two.
    repeated.check_determinism = failure.check == Check::Repeated;
    let command = test.replay_command(&repeated, result.seed);
    entry_line(&mut text, "replay", format_args!("{command}"));
    if let Some(stored) = &result.stored {
        let stored = store::shown(stored).display();
        entry_line(&mut text, "stored", format_args!("{stored}"));
        // What has no table has nothing to draw either: a server by itself, a process that has died.
        if !timeline.is_empty() {
            entry_line(
                &mut text,
                "picture",
                format_args!("cargo lab explain {stored} --html --open"),
            );
        }
    }
    for note in limits(settings).iter().chain(&result.note) {
        entry_line(&mut text, "note", format_args!("{note}"));
    }
    if !timeline.is_empty() {
        write!(text, "\n{timeline}").expect(CANNOT_FAIL);
    }
    if !result.printed.is_empty() {
        write!(text, "\nwhat the run printed:\n{}", report::text::printed(&result.printed))
            .expect(CANNOT_FAIL);
    }
    text
}

/// What is lost on this platform or in this build, in a line each.
fn limits(settings: &Settings) -> Vec<String> {
    if settings.clock == Clock::Real {
        return vec![
            "with the wall clock no run repeats exactly: a replay may end differently".to_owned(),
        ];
    }
    let mut limits = Vec::new();
    if let Err(leaks) = sim::self_check() {
        limits.push(format!("a replay may differ: {leaks}"));
    }
    if cfg!(not(tokio_unstable)) {
        limits.push(match settings.isolation {
            None => {
                "a replay may differ: without --cfg tokio_unstable, tokio::select! follows a counter \
                 of the whole process, and the tester can't tell which server spawned a task"
                    .to_owned()
            }
            Some(Isolation::Batch) | Some(Isolation::Process) => {
                "without --cfg tokio_unstable each run takes a process of its own, and the tester \
                 can't tell which server spawned a task"
                    .to_owned()
            }
        });
    }
    limits
}
