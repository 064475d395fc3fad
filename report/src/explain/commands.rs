//! A leader that doesn't take commands: `leader rejected Start()`, `cmd … missing in …`, and
//! `one(…) failed to reach agreement` where nobody accepted it.

use super::finding::{Evidence, Finding};
use super::numbers::numbers;
use super::{Case, Cause, certain, evidence, no_leader, one_peer_at_a_time, referee, terms};
use crate::event::Time;
use crate::story::Story;

pub(super) const CAUSES: &[Cause] = &[
    referee::broken_rule,
    no_leader::server_hangs,
    one_peer_at_a_time::sends_in_turn,
    one_command_at_a_time,
    leader_refuses,
    terms::election_despite_leader,
];

const TAKES: &str = "if command received from client: append entry to local log (Figure 2, \
                     Leaders 2; §5.3): start() returns at once, and refuses only if the server \
                     doesn't lead";

/// For how long somebody must lead, unasked or refusing, before that is what failed the test.
const LONG: u64 = 1_000_000;

/// A leader at the time of a refused command.
pub(super) struct Leader {
    pub(super) server: u32,
    pub(super) term: u64,
    pub(super) since: Time,
}

/// Whether a server leads at `at`, in which term and since when.
pub(super) fn leads(story: &Story, server: usize, at: Time) -> Option<Leader> {
    let mut views = story.views[server].iter().rev().skip_while(|view| view.moment.at > at);
    let now = views.next().filter(|view| view.is_leader)?;
    let same = views.take_while(|view| {
        view.is_leader && view.term == now.term && view.incarnation == now.incarnation
    });
    let since = same.last().unwrap_or(now).moment.at;
    let is_alive = story.lives[server]
        .iter()
        .any(|life| life.covers(at) && life.incarnation == now.incarnation);
    is_alive.then_some(Leader { server: server as u32, term: now.term, since })
}

/// The leader that refused a command, and until when it led for certain.
fn refused(case: &Case<'_>) -> Option<(Leader, Time)> {
    let (story, until) = (case.story, case.window.until);
    let message = &case.failure.message;
    let sentence = message.lines().next()?;
    let looked = story.looks.iter().rev().find(|look| look.moment.at <= until);
    if sentence.ends_with("rejected Start()") {
        let leader = leads(story, looked?.leader? as usize, until)?;
        return Some((leader, until));
    }
    if sentence.ends_with("leads and refuses a command") {
        let server = *numbers(sentence).first()? as usize;
        let leader = leads(story, case.window.up.iter().copied().find(|&up| up == server)?, until)?;
        return Some((leader, until));
    }
    if message.contains("nobody accepted it") {
        let leads = |&server: &usize| leads(story, server, until);
        let leader = case.window.up.iter().find_map(leads)?;
        let begun = leader.since.max(case.window.settled).max(case.window.from);
        return (until.0 - begun.0 >= LONG).then_some((leader, until));
    }
    let looked = looked?;
    let leader = leads(story, looked.leader? as usize, until)?;
    if leader.since > looked.moment.at {
        return None;
    }
    if sentence.starts_with("cmd ") {
        let number = *numbers(sentence).first()?;
        let command = number.to_string();
        let accepted = story.proposals.iter().any(|proposal| {
            proposal.command.render().is_ok_and(|value| {
                value.as_str() == Some(&command) || value.as_u64() == Some(number)
            })
        });
        return (!accepted).then_some((leader, until));
    }
    if sentence == "term changed too often" {
        // It didn't change: what came back from start() was nothing.
        return Some((leader, until));
    }
    None
}

fn led(leader: &Leader) -> Evidence {
    let text = format!("server {} said that it leads term {}", leader.server, leader.term);
    evidence(leader.since, text, None)
}

/// The last index that a server had accepted, and the last that it had applied.
fn accepted_and_applied(story: &Story, server: u32, until: Time) -> (u64, u64) {
    let accepted = story.proposals.iter().filter(|proposal| proposal.moment.at <= until);
    // What it has from leaders before it counts, too, if it was accepted.
    let accepted = accepted.map(|proposal| proposal.index).max().unwrap_or(0);
    let applied = story
        .applied
        .iter()
        .filter(|applied| applied.server.server == server && applied.moment.at <= until);
    (accepted, applied.map(|applied| applied.index).max().unwrap_or(0))
}

/// No command was ever accepted as long as an earlier one wasn't applied.
fn one_command_at_a_time(case: &Case<'_>) -> Option<Finding> {
    // One refusal has many reasons: there must have been several.
    let sentence = case.failure.message.lines().next()?;
    if !sentence.starts_with("cmd ") && sentence != "term changed too often" {
        return None;
    }
    let (leader, until) = refused(case)?;
    let story = case.story;
    let (accepted, applied) = accepted_and_applied(story, leader.server, until);
    let waited = story.proposals.iter().all(|proposal| {
        proposal.index <= 1
            || story.applied.iter().any(|applied| {
                applied.server.server == proposal.server.server
                    && applied.index + 1 == proposal.index
                    && applied.moment < proposal.moment
            })
    });
    // A refusal with nothing under way has another reason.
    let is_open = accepted > applied
        || story.proposals.iter().any(|proposal| {
            proposal.server.server == leader.server
                && story.looks.last().is_some_and(|look| proposal.moment >= look.moment)
        });
    if !waited || !is_open {
        return None;
    }
    let last = story.proposals.iter().rev().find(|proposal| proposal.moment.at <= until)?;
    let proof = vec![
        led(&leader),
        evidence(
            last.moment.at,
            format!("server {} accepted a command at index {}", last.server.server, last.index),
            None,
        ),
        evidence(
            until,
            format!(
                "server {} led still, had applied up to index {applied}, and had accepted no \
                 other command; nor did any server ever accept one before the one before was \
                 applied",
                leader.server
            ),
            None,
        ),
    ];
    let what = format!(
        "server {} takes no command as long as an earlier one isn't committed",
        leader.server
    );
    let look = "start(): what it waits for or depends on beside the role, such as commitIndex";
    // What it depends on is a guess.
    Some(certain("one-command-at-a-time", what, proof, [TAKES, look]).likely())
}

fn leader_refuses(case: &Case<'_>) -> Option<Finding> {
    if one_command_at_a_time(case).is_some() {
        return None;
    }
    let (leader, until) = refused(case)?;
    let (accepted, applied) = accepted_and_applied(case.story, leader.server, until);
    let text = if accepted > applied {
        format!("it led still and took no command; it had applied up to index {applied}")
    } else {
        "it led still and took no command; all that it had taken before was applied".to_owned()
    };
    let proof = vec![led(&leader), evidence(until, text, None)];
    let what = format!("server {} leads, and start() refused a command", leader.server);
    let look = "start(): under which condition it returns that the server doesn't lead; \
                get_state() must say the same. Neither entries that aren't committed nor silent \
                followers are a reason";
    let finding = certain("leader-refuses-commands", what, proof, [TAKES, look]);
    // Elsewhere the refusal is concluded, and isn't seen.
    let sentence = case.failure.message.lines().next().unwrap_or_default();
    let is_seen =
        sentence.ends_with("rejected Start()") || sentence.ends_with("leads and refuses a command");
    Some(if is_seen { finding } else { finding.likely() })
}
