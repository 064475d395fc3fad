//! What a failed run says first about its cause.

use report::explain::{Confidence, Explanation, Finding};
use report::{Check, Failure, FailureKind, Process, without_numbers};

/// How long a stored message may be. Some have values that are drawn afresh in each run.
const MESSAGE_CHARS: usize = 160;

/// What a failed run says first about its cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FirstCause {
    /// The first finding.
    Finding(String, Confidence),
    /// There is no finding: the safety rule that the run failed by.
    Rule(String),
    /// Neither: the failure's own sentence and line, as those of a panic. It is the kind of the failure.
    Itself(String),
    /// Nothing.
    Nothing,
}

impl FirstCause {
    pub(crate) fn of(failure: &Failure, explanation: &Explanation, process: Process) -> FirstCause {
        let known = |finding: &&Finding| finding.confidence != Confidence::Unknown;
        if let Some(finding) = explanation.findings.first().filter(known) {
            FirstCause::Finding(finding.id.clone(), finding.confidence)
        } else if let Some(rule) = broken_rule(failure) {
            FirstCause::Rule(rule.to_owned())
        } else if tells_itself(failure.kind, process == Process::Hung) {
            FirstCause::Itself(failure.kind.to_string())
        } else {
            FirstCause::Nothing
        }
    }

    /// Its name, for counting; `None` if nothing is said.
    pub(crate) fn id(&self) -> Option<&str> {
        match self {
            FirstCause::Finding(id, _) | FirstCause::Rule(id) | FirstCause::Itself(id) => Some(id),
            FirstCause::Nothing => None,
        }
    }
}

/// Whether a failure's own sentence and line tell what is wrong: a panic's, a misuse's, that of a run that
/// hung. That the time was up tells nothing.
fn tells_itself(kind: FailureKind, has_hung: bool) -> bool {
    match kind {
        FailureKind::Panic | FailureKind::Misuse => true,
        FailureKind::Stuck => has_hung,
        _ => false,
    }
}

/// The rule whose breach failed a run, if it failed by nothing else.
pub(crate) fn broken_rule(failure: &Failure) -> Option<&str> {
    match &failure.check {
        Check::Rule { id } => Some(id),
        _ => None,
    }
}

/// The first line of a failure, for counting.
pub(crate) fn message(failure: &Failure) -> String {
    let sentence = without_numbers(failure.message.lines().next().unwrap_or_default());
    sentence.chars().take(MESSAGE_CHARS).collect()
}
