//! What commands and the tester's snapshots became in what a server saved.

use super::finding::{Confidence, Evidence, Finding};
use super::numbers::numbers;
use super::referee::log_not_saved;
use super::{Case, Cause, certain, evidence, referee};
use crate::story::{Moment, Purpose, Save, Snapshot, Story};

/// Causes of `server … has acknowledged a snapshot, and has saved none when it crashes`.
pub(super) const INSTALLED: &[Cause] = &[installed_not_saved, referee::broken_rule];

/// Causes of `server … leads without the committed entry at index …, which it had`.
pub(super) const ENTRY_LOST: &[Cause] = &[referee::broken_rule, entry_lost];

const KEPT: &str =
    "a snapshot is saved together with the log that begins behind it, and stays saved (§7)";

fn snapshots(
    story: &Story,
    server: usize,
    until: Moment,
) -> impl DoubleEndedIterator<Item = &Snapshot> {
    story.snapshots.iter().filter(move |snapshot| {
        snapshot.server.server as usize == server && snapshot.moment < until
    })
}

fn saves(story: &Story, server: usize, until: Moment) -> impl DoubleEndedIterator<Item = &Save> {
    story
        .saved
        .iter()
        .filter(move |save| save.server.server as usize == server && save.moment < until)
}

/// What a server saved first after `after`.
fn next_save(story: &Story, server: usize, after: Moment, until: Moment) -> Option<&Save> {
    saves(story, server, until).find(|save| save.moment > after)
}

/// What a server saved last before `until`.
fn last_save(story: &Story, server: usize, until: Moment) -> Option<&Save> {
    saves(story, server, until).next_back()
}

fn saved_snapshot(server: usize, save: &Save) -> Evidence {
    let text = format!("server {server} saved a snapshot of {} bytes", save.snapshot);
    evidence(save.moment.at, text, None)
}

/// A server that was to save something has accepted a command, and hasn't.
pub(super) fn command_not_saved(case: &Case<'_>) -> Option<Finding> {
    let sentence = case.failure.message.lines().next()?;
    let server = *numbers(sentence).first()? as usize;
    let (story, from) = (case.story, case.window.from);
    let until = Moment { place: usize::MAX, at: case.window.until };
    let accepted = story
        .proposals
        .iter()
        .find(|proposal| proposal.server.server as usize == server && proposal.moment.at >= from)?;
    if last_save(story, server, until).is_some_and(|save| save.moment.at >= from) {
        return None;
    }
    let (at, index) = (accepted.moment.at, accepted.index);
    let text = format!("server {server} accepted a command at index {index}");
    let proof = vec![
        evidence(at, text, None),
        evidence(until.at, format!("server {server} has saved nothing since"), None),
    ];
    let what = format!("server {server} doesn't save the commands that it accepts");
    // What it has promised to nobody it needn't have saved.
    let sent = story.sent_by(server).any(|call| {
        call.sent > accepted.moment && call.sent < until && call.up_to() >= Some(index)
    });
    let finding = log_not_saved(what, proof);
    Some(if sent { finding } else { finding.likely() })
}

/// A leader puts another entry where it had one before a crash.
fn entry_lost(case: &Case<'_>) -> Option<Finding> {
    let sentence = case.failure.message.lines().next()?;
    let &[server, index, ..] = numbers(sentence).as_slice() else { return None };
    let (story, until) = (case.story, case.window.until);
    let life = story.lives.get(server as usize)?.last().filter(|life| life.incarnation > 1)?;
    let confirmed = story.handled.get(server as usize)?.iter().map(|&place| &story.calls[place]);
    let confirmed = confirmed.filter(|call| call.reply.success == Some(true));
    let confirmed = confirmed
        .filter_map(|call| Some((call.handled?, call.up_to()?, "confirmed", Some(call.id))));
    let own = story.proposals.iter().filter(|own| u64::from(own.server.server) == server);
    let accepted = own.map(|own| (own.moment, own.index, "accepted a command at", None));
    let mut had = confirmed.chain(accepted);
    let (had, _, how, call) =
        had.find(|&(moment, up_to, ..)| moment < life.from && up_to >= index)?;
    let proof = vec![
        evidence(had.at, format!("server {server} {how} index {index}"), call),
        evidence(life.from.at, "it was restarted after a crash".to_owned(), None),
        evidence(until, format!("it leads, and its log has no entry at index {index}"), None),
    ];
    let what = format!("server {server} lost the entry at index {index} in a crash");
    let mut finding = log_not_saved(what, proof);
    // It may have been replaced or cut meanwhile, by another mistake.
    finding.confidence = Confidence::Likely;
    Some(finding)
}

