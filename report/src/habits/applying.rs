//! What a server applied instead of what was due: too late, twice, with a gap, from a wrong beginning.

use std::time::Duration;

use super::saves::{kept_old, not_saved, replaced_by_none};
use super::{Habit, after, life_at};
use crate::check::Check;
use crate::event::{RpcId, Time};
use crate::explain::Case;
use crate::spec::Breach;
use crate::spec::rules::contract::{self, indexes};
use crate::spec::rules::{all_servers, persistence};
use crate::story::{Applied, Life, Moment, Story};

pub(super) const LATE: &[Habit] = &[Habit::new(
    applies_late,
    "most commands were applied as soon as they were known to be committed",
)];

pub(super) const WAITS: Habit =
    Habit::new(waits_for_service, "the leader sends while its service is at work");

/// For how long a leader has sent nothing that should send heartbeats.
const SILENT: Duration = Duration::from_millis(400);

/// What begins together does so within this time.
const TOGETHER: Duration = Duration::from_millis(20);

/// A leader sends nothing from when it began to apply, and has more to apply: it waits for its service.
fn waits_for_service(case: &Case<'_>) -> Option<Breach> {
    let (story, until) = (case.story, case.window.until);
    super::up(&case.window).find_map(|server| {
        let led = super::leads(story, server as usize, until)?;
        let mut sent = story.sent_by(server as usize).filter(|call| call.is_leaders());
        let last = sent.rfind(|call| call.sent.at <= until)?;
        if until.since(last.sent.at) < SILENT {
            return None;
        }
        let applied = story.applied_by(server).filter(|applied| applied.moment.at <= until);
        let applied: Vec<&Applied> = applied.collect();
        let from = super::before(last.sent.at, TOGETHER);
        let began = applied.iter().find(|applied| applied.moment.at >= from)?;
        let done = applied.last()?;
        let is_slow = done.moment.at.since(began.moment.at) >= SILENT;
        let next = story.proposed_by(server).find(|own| own.index > done.index)?;
        let is_next = next.term == led.term && next.moment.at <= until;
        if began.moment.at > super::after(last.sent.at, TOGETHER) || !is_next || !is_slow {
            return None;
        }
        let what = format!("server {server} sends nothing while its service is at work");
        let took = format!("server {server}, the leader, applied index {}", began.index);
        let text = format!(
            "since then server {server} has sent nothing; it has applied up to index {}, and index {} isn't \
             applied yet",
            done.index, next.index
        );
        let breach = case.breach(&contract::LOCK_WHILE_APPLYING, server, what);
        let breach = breach.seen(last.sent.at, "its last request", [last.id]);
        Some(breach.seen(began.moment.at, took, None).seen(until, text, None))
    })
}

pub(super) const ORDER: &[Habit] = &[
    Habit::new(
        snapshot_index_forgotten,
        "the first index that it applied after a crash is the one after its snapshot",
    ),
    Habit::new(snapshot_lost, "a save after snapshot() included a snapshot"),
    Habit::new(
        saved_with_older_snapshot,
        "its log begins right after the snapshot that it saved last",
    ),
    Habit::new(
        saved_for_applied,
        "since its restart, a leader had told it which entries are committed",
    ),
    Habit::new(left_out, "it had passed its service a snapshot that covers the missing entries"),
];

/// A right Raft applies at once.
const AT_ONCE: Duration = Duration::from_millis(200);

/// How many commands must be late.
const FEW: usize = 3;

/// A command that was applied: when its server knew that it could be.
struct Delay {
    server: usize,
    index: u64,
    known: Time,
    call: RpcId,
    applied: Time,
}

impl Delay {
    fn length(&self) -> Duration {
        self.applied.since(self.known)
    }
}

/// Half of the commands were applied long after it was known that they are committed.
pub(super) fn applies_late(case: &Case<'_>) -> Option<Breach> {
    let mut delays = delays(case);
    delays.sort_by_key(Delay::length);
    let middle = delays.get(delays.len() / 2)?;
    if delays.len() < FEW || middle.length() < AT_ONCE {
        return None;
    }
    let worst = delays.last()?;
    let what = "committed entries are applied late, so each command takes long";
    let knew = format!("server {} knew that index {} was committed", worst.server, worst.index);
    let late = format!(
        "it applied that entry {} ms later; half of all {} commands were applied after {} ms or more",
        worst.length().as_millis(),
        delays.len(),
        middle.length().as_millis()
    );
    Some(
        case.breach(&all_servers::APPLIES_LATE, worst.server as u32, what)
            .seen(worst.known, knew, [worst.call])
            .seen(worst.applied, late, None),
    )
}

