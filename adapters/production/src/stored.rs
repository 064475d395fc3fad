//! What was measured, as it is stored: a line of JSON for each campaign and test.

use std::fs;
use std::path::PathBuf;

use report::explain::Confidence;
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
    /// The CPU time of all runs, in seconds.
    pub(crate) cpu_seconds: f64,
    /// The first run that failed.
    pub(crate) first: Option<Failed>,
    /// The messages with which runs failed, without their numbers, and how many did so; the most frequent first.
    pub(crate) messages: Vec<(String, u64)>,
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
    let path = file();
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text = fs::read_to_string(&path).map_err(Error::file("read", &path))?;
    let lines = (1..).zip(text.lines());
    lines
        .map(|(line, text)| {
            serde_json::from_str(text).map_err(|error| Error::Stored {
                path: path.clone(),
                line,
                error,
            })
        })
        .collect()
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
    let lines = all.iter().map(|it| serde_json::to_string(it).expect("plain data") + "\n");
    let path = file();
    fs::write(&path, lines.collect::<String>()).map_err(Error::file("write", &path))
}
