//! Failures of all kinds for which nobody led: what a test waited for didn't come, because for a good
//! part of that time there was no leader. Why not is what `no_leader` knows.

use std::time::Duration;

use super::{Case, Finding, Window, no_leader};
use crate::event::Time;
use crate::failure::FailureKind;
use crate::story::Story;

/// For how long nobody must have led: a right Raft has a leader sooner, but for rare bad luck.
const LEADERLESS: Duration = Duration::from_secs(2);

/// For how long a leader counts as one without an answer from any follower.
const ALONE: Duration = Duration::from_secs(1);

/// Why nobody led meanwhile, if nobody did and somebody could.
pub(super) fn findings(case: &Case<'_>) -> Vec<Finding> {
    let waited = matches!(case.failure.kind, FailureKind::Liveness | FailureKind::Stuck);
    // Whoever expected a leader has looked there already.
    if !waited || case.failure.message.starts_with(no_leader::SENTENCE) {
        return Vec::new();
    }
    let Some(window) = leaderless(case.story, &case.window) else { return Vec::new() };
    let case = Case { window, ..*case };
    no_leader::CAUSES.iter().filter_map(|cause| cause(&case)).collect()
}

/// The longest time within `window` in which no server led whose followers answered.
fn leaderless(story: &Story, window: &Window) -> Option<Window> {
    let mut reigns: Vec<(Time, Time)> = window.up.iter().flat_map(|&s| reigns(story, s)).collect();
    reigns.sort();
    reigns.push((window.until, window.until));
    let mut gaps = Vec::new();
    let mut led_until = window.from;
    for (begun, ended) in reigns {
        gaps.push((led_until, begun.min(window.until)));
        led_until = led_until.max(ended);
    }
    let (from, until) = gaps.into_iter().max_by_key(|&(from, until)| until.since(from))?;
    let settled = story.settled_before(until);
    let from = from.max(settled);
    let up = story.up(until);
    (until.since(from) >= LEADERLESS && up.len() >= story.majority()).then_some(Window {
        from,
        until,
        settled,
        up,
    })
}

/// When a server led: each time from when it began to, or had an answer from a follower, on.
fn reigns(story: &Story, server: usize) -> Vec<(Time, Time)> {
    let answered = story.sent_by(server).filter(|call| call.is_followed());
    let answered: Vec<(u64, Time)> =
        answered.filter_map(|call| Some((call.args.term?, call.replied()?))).collect();
    let mut reigns = Vec::new();
    for (view, until) in story.lasting_views(server).filter(|(view, _)| view.is_leader) {
        let begun = view.moment.at;
        let answers = answered.iter().filter(|&&(term, at)| term == view.term && begun <= at);
        let times = answers.map(|&(_, at)| at).filter(|&at| at < until);
        let lasting = |at: Time| (at, until.min(Time(at.0 + ALONE.as_micros() as u64)));
        reigns.extend([begun].into_iter().chain(times).map(lasting));
    }
    reigns
}