/// When the highest index that a server knows to be committed went up, within a life or at all, to which, and the message
/// that shows it.
fn commits_known(story: &Story, server: usize, life: Option<&Life>) -> Vec<(u64, Time, RpcId)> {
    // What it was told as a follower, or told others as the leader.
    let mut known: Vec<(u64, Time, RpcId)> = Vec::new();
    for call in story.handled_by(server) {
        if let (Some(commit), Some(last), Some(true), Some(handled)) =
            (call.args.leader_commit, call.up_to(), call.reply.success, call.handled)
        {
            known.push((commit.min(last), handled.at, call.id));
        }
    }
    for call in story.sent_by(server).filter(|call| call.is_append()) {
        known.extend(call.args.leader_commit.map(|commit| (commit, call.sent.at, call.id)));
    }
    known.retain(|&(_, at, _)| life.is_none_or(|life| life.covers(at)));
    known.sort_by_key(|&(_, at, _)| at);
    let mut highest = 0;
    known.retain(|&(commit, _, _)| {
        let rises = commit > highest;
        highest = highest.max(commit);
        rises
    });
    known
}

/// What a server knew to be committed, and until when that was the most; the message that shows it.
struct Known {
    commit: u64,
    from: Time,
    until: Time,
    call: RpcId,
}

/// What a server came to know to be committed in its present life, and what it applied, each in order; `None` if that can't
/// be told.
fn known_and_applied<'a>(case: &Case<'a>, server: u32) -> Option<(Vec<Known>, Vec<&'a Applied>)> {
    let (story, until) = (case.story, case.window.until);
    let life = life_at(story, server as usize, until)?;
    if story.counts_other_entries || !story.saw_begin(life) {
        return None;
    }
    let rises = commits_known(story, server as usize, Some(life));
    let ends = rises.iter().skip(1).map(|&(_, at, _)| at).chain([until]);
    let known = rises.iter().zip(ends);
    let known = known.map(|(&(commit, from, call), until)| Known { commit, from, until, call });
    let applied = story.applied_by(server).filter(|it| it.moment > life.from);
    Some((known.collect(), applied.filter(|it| it.moment.at <= until).collect()))
}

/// A server applied one command each time its commitIndex went up, also where that went up by more: that it did so, and
/// then waited though it had more to apply.
pub(super) fn one_each(case: &Case<'_>, server: u32) -> Option<Breach> {
    let (known, applied) = known_and_applied(case, server)?;
    let (mut stalled, mut turns) = (None, 0);
    for known in known {
        // What it applies at the instant at which it knows of more may still be of the time before.
        let from = applied.partition_point(|it| it.moment.at < known.from);
        let to = applied.partition_point(|it| it.moment.at < known.until);
        match &applied[from..to.max(from)] {
            [own] => {
                turns += 1;
                // Of two that are left it takes one; one alone it may leave for another reason.
                let idle = known.until.since(own.moment.at);
                if own.index + 1 < known.commit && idle >= AT_ONCE && stalled.is_none() {
                    stalled = Some((known, *own, idle));
                }
            }
            [] => {}
            _ => return None,
        }
    }
    // Once it may have got stuck.
    if turns < FEW {
        return None;
    }
    let (Known { commit, from, call, .. }, own, idle) = stalled?;
    let what = format!("server {server} applies one command each time its commitIndex goes up");
    let knew = format!("server {server} knew that index {commit} was committed");
    let text = format!(
        "it applied index {}, and nothing more in the next {:.2} s",
        own.index,
        idle.as_secs_f64()
    );
    let breach = case.breach(&all_servers::ONE_EACH, server, what);
    Some(breach.seen(from, knew, [call]).seen(own.moment.at, text, None))
}

