//! Causes of `expected one leader, got none`.

use std::collections::BTreeMap;
use std::time::Duration;

use super::finding::{Confidence, Evidence, Finding};
use super::{Case, Cause};
use crate::event::Time;
use crate::story::{Call, Election, Purpose, Story};
use crate::text::{count, list};

pub(super) const CAUSES: &[Cause] = &[
    server_hangs,
    leader_not_told,
    higher_term_ignored,
    waits_for_all_replies,
    majority_not_recognised,
    timeout_too_long,
    timer_reset_by_stale_leader,
    timer_reset_by_refusal,
    timer_dead,
    election_not_restarted,
    vote_refused_without_reason,
    leader_replaced_at_once,
    votes_split,
];

/// For how long a server may do nothing about a missing leader: longer than any election timeout with
/// which a test would pass.
const PATIENCE: Duration = Duration::from_millis(1200);

/// How soon whoever has a majority of the votes leads: a reply needs no time to be counted.
const COUNTED: Duration = Duration::from_millis(100);

/// How long a handler may take that waits for nothing but a lock that is soon free.
const SLOW: Duration = Duration::from_millis(300);

/// How close to each other two elections are that split the votes: within a few message delays.
const SAME_TIME: Duration = Duration::from_millis(30);

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
    Evidence { text, at, calls: calls.into_iter().map(|call| call.id).collect() }
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
    for election in case.story.elections() {
        let server = election.candidate.server as usize;
        let life = case.story.lives[server].last();
        if life.is_some_and(|life| life.incarnation == election.candidate.incarnation)
            && let Some(elections) = voters.get_mut(&server)
        {
            elections.push(election);
        }
    }
    voters
}

fn requests<'a>(story: &'a Story, election: &'a Election) -> impl Iterator<Item = &'a Call> {
    election.requests.iter().map(|&place| &story.calls[place])
}

/// When a server's election timer began anew, or should have, in its present life: it was born, it
/// stood, it voted, it heard its leader, or it led.
fn resets(case: &Case<'_>, server: usize, elections: &[Election]) -> Vec<(Time, &'static str)> {
    let story = case.story;
    let Some(life) = story.lives[server].last() else { return Vec::new() };
    let mut resets = vec![(life.from.at, "started")];
    resets.extend(elections.iter().map(|election| (election.at, "stood for election")));
    for call in story.handled[server].iter().map(|&place| &story.calls[place]) {
        let Some(handled) = call.handled.filter(|handled| *handled >= life.from) else { continue };
        if call.is_followed() {
            resets.push((handled.at, "heard its leader"));
        } else if call.reply.vote_granted == Some(true) {
            resets.push((handled.at, "gave its vote"));
        }
    }
    let views = &story.views[server];
    for (view, next) in views.iter().zip(views.iter().skip(1)) {
        if view.is_leader {
            resets.push((next.moment.at, "led"));
        }
    }
    resets.sort();
    resets
}

/// The last of a server's resets.
fn last_reset(
    case: &Case<'_>,
    server: usize,
    elections: &[Election],
) -> Option<(Time, &'static str)> {
    resets(case, server, elections).pop()
}

