//! Which line is the user's: neither the standard library's, nor a library's, nor the harness's own.

use std::fs::File;
use std::os::raw::c_void;
use std::os::unix::fs::FileExt as _;
use std::panic::Location;
use std::path::Path;
use std::ptr;

use backtrace::Symbol;
use parking_lot::RwLock;

use crate::tester;

/// Whether a function whose name has this part is on the stack.
pub(crate) fn is_within(function: &str) -> bool {
    let mut found = false;
    tester::does(|| {
        backtrace::trace(|frame| {
            backtrace::resolve_frame(frame, |symbol| {
                found |= symbol.name().is_some_and(|name| name.to_string().contains(function));
            });
            !found
        });
    });
    found
}

/// Reads this process's memory. `None` where the kernel shows no such file, or nothing is there.
pub(crate) fn read_memory(address: usize, bytes: &mut [u8]) -> Option<()> {
    shown(|| File::open("/proc/self/mem")).ok()?.read_exact_at(bytes, address as u64).ok()
}

/// Does something while this process can open its own memory, also if that is hidden from the code that it runs.
fn shown<R>(f: impl FnOnce() -> R) -> R {
    #[cfg(target_os = "linux")]
    {
        let set = |shown: libc::c_ulong| {
            // SAFETY: a system call that takes numbers and touches no memory.
            unsafe { libc::prctl(libc::PR_SET_DUMPABLE, shown, 0, 0, 0) };
        };
        // SAFETY: the same.
        let is_hidden = unsafe { libc::prctl(libc::PR_GET_DUMPABLE, 0, 0, 0, 0) } == 0;
        if is_hidden {
            set(1);
            let done = f();
            set(0);
            return done;
        }
    }
    f()
}

/// What is known of the code at an address, from the innermost function that was inlined there.
pub(crate) fn resolve(address: usize, mut f: impl FnMut(&Symbol)) {
    let address: *mut c_void = ptr::without_provenance_mut(address);
    tester::does(|| backtrace::resolve(address, |symbol| f(symbol)));
}

/// A symbol's line, if the user wrote it.
pub(crate) fn users(symbol: &Symbol) -> Option<String> {
    let (file, line) = (symbol.filename()?, symbol.lineno()?);
    is_users(file).then(|| format!("{}:{line}", shorten(file)))
}

/// A symbol's line with its function, if the user wrote it.
pub(crate) fn with_function(symbol: &Symbol) -> Option<String> {
    let function = symbol.name().map(|name| format!("{name:#}")).unwrap_or_default();
    Some(format!("{} in {function}", users(symbol)?))
}

/// The folder that the harness's crates are in.
pub(crate) fn harness() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// Where the sources are of crates that run the user's code or are called by it, but for this one's.
static HARNESS: RwLock<Vec<&str>> = RwLock::new(Vec::new());

/// From now on no line in `sources`, which are folders, counts as the user's.
pub fn leave_out_lines_of(sources: &[&'static str]) {
    let mut harness = HARNESS.write();
    for source in sources {
        if !harness.contains(source) {
            harness.push(source);
        }
    }
}

/// The sources of this crate and of those that it is made of.
const OWN: [&str; 2] = [concat!(env!("CARGO_MANIFEST_DIR"), "/src"), chance::SOURCE];

/// Whether the lines of `file` are [left out](leave_out_lines_of), or this crate's own.
#[doc(hidden)]
#[must_use]
pub fn is_harness(file: &Path) -> bool {
    OWN.iter().chain(HARNESS.read().iter()).any(|source| file.starts_with(source))
}

pub(crate) fn is_users(file: &Path) -> bool {
    let text = file.to_string_lossy();
    // The C library's frames have lines, too, where its debug information is installed.
    file.extension().is_some_and(|extension| extension == "rs")
        && !text.contains("/rustc/")
        && !text.contains("/registry/src/")
        && !text.contains("/git/checkouts/")
        && !text.contains("/rustlib/")
        // The standard library's own dependencies, such as the map inside HashMap.
        && !text.starts_with("/rust/deps/")
        && !is_harness(file)
}

/// `location` as it is shown, if the user wrote that line.
pub(crate) fn users_place(location: &Location<'_>) -> Option<String> {
    // The compiler knows the harness's own files from the harness's folder.
    let file = harness().join(location.file());
    is_users(&file).then(|| format!("{}:{}", location.file(), location.line()))
}

/// The path as seen from the harness's workspace or from the current one, whichever holds it.
pub(crate) fn shorten(file: &Path) -> String {
    // Cargo runs a test in its package's folder.
    let current = std::env::current_dir().unwrap_or_default();
    let workspace = current.ancestors().find(|folder| folder.join("Cargo.lock").exists());
    let here = workspace.unwrap_or(&current);
    let short = file.strip_prefix(harness()).or_else(|_| file.strip_prefix(here));
    short.unwrap_or(file).display().to_string()
}
