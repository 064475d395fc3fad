//! Causes of `expected one leader, got none`.

mod counting;
mod rounds;
mod servers;
mod timers;
mod votes;

use std::collections::BTreeMap;
use std::time::Duration;

pub(super) use servers::server_hangs;

use super::finding::{self, Evidence};
use super::{Case, Cause, one_peer_at_a_time};
use crate::event::Time;
use crate::story::{Call, Election, Life, Story};

/// What is said of the failures that all this is about.
pub(super) const SENTENCE: &str = "expected one leader, got none";

pub(super) const CAUSES: &[Cause] = &[
    servers::server_hangs,
    servers::leader_not_told,
    servers::higher_term_ignored,
    counting::waits_for_all_replies,
    counting::majority_not_recognised,
    timers::timeout_too_long,
    timers::timer_reset_by_stale_leader,
    timers::timer_reset_by_refusal,
    timers::same_term_again,
    timers::timer_dead,
    one_peer_at_a_time::sends_in_turn,
    timers::election_not_restarted,
    votes::vote_refused_without_reason,
    votes::leader_replaced_at_once,
    votes::votes_split,
    rounds::timeout_always_the_same,
    rounds::never_stands,
];

/// For how long a server may do nothing about a missing leader: longer than any election timeout with
/// which a test would pass.
const PATIENCE: Duration = Duration::from_millis(1200);

/// How soon whoever has a majority of the votes leads: a reply needs no time to be counted.
const COUNTED: Duration = Duration::from_millis(100);

/// What a working run does when a majority is back.
const NORMAL: &str = "somebody starts an election within 0.6 s after a majority is back, again after \
                      0.3 to 0.6 s if it comes to nothing, and one of the first few wins";

fn after(time: Time, span: Duration) -> Time {
    Time(time.0 + span.as_micros() as u64)
}

fn seconds(span: Duration) -> String {
    format!("{:.2} s", span.as_secs_f64())
}

fn evidence<'a>(at: Time, text: String, calls: impl IntoIterator<Item = &'a Call>) -> Evidence {
    finding::evidence(at, text, calls.into_iter().map(|call| call.id))
}

/// The servers that could have elected a leader, each with the elections of its present life.
fn voters(case: &Case<'_>) -> BTreeMap<usize, Vec<Election>> {
    present(case, case.window.up.iter().copied())
}

/// The elections of the present lives of `servers`.
fn present(
    case: &Case<'_>,
    servers: impl Iterator<Item = usize>,
) -> BTreeMap<usize, Vec<Election>> {
    let mut voters: BTreeMap<usize, Vec<Election>> =
        servers.map(|server| (server, Vec::new())).collect();
    let until = case.window.until;
    for election in case.story.elections.iter().filter(|election| election.at <= until) {
        let server = election.candidate.server as usize;
        let life = life_at(case.story, server, until);
        if life.is_some_and(|life| life.incarnation == election.candidate.incarnation)
            && let Some(elections) = voters.get_mut(&server)
        {
            elections.push(election.clone());
        }
    }
    voters
}

/// The life of a server at `at`, or the last one before.
fn life_at(story: &Story, server: usize, at: Time) -> Option<&Life> {
    story.lives[server].iter().rev().find(|life| life.from.at <= at)
}

fn requests<'a>(story: &'a Story, election: &'a Election) -> impl Iterator<Item = &'a Call> {
    election.requests.iter().map(|&place| &story.calls[place])
}
