//! What some runs tell of the share of all that fail.

use report::why::Tally;

/// What is left of certainty on each side: the interval holds 19 times out of 20.
const SIDE: f64 = 0.025;

/// So many of `runs` have failed: between which shares the true one lies (Clopper and Pearson).
pub(crate) fn tally(runs: u64, failed: u64) -> Tally {
    // As few failures as that, or as many, are this likely at the interval's ends.
    let least = if failed == 0 { 0.0 } else { solve(|share| 1.0 - below(runs, failed - 1, share)) };
    let most =
        if failed >= runs { 1.0 } else { 1.0 - solve(|rest| below(runs, failed, 1.0 - rest)) };
    Tally { runs, failed, least, most }
}

/// The share in which some runs fail; 0 if there are none.
pub(crate) fn share(tally: Tally) -> f64 {
    if tally.runs == 0 { 0.0 } else { tally.failed as f64 / tally.runs as f64 }
}

/// Where a function that rises with the share comes to [`SIDE`].
fn solve(rises: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if rises(middle) < SIDE { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

/// How likely it is that at most `failed` of `runs` fail.
fn below(runs: u64, failed: u64, share: f64) -> f64 {
    if share <= 0.0 {
        return 1.0;
    }
    if share >= 1.0 {
        return if failed >= runs { 1.0 } else { 0.0 };
    }
    // By logarithms: the terms of many runs are smaller than any number.
    let (of_failure, of_pass) = (share.ln(), (1.0 - share).ln());
    let mut ways = 0.0;
    let mut sum = 0.0;
    for count in 0..=failed {
        if count > 0 {
            ways += ((runs - count + 1) as f64 / count as f64).ln();
        }
        sum += (ways + count as f64 * of_failure + (runs - count) as f64 * of_pass).exp();
    }
    sum.min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Published values: 0.025 = share^30 for 30 of 30, and the tables of Clopper and Pearson.
    #[test]
    fn intervals_are_those_of_the_tables() {
        let near = |value: f64, expected: f64| (value - expected).abs() < 5e-4;
        for (runs, failed, least, most) in [
            (30, 30, 0.884, 1.0),
            (30, 0, 0.0, 0.116),
            (10, 5, 0.187, 0.813),
            (20, 1, 0.001, 0.249),
            (30, 29, 0.828, 0.999),
            (600, 600, 0.9939, 1.0),
        ] {
            let tally = tally(runs, failed);
            let is_right = near(tally.least, least) && near(tally.most, most);
            assert!(is_right, "{failed} of {runs}: {} to {}", tally.least, tally.most);
        }
    }

    #[test]
    fn no_runs_tell_nothing() {
        let tally = tally(0, 0);
        assert_eq!((tally.least, tally.most), (0.0, 1.0));
        assert!(share(tally).abs() < f64::EPSILON);
    }
}
