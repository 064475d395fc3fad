//! What was measured, as it is stored: a line of JSON for each campaign and test.

use std::fs;
use std::path::{Path, PathBuf};

use report::explain::Confidence;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{Error, adapters};

/// What came of a test's runs in a campaign.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Measured {
    /// The campaign's name.
    pub(crate) campaign: String,
    /// The test's.
    pub(crate) test: String,
    /// How many runs were made; their seeds are 1, 2, 3 and so on.
    pub(crate) runs: u64,
    /// How many failed.
    pub(crate) failed: u64,
    /// How many were skipped, because the scenario doesn't apply to the Raft.
    #[serde(default)]
    pub(crate) skipped: u64,
    /// Why, without numbers, and in how many runs.
    #[serde(default)]
    pub(crate) reasons: Vec<(String, u64)>,
    /// The CPU time of all runs, in seconds.
    pub(crate) cpu_seconds: f64,
    /// The first run that failed.
    pub(crate) first: Option<Failed>,
    /// The messages with which runs failed, without their numbers, and how many did so; the most frequent first.
    pub(crate) messages: Vec<(String, u64)>,
    /// What the reports of runs that passed say is wrong, and what they warn of: in how many runs, the most frequent
    /// first.
    #[serde(default)]
    pub(crate) said: Vec<(String, u64)>,
}

/// A run that failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Failed {
    pub(crate) seed: u64,
    pub(crate) message: String,
    /// The first thing that its report says about the cause; `None` if it says nothing.
    pub(crate) finding: Option<Finding>,
}

/// What a report says about the cause.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Finding {
    pub(crate) id: String,
    pub(crate) confidence: Confidence,
    pub(crate) what: String,
}

fn file() -> PathBuf {
    adapters().join("production/results.jsonl")
}

/// All that is stored.
pub(crate) fn read() -> Result<Vec<Measured>, Error> {
    read_lines(&file())
}

/// Stores what was measured, in the place of what was stored of the same campaign and test.
pub(crate) fn add(measured: Measured) -> Result<(), Error> {
    let mut all = read()?;
    let is_same = |other: &&mut Measured| {
        (&other.campaign, &other.test) == (&measured.campaign, &measured.test)
    };
    match all.iter_mut().find(is_same) {
        Some(before) => *before = measured,
        None => all.push(measured),
    }
    write_lines(&file(), &all)
}

/// The values of a file with one in each line; none if there is no such file.
pub(crate) fn read_lines<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, Error> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text = fs::read_to_string(path).map_err(Error::file("read", path))?;
    let lines = (1..).zip(text.lines());
    lines
        .map(|(line, text)| {
            let stored = |error| Error::Stored { path: path.to_owned(), line, error };
            serde_json::from_str(text).map_err(stored)
        })
        .collect()
}

/// Writes such a file.
pub(crate) fn write_lines<T: Serialize>(path: &Path, all: &[T]) -> Result<(), Error> {
    let lines = all.iter().map(|it| serde_json::to_string(it).expect("plain data") + "\n");
    fs::write(path, lines.collect::<String>()).map_err(Error::file("write", path))
}
