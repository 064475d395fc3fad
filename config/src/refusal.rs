//! What a server does that must not be: the sentence, and what was demanded.

use report::Check;

/// Why the tester doesn't take what a server does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// What was demanded.
    pub(crate) check: Check,
    /// What is wrong.
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(check: Check, message: String) -> Refusal {
        Refusal { check, message }
    }
}
