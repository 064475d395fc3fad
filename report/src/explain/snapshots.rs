//! Causes of failures that are about snapshots: `nil snapshot`, `snapshot doesn't match
//! m.SnapshotIndex`, `Log size too large` and the like.

use super::finding::{Confidence, Finding};
use super::numbers::{number_after, numbers};
use super::saves::{kept_old, log_not_cut, not_saved, replaced_by_none};
use super::{Case, Cause, certain, evidence, referee};
use crate::event::{Caller, Time};
use crate::story::{Applied, Call, Moment, Purpose, Save};

pub(super) const CONTENTS: &[Cause] = &[
    sender_s_snapshot,
    wrong_contents,
    another_index_told,
    state_for_snapshot,
    referee::broken_rule,
];

/// Causes of `index out of bounds`.
pub(super) const PANIC: &[Cause] = &[offset_ignored, referee::broken_rule];

pub(super) const SIZE: &[Cause] = &[log_too_large, referee::broken_rule];

/// The snapshot that the failure's server applied last.
fn applied<'a>(case: &Case<'a>) -> Option<&'a Applied> {
    let sentence = case.failure.message.lines().next()?;
    let server = *numbers(sentence).first()?;
    case.story.applied.iter().rev().find(|applied| {
        u64::from(applied.server.server) == server
            && applied.command.is_none()
            && applied.moment.at <= case.window.until
    })
}

/// The snapshots that a server was sent until it applied one, the latest first.
fn sent_until<'a>(case: &Case<'a>, applied: &Applied) -> impl Iterator<Item = &'a Call> {
    let (story, until) = (case.story, applied.moment.at);
    // A cut history may name a server of which it knows nothing else.
    let handled = story.handled.get(applied.server.server as usize).into_iter().flatten().rev();
    let handled = handled.map(|&place| &story.calls[place]);
    handled.filter(move |call| {
        call.purpose == Purpose::Snapshot && call.handled.is_some_and(|handled| handled.at <= until)
    })
}

/// The snapshot that a server applied, as it was sent to it.
fn sent<'a>(case: &Case<'a>) -> Option<&'a Call> {
    let applied = applied(case)?;
    let is_its = |index| index == applied.index;
    sent_until(case, applied).find(|call| call.args.last_included_index.is_none_or(is_its))
}

/// The sender's own snapshot was gone, or another.
fn sender_s_snapshot(case: &Case<'_>) -> Option<Finding> {
    let call = sent(case)?;
    let (story, server, until) = (case.story, call.from.server as usize, call.sent);
    let mut finding = replaced_by_none(story, server, until)
        .or_else(|| not_saved(story, server, until))
        .or_else(|| kept_old(story, server, until))?;
    finding.evidence.push(evidence(call.sent.at, describe(call), [call.id]));
    Some(finding)
}

fn describe(call: &Call) -> String {
    let up_to = call.args.last_included_index.map_or(String::new(), |index| {
        format!(", which was to cover everything up to index {index}")
    });
    format!(
        "server {} sent server {} its snapshot, {} bytes with all that goes with it{up_to}",
        call.from.server, call.to, call.size
    )
}

fn wrong_contents(case: &Case<'_>) -> Option<Finding> {
    if sender_s_snapshot(case).is_some() {
        return None;
    }
    let call = sent(case)?;
    let proof = vec![evidence(call.sent.at, describe(call), [call.id])];
    let what = format!(
        "the snapshot that server {} applied isn't the one of the index that went with it",
        call.to
    );
    let rule = "lastIncludedIndex is the index of the last entry that the snapshot replaces \
                (Figure 13, InstallSnapshot; §7)";
    let look = "where the index, the term and the contents of a snapshot are set: together, to \
                what snapshot() was given";
    Some(certain("snapshot-of-another-index", what, proof, [rule, look]))
}

/// A service is handed a snapshot with another index than the one with which it was sent.
fn another_index_told(case: &Case<'_>) -> Option<Finding> {
    let applied = applied(case)?;
    let server = applied.server.server;
    let call = sent_until(case, applied).next()?;
    let sent = call.args.last_included_index.filter(|&sent| sent != applied.index)?;
    let proof = vec![
        evidence(call.sent.at, describe(call), [call.id]),
        evidence(
            applied.moment.at,
            format!(
                "server {server} handed it to its service with SnapshotIndex {}",
                applied.index
            ),
            None,
        ),
    ];
    let what = format!(
        "server {server} was sent a snapshot up to index {sent}, and tells its service that it ends at {}",
        applied.index
    );
    let rule = "lastIncludedIndex is the index of the last entry that the snapshot replaces \
                (Figure 13, InstallSnapshot; §7), and SnapshotIndex is that same index";
    let look = "where the message for the service is made: indexes begin at 1 everywhere";
    Some(certain("snapshot-of-another-index", what, proof, [rule, look]))
}

