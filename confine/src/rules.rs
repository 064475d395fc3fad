//! What is said of a confinement, as data.

use std::path::PathBuf;
use std::time::Duration;

/// What kind of code a process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Run,
    Build,
    Reader,
}

/// What a process may do.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) kind: Kind,
    /// Files and folders that it reads.
    pub(crate) reads: Vec<PathBuf>,
    /// Folders that it writes to.
    pub(crate) writes: Vec<PathBuf>,
    /// How much CPU time it may use.
    pub(crate) cpu: Duration,
    /// How much address space it may take, in bytes.
    pub(crate) memory: u64,
    /// Which user it becomes; `None` if it stays who it is.
    pub(crate) user: Option<u32>,
}
