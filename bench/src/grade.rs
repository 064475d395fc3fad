//! Whole runs without and with what protects a grader: `cargo lab test --strict`, and `cargo lab grade` on the same Raft.
//!
//! What a grader has in addition is a process of its own for each batch of runs, which is confined, and runs that are
//! made again and judged without the Raft's code. Both commands also build, which takes as long for few runs as for many:
//! so each is measured with few and with many, and the difference counts.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use comfy_table::Table;

use crate::binary::{Cost, cargo, must_pass, take};
use crate::{Effort, Result};

/// Tests of all parts; those that take the longest would be measured instead of all others.
const TESTS: [&str; 18] = [
    "TestInitialElection3A",
    "TestReElection3A",
    "TestManyElections3A",
    "TestBasicAgree3B",
    "TestFollowerFailure3B",
    "TestLeaderFailure3B",
    "TestFailAgree3B",
    "TestFailNoAgree3B",
    "TestConcurrentStarts3B",
    "TestRejoin3B",
    "TestBackup3B",
    "TestCount3B",
    "TestPersist13C",
    "TestPersist23C",
    "TestFigure83C",
    "TestSnapshotBasic3D",
    "TestSnapshotInstall3D",
    "TestSnapshotAllCrash3D",
];

/// How often each test is run, for the first measurement and for the second: one run in a hundred is judged.
const FEW: u64 = 100;
const MANY: u64 = 500;

/// Both commands by turns.
pub(crate) fn table(effort: Effort) -> Result<Table> {
    let rounds = match effort {
        Effort::Quick => 1,
        Effort::Full => 4,
    };
    must_pass("the build", cargo().args(["build", "--package", "lab"]).status()?)?;
    let folder = Path::new("target/bench-grade");
    fs::create_dir_all(folder)?;
    let submission = folder.join("submissions/reference/raft/src");
    fs::create_dir_all(&submission)?;
    for entry in fs::read_dir("raft/src")? {
        let from = entry?.path();
        fs::copy(&from, submission.join(from.file_name().unwrap_or_default()))?;
    }
    // What either builds once isn't measured.
    test(folder, 1)?;
    grade(folder, 1)?;
    let mut table = crate::table(1, &["round", "test", "grade", "share", "CPU ms, test", "grade"]);
    let mut sums = [Duration::ZERO; 2];
    let per_second = |real: Duration| runs() / real.as_secs_f64();
    for round in 1..=rounds {
        let [plain, graded] =
            [by_difference(|runs| test(folder, runs))?, by_difference(|runs| grade(folder, runs))?];
        sums[0] += plain.real;
        sums[1] += graded.real;
        let cpu = |took: Cost| format!("{:.2}", took.cpu.as_secs_f64() * 1000.0 / runs());
        table.add_row([
            round.to_string(),
            format!("{:.0}/s", per_second(plain.real)),
            format!("{:.0}/s", per_second(graded.real)),
            crate::percent(plain.real.as_secs_f64(), graded.real.as_secs_f64()),
            cpu(plain),
            cpu(graded),
        ]);
    }
    let [plain, graded] = sums.map(|sum| sum / rounds);
    table.add_row([
        "mean".to_owned(),
        format!("{:.0}/s", per_second(plain)),
        format!("{:.0}/s", per_second(graded)),
        crate::percent(plain.as_secs_f64(), graded.as_secs_f64()),
    ]);
    Ok(table)
}

/// How many runs the difference between few and many is.
fn runs() -> f64 {
    ((MANY - FEW) * TESTS.len() as u64) as f64
}

fn by_difference(run: impl Fn(u64) -> Result<Cost>) -> Result<Cost> {
    let [few, many] = [run(FEW)?, run(MANY)?];
    Ok(Cost { real: many.real.saturating_sub(few.real), cpu: many.cpu.saturating_sub(few.cpu) })
}

/// The tests as their author runs them.
fn test(folder: &Path, runs: u64) -> Result<Cost> {
    let out = emptied(folder.join("tested"))?;
    let mut command = lab();
    command.args(["test", "--strict", "--seed", "1", "--jobs", "1", "-n"]).arg(runs.to_string());
    command.arg("-o").arg(out).args(TESTS);
    take("the runs", &mut command)
}

/// The tests as a grader runs them.
fn grade(folder: &Path, runs: u64) -> Result<Cost> {
    let out = emptied(folder.join("graded"))?;
    let mut text = format!("[runs]\neach = {runs}\n[points]\n");
    for test in TESTS {
        writeln!(text, "{test} = 1")?;
    }
    let course = folder.join("lab.toml");
    fs::write(&course, text)?;
    let mut command = lab();
    command.arg("grade").arg(folder.join("submissions")).arg("-o").arg(out);
    command
        .arg("--course")
        .arg(course)
        .arg("--work")
        .arg(folder.join("work"))
        // Which has what both build.
        .arg("--shared-target")
        .arg(target())
        .args(["--jobs", "1"]);
    take("the runs", &mut command)
}

/// As `cargo lab` starts it.
fn lab() -> Command {
    Command::new(target().join("debug/lab"))
}

fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from)
}

fn emptied(folder: PathBuf) -> Result<PathBuf> {
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    Ok(folder)
}