/// Every server leaves the last committed entry unapplied until another entry is committed: `server` does.
pub(super) fn leaves_last(case: &Case<'_>, server: u32) -> Option<Breach> {
    let (mut turns, mut last, mut has_applied) = (0, None, false);
    for other in super::up(&case.window) {
        let (known, applied) = known_and_applied(case, other)?;
        for known in known.into_iter().filter(|it| it.until.since(it.from) >= AT_ONCE) {
            let until = applied.partition_point(|it| it.moment.at < known.until);
            let got = applied[..until].last().map(|it| it.index);
            if got.unwrap_or(0) + 1 != known.commit {
                return None;
            }
            turns += 1;
            has_applied |= got.is_some();
            if other == server {
                last = Some(known);
            }
        }
    }
    let last = last.filter(|_| turns >= FEW && has_applied)?;
    let Known { commit, from, until, call } = last;
    let what =
        format!("server {server} doesn't apply the last committed entry until there is another");
    let knew = format!("server {server} knew that index {commit} was committed");
    let text = format!("server {server} had applied all entries up to index {}", commit - 1);
    let breach = case.breach(&all_servers::LAST_LEFT, server, what);
    Some(breach.seen(from, knew, [call]).seen(until, text, None))
}

fn delays(case: &Case<'_>) -> Vec<Delay> {
    let (story, until) = (case.story, case.window.until);
    let mut delays = Vec::new();
    if story.counts_other_entries {
        return delays; // Its commands have other indexes in messages.
    }
    for server in 0..story.servers {
        let known = commits_known(story, server, None);
        for applied in story.applied_by(server as u32) {
            let at = applied.moment.at;
            if applied.command.is_none() || at > until {
                continue;
            }
            let place = known.partition_point(|&(commit, _, _)| commit < applied.index);
            let Some(&(_, told, call)) = known.get(place).filter(|known| known.1 <= at) else {
                continue;
            };
            let mut lives = story.lives[server].iter();
            if lives.any(|life| life.covers(at) && life.covers(told)) {
                delays.push(Delay { server, index: applied.index, known: told, call, applied: at });
            }
        }
    }
    delays
}

/// The first message that a life was to hand on, and that was refused.
struct First<'a> {
    server: usize,
    life: Life,
    applied: &'a Applied,
    /// Behind which index it should have gone on.
    behind: u64,
}

impl First<'_> {
    fn find<'a>(case: &Case<'a>) -> Option<First<'a>> {
        let story = case.story;
        let Check::InOrder { server, index, expected } = case.failure.check else { return None };
        // What came at the same time may stand behind it.
        let own = story.applied_by(server).rev();
        let mut own = own.filter(|applied| applied.moment.at <= case.window.until);
        let applied = own.find(|applied| applied.index == index)?;
        if own.next().is_some_and(|before| before.server == applied.server) {
            return None;
        }
        let server = server as usize;
        let life = *life_at(story, server, applied.moment.at)?;
        let highest = || highest_before(story, server, life.from).unwrap_or(0);
        let behind = expected.map_or_else(highest, |next| next.saturating_sub(1));
        Some(First { server, life, applied, behind })
    }

    fn breach(&self, rule: &'static crate::spec::Rule, what: String) -> Breach {
        Breach::new(rule, self.applied.moment, self.server as u32, what)
    }
}

fn snapshot_index_forgotten(case: &Case<'_>) -> Option<Breach> {
    let first = First::find(case)?;
    let First { server, life, applied, behind } = first;
    if life.incarnation < 2 || applied.index > behind {
        return None;
    }
    let began = format!(
        "server {server} was restarted with a snapshot that covers everything up to index {behind}"
    );
    let what =
        format!("after a crash, server {server} continued from an index that its snapshot covers");
    let breach = first.breach(&persistence::SNAPSHOT_INDEX_FORGOTTEN, what);
    let text = format!("it applied index {} first", applied.index);
    Some(breach.seen(life.from.at, began, None).seen(applied.moment.at, text, None))
}

/// The service began with an older snapshot than the log, or with none.
fn snapshot_lost(case: &Case<'_>) -> Option<Breach> {
    let First { server, life, applied, behind } = First::find(case)?;
    if life.incarnation < 2 || applied.index <= behind + 1 {
        return None;
    }
    let (story, until) = (case.story, life.from);
    match behind {
        0 => replaced_by_none(story, server, until).or_else(|| not_saved(story, server, until)),
        _ => kept_old(story, server, until),
    }
}

