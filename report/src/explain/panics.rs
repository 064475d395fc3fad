//! Causes of panics: what the server was at.

use std::time::Duration;

use super::finding::{Confidence, Evidence, Finding};
use super::numbers::{number_after, numbers};
use super::{Case, Cause, evidence, referee};
use crate::event::Time;
use crate::story::{Held, Life, Moment, Purpose};

pub(super) const CAUSES: &[Cause] = &[
    referee::broken_rule,
    offset_ignored,
    began_before_snapshot,
    request_below_snapshot,
    late_reply_heeded,
];

/// What is done with a reply is done by then.
const AT_ONCE: Duration = Duration::from_millis(2);

/// A server that panicked, and in what.
struct Panicked<'a> {
    server: usize,
    life: &'a Life,
    /// In a task; else in a handler or a call.
    in_task: bool,
}

impl Panicked<'_> {
    fn find<'a>(case: &Case<'a>) -> Option<Panicked<'a>> {
        let sentence = case.failure.message.lines().next()?;
        let server = usize::try_from(*numbers(sentence.strip_prefix("server ")?).first()?).ok()?;
        let life = case.story.lives.get(server)?.last()?;
        let in_task = sentence.contains("panicked in a task");
        Some(Panicked { server, life, in_task })
    }
}

/// The last snapshot that a server has.
fn last_snapshot(case: &Case<'_>, server: usize, until: Moment) -> Option<Held> {
    case.story.held_by(server as u32, until).max_by_key(|held| held.index)
}

fn held(server: usize, held: &Held) -> Evidence {
    let how = if held.is_installed { "installed" } else { "was given" };
    let text = format!("server {server} {how} a snapshot up to index {}", held.index);
    evidence(held.moment.at, text, None)
}

/// The moment of the panic.
fn now(case: &Case<'_>) -> Moment {
    Moment { place: usize::MAX, at: case.window.until }
}