/// A server was given a snapshot, and its next save has none.
pub(super) fn not_saved(story: &Story, server: usize, until: Moment) -> Option<Finding> {
    let (snapshot, save) = snapshots(story, server, until).find_map(|snapshot| {
        let save = next_save(story, server, snapshot.moment, until)?;
        (save.snapshot == 0).then_some((snapshot, save))
    })?;
    let proof = vec![
        evidence(
            snapshot.moment.at,
            format!("server {server} was given a snapshot up to index {}", snapshot.index),
            None,
        ),
        evidence(
            save.moment.at,
            format!("it then saved {} bytes of state and no snapshot", save.state),
            None,
        ),
    ];
    let what =
        format!("server {server} saved its state without the snapshot that it had been given");
    let look = "what snapshot() keeps, and each call of the persister's save(): its second \
                argument is the snapshot, and an empty one erases what is stored";
    let finding = certain("snapshot-not-saved", what, proof, [KEPT, look]);
    // A save that was under way knows nothing of it yet.
    let later = saves(story, server, until).filter(|save| save.moment > snapshot.moment);
    let sizes: Vec<u64> = later.map(|save| save.snapshot).collect();
    let never = sizes.len() > 1 && sizes.iter().all(|&size| size == 0);
    Some(if never { finding } else { finding.likely() })
}

/// A server has answered that it has a snapshot, and has saved none since it began.
fn installed_not_saved(case: &Case<'_>) -> Option<Finding> {
    let sentence = case.failure.message.lines().next()?;
    let server = *numbers(sentence).first()? as usize;
    let (story, until) = (case.story, case.window.until);
    let mut handled = story.handled.get(server)?.iter().rev().map(|&place| &story.calls[place]);
    let call = handled.find(|call| {
        call.purpose == Purpose::Snapshot
            && call.reply.term == call.args.term
            && call.handled.is_some_and(|handled| handled.at <= until)
    })?;
    let (answered, index) = (call.handled?, call.args.last_included_index?);
    let life = story.lives[server].iter().rev().find(|life| life.from < answered)?;
    let mut kept = saves(story, server, Moment { place: usize::MAX, at: until });
    let kept = kept.rfind(|save| save.moment > life.from);
    if kept.is_some_and(|save| save.snapshot > 0) {
        return None;
    }
    let then = match kept {
        Some(save) => evidence(
            save.moment.at,
            format!("its last save has {} bytes of state and no snapshot", save.state),
            None,
        ),
        None => evidence(until, "it has saved nothing since it began".to_owned(), None),
    };
    let text = format!(
        "server {server} answered server {}, which had sent it a snapshot up to index {index}",
        call.from.server
    );
    let proof = vec![evidence(answered.at, text, [call.id]), then];
    let what = format!("server {server} didn't save the snapshot that its leader had sent");
    let rule = "save the snapshot before the reply (Figure 13, InstallSnapshot 5; §7): its leader takes \
                the reply for a promise";
    let look = "the handler of InstallSnapshot: it calls the persister's save(), with the snapshot as the \
                second argument, before it answers";
    Some(certain("snapshot-not-saved", what, proof, [rule, look]))
}

