//! Whether results are to have the events of their runs.

use std::env;

/// Tells a child to send the events of its runs along.
pub(crate) const TRACE: &str = "LAB_WORKER_TRACE";

/// Whether the results of this process are to have the events of their runs.
pub(crate) fn is_wanted() -> bool {
    env::var_os(TRACE).is_some()
}
