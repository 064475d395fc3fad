//! Elections that nobody needs: `servers disagree on term`, `term changed too often`.

use super::finding::{Confidence, Evidence, Finding};
use super::{Case, Cause, commands, evidence, referee};
use crate::event::Time;
use crate::story::{Call, Election, Purpose, Story};

pub(super) const CAUSES: &[Cause] = &[referee::broken_rule, election_despite_leader];

/// Causes of `server … has lost its leadership … though nothing failed`.
pub(super) const LOST: &[Cause] =
    &[referee::broken_rule, election_despite_leader, heartbeats_too_seldom];

pub(super) const TOO_OFTEN: &[Cause] = commands::CAUSES;

/// No election timeout of the lab's is as short: heartbeats come ten times a second.
const SOON: u64 = 150_000;

/// A server that hears of its leader stands for election all the same.
pub(super) fn election_despite_leader(case: &Case<'_>) -> Option<Finding> {
    let (story, until) = (case.story, case.window.until);
    let elections = &story.elections;
    let despite: Vec<(&Election, &Call, Time)> = elections
        .iter()
        .filter(|election| election.at <= until)
        .filter_map(|election| {
            let server = election.candidate.server as usize;
            let heard = story.handled_by(server).rev();
            let call = heard
                .filter(|call| call.purpose == Purpose::Append)
                .filter(|call| call.reply.term.is_none_or(|term| Some(term) == call.args.term))
                .find(|call| call.handled.is_some_and(|handled| handled.at <= election.at))?;
            let heard = call.handled?.at;
            let is_soon = election.at.0 - heard.0 < SOON
                && call.args.term.is_some_and(|term| term < election.term)
                && story.lives[server]
                    .iter()
                    .any(|life| life.covers(election.at) && life.covers(heard));
            is_soon.then_some((election, call, heard))
        })
        .collect();
    let &(election, call, heard) = despite.last()?;
    let (server, leader) = (election.candidate.server, call.from.server);
    let after = (election.at.0 - heard.0) / 1000;
    let asked = election.requests.first().map(|&place| story.calls[place].id);
    let mut proof = vec![
        evidence(heard, format!("server {server} answered the leader, server {leader}"), [call.id]),
        evidence(
            election.at,
            format!("{after} ms later it stood for election in term {}", election.term),
            asked,
        ),
    ];
    let (first, _, _) = despite[0];
    proof.extend(first_of(first, despite.len()));
    Some(Finding {
        id: "election-despite-leader".to_owned(),
        confidence: Confidence::Likely,
        what: format!("server {server} stood for election though it heard of its leader"),
        evidence: proof,
        rule: "an election starts if the timeout elapses without AppendEntries from the current \
               leader (Figure 2, Followers 2; §5.2)"
            .to_owned(),
        look: "where the election timer starts anew: with each AppendEntries of the current \
               term, also one without entries; and how long the timeout is, which must be \
               several heartbeats"
            .to_owned(),
        normal: Some("a leader that nothing disturbs leads until the end".to_owned()),
    })
}

/// A server stands for election, and its leader, which is there, has sent it nothing for long.
pub(super) fn heartbeats_too_seldom(case: &Case<'_>) -> Option<Finding> {
    let (story, until) = (case.story, case.window.until);
    let silent: Vec<(&Election, &Call)> = story
        .elections
        .iter()
        .filter(|election| election.at <= until)
        .filter_map(|election| Some((election, heard_before(story, election)?)))
        .filter(|(election, last)| is_silent(story, election, last))
        .collect();
    let &(election, last) = silent.last()?;
    let (server, leader) = (election.candidate.server, last.from.server);
    let gap = (election.at.0 - last.sent.at.0) / 1000;
    let asked = election.requests.first().map(|&place| story.calls[place].id);
    let mut proof = vec![
        evidence(
            last.sent.at,
            format!("server {leader} led, and sent server {server} this"),
            [last.id],
        ),
        evidence(
            election.at,
            format!(
                "{gap} ms later it had sent it nothing more, and server {server} stood for election in \
                 term {}",
                election.term
            ),
            asked,
        ),
    ];
    let (first, _) = silent[0];
    proof.extend(first_of(first, silent.len()));
    Some(Finding {
        id: "heartbeats-too-seldom".to_owned(),
        confidence: Confidence::Likely,
        what: format!("server {leader} led, and was silent for longer than an election timeout"),
        evidence: proof,
        rule: "a leader sends heartbeats during idle periods to prevent election timeouts (Figure 2, \
               Leaders 1; §5.2); the lab allows some ten a second"
            .to_owned(),
        look: "how often a leader sends heartbeats, and what may keep it from that: an election timeout \
               is several intervals long"
            .to_owned(),
        normal: Some("a leader that nothing disturbs leads until the end".to_owned()),
    })
}

/// That an election was the first of several.
fn first_of(election: &Election, count: usize) -> Option<Evidence> {
    let text = format!("the first of {count} elections of that kind");
    (count > 1).then(|| evidence(election.at, text, None))
}

/// What a candidate answered last before an election, if it was a leader's: of the term before.
fn heard_before<'a>(story: &'a Story, election: &Election) -> Option<&'a Call> {
    let server = election.candidate.server as usize;
    let heard = story.handled_by(server).rev().filter(|call| call.is_leaders());
    let mut heard =
        heard.filter(|call| call.handled.is_some_and(|handled| handled.at <= election.at));
    heard.next().filter(|call| call.args.term.is_some_and(|term| term + 1 == election.term))
}

/// Whether the leader that a candidate heard last was there, leading, until the election, and sent it
/// nothing more, for longer than heartbeats may take.
fn is_silent(story: &Story, election: &Election, last: &Call) -> bool {
    let (leader, at) = (last.from.server as usize, election.at);
    let mut later = story.sent_by(leader).filter(|call| {
        call.sent > last.sent && call.sent.at <= at && call.to == election.candidate.server
    });
    let since = last.sent.at;
    let leads = story.view_at(leader, at).is_some_and(|view| {
        view.is_leader
            && Some(view.term) == last.args.term
            && view.incarnation == last.from.incarnation
    });
    let up = story.up(at);
    at.0 - since.0 >= SOON
        && later.next().is_none()
        && leads
        && story.settled_before(at) <= since
        && up.contains(&leader)
        && up.contains(&(election.candidate.server as usize))
}
