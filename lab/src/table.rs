//! What is shown in the end: a table, and what the failures have in common.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use children::terminal_columns;
use comfy_table::{Cell, CellAlignment, Color, ContentArrangement, Table, presets};
use console::measure_text_width;

use report::explain::Finding;
use report::text::{WIDTH, broken, entry};
use report::{Measured, without_numbers};

use crate::reference::reference;
use crate::statistics::interval;
use crate::suite::LabTest;
use crate::tally::{Cause, Doubted, Tally};

/// The package that is meant if none is named.
pub(crate) const DEFAULT_PACKAGE: &str = "raft";

/// How many failing seeds are shown.
const SEEDS_SHOWN: usize = 3;

const CANNOT_FAIL: &str = "writing to a string can't fail";

/// A column of the table: its title, and what a test has there.
struct Column {
    title: &'static str,
    cell: fn(&LabTest, &Tally) -> Option<String>,
    /// In a terminal that is too narrow for the whole table, columns are left out: the one with the highest number first.
    /// Those without a number stay.
    left_out: Option<u8>,
}

const COLUMNS: [Column; 9] = [
    Column { title: "test", cell: |test, _| Some(test.title()), left_out: None },
    Column { title: "runs", cell: |_, tally| Some(tally.runs.to_string()), left_out: None },
    Column { title: SKIPPED, cell: |_, tally| Some(tally.skipped().to_string()), left_out: None },
    Column { title: "failed", cell: |_, tally| Some(failed(tally).to_string()), left_out: None },
    Column {
        title: "rate",
        cell: |_, tally| (tally.played() > 0).then(|| rate(failed(tally), tally.played())),
        left_out: Some(2),
    },
    Column {
        title: "95 %",
        cell: |_, tally| (tally.played() > 0).then(|| between(failed(tally), tally.played())),
        left_out: None,
    },
    Column {
        title: "s",
        cell: |test, tally| beside(test, tally, |measured| measured.seconds, 1),
        left_out: Some(3),
    },
    Column {
        title: "RPCs",
        cell: |test, tally| beside(test, tally, |measured| measured.rpcs as f64, 0),
        left_out: Some(1),
    },
    Column {
        title: "kB",
        cell: |test, tally| beside(test, tally, |measured| measured.bytes as f64 / 1000.0, 1),
        left_out: Some(4),
    },
];

/// The title of a column that most Rafts don't need.
const SKIPPED: &str = "skipped";

/// What stands below the table.
const BESIDE: &str = "s, RPCs, kB: medians of the runs that passed; in brackets the reference's";

fn failed(tally: &Tally) -> u64 {
    tally.failures.len() as u64
}

/// The median of a figure, and behind it that of the reference.
fn beside(
    test: &LabTest,
    tally: &Tally,
    figure: fn(&Measured) -> f64,
    places: usize,
) -> Option<String> {
    let own = tally.median(figure)?;
    let reference = reference(&test.title()).map(|reference| figure(&reference));
    let behind = reference.map_or(String::new(), |figure| format!(" ({figure:.places$})"));
    Some(format!("{own:.places$}{behind}"))
}

/// The table of all tests that have been run at least once, as wide as the terminal allows if there is one.
pub(crate) fn table(tests: &[LabTest], tallies: &[Tally]) -> String {
    table_within(terminal_columns(), tests, tallies)
}

fn table_within(width: Option<usize>, tests: &[LabTest], tallies: &[Tally]) -> String {
    let has_skips = tallies.iter().any(|tally| tally.skipped() > 0);
    let mut columns: Vec<&Column> =
        COLUMNS.iter().filter(|column| has_skips || column.title != SKIPPED).collect();
    loop {
        let text = table_of(&columns, tests, tallies);
        let needed = text.lines().map(measure_text_width).max().unwrap_or(0);
        let Some(least) = columns.iter().filter_map(|column| column.left_out).max() else {
            return text;
        };
        // The last that is left out is one of the figures.
        if width.is_none_or(|width| needed <= width) {
            return format!("{text}\n{BESIDE}");
        }
        columns.retain(|column| column.left_out != Some(least));
    }
}

