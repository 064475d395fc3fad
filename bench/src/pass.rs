//! A whole pass: all 28 tests, each by itself and all together.

use std::collections::BTreeMap;

use comfy_table::Table;

use crate::binary::{Binary, Cost, Measured, Profile, RunResult, Verdict};
use crate::{Effort, Result};

/// The tests that MIT added after the version which MadRaft has: it has the other 23.
const NOT_MADRAFTS: [&str; 5] = [
    "TestFollowerFailure3B",
    "TestLeaderFailure3B",
    "TestRPCBytes3B",
    "TestSnapshotAllCrash3D",
    "TestSnapshotInit3D",
];

/// How many passes are measured at a time.
fn passes(effort: Effort) -> u64 {
    match effort {
        Effort::Quick => 5,
        Effort::Full => 50,
    }
}

/// How often each measurement is made.
fn rounds(effort: Effort) -> usize {
    match effort {
        Effort::Quick => 1,
        Effort::Full => 3,
    }
}

/// Each test by itself, and what MadRaft's 23 and all 28 of them cost together.
pub(crate) fn table(effort: Effort, binary: &Binary) -> Result<Table> {
    let passes = passes(effort);
    let columns = ["test", "CPU ms", "virtual s", "RPCs", "bytes", "commands"];
    let mut table = crate::table(1, &columns);
    let (mut madrafts, mut all) = (Row::default(), Row::default());
    for (test, results) in by_test(binary.results("", passes, 2)?) {
        let mut best = Cost::MAX;
        for _ in 0..rounds(effort) {
            best = best.min(binary.run(&test, passes, 1)?);
        }
        let row = Row::new(best.cpu.as_secs_f64() * 1000.0 / passes as f64, &results);
        if !NOT_MADRAFTS.contains(&test.as_str()) {
            madrafts.add(&row);
        }
        all.add(&row);
        table.add_row(row.cells(&test));
    }
    table.add_row(madrafts.cells("the 23 that MadRaft has"));
    table.add_row(all.cells("all 28"));
    Ok(table)
}

/// All tests together, by a release build and by a debug one.
pub(crate) fn together(effort: Effort, release: &Binary) -> Result<Table> {
    let columns = ["build", "CPU ms", "1 worker", "2 workers", "ratio"];
    let mut table = crate::table(1, &columns);
    let debug = Binary::reference(Profile::Debug)?;
    for (name, binary, passes) in
        [("release", release, passes(effort)), ("debug", &debug, passes(effort) / 5)]
    {
        let mut best = [Cost::MAX; 2];
        for _ in 0..rounds(effort) {
            for (best, jobs) in best.iter_mut().zip(1..) {
                *best = best.min(binary.run("", passes, jobs)?);
            }
        }
        let [one, two] = best.map(|cost| passes as f64 / cost.real.as_secs_f64());
        table.add_row([
            name.to_owned(),
            format!("{:.0}", best[0].cpu.as_secs_f64() * 1000.0 / passes as f64),
            format!("{one:.1}/s"),
            format!("{two:.1}/s"),
            format!("{:.2}", two / one),
        ]);
    }
    Ok(table)
}

/// What each run of each test has measured.
fn by_test(results: Vec<RunResult>) -> BTreeMap<String, Vec<Measured>> {
    let mut tests: BTreeMap<String, Vec<Measured>> = BTreeMap::new();
    for result in results {
        if let Verdict::Passed(measured) = result.verdict {
            tests.entry(result.test).or_default().push(measured);
        }
    }
    tests
}

/// A line of the table: means over all runs of a test, or their sums over several tests.
#[derive(Default)]
struct Row {
    cpu_ms: f64,
    seconds: f64,
    rpcs: f64,
    bytes: f64,
    commands: f64,
}

impl Row {
    fn new(cpu_ms: f64, results: &[Measured]) -> Row {
        let mean = |value: fn(&Measured) -> f64| {
            results.iter().map(value).sum::<f64>() / results.len() as f64
        };
        Row {
            cpu_ms,
            seconds: mean(|measured| measured.seconds),
            rpcs: mean(|measured| measured.rpcs as f64),
            bytes: mean(|measured| measured.bytes as f64),
            commands: mean(|measured| measured.commands as f64),
        }
    }

    fn add(&mut self, row: &Row) {
        self.cpu_ms += row.cpu_ms;
        self.seconds += row.seconds;
        self.rpcs += row.rpcs;
        self.bytes += row.bytes;
        self.commands += row.commands;
    }

    fn cells(&self, name: &str) -> [String; 6] {
        [
            name.to_owned(),
            format!("{:.2}", self.cpu_ms),
            format!("{:.1}", self.seconds),
            format!("{:.0}", self.rpcs),
            format!("{:.0}", self.bytes),
            format!("{:.0}", self.commands),
        ]
    }
}
