//! What a failed run says first about its cause.

use report::explain::{Confidence, Explanation};
use report::{Failure, FailureKind, Process, without_numbers};

/// How long a stored message may be. Some have values that are drawn afresh in each run.
const MESSAGE_CHARS: usize = 160;

/// What a failed run says first about its cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// The first finding.
    Finding(String, Confidence),
    /// There is no finding: the safety monitor that the run failed by.
    Monitor(String),
    /// Neither: the failure's own sentence and line, as those of a panic. It is the kind of the failure.
    Itself(String),
    /// Nothing.
    Nothing,
}

impl Told {
    pub(crate) fn of(failure: &Failure, explanation: &Explanation, process: Process) -> Told {
        if let Some(finding) = explanation.findings.first() {
            Told::Finding(finding.id.clone(), finding.confidence)
        } else if let Some(monitor) = monitor(failure) {
            Told::Monitor(monitor.to_owned())
        } else if tells_itself(failure.kind, process == Process::Hung) {
            Told::Itself(failure.kind.to_string())
        } else {
            Told::Nothing
        }
    }

    /// Its name, for counting; `None` if nothing is said.
    pub(crate) fn id(&self) -> Option<&str> {
        match self {
            Told::Finding(id, _) | Told::Monitor(id) | Told::Itself(id) => Some(id),
            Told::Nothing => None,
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

/// The safety monitor that a run failed by, if it failed by nothing else: the first line of its report
/// has it.
pub(crate) fn monitor(failure: &Failure) -> Option<&str> {
    let (id, _) = failure.message.strip_prefix("monitor ")?.split_once(':')?;
    let number = id.strip_prefix('M')?;
    number.bytes().all(|digit| digit.is_ascii_digit()).then_some(id)
}

/// The first line of a failure, for counting.
pub(crate) fn message(failure: &Failure) -> String {
    let sentence = without_numbers(failure.message.lines().next().unwrap_or_default());
    sentence.chars().take(MESSAGE_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_begins_like_a_monitor_is_none() {
        let failure = |message: &str| Failure {
            kind: FailureKind::Panic,
            message: message.to_owned(),
            location: String::new(),
            at: report::Time(0),
        };
        assert_eq!(monitor(&failure("monitor M17: server 1 leads")), Some("M17"));
        assert_eq!(monitor(&failure("monitor Me: server 1 leads")), None);
        assert_eq!(monitor(&failure("monitors M17: server 1 leads")), None);
    }
}
