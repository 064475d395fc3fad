//! Two votes in one term.

use std::collections::BTreeMap;

use super::{HANDLERS_OVERLAP, OWN_VOTE, TWICE, granted};
use crate::event::{Role, Time};
use crate::spec::Known;
use crate::spec::breach::{Basis, Breach, Fact};
use crate::spec::rules::candidates::{ASKS_IN_LATER_TERM, WITHOUT_NEW_TERM};
use crate::spec::rules::persistence::{self, VOTE_NOT_SAVED, saved_less};
use crate::spec::server::{Shown, Vote};
use crate::story::{Call, Moment, Story, View};

pub(super) fn votes_again(
    known: &Known<'_>,
    (voter, term, candidate): (u32, u64, u32),
    moment: Moment,
    call: &Call,
) -> Option<Breach> {
    let server = known.server(voter);
    let first = server.votes.get(&term).filter(|first| first.candidate != candidate)?;
    let is_same_life = first.life == server.life;
    let began = call.delivered.filter(|_| call.to == voter);
    let overlaps = began.filter(|&began| is_same_life && began < first.moment);
    // A server that has gone back to an earlier term has forgotten its vote, too: another rule tells that.
    let between = (first.moment, moment);
    let shown = Shown { term, life: first.life, moment: first.moment, call: Some(first.call) };
    let has_gone_back = match is_same_life {
        true => was_seen(known, voter, between, |view| view.term != term),
        false => {
            let mut reached = false;
            let fell_since = was_seen(known, voter, between, |view| {
                reached |= view.term >= term;
                view.term > term || reached && view.term < term
            });
            fell_since || persistence::fell_before_crash(known, voter, &shown)
        }
    };
    if overlaps.is_none() && has_gone_back {
        return None;
    }
    if let Some(breach) = asks_on(known, (voter, term), first, moment, call) {
        return Some(breach);
    }
    // What a request of the same term took before the crash is gone from the disk, too.
    let cleared = known.server(voter).began.filter(|_| !is_same_life).and_then(|began| {
        let handled = known.story.handled_by(voter as usize);
        let is_suspect = |other: &&Call| {
            let is_between = |at: Moment| first.moment < at && at < began;
            other.args.term == Some(term)
                && other.id != first.call
                && other.handled.is_some_and(is_between)
        };
        let mut suspects = handled.filter(is_suspect);
        suspects.find_map(|other| saved_less(known, other, persistence::A_VOTE))
    });
    let what = format!("server {voter} voted for two candidates of term {term}");
    let forgets_itself = match first.candidate == voter {
        true => forgets_itself(known, (voter, term), first, moment),
        false => None,
    };
    let (rule, what) = match overlaps {
        None if term == 0 => (
            &WITHOUT_NEW_TERM,
            format!("server {voter} voted for two candidates in term 0, the initial term"),
        ),
        // Who has forgotten its term has forgotten its vote with it.
        None if !is_same_life && was_seen(known, voter, between, |view| view.term < term) => {
            (&persistence::TERM_NOT_SAVED, format!("server {voter} forgot its term in a crash"))
        }
        None if cleared.is_some() => (&TWICE, what),
        None if forgets_itself.is_some() => {
            let what = format!(
                "server {voter} was a candidate in term {term}, and gave another candidate its vote"
            );
            (&OWN_VOTE, what)
        }
        None if !is_same_life => {
            let what = format!("server {voter} forgot its vote of term {term} in a crash");
            (&VOTE_NOT_SAVED, what)
        }
        None => (&TWICE, what),
        Some(_) => {
            (&HANDLERS_OVERLAP, format!("{what}, in two handlers that ran at the same time"))
        }
    };
    let voted = |who: u32| match who == voter {
        true => format!("server {voter} voted for itself in term {term}"),
        false => format!("server {voter} voted for server {who} in term {term}"),
    };
    let mut breach = Breach::new(rule, moment, voter, what);
    if let Some(began) = overlaps {
        let text = format!("server {voter} began to handle the request of server {candidate}");
        breach = breach.seen(began.at, text, [call.id]);
    }
    let before = if is_same_life { "" } else { "before a crash, " };
    let first_text = format!("{before}{}", voted(first.candidate));
    let is_cleared = cleared.is_some();
    let breach = breach.seen(first.moment.at, first_text, [first.call]).facts(cleared);
    let is_guessed = forgets_itself == Some(None);
    let breach = breach.facts(forgets_itself.flatten());
    let breach = breach.seen(moment.at, voted(candidate), [call.id]);
    // It may have its vote still, and not look at it: what it says of itself shows whether it has.
    let has_none = |view: &View| {
        view.term == term && view.detail.as_ref().is_some_and(|it| it.voted_for.is_none())
    };
    let is_forgotten = rule.id != VOTE_NOT_SAVED.id || was_seen(known, voter, between, has_none);
    Some(breach.sure_if(is_forgotten && !is_cleared && !is_guessed))
}

