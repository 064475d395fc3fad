//! Causes of `too many RPCs …` and `too many RPC bytes`.

use std::collections::BTreeMap;

use super::finding::Finding;
use super::{Case, Cause, certain, evidence, referee, terms};
use crate::story::{Call, Purpose, Story};
use crate::text::list;

pub(super) const BYTES: &[Cause] = &[confirmed_sent_again, sent_twice];

pub(super) const COUNT: &[Cause] = &[
    no_pause,
    one_at_a_time,
    sent_twice,
    confirmed_sent_again,
    heartbeats_too_often,
    referee::broken_rule,
    terms::election_despite_leader,
];

/// Less often is what happens to every Raft now and then.
const OFTEN: usize = 5;

/// The lab allows some ten heartbeats a second; in µs.
const HEARTBEAT: u64 = 75_000;

fn appends<'a>(case: &Case<'a>) -> impl Iterator<Item = &'a Call> {
    let until = case.window.until;
    case.story
        .calls
        .iter()
        .filter(move |call| call.purpose == Purpose::Append && call.sent.at <= until)
}

/// The indexes of the first and last entry of a request that has some.
fn span(call: &Call) -> Option<(u64, u64)> {
    let (prev, entries) = (call.args.prev_log_index?, call.args.entries.as_ref()?.len() as u64);
    (entries > 0).then_some((prev + 1, prev + entries))
}

fn pair(call: &Call) -> (u32, u32) {
    (call.from.server, call.to)
}

/// How many of the bytes that went out as entries are these.
fn share(case: &Case<'_>, calls: &[&Call]) -> String {
    let bytes: usize = calls.iter().map(|call| call.size).sum();
    let all: usize = appends(case).map(|call| call.size).sum();
    format!("{} such requests have {bytes} of the {all} bytes of AppendEntries", calls.len())
}

const NEXT_INDEX: &str = "a follower is sent the entries from nextIndex on, each once (Figure 2, \
                          Leaders 3; §5.3)";

fn confirmed_sent_again(case: &Case<'_>) -> Option<Finding> {
    let story = case.story;
    // Up to where each follower had confirmed its log to each leader.
    let mut again = Vec::new();
    let mut first = None;
    for call in appends(case) {
        let Some((begin, _)) = span(call) else { continue };
        let earlier = story.sent_by(call.from.server as usize);
        let confirmed = earlier.take_while(|other| other.sent < call.sent).find(|other| {
            other.to == call.to
                && other.args.term == call.args.term
                && other.reply.success == Some(true)
                && other.returned.is_some_and(|(returned, _)| returned < call.sent)
                && other.up_to() >= Some(begin)
        });
        if let Some(confirmed) = confirmed {
            first.get_or_insert((confirmed, call, begin));
            again.push(call);
        }
    }
    let bytes = |calls: &[&Call]| calls.iter().map(|call| call.size).sum::<usize>();
    let is_much = bytes(&again) * 10 > bytes(&appends(case).collect::<Vec<_>>());
    let (confirmed, call, begin) = first.filter(|_| again.len() >= OFTEN && is_much)?;
    let (leader, server) = pair(call);
    let proof = vec![
        evidence(
            confirmed.returned?.0.at,
            format!("server {server} confirmed to server {leader} that it has index {begin}"),
            [confirmed.id],
        ),
        evidence(
            call.sent.at,
            format!("server {leader} sent it the entries from index {begin} on"),
            [call.id],
        ),
        evidence(call.sent.at, share(case, &again), None),
    ];
    let what = format!("server {leader} sends again what a follower has confirmed");
    let look = "where nextIndex goes up after a success, and where the entries of a request begin";
    Some(certain("confirmed-sent-again", what, proof, [NEXT_INDEX, look]))
}

fn sent_twice(case: &Case<'_>) -> Option<Finding> {
    let mut last: BTreeMap<(u32, u32), Vec<&Call>> = BTreeMap::new();
    let mut again = Vec::new();
    let mut first = None;
    for call in appends(case) {
        let Some((begin, end)) = span(call) else { continue };
        let under_way = last.entry(pair(call)).or_default();
        under_way.retain(|other| {
            other.returned.is_none_or(|(returned, _)| returned > call.sent)
                && call.sent.at.0 - other.sent.at.0 < HEARTBEAT
                && other.args.term == call.args.term
        });
        let twin = under_way
            .iter()
            .find(|other| span(other).is_some_and(|(from, to)| from <= begin && end <= to));
        if let Some(&twin) = twin {
            first.get_or_insert((twin, call, begin, end));
            again.push(call);
        }
        under_way.push(call);
    }
    let (twin, call, begin, end) = first.filter(|_| again.len() >= OFTEN)?;
    let (leader, server) = pair(call);
    let entries = match begin == end {
        true => format!("index {begin}"),
        false => format!("the indexes {begin} to {end}"),
    };
    let proof = vec![
        evidence(
            twin.sent.at,
            format!("server {leader} sent server {server} {entries}"),
            [twin.id],
        ),
        evidence(
            call.sent.at,
            format!(
                "it sent the same again after {} ms, before the answer came",
                (call.sent.at.0 - twin.sent.at.0) / 1000
            ),
            [call.id],
        ),
        evidence(call.sent.at, share(case, &again), None),
    ];
    let what = format!("server {leader} sends entries again while they are under way");
    let look = "what makes a leader send: two tasks, or start() and the heartbeat, both with the \
                same entries";
    Some(certain("sent-twice", what, proof, [NEXT_INDEX, look]))
}

