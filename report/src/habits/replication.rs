//! Instead of agreement on a command: the way of one entry from its leader's log to each service, and where
//! it ends.

use std::time::Duration;

use super::votes::not_taken;
use super::{
    Habit, LONG, Leader, applying, batches, budget, confirmed, leads, life_at, sending, tasks,
    turns, up,
};
use crate::check::{Accepted, Check};
use crate::event::{Caller, Detail, Time};
use crate::explain::{Case, Window};
use crate::spec::Breach;
use crate::spec::rules::{all_servers, append_entries, contract, leaders, persistence};
use crate::story::{Call, Proposal, Purpose, Story, TaskEnd};
use crate::text::{count, list};

pub(super) const HABITS: &[Habit] = &[
    Habit::new(
        confirmed::lacks_confirmed,
        "last_index in its debug_state isn't the index of its last entry",
    ),
    Habit::new(turns::in_turn, "two of its calls were outstanding at the same time"),
    Habit::new(sending::back_one_by_one, "the leader went back by more than one entry at a time"),
    sending::NO_ENTRIES,
    sending::NEEDED,
    Habit::new(
        sending::counted_beyond,
        "the leader had a reason to continue there, such as what the follower's answer says about its log",
    ),
    Habit::new(sending::moved_at_sending, "the requests that failed were sent again"),
    sending::PREV,
    sending::SNAPSHOT,
    Habit::new(
        sending::answer_not_taken,
        "the same request was sent again later, and the leader used the answer",
    ),
    Habit::new(
        turns::one_call,
        "another request went to that server while the call was outstanding",
    ),
    Habit::new(task_ended, "another task did that work afterwards"),
    Habit::new(
        not_sent,
        "the follower refused the entries before it, or a snapshot was on its way",
    ),
    sending::REST,
    Habit::new(not_committed, "the answers arrived when the leader was in another term"),
    Habit::new(commit_not_told, "the requests since then were lost"),
    Habit::new(
        heartbeat_commit,
        "it has applied an entry that only heartbeats had reported as committed",
    ),
    Habit::new(not_applied, "its service was slow"),
    Habit::new(not_applied_by_leader, "its service was slow"),
    Habit::new(reported_and_not_applied, "its service was slow"),
];

/// How often the same must have been tried in vain.
pub(super) const FEW: usize = 4;

/// The command that wasn't agreed upon, if messages have it at the index that its leader's `start()` returned.
fn target<'a>(case: &Case<'a>) -> Option<&'a Proposal> {
    accepted(case).filter(|_| !case.story.counts_other_entries)
}

/// The command that wasn't agreed upon, as its leader had accepted it. A later leader's counts more: a former one that is
/// cut off accepts commands as well, and the test asks all.
fn accepted<'a>(case: &Case<'a>) -> Option<&'a Proposal> {
    let Window { from, until, .. } = case.window;
    let mut own = case.story.proposals.iter().rev().filter(|own| own.moment.at <= until);
    let Check::Agreed { accepted: Some(Accepted { index, term }) } = case.failure.check else {
        return own.next();
    };
    let told =
        own.clone().find(|own| own.index == index && term.is_none_or(|term| term == own.term))?;
    let still_leads = |own: &Proposal| {
        leads(case.story, own.server.server as usize, until).is_some_and(|led| led.term == own.term)
    };
    let in_check = own.take_while(|own| own.moment.at >= from);
    let later = in_check.filter(|own| own.term > told.term && still_leads(own));
    Some(later.last().unwrap_or(told))
}

/// From when to when the leader that accepted the command led afterwards, if it led no more when the check failed.
pub(super) fn reign(case: &Case<'_>) -> Option<(Time, Time)> {
    let own = accepted(case)?;
    let mut views = case.story.views[own.server.server as usize].iter();
    let fell =
        views.find(|view| view.moment > own.moment && (view.term > own.term || !view.is_leader))?;
    let until = super::before(fell.moment.at, Duration::from_micros(1));
    (until < case.window.until).then_some((own.moment.at.max(case.window.from), until))
}

