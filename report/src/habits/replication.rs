//! Instead of agreement on a command: the way of one entry from its leader's log to each service, and where
//! it ends.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::elections::not_taken;
use super::{Habit, LONG, applying, budget, leads, seconds, up};
use crate::check::{Accepted, Check};
use crate::event::Time;
use crate::explain::Case;
use crate::outcome::Outcome;
use crate::spec::Breach;
use crate::spec::rules::{all_servers, append_entries, contract, install_snapshot, leaders};
use crate::story::{Call, Proposal, Purpose, Story};
use crate::text::{count, list};

pub(super) const HABITS: &[Habit] = &[
    Habit {
        rule: &leaders::IN_TURN,
        refuted_by: "two of its calls were outstanding at the same time",
        find: in_turn,
    },
    Habit {
        rule: &leaders::ONE_BY_ONE,
        refuted_by: "the steps back are longer than one",
        find: back_one_by_one,
    },
    Habit {
        rule: &install_snapshot::NEEDED,
        refuted_by: "the follower has what comes before the leader's snapshot, or a snapshot was sent to it",
        find: snapshot_needed,
    },
    Habit {
        rule: &leaders::MOVED_AT_SENDING,
        refuted_by: "the requests that failed were sent again",
        find: moved_at_sending,
    },
    Habit {
        rule: &leaders::NEXT_INDEX_STAYS,
        refuted_by: "the refusals were lost on their way, or nextIndex went down",
        find: same_prev_again,
    },
    Habit {
        rule: &install_snapshot::ANSWER_MOVED_NOTHING,
        refuted_by: "the answers were lost on their way, or the follower had crashed meanwhile",
        find: same_snapshot_again,
    },
    Habit {
        rule: &contract::REPLY_NOT_TAKEN,
        refuted_by: "the same was answered and taken later",
        find: answer_not_taken,
    },
    Habit {
        rule: &leaders::ONE_CALL,
        refuted_by: "another request went to that server while the call was outstanding",
        find: one_call,
    },
    Habit {
        rule: &contract::TASK_ENDED,
        refuted_by: "another task did that work afterwards",
        find: task_ended,
    },
    Habit {
        rule: &leaders::SENDS,
        refuted_by: "the follower refused what comes before, or a snapshot was on its way",
        find: not_sent,
    },
    Habit {
        rule: &leaders::COMMITS,
        refuted_by: "the answers came to a leader of another term",
        find: not_committed,
    },
    Habit {
        rule: &leaders::TELLS_COMMIT,
        refuted_by: "what was sent since was lost",
        find: commit_not_told,
    },
    Habit {
        rule: &append_entries::HEARTBEAT_COMMIT,
        refuted_by: "it has applied something of which only heartbeats had told it",
        find: heartbeat_commit,
    },
    Habit {
        rule: &all_servers::NOT_APPLIED,
        refuted_by: "its service was slow",
        find: not_applied,
    },
];

/// How often the same must have been tried in vain.
const FEW: usize = 4;

/// For how many refusals in a row an entry is looked for before that is slow.
const MANY: usize = 8;

/// The command that wasn't agreed upon, as its leader had accepted it.
fn target<'a>(case: &Case<'a>) -> Option<&'a Proposal> {
    let until = case.window.until;
    let mut own = case.story.proposals.iter().rev().filter(|own| own.moment.at <= until);
    match case.failure.check {
        Check::Agreed { accepted: Some(Accepted { index, term }) } => {
            own.find(|own| own.index == index && term.is_none_or(|term| term == own.term))
        }
        _ => own.next(),
    }
}

/// The servers that could have it and don't.
fn lacking(case: &Case<'_>, own: &Proposal) -> Vec<u32> {
    let has = |server: u32| {
        let mut applied = case.story.applied.iter();
        applied.any(|applied| applied.server.server == server && applied.index >= own.index)
    };
    up(&case.window).filter(|&server| !has(server)).collect()
}

fn appends(story: &Story, from: u32, to: u32, term: u64) -> impl DoubleEndedIterator<Item = &Call> {
    story.sent_by(from as usize).filter(move |call| {
        call.purpose == Purpose::Append && call.to == to && call.args.term == Some(term)
    })
}

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

