//! Causes of failures that are about snapshots: `nil snapshot`, `snapshot doesn't match
//! m.SnapshotIndex`, `Log size too large` and the like.

use super::finding::Finding;
use super::numbers::numbers;
use super::saves::{kept_old, log_not_cut, not_saved, replaced_by_none};
use super::{Case, Cause, certain, evidence, referee};
use crate::story::{Call, Moment, Purpose};

pub(super) const CONTENTS: &[Cause] = &[sender_s_snapshot, wrong_contents, referee::broken_rule];

pub(super) const SIZE: &[Cause] = &[log_too_large, referee::broken_rule];

/// The snapshot that a server applied, as it was sent to it.
fn sent<'a>(case: &Case<'a>) -> Option<&'a Call> {
    let sentence = case.failure.message.lines().next()?;
    let server = *numbers(sentence).first()? as usize;
    let story = case.story;
    let applied = story.applied.iter().rev().find(|applied| {
        applied.server.server as usize == server
            && applied.command.is_none()
            && applied.moment.at <= case.window.until
    })?;
    let handled = story.handled.get(server)?.iter().rev().map(|&place| &story.calls[place]);
    handled.filter(|call| call.purpose == Purpose::Snapshot).find(|call| {
        call.args.last_included_index.is_none_or(|index| index == applied.index)
            && call.handled.is_some_and(|handled| handled.at <= applied.moment.at)
    })
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

fn log_too_large(case: &Case<'_>) -> Option<Finding> {
    let until = Moment { place: usize::MAX, at: case.window.until };
    (0..case.story.servers).find_map(|server| log_not_cut(case.story, server, until))
}
