//! A test binary as the parent of its own children, which stops when its user has had enough.

use std::io;
use std::num::NonZeroUsize;
use std::process::Command;
use std::sync::OnceLock;

use children::{Done, Host, Isolation, Permits};

use crate::interrupt::{self, Again};

/// Runs all `seeds` in children that `command` starts, at most `jobs` of them at a time in this whole
/// process, and returns what came of each, in the seeds' order.
///
/// Asks after each run whether that was `enough`. If it was, or if the process is interrupted, no more
/// are begun, and those that were not are missing in what is returned.
///
/// # Errors
/// If a child can't be started.
pub fn run_in_children(
    seeds: &[u64],
    jobs: NonZeroUsize,
    isolation: Isolation,
    command: &(dyn Fn() -> Command + Sync),
    enough: &(dyn Fn(&Done) -> bool + Sync),
) -> io::Result<Vec<Done>> {
    // Test functions run side by side, and `jobs` is for all of them together.
    static PERMITS: OnceLock<Permits> = OnceLock::new();
    interrupt::catch(Again::Ends);
    let permits = PERMITS.get_or_init(|| Permits::new(jobs));
    children::run_in_children(seeds, jobs, isolation, &Itself { command, enough, permits })
}

struct Itself<'a> {
    command: &'a (dyn Fn() -> Command + Sync),
    enough: &'a (dyn Fn(&Done) -> bool + Sync),
    permits: &'a Permits,
}

impl Host for Itself<'_> {
    fn command(&self) -> io::Result<Command> {
        Ok((self.command)())
    }

    fn permits(&self) -> Option<&Permits> {
        Some(self.permits)
    }

    fn is_interrupted(&self) -> bool {
        interrupt::is_interrupted()
    }

    fn is_enough(&self, done: &Done) -> bool {
        (self.enough)(done)
    }
}
