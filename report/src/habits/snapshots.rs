//! What became of a snapshot on its way to the service.

use super::saves::{kept_old, not_saved, replaced_by_none};
use super::{Habit, life_at};
use crate::check::{Check, SnapshotFault};
use crate::explain::Case;
use crate::spec::Breach;
use crate::spec::rules::{install_snapshot, persistence};
use crate::story::{Applied, Call, Moment, Save};

pub(super) const HABITS: &[Habit] = &[
    Habit::new(state_for_snapshot, "the snapshot that it saved differs from its state"),
    Habit::new(of_nothing, "a snapshot had reached it in a message that can't be read"),
    Habit::new(sender_s_snapshot, "the sender's own snapshot is the right one"),
    Habit::new(another_index, "the contents belong to the index that was sent with them"),
];

/// What keeps a run from coming to an end.
pub(super) const AGAIN: &[Habit] = &[Habit::new(
    handed_on_again,
    "between two of these snapshots, the server did something else in an endless loop",
)];

/// How often a server must have handed on the same snapshot.
const MANY: usize = 100;

/// A server hands on the same snapshot without end.
fn handed_on_again(case: &Case<'_>) -> Option<Breach> {
    (0..case.story.servers as u32).find_map(|server| {
        let mut last =
            case.story.applied_by(server).rev().take_while(|applied| applied.command.is_none());
        let newest = last.next()?;
        let is_same =
            |applied: &&Applied| (applied.server, applied.index) == (newest.server, newest.index);
        let same = last.take_while(is_same).take(MANY).count();
        let what =
            format!("server {server} passes the same snapshot to the service again and again");
        let text = format!(
            "it passed its snapshot up to index {} to the service, as it had {MANY} times before",
            newest.index
        );
        let breach = case.breach(&install_snapshot::AGAIN, server, what);
        (same >= MANY).then(|| breach.seen(newest.moment.at, text, None))
    })
}

/// The server that handed on the snapshot, and what is wrong with it.
fn fault(case: &Case<'_>) -> Option<(u32, SnapshotFault)> {
    match case.failure.check {
        Check::Snapshot { server, fault } => Some((server, fault)),
        _ => None,
    }
}

/// The snapshot that the failure's server applied last.
fn applied<'a>(case: &Case<'a>) -> Option<&'a Applied> {
    let (server, _) = fault(case)?;
    case.story
        .applied_by(server)
        .rev()
        .find(|applied| applied.command.is_none() && applied.moment.at <= case.window.until)
}

/// The snapshots that a server was sent until it applied one, the latest first.
fn sent_until<'a>(case: &Case<'a>, applied: &Applied) -> impl Iterator<Item = &'a Call> {
    let (story, until) = (case.story, applied.moment.at);
    // If the history is cut, the server may be out of the range of what is known.
    let handled = story.handled.get(applied.server.server as usize).into_iter().flatten().rev();
    let handled = handled.map(|&place| &story.calls[place]);
    handled.filter(move |call| call.is_snapshot() && call.is_handled_until(until))
}

/// The snapshot that a server applied, as it was sent to it.
fn sent<'a>(case: &Case<'a>) -> Option<&'a Call> {
    let applied = applied(case)?;
    let is_its = |index| index == applied.index;
    sent_until(case, applied).find(|call| call.args.last_included_index.is_none_or(is_its))
}

/// The same breach, and a snapshot was sent.
fn was_sent(breach: Breach, call: &Call) -> Breach {
    let up_to = call
        .args
        .last_included_index
        .map_or(String::new(), |index| format!("; it should cover everything up to index {index}"));
    let text = format!(
        "server {} sent server {} its snapshot, in a request of {} bytes{up_to}",
        call.from.server, call.to, call.size
    );
    breach.seen(call.sent.at, text, [call.id])
}

/// A server hands on a snapshot, and has none: no leader sent it one, and its service made none.
fn of_nothing(case: &Case<'_>) -> Option<Breach> {
    let (server, _) = fault(case)?;
    let (story, until) = (case.story, case.window.end());
    let is_its =
        |call: &Call| call.to == server && (call.is_snapshot() || call.args.term.is_none());
    let was_sent = story.calls.iter().any(|call| is_its(call) && call.delivered.is_some());
    let has_made =
        story.snapshots.iter().any(|it| it.server.server == server && it.moment <= until);
    if was_sent || has_made || story.dropped > 0 {
        return None;
    }
    let what = format!("server {server} passed a snapshot to its service, but had none");
    let text = format!(
        "until then no leader had sent server {server} a snapshot, and its service had made none"
    );
    let breach = case.breach(&install_snapshot::OF_NOTHING, server, what);
    Some(breach.seen(case.window.until, text, None).sure_if(false))
}

/// The sender's own snapshot was gone, or another.
fn sender_s_snapshot(case: &Case<'_>) -> Option<Breach> {
    let call = sent(case)?;
    let (story, server, until) = (case.story, call.from.server as usize, call.sent);
    let breach = replaced_by_none(story, server, until)
        .or_else(|| not_saved(story, server, until))
        .or_else(|| kept_old(story, server, until))?;
    Some(was_sent(breach, call))
}

