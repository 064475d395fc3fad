//! Whole tests, run as a user runs them: by the reference's test binary, with workers.

use std::env;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cargo_metadata::Message;
use comfy_table::Table;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;

use crate::{Effort, Result};

/// A test of part 3A.
struct Subject {
    name: &'static str,
    /// How many seeds are measured at a time.
    seeds: u64,
    /// What MadRaft's test of the same name costs, in ms a seed.
    madraft: f64,
}

const SUBJECTS: [Subject; 3] = [
    Subject { name: "TestInitialElection3A", seeds: 2500, madraft: 0.32 },
    Subject { name: "TestReElection3A", seeds: 2000, madraft: 0.44 },
    Subject { name: "TestManyElections3A", seeds: 600, madraft: 2.52 },
];

/// What stands below the table.
pub(crate) const ABOUT_MADRAFT: &str = "MadRaft's figures were measured on another machine of the same kind (two cores, release build, \
     best of three)\nand are no part of this measurement.";

/// How often each test is measured with one worker and with two.
fn rounds(effort: Effort) -> usize {
    match effort {
        Effort::Quick => 1,
        Effort::Full => 3,
    }
}

/// What some seeds of a test took.
#[derive(Clone, Copy)]
struct Cost {
    /// CPU time of the test binary and its workers.
    cpu: Duration,
    /// Real time.
    real: Duration,
}

pub(crate) fn table(effort: Effort, binary: &Path) -> Result<Table> {
    let columns = ["test", "CPU", "MadRaft", "1 worker", "2 workers", "ratio"];
    let mut table = crate::table(1, &columns);
    for Subject { name, seeds, madraft } in SUBJECTS {
        let mut best = [Cost { cpu: Duration::MAX, real: Duration::MAX }; 2];
        for _ in 0..rounds(effort) {
            for (best, jobs) in best.iter_mut().zip(1..) {
                let Cost { cpu, real } = run(binary, name, seeds, jobs)?;
                *best = Cost { cpu: best.cpu.min(cpu), real: best.real.min(real) };
            }
        }
        let [one, two] = best.map(|cost| seeds as f64 / cost.real.as_secs_f64());
        table.add_row([
            name.to_owned(),
            format!("{:.3}", best[0].cpu.as_secs_f64() * 1000.0 / seeds as f64),
            format!("{madraft:.2}"),
            format!("{one:.0}/s"),
            format!("{two:.0}/s"),
            format!("{:.2}", two / one),
        ]);
    }
    Ok(table)
}

/// Builds the reference's tests, and finds the binary.
pub(crate) fn build() -> Result<PathBuf> {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["test", "--release", "--package", "raft", "--test", "lab3", "--no-run"])
        .args(["--message-format", "json-render-diagnostics"])
        .stdout(Stdio::piped())
        .spawn()?;
    let stdout = cargo.stdout.take().expect("it was asked for");
    let mut binary = None;
    for message in Message::parse_stream(BufReader::new(stdout)) {
        if let Message::CompilerArtifact(artifact) = message?
            && artifact.target.name == "lab3"
        {
            binary = artifact.executable.or(binary);
        }
    }
    if !cargo.wait()?.success() {
        return Err("failed to build the tests of the package raft".into());
    }
    let binary = binary.ok_or("cargo has built no test binary named lab3")?;
    Ok(binary.into_std_path_buf())
}

/// Starts a test on the seeds from 1 to `seeds`, with `jobs` workers.
pub(crate) fn start(binary: &Path, test: &str, seeds: u64, jobs: u32) -> Result<Child> {
    let child = Command::new(binary)
        .arg(test)
        .env("LAB_SEED", "1")
        .env("LAB_ITERS", seeds.to_string())
        .env("LAB_JOBS", jobs.to_string())
        .stdout(Stdio::null())
        .spawn()?;
    Ok(child)
}

fn run(binary: &Path, test: &str, seeds: u64, jobs: u32) -> Result<Cost> {
    let (cpu, start_at) = (children_cpu()?, Instant::now());
    let status = start(binary, test, seeds, jobs)?.wait()?;
    if !status.success() {
        return Err(format!("{test} has failed").into());
    }
    Ok(Cost { cpu: children_cpu()? - cpu, real: start_at.elapsed() })
}

/// The CPU time of all processes that were waited for, and of those that these waited for.
fn children_cpu() -> Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Ok(Duration::from_micros(u64::try_from(micros)?))
}
