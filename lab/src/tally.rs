//! Counting runs: what the tests write of each, and what is known of a test's so far.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use report::{Failure, FailureKind};
use serde::Deserialize;

/// A line of `results.jsonl`, as far as it matters here. The tester writes it.
#[derive(Debug, Deserialize)]
pub(crate) struct Line {
    pub(crate) seed: u64,
    verdict: Verdict,
    #[serde(default)]
    warnings: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Passed { seconds: f64, rpcs: u64 },
    Failed { failure: Failure },
}

/// A run that failed.
#[derive(Clone, Debug)]
pub(crate) struct Failed {
    pub(crate) seed: u64,
    pub(crate) kind: FailureKind,
    /// The first line of its report.
    pub(crate) sentence: String,
}

/// What is known of a test's runs.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) runs: u64,
    /// Those that failed, by which run it was, from 0.
    pub(crate) failures: BTreeMap<u64, Failed>,
    /// What the earliest failure's process printed; if others ran in it too, about them as well.
    pub(crate) printed: Option<(u64, String)>,
    pub(crate) warnings: BTreeMap<String, u64>,
    /// How long the processes took, taken together.
    pub(crate) busy: Duration,
    seconds: Vec<f64>,
    rpcs: Vec<u64>,
    span: Option<(Instant, Instant)>,
}

impl Tally {
    /// Counts the runs of a process that began at `began` and printed `printed`. `run_of` tells which
    /// run a seed is for.
    pub(crate) fn add(
        &mut self,
        lines: Vec<Line>,
        began: Instant,
        run_of: impl Fn(u64) -> u64,
        printed: String,
    ) {
        for line in lines {
            self.runs += 1;
            for warning in line.warnings {
                *self.warnings.entry(warning).or_default() += 1;
            }
            match line.verdict {
                Verdict::Passed { seconds, rpcs } => {
                    self.seconds.push(seconds);
                    self.rpcs.push(rpcs);
                }
                Verdict::Failed { failure: Failure { kind, message, .. } } => {
                    let (run, seed) = (run_of(line.seed), line.seed);
                    let sentence = message.lines().next().unwrap_or_default().to_owned();
                    self.failures.insert(run, Failed { seed, kind, sentence });
                    if self.printed.as_ref().is_none_or(|(earliest, _)| run < *earliest) {
                        self.printed = Some((run, printed.clone()));
                    }
                }
            }
        }
        let ended = Instant::now();
        self.busy += ended - began;
        let (first, last) = self.span.get_or_insert((began, ended));
        (*first, *last) = ((*first).min(began), (*last).max(ended));
    }

    /// The earliest run that failed.
    pub(crate) fn first_failure(&self) -> Option<&Failed> {
        self.failures.values().next()
    }

    /// How long it took from the first run's beginning to the last run's end.
    pub(crate) fn wall(&self) -> Duration {
        self.span.map_or(Duration::ZERO, |(first, last)| last - first)
    }

    /// The median of the runs that passed: seconds in the run's own time.
    pub(crate) fn median_seconds(&self) -> Option<f64> {
        let mut seconds = self.seconds.clone();
        seconds.sort_by(f64::total_cmp);
        seconds.get(seconds.len() / 2).copied()
    }

    /// The median of the runs that passed: RPCs.
    pub(crate) fn median_rpcs(&self) -> Option<u64> {
        let mut rpcs = self.rpcs.clone();
        rpcs.sort_unstable();
        rpcs.get(rpcs.len() / 2).copied()
    }
}

/// The sentence with N for each number, so that those that differ in no more are one.
pub(crate) fn without_numbers(sentence: &str) -> String {
    let mut text = String::new();
    for c in sentence.chars() {
        match c {
            '0'..='9' if text.ends_with('N') => {}
            '0'..='9' => text.push('N'),
            c => text.push(c),
        }
    }
    text
}
