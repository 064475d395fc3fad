//! A whole pass: all 28 tests, each by itself and all together.

use comfy_table::Table;
use config::{Measured, RunResult, Verdict};

use crate::binary::{Binary, Profile};
use crate::{Effort, Result};

/// What a test's Passed line has in the original.
struct Original {
    test: &'static str,
    seconds: f64,
    rpcs: u64,
    commands: u64,
}

/// The 28 tests, in MIT's order, with the Passed lines of one good public Raft in Go on the 2024
/// edition: one run by the wall clock. Bytes are left out: gob's are another encoding's.
const ORIGINAL: [Original; 28] = [
    Original { test: "TestInitialElection3A", seconds: 3.1, rpcs: 38, commands: 0 },
    Original { test: "TestReElection3A", seconds: 5.0, rpcs: 74, commands: 0 },
    Original { test: "TestManyElections3A", seconds: 5.6, rpcs: 396, commands: 0 },
    Original { test: "TestBasicAgree3B", seconds: 0.5, rpcs: 16, commands: 3 },
    Original { test: "TestRPCBytes3B", seconds: 0.6, rpcs: 50, commands: 11 },
    Original { test: "TestFollowerFailure3B", seconds: 4.4, rpcs: 114, commands: 3 },
    Original { test: "TestLeaderFailure3B", seconds: 5.1, rpcs: 124, commands: 3 },
    Original { test: "TestFailAgree3B", seconds: 3.1, rpcs: 88, commands: 7 },
    Original { test: "TestFailNoAgree3B", seconds: 3.4, rpcs: 174, commands: 4 },
    Original { test: "TestConcurrentStarts3B", seconds: 0.5, rpcs: 26, commands: 6 },
    Original { test: "TestRejoin3B", seconds: 4.4, rpcs: 115, commands: 4 },
    Original { test: "TestBackup3B", seconds: 5.0, rpcs: 1_536, commands: 102 },
    Original { test: "TestCount3B", seconds: 2.0, rpcs: 51, commands: 12 },
    Original { test: "TestPersist13C", seconds: 3.5, rpcs: 67, commands: 6 },
    Original { test: "TestPersist23C", seconds: 10.7, rpcs: 632, commands: 16 },
    Original { test: "TestPersist33C", seconds: 1.6, rpcs: 33, commands: 4 },
    Original { test: "TestFigure83C", seconds: 28.8, rpcs: 1_052, commands: 51 },
    Original { test: "TestUnreliableAgree3C", seconds: 1.5, rpcs: 1_600, commands: 246 },
    Original { test: "TestFigure8Unreliable3C", seconds: 31.1, rpcs: 4_375, commands: 229 },
    Original { test: "TestReliableChurn3C", seconds: 16.1, rpcs: 8_409, commands: 1_029 },
    Original { test: "TestUnreliableChurn3C", seconds: 16.2, rpcs: 5_939, commands: 724 },
    Original { test: "TestSnapshotBasic3D", seconds: 1.6, rpcs: 525, commands: 204 },
    Original { test: "TestSnapshotInstall3D", seconds: 33.9, rpcs: 1_413, commands: 315 },
    Original { test: "TestSnapshotInstallUnreliable3D", seconds: 38.9, rpcs: 1_739, commands: 391 },
    Original { test: "TestSnapshotInstallCrash3D", seconds: 21.6, rpcs: 1_147, commands: 306 },
    Original { test: "TestSnapshotInstallUnCrash3D", seconds: 26.2, rpcs: 1_328, commands: 331 },
    Original { test: "TestSnapshotAllCrash3D", seconds: 3.7, rpcs: 250, commands: 54 },
    Original { test: "TestSnapshotInit3D", seconds: 1.5, rpcs: 68, commands: 14 },
];

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

/// Each test by itself, and what MadRaft's 23 and all 28 of them cost together.
pub(crate) fn table(effort: Effort, binary: &Binary) -> Result<Table> {
    let passes = passes(effort);
    let columns = ["test", "CPU ms", "virtual s", "Go", "RPCs", "Go", "bytes", "commands", "Go"];
    let mut table = crate::table(1, &columns);
    let (mut madrafts, mut all) = ([0.0; COLUMNS], [0.0; COLUMNS]);
    for original in &ORIGINAL {
        let results = measured(binary.results(original.test, passes, 2)?);
        let [cost] = binary.best(effort, original.test, passes, [1])?;
        let cpu_ms = cost.cpu.as_secs_f64() * 1000.0 / passes as f64;
        let row = row(original, cpu_ms, &results);
        add(&mut all, row);
        if !NOT_MADRAFTS.contains(&original.test) {
            add(&mut madrafts, row);
        }
        table.add_row(cells(original.test, row));
    }
    table.add_row(cells("the 23 that MadRaft has", madrafts));
    table.add_row(cells("all 28", all));
    Ok(table)
}

/// All tests together, by a release build and by a debug one; and a student's Raft by a release build.
pub(crate) fn together(effort: Effort, release: &Binary) -> Result<Table> {
    let columns = ["build", "CPU ms", "1 worker", "2 workers", "ratio"];
    let mut table = crate::table(1, &columns);
    let debug = Binary::reference(Profile::Debug)?;
    let student = Binary::student()?;
    for (name, binary, passes) in [
        ("release", release, passes(effort)),
        ("debug", &debug, passes(effort) / 5),
        ("release, a student's Raft", &student, passes(effort) / 5),
    ] {
        let best = binary.best(effort, "", passes, [1, 2])?;
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

/// What each run has measured.
fn measured(results: Vec<RunResult>) -> Vec<Measured> {
    let passed = |result: RunResult| match result.verdict {
        Verdict::Passed(measured) => Some(measured),
        Verdict::Skipped { .. } | Verdict::Failed { .. } => None,
    };
    results.into_iter().filter_map(passed).collect()
}

/// How many numbers stand beside a test's name.
const COLUMNS: usize = 8;

/// The numbers beside a test's name: means over its runs, and the original's.
fn row(original: &Original, cpu_ms: f64, results: &[Measured]) -> [f64; COLUMNS] {
    let mean =
        |value: fn(&Measured) -> f64| results.iter().map(value).sum::<f64>() / results.len() as f64;
    [
        cpu_ms,
        mean(|measured| measured.seconds),
        original.seconds,
        mean(|measured| measured.rpcs as f64),
        original.rpcs as f64,
        mean(|measured| measured.bytes as f64),
        mean(|measured| measured.commands as f64),
        original.commands as f64,
    ]
}

fn add(sum: &mut [f64; COLUMNS], row: [f64; COLUMNS]) {
    sum.iter_mut().zip(row).for_each(|(sum, number)| *sum += number);
}

fn cells(name: &str, row: [f64; COLUMNS]) -> Vec<String> {
    let decimals = [2, 1, 1, 0, 0, 0, 0, 0];
    let numbers = row.into_iter().zip(decimals);
    let numbers = numbers.map(|(number, decimals)| format!("{number:.decimals$}"));
    [name.to_owned()].into_iter().chain(numbers).collect()
}
