//! A leader that becomes a follower in its own term.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{FORMER_TERM, GIVES_UP};
use crate::event::Time;
use crate::outcome::Outcome;
use crate::spec::Known;
use crate::spec::breach::Breach;
use crate::spec::rules::append_entries::OLD_LEADER_OBEYED;
use crate::spec::rules::contract;
use crate::story::{Call, View};
use crate::text::count;

/// How fresh an answer is that leaves a leader no reason to doubt its followers, in µs: no election timeout
/// is as short.
const ANSWERED: u64 = 150_000;

/// How soon after a request what it changed is seen.
const AT_ONCE: Duration = Duration::from_millis(1);

/// A leader becomes a follower in its own term, though a majority has just answered it: one that none
/// answers may step down (CheckQuorum, thesis §6.2).
pub(crate) fn gives_up(known: &Known<'_>, number: u32, view: &View) -> Option<Breach> {
    let story = known.story;
    let views = story.views[number as usize].iter().rev();
    let mut before =
        views.filter(|other| other.moment < view.moment && other.incarnation == view.incarnation);
    let before = before.next().filter(|before| before.is_leader && before.term == view.term)?;
    if view.is_leader || known.server(number).leads(Some(view.term)).is_none() {
        return None;
    }
    let for_former = || gives_up_for_former_term(known, number, before, view);
    if let Some(breach) = follows_former(known, number, before, view).or_else(for_former) {
        return Some(breach);
    }
    let own = story.sent_by(number as usize).rev().filter(|call| {
        call.is_leaders() && call.args.term == Some(view.term) && call.sent < view.moment
    });
    let recent = own.take_while(|call| view.moment.at.0 - call.sent.at.0 < 10 * ANSWERED);
    let (mut answered, mut refused) = (BTreeSet::new(), None);
    for call in recent.filter(|call| call.is_followed()) {
        let Some((returned, Outcome::Replied)) = call.returned else { continue };
        if returned < view.moment && view.moment.at.0 - returned.at.0 < ANSWERED {
            answered.insert(call.to);
            let is_now = returned.at == view.moment.at && call.is_rejected();
            refused = refused.or(is_now.then_some(call));
        }
    }
    if answered.len() + 1 < story.majority() {
        return None;
    }
    let what = format!("server {number} gave up its leadership though it knew of no higher term");
    let mut breach = Breach::new(&GIVES_UP, view.moment, number, what).seen(
        before.moment.at,
        format!("it led term {}", view.term),
        None,
    );
    if let Some(call) = refused {
        let text = format!("server {} refused one of its requests of that term", call.to);
        breach = breach.seen(view.moment.at, text, [call.id]);
    }
    let text = format!("server {number} was still in term {}, but no longer the leader", view.term);
    let answered = count(answered.len(), "server");
    Some(breach.seen(view.moment.at, format!("{text}; {answered} had just answered it"), None))
}

/// A leader that gives up right when a request of a leader of an earlier term comes.
fn follows_former(known: &Known<'_>, number: u32, before: &View, view: &View) -> Option<Breach> {
    let came = |call: &&Call| {
        let is_since =
            call.delivered.is_some_and(|at| before.moment < at && at.at <= view.moment.at);
        // What it changed may be seen before its handler ends.
        let apart = |at: Time| view.moment.at.since(at).max(at.since(view.moment.at));
        let is_now = call.handled.is_some_and(|at| apart(at.at) <= AT_ONCE);
        let is_former = call.is_leaders() && call.args.term < Some(view.term);
        is_since && is_now && is_former
    };
    let call = known.story.handled_by(number as usize).rev().find(came)?;
    let former = call.args.term?;
    let what = format!(
        "server {number}, the leader of term {}, became a follower for a leader of term {former}",
        view.term
    );
    let led = format!("it led term {}", view.term);
    let (method, from) = (&call.method, call.from.server);
    let text = format!("{method} of term {former} from server {from} reached server {number}");
    let then = format!("server {number} was still in term {}, but no longer the leader", view.term);
    let breach = Breach::new(&OLD_LEADER_OBEYED, view.moment, number, what);
    let breach = breach.seen(before.moment.at, led, None).seen(call.delivered?.at, text, [call.id]);
    // It may have had another reason at that very moment.
    Some(breach.concluded(view.moment.at, then, None))
}

/// A leader that gives up because a request of an earlier term of its own is refused: who refuses it tells it only of the
/// term that it leads itself.
fn gives_up_for_former_term(
    known: &Known<'_>,
    number: u32,
    before: &View,
    view: &View,
) -> Option<Breach> {
    let led = known.server(number).leads(Some(view.term))?;
    let mut sent = known.story.sent_by(number as usize).rev();
    let call = sent.find(|call| {
        let came_now =
            matches!(call.returned, Some((at, Outcome::Replied)) if at.at == view.moment.at);
        let is_former = call.args.term < Some(view.term);
        let is_request = call.is_leaders() || call.is_vote();
        came_now
            && is_former
            && is_request
            && call.from.incarnation == view.incarnation
            && call.reply.term == Some(view.term)
    })?;
    let former = call.args.term?;
    let what = format!(
        "server {number} gave up its leadership of term {} because its request of term {former} was refused",
        view.term
    );
    let sent = format!("server {} {} of term {former}", call.to, call.method);
    let text = format!(
        "server {} answered with term {}; server {number} was no longer the leader",
        call.to, view.term
    );
    let (since, leads) = (before.moment.at.min(led.since.at), format!("it led term {}", view.term));
    let breach = |rule| Breach::new(rule, view.moment, number, what);
    let breach = if call.sent > led.since {
        let sent = format!("it sent {sent}");
        breach(&FORMER_TERM).seen(since, leads, None).seen(call.sent.at, sent, [call.id])
    } else {
        let sent = format!("it had sent {sent}");
        breach(&contract::LATE_REPLY).seen(call.sent.at, sent, [call.id]).seen(since, leads, None)
    };
    Some(breach.seen(view.moment.at, text, [call.id]))
}
