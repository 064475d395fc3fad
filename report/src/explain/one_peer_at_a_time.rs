//! Servers that talk to one other at a time: who can't be reached keeps them from all others.

use std::collections::BTreeSet;
use std::time::Duration;

use super::finding::{Confidence, Finding};
use super::{Case, evidence};
use crate::event::Time;
use crate::story::{Call, Purpose, Story};

/// How long a call must have kept the others waiting: several heartbeat intervals.
const LONG: Duration = Duration::from_millis(350);

/// How soon after it the next server's turn comes.
const SOON: Duration = Duration::from_millis(20);

/// How often the next server's turn must have come.
const FEW: usize = 2;

/// How many calls of a leader's that never overlap are no coincidence.
const MANY: usize = 4;

/// A call during which its caller sent nothing, and what it sent next.
struct Stalled<'a> {
    call: &'a Call,
    until: Time,
    next: Option<&'a Call>,
}

/// A server sends nothing to others for as long as one call of its is outstanding.
pub(super) fn sends_in_turn(case: &Case<'_>) -> Option<Finding> {
    let servers = case.window.up.iter();
    let all =
        servers.map(|&server| stalled(case, server)).filter(|stalled| is_proof(case, stalled));
    let stalled = all.max_by_key(|stalled| stalled.len())?;
    let &Stalled { call, until, next } = stalled.iter().max_by_key(|stalled| {
        (stalled.next.is_some(), stalled.until.since(stalled.call.sent.at))
    })?;
    let server = call.from.server;
    let lasted = until.since(call.sent.at).as_secs_f64();
    let mut proof = vec![evidence(
        call.sent.at,
        format!(
            "server {server} sent {} to server {}, and as long as that call was outstanding \
             nothing more of the kind to anybody, for {lasted:.2} s{}",
            call.method,
            call.to,
            if next.is_some() { "" } else { ": until it ended" }
        ),
        [call.id],
    )];
    if let Some(next) = next {
        let text = format!("at once it sent {} to server {}", next.method, next.to);
        proof.push(evidence(next.sent.at, text, [next.id]));
    }
    Some(Finding {
        id: "sends-in-turn".to_owned(),
        confidence: Confidence::Likely,
        what: format!(
            "server {server} sends nothing while a call of its is outstanding ({})",
            crate::text::count(stalled.len(), "time")
        ),
        evidence: proof,
        rule: "a server issues its requests in parallel (§5.1, last paragraph; §5.3); in this \
               network a call to a server that can't be reached takes up to 7 s to fail"
            .to_owned(),
        look: "a loop that waits for each reply before it sends the next request, and a lock that \
               is held across a call: each call belongs in a task of its own"
            .to_owned(),
        normal: Some("each follower hears from its leader ten times a second".to_owned()),
    })
}

/// Whether it is no coincidence: it happened before, or the server never has two calls under way.
fn is_proof(case: &Case<'_>, stalled: &[Stalled<'_>]) -> bool {
    let next = stalled.iter().filter(|stalled| stalled.next.is_some()).count();
    next >= FEW || stalled.iter().any(|stalled| goes_in_turn(case, stalled.call))
}

/// Whether a server sent what it had to send one after the other: as a leader always, and as a
/// candidate so that it never came to ask everybody.
fn goes_in_turn(case: &Case<'_>, call: &Call) -> bool {
    let sent = case
        .story
        .sent_by(call.from.server as usize)
        .filter(|other| is_same_role(other, call) && other.sent <= call.sent);
    let sent: Vec<&Call> = sent.collect();
    let in_turn = sent
        .windows(2)
        .all(|pair| pair[0].returned.is_some_and(|(returned, _)| returned < pair[1].sent));
    let to: BTreeSet<u32> = sent.iter().map(|other| other.to).collect();
    let others = case.story.servers - 1;
    let is_enough = match call.purpose {
        Purpose::Vote => to.len() < others,
        _ => to.len() >= 2 && sent.len() >= MANY,
    };
    in_turn && is_enough
}

/// The calls of a server within the window during which it sent nothing more of the kind: as a leader,
/// or as the candidate of the same term.
fn stalled<'a>(case: &Case<'a>, server: usize) -> Vec<Stalled<'a>> {
    let (story, from) = (case.story, case.window.from);
    let sent: Vec<&Call> = story
        .sent_by(server)
        .filter(|call| call.is_leaders() || call.purpose == Purpose::Vote)
        .filter(|call| call.sent.at <= case.window.until)
        .collect();
    let stalled = sent.iter().enumerate().filter_map(|(place, &call)| {
        let returned = call.returned.map_or(case.window.until, |(returned, _)| returned.at);
        let mut lives = story.lives[server].iter();
        let life = lives.find(|life| life.incarnation == call.from.incarnation);
        let crashed = life.and_then(|life| life.until).map_or(returned, |until| until.at);
        let until = returned.min(crashed).min(case.window.until);
        if until.since(call.sent.at) < LONG || until < from {
            return None;
        }
        let next = sent[place + 1..].iter().copied().find(|next| is_same_role(next, call));
        let wanted = match call.purpose {
            Purpose::Vote => stands(story, call, until),
            _ => led(story, server, call.sent.at, until),
        };
        if wanted < LONG || next.is_some_and(|next| next.sent.at < until) {
            return None;
        }
        let next = next.filter(|next| next.sent.at.since(until) <= SOON && next.to != call.to);
        Some(Stalled { call, until, next })
    });
    stalled.collect()
}

/// Whether a server sent both in the same life, and as a leader, or as the candidate of one term.
fn is_same_role(one: &Call, other: &Call) -> bool {
    one.from == other.from
        && one.is_leaders() == other.is_leaders()
        && (one.is_leaders() || one.args.term == other.args.term)
}

/// For how long the sender of `call` stood in its term, until `until` at most.
fn stands(story: &Story, call: &Call, until: Time) -> Duration {
    let server = call.from.server as usize;
    let views = story.views[server].iter();
    let moved = views.filter(|view| view.moment > call.sent && Some(view.term) > call.args.term);
    let answered = story
        .handled_by(server)
        .filter(|other| other.handled > Some(call.sent) && other.reply.term > call.args.term);
    let answered = answered.filter_map(|other| other.handled).map(|handled| handled.at);
    let left = moved.map(|view| view.moment.at).chain(answered).min();
    left.unwrap_or(until).min(until).since(call.sent.at)
}

/// For how long a server was seen to lead between `from` and `until`.
fn led(story: &Story, server: usize, from: Time, until: Time) -> Duration {
    let reigns = story.lasting_views(server).filter(|(view, _)| view.is_leader);
    reigns.map(|(view, ended)| ended.min(until).since(view.moment.at.max(from))).sum()
}
