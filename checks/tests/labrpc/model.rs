//! MIT's fault model in numbers, and judges that tell whether samples follow it.
//!
//! A judge knows only samples. So it can be fed with what the network did, which it has to accept,
//! and with what a slightly wrong network would have done, which it has to reject: the tests below.

use std::borrow::Borrow;
use std::ops::Range;

use rand::{RngExt as _, SeedableRng as _};
use sim::Rng;

use crate::statistics::{SAMPLES, UNREACHABLE_SAMPLES};

/// How far a statistic may lie from what it should be, in standard errors. A right model lies
/// outside once in 150,000 times.
const LIMIT: f64 = 4.5;

/// How far a distribution function may lie from what it should be, times the root of the number of
/// samples. By Kolmogorov's formula a right model lies outside once in 50,000 times.
const LIMIT_OF_DISTANCE: f64 = 2.4;

/// What a judge says: nothing, or what is wrong with the samples.
pub(crate) type Verdict = Result<(), String>;

/// How many of a number of calls something happened to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share {
    pub(crate) hits: u64,
    pub(crate) of: u64,
}

impl Share {
    /// Counts the calls that `is_hit` says yes to.
    pub(crate) fn of<T>(
        calls: impl IntoIterator<Item = T>,
        mut is_hit: impl FnMut(T) -> bool,
    ) -> Share {
        let mut share = Share { hits: 0, of: 0 };
        for call in calls {
            share.of += 1;
            share.hits += u64::from(is_hit(call));
        }
        share
    }
}

/// One request in ten is lost.
pub(crate) fn request_loss(lost: &Share) -> Verdict {
    share("requests lost", lost, 0.1)
}

/// One reply in ten is lost, of those that set out.
pub(crate) fn reply_loss(lost: &Share) -> Verdict {
    share("replies lost", lost, 0.1)
}

/// Nine handlers in ten run.
pub(crate) fn handling(handled: &Share) -> Verdict {
    share("handlers that ran", handled, 0.9)
}

/// Nine in ten of nine in ten calls succeed.
pub(crate) fn success(replied: &Share) -> Verdict {
    share("calls that succeeded", replied, 0.81)
}

/// Two replies in three are late under long reordering.
pub(crate) fn reordering(late: &Share) -> Verdict {
    share("replies that were late", late, 600.0 / 900.0)
}

/// Both of two calls lose their requests: as rare as if neither knew of the other.
pub(crate) fn joint_loss(both: &Share) -> Verdict {
    share("pairs of requests lost", both, 0.01)
}

/// A request takes 0 to 26 ms on an unreliable network, each as likely.
pub(crate) fn request_delay(ms: &[u64]) -> Verdict {
    uniform(ms, 0..27, 27)
}

/// A call to a server that can't be reached fails after 0 to 6,999 ms with long delays.
pub(crate) fn unreachable_long(ms: &[u64]) -> Verdict {
    uniform(ms, 0..7000, 70)
}

/// A call to a server that can't be reached fails after 0 to 99 ms without long delays.
pub(crate) fn unreachable_short(ms: &[u64]) -> Verdict {
    uniform(ms, 0..100, 100)
}

