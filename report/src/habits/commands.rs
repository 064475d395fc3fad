//! A leader that doesn't take commands.

use super::{Habit, LONG, Leader, leads, up};
use crate::check::Check;
use crate::event::Time;
use crate::explain::Case;
use crate::spec::Breach;
use crate::spec::rules::contract;
use crate::story::Story;

pub(super) const HABITS: &[Habit] = &[
    Habit::new(super::turns::in_turn, "two of its calls were outstanding at the same time"),
    Habit::new(
        one_command_at_a_time,
        "it accepted a second command before the first one was applied",
    ),
    Habit::new(leader_refuses, "it was no longer the leader when start() was called"),
];

/// The leader that refused a command, until when it led for certain, and whether the refusal was seen.
fn refused(case: &Case<'_>) -> Option<(Leader, Time, bool)> {
    let (story, until) = (case.story, case.window.until);
    let looked = || story.looks.iter().rev().find(|look| look.moment.at <= until);
    match case.failure.check {
        Check::Accepted { server, is_seen } => {
            let server = server.or_else(|| looked()?.leader)?;
            let leader = leads(story, server as usize, until)?;
            Some((leader, until, is_seen))
        }
        Check::Agreed { accepted: None } => {
            let leader =
                up(&case.window).find_map(|server| leads(story, server as usize, until))?;
            let begun = leader.since.max(case.window.settled).max(case.window.from);
            (until.since(begun) >= LONG).then_some((leader, until, false))
        }
        // It didn't change: what came back from start() was nothing.
        Check::SameTerm | Check::TermStays => {
            let looked = looked()?;
            let leader = leads(story, looked.leader? as usize, until)?;
            let mut own = story.proposed_by(leader.server);
            let is_refused =
                leader.since <= looked.moment.at && !own.any(|own| own.moment >= looked.moment);
            is_refused.then_some((leader, until, false))
        }
        _ => None,
    }
}

fn led(breach: Breach, leader: &Leader) -> Breach {
    let text =
        format!("server {} reported itself as the leader of term {}", leader.server, leader.term);
    breach.seen(leader.since, text, None)
}

/// The last index that was accepted, and the last that a server had applied.
fn accepted_and_applied(story: &Story, server: u32, until: Time) -> (u64, u64) {
    let accepted = story.proposals.iter().filter(|own| own.moment.at <= until);
    // What it has from leaders before it counts, too, if it was accepted.
    let accepted = accepted.map(|own| own.index).max().unwrap_or(0);
    let applied = story.applied_by(server).filter(|applied| applied.moment.at <= until);
    (accepted, applied.map(|applied| applied.index).max().unwrap_or(0))
}

/// No command was ever accepted as long as an earlier one wasn't applied.
fn one_command_at_a_time(case: &Case<'_>) -> Option<Breach> {
    // One refusal that is seen has many reasons: there must have been several.
    let (leader, until, is_seen) = refused(case)?;
    let story = case.story;
    let (accepted, applied) = accepted_and_applied(story, leader.server, until);
    let waited = story.proposals.iter().all(|own| {
        own.index <= 1
            || story
                .applied_by(own.server.server)
                .any(|applied| applied.index + 1 == own.index && applied.moment < own.moment)
    });
    // A refusal with nothing under way has another reason.
    let since = story.looks.last().map(|look| look.moment);
    let mut own = story.proposed_by(leader.server);
    let is_open =
        accepted > applied || own.any(|own| since.is_some_and(|since| own.moment >= since));
    if is_seen || !waited || !is_open {
        return None;
    }
    let last = story.proposals.iter().rev().find(|own| own.moment.at <= until)?;
    let what =
        format!("server {} accepts no command until the earlier ones are committed", leader.server);
    let took = format!("server {} accepted a command at index {}", last.server.server, last.index);
    let text = format!(
        "server {} was still the leader, had applied up to index {applied}, and had accepted no other command; \
         in the whole run, no server accepted a command before the previous one was applied",
        leader.server
    );
    let breach = case.breach(&contract::ONE_COMMAND, leader.server, what);
    Some(led(breach, &leader).seen(last.moment.at, took, None).seen(until, text, None))
}

fn leader_refuses(case: &Case<'_>) -> Option<Breach> {
    if one_command_at_a_time(case).is_some() {
        return None;
    }
    let (leader, until, _) = refused(case)?;
    // Whom nobody has answered anything nobody has elected. It may lead all the same, and may have ceased to by then.
    let mut sent = case.story.sent_by(leader.server as usize);
    if case.story.majority() > 1 && !sent.any(|call| call.replied().is_some_and(|at| at <= until)) {
        let what =
            format!("server {} reported itself as the leader when it was not", leader.server);
        let breach = case.breach(&contract::LEADER_ONLY_TOLD, leader.server, what);
        let text = "start() refused a command; no server had answered a request of this server, so none had \
                    elected it";
        return Some(led(breach, &leader).concluded(until, text, None));
    }
    let (accepted, applied) = accepted_and_applied(case.story, leader.server, until);
    let text = if accepted > applied {
        format!(
            "it was still the leader, but accepted no command; it had applied up to index {applied}"
        )
    } else {
        "it was still the leader, but accepted no command; it had applied all commands that it had accepted \
         before".to_owned()
    };
    let what = format!("server {} leads, but start() refused a command", leader.server);
    let breach = case.breach(&contract::REFUSES_COMMANDS, leader.server, what);
    Some(led(breach, &leader).seen(until, text, None))
}
