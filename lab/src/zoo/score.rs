//! What a campaign says of each Raft: what catches it, how often, and at what cost.

use super::bugs::CONTROL;
use super::stored::{Campaign, Cell, Group, Plan};
use report::KnownBug;

/// How far out the bounds of an interval are that holds the true rate 19 times out of 20.
const Z: f64 = 1.959_964;

/// What the tests are joined by, each step with all before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// MIT's tests alone.
    Mit,
    /// The safety rules, in MIT's tests.
    Monitors,
    /// Our own scenarios.
    Extra,
    /// Random exploration.
    Explore,
}

impl Step {
    /// Whether it has a test.
    fn has(self, cell: &Cell) -> bool {
        let last = match self {
            Step::Mit | Step::Monitors => Group::Mit,
            Step::Extra => Group::Extra,
            Step::Explore => Group::Explore,
        };
        Group::of(&cell.test) <= last
    }

    /// How many runs of a test count as failures.
    pub(crate) fn failures(self, cell: &Cell) -> u64 {
        match self {
            _ if !self.has(cell) => 0,
            Step::Mit => cell.own(),
            Step::Monitors | Step::Extra | Step::Explore => cell.failures,
        }
    }
}

impl Cell {
    /// Failures that are no rule's.
    pub(crate) fn own(&self) -> u64 {
        self.failures - self.monitor_only
    }

    /// CPU seconds of so many runs.
    pub(crate) fn cpu_of(&self, runs: u64) -> f64 {
        self.cpu * runs as f64 / self.made().max(1) as f64
    }

    /// How many runs were made, those that show nothing among them.
    fn made(&self) -> u64 {
        self.runs + self.tester + self.skipped
    }
}

/// Passes, each of which is every test once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Passes {
    /// Those in which a run fails.
    pub(crate) failing: u64,
    /// Those of which that is known.
    pub(crate) known: u64,
}

/// A Raft with which all tests have been run.
#[derive(Debug)]
pub(crate) struct Scored<'a> {
    /// `None` for the right Raft.
    pub(crate) bug: Option<&'a KnownBug>,
    /// In the order of a pass.
    pub(crate) cells: Vec<&'a Cell>,
    plan: &'a Plan,
}

