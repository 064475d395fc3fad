//! What a leader sends to one follower again and again, or never again, and what it makes of the answers.

use std::collections::BTreeMap;

use super::replication::{FEW, appends};
use super::votes::not_taken;
use super::{Habit, LONG, ids, leads, up};
use crate::check::Check;
use crate::explain::Case;
use crate::outcome::Outcome;
use crate::spec::rules::{append_entries, contract, install_snapshot, leaders};
use crate::spec::{Basis, Breach, Fact};
use crate::story::{Call, Purpose};
use crate::text::count;

/// What a leader does without end.
pub(super) const AGAIN: &[Habit] = &[PREV, SNAPSHOT];

pub(super) const PREV: Habit =
    Habit::new(same_prev_again, "the refusals were lost on their way, or nextIndex went down");

pub(super) const NO_ENTRIES: Habit =
    Habit::new(no_entries_since, "the leader had sent that follower entries since then");

pub(super) const REST: Habit =
    Habit::new(rest_not_sent, "another leader had taken these entries back");

pub(super) const NEEDED: Habit = Habit::new(
    snapshot_needed,
    "the follower has all entries that the leader's snapshot replaced, or was sent a snapshot meanwhile",
);

pub(super) const SNAPSHOT: Habit = Habit::new(
    same_snapshot_again,
    "the answers were lost on their way, or the follower had crashed meanwhile",
);

/// How many refusals in a row are a flood, however soon they come.
const FLOOD: usize = 50;

/// For how many refusals in a row an entry is looked for before that is slow.
const MANY: usize = 8;

/// Calls that say the same, each sent when the answer to the one before was there.
#[derive(Clone, Copy)]
struct Row<'a> {
    first: &'a Call,
    last: &'a Call,
    count: usize,
}

impl<'a> Row<'a> {
    fn of(call: &'a Call) -> Row<'a> {
        Row { first: call, last: call, count: 1 }
    }

    /// The row with `call` in it, if its sender had the last one's answer.
    fn and(self, call: &'a Call) -> Option<Row<'a>> {
        let knew = self.last.returned.is_some_and(|(before, _)| before < call.sent);
        knew.then_some(Row { last: call, count: self.count + 1, ..self })
    }
}

/// The refusals that a leader has had from one follower in one term, since the last that took it further back.
#[derive(Default)]
struct Search<'a> {
    /// The refused requests by their prevLogIndex: those that are the same, each sent with the refusal before known.
    rows: BTreeMap<u64, Row<'a>>,
}

impl<'a> Search<'a> {
    /// Takes a refused request in, and returns the row that it belongs to now.
    fn refused(&mut self, call: &'a Call, prev: u64) -> Option<Row<'a>> {
        // Who goes back further has made something of the refusals.
        if self.rows.keys().next().is_none_or(|&lowest| prev < lowest) {
            self.rows.clear();
        }
        let row = match self.rows.get(&prev) {
            Some(row) => row.and(call)?,
            None => Row::of(call),
        };
        self.rows.insert(prev, row);
        Some(row)
    }
}

/// The longest row of refused requests with the same prevLogIndex, each sent with the refusal before known. In between
/// there may have been others that don't go further back. What came right soon afterwards isn't among them.
fn refused_again<'a>(case: &Case<'a>) -> Option<Row<'a>> {
    let is_flood = matches!(case.failure.check, Check::Misused { .. });
    let is_enough = |row: &Row<'_>| match is_flood {
        true => row.count >= FLOOD,
        false => row.count >= FEW && row.last.sent.at.since(row.first.sent.at) > LONG / 4,
    };
    let mut searches: BTreeMap<(u32, u32, u64), Search<'_>> = BTreeMap::new();
    let mut longest: BTreeMap<(u32, u32, u64), Row<'_>> = BTreeMap::new();
    for call in &case.story.calls {
        let (Purpose::Append, Some(term), Some(success), Some((returned, _))) =
            (call.purpose, call.args.term, call.reply.success, call.returned)
        else {
            continue;
        };
        if !case.window.contains(returned.at) {
            continue;
        }
        let key = (call.from.server, call.to, term);
        // A heartbeat that fits further back tells nothing of the place that is looked for.
        let is_elsewhere = |search: &Search<'_>| {
            let lowest = search.rows.keys().next();
            lowest.is_some_and(|&lowest| call.up_to().is_some_and(|up_to| up_to < lowest))
        };
        if success && !call.has_entries() && searches.get(&key).is_some_and(is_elsewhere) {
            continue;
        }
        if success || call.reply.term != Some(term) {
            searches.remove(&key);
            if longest.get(&key).is_some_and(|row| call.sent.at.since(row.first.sent.at) < LONG) {
                longest.remove(&key);
            }
            continue;
        }
        let Some(prev) = call.args.prev_log_index else { continue };
        let Some(row) = searches.entry(key).or_default().refused(call, prev) else { continue };
        let is_longest = longest.get(&key).is_none_or(|found| found.count < row.count);
        if is_enough(&row) && is_longest {
            longest.insert(key, row);
        }
    }
    longest.into_values().rev().max_by_key(|row| row.count)
}