/// The servers that could have it and don't.
fn lacking(case: &Case<'_>, own: &Proposal) -> Vec<u32> {
    let has = |server| case.story.applied_by(server).any(|applied| applied.index >= own.index);
    up(&case.window).filter(|&server| !has(server)).collect()
}

pub(super) fn appends(
    story: &Story,
    from: u32,
    to: u32,
    term: u64,
) -> impl DoubleEndedIterator<Item = &Call> {
    story
        .sent_by(from as usize)
        .filter(move |call| call.is_append() && call.to == to && call.args.term == Some(term))
}

/// A leader's task has ended, and what it had sent to somebody until then is sent no more.
fn task_ended(case: &Case<'_>) -> Option<Breach> {
    let (story, until) = (case.story, case.window.until);
    let own = accepted(case)?;
    let led = leads(story, own.server.server as usize, until)?;
    let silent = lacking(case, own).into_iter().find_map(|server| {
        let sent = story.sent_by(led.server as usize).rev();
        let mut sent = sent.filter(|call| call.from.incarnation == led.incarnation);
        let last = sent.find(|call| call.to == server)?;
        let is_long = until.since(last.sent.at) > LONG && server != led.server;
        is_long.then_some((server, last))
    });
    let (server, last) = silent?;
    let task = story.tasks.iter().rev().find(|task| {
        task.server == last.from
            && task.moment.at >= last.sent.at
            && task.moment.at <= until
            && !is_of_a_call(story, task)
    })?;
    let what =
        format!("a task of server {} has ended, and since then the server sends less", led.server);
    let text = format!("server {}'s task, spawned at {}, {}", led.server, task.place(), task.how);
    let nothing = format!(
        "server {} still leads, but has sent server {server} nothing since then",
        led.server
    );
    Some(
        case.breach(&contract::TASK_ENDED, led.server, what)
            .seen(
                last.sent.at,
                format!("server {}'s last request to server {server}", led.server),
                [last.id],
            )
            .seen(task.moment.at, text, None)
            .seen(until, nothing, None),
    )
}

/// A task that is spawned for a single call ends with it, as it should.
fn is_of_a_call(story: &Story, task: &TaskEnd) -> bool {
    story.sent_by(task.server.server as usize).any(|call| {
        let ended = call.returned.map(|(at, _)| at.at).or(call.dropped.map(|dropped| dropped.at));
        call.sent.at == task.began && ended == Some(task.moment.at)
    })
}

/// The task that ended when a server applied for the last time, or later, and that had begun with the server.
fn applier_ended<'a>(case: &Case<'a>, server: u32, since: Time) -> Option<&'a TaskEnd> {
    let story = case.story;
    let life = story.lives[server as usize].last().filter(|life| story.saw_begin(life))?;
    let applied = story.applied_by(server).filter(|it| it.moment > life.from);
    let last = applied.map(|it| it.moment.at).max();
    story.tasks.iter().find(|task| {
        task.server == Caller { server, incarnation: life.incarnation }
            && task.began.since(life.from.at) < LONG / 100
            && last.is_none_or(|last| last <= task.moment.at)
            && task.moment.at <= since
    })
}

/// What a server says of itself, in its `debug_state`, the last time since then: servers are looked at when a run fails.
fn says<'a>(case: &Case<'a>, server: u32, since: Time) -> Option<&'a Detail> {
    let last = case.story.views[server as usize].last()?;
    last.detail.as_ref().filter(|_| last.moment.at >= since)
}

