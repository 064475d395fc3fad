//! What a server did instead while something that has to happen was overdue.
//!
//! An obligation is opened by an event, is due some time later, and is met by another event. A server
//! that hears of no leader has to start an election, one that has the votes has to lead, and a leader has to
//! send. That an obligation wasn't met in the failing check is a fact; why it wasn't is a guess by what the
//! server did meanwhile. Each guess is a [`Habit`], with what would refute it. It is called certain only
//! where the run shows all that it rests on, and its rule is a promise: a save without the snapshot, for
//! instance.

mod adds_up;
mod applying;
mod batches;
mod blocked;
mod budget;
mod commands;
mod confirmed;
mod elections;
mod leadership;
mod panics;
mod pre_votes;
mod replication;
mod same_times;
mod saves;
mod sending;
mod snapshots;
mod tasks;
mod timers;
mod turns;
mod votes;

use std::time::Duration;

use crate::check::Check;
use crate::event::Time;
use crate::explain::{Case, Window};
use crate::failure::FailureKind;
use crate::spec::Breach;
use crate::story::{Call, Life, Story};

/// A guess at why something didn't happen.
#[derive(Clone, Copy, Debug)]
struct Habit {
    /// Looks for it.
    guess: fn(&Case<'_>) -> Option<Breach>,
    /// What would refute it, in a clause behind "if".
    refuted_if: &'static str,
}

impl Habit {
    const fn new(guess: fn(&Case<'_>) -> Option<Breach>, refuted_if: &'static str) -> Habit {
        Habit { guess, refuted_if }
    }

    fn look(&self, case: &Case<'_>) -> Option<Breach> {
        (self.guess)(case).map(|breach| breach.refuted_if(self.refuted_if))
    }
}

/// For how long a server may do nothing about a missing leader: longer than any election timeout with
/// which a test would pass.
const PATIENCE: Duration = Duration::from_millis(1200);

/// How soon whoever has a majority of the votes leads: a reply needs no time to be counted.
const COUNTED: Duration = Duration::from_millis(100);

/// What a right Raft does in a small part of this time.
const LONG: Duration = Duration::from_secs(1);

/// The habits that are looked for under a check, the more telling ones first.
fn tables(case: &Case<'_>) -> &'static [&'static [Habit]] {
    match &case.failure.check {
        Check::OneLeader => &[pre_votes::TERM, elections::HABITS, leadership::SILENCE],
        Check::SameTerm | Check::TermStays | Check::LeaderStays { .. } => {
            &[leadership::HABITS, commands::HABITS]
        }
        Check::Accepted { .. } | Check::Agreed { accepted: None } => {
            &[elections::HANGING, commands::HABITS, leadership::HABITS]
        }
        Check::Agreed { .. } | Check::Replicated => {
            &[elections::HANGING, replication::HABITS, applying::LATE, leadership::HABITS]
        }
        Check::InTime => {
            &[elections::HANGING, applying::LATE, replication::HABITS, leadership::HABITS]
        }
        Check::InOrder { .. } => &[applying::ORDER],
        Check::Snapshot { .. } => &[saves::ERASED, snapshots::HABITS],
        Check::LogCut { .. } => {
            &[saves::CUT, &[sending::NO_ENTRIES, sending::NEEDED, sending::SNAPSHOT]]
        }
        Check::Saved { .. } => &[saves::HABITS],
        Check::Budget { .. } => &[budget::HABITS, leadership::HABITS, applying::LATE],
        Check::Panicked { .. } => &[panics::HABITS],
        Check::Blocked { .. } => &[blocked::HABITS],
        Check::Misused { .. } => &[snapshots::AGAIN, sending::AGAIN],
        Check::TermAdopted { .. } => &[
            pre_votes::TERM,
            leadership::UNELECTED,
            elections::HANGING,
            leadership::TOLD,
            leadership::HABITS,
        ],
        Check::Script => {
            &[leadership::UNELECTED, elections::HANGING, replication::HABITS, leadership::HABITS]
        }
        Check::NoSecondLeader => &[leadership::UNELECTED, leadership::DEPOSED, leadership::HABITS],
        Check::Committed { .. } | Check::SameCommand { .. } => &[saves::LATE],
        Check::NextIndex { .. } | Check::Repeated | Check::Rule { .. } => &[],
    }
}

/// What servers did instead of what was due.
pub(crate) fn find(case: &Case<'_>) -> Vec<Breach> {
    let mut found = look(case);
    let waited = matches!(case.failure.kind, FailureKind::Liveness | FailureKind::Stuck);
    if !waited {
        return found;
    }
    // Whatever else comes of it.
    found.splice(0..0, tasks::IDLE.look(case));
    // What a test waited for may not have come because for a good part of that time nobody led.
    if case.failure.check != Check::OneLeader
        && let Some(window) = leadership::leaderless(case.story, &case.window)
    {
        let case = Case { window, ..*case };
        let habits = pre_votes::TERM.iter().chain(elections::HABITS);
        found.extend(habits.filter_map(|habit| habit.look(&case)));
    }
    // Or for what went wrong before the end.
    if found.is_empty()
        && let Some(window) = earlier(case)
    {
        found = look(&Case { window, ..*case });
    }
    found
}

fn look(case: &Case<'_>) -> Vec<Breach> {
    let habits = tables(case).iter().copied().flatten();
    habits.filter_map(|habit| habit.look(case)).collect()
}

/// Where else to look than in the whole of the failing check: the time for which the leader that had accepted the command
/// led, if it led no more at the end; of a test that took too long, the check that took longest.
fn earlier(case: &Case<'_>) -> Option<Window> {
    let (story, whole) = (case.story, &case.window);
    let (from, until) = match case.failure.check {
        Check::Agreed { accepted: Some(_) } => replication::reign(case)?,
        Check::InTime => {
            let steps = story.steps.iter().filter(|step| !step.is_fault).map(|step| step.moment.at);
            let steps: Vec<Time> = steps.filter(|&at| at <= whole.until).collect();
            steps.windows(2).map(|step| (step[0], step[1])).max_by_key(|it| it.1.since(it.0))?
        }
        _ => return None,
    };
    let settled = story.settled_before(until);
    let is_long = until.since(from.max(settled)) >= LONG;
    is_long.then(|| Window { from, until, settled, up: story.up(until) })
}

fn before(time: Time, span: Duration) -> Time {
    Time(time.0.saturating_sub(span.as_micros() as u64))
}

fn after(time: Time, span: Duration) -> Time {
    Time(time.0 + span.as_micros() as u64)
}

fn seconds(span: Duration) -> String {
    format!("{:.2} s", span.as_secs_f64())
}

/// A span of time, or one from the shortest to the longest of some.
fn range(least: Duration, most: Duration) -> String {
    match (seconds(least), seconds(most)) {
        (least, most) if least == most => least,
        (least, most) => format!("{least} to {most}"),
    }
}

fn ids<'a>(calls: impl IntoIterator<Item = &'a Call>) -> Vec<crate::event::RpcId> {
    calls.into_iter().map(|call| call.id).collect()
}

/// The life of a server at `at`, or the last one before.
fn life_at(story: &Story, server: usize, at: Time) -> Option<&Life> {
    story.lives[server].iter().rev().find(|life| life.from.at <= at)
}

/// A leader at some time.
struct Leader {
    server: u32,
    incarnation: u32,
    term: u64,
    since: Time,
}

/// Whether a server says at `at` that it leads, in which term and since when.
fn leads(story: &Story, server: usize, at: Time) -> Option<Leader> {
    let mut views = story.views[server].iter().rev().skip_while(|view| view.moment.at > at);
    let now = views.next().filter(|view| view.is_leader)?;
    let same = views.take_while(|view| {
        view.is_leader && view.term == now.term && view.incarnation == now.incarnation
    });
    let since = same.last().unwrap_or(now).moment.at;
    let mut lives = story.lives[server].iter();
    let is_alive = lives.any(|life| life.covers(at) && life.incarnation == now.incarnation);
    let (server, incarnation) = (server as u32, now.incarnation);
    is_alive.then_some(Leader { server, incarnation, term: now.term, since })
}

/// The servers that were up at the end of the failing check.
fn up(window: &Window) -> impl Iterator<Item = u32> {
    window.up.iter().map(|&server| server as u32)
}
