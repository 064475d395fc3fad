//! Points: what each test is worth, and how many a submission has.

use std::collections::{BTreeMap, BTreeSet};

use super::{Broken, Course, Curve};
use crate::error::Error;
use crate::suite::{group, part, suggestion};

/// What each of some tests is worth.
#[derive(Clone, Debug)]
pub(crate) struct Scheme {
    rows: Vec<Worth>,
    course: Course,
}

#[derive(Clone, Debug)]
struct Worth {
    test: String,
    max: f64,
    curve: Curve,
}

/// How a test went, as far as points are concerned.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scored {
    /// How many runs were asked for. Those that were not run haven't passed.
    pub(crate) asked: u64,
    /// How many passed all checks, also those of rules.
    pub(crate) passed: u64,
    /// How many passed all but the rules.
    pub(crate) broke_a_rule: u64,
    /// How many were skipped: they count neither way.
    pub(crate) skipped: u64,
    /// The rules that were broken.
    pub(crate) rules: BTreeSet<String>,
}

/// How many points a submission has.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Points {
    /// Of each test, in the order of the scheme, and how many it may have: not rounded, as a third of a part may be.
    pub(crate) tests: Vec<(String, f64, f64)>,
    /// What is taken off, for which rule.
    pub(crate) deductions: Vec<(String, f64)>,
    /// The sum, which is 0 at least.
    pub(crate) sum: f64,
    /// How many it may have.
    pub(crate) max: f64,
}

impl Course {
    /// What each of `tests` is worth.
    ///
    /// # Errors
    /// If the course file speaks of a test or a part that isn't among `all`.
    pub(crate) fn scheme(&self, all: &[String]) -> Result<Scheme, Error> {
        for name in self.points.0.keys().chain(self.curves.keys()) {
            // Without a course file there is nothing that could be misspelt.
            if !self.path.as_os_str().is_empty() && !all.iter().any(|test| is_meant(name, test)) {
                let mut words: Vec<&str> = all.iter().map(String::as_str).collect();
                words.extend(all.iter().flat_map(|test| [part(test), group(test)]));
                words.retain(|word| !word.is_empty());
                words.sort_unstable();
                words.dedup();
                let hint = suggestion(name, &words);
                let hint = hint.unwrap_or_else(|| {
                    "it is a test, a part such as 3A, `steps` or `extra`".to_owned()
                });
                return Err(Error::NoSuchWorth {
                    path: self.path.clone(),
                    name: name.clone(),
                    hint,
                });
            }
        }
        let row = |test: &String| {
            let key = most_special(self.points.0.keys(), test)?;
            let sharers =
                all.iter().filter(|other| most_special(self.points.0.keys(), other) == Some(key));
            let max = self.points.0[key] / sharers.count() as f64;
            let curve = most_special(self.curves.keys(), test)
                .map_or(&self.curve, |name| &self.curves[name]);
            Some(Worth { test: test.clone(), max, curve: curve.clone() })
        };
        let rows: Vec<Worth> = all.iter().filter_map(row).collect();
        if rows.is_empty() {
            return Err(self.wrong("no test is worth any points".to_owned()));
        }
        Ok(Scheme { rows, course: self.clone() })
    }
}

/// Whether `name`, of a test, a part, `steps` or `extra`, means `test`.
fn is_meant(name: &str, test: &str) -> bool {
    name == test || name == part(test) || name == group(test)
}

/// Of some names, that which means `test`: the test's own before its part's, and that before its group's.
fn most_special<'a>(names: impl Iterator<Item = &'a String>, test: &str) -> Option<&'a String> {
    let rank = |name: &String| match name {
        name if name == test => 0,
        name if name == part(test) => 1,
        _ => 2,
    };
    names.filter(|name| is_meant(name, test)).min_by_key(|name| rank(name))
}

impl Scheme {
    /// The tests that are worth something, also if that is 0 points.
    pub(crate) fn tests(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().map(|row| row.test.as_str())
    }

    /// The course that this is of.
    pub(crate) fn course(&self) -> &Course {
        &self.course
    }