/// Since a call with entries or with a snapshot failed, its leader sends that follower only requests without entries, though
/// the follower hasn't confirmed all that its leader has. Where heartbeats are messages of their own, so may it be after
/// an answer.
fn no_entries_since(case: &Case<'_>) -> Option<Breach> {
    let (story, until) = (case.story, case.window.until);
    up(&case.window).find_map(|leader| {
        let led = leads(story, leader as usize, until)?;
        let followers = up(&case.window).filter(|&server| server != leader);
        let found = followers.filter_map(|server| {
            let sent = story.sent_by(leader as usize).filter(|call| {
                call.to == server && call.args.term == Some(led.term) && call.sent.at <= until
            });
            let sent: Vec<&Call> = sent.collect();
            let own_heartbeats = sent.iter().any(|call| call.is_mere_heartbeat());
            let last = sent.iter().rfind(|call| {
                let is_more = own_heartbeats && call.is_append() && !call.is_mere_heartbeat();
                call.has_entries() || call.is_snapshot() || is_more
            })?;
            let (ended, _) = last.returned.filter(|&(ended, _)| ended.at <= until)?;
            let since = sent.iter().copied().filter(|call| call.sent > ended && call.is_append());
            let since: Vec<&Call> = since.collect();
            if since.len() < FEW || until.since(ended.at) < LONG {
                return None;
            }
            let is_idle = |call: &&Call| {
                call.is_mere_heartbeat()
                    || call.args.entries.is_some()
                        && last.failed().is_some()
                        && !call.is_rejected()
            };
            let confirmed = sent.iter().filter(|call| call.replied().is_some());
            let confirmed = confirmed.filter_map(|call| call.confirms()).max();
            let own = story.proposed_by(leader).find(|own| {
                own.term == led.term
                    && Some(own.index) > confirmed
                    && (own_heartbeats || own.moment > ended)
                    && until.since(own.moment.at) >= LONG
            })?;
            since.iter().all(is_idle).then_some((server, *last, own, since))
        });
        let (server, call, own, since) = found.max_by_key(|(.., since)| since.len())?;
        let (kind, with) = match call {
            call if call.is_snapshot() => ("a snapshot", " with a snapshot"),
            call if call.has_entries() => ("entries", " with entries"),
            _ => ("a request without entries", ""),
        };
        let sent = format!("server {leader} sent server {server} {kind}");
        let accepted = format!("server {leader} accepted a command at index {}", own.index);
        let requests = count(since.len(), "request");
        let text = format!("since then it has sent server {server} {requests}, all without entries");
        let (ended, outcome) = call.returned?;
        let (rule, what, how) = match outcome {
            Outcome::Replied => (
                &leaders::SENDS,
                format!("server {leader} sends server {server} only heartbeats, though that server lacks entries"),
                match call.reply.says() {
                    Some(true) => format!("server {server} answered yes"),
                    Some(false) => format!("server {server} refused it"),
                    None => format!("server {server} answered"),
                },
            ),
            _ => (
                &leaders::STOPS,
                format!("server {leader} sends a server no more entries after a call{with} failed"),
                format!("that call failed: {outcome}"),
            ),
        };
        let mut facts = [
            (call.sent.at, sent, ids([call])),
            (ended.at, how, ids([call])),
            (own.moment.at, accepted, Vec::new()),
        ];
        facts.sort_by_key(|&(at, ..)| at);
        let breach = case.breach(rule, leader, what);
        let breach = facts.into_iter().fold(breach, |breach, (at, text, ids)| breach.seen(at, text, ids));
        Some(breach.seen(since.last()?.sent.at, text, ids(since.last().copied())))
    })
}

