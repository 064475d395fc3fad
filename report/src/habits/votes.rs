//! Candidates that had the votes and did not lead: they waited for all, gave up, or took no notice.

use std::collections::{BTreeMap, BTreeSet};

use super::elections::{requests, voters};
use super::{COUNTED, after, ids, seconds};
use crate::event::Time;
use crate::explain::Case;
use crate::outcome::Outcome;
use crate::spec::rules::{candidates, contract, request_vote};
use crate::spec::{Breach, Rule};
use crate::story::{Call, Election, Story};
use crate::text::{count, list};

/// A candidate that had a majority of the votes and did not lead.
struct Cheated<'a> {
    election: &'a Election,
    /// When it had them.
    at: Time,
    voters: Vec<u32>,
    /// Its requests that were outstanding then, and for most of the time that followed.
    outstanding: Vec<&'a Call>,
    /// Until when it had not led.
    until: Time,
    /// Whether it started another election while some were still outstanding: it didn't wait for them.
    went_on: bool,
    /// Its request that was refused, or failed, before.
    refused: Option<&'a Call>,
}

fn cheated<'a>(
    case: &Case<'a>,
    voters: &'a BTreeMap<usize, Vec<Election>>,
) -> impl Iterator<Item = Cheated<'a>> {
    let (story, until) = (case.story, case.window.until);
    voters.iter().flat_map(move |(&server, elections)| {
        elections.iter().filter_map(move |election| {
            let mut arrived: Vec<(Time, u32)> = requests(story, election)
                .filter(|call| call.is_granted())
                .filter_map(|call| Some((call.replied()?, call.to)))
                .filter(|&(at, _)| at <= until)
                .collect();
            arrived.sort();
            // Each server has one vote, however often its reply comes; the candidate's own is one of them.
            let mut counted = BTreeSet::from([server as u32]);
            arrived.retain(|&(_, voter)| counted.insert(voter));
            let at = arrived.get(story.majority().checked_sub(2)?)?.0;
            let term = election.term;
            let views = &story.views[server];
            // Who has moved on to another term needs the votes no more.
            let moved_on = views.iter().find(|view| view.term > term);
            let moved_on = moved_on.map_or(until, |view| view.moment.at.min(until));
            // A server that asks about the next term has given up this election.
            let mut asks_anew = story.sent_by(server).filter(|call| {
                call.sent.at > election.at && call.args.term > Some(term) && call.is_pre_vote()
            });
            let moved_on = asks_anew.next().map_or(moved_on, |call| call.sent.at.min(moved_on));
            let told = views.iter().find(|view| view.is_leader && view.term == term);
            let acts = first_act(story, election);
            let leads = [told.map(|view| view.moment.at), acts.map(|call| call.sent.at)];
            let led_at = leads.into_iter().flatten().min().unwrap_or(moved_on).min(moved_on);
            let middle = after(at, led_at.since(at) / 2);
            let next = elections.iter().find(|next| next.at > election.at).map(|next| next.at);
            let all = || requests(story, election);
            let refused = all().find(|call| {
                let refused = call.is_denied() && call.reply.term <= Some(term);
                let Some((returned, outcome)) = call.returned else { return false };
                returned.at <= at && (outcome != Outcome::Replied || refused)
            });
            (led_at.since(at) > COUNTED && led_at >= case.window.from).then(|| Cheated {
                election,
                at,
                voters: arrived.iter().map(|&(_, voter)| voter).collect(),
                outstanding: all()
                    .filter(|call| call.is_outstanding(at) && call.is_outstanding(middle))
                    .collect(),
                until: led_at,
                went_on: next.is_some_and(|next| all().any(|call| call.is_outstanding(next))),
                refused,
            })
        })
    })
}

/// That a candidate had its votes and did not lead.
fn had_votes(case: &Case<'_>, rule: &'static Rule, cheated: &Cheated<'_>, what: &str) -> Breach {
    let server = cheated.election.candidate.server;
    with_votes(case, case.breach(rule, server, format!("server {server} {what}")), cheated)
}

/// The same breach, with the votes that the candidate had.
fn with_votes(case: &Case<'_>, breach: Breach, cheated: &Cheated<'_>) -> Breach {
    let Cheated { election, at, voters, until, .. } = cheated;
    let server = election.candidate.server;
    let asked = format!("server {server} asked for votes in term {}", election.term);
    let text = format!(
        "it had its own vote and {}: {} of {} votes, a majority; but it did not lead for the {} that followed",
        list(voters.iter().map(|voter| format!("server {voter}'s"))),
        voters.len() + 1,
        case.story.servers,
        seconds(until.since(*at))
    );
    breach.seen(election.at, asked, None).seen(*at, text, ids(requests(case.story, election)))
}

