//! What commands and the tester's snapshots became in what a server saved.

use super::Habit;
use crate::check::{Check, Saved};
use crate::explain::Case;
use crate::spec::rules::{install_snapshot, persistence};
use crate::spec::{Basis, Breach, Rule};
use crate::story::{HeldSnapshot, Moment, Save, Snapshot, Story};
use crate::text::count;

pub(super) const HABITS: &[Habit] = &[
    Habit::new(command_not_saved, "it saved something after it accepted the command"),
    Habit::new(term_not_saved, "it saved its term before it sent these requests"),
    Habit::new(installed_not_saved, "its last save included a snapshot"),
    Habit::new(entry_lost, "a leader of a later term has replaced the entry"),
];

pub(super) const CUT: &[Habit] =
    &[Habit::new(not_cut, "its saved state got smaller after a snapshot")];

pub(super) const ERASED: &[Habit] =
    &[Habit::new(erased_by_some, "it never handed out or needed a snapshot after that save")];

pub(super) const LATE: &[Habit] =
    &[Habit::new(confirms_unsaved, "it had saved these entries before it answered")];

/// How often a server must have confirmed what it hadn't saved.
const OFTEN: usize = 4;

/// A server confirms entries and saves them only later, if at all; some server has crashed.
fn confirms_unsaved(case: &Case<'_>) -> Option<Breach> {
    let (story, until) = (case.story, case.window.until);
    let mut lives = story.lives.iter().flatten();
    if !lives.any(|life| life.incarnation > 1) {
        return None;
    }
    (0..story.servers as u32).find_map(|server| {
        let saves: Vec<Moment> = story.saved_by(server).map(|save| save.moment).collect();
        let is_saved = |from: Moment, to: Moment| {
            let next = saves.partition_point(|&save| save < from);
            saves.get(next).is_some_and(|&save| save < to)
        };
        let mut own = story.proposed_by(server).peekable();
        // What it may have had, and may have saved with another request that was under way.
        let (mut had, mut last) = (0, None);
        let (mut unsaved, mut all) = (Vec::new(), 0);
        for call in story.handled_by(server as usize) {
            let (Some(delivered), Some(handled)) = (call.delivered, call.handled) else { continue };
            if handled.at > until {
                break;
            }
            while let Some(own) = own.next_if(|own| own.moment < handled) {
                had = had.max(own.index);
            }
            let up_to = call.confirms().unwrap_or(0);
            let is_alone = last.is_none_or(|last| last < delivered);
            last = last.max(Some(handled));
            if call.has_entries() && up_to > had && is_alone {
                all += 1;
                unsaved.extend((!is_saved(delivered, handled)).then_some((call, handled, up_to)));
            }
            had = had.max(up_to);
        }
        let &(call, handled, up_to) = unsaved.last()?;
        if unsaved.len() < OFTEN || unsaved.len() * 2 < all {
            return None;
        }
        let what = format!("server {server} confirms entries before it has saved them");
        let text = format!(
            "server {server} confirmed its log up to index {up_to}; it had saved nothing since that request came"
        );
        let times = count(unsaved.len(), "time");
        let seen = format!("by then it had done so {times}, of {all} confirmations of new entries");
        let breach = case.breach(&persistence::LOG_NOT_SAVED, server, what);
        Some(breach.seen(handled.at, text, [call.id]).seen(until, seen, None).sure_if(false))
    })
}

fn snapshots(
    story: &Story,
    server: usize,
    until: Moment,
) -> impl DoubleEndedIterator<Item = &Snapshot> {
    let all = story.snapshots.iter();
    all.filter(move |made| made.server.server as usize == server && made.moment < until)
}

fn saves(story: &Story, server: usize, until: Moment) -> impl DoubleEndedIterator<Item = &Save> {
    story.saved_by(server as u32).filter(move |save| save.moment < until)
}

/// What a server saved first after `after`.
fn next_save(story: &Story, server: usize, after: Moment, until: Moment) -> Option<&Save> {
    saves(story, server, until).find(|save| save.moment > after)
}

/// What a server saved last before `until`.
fn last_save(story: &Story, server: usize, until: Moment) -> Option<&Save> {
    saves(story, server, until).next_back()
}

/// A breach by `server` that shows in a save.
fn by_save(rule: &'static Rule, server: usize, save: &Save, what: String) -> Breach {
    Breach::new(rule, save.moment, server as u32, what)
}

