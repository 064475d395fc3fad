//! Instead of an election: questions about votes, to which nobody says yes, or which change the terms (thesis §9.6).

use std::collections::BTreeSet;

use super::{Habit, life_at};
use crate::check::Check;
use crate::explain::Case;
use crate::spec::Breach;
use crate::spec::rules::{all_servers, candidates};
use crate::story::{Call, Moment, Story, View};
use crate::text::{count, named};

/// How many answers a server must have got.
const FEW: usize = 4;

pub(super) const TERM: &[Habit] = &[Habit::new(
    terms_ignored,
    "it adopted the term later, or the answers came too late to tell it",
)];

/// That pre-votes raise terms: if they depose a leader, once is enough.
pub(super) const RAISE: Habit = Habit::new(
    raise_terms,
    "a server had been in that term before, or something else had told it of the term",
);

/// Nobody leads, servers ask whether they would get votes, and a majority says no.
pub(super) fn all_refused(case: &Case<'_>) -> Option<Breach> {
    let (story, from, until) = (case.story, case.window.from, case.window.until);
    let is_now = |call: &&Call| from <= call.sent.at && call.sent.at <= until;
    // Whoever hears a leader is right to say no.
    let hears = |call: &Call| {
        let is_heard = call.handled.is_some_and(|at| at.at >= from && at.at <= until);
        call.is_leaders() && is_heard && case.window.up.contains(&(call.to as usize))
    };
    if story.calls.iter().any(hears) {
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
        let agreed = asked.iter().filter(|call| call.reply.vote_granted == Some(true));
        let agreed: BTreeSet<u32> = agreed.map(|call| call.to).collect();
        if agreed.len() + 1 >= story.majority() {
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
        let said = match agreed.is_empty() {
            true => "all of them no".to_owned(),
            false => format!("with yes only from {}", named(&agreed)),
        };
        let text = format!(
            "server {server} had asked for pre-votes{term}{own} and got {}, {said}",
            count(asked.len(), "answer")
        );
        facts.push((server as u32, last, text));
    }
    let (rule, what) = if all_in_own_term {
        (
            &candidates::PRE_VOTE_TERM,
            "servers ask for pre-votes of the term that they are already in, and get none",
        )
    } else {
        (&candidates::PRE_VOTES_REFUSED, "nobody leads, but no majority grants a pre-vote")
    };
    let breach = Breach::of_several(rule, case.window.end(), what);
    let breach = facts.into_iter().fold(breach, |breach, (server, last, text)| {
        breach.by(server).seen(last.sent.at, text, [last.id])
    });
    breach.if_shown()
}

/// A server asks for pre-votes of the same term again and again, though answers have told it of a higher one than its own.
pub(super) fn terms_ignored(case: &Case<'_>) -> Option<Breach> {
    let (story, until) = (case.story, case.window.until);
    case.window.up.iter().find_map(|&server| {
        let life = life_at(story, server, until)?.incarnation;
        let own = story.sent_by(server).filter(|call| {
            call.is_pre_vote() && call.from.incarnation == life && call.sent.at <= until
        });
        let asked: Vec<&Call> = own.collect();
        let term = asked.last()?.args.term?;
        let asked: Vec<&Call> = asked.into_iter().filter(|it| it.args.term == Some(term)).collect();
        // It asks for the term behind its own. That some who say yes answer with, too.
        let is_own = |call: &Call| {
            let voter = call.handled.and_then(|at| story.view_at(call.to as usize, at.at));
            voter.is_some_and(|voter| Some(voter.term) >= call.reply.term)
        };
        let told = asked.iter().copied().filter(|call| {
            let is_taken = call.replied().is_some() && call.dropped.is_none();
            is_taken && call.is_denied() && call.reply.term >= Some(term) && is_own(call)
        });
        let told: Vec<&Call> = told.collect();
        let (first, last) = (*told.first()?, *told.last()?);
        let at = first.replied()?;
        let since = asked.iter().filter(|call| call.sent.at > at).count();
        let stays = story.view_at(server, until).is_some_and(|view| view.term < term);
        // The check may have told it of one, and looks at once.
        let checked = Check::TermAdopted { server: server as u32 };
        let is_checked = case.failure.check == checked;
        if !stays || !is_checked && (told.len() < FEW || since < FEW) {
            return None;
        }
        let what = format!(
            "server {server} was told of a higher term by answers to pre-votes, and stayed in its own"
        );
        let answered = format!(
            "server {} answered its request for a pre-vote of term {term} with term {}",
            first.to, first.reply.term?
        );
        let still = match since {
            0 => "was still in an earlier term".to_owned(),
            _ => format!("still asked for pre-votes of term {term}"),
        };
        let text = format!("by then it had got {}, and {still}", count(told.len(), "such answer"));
        let breach = case.breach(&all_servers::NOT_ADOPTED, server as u32, what);
        let breach = breach.seen(at, answered, [first.id]).seen(last.replied()?, text, [last.id]);
        // A vote before the vote is in no term yet: some adopt nothing by it.
        Some(breach.sure_if(false))
    })
}

/// Servers come to terms that nobody has stood in: a question about votes brought them there.
fn raise_terms(case: &Case<'_>) -> Option<Breach> {
    let (story, until) = (case.story, case.window.end());
    if !story.calls.iter().any(Call::is_pre_vote) {
        return None;
    }
    let mut raised = Vec::new();
    for server in 0..story.servers {
        let mut before: Option<&View> = None;
        for view in story.views[server].iter().filter(|view| view.moment < until) {
            let earlier = before.replace(view);
            let Some(earlier) = earlier.filter(|it| it.incarnation == view.incarnation) else {
                continue;
            };
            if view.term > earlier.term
                && case.window.contains(view.moment.at)
                && let Some(question) = brought_by_question(story, server as u32, earlier, view)
            {
                raised.push((view, server as u32, question, earlier.is_leader));
            }
        }
    }
    raised.sort_by_key(|(view, ..)| view.moment);
    if raised.len() < FEW && !raised.iter().any(|&(.., has_led)| has_led) {
        return None;
    }
    let (view, server, question, _) = raised.first()?;
    let what = format!(
        "server {server} came to term {} by a request for a pre-vote, though nobody had started an election in that term",
        view.term
    );
    let asked = format!(
        "server {} asked server {server} for a pre-vote for term {}, and was in an earlier term itself",
        question.from.server, view.term
    );
    let text = format!(
        "server {server} was in term {}; this happened {} in the failing check",
        view.term,
        count(raised.len(), "time")
    );
    let breach = case.breach(&candidates::PRE_VOTE_RAISES, *server, what);
    Some(breach.seen(question.sent.at, asked, [question.id]).seen(view.moment.at, text, None))
}

/// The question about votes by which a server must have learned of its new term: nothing else with that term had come
/// to it, and nobody had been in that term.
fn brought_by_question<'a>(
    story: &'a Story,
    server: u32,
    earlier: &View,
    view: &View,
) -> Option<&'a Call> {
    let is_before = |at: Moment| at < view.moment;
    let is_such = |term: Option<u64>| term >= Some(view.term);
    let in_term = |call: &&Call| {
        let asks = is_such(call.args.term) && is_before(call.sent);
        let answers = is_such(call.reply.term) && call.handled.is_some_and(is_before);
        (asks || answers) && !call.is_pre_vote()
    };
    let was_in = |other: usize| {
        let mut views = story.views[other].iter().take_while(|other| is_before(other.moment));
        views.any(|other| other.term >= view.term)
    };
    // Its own election brought it there if it asks for votes before it is seen in another term.
    let next = story.views_since(server as usize, view.moment).find(|it| it.moment > view.moment);
    let stands = story.sent_by(server as usize).any(|call| {
        let is_soon = call.sent > view.moment && next.is_none_or(|next| call.sent < next.moment);
        call.is_vote() && call.args.term == Some(view.term) && is_soon
    });
    if stands || (0..story.servers).any(was_in) || story.calls.iter().any(|call| in_term(&call)) {
        return None;
    }
    story.calls.iter().find(|call| {
        let asker = story.view_at(call.from.server as usize, call.sent.at);
        call.to == server
            && call.is_pre_vote()
            && call.args.term == Some(view.term)
            && call.delivered.is_some_and(|at| earlier.moment < at && is_before(at))
            && asker.is_some_and(|asker| asker.term < view.term)
    })
}