/// A candidate has the votes, and looks at them only when all replies are in.
pub(super) fn waits_for_all(case: &Case<'_>) -> Option<Breach> {
    let voters = voters(case);
    let all: Vec<Cheated<'_>> = cheated(case, &voters).collect();
    // Who went on once without the other replies doesn't wait for them.
    let goes_on = |server: u32| {
        let mut own = all.iter().filter(|it| it.election.candidate.server == server);
        own.any(|it| it.outstanding.is_empty() || it.went_on)
    };
    let found = all.iter().filter(|it| !goes_on(it.election.candidate.server));
    let longest = found.max_by_key(|cheated| cheated.until.since(cheated.at))?;
    let what = "had a majority of the votes, but didn't lead while other replies were outstanding";
    let who = longest.outstanding.iter().map(|call| format!("server {}", call.to));
    let text = format!("still outstanding then: the requests to {}", list(who));
    let outstanding = ids(longest.outstanding.iter().copied());
    let breach = had_votes(case, &candidates::WAITS_FOR_ALL, longest, what);
    Some(breach.seen(longest.at, text, outstanding))
}

/// How often a candidate must have given up.
const FEW: usize = 2;

/// A candidate has given up before the votes came that would have made it the leader: because of a refusal,
/// or so soon that no vote can come in time.
pub(super) fn gives_up(case: &Case<'_>) -> Option<Breach> {
    let story = case.story;
    let voters = voters(case);
    let all: Vec<Cheated<'_>> = cheated(case, &voters).collect();
    let refused: Vec<&Cheated<'_>> = all.iter().filter(|it| it.refused.is_some()).collect();
    if refused.len() == all.len()
        && let Some((it, call)) = refused.last().and_then(|it| Some((it, it.refused?)))
        && won_despite_refusal(story, &voters).is_none()
    {
        let (returned, outcome) = call.returned?;
        let (what, text) = match outcome {
            Outcome::Replied => (
                "had a majority of the votes, but had given up after a refusal",
                format!("before that server {} refused its vote", call.to),
            ),
            outcome => (
                "had a majority of the votes, but had given up after a failed call",
                format!("before that its request to server {} had failed: {outcome}", call.to),
            ),
        };
        let breach = had_votes(case, &candidates::GIVES_UP, it, what);
        return Some(breach.seen(returned.at, text, [call.id]));
    }
    // All those that it had came late.
    let is_late = |it: &&Cheated<'_>| it.at.since(it.election.at) > COUNTED;
    if let Some(it) = all.last().filter(|_| all.len() >= FEW && all.iter().all(|it| is_late(&it))) {
        let what = "had a majority of the votes, but had given up before they arrived";
        let text = format!(
            "the deciding vote took {} to arrive; this happened in {}",
            seconds(it.at.since(it.election.at)),
            count(all.len(), "election")
        );
        return Some(had_votes(case, &candidates::GIVES_UP, it, what).seen(it.at, text, None));
    }
    // It stands again, in another term, before the votes are there.
    let mut early = Vec::new();
    for elections in voters.values() {
        for (one, next) in elections.iter().zip(elections.iter().skip(1)) {
            let within = case.window.contains(next.at);
            let granted = |call: &&Call| call.is_granted();
            let later = requests(story, one).filter(granted).filter(|call| {
                call.returned
                    .is_some_and(|(at, outcome)| outcome == Outcome::Replied && at.at >= next.at)
            });
            let later: Vec<&Call> = later.collect();
            let soon = requests(story, one).filter(granted).count();
            if within
                && next.at.since(one.at) < COUNTED
                && soon + 1 >= story.majority()
                && !later.is_empty()
            {
                early.push((one, next, later));
            }
        }
    }
    let (one, next, later) = early.last().filter(|_| early.len() >= FEW)?;
    let server = one.candidate.server;
    let what = format!(
        "server {server} started its next election before the votes for the previous one could arrive"
    );
    let breach = case.breach(&candidates::GIVES_UP, server, what);
    let gap = next.at.since(one.at).as_millis();
    let last = later.iter().filter_map(|call| call.replied()).max()?;
    Some(
        breach
            .seen(one.at, format!("server {server} asked for votes in term {}", one.term), None)
            .seen(next.at, format!("it asked for votes in term {}, {gap} ms after that", next.term), None)
            .seen(
                last,
                format!(
                    "in term {}, a majority had voted for it: the last vote arrived only now; this happened in {}",
                    one.term,
                    count(early.len(), "election")
                ),
                ids(later.iter().copied()),
            ),
    )
}

/// An election that was won though a request had been refused, or had failed, before.
fn won_despite_refusal<'a>(
    story: &Story,
    voters: &'a BTreeMap<usize, Vec<Election>>,
) -> Option<&'a Election> {
    voters.values().flatten().find(|election| {
        first_act(story, election).is_some_and(|led| {
            requests(story, election).any(|call| {
                let is_vote = call.is_granted();
                !is_vote && call.returned.is_some_and(|(at, _)| at.at <= led.sent.at)
            })
        })
    })
}