fn table_of(columns: &[&Column], tests: &[LabTest], tallies: &[Tally]) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(columns.iter().map(|column| column.title));
    for (test, tally) in tests.iter().zip(tallies).filter(|(_, tally)| tally.runs > 0) {
        let color = if failed(tally) == 0 { Color::Reset } else { Color::Red };
        table.add_row(columns.iter().enumerate().map(|(place, column)| {
            let text = (column.cell)(test, tally).unwrap_or_else(|| "-".to_owned());
            match place {
                0 => Cell::new(text).fg(color),
                _ if column.title == "failed" => {
                    Cell::new(text).fg(color).set_alignment(CellAlignment::Right)
                }
                _ => Cell::new(text).set_alignment(CellAlignment::Right),
            }
        }));
    }
    table.to_string()
}

/// A line for each cause that a test's runs failed by, for each reason for which runs were skipped, for each kind of
/// warning, and for each test that was given up before it had all its runs.
pub(crate) fn causes(tests: &[LabTest], tallies: &[Tally]) -> String {
    let mut text = String::new();
    for (test, tally) in tests.iter().zip(tallies) {
        let name = test.title();
        for cause in tally.causes() {
            writeln!(text, "{name}: {}", cause_line(&cause)).expect(CANNOT_FAIL);
        }
        for (reason, count) in &tally.skips {
            writeln!(text, "{name}: {count} x skipped: {reason}").expect(CANNOT_FAIL);
        }
        for Warnings { count, first, are_same } in warnings(tally) {
            let such_as = if are_same { "" } else { "such as " };
            wrapped(&mut text, &format!("{name}: {count} x {such_as}{first}"));
        }
        let not_run = tally.asked.saturating_sub(tally.runs);
        if let (Some((count, how)), 1..) = (tally.given_up(), not_run) {
            writeln!(
                text,
                "{name}: stopped after {count} runs that {how} in the same way: {not_run} of {} seeds were not run",
                tally.asked
            )
            .expect(CANNOT_FAIL);
        }
    }
    text
}

/// Warnings that differ only in their numbers: the time, the server.
struct Warnings<'a> {
    count: u64,
    first: &'a str,
    are_same: bool,
}

/// A test's warnings, by kind.
fn warnings(tally: &Tally) -> impl Iterator<Item = Warnings<'_>> {
    let mut kinds: BTreeMap<String, Warnings<'_>> = BTreeMap::new();
    for (warning, count) in &tally.warnings {
        let new = Warnings { count: 0, first: warning, are_same: true };
        let known = kinds.entry(without_numbers(warning)).or_insert(new);
        known.count += count;
        known.are_same &= known.first == warning;
    }
    kinds.into_values()
}

/// Adds a line, broken where it is too long.
fn wrapped(text: &mut String, line: &str) {
    for line in broken(line, WIDTH, ["", "  "]) {
        writeln!(text, "{line}").expect(CANNOT_FAIL);
    }
}

/// What is wrong though runs passed: each finding once, with its rule, its tests, and a command that shows it.
pub(crate) fn doubts(tests: &[LabTest], tallies: &[Tally], package: &str) -> String {
    let mut found: BTreeMap<&str, Vec<(&LabTest, &Tally, &Doubted)>> = BTreeMap::new();
    for (test, tally) in tests.iter().zip(tallies) {
        for (id, doubted) in &tally.doubts {
            found.entry(id).or_default().push((test, tally, doubted));
        }
    }
    let mut text = String::new();
    for (id, all) in found {
        let (test, _, first) = all[0];
        let runs: usize = all.iter().map(|(.., doubted)| doubted.seeds.len()).sum();
        let runs = if runs == 1 { "1 run".to_owned() } else { format!("{runs} runs") };
        writeln!(text, "{runs} passed, and yet something is wrong:").expect(CANNOT_FAIL);
        let Finding { what, rule, look, .. } = &first.finding;
        entry(&mut text, "why", &format!("{what} [{id}]"));
        entry(&mut text, "rule", rule);
        entry(&mut text, "look at", look);
        let tests: Vec<String> = all
            .iter()
            .map(|(test, tally, doubted)| {
                format!("{} ({} of {})", test.title(), doubted.seeds.len(), tally.runs)
            })
            .collect();
        entry(&mut text, "tests", &tests.join(", "));
        entry(&mut text, "replay", &replay(test, first, package));
    }
    text
}

