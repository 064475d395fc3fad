//! What an explanation consists of.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::event::{RpcId, Time};

/// Why a run failed, as far as its history tells.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// At most three causes, the most likely first; none if nothing is known.
    pub findings: Vec<Finding>,
    /// What looks like a cause and isn't, in whole sentences.
    pub not_the_cause: Vec<String>,
}

/// A cause that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Its name, which doesn't change from version to version: `election-not-restarted`.
    pub id: String,
    /// How sure it is.
    pub confidence: Confidence,
    /// What is wrong, in a sentence without a full stop.
    pub what: String,
    /// What proves it; at least one.
    pub evidence: Vec<Evidence>,
    /// The rule that is broken, and where it is in the paper.
    pub rule: String,
    /// Where in one's code to look, in a sentence without a full stop.
    pub look: String,
    /// What a working run does at that place, in a sentence without a full stop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normal: Option<String>,
    /// What would refute it, if it is a guess, in a clause behind "if".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refuted_if: Option<String>,
}

/// How sure a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// The history proves that a rule is broken.
    Certain,
    /// The history looks as it does when this is the cause.
    Likely,
    /// Nothing more than what happened is known.
    Unknown,
}

impl fmt::Display for Confidence {
    /// In a word: `certain`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Confidence::Certain => "certain",
            Confidence::Likely => "likely",
            Confidence::Unknown => "unknown",
        })
    }
}

/// What proves a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// What happened, in a sentence without a full stop.
    pub text: String,
    /// When.
    pub at: Time,
    /// The calls that it is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<RpcId>,
}