/// A follower accepts one request after the other that ends before its leader's log does, and its leader sends it nothing
/// of the rest.
fn rest_not_sent(case: &Case<'_>) -> Option<Breach> {
    let (story, until) = (case.story, case.window.until);
    up(&case.window).find_map(|leader| {
        let led = leads(story, leader as usize, until)?;
        let own = || {
            let own = story.sent_by(leader as usize);
            own.filter(|call| call.args.term == Some(led.term) && call.sent.at <= until)
        };
        let stood = own().find(|call| call.is_vote())?;
        let end = stood.args.last_log_index.filter(|_| !story.counts_other_entries)?;
        let mut followers = up(&case.window).filter(|&server| server != leader);
        followers.find_map(|server| {
            let sent = own().filter(|call| call.to == server && call.is_leaders());
            let sent: Vec<&Call> = sent.collect();
            let is_short = |call: &&&Call| {
                call.is_append()
                    && call.args.entries.as_ref().is_some_and(Vec::is_empty)
                    && call.up_to() < Some(end)
                    && !call.is_rejected()
            };
            let short: Vec<&Call> = sent.iter().rev().take_while(is_short).copied().collect();
            let accepted: Vec<&Call> = short
                .iter()
                .copied()
                .filter(|call| call.is_accepted() && call.replied().is_some())
                .collect();
            let (last, first) = (accepted.first()?, accepted.last()?);
            if accepted.len() < FEW || last.sent.at.since(first.sent.at) < LONG {
                return None;
            }
            let from = first.up_to()?;
            let what = format!(
                "server {leader} never sends server {server} the entries after index {from}"
            );
            let asked = format!("server {leader} asked for votes with a log up to index {end}");
            let accepts = format!(
                "server {server} accepted a request without entries, with prevLogIndex {from}"
            );
            let again = format!(
                "since then server {leader} has sent server {server} {}, all without entries",
                count(short.len(), "request")
            );
            let breach = case.breach(&leaders::SENDS, leader, what);
            let breach = breach.seen(stood.sent.at, asked, [stood.id]);
            let breach = breach.seen(first.handled?.at, accepts, [first.id]);
            Some(breach.seen(last.sent.at, again, [last.id]))
        })
    })
}

