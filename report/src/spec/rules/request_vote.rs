//! RequestVote RPC (Figure 2): who votes for whom.

mod again;

use super::all_servers::NOT_ADOPTED;
use super::append_entries::{NOT_APPENDED, SUFFIX_KEPT, TRUNCATED, accepted_blindly, kept_suffix};
use super::persistence::{
    LOG_NOT_SAVED, handled_older_snapshot, handled_shorter, not_in_saves, term_forgotten,
};
use super::{contract, persistence, rules};
use crate::event::{Caller, Detail};
use crate::spec::breach::{Basis, Breach, Fact};
use crate::spec::{Known, of_votes, step};
use crate::story::{Call, Moment, Story, View};

rules! {
    TWICE: Safety "voted-twice" = "M2" at [RequestVote 2],
        "Figure 2, RequestVote 2; §5.2",
        "a server votes at most once in a term, even if it restarts: it grants a vote only if \
         votedFor is null or candidateId",
        "the condition for granting a vote, and whether votedFor is cleared only when the term goes up"
        => Asks votes_for_itself within, Votes votes within;
    OWN_VOTE: Safety "own-vote-not-kept" = "M2" at [Candidates 1, RequestVote 2],
        "Figure 2, Candidates 1, RequestVote 2; §5.2",
        "a candidate votes for itself: it sets votedFor to itself, and so gives no other candidate of that \
         term its vote",
        "where an election starts: it must set votedFor to the server itself, in the same step as the new term. \
         If it does, the condition for granting a vote";
    HANDLERS_OVERLAP: Safety "handlers-overlap" at [RequestVote 2, Contract 10],
        "rule 10 of the contract; Figure 2, RequestVote 2; §5.2",
        "several handlers may run at the same time, and each must act on the state that it has just read: \
         there is no .await between reading the state and acting on it",
        "whether a handler awaits anything between reading the state and changing it. Do both under one lock, \
         with no .await in between";
    OUTDATED: Safety "vote-for-outdated-log" = "M5" at [RequestVote 2],
        "Figure 2, RequestVote 2; §5.4.1",
        "a server votes only for a candidate whose log is at least as up-to-date as its own: the log whose last \
         entry has the higher term is more up-to-date; if these terms are equal, the longer log is",
        "how a voter compares the logs. It must compare the last terms first, and the last indexes only if the \
         terms are equal"
        => Votes votes_for_outdated;
    LONGER_PREFERRED: Safety "longer-log-preferred" at [RequestVote 2], OUTDATED.place, OUTDATED.says, OUTDATED.look;
    LEASE_LASTS: Contract "lease-outlasts-leader" at [RequestVote 2, AllServers 2],
        "§6, last paragraph; Figure 2, All Servers 2; §5.1",
        "a server may refuse its vote, and keep its term, only for the minimum election timeout after it has \
         heard from a current leader; after that, it adopts the higher term",
        "the condition under which a server refuses a request for its vote because there is a leader: when \
         it last heard from the leader, and for how long that counts";
    FORMER_REPLY: Liveness "reply-of-former-term" at [RequestVote, AllServers 2],
        "Figure 2, RequestVote, Results: term; §5.1",
        "a reply has the current term of its sender: if the request brought a higher term, the sender has \
         already adopted it",
        "where the reply's term is filled in. That must happen after the request's term is adopted";
    REFUSED: Liveness "vote-refused-without-reason" at [RequestVote 2],
        "Figure 2, RequestVote 2; §5.2, §5.4.1",
        "if votedFor is null or candidateId, and candidate's log is at least as up-to-date as receiver's \
         log, grant vote",
        "whether votedFor is cleared when the term goes up; whether equal logs, even empty ones, count as \
         up-to-date (>= and not >); and whether a candidate whose last \
         entry has a higher term gets the vote, however short its log is";
}