/// A late reply is late by `200 + rand(1 + rand(2000))` ms.
///
/// Let `b` be the bound, uniform on 1 to 2000, and `k` the rest, uniform below `b`. Then
///
/// * `k` has the probability `sum of 1/b for b from k+1 to 2000, over 2000`;
/// * its mean is that of `(b - 1) / 2`, which is `(1000.5 - 1) / 2 = 499.75`: 699.75 ms in all;
/// * its mean square is that of `(b - 1)(2b - 1) / 6`, which gives the standard error.
pub(crate) fn lateness(ms: &[u64]) -> Verdict {
    const LEAST: u64 = 200;
    const BOUNDS: u64 = 2000;
    within(ms, LEAST..LEAST + BOUNDS)?;
    let rest: Vec<u64> = ms.iter().map(|ms| ms - LEAST).collect();
    // The least is 0 in 1 of 240. The last twentieth has 1 of 790, the highest value hardly one.
    reaches(&rest, 0, BOUNDS - BOUNDS / 20)?;

    let bounds = (1..=BOUNDS).map(|b| b as f64);
    let square = bounds.map(|b| (b - 1.0) * (2.0 * b - 1.0) / 6.0).sum::<f64>() / BOUNDS as f64;
    let mean = (BOUNDS as f64 - 1.0) / 4.0;
    has_mean(&rest, mean, (square - mean * mean).sqrt())?;

    let mut probabilities = vec![0.0; BOUNDS as usize];
    let mut probability = 0.0;
    for k in (0..BOUNDS).rev() {
        probability += 1.0 / (k + 1) as f64 / BOUNDS as f64;
        probabilities[k as usize] = probability;
    }
    is_distributed(&rest, &probabilities)
}

/// Whether a share is what it should be.
fn share(what: &str, &Share { hits, of }: &Share, should: f64) -> Verdict {
    let is = hits as f64 / of as f64;
    let error = (should * (1.0 - should) / of as f64).sqrt();
    accept(format_args!("{what}: {is:.4} of {of}, not {should:.4}"), (is - should) / error)
}

/// Whether samples are whole numbers of a range, each as likely: by the least and the greatest, by
/// their mean, and by how many lie in each of `cells` equal parts of the range.
fn uniform(samples: &[u64], range: Range<u64>, cells: u64) -> Verdict {
    let width = range.end - range.start;
    assert!(width.is_multiple_of(cells), "{width} is not {cells} equal parts");
    within(samples, range.clone())?;
    let part = width / cells;
    reaches(samples, range.start + part - 1, range.end - part)?;
    let mean = (range.start + range.end - 1) as f64 / 2.0;
    has_mean(samples, mean, (((width * width) as f64 - 1.0) / 12.0).sqrt())?;

    let mut counts = vec![0_u64; cells as usize];
    for sample in samples {
        counts[((sample - range.start) / part) as usize] += 1;
    }
    let expected = samples.len() as f64 / cells as f64;
    assert!(expected >= 20.0, "{} samples are too few for {cells} cells", samples.len());
    let square = counts.iter().map(|count| (*count as f64 - expected).powi(2) / expected).sum();
    let z = normal_of_chi_square(square, cells as f64 - 1.0);
    accept(format_args!("chi square {square:.1} of {cells} cells"), z)
}

fn within(samples: &[u64], range: Range<u64>) -> Verdict {
    match samples.iter().find(|sample| !range.contains(sample)) {
        Some(sample) => Err(format!("{sample} is not within {range:?}")),
        None => Ok(()),
    }
}

/// Whether the least sample is `low` at the most, and the greatest `high` at the least.
fn reaches(samples: &[u64], low: u64, high: u64) -> Verdict {
    let least = samples.iter().min().expect("there are samples");
    let most = samples.iter().max().expect("there are samples");
    if *least <= low && *most >= high {
        Ok(())
    } else {
        Err(format!("{least} to {most} doesn't reach from {low} to {high}"))
    }
}

fn has_mean(samples: &[u64], should: f64, deviation: f64) -> Verdict {
    let count = samples.len() as f64;
    let is = samples.iter().sum::<u64>() as f64 / count;
    let z = (is - should) / (deviation / count.sqrt());
    accept(format_args!("a mean of {is:.2}, not {should:.2}"), z)
}