/// Row 2: a server has taken requests and doesn't answer them for a long time.
fn server_hangs(case: &Case<'_>) -> Option<Finding> {
    let story = case.story;
    let (from, until) = (case.window.from, case.window.until);
    let mut found = Vec::new();
    for &server in &case.window.up {
        let life = story.lives[server].last()?;
        // The requests whose handlers took long, and until when.
        let hung: Vec<(Time, Time, &Call)> = story
            .calls
            .iter()
            .filter(|call| call.to as usize == server)
            .filter_map(|call| {
                let delivered = call.delivered.filter(|delivered| *delivered >= life.from)?;
                let ended = call.handled.map_or(until, |handled| handled.at.min(until));
                let is_long = ended.since(delivered.at) > SLOW && ended > from;
                is_long.then_some((delivered.at.max(from), ended, call))
            })
            .collect();
        // For how long of the failing check some handler hung.
        let (mut covered, mut seen) = (Duration::ZERO, from);
        for &(began, ended, _) in &hung {
            covered += ended.since(began.max(seen));
            seen = seen.max(ended);
        }
        if let Some((_, _, first)) = hung.first()
            && covered > PATIENCE
        {
            found.push(evidence(
                first.delivered?.at,
                format!(
                    "{} reached server {server}; its handlers then hung for {} of the failing check's \
                     {} ({} of them)",
                    first.method,
                    seconds(covered),
                    seconds(until.since(from)),
                    hung.len()
                ),
                hung.iter().map(|&(_, _, call)| call),
            ));
        }
    }
    (!found.is_empty()).then(|| Finding {
        id: "server-hangs".to_owned(),
        confidence: Confidence::Certain,
        what: "a server takes requests and never answers them".to_owned(),
        evidence: found,
        rule: "a handler returns soon: it waits neither for a lock that is held across an RPC nor \
               for a channel that nobody reads (rule 10 of the contract)"
            .to_owned(),
        look:
            "an async mutex whose guard lives across a call's .await, two locks that are taken in \
               different orders, a send on a full channel in a handler"
                .to_owned(),
        normal: None,
    })
}

/// Row 13: somebody leads, and `get_state` denies it.
fn leader_not_told(case: &Case<'_>) -> Option<Finding> {
    let story = case.story;
    for &server in &case.window.up {
        let mut terms: BTreeMap<u64, Vec<&Call>> = BTreeMap::new();
        for call in story.sent[server].iter().map(|&place| &story.calls[place]) {
            if let Some(term) = call.args.term
                && call.is_followed()
                && case.window.contains(call.sent.at)
            {
                terms.entry(term).or_default().push(call);
            }
        }
        for (term, calls) in terms {
            let says_so =
                story.views[server].iter().any(|view| view.is_leader && view.term == term);
            let (first, last) = (calls[0], calls[calls.len() - 1]);
            if !says_so && last.sent.at.since(first.sent.at) > COUNTED {
                return Some(Finding {
                    id: "leader-not-told".to_owned(),
                    confidence: Confidence::Certain,
                    what: format!(
                        "server {server} leads term {term}, but its get_state never says so"
                    ),
                    evidence: vec![evidence(
                        first.sent.at,
                        format!(
                            "server {server} began to send {} in term {term}; {} were accepted until \
                             {} s",
                            first.method,
                            calls.len(),
                            last.sent.at
                        ),
                        calls,
                    )],
                    rule: "get_state tells the term and whether the server believes itself the \
                           leader (rule 4 of the contract)"
                        .to_owned(),
                    look: "what get_state reads, and where the role becomes leader".to_owned(),
                    normal: None,
                });
            }
        }
    }
    None
}

/// Row 12: a server has answered a higher term in its own, lower one.
fn higher_term_ignored(case: &Case<'_>) -> Option<Finding> {
    let ignored: Vec<&Call> = case
        .story
        .calls
        .iter()
        .filter(|call| call.purpose != Purpose::Other && call.handled.is_some())
        .filter(|call| call.reply.term.is_some() && call.reply.term < call.args.term)
        .collect();
    let first = *ignored.first()?;
    Some(Finding {
        id: "higher-term-ignored".to_owned(),
        confidence: Confidence::Certain,
        what: "a server stays in its own term though it has seen a higher one".to_owned(),
        evidence: vec![evidence(
            first.handled?.at,
            format!(
                "server {} answered {} of term {} in term {}; {} like that in all",
                first.to,
                first.method,
                first.args.term?,
                first.reply.term?,
                count(ignored.len(), "answer")
            ),
            ignored,
        )],
        rule: "if RPC request or response contains term T > currentTerm: set currentTerm = T, convert \
               to follower (Figure 2, All Servers; §5.1)"
            .to_owned(),
        look: "the first lines of every handler, and of what is done with every reply".to_owned(),
        normal: None,
    })
}