/// Whether a candidate that voted for another in the same term hadn't noted that it votes for itself. It says so, which is
/// returned; or nothing in this run speaks against it: no candidate keeps its own vote, and nobody gives two others one.
fn forgets_itself(
    known: &Known<'_>,
    (voter, term): (u32, u64),
    first: &Vote,
    moment: Moment,
) -> Option<Option<Fact>> {
    let story = known.story;
    let views = story.views[voter as usize].iter();
    let mut views = views.filter(|view| first.moment <= view.moment && view.moment < moment);
    let has_none = |view: &View| {
        let detail = view.detail.as_ref();
        view.incarnation == first.life
            && view.term == term
            && detail.is_some_and(|it| it.voted_for.is_none() && it.role != Role::Follower)
    };
    // Who has noted it and looks at it no more makes another mistake.
    let has_it = |view: &View| {
        let voted_for = view.detail.as_ref().and_then(|detail| detail.voted_for);
        view.incarnation == first.life && view.term == term && voted_for == Some(u64::from(voter))
    };
    if views.clone().any(has_it) {
        return None;
    }
    if let Some(view) = views.find(|view| has_none(view)) {
        let text = format!("server {voter} was a candidate, and its votedFor was null");
        return Some(Some(Fact::new(Basis::Seen, view.moment.at, text, None)));
    }
    if first.life != known.server(voter).life {
        return None;
    }
    // Whom each server gave its vote, by term, but for itself.
    let mut given: BTreeMap<(u32, u64), u32> = BTreeMap::new();
    let is_refuted = story.requests_for_votes().any(|call| {
        let (Some(term), Some(_)) = (call.args.term, call.handled) else { return false };
        let others = granted(call).is_some_and(|_| {
            *given.entry((call.to, term)).or_insert(call.from.server) != call.from.server
        });
        others || keeps_its_own(story, call)
    });
    (!is_refuted).then_some(None)
}

/// Whether a candidate refuses another of its term its vote, whose log is as up-to-date as its own.
fn keeps_its_own(story: &Story, call: &Call) -> bool {
    if !call.is_denied() || call.reply.term != call.args.term {
        return false;
    }
    let own = story.votes_of[call.to as usize].iter().rev().map(|&place| &story.calls[place]);
    let own = own.skip_while(|own| Some(own.sent) >= call.delivered);
    let mut own = own.take_while(|own| own.args.term >= call.args.term);
    let log = |call: &Call| call.args.last_log_term.zip(call.args.last_log_index);
    own.any(|own| own.args.term == call.args.term && log(own).is_some() && log(own) <= log(call))
}

/// How soon after its election began a candidate has asked everybody, in µs: before another timeout ends.
const ASKED_ALL: u64 = 100_000;

/// A server votes for another, and asks for a vote itself, in one term, and has just begun an election in an earlier
/// one, in which it hasn't asked that server, or not with success: the request is of that election.
fn asks_on(
    known: &Known<'_>,
    (number, term): (u32, u64),
    first: &Vote,
    moment: Moment,
    call: &Call,
) -> Option<Breach> {
    let story = known.story;
    let of_first = || story.calls.iter().find(|asked| asked.id == first.call);
    let asked = match first.candidate == number {
        true => of_first()?,
        false => Some(call).filter(|call| call.from.server == number)?,
    };
    let of_earlier = || {
        let own = story.sent_by(number as usize).rev();
        own.filter(|own| own.from == asked.from && own.is_vote() && own.sent < asked.sent)
    };
    let soon = |from: Time, until: Time| until.0.saturating_sub(from.0) < ASKED_ALL;
    let of_earlier_term = || of_earlier().filter(|own| own.args.term < Some(term));
    let before = of_earlier_term().next()?;
    let was_asked = of_earlier().any(|own| own.args.term == before.args.term && own.to == asked.to);
    let goes_on = !was_asked && soon(before.sent.at, asked.sent.at);
    // Or it asks that server once more, and nobody else, now that its earlier request has come back.
    let again = of_earlier_term().find(|own| {
        let ended = own.returned.filter(|&(at, _)| at <= asked.sent);
        own.to == asked.to && ended.is_some_and(|(at, _)| soon(at.at, asked.sent.at))
    });
    let own = story.sent_by(number as usize).filter(|own| own.from == asked.from && own.is_vote());
    let mut own = own.filter(|own| own.args.term == Some(term));
    let at_once = |own: &Call| own.sent.at.0.abs_diff(asked.sent.at.0) < ASKED_ALL;
    let is_alone = own.all(|own| own.to == asked.to || !at_once(own));
    let before = match again.filter(|_| !goes_on && is_alone) {
        Some(again) => again,
        None if goes_on => before,
        None => return None,
    };
    let what =
        format!("server {number} asked for votes in term {term}, in which it started no election");
    let text = |own: &Call| {
        let (to, term) = (own.to, own.args.term.unwrap_or(0));
        format!("server {number} asked server {to} for its vote in term {term}")
    };
    let (voted, candidate, vote) = match first.candidate == number {
        true => (moment, call.from.server, call.id),
        false => (first.moment, first.candidate, first.call),
    };
    Some(
        Breach::new(&ASKS_IN_LATER_TERM, moment, number, what)
            .seen(before.sent.at, text(before), [before.id])
            .seen(asked.sent.at, text(asked), [asked.id])
            .seen(voted.at, format!("it voted for server {candidate} in term {term}"), [vote])
            .sure_if(false),
    )
}

/// Whether a server was seen so in its present life.
fn was_seen(
    known: &Known<'_>,
    server: u32,
    (since, until): (Moment, Moment),
    mut is_so: impl FnMut(&View) -> bool,
) -> bool {
    let life = known.server(server).life;
    let mut views = known.story.views[server as usize].iter();
    views.any(|view| {
        view.incarnation == life && since < view.moment && view.moment < until && is_so(view)
    })
}