/// A request says the same as one whose refusal its leader has had, again and again.
fn same_prev_again(case: &Case<'_>) -> Option<Breach> {
    let Row { first, last, count } = refused_again(case)?;
    let (leader, server, prev) = (first.from.server, first.to, first.args.prev_log_index?);
    let mut refused = format!(
        "server {leader} sent a request with prevLogIndex {prev}, and server {server} refused it"
    );
    if let Some(said) = first.says_besides() {
        refused += &format!("; its answer said {said}");
    }
    let again = format!(
        "by then server {leader} had got {} such refusals, and it tried the same prevLogIndex again",
        count - 1
    );
    // It has that entry as the last of its snapshot: one of the two doesn't know the term of it.
    let snapshot = case.story.last_held(server, first.sent).filter(|held| held.index == prev);
    let led = (first.from, first.args.term?, first.sent);
    let formerly = case.story.confirmed_formerly(led, (server, prev), first.sent);
    let (rule, culprit, what) = match snapshot {
        Some(held) => {
            let (rule, snapshot) = install_snapshot::end_unknown(&held);
            let what = format!(
                "server {server} refuses requests that begin right after {snapshot}, again and \
                                again"
            );
            (rule, server, what)
        }
        // Nothing precedes the first entry, so there is nothing that could differ.
        None if prev == 0 => (
            &append_entries::MATCH_REFUSED,
            server,
            format!("server {server} refuses requests with prevLogIndex 0, which match any log"),
        ),
        None => match formerly {
            Some(_) => (
                &leaders::MATCH_KEPT,
                leader,
                format!(
                    "server {leader} relies on what server {server} confirmed in an earlier term"
                ),
            ),
            None => (
                &leaders::NEXT_INDEX_STAYS,
                leader,
                format!("server {leader} tries the same prevLogIndex again and again"),
            ),
        },
    };
    let had = snapshot.map(|held| {
        Fact::new(Basis::Seen, held.moment.at, format!("server {server} {held}"), None)
    });
    let formerly = formerly.filter(|_| rule.id == leaders::MATCH_KEPT.id);
    let breach = case
        .breach(rule, culprit, what)
        .facts(had)
        .facts(formerly.and_then(leaders::confirmed_before))
        .seen(first.sent.at, refused, [first.id])
        .seen(last.sent.at, again, [last.id])
        .sure_if(false);
    // What may hold it up: a confirmation that goes as far in the same term, or that the leader takes for one.
    let confirmed = appends(case.story, leader, server, first.args.term?)
        .filter(|call| call.sent < first.sent)
        .filter_map(Call::confirms)
        .max();
    Some(match confirmed {
        Some(up_to) if up_to >= prev => breach.seen(
            first.sent.at,
            format!("server {server} had already confirmed index {up_to} in that term"),
            None,
        ),
        _ => breach,
    })
}

/// Which snapshot a request brings: by its last index, or where that can't be read, by all that the request says.
fn snapshot_of(call: &Call) -> Option<(Option<u64>, &[u8])> {
    match call.args.last_included_index {
        None => Some((None, call.brings.as_ref()?.bytes())),
        index => Some((index, &[])),
    }
}

/// A leader keeps sending a follower a snapshot after the follower said that it has it.
fn same_snapshot_again(case: &Case<'_>) -> Option<Breach> {
    let mut rows: BTreeMap<(u32, u32, Option<u64>), Row<'_>> = BTreeMap::new();
    let mut longest: Option<Row<'_>> = None;
    let story = case.story;
    // Nobody waits for the reply to a copy.
    let calls = story.calls.iter().filter(|call| call.is_snapshot() && !call.is_copy);
    for call in calls.filter(|call| call.sent.at <= case.window.until) {
        let key = (call.from.server, call.to, call.args.term);
        let is_taken = call.replied().is_some() && call.is_answered_in_its_term();
        let Some(snapshot) = snapshot_of(call).filter(|_| is_taken) else {
            rows.remove(&key);
            continue;
        };
        let same =
            |row: &&Row<'_>| snapshot_of(row.last) == Some(snapshot) && row.last.life == call.life;
        let row = match rows.get(&key).filter(same) {
            Some(row) => row.and(call),
            None => Some(Row::of(call)),
        };
        let Some(row) = row else { continue };
        rows.insert(key, row);
        if longest.is_none_or(|longest| longest.count < row.count) {
            longest = Some(row);
        }
    }
    let Row { first, last, count } = longest?;
    let (leader, server) = (first.from.server, first.to);
    // After a crash it may need it again.
    let life = story.lives[server as usize].iter().find(|life| life.covers(first.sent.at))?;
    if count < FEW || !life.covers(last.sent.at) {
        return None;
    }
    let which = match first.args.last_included_index {
        Some(index) => format!("its snapshot up to index {index}"),
        None => "a snapshot".to_owned(),
    };
    let sent = format!("server {leader} sent server {server} {which}, and got an answer");
    let what = format!("server {leader} sends the same snapshot again and again");
    Some(
        case.breach(&install_snapshot::ANSWER_MOVED_NOTHING, leader, what)
            .seen(first.sent.at, sent, [first.id])
            .seen(
                last.sent.at,
                format!("by then it had sent the same snapshot {count} times"),
                [last.id],
            ),
    )
}