/// A candidate that had a majority of the votes and did not lead.
struct Cheated<'a> {
    election: &'a Election,
    /// When it had them.
    at: Time,
    voters: Vec<u32>,
    /// Its requests that were outstanding then.
    outstanding: Vec<&'a Call>,
    /// Until when it had not led.
    until: Time,
    /// Whether it started another election while some were still outstanding: it didn't wait for them.
    went_on: bool,
}

fn cheated<'a>(
    case: &Case<'a>,
    voters: &'a BTreeMap<usize, Vec<Election>>,
) -> impl Iterator<Item = Cheated<'a>> {
    let story = case.story;
    let until = case.window.until;
    voters.iter().flat_map(move |(&server, elections)| {
        elections.iter().filter_map(move |election| {
            let mut arrived: Vec<(Time, u32)> = requests(story, election)
                .filter(|call| call.reply.vote_granted == Some(true))
                .filter_map(|call| Some((call.replied()?, call.to)))
                .filter(|&(at, _)| at <= until)
                .collect();
            arrived.sort();
            // Its own vote is one of them.
            let decisive = story.majority().checked_sub(2)?;
            let at = arrived.get(decisive)?.0;
            let term = election.term;
            let views = &story.views[server];
            // Who has moved on to another term needs the votes no more.
            let moved_on = views
                .iter()
                .find(|view| view.term > term)
                .map_or(until, |view| view.moment.at.min(until));
            let leads = views
                .iter()
                .find(|view| view.is_leader && view.term == term)
                .map(|view| view.moment.at)
                .into_iter()
                .chain(
                    story.sent[server]
                        .iter()
                        .map(|&place| &story.calls[place])
                        .find(|call| call.is_leaders() && call.args.term == Some(term))
                        .map(|call| call.sent.at),
                )
                .min();
            let led_at = leads.unwrap_or(moved_on).min(moved_on);
            let outstanding =
                requests(story, election).filter(|call| call.is_outstanding(at)).collect();
            let is_within = led_at >= case.window.from;
            let next = elections.iter().find(|next| next.at > election.at).map(|next| next.at);
            let went_on = next.is_some_and(|next| {
                requests(story, election).any(|call| call.is_outstanding(next))
            });
            (led_at.since(at) > COUNTED && is_within).then(|| Cheated {
                election,
                at,
                voters: arrived.iter().map(|&(_, voter)| voter).collect(),
                outstanding,
                until: led_at,
                went_on,
            })
        })
    })
}

/// Row 9: a candidate has the votes, and looks at them only when all replies are in.
fn waits_for_all_replies(case: &Case<'_>) -> Option<Finding> {
    let voters = voters(case);
    let waits = |cheated: &Cheated<'_>| !cheated.outstanding.is_empty() && !cheated.went_on;
    let found = cheated(case, &voters).filter(waits);
    let longest = found.max_by_key(|cheated| cheated.until.since(cheated.at))?;
    let Cheated { election, at, voters, outstanding, until, went_on: _ } = longest;
    let server = election.candidate.server;
    Some(Finding {
        id: "waits-for-all-replies".to_owned(),
        confidence: Confidence::Likely,
        what: format!(
            "server {server} had a majority of the votes and didn't lead while other replies were \
             outstanding"
        ),
        evidence: vec![
            evidence(
                election.at,
                format!("server {server} asked for votes in term {}", election.term),
                [],
            ),
            evidence(
                at,
                format!(
                    "it had its own vote and {}, a majority; it did not lead for the {} that followed",
                    list(voters.iter().map(|voter| format!("server {voter}'s"))),
                    seconds(until.since(at))
                ),
                [],
            ),
            evidence(
                at,
                format!(
                    "still outstanding then: the requests to {}",
                    list(outstanding.iter().map(|call| format!("server {}", call.to)))
                ),
                outstanding,
            ),
        ],
        rule: "if votes received from majority of servers: become leader (Figure 2, Candidates; \
               §5.2)"
            .to_owned(),
        look: "a loop or join over all vote replies: count each reply as it arrives, and become \
               leader with the one that makes the majority"
            .to_owned(),
        normal: Some("the candidate leads as soon as the deciding vote is in".to_owned()),
    })
}

