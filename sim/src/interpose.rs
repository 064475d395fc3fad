//! The C library's sources of time and randomness, answered by thread; and what blocks a thread or
//! makes another, which simulated code must not.
//!
//! Defining these symbols in the test's own binary puts them before the C library's: std, rand,
//! getrandom and everything else in the process call ours. On a simulated thread the answer comes
//! from the run; on any other thread it is the real function's, which `dlsym(RTLD_NEXT)` finds.
//! On those other threads nothing here allocates, locks or panics: it can be called at any point of
//! a program's life.

use std::ffi::{c_int, c_long, c_uint, c_void};
use std::slice;
use std::time::Duration;

use libc::{clockid_t, pthread_attr_t, pthread_t, size_t, ssize_t, timespec};

use crate::misuse::Misuse;
use crate::real::Real;
use crate::{draws, handle};

/// Where the simulated monotonic clock starts: far enough from 0 that code may subtract from an
/// early `Instant`, and the same in every process, so that absolute values replay too. No machine has
/// been up for so long, so whoever blocks until an instant of this clock, as `Condvar::wait_timeout`
/// does, blocks on every machine and is found out.
const MONOTONIC_BASE_SECS: u64 = 1_000_000_000;

/// Where the simulated calendar starts: 2024-01-01 00:00:00 UTC.
const REALTIME_BASE_SECS: u64 = 1_704_067_200;

type GetRandom = unsafe extern "C" fn(*mut c_void, size_t, c_uint) -> ssize_t;
type ClockGetTime = unsafe extern "C" fn(clockid_t, *mut timespec) -> c_int;
type NanoSleep = unsafe extern "C" fn(*const timespec, *mut timespec) -> c_int;
type ClockNanoSleep =
    unsafe extern "C" fn(clockid_t, c_int, *const timespec, *mut timespec) -> c_int;
type Start = unsafe extern "C" fn(*mut c_void) -> *mut c_void;
type CreateThread =
    unsafe extern "C" fn(*mut pthread_t, *const pthread_attr_t, Start, *mut c_void) -> c_int;
type Exit = unsafe extern "C" fn(c_int) -> !;
type Syscall =
    unsafe extern "C" fn(c_long, c_long, c_long, c_long, c_long, c_long, c_long) -> c_long;

/// The real functions: those of the next object in the search order.
struct Reals {
    getrandom: Real<GetRandom>,
    clock_gettime: Real<ClockGetTime>,
    nanosleep: Real<NanoSleep>,
    clock_nanosleep: Real<ClockNanoSleep>,
    pthread_create: Real<CreateThread>,
    exit: Real<Exit>,
    syscall: Real<Syscall>,
}

// SAFETY: the C library's functions of these names have these types. (Its `syscall` is variadic, and reads
// a number and up to six integers, which travel in the same way.)
static REAL: Reals = unsafe {
    Reals {
        getrandom: Real::new(c"getrandom"),
        clock_gettime: Real::new(c"clock_gettime"),
        nanosleep: Real::new(c"nanosleep"),
        clock_nanosleep: Real::new(c"clock_nanosleep"),
        pthread_create: Real::new(c"pthread_create"),
        exit: Real::new(c"exit"),
        syscall: Real::new(c"syscall"),
    }
};

/// Looks up the real functions.
pub(crate) fn resolve() {
    REAL.getrandom.look_up();
    REAL.clock_gettime.look_up();
    REAL.nanosleep.look_up();
    REAL.clock_nanosleep.look_up();
    REAL.pthread_create.look_up();
    REAL.exit.look_up();
    REAL.syscall.look_up();
}

/// Fills `buf` from the run's student stream, if this thread is simulated.
///
/// # Safety
/// `buf` must be valid for writes of `len` bytes.
pub(crate) unsafe fn fill(buf: *mut c_void, len: size_t) -> Option<ssize_t> {
    handle::with_student_stream(|rng| {
        if len > 0 {
            // SAFETY: the caller of getrandom gives a buffer of `len` writable bytes.
            let bytes = unsafe { slice::from_raw_parts_mut(buf.cast::<u8>(), len) };
            draws::fill(bytes, rng);
        }
        len.cast_signed()
    })
}

/// getrandom(2).
///
/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn getrandom(buf: *mut c_void, len: size_t, flags: c_uint) -> ssize_t {
    // SAFETY: the contract of getrandom gives a buffer of `len` writable bytes, and the arguments are passed
    // on unchanged.
    unsafe {
        if let Some(filled) = fill(buf, len) {
            return filled;
        }
        match REAL.getrandom.get() {
            Some(real) => real(buf, len, flags),
            None => {
                let args = [buf as c_long, len as c_long, c_long::from(flags), 0, 0, 0];
                raw_syscall(libc::SYS_getrandom, args) as ssize_t
            }
        }
    }
}

