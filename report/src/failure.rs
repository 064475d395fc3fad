//! Why a run failed.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::check::Check;
use crate::event::Time;

/// What sort of promise was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FailureKind {
    /// Something happened that must never happen, such as two leaders in a term.
    Safety,
    /// Something that must happen did not, such as an election.
    Liveness,
    /// It worked, at too high a price: too many RPCs, bytes, or log entries kept.
    Budget,
    /// Code panicked.
    Panic,
    /// The run got nowhere until its time was up.
    Stuck,
    /// The code under test did what it must not do, such as to block the simulated thread or to call
    /// a method that nobody has.
    Misuse,
    /// The tester is itself at fault.
    Tester,
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FailureKind::Safety => "safety",
            FailureKind::Liveness => "liveness",
            FailureKind::Budget => "budget",
            FailureKind::Panic => "panic",
            FailureKind::Stuck => "stuck",
            FailureKind::Misuse => "misuse",
            FailureKind::Tester => "tester",
        })
    }
}

/// What a check demands, and what sort of promise is broken if it isn't so. Of a [`FailureKind`] alone: by a
/// check that only the script knows.
///
/// ```
/// use report::{Check, Demand, FailureKind};
///
/// assert_eq!(Demand::from(FailureKind::Safety).check, Check::Script);
/// assert_eq!(Demand::from((FailureKind::Liveness, Check::OneLeader)).check, Check::OneLeader);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demand {
    /// What sort of promise is broken.
    pub kind: FailureKind,
    /// What is demanded.
    pub check: Check,
}

impl From<FailureKind> for Demand {
    fn from(kind: FailureKind) -> Demand {
        Demand { kind, check: Check::Script }
    }
}

impl From<(FailureKind, Check)> for Demand {
    fn from((kind, check): (FailureKind, Check)) -> Demand {
        Demand { kind, check }
    }
}

/// The sentence with N for each number, so that those that differ in no more are one.
///
/// ```
/// let sentence = "one(103) failed to reach agreement";
/// assert_eq!(report::without_numbers(sentence), "one(N) failed to reach agreement");
/// assert_eq!(report::without_numbers("made 1,000,000 calls"), "made N calls");
/// ```
#[must_use]
pub fn without_numbers(sentence: &str) -> String {
    let mut text = String::new();
    let mut in_number = false;
    for (i, c) in sentence.char_indices() {
        // A comma before three digits belongs to a number, as in 1,000.
        let groups = || sentence[i + 1..].bytes().take_while(u8::is_ascii_digit).count() == 3;
        let is_digit = c.is_ascii_digit() || (in_number && c == ',' && groups());
        if !is_digit {
            text.push(c);
        } else if !in_number {
            text.push('N');
        }
        in_number = is_digit;
    }
    text
}

/// The first thing that went wrong in a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What sort of promise was broken.
    pub kind: FailureKind,
    /// What was demanded: what explanations go by.
    #[serde(default)]
    pub check: Check,
    /// What went wrong: MIT's own sentence where MIT has one, then lines of evidence.
    pub message: String,
    /// Where: the script's line, or the line that panicked, as `file:line:column`.
    pub location: String,
    /// When.
    pub at: Time,
}
