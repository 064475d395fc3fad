//! Elections that nobody starts, or nobody starts again.

use std::time::Duration;

use super::{NORMAL, PATIENCE, after, evidence, life_at, present, requests, seconds, voters};
use crate::event::Time;
use crate::explain::{Case, Confidence, Finding};
use crate::story::{Call, Election, Purpose};
use crate::text::{count, list};

/// How often a candidate must have asked the same server in one term.
const AGAIN: usize = 3;

/// How soon a request is sent again that is only repeated.
const RETRIED: Duration = Duration::from_millis(120);

/// What a server does that asks for pre-votes: its timer has fired, though it doesn't stand yet.
const PRE_VOTE: &str = "asked whether it would get votes";

/// When a server's election timer began anew, or should have, in its present life: it was born, it
/// stood, it asked for pre-votes, it voted, it heard its leader, or it led.
fn resets(case: &Case<'_>, server: usize, elections: &[Election]) -> Vec<(Time, &'static str)> {
    let story = case.story;
    let until = case.window.until;
    let Some(life) = life_at(story, server, until) else { return Vec::new() };
    let mut resets = vec![(life.from.at, "started")];
    resets.extend(elections.iter().map(|election| (election.at, "stood for election")));
    for call in story.handled_by(server) {
        let Some(handled) = call.handled.filter(|handled| *handled >= life.from) else { continue };
        if call.is_followed() {
            resets.push((handled.at, "heard its leader"));
        } else if call.reply.vote_granted == Some(true) {
            resets.push((handled.at, "gave its vote"));
        }
    }
    let asked = story.sent_by(server).filter(|call| call.is_pre_vote() && call.sent >= life.from);
    resets.extend(asked.map(|call| (call.sent.at, PRE_VOTE)));
    let views = &story.views[server];
    for (view, next) in views.iter().zip(views.iter().skip(1)) {
        if view.is_leader {
            resets.push((next.moment.at, "led"));
        }
    }
    resets.retain(|&(at, _)| at <= until);
    resets.sort();
    resets
}

/// The times of the window for which a server's timer wasn't reset though it should have fired: when
/// they began and ended.
fn stretches(case: &Case<'_>, server: usize, elections: &[Election]) -> Vec<(Time, Time)> {
    let resets: Vec<Time> = resets(case, server, elections).iter().map(|&(at, _)| at).collect();
    let ends = resets.iter().skip(1).copied().chain([case.window.until]);
    let all = resets.iter().copied().zip(ends);
    all.filter(|&(reset, end)| end.since(reset) > PATIENCE && end > case.window.from).collect()
}

/// Whether what came at `times` can have reset a timer again and again between `reset` and `end`.
fn keep_from_firing(times: impl Iterator<Item = Time>, (reset, end): (Time, Time)) -> bool {
    let mut last = reset;
    times.chain([end]).all(|at| {
        let gap = at.since(last);
        last = at;
        gap <= PATIENCE
    })
}

/// The last of a server's resets.
fn last_reset(
    case: &Case<'_>,
    server: usize,
    elections: &[Election],
) -> Option<(Time, &'static str)> {
    resets(case, server, elections).pop()
}

/// For how long each election of a server's was waited for, while no request of its for votes was
/// outstanding that could have held it up.
fn timeouts(case: &Case<'_>, server: usize, elections: &[Election]) -> Vec<Duration> {
    let resets = resets(case, server, elections);
    let mut timeouts = Vec::new();
    for election in elections {
        let Some(&(reset, why)) = resets.iter().rev().find(|(at, _)| *at < election.at) else {
            continue;
        };
        // It stands when it has the answers, and no timer tells it to.
        if why == PRE_VOTE {
            continue;
        }
        let before = elections.iter().rev().find(|other| other.at < election.at);
        // What came back within a few ms may have been waited for.
        let was_free = before.is_none_or(|before| {
            requests(case.story, before).all(|call| {
                call.returned.is_some_and(|(at, _)| election.at.since(at.at) > PATIENCE / 4)
            })
        });
        // What it refused meanwhile may have reset its timer.
        let heard_nothing = !case.story.handled_by(server).any(|call| {
            let is_between =
                call.handled.is_some_and(|handled| handled.at > reset && handled.at < election.at);
            is_between && (call.is_leaders() || call.reply.vote_granted == Some(false))
        });
        if was_free && heard_nothing {
            timeouts.push(election.at.since(reset));
        }
    }
    timeouts
}

/// Whether a call was answered after `reset`, and not after `end`.
fn is_between(call: &Call, reset: Time, end: Time) -> bool {
    call.handled.is_some_and(|handled| handled.at > reset && handled.at <= end)
}

