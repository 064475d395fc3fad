//! What the README's first command costs where nothing is built yet, crate by crate, and an edit after it.
//!
//! Cargo is told to call this program in rustc's place, which calls rustc and notes the CPU time: that of a crate
//! doesn't depend on what else the machine does, as real time would.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

use comfy_table::Table;

use crate::binary::{self, children_cpu, must_pass, take};
use crate::{Result, percent};

/// Where the wrapper notes what rustc took. Its being there makes this program the wrapper.
const LOG: &str = "BENCH_RUSTC_LOG";

/// How many crates have a line of their own.
const SHOWN: usize = 25;

/// How often an edit is measured.
const EDITS: usize = 3;

/// Calls rustc and notes its CPU time, if cargo has called this program in its place.
pub(crate) fn wrap_rustc() -> Option<ExitCode> {
    let log = env::var_os(LOG)?;
    Some(match wrapped(Path::new(&log)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    })
}

fn wrapped(log: &Path) -> Result<ExitCode> {
    let mut arguments = env::args_os().skip(1);
    let rustc = arguments.next().ok_or("cargo has named no rustc")?;
    let arguments: Vec<OsString> = arguments.collect();
    let status = Command::new(rustc).args(&arguments).status()?;
    let behind = |option: &str| {
        let at = arguments.iter().position(|argument| argument == option)?;
        arguments.get(at + 1)?.to_str().map(str::to_owned)
    };
    if let Some(name) = behind("--crate-name")
        && name != "___"
    {
        let is_test = arguments.iter().any(|argument| argument == "--test");
        let kind = if is_test { " (tests)" } else { "" };
        let line = format!("{}\t{name}{kind}\n", children_cpu()?.as_micros());
        // One write, so that lines of several processes stay whole.
        OpenOptions::new().create(true).append(true).open(log)?.write_all(line.as_bytes())?;
    }
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Builds the last commit of the checkout around the current folder, in a folder of its own.
pub(crate) fn tables() -> Result<[Table; 2]> {
    let folder = tempfile::tempdir()?;
    let checkout = folder.path().join("checkout");
    let mut clone = Command::new("git");
    clone.args(["clone", "--quiet", "."]).arg(&checkout);
    must_pass("git clone", clone.status()?)?;
    let log = folder.path().join("log");
    let cargo = |arguments: &[&str]| {
        let mut command = binary::cargo();
        command
            .args(arguments)
            .current_dir(&checkout)
            .env("CARGO_TARGET_DIR", folder.path().join("target"));
        for (name, _) in env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("LAB_")
                || text.starts_with("CARGO_PROFILE_")
                || text == "CARGO_INCREMENTAL"
            {
                command.env_remove(name);
            }
        }
        command
    };
    let test = ["test", "--offline", "-p", "raft", "3A"];
    let wrapper = env::current_exe()?;
    must_pass("cargo fetch", cargo(&["fetch", "--quiet"]).status()?)?;
    let cold = take("the first build", cargo(&test).env("RUSTC_WRAPPER", &wrapper).env(LOG, &log))?;
    // What is built is the same without the wrapper, and cargo knows it.
    take("the second run", &mut cargo(&test))?;
    let source = checkout.join("raft/src/election.rs");
    let mut edits = Vec::new();
    for number in 0..EDITS {
        let text = fs::read_to_string(&source)?;
        // A line of code that is run, and not a comment only.
        let edited =
            text.replacen(") {\n", &format!(") {{\n        std::hint::black_box({number});\n"), 1);
        fs::write(&source, edited)?;
        edits.push(take(
            "the build after an edit",
            &mut cargo(&["test", "--offline", "-p", "raft", "--test", "lab3", "3A"]),
        )?);
    }
    edits.sort_by_key(|edit| edit.cpu);
    let pass =
        take("a debug pass", &mut cargo(&["test", "--offline", "-p", "raft", "--test", "lab3"]))?;

    let mut whole = crate::table(1, &["in the debug profile", "CPU s", "real s"]);
    let edit = edits.swap_remove(0);
    for (name, took) in [
        ("`cargo test -p raft 3A`, where nothing is built", &cold),
        ("`cargo test -p raft --test lab3 3A`, after an edit", &edit),
        ("`cargo test -p raft --test lab3`: all 28 tests", &pass),
    ] {
        whole.add_row([
            name.to_owned(),
            format!("{:.1}", took.cpu.as_secs_f64()),
            format!("{:.1}", took.real.as_secs_f64()),
        ]);
    }
    Ok([whole, by_crate(&fs::read_to_string(&log)?, cold.cpu)?])
}

/// What each crate took of a build that took `whole`.
fn by_crate(log: &str, whole: Duration) -> Result<Table> {
    let mut crates: BTreeMap<&str, Duration> = BTreeMap::new();
    for line in log.lines() {
        let (micros, name) = line.split_once('\t').ok_or("a line of the log is broken")?;
        *crates.entry(name).or_default() += Duration::from_micros(micros.parse()?);
    }
    let mut crates: Vec<_> = crates.into_iter().collect();
    crates.sort_by_key(|&(_, cpu)| std::cmp::Reverse(cpu));
    let mut table = crate::table(1, &["crate", "CPU s", "share"]);
    let mut row = |name: &str, cpu: Duration| {
        let seconds = cpu.as_secs_f64();
        table.add_row([
            name.to_owned(),
            format!("{seconds:.1}"),
            percent(seconds, whole.as_secs_f64()),
        ]);
    };
    let others: Duration = crates.iter().skip(SHOWN).map(|&(_, cpu)| cpu).sum();
    for &(name, cpu) in crates.iter().take(SHOWN) {
        row(name, cpu);
    }
    if crates.len() > SHOWN {
        row(&format!("{} others", crates.len() - SHOWN), others);
    }
    Ok(table)
}

#[cfg(test)]
mod checks {
    use super::*;

    #[test]
    fn crates_are_summed_and_sorted() {
        let log = "1000000\tsmall\n2000000\tlarge\n2000000\tlarge\n";
        let table = by_crate(log, Duration::from_secs(10)).unwrap().to_string();
        let (large, small) = (table.find("large").unwrap(), table.find("small").unwrap());
        assert!(large < small && table.contains("40 %"), "{table}");
        assert!(by_crate("broken", Duration::from_secs(1)).is_err());
    }
}
