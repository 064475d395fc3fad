//! The resident size of a worker: it runs one seed after another and must not grow.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use comfy_table::Table;

use crate::{Effort, Result, tests};

/// The test whose seeds are run.
const TEST: &str = "TestReElection3A";

/// After how many seeds a worker is looked at first.
const FEW: u64 = 100;

/// How often the worker's size is read. What counts is the last reading before its end.
const LOOK: Duration = Duration::from_millis(1);

pub(crate) fn table(effort: Effort, binary: &Path) -> Result<Table> {
    let many = match effort {
        Effort::Quick => 2_000,
        Effort::Full => 10_000,
    };
    let (first, last) = (size_after(binary, FEW)?, size_after(binary, many)?);
    let after = |seeds: u64| format!("after {seeds} seeds");
    let mut table = crate::table(0, &[&after(FEW), &after(many), "growth"]);
    let mib = |kib: i64| kib as f64 / 1024.0;
    table.add_row([
        format!("{:.2} MiB", mib(first)),
        format!("{:.2} MiB", mib(last)),
        format!("{:+.2} MiB", mib(last - first)),
    ]);
    Ok(table)
}

/// The resident size of a worker at the end of so many seeds, in KiB.
fn size_after(binary: &Path, seeds: u64) -> Result<i64> {
    let mut parent = tests::start(binary, TEST, seeds, 1)?;
    let mut worker = None;
    let mut last = None;
    while parent.try_wait()?.is_none() {
        worker = worker.or_else(|| child_of(parent.id()));
        last = worker.and_then(resident).or(last);
        wait();
    }
    if !parent.wait()?.success() {
        return Err(format!("{TEST} has failed").into());
    }
    last.ok_or_else(|| "failed to read a worker's size from /proc".into())
}

#[expect(clippy::disallowed_methods, reason = "nothing is simulated in this process meanwhile")]
fn wait() {
    thread::sleep(LOOK);
}

/// A process that `parent` has started, if there is one.
fn child_of(parent: u32) -> Option<u32> {
    let threads = fs::read_dir(format!("/proc/{parent}/task")).ok()?;
    threads.flatten().find_map(|thread| {
        let children = fs::read_to_string(thread.path().join("children")).ok()?;
        children.split_whitespace().next()?.parse().ok()
    })
}

/// The resident size of `process`, in KiB; `None` once it has ended.
fn resident(process: u32) -> Option<i64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(all(test, target_os = "linux"))]
mod tests_of_reading {
    use std::process::{Command, Stdio, id};

    use super::*;

    #[test]
    fn the_size_of_a_process_and_its_children_are_found() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        assert_eq!(child_of(id()), Some(child.id()));
        assert!(resident(id()).unwrap() > 100);
        drop(child.stdin.take());
        child.wait().unwrap();
        assert_eq!(resident(child.id()), None);
    }
}
