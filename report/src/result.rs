//! What came of a run, as data: for the report on the screen, and for the programs that count.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::check::Check;
use crate::explain::{Explanation, Finding};
use crate::failure::{Failure, without_numbers};
use crate::record::Record;
use crate::unreadable::Unreadable;
use crate::variation::Drawn;

/// What a run that passed has measured: the columns of MIT's Passed line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Measured {
    /// Seconds from `begin` to `end`, in the run's own time.
    pub seconds: f64,
    /// Servers.
    pub peers: usize,
    /// RPCs sent, also those that came to nothing.
    pub rpcs: u64,
    /// Bytes of all requests and of the replies that arrived.
    pub bytes: u64,
    /// Commands committed: by how much the highest applied index grew.
    pub commands: u64,
}

impl fmt::Display for Measured {
    /// MIT's line, in MIT's format.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Measured { seconds, peers, rpcs, bytes, commands } = self;
        write!(f, "  ... Passed --")?;
        write!(f, "  {seconds:4.1}  {peers} {rpcs:4} {bytes:7} {commands:4}")
    }
}

/// Whether a run passed.
///
/// A skipped run shows nothing: neither that the Raft under test is right nor that it is wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It did, and measured this.
    Passed(Measured),
    /// Its scenario doesn't apply to the Raft under test, and was ended; nothing was wrong until then.
    Skipped {
        /// Why it doesn't apply.
        reason: String,
    },
    /// It did not.
    Failed {
        /// The first thing that went wrong.
        failure: Failure,
        /// What the test and the servers did, and why it failed, for the reader.
        #[serde(default)]
        evidence: String,
        /// The run as a table, for the reader; empty if nothing is known of it.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        timeline: String,
        /// Why it failed, as data.
        #[serde(default)]
        explanation: Explanation,
    },
}

impl Verdict {
    /// What went wrong, if something did.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Verdict::Passed(_) | Verdict::Skipped { .. } => None,
            Verdict::Failed { failure, .. } => Some(failure),
        }
    }

    /// The verdict on a run that has failed and of which nothing else is known.
    #[must_use]
    pub fn unexplained(failure: Failure, evidence: String) -> Verdict {
        let (timeline, explanation) = (String::new(), Explanation::default());
        Verdict::Failed { failure, evidence, timeline, explanation }
    }
}

/// What became of the process in which a run took place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Process {
    /// It could go on with the next run.
    #[default]
    Survived,
    /// It came to its end: by a signal or an exit.
    Died,
    /// It had to be ended, because the run got nowhere. That took some real seconds.
    Hung,
}

impl Process {
    fn has_survived(&self) -> bool {
        *self == Process::Survived
    }
}

/// What came of one run: a line of `results.jsonl`. A line that lacks anything but the seed and the verdict
/// is read as one of a run of which that isn't known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunResult {
    /// The test's name.
    #[serde(default)]
    pub test: String,
    /// Which call of `config::test()` in the test function it is of, from 1. A line without it
    /// is of the first.
    #[serde(default = "first", skip_serializing_if = "is_first")]
    pub call: u32,
    /// The run's seed.
    pub seed: u64,
    /// The variables that chose the Raft under test, such as `LAB_BUG`, and what they were.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub choices: BTreeMap<String, String>,
    /// Whether it passed.
    pub verdict: Verdict,
    /// What became of its process.
    #[serde(default, skip_serializing_if = "Process::has_survived")]
    pub process: Process,
    /// How many runs of the test were not begun because of this one: too many had hung or died in the
    /// same way.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub not_run: u64,
    /// The test's banner, such as `Test (3A): initial election`.
    #[serde(default)]
    pub banner: String,
    /// What the tester warned of, line by line.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// Why its messages say too little for the rules to judge it; `None` if they can be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<Unreadable>,
    /// What is wrong although the run passed: why something was as the tester has warned of, and what no check has
    /// noticed and no right Raft does. Each rule once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub doubts: Vec<Finding>,
    /// The hash of the run's history.
    #[serde(default)]
    pub history: u64,
    /// What the code under test printed, or its last part.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub printed: String,
    /// What the reader must know of this result, such as that it could not be reproduced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Where the run's history is stored; `None` if it isn't.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stored: Option<PathBuf>,
    /// The run's events, where they were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<Vec<String>>,
    /// The run itself, where it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<Box<Record>>,
    /// The hash of what happened before a time, where its [`Variation`](crate::Variation) asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<u64>,
    /// What its servers drew, where its [`Variation`](crate::Variation) asked for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub draws: Vec<Drawn>,
}