/// A server that was to save something has accepted a command, and hasn't.
fn command_not_saved(case: &Case<'_>) -> Option<Breach> {
    let Check::Saved { server, what: Saved::Command } = case.failure.check else { return None };
    let (story, from) = (case.story, case.window.from);
    let until = case.window.end();
    let accepted = story.proposed_by(server).find(|own| own.moment.at >= from)?;
    if last_save(story, server as usize, until).is_some_and(|save| save.moment.at >= from) {
        return None;
    }
    let (at, index) = (accepted.moment.at, accepted.index);
    let text = format!("server {server} accepted a command at index {index}");
    let what = format!("server {server} doesn't save the commands that it accepts");
    let nothing = format!("server {server} has saved nothing since");
    let breach = Breach::new(&persistence::LOG_NOT_SAVED, until, server, what).seen(at, text, None);
    // What it has promised to nobody it needn't have saved.
    let mut sent = story.sent_by(server as usize);
    Some(match sent.find(|call| call.sent > accepted.moment && call.up_to() >= Some(index)) {
        Some(_) => breach.seen(until.at, nothing, None),
        None => breach.concluded(until.at, nothing, None),
    })
}

/// A server that was to save something has asked for votes, and hasn't.
fn term_not_saved(case: &Case<'_>) -> Option<Breach> {
    let Check::Saved { server, what: Saved::Command } = case.failure.check else { return None };
    let (story, from, until) = (case.story, case.window.from, case.window.end());
    let asked =
        story.sent_by(server as usize).find(|call| call.is_vote() && call.sent.at >= from)?;
    let term = asked.args.term?;
    let saved = last_save(story, server as usize, until);
    let was_in_it = story.view_at(server as usize, from).is_some_and(|view| view.term >= term);
    if was_in_it || saved.is_some_and(|save| save.moment.at >= from) {
        return None;
    }
    let what =
        format!("server {server} asked for votes in a new term and saved neither term nor vote");
    let text = format!("server {server} asked for votes in term {term}");
    let nothing = match saved {
        Some(save) => format!("the last time that it saved its state was at {} s", save.moment.at),
        None => "it has never saved its state".to_owned(),
    };
    Some(
        Breach::new(&persistence::TERM_NOT_SAVED, until, server, what)
            .seen(asked.sent.at, text, [asked.id])
            .concluded(until.at, nothing, None),
    )
}

/// A leader puts another entry where it had one before a crash.
fn entry_lost(case: &Case<'_>) -> Option<Breach> {
    let Check::Saved { server, what: Saved::Entry { index } } = case.failure.check else {
        return None;
    };
    let (story, until) = (case.story, case.window.until);
    let life = story.lives.get(server as usize)?.last().filter(|life| life.incarnation > 1)?;
    let confirmed = story.handled_by(server as usize).filter(|call| call.is_accepted());
    let confirmed = confirmed
        .filter_map(|call| Some((call.handled?, call.up_to()?, "confirmed", Some(call.id))));
    let accepted =
        story.proposed_by(server).map(|own| (own.moment, own.index, "accepted a command at", None));
    let mut had = confirmed.chain(accepted);
    let (had, _, how, call) = had.find(|had| had.0 < life.from && had.1 >= index)?;
    let what = format!("server {server} lost the entry at index {index} in a crash");
    let lacks = format!("it leads, and its log has no entry at index {index}");
    // It may have been replaced or cut meanwhile, by another mistake.
    Some(
        case.breach(&persistence::LOG_NOT_SAVED, server, what)
            .seen(had.at, format!("before a crash, server {server} {how} index {index}"), call)
            .seen(life.from.at, "it was restarted", None)
            .concluded(until, lacks, None),
    )
}

/// A server was given a snapshot, or has installed one, and its next save has none.
pub(super) fn not_saved(story: &Story, server: usize, until: Moment) -> Option<Breach> {
    let without = |held: HeldSnapshot| {
        let save = next_save(story, server, held.moment, until)?;
        (save.snapshot == 0).then_some((held, save))
    };
    let held = story.all_held_by(server as u32, until).filter_map(without);
    let (made, save) = held.min_by_key(|(held, _)| held.moment)?;
    let had = if made.is_installed { "installed" } else { "been given" };
    let what = format!("server {server} saved its state without the snapshot that it had {had}");
    let given = format!("server {server} {made}");
    let saved = format!("it then saved {} bytes of state and no snapshot", save.state);
    let breach = by_save(&persistence::SNAPSHOT_NOT_SAVED, server, save, what);
    let breach = breach.seen(made.moment.at, given, None);
    // A save that was under way knows nothing of it yet.
    let later = saves(story, server, until).filter(|save| save.moment > made.moment);
    let sizes: Vec<u64> = later.map(|save| save.snapshot).collect();
    Some(breach.known(
        Basis::seen_if(sizes.len() > 1 && sizes.iter().all(|&size| size == 0)),
        save.moment.at,
        saved,
        None,
    ))
}

