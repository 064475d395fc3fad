//! Some of the runs that passed or were skipped are made again, and judged without the code under test. A skipped run
//! counts as well as one that passed.
//!
//! Which they are is drawn when all runs have been made: no submission knows that when it says how a run went, and by
//! then it has told the hash of each history.
//!
//! A submission can find out that a run is being made again, and fail it then. So a run that can't be judged shows
//! nothing: another takes its place, and if too few can be judged, that is said.

use std::collections::BTreeSet;

use rand::seq::SliceRandom as _;
use report::{RunResult, Verdict};

use crate::error::Error;
use crate::judge::{Judge, Judgement};
use crate::record::{Record, Shortage};
use crate::runs::Plan;
use crate::runs::foreign::Asked;
use crate::stop;
use crate::suite::LabTest;

/// How many runs may be tried for each one that is to be judged.
const TRIES: usize = 5;

/// How many runs may be made in place of others, of all tests together: one that hangs takes seconds. Beyond that, one
/// for so many that are to be judged.
const REPLACED: usize = 20;
const REPLACED_ONE_OF: usize = 10;

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
    /// How many runs could be judged, if those are too few.
    pub(crate) shortage: Option<Shortage>,
    /// What the user should know.
    pub(crate) notes: Vec<String>,
}

/// What came of one run that was made again.
#[derive(Clone, Debug)]
enum Tried {
    /// It is what it says. If it isn't the run that passed at first, the note says so.
    Right { note: Option<String> },
    /// It isn't what it says.
    Wrong { note: Option<String>, why: String },
    /// It couldn't be judged.
    Unjudged { why: String },
}

/// Makes some of the runs again that are among `records` and have passed, and has them judged. If this program is
/// stopped meanwhile, what it returns is not all.
pub(crate) fn sample(
    plan: &Plan<'_>,
    judge: &Judge,
    tests: &[LabTest],
    records: &[Record],
    share: Share,
) -> Result<Sampled, Error> {
    let again = |test: &LabTest, first: &RunResult| -> Result<Option<Tried>, Error> {
        let again = plan.again(test, first.seed, Asked::WholeRecords)?;
        let Some(ran) = again.filter(|_| !stop::is_asked()) else { return Ok(None) };
        let Some(again) = ran.lines.first() else {
            return Ok(Some(Tried::Unjudged { why: "it left no result".to_owned() }));
        };
        if let Some(why) = not_passed(first, again) {
            return Ok(Some(Tried::Unjudged { why }));
        }
        let note = difference(first, again);
        let judged = judge.judge(test, again, ran.record.as_deref())?;
        Ok(judged.map(|judged| match judged {
            Judgement::Right => Tried::Right { note },
            Judgement::Wrong(why) => Tried::Wrong { note, why },
            Judgement::Unknown(why) => Tried::Unjudged { why },
        }))
    };
    let passed = |test: &LabTest| -> Vec<&RunResult> {
        let results = records.iter().map(|record| &record.result);
        results
            .filter(|result| (&result.test, result.call) == (&test.name, test.call))
            .filter(|result| matches!(result.verdict, Verdict::Passed(_) | Verdict::Skipped { .. }))
            .collect()
    };
    judge_some(tests, passed, share, again)
}

/// Tries runs that have passed until enough of each test are judged, or too many couldn't be.
fn judge_some<'a>(
    tests: &[LabTest],
    passed: impl Fn(&LabTest) -> Vec<&'a RunResult>,
    share: Share,
    mut again: impl FnMut(&LabTest, &RunResult) -> Result<Option<Tried>, Error>,
) -> Result<Sampled, Error> {
    let mut sampled = Sampled::default();
    let wanted = |passed: usize| match share {
        Share::OneOf(runs) => passed.div_ceil(runs),
        Share::Number(count) => count.min(passed),
    };
    let all: Vec<(&LabTest, Vec<&RunResult>)> =
        tests.iter().map(|test| (test, passed(test))).collect();
    let sum: usize = all.iter().map(|(_, passed)| wanted(passed.len())).sum();
    let mut replacements = REPLACED + sum / REPLACED_ONE_OF;
    let mut judged_of_all = 0;
    for (test, mut runs) in all {
        let wanted = wanted(runs.len());
        runs.shuffle(&mut rand::rng());
        let (mut judged, mut notes) = (0, BTreeSet::new());
        for (tried, first) in runs.into_iter().take(wanted * TRIES).enumerate() {
            if judged == wanted {
                break;
            }
            if tried >= wanted {
                let Some(left) = replacements.checked_sub(1) else { break };
                replacements = left;
            }
            let Some(tried) = again(test, first)? else { return Ok(sampled) };
            match tried {
                Tried::Right { note } => {
                    judged += 1;
                    sampled.right += u64::from(note.is_none());
                    notes.extend(note);
                }
                Tried::Wrong { note, why } => {
                    sampled.notes.extend(notes.into_iter().chain(note));
                    sampled.objection = Some(format!(
                        "a run of {} was reported wrongly. Made again without its servers' code: {why}",
                        test.title()
                    ));
                    return Ok(sampled);
                }
                Tried::Unjudged { why } => {
                    notes.insert(format!(
                        "a run of {} that passed couldn't be judged without its servers' code: {why}",
                        test.title()
                    ));
                }
            }
        }
        judged_of_all += judged;
        sampled.notes.extend(notes);
    }
    if judged_of_all < sum {
        sampled.shortage = Some(Shortage { wanted: sum as u64, judged: judged_of_all as u64 });
    }
    Ok(sampled)
}