impl RunResult {
    /// The result of a run of which nothing is known but its verdict.
    #[must_use]
    pub fn without_run(test: String, call: u32, seed: u64, verdict: Verdict) -> RunResult {
        RunResult {
            test,
            call,
            seed,
            choices: BTreeMap::new(),
            verdict,
            process: Process::Survived,
            not_run: 0,
            banner: String::new(),
            warnings: Vec::new(),
            unreadable: None,
            doubts: Vec::new(),
            history: 0,
            prefix: None,
            draws: Vec::new(),
            printed: String::new(),
            note: None,
            stored: None,
            trace: None,
            record: None,
        }
    }

    /// Why the run failed; `None` if it passed or was skipped.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        self.verdict.failure()
    }

    /// Why the run was skipped; `None` if it was not.
    #[must_use]
    pub fn skipped(&self) -> Option<&str> {
        match &self.verdict {
            Verdict::Skipped { reason } => Some(reason),
            Verdict::Passed(_) | Verdict::Failed { .. } => None,
        }
    }

    /// What the run has in common with others that took their process along in the same way; `None` if
    /// it didn't.
    #[must_use]
    pub fn cause_of_death(&self) -> Option<String> {
        let failure = self.failure().filter(|_| self.process != Process::Survived)?;
        Some(without_numbers(failure.message.lines().next().unwrap_or_default()))
    }

    /// What the run failed with, for comparison with another of its seed. How far one had come that got
    /// nowhere depends on the machine, and so do the numbers that tell it.
    #[must_use]
    pub fn sentence(&self) -> Option<String> {
        let message = &self.failure()?.message;
        Some(match self.process {
            Process::Survived => message.clone(),
            Process::Died | Process::Hung => without_numbers(message),
        })
    }

    /// Whether the two are of the same run, as far as they tell. The evidence doesn't count: where
    /// an endless loop was when it was looked at is no part of its run. Of runs that had to be ended only
    /// the reason counts: when that happens is no part of them either.
    #[must_use]
    pub fn is_same_run(&self, other: &RunResult) -> bool {
        if self.process == Process::Hung && other.process == Process::Hung {
            return self.cause_of_death() == other.cause_of_death();
        }
        let outcome = |result: &RunResult| match &result.verdict {
            Verdict::Passed(measured) => Ok(Ok(*measured)),
            Verdict::Skipped { reason } => Ok(Err(reason.clone())),
            Verdict::Failed { failure: Failure { kind, at, .. }, .. } => {
                Err((*kind, result.sentence(), *at))
            }
        };
        self.history == other.history && outcome(self) == outcome(other)
    }
}

/// The most bytes of each text of a result in a list of results. Data that has more is left out.
const TEXT: usize = 16 << 10;

/// How many warnings such a result has at the most.
const WARNINGS: usize = 16;

/// A text that is no longer than is kept; of a longer one its begin, and how long it is.
fn brief(text: &mut String) {
    if text.len() > TEXT {
        let len = text.len();
        text.truncate(text.floor_char_boundary(TEXT));
        text.push_str(&format!("… ({len} bytes)"));
    }
}

impl RunResult {
    /// The same without what only a reader of single runs needs, and of bounded size: code that nobody knows has a say
    /// in it, and a list of results may have very many.
    #[must_use]
    pub fn brief(mut self) -> RunResult {
        let is_long = |data: serde_json::Result<Vec<u8>>| data.is_ok_and(|data| data.len() > TEXT);
        self.printed.clear();
        (self.trace, self.record, self.draws) = (None, None, Vec::new());
        match &mut self.verdict {
            Verdict::Passed(_) => {}
            Verdict::Skipped { reason } => brief(reason),
            Verdict::Failed { failure, evidence, timeline, explanation } => {
                evidence.clear();
                timeline.clear();
                brief(&mut failure.message);
                brief(&mut failure.location);
                if is_long(serde_json::to_vec(&failure.check)) {
                    failure.check = Check::default();
                }
                if is_long(serde_json::to_vec(explanation)) {
                    *explanation = Explanation::default();
                }
            }
        }
        brief(&mut self.banner);
        if is_long(serde_json::to_vec(&self.warnings)) {
            self.warnings.truncate(WARNINGS);
            self.warnings
                .iter_mut()
                .for_each(|text| text.truncate(text.floor_char_boundary(TEXT / WARNINGS)));
        }
        if is_long(serde_json::to_vec(&self.choices)) {
            self.choices.clear();
        }
        if is_long(serde_json::to_vec(&self.doubts)) {
            self.doubts.clear();
        }
        self
    }
}

fn first() -> u32 {
    1
}

fn is_first(call: &u32) -> bool {
    *call == 1
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}
