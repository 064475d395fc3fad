//! The result of a run whose process died.

use report::{Check, DeathKind, FailureKind, Process, RunResult, Verdict};

fn died(death: DeathKind, printed: &str) -> RunResult {
    RunResult::of_death("TestX".to_owned(), 2, 7, (death, "it has ended"), printed)
}

#[test]
fn a_death_says_what_was_demanded_and_what_was_printed_last() {
    let printed: String = (1..=20).map(|line| format!("line {line}\n")).collect();
    let result = died(DeathKind::Misuse, &printed);
    let Verdict::Failed { failure, evidence, .. } = &result.verdict else { panic!("{result:?}") };
    assert_eq!((failure.kind, &*failure.message), (FailureKind::Misuse, "it has ended"));
    assert!(evidence.starts_with("  printed   line 9\n            line 10\n"), "{evidence}");
    assert!(evidence.ends_with(" line 20\n"), "{evidence}");
    assert_eq!((&*result.test, result.call, result.seed), ("TestX", 2, 7));
    assert_eq!(result.printed, printed);
}

#[test]
fn each_kind_of_death_has_a_process_and_a_check() {
    let is_misused: fn(&Check) -> bool = |check| matches!(check, Check::Misused { .. });
    for (death, process, is_right) in [
        (DeathKind::Misuse, Process::Died, is_misused),
        (DeathKind::Silent, Process::Hung, |check| matches!(check, Check::Blocked { .. })),
        (DeathKind::Late, Process::Hung, |check| matches!(check, Check::InTime)),
        (DeathKind::Crash, Process::Died, |check| matches!(check, Check::Panicked { .. })),
    ] {
        let result = died(death, "");
        let failure = result.failure().expect("who dies has failed");
        assert!(is_right(&failure.check), "{death:?}: {:?}", failure.check);
        assert_eq!(result.process, process, "{death:?}");
    }
}

#[test]
fn why_it_died_may_be_among_what_it_printed() {
    let result = died(DeathKind::Crash, "memory allocation of 9 bytes failed\n");
    let message = &result.failure().expect("it has failed").message;
    assert!(message.starts_with("it has ended: too much memory: "), "{message}");
}
