//! Candidates that have a majority of the votes, and don't lead.

use std::collections::BTreeMap;

use super::{COUNTED, evidence, requests, seconds, voters};
use crate::event::Time;
use crate::explain::{Case, Confidence, Finding};
use crate::story::{Call, Election};
use crate::text::list;

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
                    story
                        .sent_by(server)
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
pub(super) fn waits_for_all_replies(case: &Case<'_>) -> Option<Finding> {
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
pub(super) fn majority_not_recognised(case: &Case<'_>) -> Option<Finding> {
    let voters = voters(case);
    let goes_on = |cheated: &Cheated<'_>| cheated.outstanding.is_empty() || cheated.went_on;
    let found = cheated(case, &voters).filter(goes_on);
    let Cheated { election, at, voters, until, .. } = found.last()?;
    let server = election.candidate.server;
    // Whoever waits for a vote no longer than that doesn't get it.
    let is_late = requests(case.story, election).any(|call| {
        call.reply.vote_granted == Some(true)
            && call.replied().is_some_and(|replied| replied.since(call.sent.at) > COUNTED)
    });
    Some(Finding {
        id: "majority-not-recognised".to_owned(),
        confidence: if is_late { Confidence::Likely } else { Confidence::Certain },
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
