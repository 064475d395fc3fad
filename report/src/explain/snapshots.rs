//! Causes of failures that are about snapshots: `nil snapshot`, `snapshot doesn't match
//! m.SnapshotIndex`, `Log size too large` and the like.

use super::finding::{Confidence, Evidence, Finding};
use super::numbers::numbers;
use super::saves::{kept_old, log_not_cut, not_saved, replaced_by_none};
use super::{Case, Cause, certain, evidence, referee};
use crate::story::{Applied, Call, Moment, Purpose, Save};

pub(super) const CONTENTS: &[Cause] = &[
    goes_back,
    state_for_snapshot,
    sender_s_snapshot,
    wrong_contents,
    another_index_told,
    referee::broken_rule,
];

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

/// Whether the failure is that a service is handed an older snapshot than what it has applied.
fn is_older(case: &Case<'_>) -> bool {
    let sentence = case.failure.message.lines().next().unwrap_or_default();
    sentence.contains("goes back behind index")
}

/// A service that has applied more is handed a snapshot that is right, and old.
fn goes_back(case: &Case<'_>) -> Option<Finding> {
    let applied = applied(case).filter(|_| is_older(case))?;
    let (server, index) = (applied.server.server, applied.index);
    let before = case.story.applied.iter().rev().find(|other| {
        other.server == applied.server && other.moment < applied.moment && other.index > index
    })?;
    let mut proof = vec![evidence(
        before.moment.at,
        format!("server {server} had applied everything up to index {}", before.index),
        None,
    )];
    if let Some(call) = sent(case) {
        proof.push(evidence(call.handled?.at, describe(call), [call.id]));
    }
    let text = format!("it handed its service a snapshot that ends at index {index}");
    proof.push(evidence(applied.moment.at, text, None));
    proof.sort_by_key(|evidence| evidence.at);
    let what = format!("server {server} took its service back to an older snapshot");
    let rule = "a snapshot that covers no more than what is committed changes nothing (Figure 13, \
                InstallSnapshot; §7): it may come late, or twice";
    let look = "the handler of InstallSnapshot, and what sends to the apply channel: a snapshot is \
                compared with what has been applied, or is on its way, when it is handed on";
    Some(certain("snapshot-goes-back", what, proof, [rule, look]))
}

fn wrong_contents(case: &Case<'_>) -> Option<Finding> {
    if is_older(case) {
        return None; // it is the right one for its index
    }
    if state_for_snapshot(case).is_some() || sender_s_snapshot(case).is_some() {
        return None;
    }
    let call = sent(case)?;
    let proof = vec![evidence(call.sent.at, describe(call), [call.id])];
    if let Some(empty) = applied(case).filter(|applied| applied.bytes == 0) {
        return Some(handed_on_empty(empty, proof));
    }
    let what = format!(
        "the snapshot that server {} applied isn't the one of the index that went with it",
        call.to
    );
    let rule = "lastIncludedIndex is the index of the last entry that the snapshot replaces \
                (Figure 13, InstallSnapshot; §7)";
    let look = "where the index, the term and the contents of a snapshot are set: together, to \
                what snapshot() was given";
    let finding = certain("snapshot-of-another-index", what, proof, [rule, look]);
    let sentence = case.failure.message.lines().next().unwrap_or_default();
    let is_said =
        sentence.contains("doesn't match m.SnapshotIndex") || sentence.contains("is none of the");
    Some(if is_said { finding } else { finding.likely() })
}

/// A service is handed a snapshot with nothing in it.
fn handed_on_empty(applied: &Applied, mut proof: Vec<Evidence>) -> Finding {
    let (server, index) = (applied.server.server, applied.index);
    let text =
        format!("server {server} handed its service an empty one, with SnapshotIndex {index}");
    proof.push(evidence(applied.moment.at, text, None));
    Finding {
        id: "snapshot-empty".to_owned(),
        confidence: Confidence::Likely,
        what: format!("the snapshot that server {server} handed to its service is empty"),
        evidence: proof,
        rule: "reset state machine using snapshot contents (Figure 13, InstallSnapshot 8; §7)".to_owned(),
        look: "the way of the contents: what the leader puts into the request, what the handler keeps of \
               it, and what goes to the apply channel"
            .to_owned(),
        normal: None,
    }
}

/// A service is handed a snapshot with another index than the one with which it was sent.
fn another_index_told(case: &Case<'_>) -> Option<Finding> {
    let applied = applied(case)?;
    let server = applied.server.server;
    let call = sent_until(case, applied).next()?;
    let sent = call.args.last_included_index.filter(|&sent| sent != applied.index)?;
    // It may have taken its time with an earlier one, or be its own.
    let is_its = |other: &Call| other.args.last_included_index == Some(applied.index);
    let until = applied.moment;
    if is_older(case)
        || sent_until(case, applied).any(is_its)
        || case.story.held_by(server, until).any(|held| held.index == applied.index)
    {
        return None;
    }
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
    let (server, [state, snapshot]) =
        (0..case.story.servers as u32).find_map(|server| Some((server, swapped(case, server)?)))?;
    let proof = vec![
        evidence(
            state.moment.at,
            format!(
                "server {server} saved {} bytes of state and {}",
                state.state,
                match state.snapshot {
                    0 => "no snapshot".to_owned(),
                    bytes => format!("a snapshot of {bytes} bytes"),
                }
            ),
            None,
        ),
        evidence(
            snapshot.moment.at,
            format!(
                "it was restarted, and saved {} bytes as its snapshot, as many as its state had had",
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

/// What a server saved last before a crash, and what it saved first behind it with a snapshot as large as
/// the state before; nobody had given it another snapshot in between.
fn swapped<'a>(case: &Case<'a>, server: u32) -> Option<[&'a Save; 2]> {
    let (story, until) = (case.story, case.window.until);
    let saves = || story.saved.iter().filter(|save| save.server.server == server);
    story.lives[server as usize].iter().find_map(|life| {
        let state = saves().take_while(|save| save.moment < life.from).last()?;
        let snapshot = saves().find(|save| save.moment > life.from && save.moment.at <= until)?;
        let between = |at: Moment| at > state.moment && at < snapshot.moment;
        let mut made = story.snapshots.iter().filter(|made| made.server.server == server);
        let given = made.any(|made| between(made.moment));
        let sent = story.calls.iter().any(|call| {
            call.purpose == Purpose::Snapshot
                && call.to == server
                && call.delivered.is_some_and(between)
        });
        let is_other = snapshot.snapshot == state.state && snapshot.snapshot != state.snapshot;
        (is_other && !given && !sent).then_some([state, snapshot])
    })
}

fn log_too_large(case: &Case<'_>) -> Option<Finding> {
    let until = Moment { place: usize::MAX, at: case.window.until };
    (0..case.story.servers).find_map(|server| log_not_cut(case.story, server, until))
}