/// The same breach, or what keeps the server from applying anything: it hasn't since it was restarted with a snapshot; by
/// its own word it has already; or the task which applied has ended.
fn or_stuck(case: &Case<'_>, breach: Breach, (server, index): (u32, u64), since: Time) -> Breach {
    let (story, until) = (case.story, case.window.until);
    if applier_ended(case, server, since).is_some() {
        return or_task_ended(case, breach, server, since);
    }
    let applied = || story.applied_by(server).filter(|applied| applied.moment.at <= until);
    let life = life_at(story, server as usize, until);
    let says = says(case, server, since);
    let commits = says.is_some_and(|says| says.commit_index >= index);
    let commits = commits || breach.rule.id != leaders::COMMITS.id;
    if let Some(life) = life.filter(|life| life.incarnation > 1 && story.saw_begin(life))
        && let Some(held) = story.last_held(server, life.from).filter(|held| held.index > 0)
        && !applied().any(|applied| applied.moment > life.from)
        && commits
    {
        let what =
            format!("since its restart with a snapshot, server {server} has applied nothing");
        let began =
            format!("server {server} was restarted with a snapshot up to index {}", held.index);
        let stuck = case.breach(&persistence::SNAPSHOT_INDEX_FORGOTTEN, server, what);
        let mut stuck = stuck.seen(life.from.at, began, None);
        if let Some(says) = says {
            let text = format!("server {server} reports lastApplied {}", says.last_applied);
            stuck = stuck.concluded(until, text, None);
        }
        return stuck.facts(breach.facts);
    }
    let last = applied().next_back();
    let got = applied().map(|applied| applied.index).max().unwrap_or(0);
    let is_idle = last.is_none_or(|last| until.since(last.moment.at) >= 3 * LONG);
    if let Some(says) = says.filter(|says| is_idle && says.last_applied >= index && got < index) {
        let what = format!("server {server} takes commands for applied that its service never got");
        let text = format!(
            "server {server} reports lastApplied {}, but its service has got nothing after index {got}",
            says.last_applied
        );
        let left_out = case.breach(&contract::LEFT_OUT, server, what).sure_if(false);
        return left_out.facts(breach.facts).concluded(until, text, None);
    }
    let misses = || applying::leaves_last(case, server);
    applying::one_each(case, server).or_else(misses).unwrap_or(breach)
}

/// The same breach, or that the task which applied has ended.
fn or_task_ended(case: &Case<'_>, breach: Breach, server: u32, since: Time) -> Breach {
    let Some(task) = applier_ended(case, server, since) else { return breach };
    let what =
        format!("a task of server {server} has ended, and since then the server applies nothing");
    let ended = case.breach(&contract::TASK_ENDED, server, what);
    ended.seen(task.moment.at, tasks::has_ended(task), None).facts(breach.facts)
}

