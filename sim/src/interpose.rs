//! The C library's sources of time and randomness, answered by thread; and what blocks a thread or
//! makes another, which simulated code must not.
//!
//! Defining these symbols in the test's own binary puts them before the C library's: std, rand,
//! getrandom and everything else in the process call ours. On a simulated thread the answer comes
//! from the run; on any other thread it is the real function's, which `dlsym(RTLD_NEXT)` finds.
//! On those other threads nothing here allocates, locks or panics: it can be called at any point of
//! a program's life.

use std::ffi::{CStr, c_int, c_long, c_uint, c_void};
use std::mem;
use std::ptr;
use std::slice;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::time::Duration;

use libc::{clockid_t, pthread_attr_t, pthread_t, size_t, ssize_t, timespec};
use rand::Rng as _;

use crate::misuse::Misuse;
use crate::run;
use crate::worker;

/// Where the simulated monotonic clock starts: far enough from 0 that code may subtract from an
/// early `Instant`, and the same in every process, so that absolute values replay too. No machine has
/// been up for so long, so whoever blocks until an instant of this clock, as `Condvar::wait_timeout`
/// does, blocks on every machine and is found out.
const MONOTONIC_BASE_SECS: u64 = 1_000_000_000;

/// Where the simulated calendar starts: 2024-01-01 00:00:00 UTC.
const REALTIME_BASE_SECS: u64 = 1_704_067_200;

/// A symbol of the next object in the search order, looked up once.
struct Real {
    name: &'static CStr,
    address: AtomicPtr<c_void>,
}

impl Real {
    const fn new(name: &'static CStr) -> Real {
        Real { name, address: AtomicPtr::new(ptr::null_mut()) }
    }

    /// The function's address; null where there is none, as in a statically linked program.
    fn address(&self) -> *mut c_void {
        let known = self.address.load(Ordering::Relaxed);
        if !known.is_null() {
            return known;
        }
        // SAFETY: the name is a C string and RTLD_NEXT is a valid handle.
        let found = unsafe { libc::dlsym(libc::RTLD_NEXT, self.name.as_ptr()) };
        self.address.store(found, Ordering::Relaxed);
        found
    }
}

/// Fills `buf` from the run's student stream, if this thread is simulated.
///
/// # Safety
/// `buf` must be valid for writes of `len` bytes.
unsafe fn fill(buf: *mut c_void, len: size_t) -> Option<ssize_t> {
    run::with_student_stream(|rng| {
        if len > 0 {
            // SAFETY: the caller of getrandom gives a buffer of `len` writable bytes.
            let bytes = unsafe { slice::from_raw_parts_mut(buf.cast::<u8>(), len) };
            rng.fill_bytes(bytes);
        }
        len.cast_signed()
    })
}

/// getrandom(2).
///
/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
unsafe extern "C" fn getrandom(buf: *mut c_void, len: size_t, flags: c_uint) -> ssize_t {
    static REAL: Real = Real::new(c"getrandom");
    // SAFETY: the contract of getrandom gives a buffer of `len` writable bytes.
    if let Some(filled) = unsafe { fill(buf, len) } {
        return filled;
    }
    let real = REAL.address();
    if real.is_null() {
        let (buf, flags) = (buf as c_long, c_long::from(flags));
        // SAFETY: the arguments are those of getrandom, passed on unchanged.
        return unsafe { raw_syscall(libc::SYS_getrandom, [buf, len as c_long, flags, 0, 0, 0]) }
            as ssize_t;
    }
    // SAFETY: the symbol of this name has this signature.
    let real = unsafe {
        mem::transmute::<*mut c_void, extern "C" fn(*mut c_void, size_t, c_uint) -> ssize_t>(real)
    };
    real(buf, len, flags)
}

/// clock_gettime(2).
///
/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
unsafe extern "C" fn clock_gettime(clock: clockid_t, time: *mut timespec) -> c_int {
    static REAL: Real = Real::new(c"clock_gettime");
    let base = match clock {
        libc::CLOCK_MONOTONIC
        | libc::CLOCK_MONOTONIC_RAW
        | libc::CLOCK_MONOTONIC_COARSE
        | libc::CLOCK_BOOTTIME => Some(MONOTONIC_BASE_SECS),
        libc::CLOCK_REALTIME | libc::CLOCK_REALTIME_COARSE => Some(REALTIME_BASE_SECS),
        _ => None, // the clocks that count CPU time stay real
    };
    if let (Some(base), Some(micros)) = (base, run::simulated_micros()) {
        let simulated = timespec {
            tv_sec: (base + micros / 1_000_000).cast_signed(),
            tv_nsec: (micros % 1_000_000 * 1000).cast_signed(),
        };
        // SAFETY: the contract of clock_gettime gives a writable timespec.
        unsafe { time.write(simulated) };
        return 0;
    }
    let real = REAL.address();
    if real.is_null() {
        let args = [c_long::from(clock), time as c_long, 0, 0, 0, 0];
        // SAFETY: the arguments are those of clock_gettime, passed on unchanged.
        return unsafe { raw_syscall(libc::SYS_clock_gettime, args) } as c_int;
    }
    // SAFETY: the symbol of this name has this signature.
    let real = unsafe {
        mem::transmute::<*mut c_void, extern "C" fn(clockid_t, *mut timespec) -> c_int>(real)
    };
    real(clock, time)
}

