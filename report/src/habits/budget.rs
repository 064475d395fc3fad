//! What the calls and bytes were spent on.

use std::collections::BTreeMap;

use super::Habit;
use crate::check::{Budget, Check};
use crate::explain::Case;
use crate::spec::Breach;
use crate::spec::rules::budget;
use crate::spec::rules::contract::indexes;
use crate::story::Call;
use crate::text::{count, list};

pub(super) const HABITS: &[Habit] = &[
    Habit::new(no_pause, "heartbeats come just as often when no reply arrives"),
    Habit::new(one_of_calls, "most requests carry all entries that were waiting"),
    Habit::new(
        confirmed_sent_again,
        "the leader sent the entries again before the confirmation arrived",
    ),
    Habit::new(sent_twice, "the first request was lost"),
    Habit::new(heartbeats_too_often, "half of the heartbeats are further apart"),
];

/// Less often is what happens to every Raft now and then.
const OFTEN: usize = 5;

/// The lab allows some ten heartbeats a second; in µs.
const HEARTBEAT: u64 = 75_000;

fn appends<'a>(case: &Case<'a>) -> impl Iterator<Item = &'a Call> {
    let until = case.window.until;
    case.story.calls.iter().filter(move |call| call.is_append() && call.sent.at <= until)
}

/// Whether the failing check counted calls.
fn counts_calls(case: &Case<'_>) -> bool {
    !matches!(case.failure.check, Check::Budget { of: Budget::Bytes })
}

/// The indexes of the first and last entry of a request that has some.
fn span(call: &Call) -> Option<(u64, u64)> {
    let (prev, entries) = (call.args.prev_log_index?, call.args.entries.as_ref()?.len() as u64);
    (entries > 0).then_some((prev + 1, prev + entries))
}

fn pair(call: &Call) -> (u32, u32) {
    (call.from.server, call.to)
}

fn bytes<'a>(calls: impl IntoIterator<Item = &'a Call>) -> usize {
    calls.into_iter().map(|call| call.size).sum()
}

/// The same breach, and how many of the bytes that went out as entries these calls have.
fn share(case: &Case<'_>, breach: Breach, last: &Call, calls: &[&Call]) -> Breach {
    let text = format!(
        "{} such requests make up {} of the {} bytes of AppendEntries",
        calls.len(),
        bytes(calls.iter().copied()),
        bytes(appends(case))
    );
    breach.seen(last.sent.at, text, None)
}

fn confirmed_sent_again(case: &Case<'_>) -> Option<Breach> {
    let story = case.story;
    let mut again = Vec::new();
    let mut first = None;
    for call in appends(case) {
        let Some((begin, _)) = span(call) else { continue };
        let earlier = story.sent_by(call.from.server as usize);
        let confirmed = earlier.take_while(|other| other.sent < call.sent).find(|other| {
            other.to == call.to
                && other.args.term == call.args.term
                && other.is_accepted()
                && other.returned.is_some_and(|(returned, _)| returned < call.sent)
                && other.up_to() >= Some(begin)
        });
        if let Some(confirmed) = confirmed {
            first.get_or_insert((confirmed, call, begin));
            again.push(call);
        }
    }
    let is_much = bytes(again.iter().copied()) * 10 > bytes(appends(case));
    let (confirmed, call, begin) = first.filter(|_| again.len() >= OFTEN && is_much)?;
    let (leader, server) = pair(call);
    let what =
        format!("server {leader} sends entries to a follower that has already confirmed them");
    let text = format!(
        "server {server} confirmed to server {leader} that it has the entry at index {begin}"
    );
    let sent = format!("server {leader} sent it the entries from index {begin} on");
    let breach = case
        .breach(&budget::SENT_AGAIN, leader, what)
        .seen(confirmed.returned?.0.at, text, [confirmed.id])
        .seen(call.sent.at, sent, [call.id]);
    Some(share(case, breach, call, &again))
}