/// Of two requests that a follower refused in a term, most follow indexes that are next to each other.
pub(super) fn back_one_by_one(case: &Case<'_>) -> Option<Breach> {
    let mut refused: BTreeMap<(u32, u32, u64), BTreeMap<u64, &Call>> = BTreeMap::new();
    for call in &case.story.calls {
        if let (Purpose::Append, Some(false), Some(term), Some(prev)) =
            (call.purpose, call.reply.success, call.args.term, call.args.prev_log_index)
            && call.reply.term == Some(term)
            && call.sent.at <= case.window.until
            && call.returned.is_some_and(|(returned, _)| returned.at >= case.window.settled)
        {
            let row = refused.entry((call.from.server, call.to, term)).or_default();
            // Of several the one that came back first: by that the leader knows.
            let kept = row.entry(prev).or_insert(call);
            let came = |call: &Call| call.returned.map(|(at, _)| at);
            if came(call) < came(kept) {
                *kept = call;
            }
        }
    }
    // What was on its way already when the refusal came is no step back. And where each entry has another term, a leap over
    // a whole term goes no further.
    let steps = |prevs: &BTreeMap<u64, &Call>| {
        let is_next = |&(prev, call): &(&u64, &&Call)| {
            prevs.get(&(prev + 1)).is_some_and(|before| {
                before.args.prev_log_term == call.args.prev_log_term
                    && before.returned.is_some_and(|(refused, _)| refused < call.sent)
            })
        };
        prevs.iter().filter(is_next).count()
    };
    let (_, prevs) = refused.iter().max_by_key(|(_, prevs)| steps(prevs))?;
    let steps = steps(prevs);
    // A leap in between is the beginning of another search.
    if steps < MANY || steps * 4 < prevs.len() * 3 {
        return None;
    }
    let ((&to, last), (&from, first)) = (prevs.first_key_value()?, prevs.last_key_value()?);
    let (leader, server) = (first.from.server, first.to);
    let took = last.sent.at.0.abs_diff(first.sent.at.0) as f64 / 1e6;
    let what = format!("server {leader} lowers a follower's nextIndex one entry at a time");
    let refused =
        format!("server {server} refused a request from server {leader} with prevLogIndex {from}");
    let again = format!(
        "{took:.2} s later it refused one with prevLogIndex {to}; in between, the leader went back {steps} \
         times, by one entry each time"
    );
    Some(
        case.breach(&leaders::ONE_BY_ONE, leader, what)
            .seen(first.sent.at, refused, [first.id])
            .seen(last.sent.at, again, [last.id]),
    )
}

/// What a leader can't bring by entries: its log begins behind what the follower lacks, and it sends no
/// snapshot.
fn snapshot_needed(case: &Case<'_>) -> Option<Breach> {
    let story = case.story;
    let Row { first, last, count } = refused_again(case)?;
    let (leader, server, prev) = (first.from.server, first.to, last.args.prev_log_index?);
    let held = story.last_held(leader, last.sent)?;
    // It begins where its snapshot ends, or may no more have what comes before.
    let is_at_end = prev == held.index || prev == held.index + 1;
    // It has all that if it has a snapshot that goes as far, or has confirmed or applied as much.
    let needed = prev.min(held.index);
    let has_snapshot = story.held_by(server, last.sent).any(|own| own.index >= needed);
    let has_confirmed = story.handled_by(server as usize).any(|call| {
        call.is_accepted() && call.up_to() >= Some(needed) && call.handled < Some(last.sent)
    });
    let mut applied = story.applied_by(server).filter(|own| own.moment < last.sent);
    if has_snapshot || has_confirmed || applied.any(|own| own.index >= needed) {
        return None;
    }
    // A snapshot that was sent before may be an older one, or have been lost.
    let sent =
        story.sent_by(leader as usize).filter(|call| call.to == server && call.is_snapshot());
    let mut sent = sent.filter(|call| call.sent.at <= case.window.until && call.from == first.from);
    let last_sent = sent.next_back();
    if !is_at_end || last_sent.is_some_and(|call| call.sent.at >= first.sent.at) {
        return None;
    }
    let since = match last_sent {
        Some(call) => format!("since {} s", call.sent.at),
        None => "until now".to_owned(),
    };
    let what = match last_sent {
        Some(_) => {
            format!("server {leader} doesn't send server {server} the snapshot that it needs")
        }
        None => format!("server {leader} never sends server {server} the snapshot that it needs"),
    };
    let had = format!("server {leader} {held}");
    let text = format!(
        "server {server} has refused {count} requests with prevLogIndex {prev}: it lacks earlier entries, and \
         {since} server {leader} has sent it no snapshot"
    );
    Some(case.breach(&install_snapshot::NEEDED, leader, what).seen(held.moment.at, had, None).seen(
        last.sent.at,
        text,
        [first.id, last.id],
    ))
}

