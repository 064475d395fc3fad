//! Elections that nobody needs: `servers disagree on term`, `term changed too often`.

use super::finding::{Confidence, Finding};
use super::{Case, Cause, commands, evidence, referee};
use crate::event::Time;
use crate::story::{Call, Election, Purpose};

pub(super) const CAUSES: &[Cause] = &[referee::broken_rule, election_despite_leader];

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
    if despite.len() > 1 {
        let (first, _, _) = despite[0];
        let text = format!("the first of {} elections of that kind", despite.len());
        proof.push(evidence(first.at, text, None));
    }
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