/// The longest row of refused requests with the same prevLogIndex, each sent with the refusal before known.
fn refused_again<'a>(case: &Case<'a>) -> Option<Row<'a>> {
    let mut rows: BTreeMap<(u32, u32, u64), Row<'_>> = BTreeMap::new();
    let mut found: Option<Row<'_>> = None;
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
        let same = |row: &&Row<'_>| row.last.args.prev_log_index == call.args.prev_log_index;
        if success || call.reply.term != Some(term) {
            rows.remove(&key);
        } else if let Some(&row) = rows.get(&key).filter(same) {
            let Some(row) = row.and(call) else { continue };
            rows.insert(key, row);
            let lasted = call.sent.at.since(row.first.sent.at);
            let is_longest = found.is_none_or(|found| found.count < row.count);
            if row.count >= FEW && lasted > LONG / 4 && is_longest {
                found = Some(row);
            }
        } else {
            rows.insert(key, Row::of(call));
        }
    }
    found
}

/// A request says the same as one whose refusal its leader has had, again and again.
fn same_prev_again(case: &Case<'_>) -> Option<Breach> {
    let Row { first, last, count } = refused_again(case)?;
    let (leader, server, prev) = (first.from.server, first.to, first.args.prev_log_index?);
    let refused =
        format!("server {leader} sent what follows index {prev}, and server {server} refused it");
    let again = format!(
        "server {leader} had {} such refusals by then, and tried the same prevLogIndex again",
        count - 1
    );
    let what = format!("server {leader} tries the same prevLogIndex again and again");
    let breach = Breach::new(&leaders::NEXT_INDEX_STAYS, case.window.end(), leader, what)
        .seen(first.sent.at, refused, [first.id])
        .seen(last.sent.at, again, [last.id]);
    // What may hold it up: a confirmation that goes as far in the same term, or that the leader takes for one.
    let confirmed = appends(case.story, leader, server, first.args.term?)
        .filter(|call| call.sent < first.sent && call.reply.success == Some(true))
        .filter_map(Call::up_to)
        .max();
    Some(match confirmed {
        Some(up_to) if up_to >= prev => breach.seen(
            first.sent.at,
            format!("it had confirmed index {up_to} in that term before"),
            None,
        ),
        _ => breach,
    })
}

/// A follower has a snapshot, and its leader, who has heard that, sends it once more, again and again.
fn same_snapshot_again(case: &Case<'_>) -> Option<Breach> {
    let mut rows: BTreeMap<(u32, u32, Option<u64>), Row<'_>> = BTreeMap::new();
    let mut longest: Option<Row<'_>> = None;
    let story = case.story;
    // Nobody waits for the reply to a copy.
    let calls =
        story.calls.iter().filter(|call| call.purpose == Purpose::Snapshot && !call.is_copy);
    for call in calls.filter(|call| call.sent.at <= case.window.until) {
        let key = (call.from.server, call.to, call.args.term);
        let index = call.args.last_included_index;
        let is_taken = call.replied().is_some() && call.reply.term == call.args.term;
        if !is_taken || index.is_none() {
            rows.remove(&key);
            continue;
        }
        let same = |row: &&Row<'_>| {
            (row.last.args.last_included_index, row.last.life) == (index, call.life)
        };
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
    let sent = format!(
        "server {leader} sent server {server} its snapshot up to index {}, and got its answer",
        first.args.last_included_index?
    );
    let what = format!("server {leader} sends the same snapshot again and again");
    let rule = &install_snapshot::ANSWER_MOVED_NOTHING;
    Some(
        Breach::new(rule, case.window.end(), leader, what)
            .seen(first.sent.at, sent, [first.id])
            .seen(
                last.sent.at,
                format!("it had sent the same one {count} times by then"),
                [last.id],
            ),
    )
}

