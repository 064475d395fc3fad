//! Each bug is caught by the message, of the kind and at the line where it should be: a table of tests that
//! fail, with one runner.
//!
//! A row names a bug, a test, and the failures that are expected of the seeds from 1 on. No other failure
//! may come.

mod blocked;
mod checks;
mod odd_answers;
mod rows_3a;
mod rows_3b;
mod rows_3c;
mod rows_3d;
mod scenarios;

use std::fmt;

use config::{FailureKind, Process, Verdict};
use zoo::Bug;

use crate::child::{Expected, Runs, run, run_in};
use crate::table::assert_all_hold;
use crate::wrappers::{ODD_RAFT, Odd};

/// A test that fails, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) raft: Wrong,
    /// The test's name, without its path.
    test: &'static str,
    /// How many seeds it runs with, from 1 on.
    seeds: u64,
    /// The failures that may come, and how many runs must fail so at least. None means that no run fails.
    failures: &'static [(usize, Expected)],
    /// How many runs must fail at least in all.
    least: usize,
    /// Whether the first finding of each failure must name the bug.
    findings: Findings,
}

/// A Raft that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// It breaks a rule.
    Bug(Bug),
    /// It tells the tester something odd. Its process survives that.
    Odd(Odd),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Findings {
    Any,
    NameTheBug,
}

/// A row for a bug.
const fn row(
    bug: Bug,
    test: &'static str,
    seeds: u64,
    failures: &'static [(usize, Expected)],
) -> Row {
    Row::new(Wrong::Bug(bug), test, seeds, failures)
}

impl Row {
    const fn new(
        raft: Wrong,
        test: &'static str,
        seeds: u64,
        failures: &'static [(usize, Expected)],
    ) -> Row {
        let (mut least, mut i) = (0, 0);
        while i < failures.len() {
            least += failures[i].0;
            i += 1;
        }
        Row { raft, test, seeds, failures, least, findings: Findings::Any }
    }

    /// The same row, if at least so many runs must fail in all.
    const fn in_all(self, least: usize) -> Row {
        Row { least, ..self }
    }

    /// The same row, if the first finding of each failure must name the bug.
    const fn named(self) -> Row {
        Row { findings: Findings::NameTheBug, ..self }
    }

    /// Whether some run must fail.
    pub(crate) fn catches(&self) -> bool {
        self.least > 0
    }

    /// Runs it, and says what doesn't hold.
    fn check(&self) -> Result<(), String> {
        let variable = match self.raft {
            Wrong::Bug(bug) => ("LAB_BUG", bug.to_string()),
            Wrong::Odd(odd) => (ODD_RAFT, format!("{odd:?}")),
        };
        let runs = run_in(self.test, [variable], 1..=self.seeds);
        self.check_failures(&runs)?;
        match self.raft {
            Wrong::Bug(bug) if self.findings == Findings::NameTheBug => check_findings(bug, &runs),
            Wrong::Odd(_) => check_survival(&runs),
            Wrong::Bug(_) => Ok(()),
        }
    }

    fn check_failures(&self, runs: &Runs) -> Result<(), String> {
        let mut counts = vec![0; self.failures.len()];
        for failure in runs.failures() {
            let found = self.failures.iter().position(|(_, expected)| expected.matches(failure));
            let index = found.ok_or_else(|| format!("unexpected: {failure:?}"))?;
            counts[index] += 1;
            checks::check(failure)?;
        }
        for ((least, expected), count) in self.failures.iter().zip(&counts) {
            if count < least {
                return Err(format!("{count} fail, not {least}, with {:?}", expected.message));
            }
        }
        let failed: usize = counts.iter().sum();
        if failed < self.least { Err(format!("{failed} fail, not {}", self.least)) } else { Ok(()) }
    }
}