/// Row 9: a candidate has the votes, and doesn't know it.
fn majority_not_recognised(case: &Case<'_>) -> Option<Finding> {
    let voters = voters(case);
    let goes_on = |cheated: &Cheated<'_>| cheated.outstanding.is_empty() || cheated.went_on;
    let found = cheated(case, &voters).filter(goes_on);
    let Cheated { election, at, voters, until, .. } = found.last()?;
    let server = election.candidate.server;
    Some(Finding {
        id: "majority-not-recognised".to_owned(),
        confidence: Confidence::Certain,
        what: format!("server {server} had a majority of the votes and never led"),
        evidence: vec![evidence(
            at,
            format!(
                "server {server} had its own vote of term {} and {}: {} of {}; it did not lead for the \
                 {} that followed",
                election.term,
                list(voters.iter().map(|voter| format!("server {voter}'s"))),
                voters.len() + 1,
                case.story.servers,
                seconds(until.since(at))
            ),
            requests(case.story, election),
        )],
        rule: "if votes received from majority of servers: become leader (Figure 2, Candidates; \
               §5.2); a majority of n servers is n/2 + 1, the candidate's own vote included"
            .to_owned(),
        look: "where votes are counted: whether the own vote is one of them, and what they are \
               compared with"
            .to_owned(),
        normal: Some("the candidate leads as soon as the deciding vote is in".to_owned()),
    })
}

/// For how long each election of a server's was waited for, while no request of its for votes was
/// outstanding that could have held it up.
fn timeouts(case: &Case<'_>, server: usize, elections: &[Election]) -> Vec<Duration> {
    let resets = resets(case, server, elections);
    let mut timeouts = Vec::new();
    for election in elections {
        let Some(&(reset, _)) = resets.iter().rev().find(|(at, _)| *at < election.at) else {
            continue;
        };
        let before = elections.iter().rev().find(|other| other.at < election.at);
        // What came back within a few ms may have been waited for.
        let was_free = before.is_none_or(|before| {
            requests(case.story, before).all(|call| {
                call.returned.is_some_and(|(at, _)| election.at.since(at.at) > PATIENCE / 4)
            })
        });
        if was_free {
            timeouts.push(election.at.since(reset));
        }
    }
    timeouts
}

