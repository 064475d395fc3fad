//! The best of several measurements.

use std::time::Duration;

use crate::Effort;

/// How often each thing is measured.
fn rounds(effort: Effort) -> usize {
    match effort {
        Effort::Quick => 2,
        Effort::Full => 9,
    }
}

/// The shortest time of each of `subjects`. They take turns, so that whatever else the machine does
/// in the meantime meets them all.
pub(crate) fn best<const N: usize>(
    effort: Effort,
    subjects: [&dyn Fn() -> Duration; N],
) -> [Duration; N] {
    let mut best = [Duration::MAX; N];
    for _ in 0..rounds(effort) {
        for (best, subject) in best.iter_mut().zip(subjects) {
            *best = subject().min(*best);
        }
    }
    best
}

/// Nanoseconds for each of `count`.
pub(crate) fn ns_each(time: Duration, count: usize) -> f64 {
    time.as_nanos() as f64 / count as f64
}