fn votes_for_itself(known: &Known<'_>, moment: Moment, call: &Call) -> Option<Breach> {
    let (server, term) = (call.from.server, call.args.term?);
    let is_first = !known.server(server).stood.contains(&term);
    if !is_first || !known.stands(call, term) {
        return None;
    }
    let text =
        format!("it started an election in term {term}, as if it had been in an earlier term");
    term_forgotten(known, server, term, (moment, text, call))
        .or_else(|| again::votes_again(known, (server, term, server), moment, call))
}

fn votes(known: &Known<'_>, moment: Moment, call: &Call) -> Option<Breach> {
    let term = granted(call)?;
    let text = format!("it voted in term {term}");
    term_forgotten(known, call.to, term + 1, (moment, text, call))
        .or_else(|| again::votes_again(known, (call.to, term, call.from.server), moment, call))
}

/// The term in which a vote is granted.
fn granted(call: &Call) -> Option<u64> {
    let term = call.args.term.filter(|_| call.is_granted())?;
    call.reply.term.is_none_or(|now| now <= term).then_some(term)
}

/// The last entries of a candidate that gets a vote and of its voter, by term and index, if the voter's is the
/// more up-to-date.
fn outdated(known: &Known<'_>, call: &Call) -> Option<[(u64, u64); 2]> {
    granted(call)?;
    let offered = call.args.last_log_term.zip(call.args.last_log_index)?;
    let voter = known.server(call.to);
    let own = voter.log.last_shown().filter(|&own| offered < own)?;
    voter.is_at_rest(call).then_some([offered, own])
}