/// Why a run that passed or was skipped at first couldn't be judged, if that isn't what came of it again.
fn not_passed(first: &RunResult, again: &RunResult) -> Option<String> {
    match &again.verdict {
        Verdict::Passed(_) => None,
        Verdict::Skipped { .. } if matches!(first.verdict, Verdict::Skipped { .. }) => None,
        Verdict::Skipped { reason } => Some(format!("made again, it was skipped: {reason}")),
        Verdict::Failed { failure, .. } => {
            let first = failure.message.lines().next().unwrap_or_default();
            Some(format!("made again, it failed: {first}"))
        }
    }
}

/// A sentence about a run that came out otherwise when it was made again. That is no proof of anything: it may have a
/// static that remembers earlier runs.
fn difference(first: &RunResult, again: &RunResult) -> Option<String> {
    (first.history != again.history).then(|| {
        format!(
            "a run of {} that passed ended differently when it was made again in a fresh process: only that \
             run could be judged",
            first.test
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(test: &str, seed: u64, verdict: &str) -> RunResult {
        let text =
            format!(r#"{{"test":"{test}","seed":{seed},"history":{seed},"verdict":{verdict}}}"#);
        serde_json::from_str(&text).expect("a result")
    }

    const PASSED: &str = r#"{"passed":{"seconds":1.0}}"#;

    /// Has runs of two tests sampled, of which so many passed; `tried` says what comes of each. Returns how many were
    /// tried, too.
    fn sampled(passed: u64, share: Share, tried: impl Fn(&RunResult) -> Tried) -> (Sampled, usize) {
        let tests = ["TestReElection3A", "TestBackup3B"].map(|name| LabTest::named(name, 1));
        let runs: Vec<RunResult> = tests
            .iter()
            .flat_map(|test| (0..passed).map(|seed| run(&test.name, seed, PASSED)))
            .collect();
        let of = |test: &LabTest| runs.iter().filter(|run| run.test == test.name).collect();
        let mut count = 0;
        let again = |_: &LabTest, run: &RunResult| {
            count += 1;
            Ok(Some(tried(run)))
        };
        let sampled = judge_some(&tests, of, share, again).expect("nothing goes wrong");
        (sampled, count)
    }

    fn fails(_: &RunResult) -> Tried {
        Tried::Unjudged { why: "made again, it failed".to_owned() }
    }

    #[test]
    fn as_many_are_judged_as_are_wanted() {
        let right = |_: &RunResult| Tried::Right { note: None };
        let (all, count) = sampled(300, Share::OneOf(100), right);
        assert_eq!((all.right, all.shortage, count), (6, None, 6));
        let (few, count) = sampled(2, Share::Number(9), right);
        assert_eq!((few.right, few.shortage, count), (4, None, 4));
        let (none, _) = sampled(0, Share::OneOf(100), right);
        assert_eq!((none.right, none.shortage), (0, None));
    }

    #[test]
    fn a_run_that_cannot_be_judged_is_replaced_by_another() {
        // Three of ten seeds can be judged, and two of them are wanted: that takes nine tries at most.
        let some = |run: &RunResult| match run.seed {
            0..3 => Tried::Right { note: None },
            _ => fails(run),
        };
        let (sampled, count) = sampled(10, Share::Number(2), some);
        assert_eq!((sampled.right, sampled.shortage), (4, None));
        assert!(count >= 4, "{count}");
        // One that is wrong is found behind those that fail.
        let shy = |run: &RunResult| match run.seed {
            0 => Tried::Wrong { note: None, why: "no leader".to_owned() },
            _ => fails(run),
        };
        let (sampled, _) = super::tests::sampled(3, Share::OneOf(100), shy);
        assert!(sampled.objection.expect("one is wrong").ends_with("servers' code: no leader"));
    }

    #[test]
    fn what_nobody_could_judge_is_said() {
        let (few, count) = sampled(50, Share::OneOf(100), fails);
        assert_eq!(few.shortage, Some(Shortage { wanted: 2, judged: 0 }));
        assert_eq!((count, few.notes.len()), (2 * TRIES, 2), "{:?}", few.notes);
        // There is an end to it: 40 of these are to be judged.
        let (many, count) = sampled(2000, Share::OneOf(100), fails);
        assert_eq!(many.shortage, Some(Shortage { wanted: 40, judged: 0 }));
        assert_eq!(count, 40 + REPLACED + 40 / REPLACED_ONE_OF);
        let one = |run: &RunResult| match &*run.test {
            "TestBackup3B" => fails(run),
            _ => Tried::Right { note: Some("it differs".to_owned()) },
        };
        let (half, _) = sampled(2, Share::OneOf(100), one);
        assert_eq!(half.shortage, Some(Shortage { wanted: 2, judged: 1 }));
        assert_eq!((half.right, half.notes.len()), (0, 2));
    }

    #[test]
    fn a_run_that_comes_out_otherwise_is_noted() {
        let [same, other] = [7, 8].map(|seed| run("TestReElection3A", seed, PASSED));
        assert_eq!(difference(&same, &same), None);
        let note = difference(&same, &other).expect("they differ");
        assert!(
            note.starts_with("a run of TestReElection3A that passed ended differently"),
            "{note}"
        );
        assert_eq!(not_passed(&same, &same), None);
        let skipped = run("TestReElection3A", 7, r#"{"skipped":{"reason":"none"}}"#);
        let passed = run("TestReElection3A", 7, PASSED);
        assert_eq!(not_passed(&passed, &skipped).expect("why"), "made again, it was skipped: none");
        assert_eq!(not_passed(&skipped, &skipped), None);
    }
}
