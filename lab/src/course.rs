//! The course file `lab.toml`: what a test is worth, and what submissions may do.
//!
//! [`EXAMPLE`] is such a file with all keys, and says what each means. [`Course::read`] reads one, and complains about
//! whatever it doesn't know. [`Course::scheme`] makes of it what each of some tests is worth.

mod points;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use report::spec::{RULES, Rule};
use report::{Check, Failure, FailureKind, Time, Verdict};

use crate::error::Error;
use crate::record::Record;
use crate::suite::suggestion;

pub(crate) use points::{Points, Scheme, Scored, rounded};

/// A course file with all keys, each explained.
pub(crate) const EXAMPLE: &str = include_str!("../templates/lab.toml");

/// What it is called in a workspace.
pub(crate) const FILE: &str = "lab.toml";

/// What stands for all rules that have no deduction of their own.
const ANY: &str = "any";

/// How a course grades.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Course {
    pub(crate) name: String,
    pub(crate) deadline: String,
    pub(crate) runs: Runs,
    pub(crate) limits: Limits,
    points: Worths,
    curve: Curve,
    curves: BTreeMap<String, Curve>,
    pub(crate) rules: Rules,
    /// As they stand in a Cargo.toml.
    pub(crate) dependencies: toml::Table,
    /// The file; empty if there is none.
    #[serde(skip)]
    path: PathBuf,
}

/// How often tests are run, and with which seeds.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Runs {
    pub(crate) each: std::num::NonZeroU64,
    pub(crate) seed: u64,
}

/// How long a submission may take, and how much memory its build.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Limits {
    /// Of each process of a build, in bytes.
    #[serde(deserialize_with = "size")]
    pub(crate) memory: u64,
    #[serde(deserialize_with = "duration")]
    pub(crate) build: Duration,
    #[serde(deserialize_with = "duration")]
    pub(crate) submission: Duration,
}

/// Points by part, test, or `extra`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(transparent)]
struct Worths(BTreeMap<String, f64>);

/// How many of its points a test has when only some of its runs pass.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Curve {
    kind: CurveKind,
    zero: f64,
    exponent: f64,
    steps: Vec<(f64, f64)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum CurveKind {
    All,
    Share,
    Power,
    Steps,
}

/// What is made of a broken rule that no check has noticed.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Rules {
    pub(crate) broken: Broken,
    unreadable: Unreadable,
    pub(crate) shared_state: SharedState,
    /// Points by rule, or `any`.
    deductions: BTreeMap<String, f64>,
}

/// What becomes of a run that passes its test and breaks a rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Broken {
    /// It fails.
    #[default]
    Fail,
    /// It passes, at the price of a deduction.
    Deduct,
}

/// What becomes of a run that passes its test and whose messages can't be read, so that rules couldn't be checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Unreadable {
    /// It passes, and that is noted.
    #[default]
    Note,
    /// It fails.
    Fail,
}

/// What becomes of a submission whose sources could keep state that all its servers share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SharedState {
    /// It is graded, and that is noted.
    #[default]
    Note,
    /// It is refused.
    Refuse,
}

/// Why rules could not be checked.
pub(crate) const CANNOT_BE_READ: &str = "the messages between its servers can't be read";

impl Default for Runs {
    fn default() -> Runs {
        Runs { each: std::num::NonZeroU64::new(20).expect("it isn't zero"), seed: 1 }
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            memory: 8 << 30,
            build: Duration::from_secs(300),
            submission: Duration::from_secs(1800),
        }
    }
}

impl Default for Worths {
    fn default() -> Worths {
        Worths(["3A", "3B", "3C", "3D"].map(|part| (part.to_owned(), 25.0)).into())
    }
}

impl Default for Curve {
    fn default() -> Curve {
        Curve { kind: CurveKind::All, zero: 0.0, exponent: 1.0, steps: Vec::new() }
    }
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    humantime::parse_duration(&text).map_err(|error| {
        serde::de::Error::custom(format!(
            "`{text}` is no time such as \"90s\" or \"5min\": {error}"
        ))
    })
}

