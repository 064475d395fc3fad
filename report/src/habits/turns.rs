//! Calls one after the other: a server that sends nothing to one, or to all, while a call is outstanding.

use std::collections::BTreeSet;
use std::time::Duration;

use super::replication::{FEW, appends};
use super::{leads, seconds, up};
use crate::event::Time;
use crate::explain::Case;
use crate::spec::Breach;
use crate::spec::rules::leaders;
use crate::story::{Call, Purpose, Story};
use crate::text::count;

/// Nothing was sent to a server while a call to it was outstanding for long.
pub(super) fn one_call(case: &Case<'_>) -> Option<Breach> {
    let (story, until) = (case.story, case.window.until);
    let mut found: Vec<(&Call, Time)> = Vec::new();
    for leader in up(&case.window) {
        let Some(led) = leads(story, leader as usize, until) else { continue };
        for server in up(&case.window).filter(|&server| server != leader) {
            let all: Vec<&Call> = appends(story, leader, server, led.term).collect();
            let overlaps = all.windows(2).any(|pair| pair[0].is_outstanding(pair[1].sent.at));
            let longest = all
                .iter()
                .map(|call| (*call, call.returned.map_or(until, |(at, _)| at.at.min(until))))
                .filter(|(call, end)| {
                    case.window.contains(*end) && end.since(call.sent.at) > STALLED
                })
                .max_by_key(|(call, end)| end.since(call.sent.at));
            if !overlaps && all.len() >= FEW {
                found.extend(longest);
            }
        }
    }
    let (call, end) = found.into_iter().max_by_key(|(call, end)| end.since(call.sent.at))?;
    let (leader, server) = (call.from.server, call.to);
    let what = sends_nothing_meanwhile(leader);
    let text = format!(
        "server {leader} sent server {server} {}, and nothing more for {} while that call was outstanding; it \
         never had two calls to that server outstanding at the same time",
        call.method,
        seconds(end.since(call.sent.at))
    );
    Some(case.breach(&leaders::ONE_CALL, leader, what).seen(call.sent.at, text, [call.id]))
}

/// What a server does that has one call to each server at a time.
pub(super) fn sends_nothing_meanwhile(server: u32) -> String {
    format!(
        "server {server} sends a server nothing while an earlier call to that server is outstanding"
    )
}

/// How long a call must have kept the others waiting: several heartbeat intervals.
const STALLED: Duration = Duration::from_millis(350);

/// How soon after it the next server's turn comes.
const SOON: Duration = Duration::from_millis(20);

/// How often the next server's turn must have come.
const TURNS: usize = 2;

/// A call during which its caller sent nothing, and what it sent next.
struct Stalled<'a> {
    call: &'a Call,
    until: Time,
    next: Option<&'a Call>,
}

/// A server sends nothing to others for as long as one call of its is outstanding.
pub(super) fn in_turn(case: &Case<'_>) -> Option<Breach> {
    let servers = case.window.up.iter();
    let all =
        servers.map(|&server| stalled(case, server)).filter(|stalled| is_proof(case, stalled));
    let stalled = all.max_by_key(|stalled| stalled.len())?;
    let &Stalled { call, until, next } = stalled.iter().max_by_key(|stalled| {
        (stalled.next.is_some(), stalled.until.since(stalled.call.sent.at))
    })?;
    let server = call.from.server;
    let what = format!(
        "server {server} waits for one call to return before it sends the next (seen {})",
        count(stalled.len(), "time")
    );
    let text = format!(
        "server {server} sent {} to server {}; while that call was outstanding, it sent no other call of that \
         kind to any server, for {}{}",
        call.method,
        call.to,
        seconds(until.since(call.sent.at)),
        if next.is_some() { "" } else { ", until the call ended" }
    );
    let breach = case.breach(&leaders::IN_TURN, server, what).seen(call.sent.at, text, [call.id]);
    Some(match next {
        Some(next) => {
            let text = format!("right after that, it sent {} to server {}", next.method, next.to);
            breach.seen(next.sent.at, text, [next.id])
        }
        None => breach,
    })
}

/// Whether it is no coincidence: it happened before, or the server never has two calls under way.
fn is_proof(case: &Case<'_>, stalled: &[Stalled<'_>]) -> bool {
    let next = stalled.iter().filter(|stalled| stalled.next.is_some()).count();
    next >= TURNS || stalled.iter().any(|stalled| goes_in_turn(case, stalled.call))
}

/// Whether a server sent what it had to send one after the other: as a leader always, and as a
/// candidate so that it never came to ask everybody.
fn goes_in_turn(case: &Case<'_>, call: &Call) -> bool {
    let sent = case.story.sent_by(call.from.server as usize);
    let sent = sent.filter(|other| is_same_role(other, call) && other.sent <= call.sent);
    let sent: Vec<&Call> = sent.collect();
    let in_turn = sent
        .windows(2)
        .all(|pair| pair[0].returned.is_some_and(|(returned, _)| returned < pair[1].sent));
    let to: BTreeSet<u32> = sent.iter().map(|other| other.to).collect();
    let is_enough = match call.purpose {
        Purpose::Vote => to.len() < case.story.servers - 1,
        _ => to.len() >= 2 && sent.len() >= FEW,
    };
    in_turn && is_enough
}

/// The calls of a server within the window during which it sent nothing more of the kind: as a leader,
/// or as the candidate of the same term.
fn stalled<'a>(case: &Case<'a>, server: usize) -> Vec<Stalled<'a>> {
    let (story, from) = (case.story, case.window.from);
    let sent: Vec<&Call> = story
        .sent_by(server)
        .filter(|call| call.is_leaders() || call.is_vote())
        .filter(|call| call.sent.at <= case.window.until)
        .collect();
    let stalled = sent.iter().enumerate().filter_map(|(place, &call)| {
        let returned = call.returned.map_or(case.window.until, |(returned, _)| returned.at);
        let mut lives = story.lives[server].iter();
        let life = lives.find(|life| life.incarnation == call.from.incarnation);
        let crashed = life.and_then(|life| life.until).map_or(returned, |until| until.at);
        let until = returned.min(crashed).min(case.window.until);
        if until.since(call.sent.at) < STALLED || until < from {
            return None;
        }
        // What comes later was sent for another reason.
        let later = sent[place + 1..].iter().copied();
        let later = later.take_while(|next| next.sent.at.since(until) <= SOON);
        let next = later.into_iter().find(|next| is_same_role(next, call));
        let wanted = match call.purpose {
            Purpose::Vote => stands(story, call, until),
            _ => led(story, server, call.sent.at, until),
        };
        if wanted < STALLED || next.is_some_and(|next| next.sent.at < until) {
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
    let moved = story.views_since(server, call.sent).take_while(|view| view.moment.at < until);
    let moved = moved.filter(|view| Some(view.term) > call.args.term).map(|view| view.moment.at);
    let answered = story.handled_since(server, call.sent);
    let answered = answered.take_while(|(handled, _)| handled.at < until);
    let answered = answered.filter(|(_, other)| other.reply.term > call.args.term);
    let answered = answered.map(|(handled, _)| handled.at);
    let left = moved.take(1).chain(answered.take(1)).min();
    left.unwrap_or(until).min(until).since(call.sent.at)
}

/// For how long a server was seen to lead between `from` and `until`.
fn led(story: &Story, server: usize, from: Time, until: Time) -> Duration {
    let reigns = story.lasting_views(server).filter(|(view, _)| view.is_leader);
    reigns.map(|(view, ended)| ended.min(until).since(view.moment.at.max(from))).sum()
}
