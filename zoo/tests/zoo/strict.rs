//! `LAB_STRICT=1`: what MIT's tests pass, and a rule of Raft's doesn't allow.

use std::ops::RangeInclusive;

use config::{Check, Failure, FailureKind};
use zoo::Bug;

use crate::child::{Runs, run_in};

fn run(strict: &str) -> Runs {
    run_of("TestManyElections3A", Bug::VotesTwice, strict, 1..=30)
}

fn run_of(test: &str, bug: Bug, strict: &str, seeds: RangeInclusive<u64>) -> Runs {
    let variables = [("LAB_BUG", bug.to_string()), ("LAB_STRICT", strict.to_owned())];
    run_in(test, variables, seeds)
}

#[test]
fn a_rule_that_is_broken_is_a_finding_or_fails_the_run() {
    let (lenient, strict) = (run("0"), run("1"));
    let mut broken = Vec::new();
    for (lenient, strict) in lenient.results.iter().zip(&strict.results) {
        assert_eq!(lenient.history, strict.history, "seed {} is another run", lenient.seed);
        let is_rule = |failure: &&Failure| matches!(failure.check, Check::Rule { .. });
        let Some(failure) = strict.failure().filter(is_rule) else {
            assert_eq!(lenient.failure(), strict.failure());
            continue;
        };
        assert_eq!(lenient.failure(), None);
        assert_eq!(failure.kind, FailureKind::Safety);

        // Both name the rule, what was seen, and where the rule stands.
        let (sentence, rule) = failure.message.split_once("\n  rule      ").expect("a rule");
        let (name, what) = sentence.split_once(": ").expect("a rule and what broke it");
        let told = lenient.doubts.iter().find(|doubt| doubt.what == what).expect("a finding");
        assert_eq!(failure.check, Check::Rule { id: told.id.clone().into() });
        assert_eq!(told.rule, rule);
        // What a finding says isn't a warning as well.
        assert!(lenient.warnings.iter().all(|warning| !warning.contains(what)), "{lenient:?}");
        broken.push(name.to_owned());
    }
    assert!(
        broken.contains(&"rule voted-twice (M2)".to_owned()),
        "{broken:?}:\n{}",
        lenient.output
    );
    // Whoever repeats the run is to see it fail, too.
    let replay = " LAB_STRICT=1 LAB_BUG=VotesTwice cargo test -p zoo TestManyElections3A\n";
    assert!(strict.output.contains(replay), "{}", strict.output);
}

/// What MIT's tests pass, and a rule doesn't allow.
#[test]
fn rules_find_what_no_check_does() {
    for (bug, test, seeds, rule) in [
        (
            Bug::LeadsWithoutSecondLook,
            "TestFigure8Unreliable3C",
            1..=20,
            "rule leads-without-majority (M17): ",
        ),
        (Bug::TruncatesWithEntries, "TestUnreliableChurn3C", 1..=6, "rule log-truncated (M7): "),
        (
            Bug::AcceptsEntriesOfOldTerms,
            "TestReElection3A",
            1..=10,
            "rule old-leader-obeyed (M6): ",
        ),
        (Bug::NeverSavesTheirEntries, "TestPersist23C", 1..=3, "rule log-not-saved (M7): "),
    ] {
        assert_eq!(run_of(test, bug, "0", seeds.clone()).failures().next(), None, "{test}, {bug}");
        let strict = run_of(test, bug, "1", seeds);
        let found = strict.failures().filter(|failure| failure.message.starts_with(rule));
        assert!(found.count() > 0, "{test} with {bug}: {}", strict.output);
    }
}
