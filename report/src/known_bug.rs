//! A known bug, as the program that lists bugs and the program that counts failures tell each other of it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A known bug.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownBug {
    /// Its name, by which `LAB_BUG` chooses it.
    pub name: String,
    /// The part of the lab in which one writes what is wrong: `3A`.
    pub part: String,
    /// What it does harm to.
    pub kind: BugKind,
    /// The rule that it breaks, in a few words, and where it is written.
    pub rule: String,
    /// The same in the words of its source.
    #[serde(default)]
    pub words: String,
    /// What one sees of it.
    #[serde(default)]
    pub symptom: String,
    /// Why no student should fail for it; `None` for a real bug.
    pub harmless: Option<String>,
    /// The findings, and rules, that name it.
    pub causes: Vec<String>,
    /// Who has met it.
    #[serde(default)]
    pub source: String,
}

/// What a bug does harm to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BugKind {
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

impl fmt::Display for BugKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BugKind::Safety => "safety",
            BugKind::Liveness => "liveness",
            BugKind::Service => "service",
            BugKind::Budget => "budget",
            BugKind::Harmless => "harmless",
        })
    }
}

impl KnownBug {
    /// Whether no student should fail for it.
    #[must_use]
    pub fn is_harmless(&self) -> bool {
        self.harmless.is_some() || self.kind == BugKind::Harmless
    }
}