/// Whether what is told first of each failure, a finding or else the failure's kind, names the bug.
fn check_findings(bug: Bug, runs: &Runs) -> Result<(), String> {
    for result in &runs.results {
        let Verdict::Failed { failure, explanation, .. } = &result.verdict else { continue };
        let first = explanation.findings.first();
        let told = first.map_or(failure.kind.to_string(), |finding| finding.id.clone());
        if !bug.causes().contains(&told.as_str()) {
            return Err(format!("{told} doesn't name it"));
        }
    }
    Ok(())
}

/// Whether the failure is all that has happened: the process went on, the seed failed again, and the report
/// says when it was.
fn check_survival(runs: &Runs) -> Result<(), String> {
    for result in &runs.results {
        if (result.process, &result.note) != (Process::Survived, &None) {
            return Err(format!("{:?}, {:?}", result.process, result.note));
        }
    }
    if runs.output.contains("\n  time      ") { Ok(()) } else { Err(runs.output.clone()) }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.raft {
            Wrong::Bug(bug) => write!(f, "{bug}")?,
            Wrong::Odd(odd) => write!(f, "{odd:?}")?,
        }
        write!(f, " {} {}", self.test, self.seeds)
    }
}

/// All rows.
pub(crate) fn rows() -> impl Iterator<Item = &'static Row> {
    let tables = [
        rows_3a::ROWS,
        rows_3b::ROWS,
        rows_3c::ROWS,
        rows_3d::ROWS,
        scenarios::ROWS,
        blocked::ROWS,
        odd_answers::ROWS,
    ];
    tables.into_iter().flatten()
}

fn check(rows: &'static [Row]) {
    assert_all_hold(rows, Row::check);
}

#[test]
fn bugs_of_3a() {
    check(rows_3a::ROWS);
}

#[test]
fn bugs_of_3b() {
    check(rows_3b::ROWS);
}

#[test]
fn bugs_of_3c() {
    check(rows_3c::ROWS);
}

#[test]
fn bugs_of_3d() {
    check(rows_3d::ROWS);
}

#[test]
fn bugs_that_a_scenario_is_made_for() {
    check(scenarios::ROWS);
}

#[test]
fn bugs_that_block_a_thread() {
    check(blocked::ROWS);
}

#[test]
fn odd_rafts() {
    check(odd_answers::ROWS);
}

#[test]
fn a_row_that_does_not_hold_is_told() {
    const NO_LEADER: Expected =
        Expected::anywhere(FailureKind::Liveness, "expected one leader, got none");
    let of = |bug, failures| row(bug, "TestReElection3A", 2, failures).check();
    assert_eq!(of(Bug::None, &[]), Ok(()));
    assert_eq!(of(Bug::StandsOnce, &[(2, NO_LEADER)]), Ok(()));

    let too_few = of(Bug::None, &[(1, NO_LEADER)]);
    assert_eq!(too_few, Err("0 fail, not 1, with \"expected one leader, got none\"".to_owned()));
    const ELSEWHERE: Expected =
        Expected { at: Some(("TestInitialElection3A", "check_one_leader")), ..NO_LEADER };
    const OF_SAFETY: Expected = Expected { kind: FailureKind::Safety, ..NO_LEADER };
    const OTHERWISE: Expected = Expected { message: "expected one leader, got two", ..NO_LEADER };
    for failures in [&[][..], &[(2, ELSEWHERE)], &[(2, OF_SAFETY)], &[(2, OTHERWISE)]] {
        let error = of(Bug::StandsOnce, failures).expect_err("it is another failure");
        assert!(error.starts_with("unexpected: "), "{error}");
    }
    let in_all = row(Bug::None, "TestReElection3A", 2, &[(0, NO_LEADER)]).in_all(1).check();
    assert_eq!(in_all, Err("0 fail, not 1".to_owned()));
    let runs = run("TestReElection3A", Bug::StandsOnce, 1..=1);
    assert_eq!(check_findings(Bug::StandsOnce, &runs), Ok(()));
    let other = check_findings(Bug::VotesTwice, &runs);
    assert_eq!(other, Err("election-timer-dead doesn't name it".to_owned()));
    let noted = check_survival(&Runs { output: String::new(), ..runs });
    assert_eq!(noted, Err(String::new()), "the report says when it was");
}