/// A vote came back, and the candidate had stopped waiting for it.
pub(super) fn vote_not_taken(case: &Case<'_>) -> Option<Breach> {
    let voters = voters(case);
    let story = case.story;
    let mut lost = Vec::new();
    for election in voters.values().flatten().filter(|election| case.window.contains(election.at)) {
        let votes: BTreeSet<u32> = requests(story, election)
            .filter(|call| call.is_granted())
            .map(|call| call.to)
            .collect();
        let dropped =
            requests(story, election).filter(|call| call.is_granted() && call.dropped.is_some());
        let dropped: Vec<&Call> = dropped.collect();
        let taken = votes.len() - dropped.len().min(votes.len());
        if votes.len() + 1 >= story.majority() && taken + 1 < story.majority() {
            lost.push((election, dropped));
        }
    }
    let (election, dropped) = lost.last()?;
    let server = election.candidate.server;
    let call = dropped.first()?;
    let what = format!("server {server} stopped waiting for votes that it was given");
    Some(not_taken(case, server, call, what, lost.len()))
}

/// How many calls of a server must have been dropped.
const MANY: usize = 4;

/// A server takes hardly any reply, whatever the calls are for.
pub(super) fn none_taken(case: &Case<'_>) -> Option<Breach> {
    let (story, until) = (case.story, case.window.until);
    case.window.up.iter().find_map(|&server| {
        let came = story.sent_by(server).filter(|call| {
            case.window.contains(call.sent.at)
                && call.is_handled_until(until)
                && !call.is_lost()
                && !call.is_answered_emptily()
        });
        let came: Vec<&Call> = came.collect();
        let dropped: Vec<&Call> =
            came.iter().copied().filter(|call| call.dropped.is_some()).collect();
        let last = dropped
            .last()
            .filter(|_| dropped.len() >= MANY && dropped.len() * 10 >= came.len() * 9)?;
        let what = format!("server {server} drops its calls before their replies arrive");
        Some(not_taken(case, last.from.server, last, what, dropped.len()))
    })
}

/// A reply that its caller had stopped waiting for.
pub(super) fn not_taken(
    case: &Case<'_>,
    server: u32,
    call: &Call,
    what: String,
    count_of: usize,
) -> Breach {
    let dropped = call.dropped.map_or(call.sent.at, |dropped| dropped.at);
    let waited = dropped.since(call.sent.at).as_millis();
    let sent = format!("server {server} sent {} to server {}", call.method, call.to);
    let gone = format!(
        "it waited for {waited} ms and then dropped the call; this happened {} in the failing check",
        count(count_of, "time")
    );
    let breach = case
        .breach(&contract::REPLY_NOT_TAKEN, server, what)
        .seen(call.sent.at, sent, [call.id])
        .seen(dropped, gone, [call.id]);
    match call.handled {
        Some(handled) if handled.at >= dropped => {
            let text = format!("server {} answered it", call.to);
            breach.seen(handled.at, text, [call.id])
        }
        _ => breach,
    }
}

/// A candidate has the votes, and doesn't know it.
pub(super) fn not_recognised(case: &Case<'_>) -> Option<Breach> {
    let voters = voters(case);
    let goes_on = |cheated: &Cheated<'_>| cheated.outstanding.is_empty() || cheated.went_on;
    let last = cheated(case, &voters).filter(goes_on).last()?;
    let what = "had a majority of the votes, but never led";
    let by_replies = of_former_term(case, &voters, &last);
    Some(by_replies.unwrap_or_else(|| had_votes(case, &candidates::LEADS, &last, what)))
}

/// A candidate has the votes, but came to them by replies of an earlier term, which nobody has led by.
fn of_former_term(
    case: &Case<'_>,
    voters: &BTreeMap<usize, Vec<Election>>,
    last: &Cheated<'_>,
) -> Option<Breach> {
    let story = case.story;
    let former = former_votes(story, last.election);
    let of_present = last.voters.len().saturating_sub(former.len());
    let are_taken = voters.values().flatten().any(|election| {
        first_act(story, election).is_some() && !former_votes(story, election).is_empty()
    });
    if of_present + 1 >= story.majority() || are_taken {
        return None;
    }
    let first = former.first()?;
    let (voter, term) = (first.to, last.election.term);
    let what = format!("server {voter} votes in term {term}, but its reply has an earlier term");
    let text = format!(
        "server {voter}'s reply with its vote in term {term} has term {}; a candidate drops a reply of another \
         term",
        first.reply.term?
    );
    let breach = with_votes(case, case.breach(&request_vote::FORMER_REPLY, voter, what), last);
    Some(breach.seen(first.replied()?, text, ids(former)))
}

/// What a candidate sent first as the leader of its election's term.
fn first_act<'a>(story: &'a Story, election: &Election) -> Option<&'a Call> {
    let mut sent = story.sent_by(election.candidate.server as usize);
    sent.find(|call| call.is_leaders() && call.args.term == Some(election.term))
}

/// The votes for an election that came with an earlier term than it has.
fn former_votes<'a>(story: &'a Story, election: &'a Election) -> Vec<&'a Call> {
    let is_former = |call: &&Call| call.reply.term.is_some_and(|term| Some(term) < call.args.term);
    requests(story, election).filter(|call| call.is_granted()).filter(is_former).collect()
}
