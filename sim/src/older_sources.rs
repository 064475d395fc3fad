//! The C library's older sources of time and randomness, answered by thread as in `interpose`: C code and some crates
//! call them.

use std::ffi::{c_int, c_void};
use std::mem;
use std::time::Duration;

use libc::{size_t, time_t, timespec, timeval};

use crate::interpose;
use crate::real::Real;

type GetTimeOfDay = unsafe extern "C" fn(*mut timeval, *mut c_void) -> c_int;
type Time = unsafe extern "C" fn(*mut time_t) -> time_t;
type GetEntropy = unsafe extern "C" fn(*mut c_void, size_t) -> c_int;
type Random = unsafe extern "C" fn() -> u32;
type RandomBuf = unsafe extern "C" fn(*mut c_void, size_t);
type RandomUniform = unsafe extern "C" fn(u32) -> u32;

struct Reals {
    gettimeofday: Real<GetTimeOfDay>,
    time: Real<Time>,
    getentropy: Real<GetEntropy>,
    arc4random: Real<Random>,
    arc4random_buf: Real<RandomBuf>,
    arc4random_uniform: Real<RandomUniform>,
}

// SAFETY: the C library's functions of these names have these types.
static REAL: Reals = unsafe {
    Reals {
        gettimeofday: Real::new(c"gettimeofday"),
        time: Real::new(c"time"),
        getentropy: Real::new(c"getentropy"),
        arc4random: Real::new(c"arc4random"),
        arc4random_buf: Real::new(c"arc4random_buf"),
        arc4random_uniform: Real::new(c"arc4random_uniform"),
    }
};

/// Looks up the real functions, as `interpose::resolve` does.
pub(crate) fn resolve() {
    REAL.gettimeofday.look_up();
    REAL.time.look_up();
    REAL.getentropy.look_up();
    REAL.arc4random.look_up();
    REAL.arc4random_buf.look_up();
    REAL.arc4random_uniform.look_up();
}

/// The simulated calendar's time, if this thread is simulated.
fn calendar() -> Option<Duration> {
    interpose::simulated(libc::CLOCK_REALTIME)
}

/// gettimeofday(2).
///
/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
unsafe extern "C" fn gettimeofday(time: *mut timeval, zone: *mut c_void) -> c_int {
    // SAFETY: the contract of gettimeofday gives a writable timeval, or null; the arguments are passed on unchanged.
    unsafe {
        if let Some(now) = calendar() {
            if !time.is_null() {
                let (tv_sec, tv_usec) = (now.as_secs().cast_signed(), now.subsec_micros().into());
                time.write(timeval { tv_sec, tv_usec });
            }
            return 0;
        }
        match REAL.gettimeofday.get() {
            Some(real) => real(time, zone),
            None => {
                let mut now: timespec = mem::zeroed();
                let done = interpose::clock_gettime(libc::CLOCK_REALTIME, &raw mut now);
                if done == 0 && !time.is_null() {
                    time.write(timeval { tv_sec: now.tv_sec, tv_usec: now.tv_nsec / 1000 });
                }
                done
            }
        }
    }
}

/// time(2).
///
/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
unsafe extern "C" fn time(time: *mut time_t) -> time_t {
    // SAFETY: the contract of time gives a writable time_t, or null; the argument is passed on unchanged.
    unsafe {
        let now = match (calendar(), REAL.time.get()) {
            (Some(now), _) => now.as_secs().cast_signed(),
            (None, Some(real)) => return real(time),
            (None, None) => {
                let mut now: timespec = mem::zeroed();
                interpose::clock_gettime(libc::CLOCK_REALTIME, &raw mut now);
                now.tv_sec
            }
        };
        if !time.is_null() {
            time.write(now);
        }
        now
    }
}

/// getentropy(3).
///
/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
unsafe extern "C" fn getentropy(buf: *mut c_void, len: size_t) -> c_int {
    // SAFETY: the contract of getentropy gives a buffer of `len` writable bytes; the arguments are passed on unchanged.
    unsafe {
        if len <= 256 && interpose::fill(buf, len).is_some() {
            return 0;
        }
        match REAL.getentropy.get() {
            Some(real) => real(buf, len),
            None => -1,
        }
    }
}

/// arc4random_buf(3).
///
/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
unsafe extern "C" fn arc4random_buf(buf: *mut c_void, len: size_t) {
    // SAFETY: the contract of arc4random_buf gives a buffer of `len` writable bytes.
    unsafe {
        if interpose::fill(buf, len).is_some() {
            return;
        }
        match REAL.arc4random_buf.get() {
            Some(real) => real(buf, len),
            None => drop(interpose::getrandom(buf, len, 0)),
        }
    }
}

/// arc4random(3).
///
/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
unsafe extern "C" fn arc4random() -> u32 {
    // SAFETY: the number has as many bytes as are asked for.
    unsafe {
        let mut drawn = 0_u32;
        if interpose::fill((&raw mut drawn).cast(), size_of::<u32>()).is_some() {
            return drawn;
        }
        if let Some(real) = REAL.arc4random.get() {
            return real();
        }
        interpose::getrandom((&raw mut drawn).cast(), size_of::<u32>(), 0);
        drawn
    }
}

/// arc4random_uniform(3).
///
/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
unsafe extern "C" fn arc4random_uniform(bound: u32) -> u32 {
    // SAFETY: as those of the functions that are called.
    unsafe {
        if calendar().is_none()
            && let Some(real) = REAL.arc4random_uniform.get()
        {
            return real(bound);
        }
        if bound < 2 {
            return 0;
        }
        // What lies below this would favour small numbers.
        let least = bound.wrapping_neg() % bound;
        loop {
            let drawn = arc4random();
            if drawn >= least {
                return drawn % bound;
            }
        }
    }
}