/// Its leader never sent it to somebody.
fn not_sent(case: &Case<'_>) -> Option<Breach> {
    let (story, until) = (case.story, case.window.until);
    let own = target(case)?;
    let (leader, index) = (own.server.server, own.index);
    let since = own.moment.at.max(case.window.settled);
    let led = leads(story, leader as usize, until)?;
    let is_up = case.window.up.contains(&(leader as usize));
    if led.term != own.term || until.since(since) < LONG || !is_up || turns::in_turn(case).is_some()
    {
        return None;
    }
    let server = lacking(case, own).into_iter().find(|&server| {
        // While it refuses, its leader looks for the place.
        let answered = appends(story, leader, server, led.term)
            .filter_map(|call| call.reply.success.filter(|_| call.returned.is_some()))
            .next_back();
        // A call that failed brought nothing, if others have come since in which it could have been sent again.
        let brings = |call: &Call| {
            call.args.entries.is_some()
                && call.up_to() >= Some(index)
                && !(call.failed().is_some() && answered_since(case, call) >= AGAIN)
        };
        let mut sent = story.sent_by(leader as usize).filter(|call| call.to == server);
        server != leader
            && answered != Some(false)
            && !appends(story, leader, server, led.term).any(brings)
            && !sent.any(|call| call.is_snapshot() && call.sent.at >= since)
    })?;
    // What can't be read may have brought it.
    let mut sent = story.sent_by(leader as usize).filter(|call| call.to == server);
    if sent.any(|call| {
        let says = call.args.prev_log_index.is_some() && call.args.entries.is_some()
            || call.is_mere_heartbeat();
        call.sent.at >= own.moment.at
            && (call.purpose == Purpose::Other || call.is_append() && !says)
    }) {
        return None;
    }
    // Then its turn may not have come yet.
    if let Some(slow) = budget::one_a_request(case) {
        return Some(slow);
    }
    if let Some(slow) = batches::few_a_request(case, &led, server, own) {
        return Some(slow);
    }
    if let Some(breach) = stopped_at_failure(case, &led, server) {
        return Some(breach);
    }
    let accepted =
        format!("server {leader} accepted the command at index {index} in term {}", led.term);
    let mut lost =
        appends(story, leader, server, led.term).filter(|call| call.up_to() >= Some(index));
    let lost = lost.next_back();
    let what = match lost {
        Some(_) => format!(
            "server {leader} sent the command to server {server}, but not again after that call failed"
        ),
        None => format!("server {leader} never sent the command to server {server}"),
    };
    let mut breach = case.breach(&leaders::SENDS, leader, what).seen(own.moment.at, accepted, None);
    if let Some(last) = appends(story, leader, server, led.term).last() {
        let brings = match (last.args.prev_log_index, &last.args.entries) {
            (Some(prev), Some(entries)) => {
                format!("has prevLogIndex {prev} and {}", count(entries.len(), "entry"))
            }
            _ => "is a heartbeat".to_owned(),
        };
        let text = format!("its last request to server {server} {brings}");
        breach = breach.seen(last.sent.at, text, [last.id]);
    }
    if let Some((call, (at, outcome))) = lost.and_then(|call| Some((call, call.failed()?))) {
        breach =
            breach.seen(at.at, format!("the call with that command failed: {outcome}"), [call.id]);
    }
    let else_ = if lost.is_some() { "nothing else" } else { "nothing" };
    let text = format!("until now it has sent server {server} {else_} that has this index");
    Some(breach.seen(until, text, None))
}

/// A leader sends a server nothing at all since a call to it has failed.
fn stopped_at_failure(case: &Case<'_>, led: &Leader, server: u32) -> Option<Breach> {
    let last = appends(case.story, led.server, server, led.term).next_back()?;
    let (failed, outcome) = last.failed()?;
    let until = case.window.until;
    if until.since(failed.at) < LONG {
        return None;
    }
    let leader = led.server;
    let what = format!("server {leader} sends server {server} nothing more since a call failed");
    let sent = format!("this is the last call that server {leader} sent server {server}");
    let failed = (failed.at, format!("that call failed: {outcome}"));
    let text =
        format!("server {leader} still leads, but has sent server {server} nothing since then");
    Some(
        case.breach(&leaders::STOPS, leader, what)
            .seen(last.sent.at, sent, [last.id])
            .seen(failed.0, failed.1, [last.id])
            .seen(until, text, None),
    )
}

/// How many requests must have been accepted since, in which an entry could have been sent again.
const AGAIN: usize = 3;

/// How many later requests of the same leader to the same server were accepted, or answered if they are mere heartbeats.
fn answered_since(case: &Case<'_>, call: &Call) -> usize {
    let Some(term) = call.args.term else { return 0 };
    let later = appends(case.story, call.from.server, call.to, term);
    later
        .filter(|later| later.sent > call.sent)
        .filter(|later| {
            later.is_accepted() || later.is_mere_heartbeat() && later.replied().is_some()
        })
        .count()
}