/// Row 8: it takes too long until somebody stands.
pub(super) fn timeout_too_long(case: &Case<'_>) -> Option<Finding> {
    let mut found = Vec::new();
    for (server, elections) in present(case, 0..case.story.servers) {
        let longest = timeouts(case, server, &elections).into_iter().max();
        if let Some(longest) = longest.filter(|&longest| longest > PATIENCE) {
            let last = elections.last().map_or(Time(0), |election| election.at);
            found.push(evidence(
                last,
                format!(
                    "server {server} stood for election; before one of its elections it had heard \
                     nothing for {}",
                    seconds(longest)
                ),
                [],
            ));
        }
    }
    (!found.is_empty()).then(|| Finding {
        id: "election-timeout-too-long".to_owned(),
        confidence: Confidence::Likely,
        what: "the election timeout is too long for the time that the test gives".to_owned(),
        evidence: found,
        rule:
            "the election timeout is as short as the network allows (§9.3; the lab's checker waits \
               5 s for a leader, which must be enough for several elections)"
                .to_owned(),
        look: "the range from which the election timeout is drawn, and its unit".to_owned(),
        normal: Some(NORMAL.to_owned()),
    })
}

/// Row 5: a leader of an earlier term keeps a server from standing.
pub(super) fn timer_reset_by_stale_leader(case: &Case<'_>) -> Option<Finding> {
    let story = case.story;
    let mut found = Vec::new();
    for (server, elections) in voters(case) {
        for (reset, end) in stretches(case, server, &elections) {
            let stale: Vec<&Call> = story
                .handled_by(server)
                .filter(|call| call.is_leaders() && call.args.term < call.reply.term)
                .filter(|call| is_between(call, reset, end))
                .collect();
            let times = stale.iter().filter_map(|call| call.handled).map(|handled| handled.at);
            if stale.len() >= 3 && keep_from_firing(times, (reset, end)) {
                found.push(evidence(
                    reset,
                    format!(
                        "server {server} last heard its leader, voted or stood; since then it \
                         answered {} of earlier terms, and stood for no election in {}",
                        count(stale.len(), "AppendEntries call"),
                        seconds(end.since(reset))
                    ),
                    stale,
                ));
            }
        }
    }
    (!found.is_empty()).then(|| Finding {
        id: "timer-reset-by-stale-leader".to_owned(),
        confidence: Confidence::Likely,
        what: "the words of a leader of an earlier term keep a server from standing".to_owned(),
        evidence: found,
        rule: "the timer begins anew with AppendEntries from the current leader only (Figure 2, \
               Followers; §5.2)"
            .to_owned(),
        look: "the AppendEntries handler: whether the timer is reset before the term is compared"
            .to_owned(),
        normal: Some(NORMAL.to_owned()),
    })
}

/// Row 11: a server refuses its vote and doesn't stand itself.
pub(super) fn timer_reset_by_refusal(case: &Case<'_>) -> Option<Finding> {
    let story = case.story;
    let mut found = Vec::new();
    for (server, elections) in voters(case) {
        for (reset, end) in stretches(case, server, &elections) {
            let refused: Vec<&Call> = story
                .handled_by(server)
                .filter(|call| {
                    call.purpose == Purpose::Vote && call.reply.vote_granted == Some(false)
                })
                .filter(|call| is_between(call, reset, end))
                .collect();
            let before = elections.iter().rev().find(|election| election.at <= reset);
            let held_up = before.is_some_and(|election| {
                requests(story, election).any(|call| call.is_outstanding(end))
            });
            let times = refused.iter().filter_map(|call| call.handled).map(|handled| handled.at);
            if refused.len() >= 2 && !held_up && keep_from_firing(times, (reset, end)) {
                found.push(evidence(
                    reset,
                    format!(
                        "server {server} last heard its leader, voted or stood; since then it \
                         refused {} and stood for no election of its own in {}",
                        count(refused.len(), "request for its vote"),
                        seconds(end.since(reset))
                    ),
                    refused,
                ));
            }
        }
    }
    (!found.is_empty()).then(|| Finding {
        id: "timer-reset-by-refusal".to_owned(),
        confidence: Confidence::Likely,
        what: "a server that refuses its vote doesn't stand itself".to_owned(),
        evidence: found,
        rule: "the timer begins anew when a vote is granted, not when one is refused or a higher term \
               is seen (Figure 2, Followers; §5.2)"
            .to_owned(),
        look: "the RequestVote handler, and the code that adopts a higher term: whether they reset \
               the election timer"
            .to_owned(),
        normal: Some(NORMAL.to_owned()),
    })
}

/// Row 4: a server's election timer fires no more.
pub(super) fn timer_dead(case: &Case<'_>) -> Option<Finding> {
    let story = case.story;
    let mut found = Vec::new();
    let mut has_never_fired = false;
    for (server, elections) in voters(case) {
        let (reset, why) = last_reset(case, server, &elections)?;
        has_never_fired |= elections.is_empty();
        // A server that waits for replies is not dead.
        let free = elections
            .iter()
            .flat_map(|election| requests(story, election))
            .map(|call| call.returned.map_or(case.window.until, |(returned, _)| returned.at))
            .max();
        let since = reset.max(free.unwrap_or(reset));
        if case.window.until.since(since) > PATIENCE {
            found.push(evidence(
                reset,
                format!(
                    "server {server} {why}; it has heard no leader, given no vote and stood for no \
                     election in the {} since",
                    seconds(case.window.until.since(reset))
                ),
                [],
            ));
        }
    }
    (!found.is_empty()).then(|| Finding {
        id: "election-timer-dead".to_owned(),
        confidence: Confidence::Likely,
        what: if has_never_fired {
            "a server's election timer has not fired: it is dead, or longer than the test waits"
        } else {
            "a server's election timer fires no more"
        }
        .to_owned(),
        evidence: found,
        rule: "if election timeout elapses: start new election, as a follower and as a candidate \
               (Figure 2, Followers and Candidates; §5.2)"
            .to_owned(),
        look: "whether the task of the election timer goes on in a loop for as long as the server \
               lives, and whether it waits for something else that may never come"
            .to_owned(),
        normal: Some(NORMAL.to_owned()),
    })
}