/// A candidate that gets a vote must be as up-to-date as the voter.
fn votes_for_outdated(known: &Known<'_>, moment: Moment, call: &Call) -> Option<Breach> {
    let [offered, own] = outdated(known, call)?;
    let term = call.args.term?;
    let (voter, candidate) = (call.to, call.from.server);
    let server = known.server(voter);
    let had = persistence::had(known, voter, own.1, moment);
    let crashed = server.is_as_saved();
    let has = if crashed {
        "before the crash, the voter's own last entry had"
    } else {
        "the voter's own last entry has"
    };
    let text = format!(
        "server {voter} voted in term {term} for server {candidate}, whose last entry has term {} and index \
         {}; {has} term {} and index {}",
        offered.0, offered.1, own.0, own.1
    );
    // Its own log may be gone.
    let lost = || format!("server {voter} lost its log in a crash");
    if crashed && let Some(sizes) = not_in_saves(known, voter, moment) {
        let breach = Breach::new(&LOG_NOT_SAVED, moment, voter, lost()).facts(had);
        return Some(breach.concluded(moment.at, text, [call.id]).fact(sizes));
    }
    if crashed && let Some(unsaved) = persistence::came_after_last_save(known, voter, own.1) {
        let breach = Breach::new(&LOG_NOT_SAVED, moment, voter, lost()).facts(had).fact(unsaved);
        // What it took as a leader, and nobody relied on, it may forget: then it compares wrongly what it has.
        let is_promised = server.log.confirmed(own.1).is_some();
        return Some(breach.seen(moment.at, text, [call.id]).sure_if(is_promised));
    }
    let seen = log_when_it_voted(known, call);
    if let Some((seen_term, seen_index)) = seen {
        let ended = format!("its own last entry had index {seen_index} and term {seen_term}");
        if crashed && (seen_term, seen_index) < own {
            let shorter = handled_shorter(known, voter, own.1, moment);
            let cut = persistence::cut_by(known, voter, own.1, moment);
            let breach = match cut {
                Some((by, saved_less)) => {
                    let what = format!(
                        "server {voter} deleted the entry at index {}, though no entry conflicted with it",
                        own.1
                    );
                    let breach = Breach::new(&TRUNCATED, moment, voter, what).facts(had);
                    breach.facts(persistence::handled_it(by)).fact(saved_less)
                }
                None => Breach::new(&LOG_NOT_SAVED, moment, voter, lost()).facts(had),
            };
            let breach = breach.seen(moment.at, text, [call.id]);
            let breach = breach.seen(moment.at, format!("after the crash, {ended}"), None);
            let is_alone =
                shorter.is_none() && handled_older_snapshot(known, voter, own.1, moment).is_none();
            let is_known = !server.log.is_claimed && server.commit <= own.1;
            return Some(breach.sure_if(is_alone && is_known));
        }
        // It should have cut what is of an earlier term.
        if seen_index > own.1 && seen_term < own.0 {
            let text = format!("{ended}, when it voted");
            return Some(kept_suffix(known, voter, (moment, text, call)));
        }
        // It compared what it has: what it lacks it had confirmed without taking it.
        if seen_index < own.1 && offered >= (seen_term, seen_index) {
            let what = format!(
                "server {voter} confirmed the entry of term {} at index {}, but its log doesn't have it",
                own.0, own.1
            );
            let breach = Breach::new(&NOT_APPENDED, moment, voter, what).facts(had);
            let text = format!("{ended}, when it voted for server {candidate} in term {term}");
            if let Some(breach) = accepted_blindly(known, voter, own.1, moment) {
                return Some(breach.seen(moment.at, text, [call.id]));
            }
            return Some(breach.concluded(moment.at, text, [call.id]));
        }
    }
    let shift = known.story.last_index_shift;
    if shift > 0 && (offered.0, offered.1 + shift) >= own {
        let what = format!(
            "server {candidate} asked for votes with a lastLogIndex after the end of its log, and server \
             {voter} compared that with the end of its own log"
        );
        let said = format!("the request's lastLogIndex is {}", offered.1 + shift);
        let breach = Breach::new(&contract::CONTRADICTS_ITSELF, moment, candidate, what);
        return Some(breach.facts(had).concluded(moment.at, format!("{text}; {said}"), [call.id]));
    }
    // Its log may end where its snapshot does: then the snapshot's last entry is its own.
    let held = known.story.last_held(voter, moment).filter(|held| held.index == own.1);
    let told = view_when_it_voted(known, call).and_then(|view| view.detail.as_ref());
    let is_other = |told: &&Detail| told.last_index == own.1 && told.last_term < own.0;
    if let (Some(held), Some(told)) = (held, told.filter(is_other)) {
        let what = format!(
            "server {voter} takes another term for its last entry, where its snapshot ends: {} in place of {}",
            told.last_term, own.0
        );
        let breach = Breach::new(&persistence::SNAPSHOT_TERM, moment, voter, what).facts(had);
        let breach = breach.seen(held.moment.at, format!("server {voter} {held}"), None);
        let tells = format!(
            "it reports that its last entry has index {} and term {}",
            told.last_index, told.last_term
        );
        let breach = breach.seen(moment.at, tells, None).seen(moment.at, text, [call.id]);
        return Some(breach.sure_if(false));
    }
    let what = format!(
        "server {voter} voted for server {candidate}, whose log is less up-to-date than its own"
    );
    let breach = Breach::new(&OUTDATED, moment, voter, what);
    let breach = breach.facts(had).seen(moment.at, text, [call.id]);
    let perhaps = match crashed {
        true => &LOG_NOT_SAVED,
        false if persistence::handled_shorter(known, voter, own.1, moment).is_some() => &TRUNCATED,
        false => &SUFFIX_KEPT,
    };
    // Its own log may be gone by then, for another reason.
    Some(match seen {
        Some(seen) if seen >= own => breach,
        _ => breach.or(perhaps),
    })
}

/// The term and the index of a voter's last entry, as it told them when it gave its vote: servers are looked
/// at when their term has changed.
fn log_when_it_voted(known: &Known<'_>, call: &Call) -> Option<(u64, u64)> {
    let detail = view_when_it_voted(known, call)?.detail.as_ref();
    let detail = detail.filter(|it| it.last_term > 0 || it.last_index == 0)?;
    Some((detail.last_term, detail.last_index))
}

/// What a voter was seen to be when it gave its vote.
fn view_when_it_voted<'a>(known: &Known<'a>, call: &Call) -> Option<&'a View> {
    let (delivered, handled) = call.delivered.zip(call.handled)?;
    let view = known.story.view_at(call.to as usize, handled.at)?;
    let is_of_vote = Some(view.term) == call.args.term
        && view.moment.at >= delivered.at
        && view.incarnation == known.server(call.to).life;
    is_of_vote.then_some(view)
}

