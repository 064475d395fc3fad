//! Servers that apply late: `test took longer than 120 seconds`.

use super::finding::{Confidence, Finding};
use super::{Case, Cause, evidence, no_leader, referee};
use crate::event::{RpcId, Time};
use crate::story::Purpose;

pub(super) const CAUSES: &[Cause] = &[referee::broken_rule, no_leader::server_hangs, applies_late];

/// In µs; a right Raft applies at once.
const LATE: u64 = 200_000;

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

/// Half of the commands were applied long after it was known that they are committed.
pub(super) fn applies_late(case: &Case<'_>) -> Option<Finding> {
    let mut delays = delays(case);
    delays.sort_by_key(|delay| delay.applied.0 - delay.known.0);
    let length = |delay: &Delay| (delay.applied.0 - delay.known.0) / 1000;
    let middle = delays.get(delays.len() / 2)?;
    if delays.len() < FEW || middle.applied.0 - middle.known.0 < LATE {
        return None;
    }
    let worst = delays.last()?;
    let proof = vec![
        evidence(
            worst.known,
            format!("server {} knew that index {} is committed", worst.server, worst.index),
            [worst.call],
        ),
        evidence(
            worst.applied,
            format!(
                "it applied it {} ms later; half of {} commands were applied after {} ms or more",
                length(worst),
                delays.len(),
                length(middle)
            ),
            None,
        ),
    ];
    Some(Finding {
        id: "applies-late".to_owned(),
        confidence: Confidence::Likely,
        what: "what is committed is applied late, so that each command takes long".to_owned(),
        evidence: proof,
        rule:
            "if commitIndex > lastApplied: increment lastApplied, apply log[lastApplied] (Figure \
               2, All Servers 1; §5.3), at once"
                .to_owned(),
        look: "what the task that applies waits for: a notice of each new commitIndex, not the \
               next turn of a slow loop; and whether it applies all that there is before it \
               waits again"
            .to_owned(),
        normal: Some("a command is applied within milliseconds of being committed".to_owned()),
    })
}

fn delays(case: &Case<'_>) -> Vec<Delay> {
    let (story, until) = (case.story, case.window.until);
    let mut delays = Vec::new();
    for server in 0..story.servers {
        // What it was told as a follower, or told others as the leader.
        let mut known: Vec<(u64, Time, RpcId)> = Vec::new();
        for call in story.handled_by(server) {
            let (Some(commit), Some(last), Some(true)) =
                (call.args.leader_commit, call.up_to(), call.reply.success)
            else {
                continue;
            };
            if let Some(handled) = call.handled {
                known.push((commit.min(last), handled.at, call.id));
            }
        }
        for call in story.sent_by(server) {
            if let (Purpose::Append, Some(commit)) = (call.purpose, call.args.leader_commit) {
                known.push((commit, call.sent.at, call.id));
            }
        }
        known.sort_by_key(|&(_, at, _)| at);
        let mut highest = 0;
        known.retain(|&(commit, _, _)| {
            let rises = commit > highest;
            highest = highest.max(commit);
            rises
        });
        let began = |at: Time| story.lives[server].iter().rev().find(|life| life.covers(at));
        for applied in &story.applied {
            let at = applied.moment.at;
            if applied.server.server as usize != server || applied.command.is_none() || at > until {
                continue;
            }
            let place = known.partition_point(|&(commit, _, _)| commit < applied.index);
            let Some(&(_, told, call)) = known.get(place).filter(|&&(_, told, _)| told <= at)
            else {
                continue;
            };
            if began(at).is_some_and(|life| life.covers(told)) {
                delays.push(Delay { server, index: applied.index, known: told, call, applied: at });
            }
        }
    }
    delays
}