fn sent_twice(case: &Case<'_>) -> Option<Breach> {
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
    let what = format!("server {leader} sends entries again while they are still on their way");
    let sent = format!("server {leader} sent server {server} entries ({})", indexes(begin, end));
    let after = match call.sent.at.0 - twin.sent.at.0 {
        0 => "at the same moment".to_owned(),
        us if us < 1000 => format!("after {us} µs"),
        us => format!("after {} ms", us / 1000),
    };
    let text = format!("it sent the same entries again {after}, before the answer arrived");
    let breach = case
        .breach(&budget::SENT_TWICE, leader, what)
        .seen(twin.sent.at, sent, [twin.id])
        .seen(call.sent.at, text, [call.id]);
    Some(share(case, breach, call, &again))
}

fn one_of_calls(case: &Case<'_>) -> Option<Breach> {
    one_a_request(case).filter(|_| counts_calls(case))
}

/// A request with one entry goes out though more are there.
pub(super) fn one_a_request(case: &Case<'_>) -> Option<Breach> {
    let waiting = |call: &Call| {
        let (begin, end) = span(call)?;
        let more = case.story.proposals.iter().filter(|own| {
            own.server == call.from
                && Some(own.term) == call.args.term
                && own.moment < call.sent
                && own.index > end
        });
        let more = more.count();
        (begin == end && more > 0).then_some((begin, more))
    };
    let calls: Vec<_> =
        appends(case).filter_map(|call| waiting(call).map(|found| (call, found))).collect();
    let &(call, (index, more)) = calls.first().filter(|_| calls.len() >= OFTEN)?;
    let (leader, server) = pair(call);
    let what = format!("server {leader} sends each entry in a separate request");
    let text = format!(
        "server {leader} sent server {server} only index {index}, though server {leader} had \
         already accepted {} after that",
        count(more, "command")
    );
    let last = calls.last()?.0;
    let of = format!("the last of {} such requests", calls.len());
    Some(
        case.breach(&budget::ONE_A_REQUEST, leader, what).seen(call.sent.at, text, [call.id]).seen(
            last.sent.at,
            of,
            [last.id],
        ),
    )
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
fn no_pause(case: &Case<'_>) -> Option<Breach> {
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
    let is_rule = count >= 2 * OFTEN && 2 * count > all && counts_calls(case);
    let (before, call, pause) = first.filter(|_| is_rule)?;
    let (leader, server) = pair(call);
    let what =
        format!("server {leader} sends the next heartbeat as soon as the last one is answered");
    let came = format!("server {server}'s answer to a heartbeat reached server {leader}");
    let again = format!("server {leader} sent the same heartbeat again {pause} µs later");
    let text = format!("by then it had sent {count} such heartbeats");
    Some(
        case.breach(&budget::NO_PAUSE, leader, what)
            .seen(before.returned?.0.at, came, [before.id])
            .seen(call.sent.at, again, [call.id])
            .seen(case.window.until, text, None),
    )
}

fn heartbeats_too_often(case: &Case<'_>) -> Option<Breach> {
    if no_pause(case).is_some() || !counts_calls(case) {
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
    let mut senders: Vec<u32> = appends(case).map(|call| call.from.server).collect();
    senders.sort_unstable();
    senders.dedup();
    let ms = gap.div_ceil(1000);
    let what = format!("heartbeats come every {ms} ms (from server {})", list(senders));
    let text = format!(
        "the next heartbeat followed after {} ms; half of all {} heartbeats followed within {ms} ms",
        (call.sent.at.0 - before.sent.at.0) / 1000,
        gaps.len()
    );
    let beat = format!("server {leader} sent server {server} a heartbeat");
    Some(
        case.breach(&budget::TOO_OFTEN, leader, what).seen(before.sent.at, beat, [before.id]).seen(
            call.sent.at,
            text,
            [call.id],
        ),
    )
}
