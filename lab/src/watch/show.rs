//! What is shown of a round: a line for each test, how far the parts are, a finding and its hints.

use std::collections::BTreeMap;

use report::explain::Finding;
use report::text::{self, entry, escaped};

use crate::paint::paint;
use crate::suite::{LabTest, group};

use super::round::{Ended, Failed};

/// Which keys do what.
pub(super) const KEYS: &str = " (h: hint, r: report, p: page, Enter: run again, q: quit)";

/// How wide a test's name is, in a line.
const NAME: usize = 34;

/// A test's line: so many runs passed, or one of them failed.
pub(super) fn row(test: &LabTest, runs: usize, failed: Option<u64>) -> String {
    let name = &test.name;
    match failed {
        None => format!("ok     {name:NAME$} {runs} runs\n"),
        Some(seed) => format!("FAILED {name:NAME$} seed {seed}, after {runs} runs\n"),
    }
}

/// How many tests of each part have passed all their runs.
pub(super) fn progress(tests: &[LabTest], done: &[bool]) -> String {
    let mut parts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for (test, done) in tests.iter().zip(done) {
        let (passed, all) = parts.entry(group(&test.name)).or_default();
        *passed += usize::from(*done);
        *all += 1;
    }
    let parts: Vec<String> =
        parts.iter().map(|(part, (passed, all))| format!("{part} {passed}/{all}")).collect();
    format!("passed: {}\n", parts.join(", "))
}

/// What is said of a round's end, one grade after the other.
pub(super) struct Hints {
    first: String,
    grades: Vec<String>,
    told: usize,
    /// Whether they wait for a key.
    wait: bool,
}

impl Hints {
    pub(super) fn of(ended: &Ended, wait: bool) -> Hints {
        let (first, finding) = match ended {
            Ended::Changed => (String::new(), None),
            Ended::NotRun => ("nothing was run\n".to_owned(), None),
            Ended::Failed(failed) => (said(failed), cause(failed)),
            Ended::Passed(None) => ("all runs passed\n".to_owned(), None),
            Ended::Passed(Some(result)) => {
                let mut text = "all runs passed, and yet something is wrong\n".to_owned();
                entry(&mut text, "test", &format!("{}, seed {}", result.test, result.seed));
                (text, result.doubts.first())
            }
        };
        let mut hints = Hints { first, grades: Vec::new(), told: 0, wait };
        if let Some(finding) = finding {
            entry(&mut hints.first, "why", &guess(finding));
            hints.grades = grades(finding);
        }
        hints
    }

    /// What is said at once: all, if there are no keys.
    pub(super) fn begin(&mut self) -> String {
        let mut text = self.first.clone();
        if !self.wait {
            text.push_str(&self.grades.concat());
        }
        // A report's first line is its failure.
        paint(&text)
    }

    /// The next hint.
    pub(super) fn next(&mut self) -> String {
        let Some(grade) = self.grades.get(self.told) else {
            return "there is no other hint; r shows the whole report\n".to_owned();
        };
        self.told += 1;
        format!("hint {} of {}\n{grade}", self.told, self.grades.len())
    }
}

/// What a failed run says first.
fn said(failed: &Failed) -> String {
    let Some((failure, _)) = failed.verdict() else { return String::new() };
    let sentence = escaped(failure.message.lines().next().unwrap_or_default()).into_owned();
    let mut text = format!("{sentence}\n");
    let result = &failed.result;
    entry(
        &mut text,
        "test",
        &format!("{}, seed {}, at {} s", result.test, result.seed, failure.at),
    );
    if !failure.location.is_empty() {
        entry(&mut text, "line", &failure.location);
    }
    entry(&mut text, "replay", &failed.replay);
    if let Some(page) = &failed.page {
        entry(&mut text, "page", &page.display().to_string());
    }
    text
}

fn cause(failed: &Failed) -> Option<&Finding> {
    failed.verdict()?.1.findings.first()
}

fn guess(finding: &Finding) -> String {
    format!("{}: {} [{}]", finding.confidence, finding.what, finding.id)
}

/// The hints of a finding: the rule, where to look, what was seen.
fn grades(finding: &Finding) -> Vec<String> {
    let mut grades = [String::new(), String::new(), String::new()];
    entry(&mut grades[0], "rule", &finding.rule);
    entry(&mut grades[1], "look at", &finding.look);
    for evidence in &finding.evidence {
        entry(&mut grades[2], "seen", &format!("{} s  {}", evidence.at, evidence.text));
    }
    if let Some(normal) = &finding.normal {
        entry(&mut grades[2], "normal", &format!("a working run: {normal}"));
    }
    if let Some(refuted_if) = &finding.refuted_if {
        entry(&mut grades[2], "but", &format!("wrong if {refuted_if}"));
    }
    grades.into_iter().filter(|grade| !grade.is_empty()).collect()
}

/// All that is known of the failed run.
pub(super) fn report(ended: &Ended) -> String {
    match ended {
        Ended::Failed(failed) => match &failed.record {
            Some(record) => paint(&text::report(record)),
            None => "there is no report: the run left no history\n".to_owned(),
        },
        _ => "there is no report: no run has failed\n".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use report::explain::Confidence;

    use super::*;

    fn finding() -> Finding {
        Finding {
            id: "mine".to_owned(),
            confidence: Confidence::Likely,
            what: "server 1 sleeps".to_owned(),
            evidence: Vec::new(),
            rule: "don't sleep (§5.2)".to_owned(),
            look: "a sleep".to_owned(),
            normal: Some("nobody sleeps".to_owned()),
            refuted_if: None,
        }
    }

    #[test]
    fn hints_come_one_after_the_other() {
        let grades = grades(&finding());
        assert_eq!(grades.len(), 3);
        let mut hints = Hints { first: String::new(), grades, told: 0, wait: true };
        assert!(hints.next().contains("rule      don't sleep"));
        assert!(hints.next().contains("look at   a sleep"));
        assert!(hints.next().contains("nobody sleeps"));
        assert!(hints.next().contains("no other hint"));
    }

    #[test]
    fn progress_is_told_by_parts() {
        let tests = ["TestA3A", "TestB3A", "TestC3B", "TestStep01A"].map(LabTest::for_tests);
        let told = progress(&tests, &[true, false, true, false]);
        assert_eq!(told, "passed: 3A 1/2, 3B 1/1, steps 0/1\n");
    }
}
