//! Instead of an election: questions about votes, to which nobody says yes (thesis §9.6).

use super::life_at;
use crate::explain::Case;
use crate::spec::Breach;
use crate::spec::rules::candidates;
use crate::story::Call;
use crate::text::count;

/// How many answers a server must have got.
const FEW: usize = 4;

/// Nobody leads, servers ask whether they would get votes, and all say no.
pub(super) fn all_refused(case: &Case<'_>) -> Option<Breach> {
    let (story, from, until) = (case.story, case.window.from, case.window.until);
    let is_now = |call: &&Call| from <= call.sent.at && call.sent.at <= until;
    // Whoever hears a leader is right to say no.
    if story.calls.iter().filter(is_now).any(Call::is_leaders) {
        return None;
    }
    let mut all_in_own_term = true;
    let mut facts = Vec::new();
    for &server in &case.window.up {
        let life = life_at(story, server, until)?.incarnation;
        let asked = story.sent_by(server).filter(is_now).filter(|call| {
            call.is_pre_vote() && call.from.incarnation == life && call.reply.vote_granted.is_some()
        });
        let asked: Vec<&Call> = asked.collect();
        let Some(&last) = asked.last().filter(|_| asked.len() >= FEW) else { continue };
        if asked.iter().any(|call| call.reply.vote_granted == Some(true)) {
            return None;
        }
        let is_own = |call: &&Call| {
            let view = story.view_at(server, call.sent.at);
            view.is_some_and(|view| call.args.term == Some(view.term))
        };
        let in_own_term = asked.iter().all(is_own);
        all_in_own_term &= in_own_term;
        let term = last.args.term.map_or(String::new(), |term| format!(" of term {term}"));
        let own = if in_own_term { ", which is its own," } else { "" };
        let text = format!(
            "server {server} had asked about votes{term}{own} and got {}, all of them no",
            count(asked.len(), "answer")
        );
        facts.push((server as u32, last, text));
    }
    let (rule, what) = if all_in_own_term {
        (
            &candidates::PRE_VOTE_TERM,
            "servers ask about votes of a term that they are in already, and get none",
        )
    } else {
        (&candidates::PRE_VOTES_REFUSED, "nobody leads, and no server would give another its vote")
    };
    let breach = Breach::of_several(rule, case.window.end(), what);
    let breach = facts.into_iter().fold(breach, |breach, (server, last, text)| {
        breach.by(server).seen(last.sent.at, text, [last.id])
    });
    breach.if_shown()
}
