//! What the zoo stores: what is run, and what came of each test with each bug.

use std::collections::{BTreeMap, BTreeSet};

use report::KnownBug;
use serde::{Deserialize, Serialize};

use super::bugs::CONTROL;
use crate::explore;
use crate::process::Seeds;
use crate::stored;
use crate::suite::part;

/// The form of the file. Another number is another form.
pub(crate) const FORM: u32 = 1;

/// What is run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Plan {
    pub(crate) form: u32,
    /// A hash of the test binaries.
    pub(crate) code: String,
    /// `debug` or `release`.
    pub(crate) profile: String,
    /// The seeds of each test.
    pub(crate) seeds: Seeds,
    /// How many seeds the test has that explores, if there is one.
    pub(crate) explore: u64,
    /// After so many failures that are no rule's a test's other seeds aren't run with the same bug.
    pub(crate) enough: u64,
    /// Nor after so many failures that hung.
    pub(crate) enough_hung: u64,
    /// The tests' names, in the order in which a pass has them.
    pub(crate) tests: Vec<String>,
    /// The bugs. The right Raft isn't among them, but is run, too.
    pub(crate) bugs: Vec<KnownBug>,
}

/// What came of a test with a bug.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cell {
    pub(crate) bug: String,
    pub(crate) test: String,
    /// The runs that were made: those of the first seeds.
    pub(crate) runs: u64,
    /// Those that failed.
    pub(crate) failures: u64,
    /// Of these, those that failed by a safety rule and by nothing else.
    pub(crate) monitor_only: u64,
    /// Which runs failed by a check, from 0.
    #[serde(default)]
    pub(crate) failed: Vec<u64>,
    /// Which runs failed by a safety rule and by nothing else.
    #[serde(default)]
    pub(crate) flagged: Vec<u64>,
    /// The rules that those failed by, and how often each.
    pub(crate) monitors: BTreeMap<String, u64>,
    /// The first lines of the failures, without numbers.
    pub(crate) messages: BTreeMap<String, u64>,
    /// The first finding of each failure; where there is none its rule, or its kind if that is `panic`,
    /// `stuck` or `misuse`, or else `unknown`.
    pub(crate) findings: BTreeMap<String, u64>,
    /// How many failures have a first finding, or a rule, that names the bug.
    pub(crate) right: u64,
    /// How many failures hung until their process was ended.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) hung: u64,
    /// Runs of which nothing is known, because the tester itself failed. They are no failures.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) tester: u64,
    /// Runs that were skipped, because their scenario doesn't apply. They are no failures, and show nothing.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) skipped: u64,
    /// CPU seconds of all runs, the start of their process included, and that each that fails is run
    /// again for confirmation.
    pub(crate) cpu: f64,
    /// Which run is the first that failed, from 0.
    pub(crate) first: Option<u64>,
    /// CPU seconds up to that run's end, if all runs take as long.
    pub(crate) cpu_to_first: Option<f64>,
}

/// Which tests a test belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Group {
    /// MIT's.
    Mit,
    /// Our own scenarios.
    Extra,
    /// Random exploration.
    Explore,
}

impl Group {
    pub(crate) fn of(test: &str) -> Group {
        if test == explore::TEST {
            Group::Explore
        } else if matches!(part(test), "3A" | "3B" | "3C" | "3D") {
            Group::Mit
        } else {
            Group::Extra
        }
    }
}

impl Plan {
    /// The same plan with its tests in the order of a pass, and without exploration if that has no seeds.
    pub(crate) fn in_order(mut self) -> Plan {
        self.tests.retain(|test| self.explore > 0 || Group::of(test) != Group::Explore);
        self.tests.sort_by_key(|test| Group::of(test));
        self
    }

    /// The right Raft, and each bug.
    pub(crate) fn rafts(&self) -> impl Iterator<Item = &str> {
        std::iter::once(CONTROL).chain(self.bugs.iter().map(|bug| bug.name.as_str()))
    }

    /// How many seeds a test is to be run on.
    pub(crate) fn count(&self, test: &str) -> u64 {
        match Group::of(test) {
            Group::Explore => self.explore,
            Group::Mit | Group::Extra => self.seeds.count,
        }
    }

    pub(crate) fn has(&self, group: Group) -> bool {
        self.tests.iter().any(|test| Group::of(test) == group)
    }
}

impl stored::Plan for Plan {
    const FORM: u32 = FORM;

    fn form(&self) -> u32 {
        self.form
    }

    fn difference(&self, other: &Plan) -> Option<String> {
        let profile = |plan: &Plan| format!("a {} build", plan.profile);
        let seeds = |plan: &Plan| {
            let Plan { seeds: Seeds { first, count }, explore, .. } = plan;
            format!("{count} seeds from {first} on, {explore} of them to explore")
        };
        if profile(self) != profile(other) {
            Some(profile(self))
        } else if seeds(self) != seeds(other) {
            Some(seeds(self))
        } else if self.tests != other.tests {
            Some(format!("other tests: {}", self.tests.join(", ")))
        } else if self.bugs != other.bugs {
            let names: Vec<&str> = self.bugs.iter().map(|bug| bug.name.as_str()).collect();
            Some(format!("other bugs, or other facts about them: {}", names.join(", ")))
        } else if self != other {
            Some("another build of the zoo, whose runs may be others".to_owned())
        } else {
            None
        }
    }
}

/// A campaign, as far as it has come.
pub(crate) type Campaign = stored::Campaign<Plan, Cell>;

impl Campaign {
    /// The tests of each Raft that aren't done, by their places in the plan.
    pub(crate) fn open(&self) -> Vec<(String, usize)> {
        let done: BTreeSet<(&str, &str)> =
            self.cells.iter().map(|cell| (cell.bug.as_str(), cell.test.as_str())).collect();
        let all = self.plan.rafts().flat_map(|raft| {
            self.plan.tests.iter().enumerate().map(move |(test, name)| (raft, test, name))
        });
        let open = all.filter(|(raft, _, name)| !done.contains(&(raft, name.as_str())));
        open.map(|(raft, test, _)| (raft.to_owned(), test)).collect()
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}