/// The time of a clock, if this thread is simulated and the clock isn't one of those that count CPU time.
pub(crate) fn simulated(clock: clockid_t) -> Option<Duration> {
    let base = match clock {
        libc::CLOCK_MONOTONIC
        | libc::CLOCK_MONOTONIC_RAW
        | libc::CLOCK_MONOTONIC_COARSE
        | libc::CLOCK_BOOTTIME => MONOTONIC_BASE_SECS,
        libc::CLOCK_REALTIME | libc::CLOCK_REALTIME_COARSE => REALTIME_BASE_SECS,
        _ => return None,
    };
    Some(Duration::from_secs(base) + Duration::from_micros(handle::simulated_micros()?))
}

/// clock_gettime(2).
///
/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn clock_gettime(clock: clockid_t, time: *mut timespec) -> c_int {
    if let Some(now) = simulated(clock) {
        let simulated =
            timespec { tv_sec: now.as_secs().cast_signed(), tv_nsec: now.subsec_nanos().into() };
        // SAFETY: the contract of clock_gettime gives a writable timespec.
        unsafe { time.write(simulated) };
        return 0;
    }
    // SAFETY: the arguments are those of clock_gettime, passed on unchanged.
    unsafe {
        match REAL.clock_gettime.get() {
            Some(real) => real(clock, time),
            None => {
                let args = [c_long::from(clock), time as c_long, 0, 0, 0, 0];
                raw_syscall(libc::SYS_clock_gettime, args) as c_int
            }
        }
    }
}

/// nanosleep(2), which `std::thread::sleep` calls: on a simulated thread a [`Misuse`].
///
/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
unsafe extern "C" fn nanosleep(time: *const timespec, left: *mut timespec) -> c_int {
    // SAFETY: the contract of nanosleep gives a readable timespec; the arguments are passed on unchanged.
    unsafe {
        if handle::misuse_if_simulated(|| Misuse::BlockingSleep(duration(&*time))) {
            return 0;
        }
        match REAL.nanosleep.get() {
            Some(real) => real(time, left),
            None => {
                let args = [time as c_long, left as c_long, 0, 0, 0, 0];
                raw_syscall(libc::SYS_nanosleep, args) as c_int
            }
        }
    }
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
    // SAFETY: the contract of clock_nanosleep gives a readable timespec; the arguments are passed on
    // unchanged.
    unsafe {
        if handle::misuse_if_simulated(|| Misuse::BlockingSleep(duration(&*time))) {
            return 0;
        }
        match REAL.clock_nanosleep.get() {
            Some(real) => real(clock, flags, time, left),
            None => {
                let (clock, flags) = (c_long::from(clock), c_long::from(flags));
                let args = [clock, flags, time as c_long, left as c_long, 0, 0];
                raw_syscall(libc::SYS_clock_nanosleep, args) as c_int
            }
        }
    }
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
    start: Start,
    argument: *mut c_void,
) -> c_int {
    if handle::misuse_if_simulated(|| Misuse::OsThread) {
        return libc::EAGAIN;
    }
    let Some(real) = REAL.pthread_create.get() else { return libc::EAGAIN };
    // SAFETY: the arguments are those of pthread_create, passed on unchanged.
    unsafe { real(thread, attributes, start, argument) }
}

/// exit(3), which `std::process::exit` calls: from a run's thread it would end the tester.
///
/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
unsafe extern "C" fn exit(code: c_int) -> ! {
    if handle::is_of_a_run() {
        handle::exit_is_a_misuse();
    }
    let Some(real) = REAL.exit.get() else { handle::end_process(code) };
    // SAFETY: ends the process, which was asked for.
    unsafe { real(code) }
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
    // SAFETY: the contract of getrandom gives a buffer of `b` writable bytes. The arguments are the caller's
    // own, passed on unchanged.
    unsafe {
        if number == libc::SYS_getrandom
            && let Some(filled) = fill(a as *mut c_void, b.cast_unsigned() as size_t)
        {
            return filled as c_long;
        }
        raw_syscall(number, [a, b, c, d, e, f])
    }
}

/// The real `syscall`; -1 where the C library has none to give.
///
/// # Safety
/// As syscall(2).
unsafe fn raw_syscall(number: c_long, [a, b, c, d, e, f]: [c_long; 6]) -> c_long {
    let Some(real) = REAL.syscall.get() else { return -1 };
    // SAFETY: the caller keeps the contract of this system call.
    unsafe { real(number, a, b, c, d, e, f) }
}
