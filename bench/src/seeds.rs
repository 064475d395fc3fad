//! Whole tests, run as a user runs them: by the reference's test binary, with workers.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;
use serde_json::Value;

/// The tests of part 3A, how many seeds of each are run, and what MadRaft's tests of the same cost on
/// a machine of two cores (CPU ms a seed, release build, best of three; measured there and not here).
const TESTS: [(&str, u64, f64); 3] = [
    ("TestInitialElection3A", 3000, 0.32),
    ("TestReElection3A", 3000, 0.44),
    ("TestManyElections3A", 1000, 2.52),
];

type Result<T> = std::result::Result<T, Box<dyn Error>>;

pub(crate) fn tables() -> Result<String> {
    let binary = build()?;
    let mut text = String::from("CPU time of a seed, in ms, with one worker; and seeds a second\n");
    let columns = ["test", "CPU ms", "MadRaft", "1 worker", "2 workers", "ratio"];
    let mut table = crate::table(&columns);
    for (test, seeds, madraft) in TESTS {
        let mut runs = Vec::new();
        for jobs in [1, 2] {
            let mut best = (f64::INFINITY, f64::INFINITY);
            for _ in 0..3 {
                let (cpu, wall) = run(&binary, test, seeds, jobs)?;
                best = (best.0.min(cpu), best.1.min(wall));
            }
            runs.push((best.0 * 1000.0 / seeds as f64, seeds as f64 / best.1));
        }
        table.add_row([
            test.to_owned(),
            format!("{:.3}", runs[0].0),
            format!("{madraft:.2}"),
            format!("{:.0}/s", runs[0].1),
            format!("{:.0}/s", runs[1].1),
            format!("{:.2}", runs[1].1 / runs[0].1),
        ]);
    }
    writeln!(text, "{table}\n")?;
    let (first, last) = resident_kib(&binary, "TestReElection3A", 10_000)?;
    let growth = last as i64 - first as i64;
    write!(
        text,
        "resident size of a worker: {first} KiB after some 100 seeds, {last} KiB after 10,000 \
         ({growth:+} KiB)"
    )?;
    Ok(text)
}

/// Builds the reference's tests, and finds the binary.
fn build() -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let args = ["test", "--release", "--package", "raft", "--test", "lab3", "--no-run"];
    let output = Command::new(cargo)
        .args(args)
        .args(["--message-format", "json-render-diagnostics"])
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err("failed to build the tests of the package raft".into());
    }
    let text = String::from_utf8(output.stdout)?;
    let messages = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let binaries = messages.filter_map(|message| {
        (message["target"]["name"] == "lab3")
            .then(|| message["executable"].as_str().map(PathBuf::from))
    });
    binaries.flatten().last().ok_or_else(|| "cargo built no test binary named lab3".into())
}

fn start(binary: &Path, test: &str, seeds: u64, jobs: u32) -> Result<Child> {
    Ok(Command::new(binary)
        .arg(test)
        .env("LAB_SEED", "1")
        .env("LAB_ITERS", seeds.to_string())
        .env("LAB_JOBS", jobs.to_string())
        .stdout(Stdio::null())
        .spawn()?)
}

/// CPU and wall seconds of a test's seeds, its workers included.
fn run(binary: &Path, test: &str, seeds: u64, jobs: u32) -> Result<(f64, f64)> {
    let before = (children_cpu()?, Instant::now());
    let status = start(binary, test, seeds, jobs)?.wait()?;
    if !status.success() {
        return Err(format!("{test} failed").into());
    }
    Ok((children_cpu()? - before.0, before.1.elapsed().as_secs_f64()))
}

/// The CPU seconds of all processes that were waited for.
fn children_cpu() -> Result<f64> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Ok(micros as f64 / 1e6)
}

/// The resident size of a worker, in KiB: when it has run about one in a hundred of its seeds, and at
/// its end.
fn resident_kib(binary: &Path, test: &str, seeds: u64) -> Result<(u64, u64)> {
    let mut parent = start(binary, test, seeds, 1)?;
    let mut sizes = Vec::new();
    while parent.try_wait()?.is_none() {
        if let Some(size) = worker_of(parent.id()).and_then(resident) {
            sizes.push(size);
        }
        std::thread::park_timeout(Duration::from_millis(2));
    }
    let first = sizes.get(sizes.len() / 100).ok_or("the worker was too fast to be measured")?;
    Ok((*first, *sizes.last().expect("there is a first")))
}

/// The process that `parent` has started.
fn worker_of(parent: u32) -> Option<u32> {
    let tasks = fs::read_dir(format!("/proc/{parent}/task")).ok()?;
    tasks.flatten().find_map(|task| {
        let children = fs::read_to_string(task.path().join("children")).ok()?;
        children.split_whitespace().next()?.parse().ok()
    })
}

fn resident(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
