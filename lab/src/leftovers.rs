//! Processes that code under test has started and left behind.
//!
//! A grader adopts them: on Linux, what outlives its parent becomes a child of this program, if that asks for it. So
//! whatever is a child of this program, and wasn't started by it, is left over, however it has hidden from its group
//! and its session. Elsewhere, only a process's group is ended with it.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

use crate::process::{LOOK, pause};

/// How long leftovers are ended that start others meanwhile.
const PATIENCE: Duration = Duration::from_secs(5);

/// The processes that this program has started and not yet waited for.
static STARTED: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

static ADOPTS: AtomicBool = AtomicBool::new(false);

/// From now on this program adopts what is left over. All that it starts must be started by [`spawn`] then.
pub(crate) fn adopt() {
    #[cfg(target_os = "linux")]
    ADOPTS.store(nix::sys::prctl::set_child_subreaper(true).is_ok(), Ordering::Relaxed);
}

/// Starts a process, which isn't left over until [`is_waited_for`].
pub(crate) fn spawn(command: &mut Command) -> io::Result<Child> {
    let mut started = started();
    let child = command.spawn()?;
    started.insert(child.id());
    Ok(child)
}

/// Notes that a process has ended.
pub(crate) fn is_waited_for(id: u32) {
    started().remove(&id);
}

/// Ends all that is left over, and returns when it has ended.
pub(crate) fn end_all() {
    let began = Instant::now();
    while ADOPTS.load(Ordering::Relaxed) && began.elapsed() < PATIENCE {
        // Nothing is started meanwhile that would be taken for a leftover.
        let started = started();
        let left: Vec<u32> = children().into_iter().filter(|id| !started.contains(id)).collect();
        if left.is_empty() {
            return;
        }
        for id in left {
            let id = Pid::from_raw(id.cast_signed());
            let _ = kill(id, Signal::SIGKILL);
            let _ = waitpid(id, Some(WaitPidFlag::WNOHANG));
        }
        drop(started);
        pause(LOOK);
    }
}

/// The children of this process. Each thread has its own.
fn children() -> Vec<u32> {
    let threads = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let lists =
        threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists
        .flat_map(|list| {
            list.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<_>>()
        })
        .collect()
}

fn started() -> MutexGuard<'static, BTreeSet<u32>> {
    STARTED.lock().unwrap_or_else(PoisonError::into_inner)
}
