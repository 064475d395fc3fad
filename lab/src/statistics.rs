//! What runs prove: intervals for rates, how many runs a claim needs, and when a test may stop early.
//!
//! All bounds are exact: they come from the binomial distribution, and from no approximation of it.

use statrs::distribution::{Beta, Binomial, ContinuousCDF as _, DiscreteCDF as _};

/// How sure a bound is: 19 times out of 20.
pub(crate) const CONFIDENCE: f64 = 0.95;

/// The most runs that a claim is looked for in.
const MOST_RUNS: u64 = 1 << 40;

/// Between which rates the true one lies with 95 % confidence, by Clopper and Pearson. Both are shares from 0 to 1;
/// without runs, nothing is known.
pub(crate) fn interval(failed: u64, runs: u64) -> (f64, f64) {
    let tail = (1.0 - CONFIDENCE) / 2.0;
    let beta = |a: u64, b: u64| Beta::new(a as f64, b as f64).expect("both are positive");
    if runs == 0 {
        return (0.0, 1.0);
    }
    let low = if failed == 0 { 0.0 } else { beta(failed, runs - failed + 1).inverse_cdf(tail) };
    let high =
        if failed == runs { 1.0 } else { beta(failed + 1, runs - failed).inverse_cdf(1.0 - tail) };
    (low, high)
}

/// What `runs` runs without a failure prove: a test that fails more often would have shown it, 19 times out of 20.
pub(crate) fn bound(runs: u64) -> f64 {
    1.0 - (1.0 - CONFIDENCE).powf(1.0 / runs as f64)
}

/// How many runs, of which `failed` fail, show that the rate is below `rate`; `risk` is how often that may be said of a
/// test whose rate is `rate`.
pub(crate) fn runs_needed(rate: f64, failed: u64, risk: f64) -> u64 {
    let shows = |runs: u64| at_most(failed, runs, rate) <= risk;
    let mut high = failed + 1;
    while !shows(high) && high < MOST_RUNS {
        high *= 2;
    }
    let mut low = high / 2;
    while low + 1 < high {
        let middle = low.midpoint(high);
        if shows(middle) { high = middle } else { low = middle }
    }
    high
}

/// The probability of at most `failed` failures in `runs` runs.
fn at_most(failed: u64, runs: u64, rate: f64) -> f64 {
    Binomial::new(rate, runs).expect("a rate is from 0 to 1").cdf(failed)
}

/// Whether a test's rate is below a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// It is, with 95 % confidence.
    Below,
    /// It is above, with 95 % confidence.
    Above,
    /// So many runs say neither.
    Open,
}

/// What the runs so far say of a target, however often one looks: each look has a share of the risk, half of what the
/// one before it had, and looking again is worth it only when one more run has failed.
pub(crate) fn claim(target: f64, failed: u64, runs: u64) -> Claim {
    if runs >= sequential_runs(target, failed) {
        Claim::Below
    } else if failed > 0 && 1.0 - at_most(failed - 1, runs, target) <= share_of_risk(failed - 1) {
        Claim::Above
    } else {
        Claim::Open
    }
}

/// After how many runs, of which `failed` have failed, a test may stop: its rate is below `target`.
pub(crate) fn sequential_runs(target: f64, failed: u64) -> u64 {
    runs_needed(target, failed, share_of_risk(failed))
}

fn share_of_risk(look: u64) -> f64 {
    (1.0 - CONFIDENCE) * 0.5_f64.powi(i32::try_from(look + 1).unwrap_or(i32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounded(share: f64) -> f64 {
        (share * 10_000.0).round() / 10_000.0
    }

    #[test]
    fn intervals_are_those_of_tables() {
        let interval = |failed, runs| {
            let (low, high) = interval(failed, runs);
            (rounded(low), rounded(high))
        };
        assert_eq!(interval(0, 10), (0.0, 0.3085));
        assert_eq!(interval(0, 100), (0.0, 0.0362));
        assert_eq!(interval(3, 400), (0.0015, 0.0218));
        assert_eq!(interval(5, 10), (0.1871, 0.8129));
        assert_eq!(interval(10, 10), (0.6915, 1.0));
        assert_eq!(interval(0, 0), (0.0, 1.0));
    }

    #[test]
    fn a_claim_needs_so_many_runs() {
        let needed = |rate, failed| runs_needed(rate, failed, 0.05);
        assert_eq!([0, 1, 2].map(|failed| needed(0.01, failed)), [299, 473, 628]);
        assert_eq!([0, 1, 2].map(|failed| needed(0.05, failed)), [59, 93, 124]);
        assert_eq!([0, 1, 2].map(|failed| needed(0.001, failed)), [2995, 4742, 6294]);
        assert_eq!(runs_needed(0.01, 0, 0.01), 459);
        assert_eq!(needed(0.99, 0), 1);
    }

    #[test]
    fn looking_again_and_again_is_not_free() {
        assert_eq!(sequential_runs(0.01, 0), 368);
        assert_eq!(claim(0.01, 0, 367), Claim::Open);
        assert_eq!(claim(0.01, 0, 368), Claim::Below);
        assert_eq!(claim(0.01, 1, 368), Claim::Open);
        assert_eq!(claim(0.01, 5, 20), Claim::Above);
        assert_eq!(claim(0.01, 1, 100), Claim::Open);
        // A test that fails in half of its runs is above 1 % before long.
        let fails = |runs: u64| claim(0.01, runs / 2, runs) == Claim::Above;
        assert!((1..20).any(fails));
    }

    #[test]
    fn the_risk_of_all_looks_together_is_kept() {
        // A test whose rate is the target itself: how likely it is that it is called below it. All looks are
        // taken, over the first 5000 runs, by the exact distribution of failures.
        let target = 0.01;
        let looks: Vec<u64> = (0..64).map(|failed| sequential_runs(target, failed)).collect();
        let mut still_open = vec![1.0];
        let mut wrong = 0.0;
        for run in 1..=5000_u64 {
            let mut next = vec![0.0; still_open.len() + 1];
            for (failed, share) in still_open.iter().enumerate() {
                next[failed] += share * (1.0 - target);
                next[failed + 1] += share * target;
            }
            for (failed, share) in next.iter_mut().enumerate().take(looks.len()) {
                if run >= looks[failed] {
                    wrong += *share;
                    *share = 0.0;
                }
            }
            still_open = next;
        }
        assert!(wrong > 0.01 && wrong <= 0.05, "{wrong}");
    }
}
