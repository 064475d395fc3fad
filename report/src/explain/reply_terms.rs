//! What answers say of terms: one without its server's term, and one whose higher term is ignored.

use std::time::Duration;

use super::finding::Finding;
use super::{Case, certain, evidence};
use crate::event::Time;
use crate::story::{Call, Purpose, Story};

const TERMS: &str = "if RPC request or response contains term T > currentTerm: set currentTerm = T, \
                     convert to follower (Figure 2, All Servers 2; §5.1)";

/// A reply is dealt with by then.
const DEALT_WITH: Duration = Duration::from_millis(20);

/// Whether a server answered a request in a lower term than the request's, and was seen to be in that
/// term or a higher one before the request came: then only the answer is wrong. A term that the request
/// itself has told may be missing in the answer.
pub(super) fn leaves_term_out(story: &Story, call: &Call) -> bool {
    let (Some(asked), Some(term), Some(came)) = (call.args.term, call.reply.term, call.delivered)
    else {
        return false;
    };
    let views = &story.views[call.to as usize];
    let before = || views.iter().rev().find(|view| view.moment < came);
    let knows = || before().is_some_and(|view| view.term >= asked);
    call.purpose != Purpose::Other && term < asked && !story.holds_to_leader(call) && knows()
}

/// A server answers a request of an earlier term, and doesn't tell its own.
pub(super) fn answer_without_term(case: &Case<'_>) -> Option<Finding> {
    let story = case.story;
    let untold: Vec<(&Call, Time)> = story
        .calls
        .iter()
        .filter(|call| leaves_term_out(story, call))
        .filter_map(|call| Some((call, call.handled?.at)))
        .filter(|&(_, handled)| handled <= case.window.until)
        .collect();
    let &(first, handled) = untold.first()?;
    let (server, told) = (first.to, first.reply.term?);
    let views = &story.views[server as usize];
    let known = views.iter().rev().find(|view| Some(view.moment) < first.delivered)?.term;
    let text = format!(
        "server {server} was in term {known}, and answered {} of term {} from server {} with term {told}",
        first.method, first.args.term?, first.from.server
    );
    let proof = vec![
        evidence(handled, text, [first.id]),
        evidence(
            handled,
            format!("{} like that in all", crate::text::count(untold.len(), "answer")),
            untold.iter().map(|(call, _)| call.id),
        ),
    ];
    let what = format!("server {server} answers without its term");
    let rule = "each reply has the answering server's current term, for the asking one to update itself \
                (Figure 2, Results of RequestVote and AppendEntries; §5.1)";
    let look = "every return of a handler, those of refusals, too: the reply's term is set to the \
                current one";
    let finding = certain("answer-without-term", what, proof, [rule, look]);
    // That it was in that term must be more than what get_state has told.
    let reached = first.delivered.and_then(|came| story.reached_before(server, came));
    let is_proven = reached.is_some_and(|reached| Some(reached.term) >= first.args.term);
    Some(if is_proven { finding } else { finding.likely() })
}

/// A server is told of a higher term by a reply, and goes on in its own.
pub(super) fn reply_s_term_ignored(case: &Case<'_>) -> Option<Finding> {
    let story = case.story;
    let (call, term, returned, since) = story.calls.iter().find_map(|call| {
        let (asked, term) = (call.args.term?, call.reply.term?);
        if call.purpose == Purpose::Other || term <= asked {
            return None;
        }
        let returned = call.replied().filter(|&at| at <= case.window.until)?;
        let from = call.from;
        let stays = |at: Time, now: u64| now < term && at.since(returned) > DEALT_WITH;
        let viewed = || {
            let at = case.window.until;
            let last = story.view_at(from.server as usize, at)?;
            (last.incarnation == from.incarnation && stays(at, last.term)).then_some(at)
        };
        let sent = || {
            let later = story.sent_by(from.server as usize).filter(|later| later.from == from);
            let mut later = later.filter(|later| later.purpose != Purpose::Other);
            let later =
                later.find(|later| later.args.term.is_some_and(|now| stays(later.sent.at, now)))?;
            Some(later.sent.at)
        };
        let lives = story.lives[from.server as usize].iter();
        let is_alive = |at: Time| {
            lives.clone().any(|life| life.incarnation == from.incarnation && life.covers(at))
        };
        let since = sent().or_else(viewed)?;
        is_alive(since).then_some((call, term, returned, since))
    })?;
    let server = call.from.server;
    let text = format!(
        "server {}'s reply to {} told server {server} of term {term}",
        call.to, call.method
    );
    let proof = vec![
        evidence(returned, text, [call.id]),
        evidence(since, format!("server {server} is in an earlier term still"), None),
    ];
    let what =
        format!("server {server} goes on in its term though a reply has told it a higher one");
    let look = "what is done with each reply, a refusal above all: its term is looked at before anything \
                else";
    // It may have stopped waiting for that reply.
    Some(certain("higher-term-ignored", what, proof, [TERMS, look]).likely())
}