/// Row 8: it takes too long until somebody stands.
fn timeout_too_long(case: &Case<'_>) -> Option<Finding> {
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
fn timer_reset_by_stale_leader(case: &Case<'_>) -> Option<Finding> {
    let story = case.story;
    let mut found = Vec::new();
    for (server, elections) in voters(case) {
        let (reset, _) = last_reset(case, server, &elections)?;
        let stale: Vec<&Call> = story.handled[server]
            .iter()
            .map(|&place| &story.calls[place])
            .filter(|call| call.is_leaders() && call.args.term < call.reply.term)
            .filter(|call| call.handled.is_some_and(|handled| handled.at > reset))
            .collect();
        if case.window.until.since(reset) > PATIENCE && stale.len() >= 3 {
            found.push(evidence(
                reset,
                format!(
                    "server {server} last heard its leader, voted or stood; since then it answered {} \
                     of earlier terms, and stood for no election",
                    count(stale.len(), "AppendEntries call")
                ),
                stale,
            ));
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
fn timer_reset_by_refusal(case: &Case<'_>) -> Option<Finding> {
    let story = case.story;
    let mut found = Vec::new();
    for (server, elections) in voters(case) {
        let (reset, _) = last_reset(case, server, &elections)?;
        let refused: Vec<&Call> = story.handled[server]
            .iter()
            .map(|&place| &story.calls[place])
            .filter(|call| call.purpose == Purpose::Vote && call.reply.vote_granted == Some(false))
            .filter(|call| call.handled.is_some_and(|handled| handled.at > reset))
            .collect();
        let held_up = elections.last().is_some_and(|election| {
            requests(story, election).any(|call| call.is_outstanding(case.window.until))
        });
        if case.window.until.since(reset) > PATIENCE && refused.len() >= 2 && !held_up {
            found.push(evidence(
                reset,
                format!(
                    "server {server} last heard its leader, voted or stood; since then it refused {} \
                     and stood for no election of its own",
                    count(refused.len(), "request for its vote")
                ),
                refused,
            ));
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
fn timer_dead(case: &Case<'_>) -> Option<Finding> {
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

/// Row 3: a candidate asks for nothing new while its requests are outstanding.
fn election_not_restarted(case: &Case<'_>) -> Option<Finding> {
    let story = case.story;
    let voters = voters(case);
    let all: Vec<Election> = voters.values().flatten().cloned().collect();
    let mut found = Vec::new();
    let mut since_back = Vec::new();
    for (&server, elections) in &voters {
        let since = case.window.settled.max(case.window.from);
        let new = elections.iter().filter(|election| election.at >= since).count();
        since_back.push(format!("server {server} {new}"));
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

/// Row 10: a server that was free to vote refused.
fn vote_refused_without_reason(case: &Case<'_>) -> Option<Finding> {
    let story = case.story;
    let mut found = Vec::new();
    let mut has_voted_before = false;
    for &server in &case.window.up {
        let mut given: BTreeMap<u64, u32> = BTreeMap::new();
        let own = |call: &Call| Some((call.args.last_log_term?, call.args.last_log_index?));
        // The terms in which it stood itself.
        let stood: Vec<u64> = story.sent[server]
            .iter()
            .map(|&place| &story.calls[place])
            .filter(|call| call.purpose == Purpose::Vote)
            .filter_map(|call| call.args.term)
            .collect();
        // Its own log is no better than what it offers itself, later than the refusal.
        for call in story.handled[server].iter().map(|&place| &story.calls[place]) {
            let (Purpose::Vote, Some(term), Some(handled)) =
                (call.purpose, call.args.term, call.handled)
            else {
                continue;
            };
            match call.reply.vote_granted {
                Some(true) => drop(given.insert(term, call.from.server)),
                Some(false) if call.reply.term == Some(term) && !stood.contains(&term) => {
                    let offered = own(call);
                    let later = story.sent[server]
                        .iter()
                        .map(|&place| &story.calls[place])
                        .find(|sent| sent.purpose == Purpose::Vote && sent.sent > handled)
                        .and_then(own);
                    let logs_are_empty = story.proposals.is_empty();
                    let is_up_to_date =
                        logs_are_empty || later.is_some_and(|later| offered >= Some(later));
                    let is_taken = given.get(&term).is_some_and(|&other| other != call.from.server);
                    if is_up_to_date && !is_taken && case.window.contains(handled.at) {
                        let before = given.range(..term).next_back();
                        has_voted_before |= before.is_some();
                        let vote = match before {
                            Some((term, who)) => {
                                format!("its last vote was for server {who} in term {term}")
                            }
                            None => "it had given no vote before".to_owned(),
                        };
                        found.push(evidence(
                            handled.at,
                            format!(
                                "server {server} refused its vote of term {term} to server {}, whose \
                                 log was no worse than its own; {vote}",
                                call.from.server
                            ),
                            [call],
                        ));
                    }
                }
                _ => {}
            }
        }
    }
    if found.is_empty() {
        return None;
    }
    let refusals = found.len();
    found.sort_by_key(|evidence| evidence.at);
    found.truncate(3);
    Some(Finding {
        id: "vote-refused-without-reason".to_owned(),
        confidence: Confidence::Certain,
        what: format!(
            "servers that were free to vote refused their votes ({})",
            count(refusals, "time")
        ),
        evidence: found,
        rule: "if votedFor is null or candidateId, and candidate's log is at least as up-to-date as \
               receiver's log, grant vote (Figure 2, RequestVote, 2; §5.2, §5.4.1)"
            .to_owned(),
        look: if has_voted_before {
            "whether votedFor is cleared when the term goes up, and whether logs that are equal count \
             as up to date"
        } else {
            "whether logs that are equal, empty ones too, count as up to date (>= and not >)"
        }
        .to_owned(),
        normal: None,
    })
}

/// Row 7: leaders are elected, and replaced before they are noticed.
fn leader_replaced_at_once(case: &Case<'_>) -> Option<Finding> {
    let story = case.story;
    let voters = voters(case);
    let mut reigns = Vec::new();
    for &server in voters.keys() {
        let views = &story.views[server];
        for (view, next) in views.iter().zip(views.iter().skip(1)) {
            if view.is_leader && case.window.contains(view.moment.at) {
                reigns.push((view.moment.at, server, view.term, next.moment.at));
            }
        }
    }
    reigns.sort();
    if reigns.len() < 2 {
        return None;
    }
    let mut found = Vec::new();
    for &(from, server, term, until) in reigns.iter().take(2) {
        let deposed = voters.iter().flat_map(|(&by, elections)| {
            let within = |election: &&Election| election.term > term && election.at >= from;
            elections.iter().find(within).map(|election| (election.at, by, election.term))
        });
        let Some((at, by, next)) = deposed.min() else { continue };
        let heard = story.handled[by]
            .iter()
            .rev()
            .map(|&place| &story.calls[place])
            .find(|call| call.is_followed() && call.handled.is_some_and(|handled| handled.at <= at))
            .and_then(|call| call.handled);
        let silence = match heard {
            Some(heard) => {
                format!("{} after it had last heard a leader", seconds(at.since(heard.at)))
            }
            None => "having heard no leader at all".to_owned(),
        };
        found.push(evidence(
            from,
            format!(
                "server {server} led term {term} for {}; server {by} stood in term {next}, {silence}",
                seconds(until.since(from))
            ),
            [],
        ));
    }
    (!found.is_empty()).then(|| Finding {
        id: "leader-replaced-at-once".to_owned(),
        confidence: Confidence::Likely,
        what: format!(
            "leaders are elected and replaced before anybody notices ({} in the failing check)",
            count(reigns.len(), "leader")
        ),
        evidence: found,
        rule: "upon election: send initial empty AppendEntries to each server, and repeat; the \
               election timeout is several heartbeats long (Figure 2, Leaders; §5.6)"
            .to_owned(),
        look:
            "whether a new leader sends at once, and the heartbeat's interval beside the election \
               timeout"
                .to_owned(),
        normal: Some("a leader stays until the test cuts it off".to_owned()),
    })
}

/// Row 6: several candidates stand at the same time, again and again.
fn votes_split(case: &Case<'_>) -> Option<Finding> {
    let voters = voters(case);
    let mut rounds: BTreeMap<u64, Vec<(Time, usize)>> = BTreeMap::new();
    let mut gaps: Vec<Duration> = Vec::new();
    for (&server, elections) in &voters {
        for election in elections.iter().filter(|election| case.window.contains(election.at)) {
            rounds.entry(election.term).or_default().push((election.at, server));
        }
        let pairs = elections.iter().zip(elections.iter().skip(1));
        gaps.extend(pairs.map(|(one, next)| next.at.since(one.at)));
    }
    let split: Vec<_> = rounds
        .iter_mut()
        .filter_map(|(term, candidates)| {
            candidates.sort();
            let (first, last) = (candidates.first()?.0, candidates.last()?.0);
            (candidates.len() >= 2 && last.since(first) <= SAME_TIME).then_some((term, candidates))
        })
        .collect();
    if split.len() < 3 {
        return None;
    }
    let mut found: Vec<Evidence> = split
        .iter()
        .take(2)
        .map(|(term, candidates)| {
            let (at, _) = candidates[0];
            let who = list(candidates.iter().map(|(_, server)| format!("server {server}")));
            let span = candidates[candidates.len() - 1].0.since(at);
            let text =
                format!("{who} stood in term {term} within {:.1} ms", span.as_secs_f64() * 1e3);
            evidence(at, text, [])
        })
        .collect();
    let (min, max) = (gaps.iter().min(), gaps.iter().max());
    if let (Some(min), Some(max)) = (min, max) {
        let text = format!(
            "{} of {} elections of the failing check were split like that; a server waited {} to {} \
             for its next election",
            split.len(),
            rounds.len(),
            seconds(*min),
            seconds(*max)
        );
        found.push(evidence(case.window.until, text, []));
    }
    Some(Finding {
        id: "votes-split".to_owned(),
        confidence: Confidence::Likely,
        what: "several candidates stand at the same time, again and again, and split the votes"
            .to_owned(),
        evidence: found,
        rule:
            "election timeouts are chosen randomly, anew each time, from an interval that is wide \
               beside the time an election takes (§5.2, §9.3)"
                .to_owned(),
        look: "where the election timeout is drawn: once for all, from a narrow range, or as a \
               constant"
            .to_owned(),
        normal: Some(NORMAL.to_owned()),
    })
}

/// What looks like the cause, and isn't.
pub(super) fn not_the_cause(case: &Case<'_>) -> Vec<String> {
    let story = case.story;
    let mut notes = Vec::new();
    for server in 0..story.servers {
        notes.extend(late_returns(case, server));
        let last = story.views[server].last();
        if let Some(view) = last.filter(|view| view.is_leader)
            && !case.window.up.contains(&server)
            && story.is_alive(server, story.end)
        {
            notes.push(format!(
                "server {server} still says that it leads term {}: it is cut off and can't know \
                 better, and no check asks it",
                view.term
            ));
        }
    }
    notes
}

/// A leader that has stepped down still sees calls return that it had sent as leader.
fn late_returns(case: &Case<'_>, server: usize) -> Option<String> {
    let story = case.story;
    let views = &story.views[server];
    let (led, down) = views.iter().zip(views.iter().skip(1)).rfind(|(led, _)| led.is_leader)?;
    if down.is_leader || led.incarnation != down.incarnation {
        return None;
    }
    let own = story.sent[server].iter().map(|&place| &story.calls[place]);
    let leaders: Vec<&Call> =
        own.filter(|call| call.is_leaders() && call.from.incarnation == down.incarnation).collect();
    let since = leaders.iter().filter(|call| call.sent.at > down.moment.at).count();
    let late: Vec<(Time, Time)> = leaders
        .iter()
        .filter(|call| call.sent.at <= down.moment.at)
        .filter_map(|call| Some((call.sent.at, call.returned?.0.at)))
        .filter(|(_, returned)| *returned > down.moment.at)
        .collect();
    let (first_sent, last_sent) =
        (late.iter().map(|late| late.0).min()?, late.iter().map(|late| late.0).max()?);
    let (first, last) =
        (late.iter().map(|late| late.1).min()?, late.iter().map(|late| late.1).max()?);
    (since == 0 && late.len() >= 2).then(|| {
        format!(
            "server {server} led term {} and stepped down at {} s; it has sent no AppendEntries \
             since. The {} calls that returned to it between {first} and {last} s had been sent \
             between {first_sent} and {last_sent} s, while it led",
            led.term,
            down.moment.at,
            late.len()
        )
    })
}
