//! The variables by which a parent tells a child what it is to do, where several parents or crates use the same.
//!
//! All names begin with [`PREFIX`]: nobody else's variables do, and none of these is a user's.

/// How the names of variables begin that one process of the harness sets for another.
pub const PREFIX: &str = "LAB_WORKER";

/// Which call of the tester in its test function a child serves: a number from 1, and behind a blank the line of the
/// call, if the parent knows it.
pub const CALL: &str = "LAB_WORKER_CALL";

/// Whether a child sends its runs themselves along with their results: it does if this is set.
pub const RECORDS: &str = "LAB_WORKER_RECORDS";

/// Names a child the file with the record of a run that it is to make again without its servers' code.
pub const JUDGED: &str = "LAB_WORKER_JUDGED";

/// Has a child hide its memory and the environment that it began with from the code that it runs, if it is set.
pub const HIDES: &str = "LAB_WORKER_HIDES";

/// How many columns of text a child's reports may have.
pub const COLUMNS: &str = "LAB_WORKER_COLUMNS";

/// Tells a process that it is a child, and on which descriptor its parent is.
pub(crate) const CHILD: &str = PREFIX;
