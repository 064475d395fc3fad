//! Servers that talk to one other at a time: who can't be reached keeps them from all others.

use std::time::Duration;

use super::finding::{Confidence, Finding};
use super::{Case, evidence};
use crate::event::Time;
use crate::story::{Call, Purpose};

/// How long a call must have kept the others waiting: several heartbeat intervals.
const LONG: Duration = Duration::from_millis(700);

/// How soon after it the next server's turn comes.
const SOON: Duration = Duration::from_millis(20);

/// How often that must have been, or have lasted until the failure.
const FEW: usize = 2;

/// A call during which its caller sent nothing, and what it sent next.
struct Stalled<'a> {
    call: &'a Call,
    until: Time,
    next: Option<&'a Call>,
}

/// A server sends nothing to others for as long as one call of its is outstanding.
pub(super) fn sends_in_turn(case: &Case<'_>) -> Option<Finding> {
    let servers = case.window.up.iter();
    let all = servers.map(|&server| stalled(case, server)).filter(|stalled| is_proof(stalled));
    let stalled = all.max_by_key(|stalled| stalled.len())?;
    let &Stalled { call, until, next } = stalled.iter().max_by_key(|stalled| {
        (stalled.next.is_some(), stalled.until.since(stalled.call.sent.at))
    })?;
    let server = call.from.server;
    let lasted = until.since(call.sent.at).as_secs_f64();
    let mut proof = vec![evidence(
        call.sent.at,
        format!(
            "server {server} sent {} to server {}, and nothing to anybody for the {lasted:.2} s \
             until that call {}",
            call.method,
            call.to,
            if next.is_some() { "returned" } else { "was overtaken by the failure" }
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

fn is_proof(stalled: &[Stalled<'_>]) -> bool {
    let next = stalled.iter().filter(|stalled| stalled.next.is_some()).count();
    next >= FEW || (next >= 1 && stalled.len() > next)
}

/// The calls of a server within the window during which it sent nothing, though others were to be sent
/// something: a leader's followers, or whom a candidate hasn't asked.
fn stalled<'a>(case: &Case<'a>, server: usize) -> Vec<Stalled<'a>> {
    let story = case.story;
    let sent: Vec<&Call> =
        story.sent_by(server).filter(|call| call.purpose != Purpose::Other).collect();
    let pairs = sent.iter().enumerate().map(|(place, &call)| (call, sent.get(place + 1).copied()));
    let within = pairs.filter(|(call, _)| call.sent.at <= case.window.until);
    let stalled = within.filter_map(|(call, next)| {
        let next = next.filter(|next| next.from == call.from);
        let returned = call.returned.map(|(returned, _)| returned.at);
        let until = returned.unwrap_or(case.window.until).min(case.window.until);
        let is_silent = next.is_none_or(|next| next.sent.at >= until);
        let is_within = until >= case.window.from && until.since(call.sent.at) >= LONG;
        let acts = |at: Time| {
            story.lives[server]
                .iter()
                .any(|life| life.incarnation == call.from.incarnation && life.covers(at))
        };
        if !is_silent || !is_within || !acts(until) {
            return None;
        }
        let soon = next.filter(|next| {
            next.sent.at.since(until) <= SOON
                && next.purpose == call.purpose
                && next.args.term == call.args.term
        });
        let goes_on = soon.is_some_and(|next| next.to != call.to);
        let lasts = returned.is_none() && until == case.window.until;
        (goes_on || lasts).then_some(Stalled { call, until, next: soon })
    });
    stalled.collect()
}
