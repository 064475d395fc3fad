//! The known bugs, as the zoo tells of them.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::cargo::{self, cargo};
use crate::cli;
use crate::error::Error;
use crate::suite::suggestion;

/// The name of the right Raft.
pub(crate) const CONTROL: &str = "None";

/// A known bug.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Bug {
    pub(crate) name: String,
    /// The part of the lab in which one writes what is wrong: `3A`.
    pub(crate) part: String,
    pub(crate) kind: Kind,
    /// The rule that it breaks.
    pub(crate) rule: String,
    /// Why no student should fail for it; `None` for a real bug.
    pub(crate) harmless: Option<String>,
    /// The findings, and monitors, that name it.
    pub(crate) causes: Vec<String>,
}

/// What a bug does harm to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// Servers may disagree, or lose what they have promised to keep.
    #[serde(alias = "Safety")]
    Safety,
    /// The cluster gets nowhere.
    #[serde(alias = "Liveness")]
    Liveness,
    /// Clients or the service are told or handed what is wrong.
    #[serde(alias = "Service")]
    Service,
    /// Too many RPCs or bytes.
    #[serde(alias = "Budget")]
    Budget,
    /// Nothing.
    #[serde(alias = "Harmless")]
    Harmless,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Safety => "safety",
            Kind::Liveness => "liveness",
            Kind::Service => "service",
            Kind::Budget => "budget",
            Kind::Harmless => "harmless",
        })
    }
}

impl Bug {
    pub(crate) fn is_harmless(&self) -> bool {
        self.harmless.is_some() || self.kind == Kind::Harmless
    }
}

/// Asks the zoo for its bugs, the right Raft aside, and returns those that are named; all, without
/// names.
pub(crate) fn ask(build: &cli::Build, named: &[String]) -> Result<Vec<Bug>, Error> {
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
fn parse(list: &str) -> Result<Vec<Bug>, Error> {
    let mut bugs: Vec<Bug> = Vec::new();
    for line in list.lines() {
        let bug = serde_json::from_str(line);
        bugs.push(bug.map_err(|error| Error::NoBugs(format!("{error}, in the line {line}")))?);
    }
    bugs.retain(|bug| bug.name != CONTROL);
    Ok(bugs)
}

/// The bugs that are named, in the zoo's order; all, without names. The right Raft may be named, too:
/// it is always there.
fn choose(bugs: Vec<Bug>, named: &[String]) -> Result<Vec<Bug>, Error> {
    let names: Vec<&str> = bugs.iter().map(|bug| bug.name.as_str()).collect();
    for name in named {
        if name != CONTROL && !names.contains(&name.as_str()) {
            let all = || format!("there are {}", names.join(", "));
            let hint = suggestion(name, &names).unwrap_or_else(all);
            return Err(Error::NoBug { name: name.clone(), hint });
        }
    }
    let is_chosen = |bug: &Bug| named.is_empty() || named.contains(&bug.name);
    Ok(bugs.into_iter().filter(is_chosen).collect())
}