/// A log that begins behind a later snapshot than the one that is saved with it.
fn saved_with_older_snapshot(case: &Case<'_>) -> Option<Breach> {
    let Check::InOrder { expected: Some(_), .. } = case.failure.check else { return None };
    let first = First::find(case)?;
    let First { server, life, applied, behind } = first;
    let number = server as u32;
    let held = case.story.last_held(number, life.from)?;
    let is_between = 0 < behind && behind < held.index && applied.index == held.index + 1;
    let save = case.story.saved_by(number).rfind(|save| save.moment < life.from)?;
    // What was installed is handed on a little after it was saved.
    let is_since = after(save.moment.at, AT_ONCE) >= held.moment.at;
    if life.incarnation < 2 || !is_between || !is_since || save.server != held.server {
        return None;
    }
    let what = format!(
        "server {server} saved a log that begins after index {} with an older snapshot",
        held.index
    );
    let saved = format!(
        "the last save of server {server} had {} bytes of state and a snapshot of {} bytes",
        save.state, save.snapshot
    );
    let began = format!("it was restarted; the snapshot that it had saved ends at index {behind}");
    let breach = first.breach(&persistence::OLD_SNAPSHOT_KEPT, what);
    let breach = breach
        .seen(held.moment.at, format!("server {server} {held}"), None)
        .seen(save.moment.at, saved, None)
        .seen(life.from.at, began, None);
    let text = format!("the first index that it applied is {}", applied.index);
    Some(breach.concluded(applied.moment.at, text, None))
}

fn saved_for_applied(case: &Case<'_>) -> Option<Breach> {
    let first = First::find(case)?;
    let First { server, life, applied, behind } = first;
    let index = applied.index;
    if life.incarnation < 2 || index <= behind + 1 {
        return None;
    }
    let story = case.story;
    // Else it is what it has come to know since; and behind a later snapshot it may begin there.
    let is_its_end = was_last(story, server, life.from, index - 1);
    // Or right behind one, which is lost then.
    let covers = |held: crate::story::HeldSnapshot| held.index + 1 >= index;
    let was_sent = story.handled_by(server).any(|call| {
        call.args.last_included_index >= Some(index - 1) && call.handled < Some(applied.moment)
    });
    let was_kept = is_its_end
        || knew_of_more(story, &first) && had_come_to(story, server, life.from, index - 2)
        || goes_on_as_before(story, &first)
        || had_come_to(story, server, life.from, index - 1) && leaves_none_out(case, &first);
    if was_sent
        || !was_kept
        || story.all_held_by(server as u32, applied.moment).any(covers)
        || begins_anew(story)
    {
        return None;
    }
    let began =
        format!("server {server} was restarted; its service had everything up to index {behind}");
    let text =
        format!("it applied index {index} first, and left out {}", indexes(behind + 1, index - 1));
    let what = format!("server {server} had only saved some entries, but treated them as applied");
    // That it leaves something out is certain, and how it comes to that is not.
    let breach = first.breach(&persistence::SAVED_FOR_APPLIED, what);
    Some(breach.seen(life.from.at, began, None).concluded(applied.moment.at, text, None))
}

/// Whether a server had been told in its present life that something behind what it applied is
/// committed: it did not just begin with the last.
fn knew_of_more(story: &Story, first: &First<'_>) -> bool {
    story.handled_by(first.server).any(|call| {
        let known = call.args.leader_commit.zip(call.up_to()).map(|(commit, end)| commit.min(end));
        call.is_accepted()
            && call.delivered > Some(first.life.from)
            && call.handled < Some(first.applied.moment)
            && known > Some(first.applied.index)
    })
}

/// Whether some server has begun right behind its snapshot after a restart, though it had applied more before: as its
/// service needs it, and as nobody does who takes up where it was.
fn begins_anew(story: &Story) -> bool {
    (0..story.servers).any(|server| {
        story.lives[server].iter().skip(1).any(|life| {
            let number = server as u32;
            let covered = story.last_held(number, life.from).map_or(0, |held| held.index);
            let mut own = story.applied_by(number);
            let first = own.find(|own| own.server.incarnation == life.incarnation);
            let highest = highest_before(story, server, life.from);
            first.is_some_and(|first| first.index == covered + 1 && highest > Some(first.index))
        })
    })
}

