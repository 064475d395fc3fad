//! Which causes are looked for, by the failure's sentence.

use super::{Cause, referee};
use crate::failure::{Failure, FailureKind};

/// The causes of failures with this sentence, whose numbers are N; the more telling ones first.
pub(super) fn causes(failure: &Failure, sentence: &str) -> &'static [Cause] {
    let _ = sentence;
    match failure.kind {
        FailureKind::Misuse | FailureKind::Tester => &[],
        _ => &[referee::broken_rule],
    }
}