/// The answers by which a majority has confirmed a command to its leader, the deciding one last.
fn confirmations<'a>(case: &Case<'a>, own: &Proposal) -> Option<Vec<(Time, &'a Call)>> {
    let story = case.story;
    let leader = own.server.server;
    let mut confirmed: Vec<(Time, &Call)> = Vec::new();
    for server in (0..story.servers as u32).filter(|&server| server != leader) {
        let first = appends(story, leader, server, own.term).find_map(|call| {
            let success = call.is_accepted() && call.up_to()? >= own.index;
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
    sent.any(|call| call.args.leader_commit >= Some(own.index))
        || story.applied_by(leader).any(|done| done.index >= own.index)
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
        "{who} had confirmed index {index} to server {leader}, the leader; together with the leader, that is a \
         majority"
    );
    // What its messages don't say in a form that can be read it may know all the same.
    let mut sent = story.sent_by(leader as usize).filter(|call| call.is_append());
    let tells = sent.any(|call| call.args.leader_commit.is_some());
    let told = if tells { ", and has told nobody that it is committed" } else { "" };
    let nothing = format!("server {leader} hasn't applied that index{told}");
    // Whoever took no answer knows of none.
    let dropped = confirmed.iter().filter(|(_, call)| call.dropped.is_some()).count();
    if let Some((_, call)) = confirmed.iter().find(|(_, call)| call.dropped.is_some()) {
        let what = format!("server {leader} stops waiting for answers before they arrive");
        return Some(not_taken(case, leader, call, what, dropped));
    }
    if let Some(ignored) = confirmed.iter().find_map(|&(_, call)| sends_again(case, own, call)) {
        return Some(ignored);
    }
    let says = says(case, leader, at);
    let commits = says.map(|says| says.commit_index >= index);
    let (rule, what) = match commits {
        Some(true) => (
            &all_servers::NOT_APPLIED,
            format!("server {leader} knows that the command is committed, but doesn't apply it"),
        ),
        _ => {
            let is_sure = tells || commits.is_some();
            let or_apply = if is_sure { "" } else { ", or doesn't apply," };
            let what =
                format!("server {leader} doesn't commit{or_apply} an entry that a majority has");
            (&leaders::COMMITS, what)
        }
    };
    let mut breach = case.breach(rule, leader, what);
    breach = breach.seen(at, text, confirmed.iter().map(|(_, call)| call.id));
    breach = breach.seen(until, nothing, None);
    if let Some(says) = says {
        let text = format!("server {leader} reports commitIndex {}", says.commit_index);
        breach = breach.concluded(until, text, None);
    }
    // Where it may be that it isn't applied.
    Some(match tells || commits == Some(false) {
        true => breach,
        false => or_stuck(case, breach, (leader, index), at),
    })
}

/// A leader sends again what a follower has confirmed to it, as if it had had no answer.
fn sends_again(case: &Case<'_>, own: &Proposal, confirmed: &Call) -> Option<Breach> {
    let (leader, server, at) = (own.server.server, confirmed.to, confirmed.replied()?);
    let again = appends(case.story, leader, server, own.term).filter(|call| {
        let begins = call.args.prev_log_index.is_some_and(|prev| prev < own.index);
        begins
            && call.up_to() >= Some(own.index)
            && call.sent.at > at
            && call.sent.at <= case.window.until
    });
    let again: Vec<&Call> = again.collect();
    let last = again.last().filter(|_| again.len() >= FEW)?;
    let what = format!("server {leader} ignores what a follower has confirmed");
    let text = format!("server {server} confirmed index {} to server {leader}", own.index);
    let sent = format!(
        "since then, server {leader} has sent server {server} that entry {}, and has not committed it",
        count(again.len(), "more time")
    );
    let breach = case.breach(&leaders::ANSWER_IGNORED, leader, what);
    Some(breach.seen(at, text, [confirmed.id]).seen(last.sent.at, sent, [last.id]))
}

/// A leader has applied it, and goes on telling others of less.
fn commit_not_told(case: &Case<'_>) -> Option<Breach> {
    let (story, until) = (case.story, case.window.until);
    let own = target(case)?;
    let (leader, index) = (own.server.server, own.index);
    let led = leads(story, leader as usize, until)?;
    let mut applied = story.applied_by(leader);
    let applied = applied.find(|done| done.index >= index && done.moment.at >= led.since)?;
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
        "since then, the last of {} to server {server} says that index {} is committed",
        count(calls.len(), "request"),
        last.args.leader_commit?
    );
    Some(
        case.breach(&leaders::TELLS_COMMIT, leader, what)
            .seen(
                applied.moment.at,
                format!("server {leader}, the leader, applied index {index}"),
                None,
            )
            .seen(last.sent.at, text, [first.id, last.id]),
    )
}

/// The requests that told `server`, in its present incarnation, that `index` is committed, and that its log has it.
fn told<'a>(case: &Case<'a>, server: u32, index: u64) -> Vec<&'a Call> {
    let life = life_at(case.story, server as usize, case.window.until);
    // Of one that doesn't say where its entries begin, from the log's beginning.
    let ends = |call: &Call| {
        let entries = call.args.entries.as_ref().map_or(0, Vec::len) as u64;
        call.args.prev_log_index.unwrap_or(0) + entries
    };
    let told = case.story.handled_by(server as usize).filter(|call| {
        life.is_some_and(|life| life.has(call.handled))
            && call.is_accepted()
            && call.args.leader_commit >= Some(index)
            && ends(call) >= index
            && call.is_handled_until(case.window.until)
    });
    told.collect()
}