    /// How many points there are for tests that went so.
    pub(crate) fn points(&self, scored: impl Fn(&str) -> Scored) -> Points {
        let mut rules = BTreeSet::new();
        let mut tests = Vec::new();
        for Worth { test, max, curve } in &self.rows {
            let Scored { asked, passed, broke_a_rule, skipped, rules: broken } = scored(test);
            rules.extend(broken);
            let passed = match self.course.rules.broken {
                Broken::Fail => passed,
                Broken::Deduct => passed + broke_a_rule,
            };
            // A test that doesn't apply to a Raft is no fault of it.
            let all_skipped = asked > 0 && skipped == asked;
            let share = if all_skipped { 1.0 } else { curve.of(passed, asked - skipped) };
            tests.push((test.clone(), max * share, *max));
        }
        let deductions: BTreeMap<String, f64> =
            rules.iter().filter_map(|rule| self.course.rules.deduction(rule)).collect();
        let taken: Vec<(String, f64)> = deductions.into_iter().collect();
        let earned: f64 = tests.iter().map(|(_, points, _)| points).sum();
        let taken_off: f64 = taken.iter().map(|(_, points)| points).sum();
        let max: f64 = self.rows.iter().map(|row| row.max).sum();
        let sum = rounded((earned - taken_off).max(0.0));
        Points { tests, deductions: taken, sum, max: rounded(max) }
    }
}

/// To hundredths.
pub(crate) fn rounded(points: f64) -> f64 {
    (points * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<String> {
        [
            "TestInitialElection3A",
            "TestReElection3A",
            "TestManyElections3A",
            "TestBackup3B",
            "TestVoteX01",
        ]
        .map(str::to_owned)
        .into()
    }

    fn scheme(text: &str) -> Result<Scheme, Error> {
        let course = Course::parse(text).expect("a course");
        Course { path: "lab.toml".into(), ..course }.scheme(&all())
    }

    fn went(asked: u64, passed: u64, broke_a_rule: u64, rules: &[&str]) -> Scored {
        let rules = rules.iter().map(|rule| (*rule).to_owned()).collect();
        Scored { asked, passed, broke_a_rule, skipped: 0, rules }
    }

    #[test]
    fn a_part_s_points_are_shared_by_its_tests_without_their_own() {
        let scheme =
            scheme("[points]\n3A = 10\nTestReElection3A = 3\nextra = 5\n").expect("it is right");
        let points = scheme.points(|test| match test {
            "TestReElection3A" => went(4, 3, 0, &[]),
            _ => went(4, 4, 0, &[]),
        });
        let expected = [
            ("TestInitialElection3A", 5.0, 5.0),
            ("TestReElection3A", 0.0, 3.0),
            ("TestManyElections3A", 5.0, 5.0),
            ("TestVoteX01", 5.0, 5.0),
        ];
        assert_eq!(
            points.tests,
            expected.map(|(name, points, max)| (name.to_owned(), points, max))
        );
        assert_eq!((points.sum, points.max), (15.0, 18.0));
    }

    #[test]
    fn thirds_are_the_whole_in_the_end() {
        let scheme = scheme("[points]\n3A = 10\n").expect("it is right");
        assert_eq!(scheme.points(|_| went(4, 4, 0, &[])).sum, 10.0);
        let more = super::tests::scheme("[points]\n3A = 10\n3B = 10\n").expect("it is right");
        let points =
            more.points(|test| went(4, if test == "TestBackup3B" { 0 } else { 4 }, 0, &[]));
        assert_eq!((points.sum, points.max), (10.0, 20.0));
    }

    #[test]
    fn a_broken_rule_fails_runs_or_costs_points() {
        let rules = "[rules.deductions]\nany = 2\nM1 = 4\n";
        let went = |_: &str| went(10, 0, 10, &["M1", "M2", "M3"]);
        let fails =
            scheme(&format!("[points]\n3B = 10\n{rules}")).expect("it is right").points(went);
        assert_eq!((fails.sum, fails.max), (0.0, 10.0));
        let text = format!("[points]\n3B = 10\n[rules]\nbroken = \"deduct\"\n{rules}");
        let deducts = scheme(&text).expect("it is right").points(went);
        let taken = [("M1".to_owned(), 4.0), ("any".to_owned(), 2.0)];
        assert_eq!((deducts.sum, &deducts.deductions[..]), (4.0, &taken[..]));
    }

    #[test]
    fn a_test_that_does_not_apply_costs_nothing() {
        let scheme = scheme("[points]\nextra = 4\n").expect("it is right");
        let skipped = |skipped, passed| Scored { asked: 10, passed, skipped, ..Scored::default() };
        assert_eq!(scheme.points(|_| skipped(10, 0)).sum, 4.0);
        assert_eq!(scheme.points(|_| skipped(3, 7)).sum, 4.0);
        assert_eq!(scheme.points(|_| skipped(3, 6)).sum, 0.0);
    }

    #[test]
    fn a_test_that_there_is_not_is_said() {
        let said = |text| scheme(text).expect_err("it is wrong").to_string();
        assert!(
            said("[points]\n3a = 1\n")
                .contains("`3a`, which the course file lab.toml names: did you mean 3A or")
        );
        assert!(said("[points]\n3B = 1\n[curves.3E]\n").contains("`3E`"));
        assert!(said("[points]\n").contains("no test is worth"));
    }
}