/// A server begins with what it had saved as its state, in the place of its snapshot.
fn state_for_snapshot(case: &Case<'_>) -> Option<Finding> {
    let sentence = case.failure.message.lines().next()?;
    if !sentence.contains("snapshot decode error") {
        return None;
    }
    let server = *numbers(sentence).first()?;
    let of_server = |save: &&Save| u64::from(save.server.server) == server;
    let saves: Vec<&Save> = case
        .story
        .saved
        .iter()
        .filter(of_server)
        .filter(|s| s.moment.at <= case.window.until)
        .collect();
    let (state, snapshot) = saves.iter().enumerate().find_map(|(place, save)| {
        let before = saves[..place].last()?;
        let is_other = save.snapshot != before.snapshot && save.snapshot > 0;
        let mut earlier = saves[..place].iter();
        let state =
            earlier.rfind(|earlier| earlier.state == save.snapshot && earlier.snapshot > 0)?;
        is_other.then_some((*state, *save))
    })?;
    let proof = vec![
        evidence(
            state.moment.at,
            format!(
                "server {server} saved {} bytes of state and a snapshot of {} bytes",
                state.state, state.snapshot
            ),
            None,
        ),
        evidence(
            snapshot.moment.at,
            format!(
                "it then saved {} bytes as its snapshot, as many as its state had",
                snapshot.snapshot
            ),
            None,
        ),
    ];
    let rule =
        "a snapshot is saved together with the log that begins behind it, and stays saved (§7)";
    Some(Finding {
        id: "state-saved-as-snapshot".to_owned(),
        confidence: Confidence::Likely,
        what: format!("server {server} saved its state in the place of its snapshot"),
        evidence: proof,
        rule: rule.to_owned(),
        look: "the two arguments of save(), and what is read back after a crash: read_raft_state() for \
               the state, read_snapshot() for the snapshot"
            .to_owned(),
        normal: None,
    })
}

/// An index of Raft's is used in a log whose beginning a snapshot has replaced.
fn offset_ignored(case: &Case<'_>) -> Option<Finding> {
    let sentence = case.failure.message.lines().next()?;
    let server = *numbers(sentence).first()?;
    let len = number_after(sentence, "the len is")?;
    let index = number_after(sentence, "the index is")?;
    let (story, until) = (case.story, case.window.until);
    let is_its = |caller: Caller, at: Time| u64::from(caller.server) == server && at <= until;
    let made = story.snapshots.iter().filter(|made| is_its(made.server, made.moment.at));
    let made = made.map(|made| (made.index, made.moment.at, "was given"));
    let applied = story.applied.iter().filter(|applied| applied.command.is_none());
    let applied = applied.filter(|applied| is_its(applied.server, applied.moment.at));
    let installed = applied.map(|applied| (applied.index, applied.moment.at, "installed"));
    let (last, at, how) = made.chain(installed).max_by_key(|&(index, ..)| index)?;
    // Behind the snapshot, it would be in the log. One too many is another mistake.
    if index == len || index < last || index - last > len {
        return None;
    }
    let proof = vec![
        evidence(at, format!("server {server} {how} a snapshot up to index {last}"), None),
        evidence(
            until,
            format!(
                "it looked for place {index} in a list of {len}: {last} less, and it would be where an \
                 entry behind the snapshot is"
            ),
            None,
        ),
    ];
    Some(Finding {
        id: "snapshot-offset-ignored".to_owned(),
        confidence: Confidence::Likely,
        what: format!("server {server} used an index of Raft's as a place in a log that begins later"),
        evidence: proof,
        rule: "a snapshot replaces all entries up to lastIncludedIndex (§7): the entry at index i is at \
               place i less that in what is left"
            .to_owned(),
        look: "the line of the panic, and every other place where the log is indexed: one function that \
               knows the offset is enough"
            .to_owned(),
        normal: None,
    })
}

fn log_too_large(case: &Case<'_>) -> Option<Finding> {
    let until = Moment { place: usize::MAX, at: case.window.until };
    (0..case.story.servers).find_map(|server| log_not_cut(case.story, server, until))
}