/// Whether the distribution function of samples stays near the exact one: `probabilities[k]` is
/// that of `k`. (Kolmogorov and Smirnov's test, which between whole numbers is milder than between
/// real ones, and still strict with as many samples as here.)
fn is_distributed(samples: &[u64], probabilities: &[f64]) -> Verdict {
    let mut counts = vec![0_u64; probabilities.len()];
    for sample in samples {
        counts[*sample as usize] += 1;
    }
    let count = samples.len() as f64;
    let (mut is, mut should) = (0.0, 0.0);
    let mut worst = (0.0_f64, 0);
    for (k, (&counted, probability)) in counts.iter().zip(probabilities).enumerate() {
        is += counted as f64 / count;
        should += probability;
        let distance = f64::abs(is - should);
        if distance > worst.0 {
            worst = (distance, k);
        }
    }
    assert!((should - 1.0).abs() < 1e-9, "the probabilities sum up to {should}");
    let (distance, k) = worst;
    if distance * count.sqrt() < LIMIT_OF_DISTANCE {
        Ok(())
    } else {
        Err(format!("the distribution function is {distance:.4} off at {k}"))
    }
}

/// The standard normal deviate that is as unlikely as a chi square of so many degrees of freedom
/// (Wilson and Hilferty's cube root).
fn normal_of_chi_square(square: f64, degrees: f64) -> f64 {
    let variance = 2.0 / (9.0 * degrees);
    ((square / degrees).cbrt() - (1.0 - variance)) / variance.sqrt()
}

/// Accepts a deviate within the limit on both sides: what fits too well is not random either.
fn accept(what: std::fmt::Arguments<'_>, z: f64) -> Verdict {
    if z.abs() < LIMIT { Ok(()) } else { Err(format!("{what}: {z:.1} standard errors off")) }
}

/// How often each model below is drawn, each time from a seed of its own, and judged.
const DRAWS: u64 = 20;

fn verdicts<T: ?Sized, S: Borrow<T>>(
    judge: fn(&T) -> Verdict,
    draw: impl Fn(&mut Rng) -> S,
) -> impl Iterator<Item = Verdict> {
    (0..DRAWS).map(move |seed| judge(draw(&mut Rng::seed_from_u64(seed)).borrow()))
}

#[track_caller]
fn accepts<T: ?Sized, S: Borrow<T>>(judge: fn(&T) -> Verdict, draw: impl Fn(&mut Rng) -> S) {
    verdicts(judge, draw).for_each(|verdict| verdict.expect("the right model"));
}

#[track_caller]
fn rejects<T: ?Sized, S: Borrow<T>>(judge: fn(&T) -> Verdict, draw: impl Fn(&mut Rng) -> S) {
    verdicts(judge, draw).for_each(|verdict| drop(verdict.expect_err("the wrong model")));
}

/// So many samples of a model.
fn samples(count: u64, draw: impl Fn(&mut Rng) -> u64) -> impl Fn(&mut Rng) -> Vec<u64> {
    move |rng| (0..count).map(|_| draw(rng)).collect()
}

/// Of all calls, a share of which something happens to so many of 1000.
fn per_mille(hits: u32) -> impl Fn(&mut Rng) -> Share {
    move |rng| Share::of(0..SAMPLES, |_| rng.random_range(0..1000) < hits)
}

#[test]
fn the_judges_of_shares_accept_mits_and_reject_their_neighbours() {
    type Judge = fn(&Share) -> Verdict;
    let judges: [(Judge, u32); 4] =
        [(request_loss, 100), (reply_loss, 100), (handling, 900), (success, 810)];
    for (judge, right) in judges {
        accepts(judge, per_mille(right));
        for wrong in [right - 10, right + 10] {
            rejects(judge, per_mille(wrong));
        }
    }
    accepts(reordering, |rng: &mut Rng| {
        Share::of(0..SAMPLES / 2, |_| rng.random_range(0..900) < 600)
    });
    for wrong in [500, 600, 650, 700, 750] {
        rejects(reordering, per_mille(wrong));
    }
}

