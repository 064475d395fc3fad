//! Running a campaign: all mutants, one after the other.

use std::time::{Duration, Instant};

use children::settings;
use report::{FailureKind, RunResult, Verdict};

use super::generate::Mutant;
use super::hash;
use super::scratch::Scratch;
use super::stored::{CONTROL, Cell, Failing, Mutants, Plan};
use crate::error::Error;
use crate::first_cause::{FirstCause, message};
use crate::output::tell;
use crate::process::{Launcher, Seeds, scratch};
use crate::stored::Store;
use crate::suite::{LabTest, Suite};

/// After so many tests that failed a mutant's other tests aren't run.
pub(crate) const ENOUGH_TESTS: usize = 5;

/// So many failing runs of a test are stored.
pub(crate) const ENOUGH_RUNS: usize = 2;

/// After so much CPU time a mutant's other tests aren't run, nor, if a run takes so long, a test's other
/// seeds. There are mutants that make each run a hundred times as slow.
pub(crate) const ENOUGH_CPU: Duration = Duration::from_secs(15);
const SLOW: Duration = Duration::from_secs(2);

/// Runs what a campaign has left.
pub(crate) struct Work<'a> {
    pub(crate) scratch: &'a Scratch,
    pub(crate) suite: &'a Suite,
    pub(crate) mutants: &'a [Mutant],
    /// When no more mutants are begun.
    pub(crate) until: Option<Instant>,
}

impl Work<'_> {
    /// Runs all that is left and returns the campaign, with what has been run so far if a request or an error
    /// ended it early.
    pub(crate) fn run(&self, mut store: Store, mut campaign: Mutants) -> (Mutants, Option<Error>) {
        let pieces = std::iter::once(None).chain(self.mutants.iter().map(Some));
        for mutant in pieces {
            let name = mutant.map_or(CONTROL, |mutant| &mutant.name);
            if campaign.cell(name).is_some() {
                continue;
            }
            if self.until.is_some_and(|until| Instant::now() >= until) {
                break;
            }
            let cell = match self.measure(&campaign.plan, name, mutant) {
                Ok(Some(cell)) => cell,
                Ok(None) => break,
                Err(error) => return (campaign, Some(error)),
            };
            tell(&line(&cell));
            if let Err(error) = store.add(&cell) {
                return (campaign, Some(Error::NotStored(error)));
            }
            campaign.cells.push(cell);
        }
        (campaign, None)
    }

    /// Builds a mutant and runs the tests on it; `None` if it was stopped.
    fn measure(
        &self,
        plan: &Plan,
        name: &str,
        mutant: Option<&Mutant>,
    ) -> Result<Option<Cell>, Error> {
        let Some(mutant) = mutant else { return self.run_tests(plan, name) };
        self.scratch.apply(mutant)?;
        let cell = match self.scratch.build(&[]) {
            Ok(Some(_)) => self.run_tests(plan, name),
            Ok(None) => Ok(Some(Cell { mutant: name.to_owned(), ..Cell::default() })),
            Err(error) => Err(error),
        };
        self.scratch.restore(mutant)?;
        cell
    }

    fn run_tests(&self, plan: &Plan, name: &str) -> Result<Option<Cell>, Error> {
        let is_planned = |test: &&LabTest| plan.tests.contains(&test.name);
        let mut tests: Vec<&LabTest> = self.suite.tests.iter().filter(is_planned).collect();
        // Each mutant's in another order: else those that fail would always be the first ones.
        tests.sort_by_key(|test| hash(&format!("{name} {}", test.name)));
        let mut cell = Cell { mutant: name.to_owned(), built: true, ..Cell::default() };
        let (mut failing, mut cpu) = (0, Duration::ZERO);
        for test in tests {
            if failing >= ENOUGH_TESTS || (name != CONTROL && cpu > ENOUGH_CPU) {
                break;
            }
            let before = cell.failures.len();
            let Some(used) = self.run_test(plan, test, &mut cell)? else { return Ok(None) };
            failing += usize::from(cell.failures.len() > before);
            cpu += used;
        }
        cell.cpu = (cpu.as_secs_f64() * 1000.0).round() / 1000.0;
        Ok(Some(cell))
    }

    /// Runs a test: with its first seed alone, which may be slow, then with the others. Returns the CPU
    /// time.
    fn run_test(
        &self,
        plan: &Plan,
        test: &LabTest,
        cell: &mut Cell,
    ) -> Result<Option<Duration>, Error> {
        let launcher = Launcher {
            suite: self.suite,
            variables: vec![
                (settings::STRICT, "1".to_owned()),
                (settings::CLOCK, "virtual".to_owned()),
            ],
        };
        let Seeds { first, count } = plan.seeds;
        let (before, mut cpu) = (cell.failures.len(), Duration::ZERO);
        for (skipped, count) in [(0, 1), (1, count - 1)] {
            if count == 0 || cpu > SLOW {
                break;
            }
            let seeds = Seeds { first: first.wrapping_add(skipped), count };
            let folder = scratch()?;
            let Some(ended) = launcher.run(test, seeds, folder.path())? else { return Ok(None) };
            let Some(ended) = ended.complete(test, seeds)? else { return Ok(None) };
            cpu += ended.cpu;
            for line in ended.lines {
                cell.add(test, line, before + ENOUGH_RUNS);
            }
        }
        Ok(Some(cpu))
    }
}

impl Cell {
    /// Counts a run, and stores it if it failed, unless there are `enough` already.
    fn add(&mut self, test: &LabTest, line: RunResult, enough: usize) {
        self.runs += 1;
        let Verdict::Failed { failure, explanation, .. } = &line.verdict else { return };
        if failure.kind == FailureKind::Tester {
            self.tester += 1;
        } else if self.failures.len() < enough {
            self.failures.push(Failing {
                test: test.name.clone(),
                seed: line.seed,
                check: message(failure),
                told: FirstCause::of(failure, explanation, line.process).into(),
            });
        }
    }
}

fn line(cell: &Cell) -> String {
    let Cell { mutant, built, failures, cpu, .. } = cell;
    let what = match (mutant == CONTROL, built, failures.len()) {
        (true, _, 0) => "passes  ",
        (true, ..) => "ALARM   ",
        (_, false, _) => "no build",
        (_, true, 0) => "survives",
        (_, true, _) => "killed  ",
    };
    format!("{what} {mutant} ({} failing runs, {cpu:.1} s)", failures.len())
}
