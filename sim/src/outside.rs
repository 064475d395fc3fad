//! The C library's ways out of a simulation: files, sockets and processes, which follow no seed. A server's code that
//! takes one is told so, at its line, whether anything confines the process or not.
//!
//! As in `interpose`, these symbols come before the C library's. On any thread but a simulated one, and for the tester
//! itself and the script, they are the real functions. A file is opened all the same, as no harm comes of it but that
//! a run may not repeat; a socket or a process is refused.

use std::env;
use std::ffi::{CStr, c_char, c_int};
use std::os::unix::ffi::OsStrExt as _;
use std::sync::OnceLock;

use libc::{DIR, mode_t, pid_t, posix_spawn_file_actions_t, posix_spawnattr_t};

use crate::misuse::Misuse;
use crate::real::Real;
use crate::{context, handle, tester};

type Open = unsafe extern "C" fn(*const c_char, c_int, mode_t) -> c_int;
type OpenDir = unsafe extern "C" fn(*const c_char) -> *mut DIR;
type Socket = unsafe extern "C" fn(c_int, c_int, c_int) -> c_int;
type SocketPair = unsafe extern "C" fn(c_int, c_int, c_int, *mut c_int) -> c_int;
type Execute = unsafe extern "C" fn(*const c_char, *const *const c_char) -> c_int;
type Fork = unsafe extern "C" fn() -> pid_t;
type Spawn = unsafe extern "C" fn(
    *mut pid_t,
    *const c_char,
    *const posix_spawn_file_actions_t,
    *const posix_spawnattr_t,
    *const *mut c_char,
    *const *mut c_char,
) -> c_int;

struct Reals {
    open: Real<Open>,
    open64: Real<Open>,
    opendir: Real<OpenDir>,
    socket: Real<Socket>,
    socketpair: Real<SocketPair>,
    execvp: Real<Execute>,
    fork: Real<Fork>,
    posix_spawn: Real<Spawn>,
    posix_spawnp: Real<Spawn>,
}

// SAFETY: the C library's functions of these names have these types. (`open` is variadic, and reads a number behind
// its flags, which travels in the same way.)
static REAL: Reals = unsafe {
    Reals {
        open: Real::new(c"open"),
        open64: Real::new(c"open64"),
        opendir: Real::new(c"opendir"),
        socket: Real::new(c"socket"),
        socketpair: Real::new(c"socketpair"),
        execvp: Real::new(c"execvp"),
        fork: Real::new(c"fork"),
        posix_spawn: Real::new(c"posix_spawn"),
        posix_spawnp: Real::new(c"posix_spawnp"),
    }
};

/// Where the system's own files are, which libraries read: no student keeps any there.
const SYSTEM: [&[u8]; 6] = [b"/sys/", b"/etc/", b"/usr/", b"/lib", b"/nix/", b"/gnu/"];

/// The devices that libraries open. Others may be links to what the process has open, as /dev/fd is.
const DEVICES: [&[u8]; 5] =
    [b"/dev/null", b"/dev/zero", b"/dev/random", b"/dev/urandom", b"/dev/tty"];

/// What libraries ask the kernel: where the program's code is, how many processors and how much memory there are. The
/// rest of /proc, such as what the process has open, changes by what servers do, who could so tell each other something
/// without a message.
const KERNEL: [&[u8]; 9] = [
    b"/proc/self/maps",
    b"/proc/self/exe",
    b"/proc/self/cgroup",
    b"/proc/self/mountinfo",
    b"/proc/self/auxv",
    b"/proc/cpuinfo",
    b"/proc/meminfo",
    b"/proc/stat",
    b"/proc/sys/",
];

/// This program, which reads itself to tell lines.
static PROGRAM: OnceLock<Vec<u8>> = OnceLock::new();

/// Looks up the real functions, as `interpose::resolve` does.
pub(crate) fn resolve() {
    REAL.open.look_up();
    REAL.open64.look_up();
    REAL.opendir.look_up();
    REAL.socket.look_up();
    REAL.socketpair.look_up();
    REAL.execvp.look_up();
    REAL.fork.look_up();
    REAL.posix_spawn.look_up();
    REAL.posix_spawnp.look_up();
    PROGRAM.get_or_init(|| {
        env::current_exe().map_or(Vec::new(), |path| path.as_os_str().as_bytes().to_vec())
    });
}

/// If this is a simulated thread on which a server's code runs, and not the tester's or the script's, notes what
/// `misuse` says. Returns whether that was something.
fn misuse_of_a_server(misuse: impl FnOnce() -> Option<Misuse>) -> bool {
    let is_simulated = handle::simulated_micros().is_some();
    if !is_simulated || tester::is_at_work() || context::current().is_none() {
        return false;
    }
    misuse().is_some_and(|misuse| handle::misuse_if_simulated(|| misuse))
}

/// Notes that a server opens the file or folder at `path`, unless it is the system's.
///
/// # Safety
/// `path` must be a C string, or null.
unsafe fn note(path: *const c_char) {
    misuse_of_a_server(|| {
        if path.is_null() {
            return None;
        }
        // SAFETY: the caller's contract.
        let path = unsafe { CStr::from_ptr(path) }.to_bytes();
        let is_program = PROGRAM.get().is_some_and(|own| !own.is_empty() && path.starts_with(own));
        (!is_program && !is_system(path))
            .then(|| Misuse::File(String::from_utf8_lossy(shown(path)).into_owned()))
    });
}

/// The part of a name that is shown: code may ask for a name that is longer than any file's.
fn shown(path: &[u8]) -> &[u8] {
    &path[..path.len().min(libc::PATH_MAX as usize)]
}

