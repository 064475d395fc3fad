//! The resident size of a worker: it runs one seed after another and must not grow.

use std::fs;
use std::thread;
use std::time::Duration;

use comfy_table::Table;

use crate::binary::{Binary, must_pass};
use crate::{Effort, Result};

/// What is run, and after how many seeds of it a worker is looked at.
struct Subject {
    name: &'static str,
    filter: &'static str,
    few: u64,
    many: u64,
}

const SUBJECTS: [Subject; 2] = [
    Subject { name: "TestReElection3A", filter: "TestReElection3A", few: 100, many: 10_000 },
    Subject { name: "all 28 tests", filter: "", few: 10, many: 1_000 },
];

/// How often the worker's size is read.
const LOOK: Duration = Duration::from_millis(1);

pub(crate) fn table(effort: Effort, binary: &Binary) -> Result<Table> {
    let mut table = crate::table(1, &["test", "seeds", "size", "seeds", "size", "growth"]);
    let mib = |kib: i64| kib as f64 / 1024.0;
    for Subject { name, filter, few, many } in SUBJECTS {
        let many = match effort {
            Effort::Quick => many / 5,
            Effort::Full => many,
        };
        let (first, last) = (size(binary, filter, few)?, size(binary, filter, many)?);
        table.add_row([
            name.to_owned(),
            few.to_string(),
            format!("{:.2} MiB", mib(first)),
            many.to_string(),
            format!("{:.2} MiB", mib(last)),
            format!("{:+.2} MiB", mib(last - first)),
        ]);
    }
    Ok(table)
}

/// The largest resident size, in KiB, of a worker that runs so many seeds.
fn size(binary: &Binary, filter: &str, seeds: u64) -> Result<i64> {
    let mut parent = binary.start(filter, seeds, 1)?;
    let mut largest = None;
    while parent.try_wait()?.is_none() {
        largest = largest.max(child_of(parent.id()).and_then(resident));
        wait();
    }
    must_pass(filter, parent.wait()?)?;
    largest.ok_or_else(|| "failed to read a worker's size from /proc".into())
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