/// Reads a size such as `8GiB`.
fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let text = String::deserialize(deserializer)?;
    let units = [("MiB", 1_u64 << 20), ("GiB", 1 << 30)];
    let bytes = units.iter().find_map(|(unit, bytes)| {
        let number: u64 = text.strip_suffix(unit)?.trim().parse().ok()?;
        number.checked_mul(*bytes).filter(|bytes| *bytes > 0)
    });
    bytes.ok_or_else(|| {
        serde::de::Error::custom(format!("`{text}` is no size such as \"512MiB\" or \"8GiB\""))
    })
}

impl Course {
    /// Reads a course file.
    ///
    /// # Errors
    /// If it can't be read; if it has a key that there isn't, or a value that makes no sense: where and why.
    pub(crate) fn read(path: &Path) -> Result<Course, Error> {
        let text = fs::read_to_string(path).map_err(|error| Error::read(path, error))?;
        let wrong = |why: String| Error::BadCourse { path: path.to_owned(), why };
        let course = Course::parse(&text).map_err(wrong)?;
        Ok(Course { path: path.to_owned(), ..course })
    }

    pub(crate) fn parse(text: &str) -> Result<Course, String> {
        let course: Course =
            toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
        course.check().map(|()| course)
    }

    /// Whether all numbers make sense.
    fn check(&self) -> Result<(), String> {
        let tables = [("points", &self.points.0), ("rules.deductions", &self.rules.deductions)];
        for (table, numbers) in tables {
            for (key, points) in numbers {
                if !points.is_finite() || *points < 0.0 {
                    return Err(format!(
                        "in [{table}], {key} = {points}: points are a number from 0 on"
                    ));
                }
            }
        }
        for name in self.rules.deductions.keys().filter(|name| *name != ANY) {
            if !RULES.iter().any(|rule| is_called(rule, name)) {
                let names: Vec<&str> =
                    RULES.iter().flat_map(|rule| [Some(rule.id), rule.alias]).flatten().collect();
                let hint = suggestion(name, &names)
                    .unwrap_or_else(|| "docs/failures.md has all rules".to_owned());
                return Err(format!("in [rules.deductions], there is no rule `{name}`: {hint}"));
            }
        }
        let named = self.curves.iter().map(|(name, curve)| (format!("[curves.{name}]"), curve));
        for (name, curve) in named.chain([("[curve]".to_owned(), &self.curve)]) {
            curve.check().map_err(|why| format!("in {name}, {why}"))?;
        }
        Ok(())
    }

    fn wrong(&self, why: String) -> Error {
        Error::BadCourse { path: self.path.clone(), why }
    }
}

/// Whether a rule has this name, or this number.
fn is_called(rule: &Rule, name: &str) -> bool {
    rule.id == name || rule.alias == Some(name)
}

impl Rules {
    /// A run, as it counts by these rules.
    pub(crate) fn applied_to(&self, mut run: Record) -> Record {
        let result = &mut run.result;
        // One that was skipped because nobody could read it would otherwise count like one that passed.
        let is_in_favour = matches!(result.verdict, Verdict::Passed(_) | Verdict::Skipped { .. });
        if self.unreadable == Unreadable::Fail && is_in_favour && result.unreadable.is_some() {
            let failure = Failure {
                kind: FailureKind::Misuse,
                check: Check::default(),
                message: format!("the rules could not be checked: {CANNOT_BE_READ}"),
                location: String::new(),
                at: Time(0),
            };
            result.verdict = Verdict::unexplained(failure, String::new());
        }
        run
    }

    /// What is taken off for a broken rule: the rule's name, or [`ANY`], and the points.
    fn deduction(&self, rule: &str) -> Option<(String, f64)> {
        let own = RULES
            .iter()
            .find(|other| is_called(other, rule))
            .and_then(|rule| self.deductions.iter().find(|(name, _)| is_called(rule, name)));
        let found = own.or_else(|| self.deductions.get_key_value(ANY))?;
        Some((found.0.clone(), *found.1))
    }
}

impl Curve {
    fn check(&self) -> Result<(), String> {
        let is_share = |share: f64| (0.0..=1.0).contains(&share);
        if !(0.0..1.0).contains(&self.zero) {
            return Err(format!("zero = {}: it is a share from 0 to less than 1", self.zero));
        }
        if !(self.exponent > 0.0 && self.exponent.is_finite()) {
            return Err(format!("exponent = {}: it is a number above 0", self.exponent));
        }
        if self.kind == CurveKind::Steps && self.steps.is_empty() {
            return Err("kind = \"steps\" needs steps = [[share, points], ...]".to_owned());
        }
        if let Some((share, points)) =
            self.steps.iter().find(|(share, points)| !is_share(*share) || !is_share(*points))
        {
            return Err(format!("the step [{share}, {points}]: both are shares from 0 to 1"));
        }
        Ok(())
    }