/// Whether a server goes on where it had been before its restart: with something that it had applied then, and with what
/// follows that.
fn goes_on_as_before(story: &Story, first: &First<'_>) -> bool {
    let (applied, began) = (first.applied, first.life.from);
    let own = || story.applied_by(first.server as u32);
    let had = own().any(|before| before.moment < began && before.index == applied.index);
    had && own().any(|next| {
        next.server == applied.server
            && next.moment > applied.moment
            && next.moment.at == applied.moment.at
            && next.index == applied.index + 1
    })
}

/// Whether another server's service got several entries that were committed at the same time, one after the other: what
/// sends them leaves none out by itself.
fn leaves_none_out(case: &Case<'_>, first: &First<'_>) -> bool {
    let has_row = |server| {
        let own = || case.story.applied_by(server).filter(|it| it.command.is_some());
        own().zip(own().skip(1)).any(|(one, next)| {
            one.server == next.server
                && one.moment.at == next.moment.at
                && one.index + 1 == next.index
        })
    };
    let has_all = |server| {
        known_and_applied(case, server).is_some_and(|(known, applied)| {
            let got = |index: u64| applied.iter().any(|applied| applied.index == index);
            known.windows(2).any(|pair| {
                let mut new = pair[0].commit + 1..=pair[1].commit;
                pair[1].commit > pair[0].commit + 1 && new.all(got)
            })
        })
    };
    let mut others = (0..case.story.servers as u32).filter(|&it| it != first.server as u32);
    others.any(|server| has_row(server) || has_all(server))
}

/// Whether `index` is the last that a server had applied before its present life, or where its log
/// ended then.
fn was_last(story: &Story, server: usize, began: Moment, index: u64) -> bool {
    let ends = ends_before(story, server, began);
    let latest = ends.iter().max_by_key(|(moment, _)| *moment).map(|&(_, end)| end);
    let highest = ends.iter().map(|&(_, end)| end).max();
    let applied = highest_before(story, server, began);
    applied == Some(index) || applied < Some(index) && [latest, highest].contains(&Some(index))
}

/// Whether a server had applied `index` before its present life, or had it in its log. Where a log counts the blank entry
/// before the first one, it is one longer than it seems.
fn had_come_to(story: &Story, server: usize, began: Moment, index: u64) -> bool {
    let ends = ends_before(story, server, began);
    let ends = ends.into_iter().map(|(_, end)| end).chain(highest_before(story, server, began));
    ends.max() >= Some(index)
}

/// The highest index that a server had applied before its present life.
fn highest_before(story: &Story, server: usize, began: Moment) -> Option<u64> {
    let applied = story.applied_by(server as u32).filter(|applied| applied.moment < began);
    applied.map(|applied| applied.index).max()
}

/// Where a server's log ended before its present life, and when.
fn ends_before(story: &Story, server: usize, began: Moment) -> Vec<(Moment, u64)> {
    let confirmed = story.handled_by(server).filter_map(|call| {
        let handled = call.handled.filter(|&handled| handled < began)?;
        (call.is_accepted()).then_some((handled, call.up_to()?))
    });
    let proposed = story.proposed_by(server as u32).filter(|own| own.moment < began);
    confirmed.chain(proposed.map(|own| (own.moment, own.index))).collect()
}

/// The first that it applies in a life lies behind what should come.
fn left_out(case: &Case<'_>) -> Option<Breach> {
    let first = First::find(case)?;
    let First { server, life, applied, behind } = first;
    let index = applied.index;
    if index <= behind + 1 || snapshot_lost(case).is_some() || saved_for_applied(case).is_some() {
        return None;
    }
    let (since, until) = ((life.from, behind), (applied.moment, index));
    let began = Some(life.from);
    let lost = contract::not_delivered(case.story, server as u32, began, since, until);
    if lost.is_some() {
        return lost;
    }
    let left_out = indexes(behind + 1, index - 1);
    let what = contract::applied_before(server as u32, index, behind);
    let text =
        format!("the first index that it applied is {index}; {left_out} had not been applied");
    let breach = first.breach(&contract::LEFT_OUT, what);
    let came = match life.incarnation {
        0 | 1 => format!("server {server} started"),
        _ => format!("server {server} restarted"),
    };
    Some(breach.seen(life.from.at, came, None).concluded(applied.moment.at, text, None))
}
