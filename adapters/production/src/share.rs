//! Which part of a pass's CPU time is the lab's: a sampling profiler (`perf`) looks where the time is spent.
//!
//! A sample belongs to the innermost function on its stack whose crate is known: the foreign Raft's, the adapter's or
//! the lab's. So what a crate has the allocator, tokio or serde do is counted as its own.

use std::fmt::Write as _;
use std::fs;
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use crate::campaigns::{Campaign, MIT};
use crate::measure::Built;
use crate::stored::{read_lines, write_lines};
use crate::{Error, adapters};

/// The seeds of a pass that is sampled.
const SEEDS: &str = "10";

/// The lab's crates.
const LAB: [&str; 13] = [
    "chance",
    "config",
    "harness",
    "labgob",
    "labrpc",
    "nemesis",
    "report",
    "sim",
    "supervisor",
    "children",
    "confine",
    "lab3",
    "raftapi",
];

/// The adapter's crates: its library has the name that the scripts call it by.
const ADAPTER: [&str; 2] = ["raft", "seam"];

/// Whose CPU time it was, in samples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Share {
    /// The foreign crate and its version.
    version: String,
    patches: String,
    /// Seconds of CPU time of one pass: each of MIT's tests once.
    pass_seconds: f64,
    foreign: u64,
    adapter: u64,
    lab: u64,
}

/// Samples MIT's tests of a campaign's peer, and stores what comes of it.
pub(crate) fn measure(campaign: &Campaign) -> Result<(), Error> {
    let built = Built::new(campaign)?;
    let out = adapters().join("target/production");
    fs::create_dir_all(&out).map_err(Error::file("create", &out))?;
    let data = out.join("perf.data");
    let start = |error| Error::Start { program: "perf".to_owned(), error };
    let before = crate::measure::children_cpu_seconds();
    Command::new(built.program(MIT[0]))
        .current_dir(adapters().join(campaign.peer))
        .env("LAB_OUT", &out)
        .env("LAB_REPORT", "never")
        .env("LAB_SEED", "1")
        .env("LAB_ITERS", SEEDS)
        .stdout(Stdio::null())
        .status()
        .map_err(start)?;
    let seconds = crate::measure::children_cpu_seconds() - before;
    Command::new("perf")
        .args(["record", "-q", "-F", "99", "--call-graph", "dwarf,16384", "-o"])
        .arg(&data)
        .arg(built.program(MIT[0]))
        .current_dir(adapters().join(campaign.peer))
        .env("LAB_OUT", &out)
        .env("LAB_REPORT", "never")
        .env("LAB_SEED", "1")
        .env("LAB_ITERS", "1")
        .stdout(Stdio::null())
        .status()
        .map_err(start)?;
    let script = Command::new("perf")
        .args(["script", "-F", "ip,sym", "-i"])
        .arg(&data)
        .stderr(Stdio::null())
        .output()
        .map_err(start)?;
    let foreign = campaign.version.split(' ').next().unwrap_or_default().replace('-', "_");
    let mut share = Share {
        version: campaign.version.to_owned(),
        patches: campaign.patches.to_owned(),
        pass_seconds: seconds / SEEDS.parse::<f64>().unwrap_or(1.0),
        foreign: 0,
        adapter: 0,
        lab: 0,
    };
    for stack in String::from_utf8_lossy(&script.stdout).split("\n\n") {
        match stack.lines().find_map(|frame| owner(frame, &foreign)) {
            Some(Owner::Foreign) => share.foreign += 1,
            Some(Owner::Adapter) => share.adapter += 1,
            Some(Owner::Lab) => share.lab += 1,
            None => {}
        }
    }
    println!("{share:?}");
    let mut all = read()?;
    match all.iter_mut().find(|it| (&it.version, &it.patches) == (&share.version, &share.patches)) {
        Some(before) => *before = share,
        None => all.push(share),
    }
    write_lines(&adapters().join("production/shares.jsonl"), &all)
}

/// All that is stored.
pub(crate) fn read() -> Result<Vec<Share>, Error> {
    read_lines(&adapters().join("production/shares.jsonl"))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    Foreign,
    Adapter,
    Lab,
}

/// Whose a function is, if its crate is known: the first crate of those that its name names.
fn owner(frame: &str, foreign: &str) -> Option<Owner> {
    let words = frame.split(|c: char| !c.is_alphanumeric() && c != '_');
    words.into_iter().find_map(|word| {
        if word == foreign {
            Some(Owner::Foreign)
        } else if ADAPTER.contains(&word) {
            Some(Owner::Adapter)
        } else {
            LAB.contains(&word).then_some(Owner::Lab)
        }
    })
}

/// The table of shares.
pub(crate) fn section(shares: &[Share]) -> String {
    if shares.is_empty() {
        return String::new();
    }
    let mut text = "\n## Whose CPU time it is\n\n\
        A pass is each of MIT's tests once. A profiler's samples belong to the innermost function on the stack that is the \
        foreign crate's, the adapter's or the lab's. Measured by `cargo run --release -- share`, which needs `perf`.\n\n\
        | what | patches | CPU s a pass | the crate's | the adapter's | the lab's |\n\
        | --- | --- | --: | --: | --: | --: |\n"
        .to_owned();
    for it in shares {
        let all = (it.foreign + it.adapter + it.lab).max(1) as f64;
        let percent = |part: u64| format!("{:.0} %", 100.0 * part as f64 / all);
        let patches = if it.patches.is_empty() {
            "none".to_owned()
        } else {
            format!("`{}`", it.patches.replace(',', "`, `"))
        };
        let _ = writeln!(
            text,
            "| {} | {patches} | {:.2} | {} | {} | {} |",
            it.version,
            it.pass_seconds,
            percent(it.foreign),
            percent(it.adapter),
            percent(it.lab),
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Owner, owner};

    #[test]
    fn a_function_is_its_own_crates() {
        let of = |frame| owner(frame, "async_raft");
        assert_eq!(
            of("  55d0 <async_raft::core::RaftCore<D> as raft::X>::run"),
            Some(Owner::Foreign)
        );
        assert_eq!(
            of("  55d0 raft::server::Server::request_vote::{{closure}}"),
            Some(Owner::Adapter)
        );
        assert_eq!(of("  55d0 labgob::encode"), Some(Owner::Lab));
        assert_eq!(of("  55d0 malloc"), None);
    }
}