/// The command that shows the first run with a finding.
fn replay(test: &LabTest, doubted: &Doubted, package: &str) -> String {
    let mut words: Vec<String> =
        doubted.choices.iter().map(|(name, value)| format!("{name}={value}")).collect();
    words.push(format!("cargo lab replay {}", test.name));
    words.extend(doubted.seeds.first().map(|seed| format!("--seed {seed}")));
    if test.call > 1 {
        words.push(format!("--call {}", test.call));
    }
    if package != DEFAULT_PACKAGE {
        words.push(format!("-p {package}"));
    }
    words.join(" ")
}

/// How often runs failed by a cause, with which seeds, and which of them fails soonest.
fn cause_line(cause: &Cause) -> String {
    let soonest = match (cause.runs.len(), cause.soonest()) {
        (2.., Some((seed, at))) => format!("; seed {seed} fails soonest, at {at} s"),
        _ => String::new(),
    };
    let (count, shown) = (cause.runs.len(), seeds(cause.runs.iter().map(|(seed, _)| *seed)));
    let Cause { sentence, cause, .. } = cause;
    format!("{count} x {sentence}; seeds {shown}{soonest} ({cause})")
}

/// A share, in percent, with two figures that count.
pub(crate) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent >= 10.0 || percent == 0.0 {
        format!("{percent:.0} %")
    } else if percent >= 1.0 {
        format!("{percent:.1} %")
    } else {
        format!("{percent:.2} %")
    }
}

/// Between which rates the true one lies, 19 times out of 20.
pub(crate) fn between(failed: u64, runs: u64) -> String {
    let (low, high) = interval(failed, runs);
    let number = |share| percent(share).trim_end_matches(" %").to_owned();
    format!("{}\u{2013}{}", number(low), percent(high))
}

pub(crate) fn rate(failed: u64, runs: u64) -> String {
    percent(failed as f64 / runs as f64)
}

fn seeds(seeds: impl ExactSizeIterator<Item = u64>) -> String {
    let more = if seeds.len() > SEEDS_SHOWN { ", …" } else { "" };
    let shown: Vec<String> = seeds.take(SEEDS_SHOWN).map(|seed| seed.to_string()).collect();
    format!("{}{more}", shown.join(", "))
}

