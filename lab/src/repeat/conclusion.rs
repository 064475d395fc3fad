//! What is to be concluded from runs: the last lines of `cargo lab test`, and its exit code.

use std::fmt::Write as _;

use report::FailureKind;

use crate::exit::Exit;
use crate::statistics::{CONFIDENCE, Claim, bound, runs_needed, sequential_runs};
use crate::suite::LabTest;
use crate::table::percent;
use crate::tally::Tally;

const CANNOT_FAIL: &str = "writing to a string can't fail";

/// The rates of which one likes to know that a test's is below.
const CLAIMS: [f64; 3] = [0.01, 0.001, 0.0001];

#[derive(Debug)]
pub(super) struct Conclusion {
    pub(super) text: String,
    pub(super) exit: Exit,
}

impl Conclusion {
    pub(super) fn of(tests: &[LabTest], tallies: &[Tally], target: Option<f64>) -> Conclusion {
        let mut failures = tallies.iter().flat_map(|tally| tally.failures.values()).peekable();
        let has_failed = failures.peek().is_some();
        if failures.any(|failed| failed.kind == FailureKind::Tester) {
            return Conclusion { text: String::new(), exit: Exit::Tester };
        }
        match target {
            Some(target) => claims(tests, tallies, target),
            None if has_failed => Conclusion { text: String::new(), exit: Exit::Failed },
            None => Conclusion { text: format!("{}\n", no_failure(tallies)), exit: Exit::Passed },
        }
    }
}

/// What it says that no run failed. A test that was skipped has shown nothing, so that it doesn't
/// count; one that was skipped now and then has shown less.
fn no_failure(tallies: &[Tally]) -> String {
    let run = || tallies.iter().filter(|tally| tally.runs > 0);
    let skipped = run().filter(|tally| tally.played() == 0).count();
    let least = run().map(Tally::played).filter(|&played| played > 0).min();
    let Some(least) = least else {
        return "no failure, but this proves nothing: all runs were skipped".to_owned();
    };
    let which = match skipped {
        0 => "each test".to_owned(),
        1 => "each test except the one that was always skipped".to_owned(),
        skipped => format!("each test except the {skipped} that were always skipped"),
    };
    let most = percent(bound(least));
    let needed = |rate: &f64| (*rate, runs_needed(*rate, 0, 1.0 - CONFIDENCE));
    let next = CLAIMS.iter().map(needed).find(|(_, needed)| *needed > least);
    let next = next.map_or(String::new(), |(rate, needed)| {
        format!("\nTo show less than {}, run each test {needed} times.", percent(rate))
    });
    let but = match run().any(|tally| !tally.doubts.is_empty()) {
        true => ", and yet something is wrong (see above)",
        false => "",
    };
    format!(
        "no failure{but}\nWith 95 % confidence, {which} fails in less than {most} of its runs.{next}"
    )
}

/// Whether each test's rate is below the target.
fn claims(tests: &[LabTest], tallies: &[Tally], target: f64) -> Conclusion {
    let mut text = String::new();
    let (mut any_above, mut any_open) = (false, false);
    let shown = percent(target);
    for (test, tally) in tests.iter().zip(tallies) {
        let (name, failed, played) = (test.title(), tally.failures.len() as u64, tally.played());
        let claim = tally.claim(target);
        any_above |= claim == Claim::Above;
        any_open |= claim == Claim::Open;
        let more = sequential_runs(target, failed).saturating_sub(played);
        let of = format!("{failed} of {played} runs failed");
        match claim {
            Claim::Below => writeln!(text, "pass     {name}: {of}: its rate is below {shown}"),
            Claim::Above => writeln!(text, "fail     {name}: {of}: its rate is above {shown}"),
            Claim::Open => {
                writeln!(text, "unknown  {name}: {of}: {more} more without a failure would show less than {shown}")
            }
        }
        .expect(CANNOT_FAIL);
    }
    text += "pass and fail hold with 95 % confidence each\n";
    let exit = match (any_above, any_open) {
        (true, _) => Exit::Failed,
        (false, true) => Exit::Unknown,
        (false, false) => Exit::Passed,
    };
    Conclusion { text, exit }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A test of which so many runs passed, and so many were skipped.
    fn tally(passed: u64, skipped: u64) -> Tally {
        let mut tally = Tally::of(passed + skipped);
        tally.runs = passed + skipped;
        if skipped > 0 {
            tally.skips.insert("no votes".to_owned(), skipped);
        }
        tally
    }

    fn add_failures(tally: &mut Tally, count: u64, kind: &str) {
        for seed in 0..count {
            let line = format!(
                r#"{{"seed":{seed},"verdict":{{"failed":{{"failure":{{"kind":"{kind}","message":"no","location":"","at":0}}}}}}}}"#
            );
            let line = serde_json::from_str(&line).expect("a line");
            tally.add(vec![line], std::time::Instant::now(), |seed| seed, String::new());
        }
    }

    #[test]
    fn what_was_skipped_has_shown_nothing() {
        let said = |tallies: &[Tally]| no_failure(tallies);
        let most = "fails in less than 0.99 % of its runs.\nTo show less than 0.10 %, run each test 2995 times.";
        assert!(said(&[tally(300, 0)]).ends_with(&format!(" confidence, each test {most}")));
        let but_one =
            format!(" confidence, each test except the one that was always skipped {most}");
        assert!(said(&[tally(300, 0), tally(0, 300)]).ends_with(&but_one));
        assert!(said(&[tally(300, 0), tally(10, 290)]).contains("less than 26 % of its runs"));
        assert!(said(&[tally(0, 300)]).ends_with("all runs were skipped"));
    }

    #[test]
    fn a_target_is_met_missed_or_open() {
        let tests = ["TestReElection3A", "TestBackup3B"].map(LabTest::for_tests);
        let conclude = |a: Tally, b: Tally| Conclusion::of(&tests, &[a, b], Some(0.01));
        let mut bad = tally(50, 0);
        add_failures(&mut bad, 5, "liveness");
        let passed = conclude(tally(368, 0), tally(400, 0));
        assert_eq!(passed.exit, Exit::Passed);
        let open = conclude(tally(368, 0), tally(300, 0));
        assert_eq!(open.exit, Exit::Unknown);
        assert!(
            open.text.contains("unknown  TestBackup3B: 0 of 300 runs failed: 68 more"),
            "{}",
            open.text
        );
        let failed = conclude(bad.clone(), tally(3, 0));
        assert_eq!(failed.exit, Exit::Failed);
        assert!(failed.text.contains("fail     TestReElection3A: 5 of 55"), "{}", failed.text);
        let mut broken = tally(50, 0);
        add_failures(&mut broken, 1, "tester");
        assert_eq!(conclude(broken, bad).exit, Exit::Tester);
    }
}
