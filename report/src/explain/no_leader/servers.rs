//! Servers that hang, hide that they lead, or ignore a term.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{COUNTED, PATIENCE, evidence, life_at, seconds};
use crate::event::Time;
use crate::explain::{Case, Confidence, Finding, reply_terms};
use crate::story::{Call, Purpose};
use crate::text::count;

/// How long a handler may take that waits for nothing but a lock that is soon free.
const SLOW: Duration = Duration::from_millis(300);

/// Row 2: a server has taken requests and doesn't answer them for a long time.
pub(in crate::explain) fn server_hangs(case: &Case<'_>) -> Option<Finding> {
    let story = case.story;
    let (from, until) = (case.window.from, case.window.until);
    let mut found = Vec::new();
    let mut never = false;
    for &server in &case.window.up {
        let life = life_at(story, server, until)?;
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
            never |= hung.iter().any(|&(began, ended, call)| {
                call.handled.is_none() && ended.since(began) > PATIENCE
            });
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
    // What is answered in the end was only slow, for whatever reason.
    (!found.is_empty()).then(|| Finding {
        id: "server-hangs".to_owned(),
        confidence: if never { Confidence::Certain } else { Confidence::Likely },
        what: if never {
            "a server takes requests and never answers them"
        } else {
            "a server takes requests and answers them late"
        }
        .to_owned(),
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
pub(super) fn leader_not_told(case: &Case<'_>) -> Option<Finding> {
    let story = case.story;
    for &server in &case.window.up {
        let mut terms: BTreeMap<u64, Vec<&Call>> = BTreeMap::new();
        for call in story.sent_by(server) {
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
                // Without the votes it may have given up its leadership, and send on all the same.
                let confidence = match was_elected(case, server, term) {
                    true => Confidence::Certain,
                    false => Confidence::Likely,
                };
                return Some(Finding {
                    id: "leader-not-told".to_owned(),
                    confidence,
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

/// Whether the votes of a majority have reached a server in `term`.
fn was_elected(case: &Case<'_>, server: usize, term: u64) -> bool {
    let votes = case.story.sent_by(server).filter(|call| {
        call.purpose == Purpose::Vote
            && call.args.term == Some(term)
            && call.reply.vote_granted == Some(true)
            && call.replied().is_some()
    });
    let voters: BTreeSet<u32> = votes.map(|call| call.to).collect();
    voters.len() + 1 >= case.story.majority()
}

/// Row 12: a server has answered a higher term in its own, lower one.
pub(super) fn higher_term_ignored(case: &Case<'_>) -> Option<Finding> {
    let ignored: Vec<&Call> = case
        .story
        .calls
        .iter()
        .filter(|call| call.purpose != Purpose::Other && call.handled.is_some())
        .filter(|call| call.reply.term.is_some() && call.reply.term < call.args.term)
        .filter(|call| !reply_terms::leaves_term_out(case.story, call))
        .filter(|call| !case.story.holds_to_leader(call))
        .collect();
    // An answer may have the term that the server had until then.
    let stays = |call: &&Call| {
        let asked = call.args.term.unwrap_or(0);
        call.handled.is_some_and(|at| case.story.stays_below(call.to as usize, asked, at))
    };
    let staying: Vec<&Call> = ignored.iter().copied().filter(stays).collect();
    let (ignored, confidence) = match staying.is_empty() {
        true => (ignored, Confidence::Likely),
        false => (staying, Confidence::Certain),
    };
    let first = *ignored.first()?;
    Some(Finding {
        id: "higher-term-ignored".to_owned(),
        confidence,
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