/// A request with one entry goes out though more are there.
pub(super) fn one_at_a_time(case: &Case<'_>) -> Option<Finding> {
    let waiting = |call: &Call| {
        let (begin, end) = span(call)?;
        let proposals = case.story.proposals.iter();
        let more = proposals
            .filter(|proposal| {
                proposal.server == call.from
                    && Some(proposal.term) == call.args.term
                    && proposal.moment < call.sent
                    && proposal.index > end
            })
            .count();
        (begin == end && more > 0).then_some((begin, more))
    };
    let calls: Vec<_> =
        appends(case).filter_map(|call| waiting(call).map(|found| (call, found))).collect();
    let &(call, (index, more)) = calls.first().filter(|_| calls.len() >= OFTEN)?;
    let (leader, server) = pair(call);
    let proof = vec![
        evidence(
            call.sent.at,
            format!(
                "server {leader} sent server {server} index {index} alone, though it had taken \
                 {} more",
                crate::text::count(more, "command")
            ),
            [call.id],
        ),
        evidence(
            calls.last()?.0.sent.at,
            format!("the last of {} requests of that kind", calls.len()),
            [calls.last()?.0.id],
        ),
    ];
    let what = format!("server {leader} sends each entry in a request of its own");
    let rule = "entries go together: log entries to store, may send more than one for efficiency \
                (Figure 2, AppendEntries, Arguments)";
    let look = "how many entries a request gets: all from nextIndex on; and whether each start() \
                sends its own";
    let finding = certain("one-entry-a-request", what, proof, [rule, look]);
    // Some may go alone for a reason.
    let carrying = appends(case).filter(|call| span(call).is_some()).count();
    Some(if calls.len() * 4 >= carrying * 3 { finding } else { finding.likely() })
}

/// Pairs of requests without entries, one after the other, between the same servers.
fn heartbeats<'a>(case: &Case<'a>) -> BTreeMap<(u32, u32), Vec<(&'a Call, &'a Call)>> {
    let mut last: BTreeMap<(u32, u32), &Call> = BTreeMap::new();
    let mut pairs: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for call in appends(case) {
        let before = last.insert(pair(call), call);
        if let Some(before) = before
            && span(call).is_none()
            && span(before).is_none()
            && before.args == call.args
        {
            pairs.entry(pair(call)).or_default().push((before, call));
        }
    }
    pairs
}

/// A request that says nothing new follows the reply to the one before, several times in a row.
fn no_pause(case: &Case<'_>) -> Option<Finding> {
    let (mut count, mut all) = (0, 0);
    let mut first = None;
    for pairs in heartbeats(case).into_values() {
        let mut row = 0;
        for (before, call) in pairs {
            all += 1;
            let pause = before.returned.and_then(|(returned, _)| {
                let is_prompt = call.sent >= returned
                    && call.sent.at.0 - returned.at.0 < 5_000
                    && call.sent.at.0 - before.sent.at.0 < HEARTBEAT;
                is_prompt.then(|| call.sent.at.0 - returned.at.0)
            });
            row = if pause.is_some() { row + 1 } else { 0 };
            // Two may have different reasons.
            if let Some(pause) = pause.filter(|_| row > 1) {
                first.get_or_insert((before, call, pause));
                count += 1;
            }
        }
    }
    let (before, call, pause) = first.filter(|_| count >= 2 * OFTEN && 2 * count > all)?;
    let (leader, server) = pair(call);
    let proof = vec![
        evidence(
            before.returned?.0.at,
            format!("server {server}'s answer to a heartbeat reached server {leader}"),
            [before.id],
        ),
        evidence(
            call.sent.at,
            format!("server {leader} sent the same heartbeat again, {pause} µs later"),
            [call.id],
        ),
        evidence(case.window.until, format!("by now there are {count} such heartbeats"), None),
    ];
    let what = format!("server {leader} sends the next heartbeat as soon as the last is answered");
    let rule = "heartbeats are for idle periods (Figure 2, Leaders 1; §5.2), some ten a second \
                in the lab";
    let look = "what a leader does after a success: nothing, unless the follower lacks entries";
    Some(certain("heartbeats-without-pause", what, proof, [rule, look]))
}

fn heartbeats_too_often(case: &Case<'_>) -> Option<Finding> {
    if no_pause(case).is_some() {
        return None;
    }
    let pairs = heartbeats(case);
    let (_, pairs) = pairs.into_iter().max_by_key(|(_, pairs)| pairs.len())?;
    let mut gaps: Vec<u64> =
        pairs.iter().map(|(before, call)| call.sent.at.0 - before.sent.at.0).collect();
    gaps.sort_unstable();
    let gap = *gaps.get(gaps.len() / 2)?;
    if gaps.len() < OFTEN || gap >= HEARTBEAT {
        return None;
    }
    let &(before, call) = pairs.last()?;
    let (leader, server) = pair(call);
    let proof = vec![
        evidence(
            before.sent.at,
            format!("server {leader} sent server {server} a heartbeat"),
            [before.id],
        ),
        evidence(
            call.sent.at,
            format!(
                "the next followed after {} ms; half of {} followed within {} ms",
                (call.sent.at.0 - before.sent.at.0) / 1000,
                gaps.len(),
                gap.div_ceil(1000)
            ),
            [call.id],
        ),
    ];
    let senders: Vec<u32> = senders(case.story);
    let what =
        format!("heartbeats come every {} ms (from server {})", gap.div_ceil(1000), list(senders));
    let rule = "the lab allows some ten heartbeats a second";
    let look = "the heartbeat's interval, and whether the task of an earlier leadership still \
                runs beside the new one's";
    Some(certain("heartbeats-too-often", what, proof, [rule, look]))
}

fn senders(story: &Story) -> Vec<u32> {
    let appends = story.calls.iter().filter(|call| call.purpose == Purpose::Append);
    let mut senders: Vec<u32> = appends.map(|call| call.from.server).collect();
    senders.sort_unstable();
    senders.dedup();
    senders
}
