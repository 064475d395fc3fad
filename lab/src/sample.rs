//! Some of the runs that passed are made again, and judged without the code under test.
//!
//! Which they are is drawn when all runs have been made: no submission knows that when it says how a run went, and by
//! then it has told the hash of each history.

use rand::seq::IndexedRandom as _;
use report::{RunResult, Verdict};

use crate::error::Error;
use crate::judge::{Judge, Judgement};
use crate::record::Record;
use crate::runs::Plan;
use crate::runs::foreign::Asked;
use crate::stop;
use crate::suite::LabTest;

/// How many runs of a test are judged.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Share {
    /// One of so many that passed; at least one of each test.
    OneOf(usize),
    /// So many of those that passed.
    Number(usize),
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Sampled {
    /// How many runs were judged, and are what they say.
    pub(crate) right: u64,
    /// What is wrong with a run; no further one was judged.
    pub(crate) objection: Option<String>,
    /// What the user should know.
    pub(crate) notes: Vec<String>,
}

/// Makes some of the runs again that are among `records` and have passed, and has them judged.
pub(crate) fn sample(
    plan: &Plan<'_>,
    judge: &Judge,
    tests: &[LabTest],
    records: &[Record],
    share: Share,
) -> Result<Sampled, Error> {
    let mut sampled = Sampled::default();
    for test in tests {
        let passed: Vec<&RunResult> = records
            .iter()
            .map(|record| &record.result)
            .filter(|result| (&result.test, result.call) == (&test.name, test.call))
            .filter(|result| matches!(result.verdict, Verdict::Passed(_)))
            .collect();
        let count = match share {
            Share::OneOf(runs) => passed.len().div_ceil(runs),
            Share::Number(count) => count,
        };
        for &first in passed.sample(&mut rand::rng(), count) {
            let again = plan.again(test, first.seed, Asked::WholeRecords)?;
            let Some(ran) = again.filter(|_| !stop::is_asked()) else { return Ok(sampled) };
            let Some(again) = ran.lines.first() else { continue };
            let note = difference(first, again);
            let is_other = note.is_some();
            sampled.notes.extend(note);
            if !matches!(again.verdict, Verdict::Passed(_)) {
                continue;
            }
            match judge.judge(test, again, ran.record.as_deref())? {
                None => return Ok(sampled),
                Some(Judgement::Right) => sampled.right += u64::from(!is_other),
                Some(Judgement::Wrong(why)) => {
                    sampled.objection = Some(format!(
                        "a run of {} isn't what it says, made again without its servers' code: {why}",
                        test.title()
                    ));
                    return Ok(sampled);
                }
                Some(Judgement::Unknown(why)) => {
                    sampled.notes.push(format!(
                        "a run of {} that passed couldn't be judged without its servers' code: {why}",
                        test.title()
                    ));
                }
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
            "a run of {} that passed came out otherwise when it was made again in a fresh process: only that one could \
             be judged",
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
