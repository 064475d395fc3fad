//! What is stored of a campaign: what is run, and what came of each mutant.

use report::explain::Confidence;
use serde::{Deserialize, Serialize};

use crate::first_cause::FirstCause;
use crate::process::Seeds;
use crate::stored::{Campaign, Plan as Form};
use crate::zoo::Group;

/// What stands for a mutant's name where the Raft is as it is.
pub(crate) const CONTROL: &str = "None";

/// What is run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Plan {
    pub(crate) form: u32,
    /// A hash of the sources without a mutant.
    pub(crate) code: String,
    /// `debug` or `release`.
    pub(crate) profile: String,
    /// The seeds of each test.
    pub(crate) seeds: Seeds,
    pub(crate) tests: Vec<String>,
    /// The mutants, in the order in which they are run. The right Raft isn't among them, but is run first.
    pub(crate) mutants: Vec<Known>,
}

/// A mutant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Known {
    /// As cargo-mutants names it: where it is, and what it does.
    pub(crate) name: String,
    /// The function that it is in: `State::vote`.
    pub(crate) function: String,
    /// The rules that the function has a part in.
    pub(crate) rules: Vec<String>,
}

/// What came of a mutant.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cell {
    pub(crate) mutant: String,
    /// Whether it compiles.
    pub(crate) built: bool,
    /// How many runs were made.
    pub(crate) runs: u64,
    /// Runs of which nothing is known, because the tester itself failed.
    #[serde(default)]
    pub(crate) tester: u64,
    /// CPU seconds of all runs.
    pub(crate) cpu: f64,
    /// Some of the runs that failed: of few tests, and few of each.
    pub(crate) failures: Vec<Failing>,
}

/// A run that failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Failing {
    pub(crate) test: String,
    pub(crate) seed: u64,
    /// The first line of the failure, without numbers.
    pub(crate) check: String,
    pub(crate) told: Said,
}

/// What a run says first about its cause, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Said {
    Finding { id: String, confidence: Confidence },
    Monitor { id: String },
    Itself { kind: String },
    Nothing,
}

impl From<FirstCause> for Said {
    fn from(told: FirstCause) -> Said {
        match told {
            FirstCause::Finding(id, confidence) => Said::Finding { id, confidence },
            FirstCause::Rule(id) => Said::Monitor { id },
            FirstCause::Itself(kind) => Said::Itself { kind },
            FirstCause::Nothing => Said::Nothing,
        }
    }
}

impl Plan {
    /// The same plan without the test that explores: what it does is the seed's choice.
    pub(crate) fn without_exploration(mut self) -> Plan {
        self.tests.retain(|test| Group::of(test) != Group::Explore);
        self
    }
}

impl Form for Plan {
    const FORM: u32 = 1;

    fn form(&self) -> u32 {
        self.form
    }

    fn difference(&self, other: &Plan) -> Option<String> {
        let Plan { profile, seeds: Seeds { first, count }, .. } = self;
        if profile != &other.profile {
            Some(format!("a {profile} build"))
        } else if self.seeds != other.seeds {
            Some(format!("{count} seeds from {first} on"))
        } else if self.mutants != other.mutants {
            Some("other mutants, or another table of rules".to_owned())
        } else if self != other {
            Some("other sources or tests, whose runs may be others".to_owned())
        } else {
            None
        }
    }
}

/// A campaign, as far as it has come.
pub(crate) type Mutants = Campaign<Plan, Cell>;

impl Mutants {
    /// What came of the mutant; `None` if it hasn't been run.
    pub(crate) fn cell(&self, name: &str) -> Option<&Cell> {
        self.cells.iter().find(|cell| cell.mutant == name)
    }

    /// Whether the right Raft fails, which makes all else worthless.
    pub(crate) fn control_fails(&self) -> bool {
        self.cell(CONTROL).is_some_and(|cell| !cell.failures.is_empty())
    }
}
