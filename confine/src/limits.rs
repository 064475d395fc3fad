//! How much of the machine a process may take.

use std::time::Duration;

use nix::sys::resource::{Resource, setrlimit};

use crate::rules::Kind;
#[cfg(not(target_os = "linux"))]
use crate::rules::Rules;

/// The most address space of a run's process, in bytes: what the tester itself allows it for its last words.
pub(crate) const MEMORY_OF_RUN: u64 = 5 << 30;

/// The most that one file may hold, in bytes. A run writes none, but for what it prints.
const FILE: u64 = 1 << 30;

/// The most descriptors. A run needs about ten.
const FILES_OF_RUN: u64 = 256;
const FILES_OF_BUILD: u64 = 4096;

/// The most processes and threads of the user that runs have, in all of its processes together, if it is their own.
const THREADS: u64 = 512;

/// Sets the limits of the process that calls it. It makes system calls and nothing else.
pub(crate) fn set(kind: Kind, cpu: Duration, memory: u64, has_own_user: bool) {
    let files = match kind {
        Kind::Run | Kind::Reader => FILES_OF_RUN,
        Kind::Build => FILES_OF_BUILD,
    };
    let cpu = cpu.as_secs().max(1);
    // What is lower already stays so: a limit can't be raised.
    let _ = setrlimit(Resource::RLIMIT_AS, memory, memory);
    let _ = setrlimit(Resource::RLIMIT_CPU, cpu, cpu);
    let _ = setrlimit(Resource::RLIMIT_FSIZE, FILE, FILE);
    let _ = setrlimit(Resource::RLIMIT_NOFILE, files, files);
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    if has_own_user {
        let _ = setrlimit(Resource::RLIMIT_NPROC, THREADS, THREADS);
    }
}

/// Has the process that `command` starts have the limits, and a session of its own: all that there is elsewhere.
#[cfg(not(target_os = "linux"))]
pub(crate) fn put_on(command: &mut std::process::Command, of: &Rules) {
    use std::os::unix::process::CommandExt as _;
    let Rules { kind, cpu, memory, .. } = *of;
    let confine = move || {
        let _ = nix::unistd::setsid();
        set(kind, cpu, memory, false);
        Ok(())
    };
    // SAFETY: the closure makes system calls, and neither allocates nor locks.
    unsafe { command.pre_exec(confine) };
}
