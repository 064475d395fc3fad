//! What a page shows first, and the numbered moments of its explanation.

use report::explain::{Explanation, Window};
use report::{Record, Story};
use serde::Serialize;

/// What the page shows before and behind what it is about, as a share of that.
const MARGIN: u64 = 24;

/// The least that is shown, in µs.
const LEAST: u64 = 50_000;

/// Evidence that lies farther before the failing check than so many of the check's lengths is not in the
/// first view.
const REACH: u64 = 4;

/// A moment that proves a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Flag {
    /// Its number in the explanation, from 1.
    pub number: usize,
    /// When.
    pub at: u64,
    /// The calls that it is about.
    pub calls: Vec<u64>,
    /// The server that made the first of them, or handled it; `None` if it is about no call.
    pub server: Option<u32>,
    /// Whether it belongs to the first finding.
    pub is_first: bool,
}

/// The moments of the evidence of all findings, in the order of the explanation.
pub(crate) fn flags(story: &Story, explanation: &Explanation) -> Vec<Flag> {
    let findings = explanation.findings.iter().enumerate();
    let evidence = findings.flat_map(|(place, finding)| {
        finding.evidence.iter().map(move |evidence| (place == 0, evidence))
    });
    (1..)
        .zip(evidence)
        .map(|(number, (is_first, evidence))| {
            let call = evidence.calls.first();
            let call = call.and_then(|id| story.calls.iter().find(|call| call.id == *id));
            let server = call.map(|call| match call.handled {
                Some(handled) if handled.at == evidence.at && call.sent.at != evidence.at => {
                    call.to
                }
                _ => call.from.server,
            });
            let calls = evidence.calls.iter().map(|id| id.0).collect();
            Flag { number, at: evidence.at.0, calls, server, is_first }
        })
        .collect()
}

/// The failing check; of a run that passed, all of it.
pub(crate) fn window(record: &Record, story: &Story) -> [u64; 2] {
    match &record.failure {
        Some(failure) => {
            let window = Window::of(story, failure);
            [window.from.0.min(window.until.0), window.until.0]
        }
        None => [story.since.0, story.end.0],
    }
}

/// What the page shows first: the evidence of the first finding, and the failing check.
pub(crate) fn opens(
    [begin, end]: [u64; 2],
    window: [u64; 2],
    flags: &[Flag],
    has_failed: bool,
) -> [u64; 2] {
    let all = [begin, end.max(begin + LEAST)];
    if !has_failed {
        return all;
    }
    let [from, until] = window;
    let first = flags.iter().filter(|flag| flag.is_first).map(|flag| flag.at);
    let reach = REACH * (until - from).max(1_000_000);
    let near = first.filter(|at| from.saturating_sub(*at) <= reach);
    let from = near.min().map_or(from, |at| at.min(from));
    let margin = ((until - from) / MARGIN).max(LEAST);
    [from.saturating_sub(margin).max(all[0]), until + margin]
}
