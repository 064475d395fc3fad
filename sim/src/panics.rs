//! Panics inside a run: caught where they happen, with the line, the time and the culprit.

use std::panic::{self, PanicHookInfo};
use std::sync::Once;
use std::time::Duration;

use crate::context::{self, Context};
use crate::run;

/// A panic in a run's body or in any of its tasks.
#[derive(Clone, Debug)]
pub struct Panic {
    /// The panic's message.
    pub message: String,
    /// Where it panicked: file, line and column.
    pub location: String,
    /// The run's time when it did.
    pub at: Duration,
    /// Whose code it was, where that is known.
    pub context: Option<Context>,
}

/// Installs, once a process, a panic hook that hands a run's panics to the run and leaves all
/// others to the hook that was there before.
pub(crate) fn install_hook() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| match run::current() {
            Some(sim) => sim.panicked(describe(info, sim.now())),
            None => before(info),
        }));
    });
}

fn describe(info: &PanicHookInfo<'_>, at: Duration) -> Panic {
    Panic {
        message: info.payload_as_str().unwrap_or("a panic without a message").to_owned(),
        location: info.location().map_or_else(|| "unknown".to_owned(), ToString::to_string),
        at,
        context: context::current(),
    }
}