/// A server has answered that it has a snapshot, and has saved none since it began.
fn installed_not_saved(case: &Case<'_>) -> Option<Breach> {
    let Check::Saved { server, what: Saved::Snapshot } = case.failure.check else { return None };
    let (story, until) = (case.story, case.window.end());
    let mut handled = story.handled_by(server as usize).rev();
    let call = handled.find(|call| {
        call.is_snapshot()
            && call.is_answered_in_its_term()
            && call.handled.is_some_and(|handled| handled < until)
    })?;
    let (answered, index) = (call.handled?, call.args.last_included_index?);
    let life = story.lives[server as usize].iter().rev().find(|life| life.from < answered)?;
    let kept = saves(story, server as usize, until).rfind(|save| save.moment > life.from);
    if kept.is_some_and(|save| save.snapshot > 0) {
        return None;
    }
    let (at, then) = match kept {
        Some(save) => (
            save.moment.at,
            format!("its last save has {} bytes of state and no snapshot", save.state),
        ),
        None => (until.at, "it has saved nothing since it started".to_owned()),
    };
    let text = format!(
        "server {server} answered server {}, which had sent it a snapshot up to index {index}",
        call.from.server
    );
    let what = format!("server {server} didn't save the snapshot that its leader had sent");
    Some(
        Breach::new(&persistence::SNAPSHOT_NOT_SAVED, until, server, what)
            .seen(answered.at, text, [call.id])
            .seen(at, then, None),
    )
}

fn saved_snapshot(breach: Breach, server: usize, save: &Save) -> Breach {
    let text = format!("server {server} saved a snapshot of {} bytes", save.snapshot);
    breach.seen(save.moment.at, text, None)
}

/// A server had saved a snapshot, and a later save has none.
pub(super) fn replaced_by_none(story: &Story, server: usize, until: Moment) -> Option<Breach> {
    let mut saves =
        story.consecutive_saves(server as u32).take_while(|(_, save)| save.moment < until);
    saves.find_map(|(before, save)| persistence::erased(story, before, save))
}

/// The same of any server.
fn erased_by_some(case: &Case<'_>) -> Option<Breach> {
    let until = case.window.end();
    (0..case.story.servers).find_map(|server| replaced_by_none(case.story, server, until))
}

/// A server was given a later snapshot, and its next save has the one before.
pub(super) fn kept_old(story: &Story, server: usize, until: Moment) -> Option<Breach> {
    let (made, before, save) = snapshots(story, server, until).find_map(|made| {
        let before = last_save(story, server, made.moment)?;
        let save = next_save(story, server, made.moment, until)?;
        // One that ends before another which the server has is rightly left alone.
        let mut held = story.all_held_by(server as u32, made.moment);
        let has_later = held.any(|held| held.index >= made.index);
        // A later one has more commands in it.
        let is_old = save.snapshot == before.snapshot && save.snapshot > 0;
        (!has_later && is_old && save.state < before.state).then_some((made, before, save))
    })?;
    let what = format!("server {server} cut its log for a new snapshot but kept the old snapshot");
    let given = format!("it was given a snapshot up to index {}", made.index);
    let again = format!(
        "it cut its log, and again saved a snapshot of {} bytes: the old one",
        save.snapshot
    );
    let breach = by_save(&persistence::OLD_SNAPSHOT_KEPT, server, save, what);
    let breach = saved_snapshot(breach, server, before).seen(made.moment.at, given, None);
    // Another of the same size may be stored by now, and the log may be cut for another reason.
    Some(breach.concluded(save.moment.at, again, None))
}

/// Some server was given snapshots, and what it saves gets no smaller.
fn not_cut(case: &Case<'_>) -> Option<Breach> {
    let until = case.window.end();
    (0..case.story.servers).find_map(|server| log_not_cut(case.story, server, until))
}

fn log_not_cut(story: &Story, server: usize, until: Moment) -> Option<Breach> {
    let all: Vec<_> = snapshots(story, server, until).collect();
    let first = all.first()?;
    let before = last_save(story, server, first.moment)?;
    let after: Vec<_> =
        saves(story, server, until).filter(|save| save.moment > first.moment).collect();
    if after.iter().any(|save| save.state < before.state) {
        return None;
    }
    let last = after.last().unwrap_or(&before);
    let up_to = first.index;
    let given = match all.len() {
        1 => format!("server {server} was given a snapshot up to index {up_to}"),
        n => format!("server {server} was given the first of {n} snapshots, up to index {up_to}"),
    };
    let has_snapshot = after.iter().any(|save| save.snapshot > 0);
    let (rule, what, snapshot) = match has_snapshot {
        true => (
            &install_snapshot::LOG_NOT_CUT,
            format!("server {server} saves its snapshot, but still saves the whole log, too"),
            format!("a snapshot of {} bytes", last.snapshot),
        ),
        false => (
            &install_snapshot::IGNORED,
            format!("server {server} does nothing with the snapshots that it is given"),
            "no snapshot".to_owned(),
        ),
    };
    let saved = format!("server {server} saved {} bytes of state", before.state);
    let text = format!(
        "its saved state has {} bytes; it has never got smaller since then, and there is {snapshot}",
        last.state
    );
    let breach = by_save(rule, server, last, what).seen(before.moment.at, saved, None);
    Some(breach.seen(first.moment.at, given, None).seen(last.moment.at, text, None))
}