/// An index of Raft's is used in a log whose beginning a snapshot has replaced.
fn offset_ignored(case: &Case<'_>) -> Option<Finding> {
    let Panicked { server, .. } = Panicked::find(case)?;
    let sentence = case.failure.message.lines().next()?;
    let len = number_after(sentence, "the len is")?;
    let index = number_after(sentence, "the index is")?;
    let snapshot = last_snapshot(case, server, now(case))?;
    let (last, until) = (snapshot.index, case.window.until);
    // Behind the snapshot, it would be in the log. One too many is another mistake.
    if index == len || index < last || index - last > len {
        return None;
    }
    let proof = vec![
        held(server, &snapshot),
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

/// A server with a saved snapshot panics after a crash, before it has applied anything behind it.
fn began_before_snapshot(case: &Case<'_>) -> Option<Finding> {
    let Panicked { server, life, in_task } = Panicked::find(case)?;
    let (story, until) = (case.story, case.window.until);
    let last = last_snapshot(case, server, life.from)?.index;
    let has_applied = story
        .applied
        .iter()
        .any(|applied| applied.server.server as usize == server && applied.moment > life.from);
    if !in_task || life.incarnation < 2 || has_applied {
        return None;
    }
    // It applies once it has heard of a commit, or has made one.
    let told = story.handled_by(server).rev().find(|call| {
        call.reply.success == Some(true)
            && call.args.leader_commit > Some(0)
            && call.delivered > Some(life.from)
    });
    let confirmed = || {
        story.sent_by(server).rev().find(|call| {
            call.sent > life.from && call.reply.success == Some(true) && call.replied().is_some()
        })
    };
    let learned = match told {
        Some(call) => {
            let text = format!(
                "server {} told it that everything up to index {} is committed",
                call.from.server, call.args.leader_commit?
            );
            evidence(call.handled?.at, text, [call.id])
        }
        None => {
            let call = confirmed()?;
            let text = format!("it led, and server {} confirmed what it sent", call.to);
            evidence(call.replied()?, text, [call.id])
        }
    };
    let proof = vec![
        evidence(
            life.from.at,
            format!(
                "server {server} was restarted with a snapshot that covers everything up to index {last}"
            ),
            None,
        ),
        learned,
        evidence(until, "it panicked before it applied anything".to_owned(), None),
    ];
    Some(Finding {
        id: "snapshot-index-forgotten".to_owned(),
        confidence: Confidence::Likely,
        what: format!("server {server} looked for entries that its snapshot covers, after a crash"),
        evidence: proof,
        rule: "a log that begins behind a snapshot keeps the snapshot's last index and term (§7), and \
               commitIndex and lastApplied begin there"
            .to_owned(),
        look: "what is read back after a crash: the snapshot's index, from which the log's indexes count, \
               and lastApplied, which isn't 0 then"
            .to_owned(),
        normal: None,
    })
}

/// A handler panics over a request that begins with an entry that is in the snapshot.
fn request_below_snapshot(case: &Case<'_>) -> Option<Finding> {
    let Panicked { server, in_task, .. } = Panicked::find(case)?;
    let (story, until) = (case.story, case.window.until);
    let open = story.calls.iter().filter(|call| {
        call.to as usize == server
            && call.purpose == Purpose::Append
            && call.handled.is_none()
            && call.delivered.is_some_and(|delivered| delivered.at <= until)
    });
    let call = open.max_by_key(|call| call.delivered)?;
    let prev = call.args.prev_log_index?;
    let snapshot = last_snapshot(case, server, now(case))?;
    let sentence = case.failure.message.lines().next()?;
    if in_task || !sentence.contains(&*call.method) || prev >= snapshot.index {
        return None;
    }
    let proof = vec![
        held(server, &snapshot),
        evidence(
            call.delivered?.at,
            format!(
                "it got what follows index {prev} from server {}, and panicked",
                call.from.server
            ),
            [call.id],
        ),
    ];
    Some(Finding {
        id: "request-below-snapshot".to_owned(),
        confidence: Confidence::Likely,
        what: format!("server {server} panicked over entries that its snapshot covers already"),
        evidence: proof,
        rule: "what a snapshot covers is committed, and so the same in each leader's log (§5.4, §7): a \
               request may begin there, if it comes late or if its leader has cut its log less far"
            .to_owned(),
        look: "the check of prevLogIndex where the log begins behind a snapshot: what the snapshot covers \
               matches, and only the entries behind it are looked at"
            .to_owned(),
        normal: None,
    })
}

/// The reply to a call of an earlier term arrives, and the server panics.
fn late_reply_heeded(case: &Case<'_>) -> Option<Finding> {
    let Panicked { server, life, in_task } = Panicked::find(case)?;
    let (story, until) = (case.story, case.window.until);
    let now = story.reached[server].last()?.term;
    let is_now = |at: Time| at <= until && until.since(at) <= AT_ONCE;
    let replied = story.sent_by(server).filter(|call| call.replied().is_some_and(is_now));
    let call = replied
        .filter(|call| call.from.incarnation == life.incarnation && call.purpose != Purpose::Other)
        .find(|call| call.args.term.is_some_and(|term| term < now))?;
    if !in_task {
        return None;
    }
    let proof = vec![
        evidence(
            call.sent.at,
            format!(
                "server {server} sent {} of term {} to server {}",
                call.method, call.args.term?, call.to
            ),
            [call.id],
        ),
        evidence(
            call.replied()?,
            format!("the reply came, with server {server} in term {now}, and it panicked"),
            [call.id],
        ),
    ];
    Some(Finding {
        id: "late-reply-heeded".to_owned(),
        confidence: Confidence::Likely,
        what: format!(
            "server {server} panicked over the reply to a request that it had sent in an earlier term"
        ),
        evidence: proof,
        rule: "a reply tells of the term in which its request was sent: if currentTerm isn't that any \
               more, it says nothing of now (§5.1, §5.2)"
            .to_owned(),
        look: "the first thing that is done with a reply: its request's term is compared with currentTerm, \
               and the reply is dropped if they differ"
            .to_owned(),
        normal: None,
    })
}