    /// The share of its points that a test has.
    fn of(&self, passed: u64, runs: u64) -> f64 {
        if runs == 0 || passed == 0 {
            return 0.0;
        }
        let share = passed as f64 / runs as f64;
        match self.kind {
            CurveKind::All => f64::from(u8::from(passed == runs)),
            CurveKind::Share => share,
            CurveKind::Power => {
                ((share - self.zero) / (1.0 - self.zero)).max(0.0).powf(self.exponent)
            }
            CurveKind::Steps => {
                let reached = self.steps.iter().filter(|(from, _)| share >= *from);
                reached.map(|(_, points)| *points).fold(0.0, f64::max)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(text: &str) -> Curve {
        toml::from_str(text).expect("a curve")
    }

    #[test]
    fn the_example_is_a_course_file_with_all_keys() {
        let course = Course::parse(EXAMPLE).expect("it is right");
        assert_eq!((course.runs.each.get(), course.limits.build), (100, Duration::from_secs(300)));
        assert_eq!(course.limits.memory, 8 << 30);
        assert_eq!(course.dependencies["arrayvec"].as_str(), Some("0.7"));
        assert_ne!(course.name, "");
        assert_ne!(course.rules.deductions.len(), 0);
        // Without the file, the other keys have the values that are usual.
        assert_eq!(Course::parse(""), Ok(Course::default()));
    }

    #[test]
    fn what_makes_no_sense_is_said_with_its_line() {
        let wrong = |text: &str| Course::parse(text).expect_err("it is wrong");
        let unknown = wrong("[runs]\neach = 3\nseeds = 4\n");
        assert!(
            unknown.contains("line 3") && unknown.contains("unknown field `seeds`"),
            "{unknown}"
        );
        assert!(wrong("[limits]\nbuild = \"soon\"\n").contains("`soon` is no time"));
        for size in ["8", "8GB", "0GiB", "-1GiB", "99999999999999GiB"] {
            let text = format!("[limits]\nmemory = \"{size}\"\n");
            assert!(wrong(&text).contains(&format!("`{size}` is no size")), "{size}");
        }
        assert!(wrong("[runs]\neach = 0\n").contains("line 2"));
        assert!(wrong("[points]\n3A = -1\n").contains("in [points], 3A = -1"));
        assert!(wrong("[curve]\nkind = \"steps\"\n").contains("needs steps"));
        assert!(wrong("[curves.3A]\nzero = 1.0\n").contains("in [curves.3A], zero = 1"));
        assert!(wrong("[curve]\nkind = \"most\"\n").contains("unknown variant `most`"));
        let rule = wrong("[rules.deductions]\nvoted-twise = 3\n");
        assert!(rule.contains("no rule `voted-twise`: did you mean voted-twice"), "{rule}");
        assert!(wrong("name = 3").contains("line 1"));
    }

    #[test]
    fn curves_are_those_of_courses() {
        assert_eq!([9, 10].map(|passed| Curve::default().of(passed, 10)), [0.0, 1.0]);
        assert_eq!(curve(r#"kind = "share""#).of(3, 4), 0.75);
        // Half of the points for each of the last 200 of 400 runs, as percents.
        let required = curve("kind = \"power\"\nzero = 0.5");
        assert_eq!(
            [100, 200, 300, 400].map(|passed| required.of(passed, 400)),
            [0.0, 0.0, 0.5, 1.0]
        );
        let bonus = curve("kind = \"power\"\nzero = 0.95\nexponent = 2");
        assert!((bonus.of(390, 400) - 0.25).abs() < 1e-9);
        let steps = curve("kind = \"steps\"\nsteps = [[0.9, 0.5], [1.0, 1.0]]");
        assert_eq!([8, 9, 10].map(|passed| steps.of(passed, 10)), [0.0, 0.5, 1.0]);
        assert_eq!(required.of(0, 0), 0.0);
    }
}