/// nanosleep(2), which `std::thread::sleep` calls: on a simulated thread a [`Misuse`].
///
/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
unsafe extern "C" fn nanosleep(time: *const timespec, left: *mut timespec) -> c_int {
    static REAL: Real = Real::new(c"nanosleep");
    // SAFETY: the contract of nanosleep gives a readable timespec.
    if run::misuse_if_simulated(|| Misuse::BlockingSleep(duration(unsafe { &*time }))) {
        return 0;
    }
    let real = REAL.address();
    if real.is_null() {
        let args = [time as c_long, left as c_long, 0, 0, 0, 0];
        // SAFETY: the arguments are those of nanosleep, passed on unchanged.
        return unsafe { raw_syscall(libc::SYS_nanosleep, args) } as c_int;
    }
    type Nanosleep = extern "C" fn(*const timespec, *mut timespec) -> c_int;
    // SAFETY: the symbol of this name has this signature.
    let real = unsafe { mem::transmute::<*mut c_void, Nanosleep>(real) };
    real(time, left)
}

/// clock_nanosleep(2), which some versions of `std::thread::sleep` call: on a simulated thread a
/// [`Misuse`].
///
/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
unsafe extern "C" fn clock_nanosleep(
    clock: clockid_t,
    flags: c_int,
    time: *const timespec,
    left: *mut timespec,
) -> c_int {
    static REAL: Real = Real::new(c"clock_nanosleep");
    // SAFETY: the contract of clock_nanosleep gives a readable timespec.
    if run::misuse_if_simulated(|| Misuse::BlockingSleep(duration(unsafe { &*time }))) {
        return 0;
    }
    let real = REAL.address();
    if real.is_null() {
        let (clock, flags) = (c_long::from(clock), c_long::from(flags));
        let args = [clock, flags, time as c_long, left as c_long, 0, 0];
        // SAFETY: the arguments are those of clock_nanosleep, passed on unchanged.
        return unsafe { raw_syscall(libc::SYS_clock_nanosleep, args) } as c_int;
    }
    type Nanosleep = extern "C" fn(clockid_t, c_int, *const timespec, *mut timespec) -> c_int;
    // SAFETY: the symbol of this name has this signature.
    let real = unsafe { mem::transmute::<*mut c_void, Nanosleep>(real) };
    real(clock, flags, time, left)
}

fn duration(time: &timespec) -> Duration {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// pthread_create(3): from a simulated thread a [`Misuse`], refused as if the system had no thread
/// to give.
///
/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
unsafe extern "C" fn pthread_create(
    thread: *mut pthread_t,
    attributes: *const pthread_attr_t,
    start: extern "C" fn(*mut c_void) -> *mut c_void,
    argument: *mut c_void,
) -> c_int {
    static REAL: Real = Real::new(c"pthread_create");
    if run::misuse_if_simulated(|| Misuse::OsThread) {
        return libc::EAGAIN;
    }
    let real = REAL.address();
    if real.is_null() {
        return libc::EAGAIN;
    }
    type Create = extern "C" fn(
        *mut pthread_t,
        *const pthread_attr_t,
        extern "C" fn(*mut c_void) -> *mut c_void,
        *mut c_void,
    ) -> c_int;
    // SAFETY: the symbol of this name has this signature.
    let real = unsafe { mem::transmute::<*mut c_void, Create>(real) };
    real(thread, attributes, start, argument)
}

/// exit(3), which `std::process::exit` calls: from a run's thread it would end the tester.
///
/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
unsafe extern "C" fn exit(code: c_int) -> ! {
    static REAL: Real = Real::new(c"exit");
    if run::is_of_a_run() {
        worker::exit_is_a_misuse();
    }
    let real = REAL.address();
    if real.is_null() {
        // SAFETY: ends the process, which was asked for.
        unsafe { libc::_exit(code) }
    }
    // SAFETY: the symbol of this name has this signature.
    let real = unsafe { mem::transmute::<*mut c_void, extern "C" fn(c_int) -> !>(real) };
    real(code)
}

/// syscall(2): getrandom 0.2, and with it rand 0.8, asks the kernel this way.
///
/// The C library's is variadic; on the platforms that this module is built for, integer arguments
/// travel the same way in both forms, and the real one reads six whatever it is given.
///
/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
unsafe extern "C" fn syscall(
    number: c_long,
    a: c_long,
    b: c_long,
    c: c_long,
    d: c_long,
    e: c_long,
    f: c_long,
) -> c_long {
    if number == libc::SYS_getrandom {
        // SAFETY: the contract of getrandom gives a buffer of `b` writable bytes.
        if let Some(filled) = unsafe { fill(a as *mut c_void, b.cast_unsigned() as size_t) } {
            return filled as c_long;
        }
    }
    // SAFETY: the arguments are the caller's own, passed on unchanged.
    unsafe { raw_syscall(number, [a, b, c, d, e, f]) }
}

/// The real `syscall`; -1 where the C library has none to give.
///
/// # Safety
/// As syscall(2).
unsafe fn raw_syscall(number: c_long, [a, b, c, d, e, f]: [c_long; 6]) -> c_long {
    static REAL: Real = Real::new(c"syscall");
    type Syscall = extern "C" fn(c_long, c_long, c_long, c_long, c_long, c_long, c_long) -> c_long;
    let real = REAL.address();
    if real.is_null() {
        return -1;
    }
    // SAFETY: the symbol of this name reads a number and up to six integer arguments.
    let real = unsafe { mem::transmute::<*mut c_void, Syscall>(real) };
    real(number, a, b, c, d, e, f)
}
