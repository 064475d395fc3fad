//! What all forms are made of.

use std::fmt::Write as _;

use report::spec::RULES;

use crate::course::{Scheme, rounded};
use crate::record::Shortage;
use crate::sheet::Seeds;
use crate::standing::{Outcome, Standing};
use crate::suite::{LabTest, group};
use crate::table::{between, percent};
use crate::tally::{Cause, Tally};

const CANNOT_FAIL: &str = "writing to a string can't fail";

/// The part, and the name, of the item that says how many runs could be judged, where those are too few. It is no test,
/// and is there because some forms show only tests.
pub(super) const JUDGED: &str = "judged";

/// How many causes of a test are told.
pub(super) const CAUSES: usize = 4;

/// A submission, or the user's own code, for a reader.
#[derive(Debug)]
pub(super) struct Sheet {
    /// Empty for the user's own code.
    pub(super) submission: String,
    pub(super) outcome: Outcome,
    /// Why it wasn't run, or not to its end; and what else is to be known. Empty if nothing is.
    pub(super) message: String,
    pub(super) items: Vec<Item>,
    /// What is taken off, and for which rule.
    pub(super) deductions: Vec<(String, f64)>,
    pub(super) sum: f64,
    pub(super) max: f64,
    /// Real time of all runs, in seconds.
    pub(super) seconds: f64,
}

/// A test of it.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) test: String,
    /// `3A`, `steps` or `extra`.
    pub(super) part: String,
    /// How many runs were asked for, and how many were made.
    pub(super) asked: u64,
    pub(super) runs: u64,
    pub(super) passed: u64,
    pub(super) failed: u64,
    pub(super) skipped: u64,
    /// To hundredths; and the points as they are, for sums.
    pub(super) points: f64,
    pub(super) exact: f64,
    pub(super) max: f64,
    /// What is to be told, line by line.
    pub(super) message: String,
    pub(super) causes: Vec<Cause>,
    /// Its runs that failed and whose seeds are shown: the seed, and what the run is called on disk.
    pub(super) files: Vec<(u64, String)>,
    pub(super) seconds: f64,
}

impl Item {
    pub(super) fn is_passed(&self) -> bool {
        self.asked > 0 && self.passed + self.skipped >= self.asked
    }
}

impl Sheet {
    pub(super) fn new(standing: &Standing, scheme: &Scheme, seeds: Seeds) -> Sheet {
        let points = standing.points(scheme);
        let empty = Tally::default();
        // Tests that are worth nothing are shown as well, and so are those that were not run.
        let mut names: Vec<&str> = scheme.tests().collect();
        names.extend(standing.tests.iter().map(|test| test.name.as_str()));
        let mut items: Vec<Item> = Vec::new();
        for name in names {
            if items.iter().any(|item: &Item| item.test.split(',').next() == Some(name)) {
                continue;
            }
            let worth = points.tests.iter().find(|(test, ..)| test == name);
            let (points, max) = worth.map_or((0.0, 0.0), |(_, points, max)| (*points, *max));
            let calls: Vec<_> = standing
                .tests
                .iter()
                .zip(&standing.tallies)
                .filter(|(test, _)| test.name == name)
                .collect();
            if calls.is_empty() {
                items.push(item(&LabTest::named(name, 1), &empty, (points, max), seeds));
            }
            // The points are those of all calls together.
            for (i, (test, tally)) in calls.iter().enumerate() {
                let worth = if i == 0 { (points, max) } else { (0.0, 0.0) };
                items.push(item(test, tally, worth, seeds));
            }
        }
        if let Some(shortage) = standing.shortage {
            items.push(item_of(shortage));
        }
        let message: Vec<String> =
            standing.why_not_run().into_iter().chain(standing.remarks()).collect();
        Sheet {
            submission: standing.submission.clone(),
            outcome: standing.outcome(),
            message: message.join("\n"),
            seconds: items.iter().map(|item| item.seconds).sum(),
            items,
            deductions: points.deductions,
            sum: points.sum,
            max: points.max,
        }
    }

    /// Its name in forms that need one.
    pub(super) fn name(&self) -> &str {
        if self.submission.is_empty() { "raft" } else { &self.submission }
    }
}

fn item(test: &LabTest, tally: &Tally, (points, max): (f64, f64), seeds: Seeds) -> Item {
    let shown = tally.failures.values().filter(|_| seeds == Seeds::Shown);
    Item {
        test: test.title(),
        part: group(&test.name).to_owned(),
        asked: tally.asked,
        runs: tally.runs,
        passed: tally.passed(),
        failed: tally.failures.len() as u64,
        skipped: tally.skipped(),
        points: rounded(points),
        exact: points,
        max: rounded(max),
        message: message(&test.name, tally, seeds),
        causes: tally.causes(),
        files: shown.map(|failed| (failed.seed, test.file_name(failed.seed))).collect(),
        seconds: tally.busy.as_secs_f64(),
    }
}

