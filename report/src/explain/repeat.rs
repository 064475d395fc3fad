//! A run whose seed came out otherwise when it took place again: what else is found of it may not come again.

use super::{Confidence, Evidence, Explanation, FINDINGS, Finding};
use crate::event::Time;
use crate::result::Verdict;
use crate::spec::rules::repeat::NOT_REPEATABLE;
use crate::text;

/// How two runs of one seed differed.
#[derive(Clone, Debug)]
pub struct Parted {
    /// What came of the other run: `passed`, `failed with "…"`.
    pub other: String,
    /// The hashes of the two histories, where both are known.
    pub hashes: Option<[u64; 2]>,
    /// The first events that differ, where they are known.
    pub event: Option<PartedAt>,
}

/// The first events of two runs that differ.
#[derive(Clone, Debug)]
pub struct PartedAt {
    /// How many events are the same before.
    pub same: usize,
    /// When the first of the two was.
    pub at: Time,
    /// The events, in one run and in the other.
    pub events: [String; 2],
}

/// How much is shown of an event, in characters.
const SHOWN: usize = 160;

/// Says of a run that has failed, before any other cause, that its seed came out otherwise when it took place
/// again. Of others nothing.
pub fn not_repeatable(verdict: &mut Verdict, parted: &Parted) {
    let Verdict::Failed { failure, evidence, explanation, .. } = verdict else { return };
    let finding = finding(failure.at, parted);
    text::put_first(evidence, &finding);
    let Explanation { findings, .. } = explanation;
    findings.insert(0, finding);
    findings.truncate(FINDINGS);
}

fn finding(failed: Time, Parted { other, hashes, event }: &Parted) -> Finding {
    let evidence = |at: Time, text: String| Evidence { text, at, calls: Vec::new() };
    let mut all = Vec::new();
    if let Some(PartedAt { same, at, events: [one, two] }) = event {
        let shown = |event: &str| event.chars().take(SHOWN).collect::<String>();
        let text = format!(
            "{same} events are the same in both runs; then one run has {}, and the other {}",
            shown(one),
            shown(two)
        );
        all.push(evidence(*at, text));
    }
    let hashes = hashes.map_or(String::new(), |[one, two]| {
        format!("; the hashes of the two histories are {one:016x} and {two:016x}")
    });
    all.push(evidence(
        failed,
        format!("this run failed; another run of the same seed {other}{hashes}"),
    ));
    Finding {
        id: NOT_REPEATABLE.id.to_owned(),
        confidence: Confidence::Certain,
        what: "another run of the same seed went differently: something other than the seed decides how this \
               run goes"
            .to_owned(),
        evidence: all,
        rule: format!("{} ({})", NOT_REPEATABLE.says, NOT_REPEATABLE.place),
        look: NOT_REPEATABLE.look.to_owned(),
        normal: None,
        refuted_if: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Check;
    use crate::failure::{Failure, FailureKind};

    const EVIDENCE: &str = "  script    tests/raft/agreement_3b.rs:12, in one()
  did       ran one() from 1.00 to 3.00 s
  why       likely: server 1 is slow [slow]
              1.20 s  it waited
  or        likely: server 2 is slow [slower]
  not so    The lost messages aren't.
";

    fn failed(kind: FailureKind, evidence: &str) -> Verdict {
        let (check, message) = (Check::Script, "one(7) failed to reach agreement".to_owned());
        let failure =
            Failure { kind, check, message, location: String::new(), at: Time(3_000_000) };
        Verdict::unexplained(failure, evidence.to_owned())
    }

    fn told(mut verdict: Verdict, parted: &Parted) -> String {
        not_repeatable(&mut verdict, parted);
        let Verdict::Failed { evidence, explanation, .. } = verdict else {
            unreachable!("it has failed")
        };
        assert_eq!(explanation.findings[0].id, "not-repeatable");
        evidence
    }

    #[test]
    fn what_does_not_repeat_comes_before_any_other_cause() {
        let event = PartedAt {
            same: 12,
            at: Time(1_500_000),
            events: ["S0 sends 1".to_owned(), "S0 sends 2".to_owned()],
        };
        let other = "passed".to_owned();
        let parted = Parted { other, hashes: Some([1, 2]), event: Some(event) };
        let text = told(failed(FailureKind::Liveness, EVIDENCE), &parted);
        expect_test::expect![[r#"
            script    tests/raft/agreement_3b.rs:12, in one()
            did       ran one() from 1.00 to 3.00 s
            why       certain: another run of the same seed went differently: something
                      other than the seed decides how this run goes [not-repeatable]
                        1.50 s  12 events are the same in both runs; then one run has S0
                          sends 1, and the other S0 sends 2
                        3.00 s  this run failed; another run of the same seed passed; the
                          hashes of the two histories are 0000000000000001 and
                          0000000000000002
                        rule: the same seed gives the same run (rule 11 of the contract;
                          the lab's own rule)
                        look at: what can differ between two runs of a seed: a static that
                          remembers earlier runs, futures::select! (use tokio::select!),
                          the order of a HashMap, an OS thread, the address of a value, or
                          a clock or a source of randomness other than the run's own (use
                          tokio::time and the rand crate)
            or        likely: server 1 is slow [slow]
                        1.20 s  it waited
            or        likely: server 2 is slow [slower]
            not so    The lost messages aren't.
        "#]]
        .assert_eq(&textwrap::dedent(&text));
    }

    #[test]
    fn a_failure_without_a_why_gets_one() {
        let parted = Parted { other: "passed".to_owned(), hashes: None, event: None };
        let text =
            told(failed(FailureKind::Panic, "  did       ran one() from 1.00 s on\n"), &parted);
        expect_test::expect![[r#"
            did       ran one() from 1.00 s on
            why       certain: another run of the same seed went differently: something
                      other than the seed decides how this run goes [not-repeatable]
                        3.00 s  this run failed; another run of the same seed passed
                        rule: the same seed gives the same run (rule 11 of the contract;
                          the lab's own rule)
                        look at: what can differ between two runs of a seed: a static that
                          remembers earlier runs, futures::select! (use tokio::select!),
                          the order of a HashMap, an OS thread, the address of a value, or
                          a clock or a source of randomness other than the run's own (use
                          tokio::time and the rand crate)
        "#]]
        .assert_eq(&textwrap::dedent(&text));
    }
}