/// After an answer a leader goes on behind what that confirms, is refused, and has never sent what lies between.
pub(super) fn counted_beyond(case: &Case<'_>) -> Option<Breach> {
    let Row { first, last, count } = refused_again(case)?;
    let (leader, server, prev) = (first.from.server, first.to, last.args.prev_log_index?);
    let sent = case
        .story
        .sent_by(leader as usize)
        .filter(|call| call.to == server && call.is_leaders() && call.args.term == first.args.term);
    let sent: Vec<&Call> = sent.filter(|call| call.sent <= last.sent).collect();
    let confirmed = sent.iter().filter_map(|&call| {
        let (at, _) =
            call.returned.filter(|(at, _)| call.replied().is_some() && *at < first.sent)?;
        Some((at, call, call.confirms()?))
    });
    let (at, call, up_to) = confirmed.max_by_key(|(at, ..)| *at)?;
    // What it counts may have been sent, and confirmed in a way that isn't seen; but not what was refused.
    let brings = |call: &&Call| match call.is_snapshot() {
        _ if call.is_rejected() => false,
        true => call.args.last_included_index.is_none_or(|index| index >= prev),
        false => call.args.prev_log_index < Some(prev) && call.up_to() >= Some(prev),
    };
    let next = sent.iter().find(|call| call.sent > at)?;
    let goes_on = next.is_append() && next.args.prev_log_index == Some(prev);
    if up_to >= prev || !goes_on || sent.iter().any(brings) {
        return None;
    }
    let what =
        format!("server {leader} counts more entries than server {server}'s answer has confirmed");
    let brought = match call.is_snapshot() {
        true => format!("server {leader} sent server {server} a snapshot up to index {up_to}"),
        false => {
            format!("server {leader} sent server {server} a request that ends at index {up_to}")
        }
    };
    let then = format!(
        "the answer arrived, and server {leader} continued with prevLogIndex {prev}; it has never sent server \
         {server} the entries in between ({})",
        contract::indexes(up_to + 1, prev)
    );
    let refused = format!("server {server} has refused {count} such requests by now");
    Some(
        case.breach(&leaders::UNSENT_COUNTED, leader, what)
            .seen(call.sent.at, brought, [call.id])
            .seen(at.at, then, [call.id, next.id])
            .seen(last.sent.at, refused, [first.id, last.id])
            .sure_if(false),
    )
}