/// Whether the system's own file or folder has this name. One that leads up may be any.
fn is_system(path: &[u8]) -> bool {
    let leads_up = path.split(|&byte| byte == b'/').any(|part| part == b"..");
    let is_below = |place: &&[u8]| path.starts_with(place);
    DEVICES.contains(&path) || !leads_up && SYSTEM.iter().chain(&KERNEL).any(is_below)
}

/// open(2): from a server a [`Misuse`], and done.
///
/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
unsafe extern "C" fn open(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    // SAFETY: the arguments are those of open, passed on unchanged.
    unsafe { open_by(&REAL.open, path, flags, mode) }
}

/// open64, which the standard library calls: the same.
///
/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
unsafe extern "C" fn open64(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    // SAFETY: the arguments are those of open64, passed on unchanged.
    unsafe { open_by(&REAL.open64, path, flags, mode) }
}

/// What both do.
///
/// # Safety
/// The arguments must be those of `real`.
unsafe fn open_by(real: &Real<Open>, path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    // SAFETY: the caller's contract, which gives a C string.
    unsafe { note(path) };
    let Some(real) = real.get() else { return refuse(libc::ENOSYS) };
    // SAFETY: the caller's contract.
    unsafe { real(path, flags, mode) }
}

/// opendir(3), which the standard library's `read_dir` calls: the same.
///
/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
unsafe extern "C" fn opendir(path: *const c_char) -> *mut DIR {
    // SAFETY: the contract of opendir gives a C string; the argument is passed on unchanged.
    unsafe {
        note(path);
        match REAL.opendir.get() {
            Some(real) => real(path),
            None => std::ptr::null_mut(),
        }
    }
}

/// socket(2): from a server a [`Misuse`], and refused.
///
/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
unsafe extern "C" fn socket(domain: c_int, kind: c_int, protocol: c_int) -> c_int {
    if misuse_of_a_server(|| Some(Misuse::Socket)) {
        return refuse(libc::EPERM);
    }
    let Some(real) = REAL.socket.get() else { return refuse(libc::ENOSYS) };
    // SAFETY: the arguments are those of socket, passed on unchanged.
    unsafe { real(domain, kind, protocol) }
}

/// socketpair(2), which the standard library's `UnixStream::pair` calls: the same.
///
/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
unsafe extern "C" fn socketpair(
    domain: c_int,
    kind: c_int,
    protocol: c_int,
    both: *mut c_int,
) -> c_int {
    if misuse_of_a_server(|| Some(Misuse::Socket)) {
        return refuse(libc::EPERM);
    }
    let Some(real) = REAL.socketpair.get() else { return refuse(libc::ENOSYS) };
    // SAFETY: the arguments are those of socketpair, passed on unchanged.
    unsafe { real(domain, kind, protocol, both) }
}

/// execvp(3), by which the standard library's `exec` has another program take this one's place: from a server a
/// [`Misuse`], and refused.
///
/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
unsafe extern "C" fn execvp(file: *const c_char, arguments: *const *const c_char) -> c_int {
    if misuse_of_a_server(|| Some(Misuse::Process)) {
        return refuse(libc::EPERM);
    }
    let Some(real) = REAL.execvp.get() else { return refuse(libc::ENOSYS) };
    // SAFETY: the arguments are those of execvp, passed on unchanged.
    unsafe { real(file, arguments) }
}

/// fork(2): from a server a [`Misuse`], and refused.
///
/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
unsafe extern "C" fn fork() -> pid_t {
    if misuse_of_a_server(|| Some(Misuse::Process)) {
        return refuse(libc::EPERM);
    }
    let Some(real) = REAL.fork.get() else { return refuse(libc::ENOSYS) };
    // SAFETY: it has no arguments; what a fork may do is the caller's affair.
    unsafe { real() }
}

/// posix_spawn(3): from a server a [`Misuse`], and refused.
///
/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
unsafe extern "C" fn posix_spawn(
    process: *mut pid_t,
    path: *const c_char,
    actions: *const posix_spawn_file_actions_t,
    attributes: *const posix_spawnattr_t,
    arguments: *const *mut c_char,
    environment: *const *mut c_char,
) -> c_int {
    // SAFETY: the arguments are those of posix_spawn, passed on unchanged.
    unsafe { spawn(&REAL.posix_spawn, process, path, actions, attributes, arguments, environment) }
}

/// posix_spawnp(3), which the standard library's `Command` calls: the same.
///
/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
unsafe extern "C" fn posix_spawnp(
    process: *mut pid_t,
    file: *const c_char,
    actions: *const posix_spawn_file_actions_t,
    attributes: *const posix_spawnattr_t,
    arguments: *const *mut c_char,
    environment: *const *mut c_char,
) -> c_int {
    // SAFETY: the arguments are those of posix_spawnp, passed on unchanged.
    unsafe { spawn(&REAL.posix_spawnp, process, file, actions, attributes, arguments, environment) }
}

/// What both do.
///
/// # Safety
/// The arguments must be those of `real`.
unsafe fn spawn(
    real: &Real<Spawn>,
    process: *mut pid_t,
    file: *const c_char,
    actions: *const posix_spawn_file_actions_t,
    attributes: *const posix_spawnattr_t,
    arguments: *const *mut c_char,
    environment: *const *mut c_char,
) -> c_int {
    if misuse_of_a_server(|| Some(Misuse::Process)) {
        return libc::EPERM; // it is what the function returns, and not in errno
    }
    let Some(real) = real.get() else { return libc::ENOSYS };
    // SAFETY: the caller's contract.
    unsafe { real(process, file, actions, attributes, arguments, environment) }
}

/// What a function returns that failed for this reason.
fn refuse(error: c_int) -> c_int {
    // SAFETY: the place is this thread's own.
    unsafe { *libc::__errno_location() = error };
    -1
}
