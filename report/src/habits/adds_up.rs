//! Instead of an election: a deadline that moves away by a timeout with each word of the leader.

use std::time::Duration;

use super::elections::present;
use super::{PATIENCE, ids, life_at, range, seconds};
use crate::event::{Caller, Time};
use crate::explain::Case;
use crate::spec::Breach;
use crate::spec::rules::followers;
use crate::story::Call;
use crate::text::count;

/// How many words of a leader make a sum.
const WORDS: usize = 4;

/// How many elections must have come without any word in between, so that the timeouts are known.
const TIMEOUTS: usize = 2;

/// A time in which a server neither led nor started an election, up to its election or to the failure.
struct Wait<'a> {
    server: u32,
    from: Time,
    until: Time,
    /// Whether it ended with an election.
    is_over: bool,
    /// What began the timer anew meanwhile: a leader's words, and votes that were given.
    words: Vec<&'a Call>,
}

impl Wait<'_> {
    fn length(&self) -> Duration {
        self.until.since(self.from)
    }

    /// How long it was after the last word.
    fn behind(&self) -> Duration {
        let last = self.words.iter().filter_map(|call| call.handled).next_back();
        self.until.since(last.map_or(self.from, |last| last.at))
    }
}

fn waits<'a>(case: &Case<'a>) -> Vec<Wait<'a>> {
    let (story, end) = (case.story, case.window.until);
    let mut waits = Vec::new();
    for (server, elections) in present(case, 0..story.servers) {
        let life =
            life_at(story, server, end).filter(|life| life.until.is_none_or(|it| it.at > end));
        let Some(life) = life else { continue };
        let caller = Caller { server: server as u32, incarnation: life.incarnation };
        let words: Vec<&Call> = story
            .answered_by(caller)
            .filter(|call| call.is_followed() || call.is_granted())
            .collect();
        let led: Vec<Time> = story.views[server]
            .iter()
            .filter(|view| view.is_leader && view.incarnation == life.incarnation)
            .map(|view| view.moment.at)
            .collect();
        let begun = [life.from.at].into_iter().chain(elections.iter().map(|election| election.at));
        let ended = elections.iter().map(|election| (election.at, true)).chain([(end, false)]);
        for (from, (until, is_over)) in begun.zip(ended) {
            // A server that leads has no timer, and whatever it sets when it steps down isn't known.
            if led.iter().any(|&at| from <= at && at < until) {
                continue;
            }
            let is_within = |call: &&&Call| {
                call.handled.is_some_and(|handled| from < handled.at && handled.at <= until)
            };
            let words = words.iter().filter(is_within).copied().collect();
            waits.push(Wait { server: caller.server, from, until, is_over, words });
        }
    }
    waits
}

/// After many words of a leader a server waits for as long as all the timeouts together that they began.
pub(super) fn adds_up(case: &Case<'_>) -> Option<Breach> {
    let waits = waits(case);
    let alone = waits.iter().filter(|wait| wait.is_over && wait.words.is_empty());
    let timeouts: Vec<Duration> = alone.map(Wait::length).collect();
    let (least, most) = (*timeouts.iter().min()?, *timeouts.iter().max()?);
    if timeouts.len() < TIMEOUTS || most > PATIENCE {
        return None;
    }
    let is_sum = |wait: &&Wait<'_>| {
        let words = wait.words.len() as u32;
        let is_enough = !wait.is_over || wait.length() >= least * words;
        is_enough && wait.length() <= most * (words + 2)
    };
    // Each that waited for too long must fit, and one must be seen to end.
    let long: Vec<&Wait<'_>> = waits.iter().filter(|wait| wait.behind() > PATIENCE).collect();
    let all_fit = long.iter().all(|wait| wait.words.len() >= WORDS && is_sum(wait));
    let shown = long.iter().rfind(|wait| wait.is_over)?;
    if !all_fit {
        return None;
    }
    let server = shown.server;
    let what = format!(
        "each message from its leader delays server {server}'s election timer by another whole timeout"
    );
    let [first, last] = [shown.words.first()?, shown.words.last()?];
    let heard = format!(
        "server {server} heard from its leader or voted, for the first of {}",
        count(shown.words.len(), "time")
    );
    let waited = format!(
        "it started an election {} after the last of them, and {} after its timer had started",
        seconds(shown.behind()),
        seconds(shown.length())
    );
    let usual = format!(
        "servers that heard from nobody waited {} before an election; so this wait looks like one \
         timeout after another, one for each message",
        range(least, most)
    );
    Some(
        case.breach(&followers::ADDS_UP, server, what)
            .seen(first.handled?.at, heard, ids([*first, *last]))
            .seen(shown.until, waited, None)
            .concluded(shown.until, usual, None),
    )
}