/// The index that goes with a snapshot, its contents, or both are another's.
fn another_index(case: &Case<'_>) -> Option<Breach> {
    let (server, fault) = fault(case)?;
    let applied = applied(case).filter(|_| fault != SnapshotFault::Older)?;
    let story = case.story;
    let new = |rule, what| Breach::new(rule, applied.moment, server, what);
    let call = sent_until(case, applied).next()?;
    if applied.bytes == 0 {
        let what = format!("the snapshot that server {server} passed to its service is empty");
        let text = format!(
            "server {server} passed an empty snapshot to its service, with index {}",
            applied.index
        );
        let breach = was_sent(new(&install_snapshot::EMPTY, what), call);
        return Some(breach.seen(applied.moment.at, text, None));
    }
    // It may have taken its time with an earlier one, or be its own.
    let its = |other: &Call| other.args.last_included_index == Some(applied.index);
    let was_given = sent_until(case, applied).any(its)
        || story.all_held_by(server, applied.moment).any(|held| held.index == applied.index);
    let told = call.args.last_included_index.filter(|&told| told != applied.index && !was_given);
    if let Some(told) = told {
        let what = format!(
            "server {server} was sent a snapshot up to index {told}, but tells its service that the snapshot \
             ends at index {}",
            applied.index
        );
        let text = format!(
            "server {server} passed it to its service as a snapshot up to index {}",
            applied.index
        );
        let breach = was_sent(new(&install_snapshot::ANOTHER_INDEX, what), call);
        // It may have come in pieces, before a crash, or in the place of the service's own.
        let life = life_at(story, server as usize, applied.moment.at);
        let is_of_life = life.is_some_and(|life| call.delivered > Some(life.from));
        let is_alone = sent_until(case, applied).count() == 1
            && !story.snapshots.iter().any(|made| made.server.server == server);
        let breach = breach.seen(applied.moment.at, text, None);
        return Some(breach.sure_if(is_of_life && is_alone));
    }
    if state_for_snapshot(case).is_some() || sender_s_snapshot(case).is_some() {
        return None;
    }
    let call = sent(case)?;
    // The sender may have given it another index than its service had.
    let held = story.last_held(call.from.server, call.sent);
    let other = held.zip(call.args.last_included_index).filter(|(held, told)| held.index != *told);
    let breach = match other {
        Some((held, told)) => {
            let what = format!(
                "server {} sent its snapshot, which ends at index {}, as one that ends at index {told}",
                call.from.server, held.index
            );
            let made = format!("server {} {held}", call.from.server);
            new(&install_snapshot::ANOTHER_INDEX, what).seen(held.moment.at, made, None)
        }
        None => {
            let what = format!(
                "the snapshot that server {server} applied doesn't belong to the index that came with it"
            );
            new(&install_snapshot::ANOTHER_INDEX, what)
        }
    };
    let breach = was_sent(breach, call);
    Some(breach.sure_if(fault == SnapshotFault::AnotherIndex))
}

/// A server begins with what it had saved as its state, in the place of its snapshot.
fn state_for_snapshot(case: &Case<'_>) -> Option<Breach> {
    if fault(case)?.1 != SnapshotFault::Unreadable {
        return None;
    }
    let mut servers = 0..case.story.servers as u32;
    let (server, [state, save]) =
        servers.find_map(|server| Some((server, swapped(case, server)?)))?;
    let had = state.its_snapshot();
    let what = format!("server {server} saved its state in place of its snapshot");
    let before = format!("server {server} saved {} bytes of state and {had}", state.state);
    let text = format!(
        "it was restarted, and saved {} bytes as its snapshot, exactly as many as its state had had",
        save.snapshot
    );
    let breach = Breach::new(&persistence::STATE_FOR_SNAPSHOT, save.moment, server, what).seen(
        state.moment.at,
        before,
        None,
    );
    Some(breach.concluded(save.moment.at, text, None))
}

/// What a server saved last before a crash, and what it saved first behind it with a snapshot as large as
/// the state before; nobody had given it another snapshot in between.
fn swapped<'a>(case: &Case<'a>, server: u32) -> Option<[&'a Save; 2]> {
    let (story, until) = (case.story, case.window.until);
    let saves = || story.saved_by(server);
    story.lives[server as usize].iter().find_map(|life| {
        let state = saves().take_while(|save| save.moment < life.from).last()?;
        let snapshot = saves().find(|save| save.moment > life.from && save.moment.at <= until)?;
        let between = |at: Moment| at > state.moment && at < snapshot.moment;
        let mut made = story.snapshots_between(state.moment, snapshot.moment);
        let given = made.any(|made| made.server.server == server);
        let sent = story.calls.iter().any(|call| {
            call.is_snapshot() && call.to == server && call.delivered.is_some_and(between)
        });
        let is_other = snapshot.snapshot == state.state && snapshot.snapshot != state.snapshot;
        (is_other && !given && !sent).then_some([state, snapshot])
    })
}