/// A duration in seconds.
pub(crate) fn wall(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Instant;

    use super::*;

    /// A test of which so many runs passed, and so many were skipped.
    fn tally(passed: u64, skipped: u64) -> Tally {
        let mut tally = Tally::of(passed + skipped);
        let verdicts = [
            (passed, r#"{"passed":{"seconds":1.0,"rpcs":9}}"#),
            (skipped, r#"{"skipped":{"reason":"no call has entries"}}"#),
        ];
        for (count, verdict) in verdicts {
            for seed in 0..count {
                let line = format!(r#"{{"seed":{seed},"verdict":{verdict}}}"#);
                let line = serde_json::from_str(&line).expect("a line");
                tally.add(vec![line], Instant::now(), |seed| seed, String::new());
            }
        }
        tally
    }

    fn test(name: &str) -> LabTest {
        let name = name.to_owned();
        LabTest { binary: PathBuf::new(), path: name.clone(), name, call: 1 }
    }

    #[test]
    fn warnings_that_differ_only_in_numbers_are_one_line() {
        let mut tally = tally(4, 0);
        let warnings =
            [("server 1 led at 0.45 s", 2), ("server 2 led at 10.5 s", 1), ("no leader", 1)];
        tally.warnings = warnings.map(|(text, count)| (text.to_owned(), count)).into();
        assert_eq!(
            causes(&[test("TestOneX01")], &[tally]),
            "TestOneX01: 1 x no leader\nTestOneX01: 3 x such as server 1 led at 0.45 s\n"
        );
    }

    #[test]
    fn skipped_runs_have_a_column_and_their_reasons() {
        let tests = [test("TestOneX01"), test("TestTwoX02")];
        let without = [tally(4, 0), tally(4, 0)];
        assert!(!table(&tests, &without).contains("skipped"));
        assert_eq!(causes(&tests, &without), "");

        let with = [tally(4, 0), tally(0, 4)];
        let shown = table(&tests, &with);
        let row = |name: &str| -> Vec<String> {
            let row = shown.lines().find(|line| line.contains(name)).expect("a row");
            row.trim_matches('│').split('┆').map(|cell| cell.trim().to_owned()).collect()
        };
        assert_eq!(row("runs")[..4], ["test", "runs", "skipped", "failed"]);
        assert_eq!(row("TestOneX01")[1..6], ["4", "0", "0", "0 %", "0\u{2013}60 %"]);
        // Of runs that show nothing there is no rate.
        assert_eq!(row("TestTwoX02")[1..6], ["4", "4", "0", "-", "-"]);
        let why = "TestTwoX02: 4 x skipped: no call has entries\n";
        assert_eq!(causes(&tests, &with), why);
    }

    #[test]
    fn a_narrow_terminal_has_fewer_columns() {
        let long = "TestSnapshotInstallUnreliable3D";
        let (tests, tallies) = ([test("TestTwoX02"), test(long)], [tally(4, 0), tally(4, 0)]);
        let titles = |width| -> Vec<String> {
            let shown = table_within(width, &tests, &tallies);
            let lines: Vec<&str> = shown.lines().filter(|line| *line != BESIDE).collect();
            assert!(lines.iter().all(|line| line.chars().count() <= width.unwrap_or(1000)));
            assert_eq!(shown.ends_with(BESIDE), shown.contains("RPCs"), "{shown}");
            lines[1].split(['│', '┆']).map(|title| title.trim().to_owned()).collect()
        };
        let all = ["", "test", "runs", "failed", "rate", "95 %", "s", "RPCs", "kB", ""];
        assert_eq!(titles(None), all);
        assert_eq!(titles(Some(120)), all);
        let few = ["", "test", "runs", "failed", "rate", "95 %", "RPCs", ""];
        assert_eq!(titles(Some(80)), few);
        // The reference's are in brackets; those of a test that it isn't known for are alone.
        let shown = table_within(None, &tests, &tallies);
        assert!(shown.contains("1.0 (39"), "{shown}");
        assert!(shown.contains("┆ 1.0 ┆") || shown.contains("  1.0 ┆"), "{shown}");
    }

    #[test]
    fn what_is_wrong_though_runs_passed_is_said_once_with_a_command() {
        let line = r#"{"seed":7,"choices":{"LAB_BUG":"Mine"},"verdict":{"passed":{"seconds":1.0,"rpcs":9}},
            "doubts":[{"id":"voted-twice","confidence":"certain","what":"server 1 voted twice",
            "evidence":[],"rule":"one vote (§5.2)","look":"the vote"}]}"#;
        let result: report::RunResult = serde_json::from_str(line).expect("a line");
        let [mut one, mut two] = [Tally::of(2), Tally::of(1)];
        one.add(vec![result.clone(), result.clone()], Instant::now(), |seed| seed, String::new());
        two.add(vec![result], Instant::now(), |seed| seed, String::new());
        let (tests, tallies) = ([test("TestOne3A"), test("TestTwo3A")], [one, two]);
        let expected = "\
3 runs passed, and yet something is wrong:
  why       server 1 voted twice [voted-twice]
  rule      one vote (§5.2)
  look at   the vote
  tests     TestOne3A (2 of 2), TestTwo3A (1 of 1)
  replay    LAB_BUG=Mine cargo lab replay TestOne3A --seed 7 -p zoo
";
        assert_eq!(doubts(&tests, &tallies, "zoo"), expected);
        assert_eq!(causes(&tests, &tallies), "");
    }

    #[test]
    fn a_share_is_shown_with_what_counts() {
        assert_eq!(percent(1.0), "100 %");
        assert_eq!(percent(0.0), "0 %");
        assert_eq!(percent(0.042), "4.2 %");
        assert_eq!(percent(0.0003), "0.03 %");
    }

    #[test]
    fn an_interval_is_as_short_as_a_rate() {
        assert_eq!(between(0, 100), "0\u{2013}3.6 %");
        assert_eq!(between(3, 400), "0.15\u{2013}2.2 %");
        assert_eq!(between(7, 7), "59\u{2013}100 %");
    }
}