/// Whether a server has applied something of which only heartbeats had told it that it is committed;
/// or lags behind what requests with entries have told it.
fn heeds_heartbeats(case: &Case<'_>, server: u32) -> bool {
    let life = case.story.lives[server as usize].last();
    let began = life.map_or(Time(0), |life| life.from.at);
    let applied = case.story.applied_by(server);
    let applied = applied.filter(|applied| applied.moment.at >= began && applied.command.is_some());
    let told_by_entries = |index: u64, until: Time| {
        told(case, server, index).iter().any(|call| {
            let came = |came: crate::story::Moment| came.at >= began && came.at <= until;
            call.has_entries() && call.delivered.is_some_and(came)
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
    let [by_leaders, by_followers] = applied_as(case);
    let by_heartbeats = !calls.iter().any(|call| call.has_entries());
    let views = case.story.views[server as usize].iter().rev();
    let told = views.take_while(|view| Some(view.moment) > calls[0].handled);
    let knows = told.filter_map(|view| view.detail.as_ref()).any(|it| it.commit_index >= own.index);
    // Where nobody applies anything, though a leader is seen, it isn't for what it is told. Where only leaders
    // do, it is.
    let is_led = leads(case.story, own.server.server as usize, case.window.until).is_some();
    let nobody = is_led && !by_leaders && !by_followers;
    let ignores =
        by_leaders && !by_followers || by_heartbeats && !nobody && !heeds_heartbeats(case, server);
    let has_ended = applier_ended(case, server, calls.first()?.handled?.at).is_some();
    Some((server, calls, ignores && !knows && !has_ended))
}

/// Whether leaders have applied commands, and whether other servers have.
fn applied_as(case: &Case<'_>) -> [bool; 2] {
    let story = case.story;
    let mut applied = [false; 2];
    for it in story.applied.iter().filter(|it| it.command.is_some()) {
        let view = story.view_at(it.server.server as usize, it.moment.at);
        applied[usize::from(!view.is_some_and(|view| view.is_leader))] = true;
    }
    applied
}

/// That a server was told and hasn't applied it.
fn left_unapplied(case: &Case<'_>, breach: Breach, server: u32, calls: &[&Call]) -> Option<Breach> {
    let first = calls.first()?;
    let index = target(case)?.index;
    let told = format!(
        "server {server} answered a request that says that index {} is committed; the server's log had an entry \
         at index {index}",
        first.args.leader_commit?
    );
    let requests = count(calls.len(), "such request");
    let never = format!("it answered {requests}, but hasn't applied the entry");
    Some(breach.seen(first.handled?.at, told, [first.id]).seen(case.window.until, never, None))
}

/// Who was told only by heartbeats, and doesn't apply it.
fn heartbeat_commit(case: &Case<'_>) -> Option<Breach> {
    let (server, calls, ignores) = unapplied(case)?;
    // Where the leader that tells it doesn't apply it either, what is told isn't where it ends.
    if not_applied_by_leader(case).is_some() {
        return None;
    }
    let what = match calls.iter().any(|call| call.has_entries()) {
        true => format!("server {server} ignores leaderCommit"),
        false => format!("server {server} ignores leaderCommit in requests without entries"),
    };
    let breach = case.breach(&append_entries::HEARTBEAT_COMMIT, server, what);
    left_unapplied(case, breach, server, &calls).filter(|_| ignores)
}

/// Who tells the others that it is committed, and doesn't apply it.
fn not_applied_by_leader(case: &Case<'_>) -> Option<Breach> {
    let (own, until) = (target(case)?, case.window.until);
    lacking(case, own).into_iter().find_map(|server| {
        let life = case.story.lives[server as usize].last()?;
        let mut told = case.story.sent_by(server as usize).filter(|call| {
            call.is_append()
                && call.args.leader_commit >= Some(own.index)
                && life.covers(call.sent.at)
        });
        let first = told.next().filter(|first| until.since(first.sent.at) >= LONG / 2)?;
        let what = format!(
            "server {server} tells others that the command is committed, but doesn't apply it itself"
        );
        let says = format!(
            "server {server} told server {} that index {} is committed",
            first.to, first.args.leader_commit?
        );
        let applied = case.story.applied_by(server).filter(|applied| applied.moment.at <= until);
        let last = applied.map(|applied| applied.index).max().unwrap_or(0);
        let text = format!("server {server} has applied up to index {last}");
        let breach = case.breach(&all_servers::NOT_APPLIED, server, what);
        let breach = breach.seen(first.sent.at, says, [first.id]).seen(until, text, None);
        Some(or_stuck(case, breach, (server, own.index), first.sent.at))
    })
}

/// Who reports that it is committed, and doesn't apply it, whatever its messages say.
fn reported_and_not_applied(case: &Case<'_>) -> Option<Breach> {
    let (own, until) = (accepted(case)?, case.window.until);
    lacking(case, own).into_iter().find_map(|server| {
        let says = says(case, server, own.moment.at)?;
        let Detail { commit_index, last_applied, .. } = *says;
        let last = case.story.applied_by(server).rfind(|applied| applied.moment.at <= until);
        let is_idle = until.since(last.map_or(own.moment.at, |last| last.moment.at)) >= LONG;
        if commit_index < own.index || last_applied >= own.index || !is_idle {
            return None;
        }
        let what =
            format!("server {server} knows that the command is committed, but doesn't apply it");
        let accepted =
            format!("server {} accepted the command at index {}", own.server.server, own.index);
        let text = format!(
            "server {server} reports commitIndex {commit_index} and lastApplied {last_applied}"
        );
        let breach = case.breach(&all_servers::NOT_APPLIED, server, what);
        let breach = breach.seen(own.moment.at, accepted, None).concluded(until, text, None);
        Some(or_stuck(case, breach, (server, own.index), own.moment.at))
    })
}

fn not_applied(case: &Case<'_>) -> Option<Breach> {
    let (server, calls, ignores) = unapplied(case)?;
    let (since, index) = (calls.first()?.handled?, target(case)?.index);
    let until = case.window.until;
    let last = case.story.applied_by(server).rfind(|it| it.moment > since);
    let goes_on = last.is_some_and(|last| until.since(last.moment.at) * 2 < until.since(since.at));
    if goes_on && let Some(late) = applying::applies_late(case) {
        return Some(late);
    }
    let says = says(case, server, since.at).filter(|says| says.commit_index < index);
    if let Some(says) = says.filter(|_| !ignores && !case.story.counts_other_entries) {
        let what = format!("server {server} doesn't raise its commitIndex to leaderCommit");
        let breach = case.breach(&append_entries::HEARTBEAT_COMMIT, server, what);
        let breach = left_unapplied(case, breach, server, &calls)?;
        let text = format!("server {server} reports commitIndex {}", says.commit_index);
        return Some(breach.concluded(until, text, None));
    }
    let what = format!("server {server} knows that the command is committed, but doesn't apply it");
    let breach = case.breach(&all_servers::NOT_APPLIED, server, what);
    let breach = left_unapplied(case, breach, server, &calls).filter(|_| !ignores)?;
    Some(or_stuck(case, breach, (server, index), since.at))
}
