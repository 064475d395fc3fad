//! What a child may take of the machine: memory, and room for what it prints.

use nix::sys::resource::{Resource, setrlimit};

/// The most address space that a child may use, in bytes: a run that wants more has gone wild. As a
/// machine may well have two cores and 8 GB, more would be for the system's own killer.
const MEMORY: u64 = 4 << 30;

/// How much more a child may use when its run has ended for want of memory: to say so takes some.
const MEMORY_FOR_LAST_WORDS: u64 = 1 << 30;

/// How much free memory at its heap's end a child keeps, in bytes.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const KEPT: libc::c_int = 64 << 20;

/// Up to which size, in bytes, memory is taken from a child's heap and not from the kernel.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const IN_HEAP: libc::c_int = 4 << 20;

/// The most that a run may print, in bytes.
const PRINTED: u64 = 256 << 20;

/// How much memory a run may hold, in bytes: half of what its process may have. A run of the lab holds
/// some tens of millions.
pub(crate) const HELD: u64 = MEMORY / 2;

/// Limits what this process may take.
pub(crate) fn limit_resources() {
    limit_memory(MEMORY);
    // Where the limit can't be set there is none.
    let _ = setrlimit(Resource::RLIMIT_FSIZE, PRINTED, PRINTED);
}

/// Limits the address space to `now`, and lets the process raise that for its last words.
fn limit_memory(now: u64) {
    let _ = setrlimit(Resource::RLIMIT_AS, now, MEMORY + MEMORY_FOR_LAST_WORDS);
}

/// Keeps what a run has used for the next one, which needs about as much. By itself the C library's
/// allocator gives it back to the kernel at the end of each run, and page by page gets it anew.
pub(crate) fn keep_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    for (parameter, bytes) in [(libc::M_TRIM_THRESHOLD, KEPT), (libc::M_MMAP_THRESHOLD, IN_HEAP)] {
        // SAFETY: sets a number, and before any run's thread exists.
        unsafe { libc::mallopt(parameter, bytes) };
    }
}

/// Raises the limit of the address space, so that the process can say its last words.
pub(crate) fn raise_for_last_words() {
    limit_memory(MEMORY + MEMORY_FOR_LAST_WORDS);
}