/// A candidate asks for votes again and again, and always in the same term.
pub(super) fn same_term_again(case: &Case<'_>) -> Option<Finding> {
    let story = case.story;
    let voters = voters(case);
    let all: Vec<Election> = voters.values().flatten().cloned().collect();
    let mut found = Vec::new();
    for (&server, elections) in &voters {
        for election in elections {
            let until = story.stands_until(&all, election).min(case.window.until);
            if until.since(election.at) <= PATIENCE || until <= case.window.from {
                continue;
            }
            let to = requests(story, election).next()?.to;
            let again = requests(story, election).filter(|call| call.to == to);
            let asked: Vec<&Call> = again.filter(|call| call.sent.at <= until).collect();
            // A request may be sent again at once if it gets lost (§5.5): that is no election.
            let is_slow = |pair: &[&Call]| pair[1].sent.at.since(pair[0].sent.at) > RETRIED;
            if asked.len() < AGAIN || !asked.windows(2).all(is_slow) {
                continue;
            }
            found.push(evidence(
                election.at,
                format!(
                    "server {server} stood in term {}, and asked server {to} {} times for its vote \
                     of that term, within {}",
                    election.term,
                    asked.len(),
                    seconds(until.since(election.at))
                ),
                asked,
            ));
        }
    }
    (!found.is_empty()).then(|| Finding {
        id: "election-without-new-term".to_owned(),
        confidence: Confidence::Likely,
        what: "a candidate stands again in the same term, in which the votes are given".to_owned(),
        evidence: found,
        rule: "on conversion to candidate, and whenever the election timeout elapses, start an \
               election: increment currentTerm first (Figure 2, Candidates; §5.2)"
            .to_owned(),
        look: "the beginning of an election: the term goes up for a candidate, too".to_owned(),
        normal: Some(NORMAL.to_owned()),
    })
}

/// Row 3: a candidate asks for nothing new while its requests are outstanding.
pub(super) fn election_not_restarted(case: &Case<'_>) -> Option<Finding> {
    let story = case.story;
    let voters = voters(case);
    let all: Vec<Election> = voters.values().flatten().cloned().collect();
    let mut found = Vec::new();
    let mut since_back = Vec::new();
    for (&server, elections) in &voters {
        let since = case.window.settled.max(case.window.from);
        let new = elections.iter().filter(|election| election.at >= since).count();
        since_back.push(format!("server {server}: {new}"));
        for election in elections {
            let until = story.stands_until(&all, election).min(case.window.until);
            let stood = until.since(election.at);
            if stood <= PATIENCE || until <= case.window.from {
                continue;
            }
            // What it waited for when its timer should have fired.
            let patience = after(election.at, PATIENCE / 2);
            let waiting: Vec<&Call> =
                requests(story, election).filter(|call| call.is_outstanding(patience)).collect();
            if waiting.is_empty() {
                continue;
            }
            let returned = waiting.iter().map(|call| match call.returned {
                Some((at, outcome)) if at.at <= case.window.until => {
                    format!("server {} ({outcome} at {} s)", call.to, at.at)
                }
                _ => format!("server {} (not returned yet)", call.to),
            });
            found.push(evidence(
                election.at,
                format!(
                    "server {server} asked for votes in term {} and started no other election for {}; \
                     outstanding meanwhile: {}",
                    election.term,
                    seconds(stood),
                    list(returned)
                ),
                waiting,
            ));
        }
    }
    if found.is_empty() {
        return None;
    }
    found.sort_by_key(|evidence| evidence.at);
    found.push(evidence(
        case.window.settled,
        format!("a majority was back; elections started since: {}", since_back.join(", ")),
        [],
    ));
    Some(Finding {
        id: "election-not-restarted".to_owned(),
        confidence: Confidence::Likely,
        what: "candidates did not restart their election while requests for votes to servers that \
               can't be reached were outstanding"
            .to_owned(),
        evidence: found,
        rule: "if election timeout elapses: start new election (Figure 2, Candidates; §5.2). A call to \
               a server that can't be reached takes up to 7 s to fail in this network"
            .to_owned(),
        look: "a loop, join or channel receive that waits for vote replies before the election timer \
               is looked at again; send each request in a task of its own, and count where the \
               reply arrives"
            .to_owned(),
        normal: Some(NORMAL.to_owned()),
    })
}
