//! Whose code runs, in the words of a history.

use report::Caller;
use sim::context::Owner;

/// Who is meant, in the words of a history.
#[must_use]
pub fn caller(owner: Owner) -> Caller {
    Caller { server: owner.server, incarnation: owner.incarnation }
}