/// Of two requests that a follower refused in a term, most follow indexes that are next to each other.
fn back_one_by_one(case: &Case<'_>) -> Option<Breach> {
    let mut refused: BTreeMap<(u32, u32, u64), BTreeMap<u64, &Call>> = BTreeMap::new();
    for call in &case.story.calls {
        if let (Purpose::Append, Some(false), Some(term), Some(prev)) =
            (call.purpose, call.reply.success, call.args.term, call.args.prev_log_index)
            && call.reply.term == Some(term)
            && call.sent.at <= case.window.until
            && call.returned.is_some_and(|(returned, _)| returned.at >= case.window.settled)
        {
            let row = refused.entry((call.from.server, call.to, term)).or_default();
            row.entry(prev).or_insert(call);
        }
    }
    let steps = |prevs: &BTreeMap<u64, &Call>| {
        let next = |prev: &&u64| prevs.contains_key(&(**prev + 1));
        prevs.keys().filter(next).count()
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
    let what = format!("server {leader} looked for the end of a follower's log entry by entry");
    let refused =
        format!("server {server} refused what server {leader} sent to follow index {from}");
    let again = format!(
        "{took:.2} s later it was to follow index {to}, and was refused again; between lie {steps} steps by one"
    );
    Some(
        Breach::new(&leaders::ONE_BY_ONE, case.window.end(), leader, what)
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
    let held = story.held_by(leader, last.sent).max_by_key(|held| held.index)?;
    // It begins where its snapshot ends, or may no more have what comes before.
    let is_at_end = prev == held.index || prev == held.index + 1;
    // It has all that if it has a snapshot that goes as far, or has confirmed as much.
    let has_snapshot = story.held_by(server, last.sent).any(|own| own.index >= prev);
    let confirmed = story.handled_by(server as usize).any(|call| {
        call.reply.success == Some(true)
            && call.up_to() >= Some(prev)
            && call.handled < Some(last.sent)
    });
    if has_snapshot || confirmed {
        return None;
    }
    let mut sent = story.sent_by(leader as usize).filter(|call| call.to == server);
    let was_sent = sent.any(|call| {
        call.purpose == Purpose::Snapshot
            && call.sent.at >= first.sent.at
            && call.sent.at <= case.window.until
    });
    if !is_at_end || was_sent {
        return None;
    }
    let what = format!("server {leader} never sends server {server} the snapshot that it needs");
    let how = if held.is_installed { "installed" } else { "was given" };
    let had = format!("server {leader} {how} a snapshot up to index {}", held.index);
    let text = format!(
        "server {server} has refused {count} requests that follow index {prev}: it lacks what comes before, \
         and until now server {leader} has sent it no snapshot"
    );
    Some(
        Breach::new(&install_snapshot::NEEDED, case.window.end(), leader, what)
            .seen(held.moment.at, had, None)
            .seen(last.sent.at, text, [first.id, last.id]),
    )
}

/// A request that carried entries failed, and the leader went on behind them without having sent them again.
fn moved_at_sending(case: &Case<'_>) -> Option<Breach> {
    let (story, until) = (case.story, case.window.until);
    let mut found = Vec::new();
    for leader in up(&case.window) {
        let Some(led) = leads(story, leader as usize, until) else { continue };
        for server in (0..story.servers as u32).filter(|&server| server != leader) {
            let all: Vec<&Call> = appends(story, leader, server, led.term).collect();
            let confirmed =
                |call: &&Call| call.reply.success == Some(true) && call.replied().is_some();
            let up_to = all.iter().copied().filter(confirmed).filter_map(Call::up_to).max();
            let failed = all.iter().find(|call| {
                let carries = call.args.entries.as_ref().is_some_and(|entries| !entries.is_empty());
                let end = call.up_to();
                let is_lost = match call.returned {
                    Some((_, Outcome::Replied)) => call.reply.success == Some(false),
                    Some(_) => true,
                    None => false,
                };
                carries
                    && is_lost
                    && end > up_to
                    && call.returned.is_some_and(|it| it.0.at <= until)
            });
            let Some(failed) = failed else { continue };
            let (returned, outcome) = failed.returned?;
            let end = failed.up_to()?;
            let later: Vec<&&Call> = all.iter().filter(|call| call.sent > returned).collect();
            let beyond = |call: &&&Call| call.args.prev_log_index.is_some_and(|prev| prev >= end);
            if later.len() >= FEW
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
    let what = format!("server {leader} takes for delivered what it has only sent");
    let came_to = match outcome {
        Outcome::Replied => "was refused".to_owned(),
        outcome => format!("failed ({outcome})"),
    };
    let sent = format!("server {leader} sent server {server} {}", contract::indexes(prev + 1, end));
    let next = format!(
        "it went on with what follows index {}; in {} since then it has never sent {} again, which server \
         {server} hasn't confirmed",
        first.args.prev_log_index?,
        count(times, "request"),
        contract::indexes(prev + 1, end)
    );
    Some(
        Breach::new(&leaders::MOVED_AT_SENDING, case.window.end(), leader, what)
            .seen(failed.sent.at, sent, [failed.id])
            .seen(at, format!("that call {came_to}"), [failed.id])
            .seen(first.sent.at, next, [first.id, last.id]),
    )
}

/// Answers came back, and their leader had stopped waiting for them.
fn answer_not_taken(case: &Case<'_>) -> Option<Breach> {
    let (story, until) = (case.story, case.window.until);
    let dropped = story.calls.iter().filter(|call| {
        call.is_leaders()
            && call.dropped.is_some_and(|dropped| case.window.contains(dropped.at))
            && call.handled.is_some_and(|handled| handled.at <= until)
            && !matches!(call.returned, Some((_, Outcome::RequestLost | Outcome::ReplyLost)))
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
    let what = format!("server {server} stops waiting for answers that come");
    Some(not_taken(case, server, last, what, dropped.len()))
}

/// Nothing was sent to a server while a call to it was outstanding for long.
fn one_call(case: &Case<'_>) -> Option<Breach> {
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
    let what =
        format!("server {leader} sends a server nothing as long as a call to it is outstanding");
    let text = format!(
        "server {leader} sent server {server} {}, and nothing more for the {} for which that call was \
         outstanding; it never had two calls to that server under way",
        call.method,
        seconds(end.since(call.sent.at))
    );
    Some(Breach::new(&leaders::ONE_CALL, case.window.end(), leader, what).seen(
        call.sent.at,
        text,
        [call.id],
    ))
}

/// A leader's task has ended, and what it had sent to somebody until then is sent no more.
fn task_ended(case: &Case<'_>) -> Option<Breach> {
    let (story, until) = (case.story, case.window.until);
    let own = target(case)?;
    let led = leads(story, own.server.server as usize, until)?;
    let silent = lacking(case, own).into_iter().find_map(|server| {
        let last = story.sent_by(led.server as usize).rev().find(|call| call.to == server)?;
        let is_long = until.since(last.sent.at) > LONG && server != led.server;
        is_long.then_some((server, last))
    });
    let (server, last) = silent?;
    let task = story.tasks.iter().rev().find(|task| {
        task.server == last.from && task.moment.at >= last.sent.at && task.moment.at <= until
    })?;
    let what =
        format!("a task of server {} has ended, and the server sends less since", led.server);
    let text =
        format!("server {}'s task that was spawned at {} {}", led.server, task.place(), task.how);
    let nothing =
        format!("server {} has sent server {server} nothing since, and leads still", led.server);
    Some(
        Breach::new(&contract::TASK_ENDED, case.window.end(), led.server, what)
            .seen(last.sent.at, format!("the last that it sent server {server}"), [last.id])
            .seen(task.moment.at, text, None)
            .seen(until, nothing, None),
    )
}

/// Its leader never sent it to somebody.
fn not_sent(case: &Case<'_>) -> Option<Breach> {
    let (story, until) = (case.story, case.window.until);
    let own = target(case)?;
    let (leader, index) = (own.server.server, own.index);
    let since = own.moment.at.max(case.window.settled);
    let led = leads(story, leader as usize, until)?;
    let is_up = case.window.up.contains(&(leader as usize));
    if led.term != own.term || until.since(since) < LONG || !is_up || in_turn(case).is_some() {
        return None;
    }
    let server = lacking(case, own).into_iter().find(|&server| {
        // While it refuses, its leader looks for the place.
        let answered = appends(story, leader, server, led.term)
            .filter_map(|call| call.reply.success.filter(|_| call.returned.is_some()))
            .next_back();
        let brings = |call: &Call| call.args.entries.is_some() && call.up_to() >= Some(index);
        let mut sent = story.sent_by(leader as usize).filter(|call| call.to == server);
        server != leader
            && answered != Some(false)
            && !appends(story, leader, server, led.term).any(brings)
            && !sent.any(|call| call.purpose == Purpose::Snapshot && call.sent.at >= since)
    })?;
    // What can't be read may have brought it.
    let mut sent = story.sent_by(leader as usize).filter(|call| call.to == server);
    if sent.any(|call| {
        let says = call.args.prev_log_index.is_some() && call.args.entries.is_some();
        call.sent.at >= own.moment.at
            && (call.purpose == Purpose::Other || call.purpose == Purpose::Append && !says)
    }) {
        return None;
    }
    // Then its turn may not have come yet.
    if let Some(slow) = budget::one_a_request(case) {
        return Some(slow);
    }
    let accepted =
        format!("server {leader} accepted the command at index {index} in term {}", led.term);
    let what = format!("server {leader} never sent the command to server {server}");
    let mut breach = Breach::new(&leaders::SENDS, case.window.end(), leader, what).seen(
        own.moment.at,
        accepted,
        None,
    );
    if let Some(last) = appends(story, leader, server, led.term).last() {
        let text = format!(
            "the last that it sent server {server} follows index {} and has {}",
            last.args.prev_log_index.unwrap_or(0),
            count(last.args.entries.as_ref().map_or(0, Vec::len), "entry")
        );
        breach = breach.seen(last.sent.at, text, [last.id]);
    }
    let text = format!("until now it has sent server {server} nothing with that index");
    Some(breach.seen(until, text, None))
}

/// The answers by which a majority has confirmed a command to its leader, the deciding one last.
fn confirmations<'a>(case: &Case<'a>, own: &Proposal) -> Option<Vec<(Time, &'a Call)>> {
    let story = case.story;
    let leader = own.server.server;
    let mut confirmed: Vec<(Time, &Call)> = Vec::new();
    for server in (0..story.servers as u32).filter(|&server| server != leader) {
        let first = appends(story, leader, server, own.term).find_map(|call| {
            let success = call.reply.success == Some(true) && call.up_to()? >= own.index;
            success.then_some((call.replied()?, call))
        });
        confirmed.extend(first);
    }
    confirmed.sort_by_key(|&(at, _)| at);
    // The leader itself has it.
    confirmed.truncate(story.majority() - 1);
    (confirmed.len() + 1 == story.majority()).then_some(confirmed)
}

/// Whether a leader shows that it calls an index committed.
fn shows_commit(case: &Case<'_>, own: &Proposal) -> bool {
    let (story, leader) = (case.story, own.server.server);
    let mut sent = story.sent_by(leader as usize).filter(|call| call.args.term == Some(own.term));
    let mut applied = story.applied.iter();
    sent.any(|call| call.args.leader_commit >= Some(own.index))
        || applied.any(|done| done.server.server == leader && done.index >= own.index)
}

/// Confirmed by a majority for long, and the leader doesn't call it committed.
fn not_committed(case: &Case<'_>) -> Option<Breach> {
    let (story, until) = (case.story, case.window.until);
    let own = target(case)?;
    let (leader, index) = (own.server.server, own.index);
    let confirmed = confirmations(case, own)?;
    let &(at, _) = confirmed.last()?;
    let led = leads(story, leader as usize, until)?;
    if shows_commit(case, own) || led.term != own.term || until.since(at) < LONG {
        return None;
    }
    let who = list(confirmed.iter().map(|(_, call)| format!("server {}", call.to)));
    let text = format!(
        "{who} had confirmed index {index} to server {leader}, the leader: a majority with it"
    );
    let nothing =
        format!("server {leader} hasn't applied it, and has told nobody that it is committed");
    // Whoever took no answer knows of none.
    let dropped = confirmed.iter().filter(|(_, call)| call.dropped.is_some()).count();
    if let Some((_, call)) = confirmed.iter().find(|(_, call)| call.dropped.is_some()) {
        let what = format!("server {leader} stops waiting for answers that come");
        return Some(not_taken(case, leader, call, what, dropped));
    }
    let what = format!("server {leader} doesn't commit what a majority has");
    Some(
        Breach::new(&leaders::COMMITS, case.window.end(), leader, what)
            .seen(at, text, confirmed.iter().map(|(_, call)| call.id))
            .seen(until, nothing, None),
    )
}

/// A leader has applied it, and goes on telling others of less.
fn commit_not_told(case: &Case<'_>) -> Option<Breach> {
    let (story, until) = (case.story, case.window.until);
    let own = target(case)?;
    let (leader, index) = (own.server.server, own.index);
    let led = leads(story, leader as usize, until)?;
    let applied = story.applied.iter().find(|done| {
        done.server.server == leader && done.index >= index && done.moment.at >= led.since
    })?;
    let (server, calls) = lacking(case, own).into_iter().find_map(|server| {
        let later = appends(story, leader, server, led.term).filter(|call| {
            call.sent > applied.moment && call.sent.at <= until && call.up_to() >= Some(index)
        });
        let later: Vec<&Call> = later.collect();
        let tells = |call: &&Call| call.args.leader_commit.is_none_or(|commit| commit >= index);
        (later.len() >= FEW && !later.iter().any(tells)).then_some((server, later))
    })?;
    let (first, last) = (calls.first()?, calls.last()?);
    if last.sent.at.since(first.sent.at) < LONG / 4 {
        return None;
    }
    let what = format!("server {leader} doesn't tell the others what is committed");
    let text = format!(
        "the last of {} to server {server} since then says that index {} is committed",
        count(calls.len(), "request"),
        last.args.leader_commit?
    );
    Some(
        Breach::new(&leaders::TELLS_COMMIT, case.window.end(), leader, what)
            .seen(
                applied.moment.at,
                format!("server {leader}, the leader, applied index {index}"),
                None,
            )
            .seen(last.sent.at, text, [first.id, last.id]),
    )
}

/// The requests that told `server` that `index` is committed, and that its log has it.
fn told<'a>(case: &Case<'a>, server: u32, index: u64) -> Vec<&'a Call> {
    let handled = case.story.handled_by(server as usize);
    let told = handled.filter(|call| {
        call.reply.success == Some(true)
            && call.args.leader_commit >= Some(index)
            && call.up_to() >= Some(index)
            && call.handled.is_some_and(|handled| handled.at <= case.window.until)
    });
    told.collect()
}

fn has_entries(call: &Call) -> bool {
    call.args.entries.as_ref().is_some_and(|entries| !entries.is_empty())
}

/// Whether a server has applied something of which only heartbeats had told it that it is committed;
/// or lags behind what requests with entries have told it.
fn heeds_heartbeats(case: &Case<'_>, server: u32) -> bool {
    let life = case.story.lives[server as usize].last();
    let began = life.map_or(Time(0), |life| life.from.at);
    let applied = case.story.applied.iter().filter(|applied| {
        applied.server.server == server && applied.moment.at >= began && applied.command.is_some()
    });
    let told_by_entries = |index: u64, until: Time| {
        told(case, server, index).iter().any(|call| {
            let came = |came: crate::story::Moment| came.at >= began && came.at <= until;
            has_entries(call) && call.delivered.is_some_and(came)
        })
    };
    let mut last = 0;
    for applied in applied {
        // As the leader it needs nobody to tell it.
        let leads = case.story.view_at(server as usize, applied.moment.at);
        if leads.is_some_and(|view| !view.is_leader)
            && !told_by_entries(applied.index, applied.moment.at)
        {
            return true;
        }
        last = last.max(applied.index);
    }
    told_by_entries(last + 1, case.window.until)
}

/// The server that was told long ago that the command is committed and hasn't applied it, what told it, and
/// whether only heartbeats did.
fn unapplied<'a>(case: &Case<'a>) -> Option<(u32, Vec<&'a Call>, bool)> {
    let own = target(case)?;
    let (server, calls) = lacking(case, own).into_iter().find_map(|server| {
        let calls = told(case, server, own.index);
        let since = calls.first()?.handled?.at;
        (case.window.until.since(since) >= LONG / 2).then_some((server, calls))
    })?;
    let ignores = !calls.iter().any(|call| has_entries(call)) && !heeds_heartbeats(case, server);
    Some((server, calls, ignores))
}

/// That a server was told and hasn't applied it.
fn left_unapplied(case: &Case<'_>, breach: Breach, server: u32, calls: &[&Call]) -> Option<Breach> {
    let first = calls.first()?;
    let index = target(case)?.index;
    let told = format!(
        "server {server} answered a request that says that index {} is committed; its log had index {index}",
        first.args.leader_commit?
    );
    let often = match calls.len() {
        1 => "once".to_owned(),
        n => format!("{n} times"),
    };
    let never = format!("it was told {often} and hasn't applied it");
    Some(breach.seen(first.handled?.at, told, [first.id]).seen(case.window.until, never, None))
}

/// Who was told only by heartbeats, and doesn't apply it.
fn heartbeat_commit(case: &Case<'_>) -> Option<Breach> {
    let (server, calls, ignores) = unapplied(case)?;
    let what = format!("server {server} ignores the commit index of requests without entries");
    let rule = &append_entries::HEARTBEAT_COMMIT;
    let breach = Breach::new(rule, case.window.end(), server, what);
    left_unapplied(case, breach, server, &calls).filter(|_| ignores)
}

fn not_applied(case: &Case<'_>) -> Option<Breach> {
    let (server, calls, ignores) = unapplied(case)?;
    let since = calls.first()?.handled?;
    let until = case.window.until;
    let mut applied = case.story.applied.iter().rev();
    let last = applied.find(|it| it.server.server == server && it.moment > since);
    let goes_on = last.is_some_and(|last| until.since(last.moment.at) * 2 < until.since(since.at));
    if goes_on && let Some(late) = applying::applies_late(case) {
        return Some(late);
    }
    let what = format!("server {server} knows that the command is committed, and doesn't apply it");
    let breach = Breach::new(&all_servers::NOT_APPLIED, case.window.end(), server, what);
    left_unapplied(case, breach, server, &calls).filter(|_| !ignores)
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
        "server {server} sends nothing while a call of its is outstanding ({})",
        count(stalled.len(), "time")
    );
    let text = format!(
        "server {server} sent {} to server {}, and as long as that call was outstanding nothing more of the \
         kind to anybody, for {}{}",
        call.method,
        call.to,
        seconds(until.since(call.sent.at)),
        if next.is_some() { "" } else { ": until it ended" }
    );
    let breach = Breach::new(&leaders::IN_TURN, case.window.end(), server, what);
    let breach = breach.seen(call.sent.at, text, [call.id]);
    Some(match next {
        Some(next) => {
            let text = format!("at once it sent {} to server {}", next.method, next.to);
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
        .filter(|call| call.is_leaders() || call.purpose == Purpose::Vote)
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
        let next = sent[place + 1..].iter().copied().find(|next| is_same_role(next, call));
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
    let views = story.views[server].iter();
    let moved = views.filter(|view| view.moment > call.sent && Some(view.term) > call.args.term);
    let answered = story
        .handled_by(server)
        .filter(|other| other.handled > Some(call.sent) && other.reply.term > call.args.term);
    let answered = answered.filter_map(|other| other.handled).map(|handled| handled.at);
    let left = moved.map(|view| view.moment.at).chain(answered).min();
    left.unwrap_or(until).min(until).since(call.sent.at)
}

/// For how long a server was seen to lead between `from` and `until`.
fn led(story: &Story, server: usize, from: Time, until: Time) -> Duration {
    let reigns = story.lasting_views(server).filter(|(view, _)| view.is_leader);
    reigns.map(|(view, ended)| ended.min(until).since(view.moment.at.max(from))).sum()
}
