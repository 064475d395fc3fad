//! Requests to stop: Ctrl-C, and the signals by which systems end what takes too long.
//!
//! A command that asks other processes for something notes the request, ends what it has started, shows what
//! it knows, and ends with the code of the signal. All others die of the signal, as programs do.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

use crate::exit::Exit;
use crate::process::{LOOK, pause};

/// How much later than the processes that it has started this program may get a signal that is meant for
/// all of them.
const LATE: Duration = Duration::from_millis(500);

/// The last signal that came; 0 before.
static ASKED: OnceLock<Arc<AtomicUsize>> = OnceLock::new();

/// From now on requests to stop are noted.
pub(crate) fn watch() {
    let asked = ASKED.get_or_init(Arc::default);
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        // Without a handler the signal ends the program at once, which is no worse than a failure here.
        if !is_ignored(signal) {
            let _ = flag::register_usize(signal, asked.clone(), signal as usize);
        }
    }
}

/// Whether the user has had enough.
pub(crate) fn is_asked() -> bool {
    exit().is_some()
}

/// How the program ends if the user has had enough.
pub(crate) fn exit() -> Option<Exit> {
    match ASKED.get()?.load(Ordering::Relaxed) {
        0 => None,
        signal if signal == SIGINT as usize => Some(Exit::Interrupted),
        _ => Some(Exit::Terminated),
    }
}

/// The same where a process has failed that may have got the signal first.
pub(crate) fn exit_soon() -> Option<Exit> {
    let begun = Instant::now();
    while ASKED.get().is_some() && !is_asked() && begun.elapsed() < LATE {
        pause(LOOK);
    }
    exit()
}

/// Whether a signal is ignored, as `nohup` wants it, and a shell for what it runs in the background. Where
/// that can't be told it isn't.
fn is_ignored(signal: i32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}
