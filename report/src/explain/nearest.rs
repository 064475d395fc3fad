//! What is nearest to a failure that nothing explains: what the check waited for, what the servers that could
//! have met it did meanwhile, and how a working run goes on there; what a server was at before it panicked; where
//! a run's time went that had no end.

mod panicked;
mod took;

use super::{Case, Confidence, Evidence, Finding};
use crate::check::Check;
use crate::event::Time;
use crate::failure::FailureKind;
use crate::spec::rules::candidates;
use crate::story::{Call, Purpose};
use crate::text::{count, list};
use crate::unreadable::unchecked;

/// What is known of a failure without a known cause; nothing if its own sentence says what is wrong.
pub(super) fn unknown(case: &Case<'_>) -> Option<Finding> {
    if case.story.servers == 0 {
        return None;
    }
    match (case.failure.kind, &case.failure.check) {
        (FailureKind::Panic, &Check::Panicked { server: Some(server), life, .. }) => {
            panicked::before(case, server, life)
        }
        (FailureKind::Stuck, Check::InTime) => Some(took::time(case)),
        (kind, _) => (!says_why(kind)).then(|| meanwhile(case)),
    }
}

/// Whether the failure's own sentence says what is wrong.
fn says_why(kind: FailureKind) -> bool {
    matches!(
        kind,
        FailureKind::Panic | FailureKind::Misuse | FailureKind::Stuck | FailureKind::Tester
    )
}

/// A finding that names no cause.
fn finding(
    case: &Case<'_>,
    what: String,
    evidence: Vec<Evidence>,
    look: &str,
    normal: Option<&str>,
) -> Finding {
    let rule = match unchecked(case.story).is_empty() {
        true => "no broken rule was found",
        false => "no broken rule was found among those that could be checked",
    };
    Finding {
        id: "unknown".to_owned(),
        confidence: Confidence::Unknown,
        what,
        evidence,
        rule: rule.to_owned(),
        look: look.to_owned(),
        normal: normal.map(str::to_owned),
        refuted_if: None,
    }
}

/// How long an answer may be that is quoted.
const QUOTED: usize = 60;

/// What is known of the answers to calls of one kind, of which nobody may know what they ask for.
fn came_back(calls: &[&Call], until: Time, is_other: bool) -> String {
    // What was answered, and whose answer was lost or is still on its way, its sender doesn't know.
    let answered = calls.iter().filter(|call| call.replied().is_some_and(|at| at <= until));
    let answered: Vec<&Call> = answered.copied().collect();
    let (n, some) = (answered.len(), answered.first());
    let Some(first) = some else { return "none answered".to_owned() };
    // Where answers are messages of their own, what comes back says nothing.
    let mut handled = calls.iter().filter(|call| call.handled.is_some());
    if handled.all(|call| call.says_nothing_back()) && first.brings_back.is_none() {
        return format!("{n} delivered");
    }
    // What answers to snapshots say isn't yes or no.
    if first.is_snapshot() {
        return format!("{n} answered");
    }
    if !is_other && answered.iter().any(|call| call.reply.says().is_some()) {
        let agreed = answered.iter().filter(|call| call.is_granted() || call.is_accepted());
        return format!("{n} answered, {} with yes", agreed.count());
    }
    let quote = |call: &Call| Some(call.brings_back.as_ref()?.render().ok()?.to_string());
    let same = quote(first).filter(|said| said.len() <= QUOTED);
    let same = same.filter(|said| answered.iter().all(|call| quote(call).as_ref() == Some(said)));
    match same {
        Some(said) if n > 1 => format!("{n} answered, each time with {said}"),
        _ if is_other => format!("{n} answered"),
        _ => format!("{n} answered, but this report can't read yes or no"),
    }
}

/// What the servers did that could have met the failing check.
fn meanwhile(case: &Case<'_>) -> Finding {
    let (story, window) = (case.story, &case.window);
    let mut evidence = Vec::new();
    for &server in &window.up {
        let within = |call: &&Call| window.contains(call.sent.at);
        let sent = |purpose: Purpose, asks_before: bool| -> Vec<&Call> {
            let is_it = |call: &&Call| {
                let is_such = call.purpose == purpose && call.is_pre_vote() == asks_before;
                is_such && !call.is_own_answer()
            };
            story.sent_by(server).filter(within).filter(is_it).collect()
        };
        let mut did = Vec::new();
        for (purpose, asks_before, one, several) in [
            (Purpose::Other, true, "request for a pre-vote", "requests for pre-votes"),
            (Purpose::Vote, false, "request for votes", "requests for votes"),
            (Purpose::Append, false, "AppendEntries call", "AppendEntries calls"),
            (Purpose::Snapshot, false, "InstallSnapshot call", "InstallSnapshot calls"),
            (Purpose::Other, false, "call of another kind", "calls of other kinds"),
        ] {
            let calls = sent(purpose, asks_before);
            if calls.is_empty() {
                continue;
            }
            let is_other = purpose == Purpose::Other && !asks_before;
            let method = calls[0].method.rsplit('.').next().unwrap_or_default();
            let is_one_method = calls.iter().all(|call| call.method == calls[0].method);
            let name = match calls.len() {
                n if is_other && is_one_method && !method.is_empty() => {
                    count(n, &format!("{method} call"))
                }
                1 => format!("1 {one}"),
                n => format!("{n} {several}"),
            };
            did.push(format!("{name} ({})", came_back(&calls, window.until, is_other)));
        }
        let mut applied = story.applied.iter().filter(|it| it.server.server as usize == server);
        let last = applied.rfind(|it| it.moment.at <= window.until).map_or(0, |it| it.index);
        let did = match did.is_empty() {
            true => "nothing".to_owned(),
            false => list(did),
        };
        evidence.push(Evidence {
            text: format!(
                "server {server} had sent {did} since the check began, and had applied up to index {last}"
            ),
            at: window.until,
            calls: Vec::new(),
        });
    }
    let (waited, normal) = match case.failure.check {
        Check::OneLeader => ("a leader", Some(candidates::NORMAL)),
        Check::Agreed { .. } => (
            "a command to be applied by enough servers",
            Some(
                "the leader sends the command to all other servers at once, a majority confirms it within \
                 milliseconds, and all servers apply it by the next heartbeat",
            ),
        ),
        Check::InOrder { .. } => (
            "the next index",
            Some("a server applies one index after the other, beginning after its snapshot"),
        ),
        _ => ("", None),
    };
    let what = match waited {
        "" => "no known cause fits".to_owned(),
        waited => format!("no known cause fits; the check waited for {waited}"),
    };
    let look =
        "what the servers did meanwhile, in the table below, and what they should have done next";
    finding(case, what, evidence, look, normal)
}
