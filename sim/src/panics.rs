//! Panics inside a run: caught where they happen, with the line, the time and the culprit.

use std::cell::Cell;
use std::panic::{self, PanicHookInfo};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::handle::{self, Sim};
use crate::misuse::Misuse;
use crate::settings::Panic;
use crate::{clock_guard, context, last_turn, stack, tester};

/// Whether the hook is installed, as far as is known.
static INSTALLED: AtomicBool = AtomicBool::new(false);

/// The most bytes that are kept of a panic's message.
const MESSAGE: usize = 64 << 10;

/// What is thrown to find out whether the hook hears it.
struct Probe;

thread_local! {
    /// Whether the hook has heard a [`Probe`].
    static HEARD: Cell<bool> = const { Cell::new(false) };

    /// Whether the hook is to take no notice.
    static UNNOTICED: Cell<bool> = const { Cell::new(false) };
}

/// Does what may panic and mustn't count, such as to show somebody's value for a log; `None` if it
/// did.
pub fn unnoticed<R>(f: impl FnOnce() -> R) -> Option<R> {
    let before = UNNOTICED.replace(true);
    let done = panic::catch_unwind(panic::AssertUnwindSafe(f));
    UNNOTICED.set(before);
    done.ok()
}

/// Installs, once a process, a panic hook that hands a run's panics to the run and leaves all
/// others to the hook that was there before.
pub(crate) fn install_hook() {
    if INSTALLED.swap(true, Ordering::Relaxed) {
        return;
    }
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| match handle::current() {
        _ if info.payload().is::<Probe>() => HEARD.set(true),
        _ if UNNOTICED.get() => {}
        Some(sim) => tester::does(|| tell(&sim, info)),
        None => before(info),
    }));
}

/// Whether the hook still hears of panics. If not, the next run installs it again.
pub(crate) fn is_heard() -> bool {
    HEARD.set(false);
    let _ = panic::catch_unwind(|| panic::panic_any(Probe));
    let is_heard = HEARD.get();
    if !is_heard {
        INSTALLED.store(false, Ordering::Relaxed);
    }
    is_heard
}

/// A message, or the begin of one that would fill reports.
fn kept(message: &str) -> String {
    match &message[..message.floor_char_boundary(MESSAGE)] {
        begin if begin.len() < message.len() => format!("{begin}… ({} bytes)", message.len()),
        all => all.to_owned(),
    }
}

/// Tells the run of a panic, or of the misuse that it comes from.
fn tell(sim: &Sim, info: &PanicHookInfo<'_>) {
    if let Some(misuse) = info.payload().downcast_ref::<Misuse>() {
        sim.misused(misuse.clone());
        return;
    }
    let message = info.payload_as_str().unwrap_or("a panic without a message");
    let file = info.location().map_or("", |location| location.file());
    if let Some(misuse) = clock_guard::refused(message, file) {
        sim.misused(misuse);
        return;
    }
    last_turn::panics();
    let context = context::current();
    let place = |location| stack::place_of_panic(location, context);
    sim.panicked(Panic {
        message: kept(message),
        is_assertion: message.starts_with("assertion "),
        location: info.location().map_or_else(|| "unknown".to_owned(), place),
        at: sim.now(),
        context,
    });
}