#[test]
fn the_judge_of_joint_losses_rejects_calls_that_know_of_each_other() {
    /// Pairs of which one in ten isn't two calls but one, seen twice.
    fn one_in_ten_is_the_same(rng: &mut Rng) -> Share {
        Share::of(0..SAMPLES / 2, |_| {
            let (first, second) = (rng.random_range(0..10) == 0, rng.random_range(0..10) == 0);
            first && (second || rng.random_range(0..10) == 0)
        })
    }
    accepts(joint_loss, |rng: &mut Rng| {
        Share::of(0..SAMPLES / 2, |_| rng.random_range(0..10) == 0 && rng.random_range(0..10) == 0)
    });
    rejects(joint_loss, one_in_ten_is_the_same);
}

#[test]
fn the_judge_of_request_delays_accepts_27_values_as_likely() {
    accepts(request_delay, samples(SAMPLES, |rng| rng.random_range(0..27)));
    for wrong in [0..26, 1..27, 0..28, 1..28, 5..22] {
        rejects(request_delay, samples(SAMPLES, |rng| rng.random_range(wrong.clone())));
    }
    let two_dice = |rng: &mut Rng| rng.random_range(0..14) + rng.random_range(0..14);
    rejects(request_delay, samples(SAMPLES, two_dice));
    // Right in range and mean: a middle that is as likely as its neighbours together.
    let middle = |rng: &mut Rng| match rng.random_range(0..27) {
        12 | 14 if rng.random_range(0..2) == 0 => 13,
        other => other,
    };
    rejects(request_delay, samples(SAMPLES, middle));
    // Too even to be random.
    rejects(request_delay, |_: &mut Rng| (0..SAMPLES).map(|i| i % 27).collect::<Vec<_>>());
}

#[test]
fn the_judge_of_lateness_accepts_the_nested_draw() {
    /// As many as there are replies that are late.
    const LATE: u64 = SAMPLES / 2;
    /// A bound and then a value below it.
    fn nested(rng: &mut Rng, least: u64, bounds: u64) -> u64 {
        let bound = 1 + rng.random_range(0..bounds);
        least + rng.random_range(0..bound)
    }
    accepts(lateness, samples(LATE, |rng| nested(rng, 200, 2000)));
    for wrong in [1900, 1940, 2060, 2100] {
        rejects(lateness, samples(LATE, move |rng| nested(rng, 200, wrong)));
    }
    for wrong in [0, 190, 199, 201, 210] {
        rejects(lateness, samples(LATE, move |rng| nested(rng, wrong, 2000)));
    }
    rejects(lateness, samples(LATE, |rng| rng.random_range(200..2200)));
    rejects(lateness, samples(LATE, |rng| rng.random_range(200..1200)));
    let thrice = |rng: &mut Rng| {
        let bound = 1 + nested(rng, 0, 2000);
        200 + rng.random_range(0..bound)
    };
    rejects(lateness, samples(LATE, thrice));
    // Right in range and mean, and flat on either side of the mean.
    let flat = |rng: &mut Rng| match rng.random_range(0..4) {
        0..3 => rng.random_range(200..533),
        _ => rng.random_range(1200..2200),
    };
    rejects(lateness, samples(LATE, flat));
}

#[test]
fn the_judges_of_unreachable_calls_accept_7000_and_100_values_as_likely() {
    let below = |end: u64| samples(UNREACHABLE_SAMPLES, move |rng| rng.random_range(0..end));
    accepts(unreachable_long, below(7000));
    for wrong in [100, 6000, 6900, 7100, 8000] {
        rejects(unreachable_long, below(wrong));
    }
    accepts(unreachable_short, below(100));
    for wrong in [90, 99, 101, 7000] {
        rejects(unreachable_short, below(wrong));
    }
    let nested = |end: u64| {
        samples(UNREACHABLE_SAMPLES, move |rng| {
            let bound = 1 + rng.random_range(0..end);
            rng.random_range(0..bound)
        })
    };
    rejects(unreachable_long, nested(7000));
    rejects(unreachable_short, nested(100));
}
