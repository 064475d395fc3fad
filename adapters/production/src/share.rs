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

/// How many passes are timed. One more is sampled.
const PASSES: u64 = 10;

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

/// What adapters have in common.
const SEAM: &str = "seam";

/// The name of the adapter's library, which the scripts call it by. A foreign crate may have the same.
const ADAPTER: &str = "raft";

/// The modules of adapters.
const MODULES: [&str; 4] = ["network", "rpc", "server", "store"];

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
    let program = built.program(MIT[0]);
    let out = adapters().join("target/production");
    fs::create_dir_all(&out).map_err(Error::file("create", &out))?;
    let data = out.join("perf.data");
    let start = |error| Error::Start { program: "perf".to_owned(), error };
    let pass = |command: &mut Command, seeds: u64| {
        let command = command.current_dir(adapters().join(campaign.peer)).stdout(Stdio::null());
        let settings = campaign.variables.iter().copied();
        let settings = settings.chain([("LAB_REPORT", "never"), ("LAB_SEED", "1")]);
        let command = command.envs(settings).env("LAB_OUT", &out);
        command.env("LAB_ITERS", seeds.to_string()).status().map_err(start)
    };
    let before = crate::measure::children_cpu_seconds();
    pass(&mut Command::new(program), PASSES)?;
    let seconds = crate::measure::children_cpu_seconds() - before;
    let mut perf = Command::new("perf");
    perf.args(["record", "-q", "-F", "997", "--call-graph", "dwarf,16384", "-o"]).arg(&data);
    pass(perf.arg(program), 1)?;
    let script = Command::new("perf")
        .args(["script", "--no-inline", "-F", "ip,sym", "-i"])
        .arg(&data)
        .output()
        .map_err(start)?;
    let foreign = campaign.version.split(' ').next().unwrap_or_default().replace('-', "_");
    let mut share = Share {
        version: campaign.version.to_owned(),
        patches: campaign.patches.to_owned(),
        pass_seconds: seconds / PASSES as f64,
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
    if share.foreign + share.adapter + share.lab == 0 {
        return Err(Error::NoSamples(String::from_utf8_lossy(&script.stderr).into_owned()));
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
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let paths = frame.split(|c: char| !is_word(c) && c != ':');
    paths.into_iter().find_map(|path| {
        let mut words = path.split("::");
        let (krate, module) = (words.next()?, words.next());
        if krate == SEAM || krate == ADAPTER && MODULES.iter().any(|it| module == Some(it)) {
            Some(Owner::Adapter)
        } else if krate == foreign {
            Some(Owner::Foreign)
        } else {
            LAB.contains(&krate).then_some(Owner::Lab)
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
        assert_eq!(of("  55d0 <async_raft::core::RaftCore<D>>::run"), Some(Owner::Foreign));
        assert_eq!(of("  55d0 tokio::runtime::config::Config::new"), None);
        assert_eq!(of("  55d0 malloc"), None);
    }

    #[test]
    fn a_foreign_crate_may_have_the_name_of_the_adapters_library() {
        assert_eq!(owner("  55d0 raft::raft::Raft<T>::step", "raft"), Some(Owner::Foreign));
        let adapters = "  55d0 <raft::store::Store as raft::storage::Storage>::entries";
        assert_eq!(owner(adapters, "raft"), Some(Owner::Adapter));
    }
}