/// A request that carried entries failed, and the leader went on behind them without having sent them again.
pub(super) fn moved_at_sending(case: &Case<'_>) -> Option<Breach> {
    let (story, until) = (case.story, case.window.until);
    let mut found = Vec::new();
    for leader in up(&case.window) {
        let Some(led) = leads(story, leader as usize, until) else { continue };
        // What its snapshot covers it has no more.
        let covered = story.last_held(leader, case.window.end()).map_or(0, |held| held.index);
        for server in (0..story.servers as u32).filter(|&server| server != leader) {
            let all: Vec<&Call> = appends(story, leader, server, led.term).collect();
            let confirmed = |call: &&Call| call.is_accepted() && call.replied().is_some();
            let up_to = all.iter().copied().filter(confirmed).filter_map(Call::up_to).max();
            let failed = all.iter().find(|call| {
                let carries = call.has_entries();
                let end = call.up_to();
                let is_lost = match call.returned {
                    Some((_, Outcome::Replied)) => call.is_rejected(),
                    Some(_) => true,
                    None => false,
                };
                carries
                    && is_lost
                    && end > up_to
                    && call.args.prev_log_index >= Some(covered)
                    && call.returned.is_some_and(|it| it.0.at <= until)
            });
            let Some(failed) = failed else { continue };
            let (returned, outcome) = failed.returned?;
            let end = failed.up_to()?;
            let later: Vec<&&Call> = all.iter().filter(|call| call.sent > returned).collect();
            let beyond = |call: &&&Call| call.args.prev_log_index.is_some_and(|prev| prev >= end);
            // Who sends ahead learns by a refusal that something is missing. Until one comes it goes on.
            let refused = later.iter().find(|call| call.is_rejected() && call.replied().is_some());
            let told = refused.and_then(|call| call.replied()).unwrap_or(until);
            let since_told = later.iter().filter(|call| call.sent.at > told).count();
            // The follower may have said that it has them, whatever it was asked.
            let says_so = |call: &&Call| {
                let came = call.replied().is_some_and(|at| failed.sent.at <= at);
                let is_before =
                    later.first().is_some_and(|later| call.replied() <= Some(later.sent.at));
                came && is_before && call.numbers_besides().iter().any(|&(_, number)| number >= end)
            };
            if all.iter().any(says_so) {
                continue;
            }
            if since_told >= FEW
                && later.iter().all(beyond)
                && until.since(returned.at) > LONG / 2
                && let (Some(first), Some(last)) = (later.first(), later.last())
            {
                found.push((
                    leader,
                    server,
                    *failed,
                    returned.at,
                    outcome,
                    (**first, **last),
                    later.len(),
                ));
            }
        }
    }
    let (leader, server, failed, at, outcome, (first, last), times) = found.pop()?;
    let (prev, end) = (failed.args.prev_log_index?, failed.up_to()?);
    let what = format!("server {leader} has only sent some entries, but treats them as delivered");
    let came_to = match outcome {
        Outcome::Replied => "was refused".to_owned(),
        outcome => format!("failed ({outcome})"),
    };
    let sent = format!(
        "server {leader} sent server {server} entries ({})",
        contract::indexes(prev + 1, end)
    );
    let next = format!(
        "it continued with prevLogIndex {}; in {} since then, it never again sent these entries ({}), which \
         server {server} hasn't confirmed",
        first.args.prev_log_index?,
        count(times, "request"),
        contract::indexes(prev + 1, end)
    );
    Some(
        case.breach(&leaders::MOVED_AT_SENDING, leader, what)
            .seen(failed.sent.at, sent, [failed.id])
            .seen(at, format!("that call {came_to}"), [failed.id])
            .seen(first.sent.at, next, [first.id, last.id]),
    )
}

/// Answers came back, and their leader had stopped waiting for them.
pub(super) fn answer_not_taken(case: &Case<'_>) -> Option<Breach> {
    let (story, until) = (case.story, case.window.until);
    let dropped = story.calls.iter().filter(|call| {
        call.is_leaders()
            && call.dropped.is_some_and(|dropped| case.window.contains(dropped.at))
            && call.is_handled_until(until)
            && !call.is_lost()
            && !call.is_answered_emptily()
            && leads(story, call.from.server as usize, until)
                .is_some_and(|led| Some(led.term) == call.args.term)
    });
    let dropped: Vec<&Call> = dropped.collect();
    let last = dropped.last().filter(|_| dropped.len() >= FEW)?;
    // That of the calls to the same server most are answered is no reason.
    let all = appends(story, last.from.server, last.to, last.args.term?);
    let all = all.filter(|call| case.window.contains(call.sent.at)).count();
    let of_it = dropped.iter().filter(|call| (call.from, call.to) == (last.from, last.to)).count();
    if of_it * 2 < all {
        return None;
    }
    let server = last.from.server;
    let what = format!("server {server} stops waiting for answers before they arrive");
    Some(not_taken(case, server, last, what, dropped.len()))
}
