//! Some of the runs that passed are made again, and their histories judged by this program.
//!
//! Which they are is drawn when all runs have been made: no submission knows that when it says how a run went, and by
//! then it has told the hash of each history.

use rand::seq::IndexedRandom as _;
use report::{RunResult, Verdict};

use crate::error::Error;
use crate::record::Record;
use crate::runs::Plan;
use crate::stop;
use crate::suite::LabTest;
use crate::verify::verify;

/// Of how many runs of a test that passed one is made again; at least one of each test.
const ONE_OF: usize = 100;

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Sampled {
    /// Why the submission is refused: a history isn't one that its seed gives.
    pub(super) objection: Option<String>,
    /// What the grader should know.
    pub(super) notes: Vec<String>,
}

/// Makes some of the runs again that are among `records` and have passed.
pub(super) fn sample(
    plan: &Plan<'_>,
    tests: &[LabTest],
    records: &[Record],
) -> Result<Sampled, Error> {
    let mut sampled = Sampled::default();
    for test in tests {
        let passed: Vec<&RunResult> = records
            .iter()
            .map(|record| &record.result)
            .filter(|result| (&result.test, result.call) == (&test.name, test.call))
            .filter(|result| matches!(result.verdict, Verdict::Passed(_)))
            .collect();
        let count = passed.len().div_ceil(ONE_OF);
        for &first in passed.sample(&mut rand::rng(), count) {
            if stop::is_asked() {
                return Ok(sampled);
            }
            let Some(again) = plan.again(test, first.seed)? else { return Ok(sampled) };
            if let Some(note) = difference(first, &again) {
                sampled.notes.push(note);
                continue;
            }
            let measured = match &again.verdict {
                Verdict::Passed(measured) => Some(measured),
                _ => None,
            };
            let verified = match &again.record {
                Some(record) => verify(record, measured),
                None => Err("there is none".to_owned()),
            };
            if let Err(why) = verified {
                let name = &test.name;
                let why = format!("a history of {name} isn't one that its seed gives: {why}");
                sampled.objection = Some(why);
                return Ok(sampled);
            }
        }
    }
    Ok(sampled)
}

/// A sentence about a run that came out otherwise when it was made again. That is no proof of anything: it may have a
/// static that remembers earlier runs.
fn difference(first: &RunResult, again: &RunResult) -> Option<String> {
    let is_same = first.history == again.history && matches!(again.verdict, Verdict::Passed(_));
    (!is_same).then(|| {
        format!(
            "a run of {} that passed came out otherwise when it was made again in a fresh process: its history wasn't \
             judged",
            first.test
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_comes_out_otherwise_is_noted() {
        let run = |history: u64, verdict: &str| -> RunResult {
            let text = format!(
                r#"{{"test":"TestReElection3A","seed":7,"history":{history},"verdict":{verdict}}}"#
            );
            serde_json::from_str(&text).expect("a result")
        };
        let passed = r#"{"passed":{"seconds":1.0}}"#;
        let skipped = r#"{"skipped":{"reason":"none"}}"#;
        assert_eq!(difference(&run(1, passed), &run(1, passed)), None);
        for other in [run(2, passed), run(1, skipped)] {
            let note = difference(&run(1, passed), &other).expect("they differ");
            assert!(note.starts_with("a run of TestReElection3A that passed came out"), "{note}");
        }
    }
}