impl<'a> Scored<'a> {
    /// What `campaign` says of a Raft; `None` if some test is still to be run.
    pub(crate) fn of(campaign: &'a Campaign, raft: &str) -> Option<Scored<'a>> {
        let plan = &campaign.plan;
        let mine: Vec<&Cell> = campaign.cells.iter().filter(|cell| cell.bug == raft).collect();
        let of_test = |name: &String| mine.iter().copied().find(|cell| cell.test == *name);
        let cells = plan.tests.iter().map(of_test).collect::<Option<Vec<&Cell>>>()?;
        Some(Scored { bug: plan.bugs.iter().find(|bug| bug.name == raft), cells, plan })
    }

    /// The right Raft.
    pub(crate) fn control(campaign: &'a Campaign) -> Option<Scored<'a>> {
        Scored::of(campaign, CONTROL)
    }

    /// The tests that fail, with how many failures.
    pub(crate) fn failing(&self, step: Step) -> impl Iterator<Item = (&'a Cell, u64)> {
        self.cells
            .iter()
            .map(move |cell| (*cell, step.failures(cell)))
            .filter(|(_, failures)| *failures > 0)
    }

    pub(crate) fn is_caught(&self, step: Step) -> bool {
        self.failing(step).next().is_some()
    }

    /// The probability that a pass fails, which is every test once, with one seed each.
    pub(crate) fn one_pass(&self, step: Step) -> f64 {
        let passes = self
            .failing(step)
            .map(|(cell, failures)| 1.0 - failures as f64 / cell.runs.max(1) as f64);
        1.0 - passes.product::<f64>()
    }

    /// The test of a group that fails most, with how many failures.
    pub(crate) fn best(&self, group: Group, step: Step) -> Option<(&'a Cell, u64)> {
        let of_group = self.failing(step).filter(|(cell, _)| Group::of(&cell.test) == group);
        let rate = |(cell, failures): &(&Cell, u64)| *failures as f64 / cell.runs.max(1) as f64;
        // Of equals the first: a pass comes to it sooner.
        of_group.reduce(|best, other| if rate(&other) > rate(&best) { other } else { best })
    }

    /// Of how many passes it is known whether a run fails in them, and in how many one does: of the passes
    /// by each seed, every test once. It isn't known where a test's other seeds weren't run.
    pub(crate) fn passes(&self, step: Step) -> Passes {
        let mut passes = Passes { failing: 0, known: 0 };
        for pass in 0..self.plan.seeds.count {
            let is_red = |cell: &&Cell| {
                cell.failed.contains(&pass) || (step != Step::Mit && cell.flagged.contains(&pass))
            };
            let cells = || self.cells.iter().copied().filter(|cell| step.has(cell));
            if cells().any(|cell| is_red(&cell)) {
                passes.failing += 1;
                passes.known += 1;
            } else if cells().all(|cell| pass < cell.made()) {
                passes.known += 1;
            }
        }
        passes
    }

    pub(crate) fn runs(&self) -> u64 {
        self.cells.iter().map(|cell| cell.runs).sum()
    }

    pub(crate) fn failures(&self) -> u64 {
        self.cells.iter().map(|cell| cell.failures).sum()
    }

    /// How many failures have a first finding that names the bug.
    pub(crate) fn right(&self) -> u64 {
        self.cells.iter().map(|cell| cell.right).sum()
    }

    /// A run that fails: of a test that does in at least half of its runs, if there is one, and of these
    /// the one that costs least. Which test, and which of its runs.
    pub(crate) fn surest(&self) -> Option<(&'a str, u64)> {
        let key = |cell: &&&Cell| (cell.failures * 2 < cell.runs, (cell.cpu_of(1) * 1e6) as u64);
        let cell = self.cells.iter().filter(|cell| cell.first.is_some()).min_by_key(key)?;
        Some((&cell.test, cell.first?))
    }

    /// CPU seconds until the first run fails, if one runs every test with the first seed, then every
    /// test with the second, and so on. Each run of a test is taken to cost the mean of its runs.
    pub(crate) fn cpu_to_catch(&self) -> Option<f64> {
        let pass = self.cells.iter().filter_map(|cell| cell.first).min()?;
        let last = self.cells.iter().position(|cell| cell.first == Some(pass))?;
        let runs_of = |(place, cell): (usize, &&Cell)| {
            let runs = if place <= last { pass + 1 } else { pass };
            cell.cpu_of(runs.min(self.plan.count(&cell.test)))
        };
        Some(self.cells.iter().enumerate().map(runs_of).sum())
    }
}

/// Between which rates the true one lies, 19 times out of 20, by Wilson's score: it is sound also for
/// few runs, and for rates near 0 and 1.
pub(crate) fn wilson(failures: u64, runs: u64) -> (f64, f64) {
    if runs == 0 {
        return (0.0, 1.0);
    }
    let (n, rate) = (runs as f64, failures as f64 / runs as f64);
    let middle = rate + Z * Z / (2.0 * n);
    let spread = Z * (rate * (1.0 - rate) / n + Z * Z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + Z * Z / n;
    (((middle - spread) / scale).max(0.0), ((middle + spread) / scale).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_wilson_s() {
        let rounded = |failures, runs| {
            let (low, high) = wilson(failures, runs);
            ((low * 1e4).round() / 1e4, (high * 1e4).round() / 1e4)
        };
        // As tables of it have them.
        assert_eq!(rounded(0, 10), (0.0, 0.2775));
        assert_eq!(rounded(1, 10), (0.0179, 0.4042));
        assert_eq!(rounded(10, 10), (0.7225, 1.0));
        assert_eq!(rounded(50, 100), (0.4038, 0.5962));
        assert_eq!(rounded(0, 0), (0.0, 1.0));
    }
}