/// Where all votes are as the logs' lengths are, that is how they are compared: a vote was refused for the
/// length of a log, and none given to a shorter one.
pub(crate) fn name_the_comparison(story: &Story, breaches: &mut [Breach]) {
    let mut outdated = breaches.iter_mut().filter(|it| it.rule.id == OUTDATED.id).peekable();
    if outdated.peek().is_none() || !of_votes(story, chosen_though_shorter).is_empty() {
        return;
    }
    let refused = of_votes(story, refused_for_length);
    let Some(proof) = refused.first() else { return };
    for breach in outdated {
        breach.rule = &LONGER_PREFERRED;
        breach.what.push_str(": it compared the lengths of the logs, and not their last terms");
        breach.facts.push(proof.clone());
    }
}

/// How many requests must have been answered so: one may have had another reason.
const OFTEN: usize = 3;

/// Where servers keep to their terms only once they have heard a leader, it is that leader to whom they hold.
pub(crate) fn name_the_lease(story: &Story, breaches: &mut [Breach]) {
    let mut kept = breaches.iter_mut().filter(|it| it.rule.id == NOT_ADOPTED.id).peekable();
    if kept.peek().is_none() {
        return;
    }
    let asked = || story.requests_for_votes().filter(|call| !call.is_copy);
    let (held, free): (Vec<&Call>, Vec<&Call>) = asked()
        .filter(|call| takes_over(story, call))
        .partition(|call| last_word(story, call).is_some());
    let keeps = |call: &&Call| call.is_denied() && call.reply.term < call.args.term;
    let kept_to_it = asked().filter(keeps).filter(|call| last_word(story, call).is_some());
    if !held.is_empty() || kept_to_it.count() < OFTEN {
        return;
    }
    for breach in kept {
        let Some(id) = breach.facts.last().and_then(|fact| fact.calls.last()) else { continue };
        let call = asked().find(|call| call.id == *id);
        let Some(call) = call.filter(|call| call.is_denied()) else { continue };
        let (Some(word), Some(other)) = (last_word(story, call), free.first()) else { continue };
        let (Some(heard), Some(refused)) = (word.handled, call.handled) else { continue };
        let seconds = refused.at.since(heard.at).as_secs_f64();
        let (server, candidate) = (call.to, call.from.server);
        breach.rule = &LEASE_LASTS;
        breach.what = format!(
            "server {server} refused its vote as if there were a leader, but it had heard from none for \
             {seconds:.2} s"
        );
        if let Some(fact) = breach.facts.last_mut() {
            fact.text = format!(
                "server {server} refused its vote to server {candidate}, and did not adopt term {}",
                call.args.term.unwrap_or(0)
            );
        }
        let text = format!(
            "this was the last time that server {server} heard from its leader, server {}, before it refused",
            word.from.server
        );
        breach.facts.insert(0, Fact::new(Basis::Seen, heard.at, text, [word.id]));
        let text = format!(
            "server {} adopted the term of such a request: it had not heard from any leader yet",
            other.to
        );
        let at = other.handled.map_or(heard.at, |handled| handled.at);
        // Why it refused is a conclusion.
        breach.facts.push(Fact::new(Basis::Concluded, at, text, [other.id]));
        breach.facts.sort_by_key(|fact| fact.at);
    }
}

/// The last request of a leader that the server had followed, in the same incarnation, before it answered `call`.
fn last_word<'a>(story: &'a Story, call: &Call) -> Option<&'a Call> {
    let server = Caller { server: call.to, incarnation: call.answered_in? };
    let mut words = story.answered_by(server).rev().filter(|word| word.is_followed());
    words.find(|word| word.handled < call.handled)
}

/// Whether a server adopted the term of a request for its vote, which was higher than its own.
fn takes_over(story: &Story, call: &Call) -> bool {
    let mut views = story.views[call.to as usize].iter().rev();
    let before = views.find(|view| Some(view.moment) < call.delivered);
    let was_lower = before.is_none_or(|view| {
        Some(view.incarnation) != call.answered_in || Some(view.term) < call.args.term
    });
    was_lower && call.answered_in.is_some() && call.is_answered_in_its_term()
}