/// What stands among the tests for runs that could not be judged.
fn item_of(shortage: Shortage) -> Item {
    let Shortage { wanted, judged } = shortage;
    Item {
        test: JUDGED.to_owned(),
        part: JUDGED.to_owned(),
        asked: wanted,
        runs: judged,
        passed: judged,
        failed: 0,
        skipped: 0,
        points: 0.0,
        exact: 0.0,
        max: 0.0,
        message: shortage.to_string(),
        causes: Vec::new(),
        files: Vec::new(),
        seconds: 0.0,
    }
}

/// What is told of a test.
fn message(name: &str, tally: &Tally, seeds: Seeds) -> String {
    let (asked, runs, failed) = (tally.asked, tally.runs, tally.failures.len() as u64);
    if runs == 0 {
        return "not run".to_owned();
    }
    let mut text = match failed {
        0 => format!("all {runs} runs passed"),
        _ => {
            let (rate, interval) =
                (percent(failed as f64 / tally.played() as f64), between(failed, tally.played()));
            format!("{failed} of {runs} runs failed: {rate}; with 95 % confidence, {interval}")
        }
    };
    for (reason, count) in &tally.skips {
        write!(text, "\n{count} runs were skipped, and count neither way: {reason}")
            .expect(CANNOT_FAIL);
    }
    if let (Some((count, how)), true) = (tally.given_up(), runs < asked) {
        let not_run = asked - runs;
        write!(text, "\n{count} runs {how} in the same way: the other {not_run} were not run")
            .expect(CANNOT_FAIL);
    } else if runs < asked {
        write!(text, "\n{} runs were not made", asked - runs).expect(CANNOT_FAIL);
    }
    for cause in tally.causes().iter().take(CAUSES) {
        write!(text, "\n{} x {}", cause.runs.len(), cause.sentence).expect(CANNOT_FAIL);
        let rule = RULES
            .iter()
            .find(|rule| rule.id == cause.cause || rule.alias == Some(cause.cause.as_str()));
        if let Some(rule) = rule {
            write!(text, "\n    why: {} ({}): {}", rule.name(), rule.place, rule.says)
                .expect(CANNOT_FAIL);
            write!(text, "\n    look: {}", rule.look).expect(CANNOT_FAIL);
        }
        if let (Seeds::Shown, Some((seed, _))) = (seeds, cause.soonest()) {
            write!(text, "\n    repeat: LAB_STRICT=1 LAB_SEED={seed} cargo test -p raft {name}")
                .expect(CANNOT_FAIL);
        }
    }
    text
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::course::Course;
    use crate::standing::tests::three;

    pub(in crate::merge) fn sheets(seeds: Seeds) -> Vec<Sheet> {
        let merged = three();
        let course = Course::default();
        let scheme = course.scheme(&merged.all_tests()).expect("a scheme");
        merged
            .standings(&course.rules)
            .iter()
            .map(|standing| Sheet::new(standing, &scheme, seeds))
            .collect()
    }

    /// Of a submission that passes, and of which two of three runs could not be judged.
    pub(in crate::merge) fn unjudged() -> Sheet {
        let merged = three();
        let course = Course::default();
        let scheme = course.scheme(&merged.all_tests()).expect("a scheme");
        let alice = merged.standings(&course.rules).swap_remove(0);
        let shortage = Some(Shortage { wanted: 3, judged: 1 });
        Sheet::new(&Standing { shortage, ..alice }, &scheme, Seeds::Hidden)
    }

    #[test]
    fn runs_that_could_not_be_judged_are_an_item_that_has_not_passed() {
        let sheet = unjudged();
        let said = "2 of 3 runs that passed could not be judged without its servers' code";
        assert!(sheet.message.starts_with(said), "{}", sheet.message);
        let passed = sheet.items.iter().map(|item| (item.test.as_str(), item.is_passed()));
        let expected = [("TestReElection3A", true), ("TestBackup3B", true), (JUDGED, false)];
        assert_eq!(passed.collect::<Vec<_>>(), expected);
        assert_eq!((sheet.sum, sheet.max), (50.0, 50.0));
    }

    #[test]
    fn a_seed_is_told_only_where_it_may_be() {
        let message = |seeds| sheets(seeds)[1].items[1].message.clone();
        let hidden = message(Seeds::Hidden);
        assert!(
            hidden.starts_with("1 of 2 runs failed: 50 %; with 95 % confidence, 1.3"),
            "{hidden}"
        );
        assert!(hidden.contains("1 x no <leader>") && !hidden.contains("LAB_SEED"), "{hidden}");
        let shown = message(Seeds::Shown);
        assert!(
            shown.contains("repeat: LAB_STRICT=1 LAB_SEED=2 cargo test -p raft TestBackup3B"),
            "{shown}"
        );
    }

    #[test]
    fn tests_that_were_not_run_are_there() {
        let sheets = sheets(Seeds::Hidden);
        let carol = &sheets[2];
        assert_eq!((carol.message.as_str(), carol.sum), ("error[E0308]: mismatched types", 0.0));
        let items: Vec<_> =
            carol.items.iter().map(|item| (item.test.as_str(), item.message.as_str())).collect();
        assert_eq!(items, [("TestReElection3A", "not run"), ("TestBackup3B", "not run")]);
        assert!(!carol.items[0].is_passed());
    }
}
