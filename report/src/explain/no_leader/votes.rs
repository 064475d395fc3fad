//! Votes that are refused or split, and leaders that are replaced at once.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{NORMAL, evidence, seconds, voters};
use crate::event::Time;
use crate::explain::{Case, Confidence, Evidence, Finding};
use crate::story::{Call, Election, Moment, Purpose, Story};
use crate::text::{count, list};

/// How close to each other two elections are that split the votes: within a few message delays.
const SAME_TIME: Duration = Duration::from_millis(30);

/// Row 10: a server that was free to vote refused.
pub(super) fn vote_refused_without_reason(case: &Case<'_>) -> Option<Finding> {
    let story = case.story;
    let mut found = Vec::new();
    let mut has_voted_before = false;
    let mut is_proven = false;
    for &server in &case.window.up {
        let mut given: BTreeMap<u64, u32> = BTreeMap::new();
        let own = |call: &Call| Some((call.args.last_log_term?, call.args.last_log_index?));
        // The terms in which it stood itself.
        let stood: Vec<u64> = story
            .sent_by(server)
            .filter(|call| call.purpose == Purpose::Vote)
            .filter_map(|call| call.args.term)
            .collect();
        // Its own log is no better than what it offers itself, later than the refusal.
        for call in story.handled_by(server) {
            let (Purpose::Vote, Some(term), Some(handled)) =
                (call.purpose, call.args.term, call.handled)
            else {
                continue;
            };
            match call.reply.vote_granted {
                Some(true) => drop(given.insert(term, call.from.server)),
                Some(false) if call.reply.term == Some(term) && !stood.contains(&term) => {
                    let offered = own(call);
                    let later = story
                        .sent_by(server)
                        .find(|sent| sent.purpose == Purpose::Vote && sent.sent > handled)
                        .and_then(own);
                    let logs_are_empty = story.dropped == 0 && !has_entries(story, handled);
                    let told = log_told(story, call);
                    let is_up_to_date = logs_are_empty
                        || match told {
                            Some(told) => offered >= Some(told),
                            None => {
                                later.is_some_and(|later| offered >= Some(later))
                                    && offered >= appended(story, call)
                            }
                        };
                    let is_taken = given.get(&term).is_some_and(|&other| other != call.from.server);
                    if is_up_to_date && !is_taken && case.window.contains(handled.at) {
                        let before = given.range(..term).next_back();
                        has_voted_before |= before.is_some();
                        is_proven |= (logs_are_empty || told.is_some())
                            && !story.holds_to_leader(call)
                            && story.reached_before(server as u32, handled).is_some();
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
        // Else its log is a guess, or it may hold to a leader of which it has just heard (thesis §4.2.3).
        confidence: if is_proven { Confidence::Certain } else { Confidence::Likely },
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

/// Whether some log may have an entry by then.
fn has_entries(story: &Story, until: Moment) -> bool {
    let proposed = story.proposals.iter().any(|proposal| proposal.moment < until);
    proposed
        || story.calls.iter().take_while(|call| call.sent < until).any(|call| {
            call.args.entries.as_ref().is_some_and(|entries| !entries.is_empty())
                || call.purpose == Purpose::Snapshot
        })
}

/// The term and the index of a voter's last entry, as it told them while it handled a request.
fn log_told(story: &Story, call: &Call) -> Option<(u64, u64)> {
    let (delivered, handled) = call.delivered.zip(call.handled)?;
    let view = story.view_at(call.to as usize, handled.at)?;
    let detail = view.detail.as_ref().filter(|_| view.moment.at >= delivered.at)?;
    Some((detail.last_term, detail.last_index))
}

/// The term and the index of the last entry that a voter had appended as a leader, or confirmed, in the
/// same life.
fn appended(story: &Story, call: &Call) -> Option<(u64, u64)> {
    let handled = call.handled?;
    let life = call.answered_in?;
    let own = story.proposals.iter().filter(|own| {
        own.server.server == call.to && own.server.incarnation == life && own.moment < handled
    });
    let own = own.map(|own| (own.moment, (own.term, own.index))).next_back();
    let confirmed = story.handled_by(call.to as usize).rev().find(|other| {
        other.answered_in == Some(life)
            && other.handled < Some(handled)
            && other.reply.success == Some(true)
    });
    let confirmed = confirmed.and_then(|other| {
        let (index, entries) = (other.up_to()?, other.args.entries.as_ref()?);
        let term = entries.last().copied().unwrap_or(other.args.prev_log_term)?;
        Some((other.handled?, (term, index)))
    });
    own.into_iter().chain(confirmed).max_by_key(|(moment, _)| *moment).map(|(_, last)| last)
}

/// Row 7: leaders are elected, and replaced before they are noticed.
pub(super) fn leader_replaced_at_once(case: &Case<'_>) -> Option<Finding> {
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
        let heard = story
            .handled_by(by)
            .rev()
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
pub(super) fn votes_split(case: &Case<'_>) -> Option<Finding> {
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