/// A server began with a snapshot, and its first save has none.
pub(super) fn replaced_by_none(story: &Story, server: usize, until: Moment) -> Option<Finding> {
    let (before, life, save) = story.lives[server].iter().find_map(|life| {
        let before = last_save(story, server, life.from)?;
        let save = next_save(story, server, life.from, until)?;
        (before.snapshot > 0 && save.snapshot == 0).then_some((before, life, save))
    })?;
    let proof = vec![
        saved_snapshot(server, before),
        evidence(life.from.at, "it was restarted with what it had saved".to_owned(), None),
        evidence(save.moment.at, "it saved its state, and no snapshot".to_owned(), None),
    ];
    let what = format!("server {server} lost its saved snapshot by the first save after a crash");
    let look = "what is read back after a crash: read_snapshot(), so that the next save() has \
                something to keep";
    Some(certain("snapshot-not-read-back", what, proof, [KEPT, look]))
}

/// A server was given a later snapshot, and its next save has the one before.
pub(super) fn kept_old(story: &Story, server: usize, until: Moment) -> Option<Finding> {
    let (snapshot, before, save) = snapshots(story, server, until).find_map(|snapshot| {
        let before = last_save(story, server, snapshot.moment)?;
        let save = next_save(story, server, snapshot.moment, until)?;
        // One that ends before another which the server has is rightly left alone.
        let has_later =
            story.held_by(server as u32, snapshot.moment).any(|held| held.index >= snapshot.index);
        // A later one has more commands in it.
        (!has_later
            && save.snapshot == before.snapshot
            && save.snapshot > 0
            && save.state < before.state)
            .then_some((snapshot, before, save))
    })?;
    let proof = vec![
        saved_snapshot(server, before),
        evidence(
            snapshot.moment.at,
            format!("it was given a snapshot up to index {}", snapshot.index),
            None,
        ),
        evidence(
            save.moment.at,
            format!(
                "it cut its log and saved a snapshot of {} bytes again: the old one",
                save.snapshot
            ),
            None,
        ),
    ];
    let what = format!("server {server} cut its log behind a new snapshot and kept the old one");
    let rule = "log and snapshot change together: a log that begins behind a snapshot is worth \
                nothing without it (§7)";
    let look = "what snapshot() does with its argument when there is a snapshot already";
    // Another of the same size may be stored by now, and the log may be cut for another reason.
    Some(certain("old-snapshot-kept", what, proof, [rule, look]).likely())
}

/// A server was given snapshots, and what it saves gets no smaller.
pub(super) fn log_not_cut(story: &Story, server: usize, until: Moment) -> Option<Finding> {
    let all: Vec<_> = snapshots(story, server, until).collect();
    let first = all.first()?;
    let before = last_save(story, server, first.moment)?;
    let after: Vec<_> =
        saves(story, server, until).filter(|save| save.moment > first.moment).collect();
    if after.iter().any(|save| save.state < before.state) {
        return None;
    }
    let last = after.last().unwrap_or(&before);
    let given = match all.len() {
        1 => format!("server {server} was given a snapshot up to index {}", first.index),
        n => format!(
            "server {server} was given the first of {n} snapshots, up to index {}",
            first.index
        ),
    };
    let has_snapshot = after.iter().any(|save| save.snapshot > 0);
    let snapshot = if has_snapshot {
        format!("a snapshot of {} bytes", last.snapshot)
    } else {
        "no snapshot".to_owned()
    };
    let proof = vec![
        evidence(
            before.moment.at,
            format!("server {server} saved {} bytes of state", before.state),
            None,
        ),
        evidence(first.moment.at, given, None),
        evidence(
            last.moment.at,
            format!(
                "its state has {} bytes, never fewer since then, and there is {snapshot}",
                last.state
            ),
            None,
        ),
    ];
    let rule = "a snapshot replaces the log up to its last entry: that part is discarded (§7)";
    let finding = if has_snapshot {
        let what = format!("server {server} saves its snapshot, and the whole log beside it");
        let look = "where the log is cut: what is saved must begin behind the snapshot";
        certain("log-not-cut", what, proof, [rule, look])
    } else {
        let what = format!("server {server} does nothing with the snapshots that it is given");
        let look = "snapshot(): it cuts the log, keeps the snapshot and saves both; and the \
                    condition under which it returns at once";
        certain("snapshot-ignored", what, proof, [rule, look])
    };
    // One that came last may be on its way to the disk.
    Some(if all.len() > 1 && after.len() > 1 { finding } else { finding.likely() })
}