/// That a vote went to a candidate whose log is outdated and shorter than the voter's.
fn chosen_though_shorter(known: &Known<'_>, call: &Call) -> Option<Fact> {
    let [(_, index), (_, own_index)] = outdated(known, call)?;
    let text = format!("server {} got a vote though its log was shorter", call.from.server);
    let fact = Fact::new(Basis::Concluded, call.handled?.at, text, [call.id]);
    (index < own_index).then_some(fact)
}

/// That a vote was refused though the candidate's log ends with a later term than the voter's, and is
/// shorter: it tells how logs are compared.
fn refused_for_length(known: &Known<'_>, call: &Call) -> Option<Fact> {
    let (term, last_term) = call.args.term.zip(call.args.last_log_term)?;
    let server = known.server(call.to);
    let is_free = server.votes.get(&term).is_none_or(|vote| vote.candidate == call.from.server);
    let known_last = server.log.last_shown()?;
    let is_shorter = call.args.last_log_index? < known_last.1 && last_term > known_last.0;
    let refused = call.is_denied() && call.reply.term == Some(term);
    if !refused || !is_free || !is_shorter || !server.is_at_rest(call) {
        return None;
    }
    let text = format!(
        "server {} refused its vote to server {}, whose log is shorter but ends with a higher term, {last_term}",
        call.to, call.from.server
    );
    Some(Fact::new(Basis::Concluded, call.handled?.at, text, [call.id]))
}

/// How a log ends, by its last entry's term and index.
fn ends((term, index): (u64, u64)) -> String {
    match index {
        0 => "is empty".to_owned(),
        _ => format!("ends at index {index} with term {term}"),
    }
}

/// Whether a voter that refuses is known to have no reason to, and what its log's end is then: its term, its
/// index, and whether both are seen.
pub(crate) fn refuses_without_reason(known: &Known<'_>, call: &Call) -> Option<Fact> {
    let (term, handled) = call.args.term.zip(call.handled)?;
    let offered = call.args.last_log_term.zip(call.args.last_log_index)?;
    let server = known.server(call.to);
    let is_free = server.votes.get(&term).is_none_or(|vote| vote.candidate == call.from.server);
    let refused = call.is_denied() && call.reply.term == Some(term);
    // Who stands in that term has its own vote, also if its requests are only sent a little later.
    let stands = known.story.stands(call.to, term);
    if !refused || !is_free || stands || known.story.holds_to_leader(call) {
        return None;
    }
    let own = server.log.last()?;
    if !server.is_at_rest(call) || server.log.open || offered < own {
        return None;
    }
    let until = step::later(handled, 0);
    let told = known
        .told_ends(call.to, call.delivered?, until)
        .any(|(_, term, index)| offered < (term, index));
    let voted = server.votes.range(..term).next_back();
    let vote = match voted.filter(|(_, vote)| vote.life == server.life) {
        Some((term, vote)) if vote.candidate != call.to => {
            format!("'s last vote was for server {}, in term {term}", vote.candidate)
        }
        Some((term, _)) => format!("'s last vote was for itself, in term {term}"),
        None => " had not voted before".to_owned(),
    };
    let (voter, candidate) = (call.to, call.from.server);
    let logs = match offered == own {
        true if own.1 == 0 => "is as up-to-date: both are empty".to_owned(),
        true => format!("is as up-to-date: both end at index {} with term {}", own.1, own.0),
        false => {
            let (end, own_end) = (ends(offered), ends(own));
            format!("is more up-to-date: it {end}, and server {voter}'s log {own_end}")
        }
    };
    let text = format!(
        "server {voter} refused to vote for server {candidate} in term {term}, although server {candidate}'s log \
         {logs}; server {voter}{vote}"
    );
    (!told).then(|| Fact::new(Basis::Concluded, handled.at, text, [call.id]))
}
