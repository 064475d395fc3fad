//! The C library's older sources of time and randomness follow the seed, too.

#![cfg(all(target_os = "linux", target_env = "gnu", not(sim_no_interposition)))]

use std::ptr;
use std::time::{Duration, SystemTime};

use tokio::time::sleep;

use crate::helper::finish;

unsafe extern "C" {
    fn arc4random() -> u32;
    fn arc4random_buf(buf: *mut libc::c_void, len: usize);
    fn arc4random_uniform(bound: u32) -> u32;
}

/// Numbers from each of them.
fn drawn() -> (u32, [u8; 8], Vec<u32>, [u8; 8]) {
    let (mut buf, mut entropy) = ([0; 8], [0; 8]);
    // SAFETY: the buffers have the lengths that are told.
    unsafe {
        arc4random_buf((&raw mut buf).cast(), buf.len());
        assert_eq!(libc::getentropy((&raw mut entropy).cast(), entropy.len()), 0);
        (arc4random(), buf, (0..8).map(|_| arc4random_uniform(1000)).collect(), entropy)
    }
}

#[test]
fn randomness_follows_the_seed() {
    let run = |seed| finish(seed, |_| async { drawn() });
    assert_eq!(run(7), run(7));
    let (one, other) = (run(7), run(8));
    assert!(one.0 != other.0 && one.1 != other.1 && one.2 != other.2 && one.3 != other.3);
    assert!(one.2.iter().all(|number| *number < 1000), "{one:?}");
    // Outside a run they are the system's.
    assert_ne!(drawn(), drawn());
}

/// Seconds and microseconds since 1970, by each.
fn told() -> (i64, (i64, i64)) {
    let mut now = libc::timeval { tv_sec: 0, tv_usec: 0 };
    // SAFETY: the timeval can be written.
    unsafe {
        assert_eq!(libc::gettimeofday(&raw mut now, ptr::null_mut()), 0);
        (libc::time(ptr::null_mut()), (now.tv_sec, now.tv_usec))
    }
}

#[test]
fn time_is_the_run_s() {
    finish(1, |_| async {
        let (before, _) = told();
        sleep(Duration::from_millis(2_500)).await;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
        let (seconds, (sec, usec)) = told();
        assert_eq!((seconds, sec), (now.as_secs().cast_signed(), seconds));
        assert_eq!(usec, i64::from(now.subsec_micros()));
        assert_eq!(seconds - before, 2);
    });
    let real = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    assert!(told().0.abs_diff(real.as_secs().cast_signed()) < 60, "{:?}", told());
}
