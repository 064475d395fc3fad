//! The known bugs, as the zoo tells of them.

use report::KnownBug;

use crate::cargo::{self, cargo};
use crate::cli;
use crate::error::Error;
use crate::suite::suggestion;

/// The name of the right Raft.
pub(crate) const CONTROL: &str = "None";

/// Asks the zoo for its bugs, the right Raft aside, and returns those that are named; all, without
/// names.
pub(crate) fn ask(build: &cli::Build, named: &[String]) -> Result<Vec<KnownBug>, Error> {
    let mut command = cargo();
    command.args(["run", "--quiet", "--package", "zoo"]);
    if let Some(path) = &build.manifest_path {
        let path = if path.is_dir() { path.join("Cargo.toml") } else { path.clone() };
        command.arg("--manifest-path").arg(path);
    }
    if build.release {
        command.arg("--release");
    }
    command.args(["--", "--json"]);
    let (status, list) = cargo::output(command)?;
    if !status.success() {
        return Err(Error::NoBugs(format!("it ended with {status}")));
    }
    let bugs = parse(&list)?;
    choose(bugs, named)
}

/// The bugs in a list of JSON lines, the right Raft aside.
fn parse(list: &str) -> Result<Vec<KnownBug>, Error> {
    let mut bugs: Vec<KnownBug> = Vec::new();
    for line in list.lines() {
        let bug = serde_json::from_str(line);
        bugs.push(bug.map_err(|error| Error::NoBugs(format!("{error}, in the line {line}")))?);
    }
    bugs.retain(|bug| bug.name != CONTROL);
    Ok(bugs)
}

/// The bugs that are named, in the zoo's order; all, without names. The right Raft may be named, too:
/// it is always there.
fn choose(bugs: Vec<KnownBug>, named: &[String]) -> Result<Vec<KnownBug>, Error> {
    let names: Vec<&str> = bugs.iter().map(|bug| bug.name.as_str()).collect();
    for name in named {
        if name != CONTROL && !names.contains(&name.as_str()) {
            let all = || format!("there are {}", names.join(", "));
            let hint = suggestion(name, &names).unwrap_or_else(all);
            return Err(Error::NoBug { name: name.clone(), hint });
        }
    }
    let is_chosen = |bug: &KnownBug| named.is_empty() || named.contains(&bug.name);
    Ok(bugs.into_iter().filter(is_chosen).collect())
}
