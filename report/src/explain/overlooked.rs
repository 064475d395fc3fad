//! What is wrong in a run that passed: a promise that is proven to be broken, and an obligation that wasn't met.
//!
//! A passing run has no failing check by which a guess could be judged. So nothing is told here but what no right
//! Raft does, whatever its timers, its messages and its network: promises whose breach is proven, elections in spite
//! of a leader that is heard all the time, and leaders that are silent although nothing is lost.

use std::cell::LazyCell;
use std::collections::BTreeSet;
use std::time::Duration;

use super::{Finding, doubts};
use crate::event::Time;
use crate::spec::rules::{followers, leaders, persistence};
use crate::spec::{Breach, Kind};
use crate::story::{Call, Election, Moment, Story};

/// How many words of a leader there must have been before an election, so that their pace is known.
const WORDS: usize = 5;

/// How many elections must be in spite of a leader. One may be an accident of what came at the same time.
const ELECTIONS: usize = 2;

/// What is wrong in the run of `story`, which passed: each rule once. `broken` are the promises that it is proven to
/// break, as [`crate::spec::broken_promises`] finds them.
#[must_use]
pub fn overlooked(story: &Story, broken: &[Breach]) -> Vec<Finding> {
    // It takes a look at every message, and in most runs that pass there is nothing to tell.
    let doubt = LazyCell::new(|| doubts::doubt(story, &[]));
    let mut told = BTreeSet::new();
    // What fails a run where that is asked for is told in any case, and what else is broken if nothing is doubtful.
    let is_told = |breach: &&Breach| {
        breach.rule.kind == Kind::Safety || breach.is_certain() && doubt.is_none()
    };
    // What is only seen because something else is broken accuses nobody of more.
    let (consequences, causes): (Vec<&Breach>, Vec<&Breach>) =
        broken.iter().filter(is_told).partition(|breach| breach.rule.is_consequence());
    let promises = if causes.is_empty() { consequences } else { causes };
    let promises = promises.into_iter().cloned();
    let followed: Vec<(&Election, Heard<'_>)> = story
        .elections
        .iter()
        .filter_map(|election| heard(story, election).map(|heard| (election, heard)))
        .collect();
    let guesses =
        [despite_leader(story, &followed), silent_leader(story, &followed), erased_snapshot(story)];
    let guesses = guesses.into_iter().flatten();
    let all = promises.chain(guesses.filter(|_| story.dropped == 0));
    all.filter(|breach| told.insert(breach.rule.id))
        .map(|breach| breach.finding(doubt.as_ref()))
        .collect()
}

/// A server saved its state without the snapshot that it had saved: only a crash would have shown it.
fn erased_snapshot(story: &Story) -> Option<Breach> {
    (0..story.servers as u32).find_map(|server| {
        // A crash may have taken what wasn't on the disk yet.
        let mut saves =
            story.consecutive_saves(server).filter(|(one, next)| one.server == next.server);
        saves
            .find_map(|(before, save)| persistence::erased(story, before, save))
            .map(|breach| breach.sure_if(false))
    })
}

/// For how long a leader must have been silent: longer than any time between heartbeats of which several make an
/// election timeout that passes the lab's tests.
const SILENCE: Duration = Duration::from_millis(300);

/// The last word of a leader that a candidate heard before an election, and the usual time between its words, if there
/// were enough.
struct Heard<'a> {
    last: &'a Call,
    at: Time,
    pace: Option<Duration>,
}

/// What a candidate had heard of its leader before an election, if it had followed one in its present life.
fn heard<'a>(story: &'a Story, election: &Election) -> Option<Heard<'a>> {
    let mut words: Vec<(Time, &Call)> = Vec::new();
    for call in story.answered_by(election.candidate).rev() {
        let Some(handled) = call.handled.filter(|handled| handled.at <= election.at) else {
            continue;
        };
        // Who has voted since, or answered a candidate, may have lost its leader by that.
        if call.is_vote() || call.is_pre_vote() {
            if words.is_empty() {
                return None;
            }
            break;
        }
        if !call.is_append() || call.is_copy || !call.is_followed() {
            continue;
        }
        let is_of_it = |(_, other): &(Time, &Call)| {
            other.from == call.from && other.args.term == call.args.term
        };
        if !words.last().is_none_or(is_of_it) || words.len() == WORDS {
            break;
        }
        words.push((handled.at, call));
    }
    let &(at, last) = words.first()?;
    let mut gaps: Vec<Duration> = words.windows(2).map(|pair| pair[0].0.since(pair[1].0)).collect();
    gaps.sort();
    let is_next = last.args.term.is_some_and(|term| term + 1 == election.term)
        && last.reply.success == Some(true);
    let pace = (words.len() == WORDS).then(|| gaps[gaps.len() / 2]);
    is_next.then_some(Heard { last, at, pace })
}

/// Servers start elections sooner after a leader's words than its next words are due: their timers don't begin anew.
/// A server whose timeout is as short would never follow anybody.
fn despite_leader(story: &Story, followed: &[(&Election, Heard<'_>)]) -> Option<Breach> {
    let despite: Vec<(&Election, &Heard<'_>, Duration)> = followed
        .iter()
        .filter_map(|(election, heard)| {
            let pace = heard.pace?;
            (election.at.since(heard.at) < pace * 3 / 4).then_some((*election, heard, pace))
        })
        .collect();
    let (election, heard, pace) = despite.first().filter(|_| despite.len() >= ELECTIONS)?;
    let server = election.candidate.server;
    let what = format!("server {server} started an election though it heard from its leader");
    let answered = format!(
        "server {server} answered the leader, server {}, whose messages came every {} ms",
        heard.last.from.server,
        pace.as_millis()
    );
    let stood = format!(
        "server {server} started an election in term {}, {} ms after that",
        election.term,
        election.at.since(heard.at).as_millis()
    );
    let asked = election.requests.first().map(|&place| story.calls[place].id);
    let times = format!("the first of {} such elections", despite.len());
    let breach = Breach::new(&followers::DESPITE_LEADER, moment(election), server, what)
        .seen(heard.at, answered, [heard.last.id])
        .seen(election.at, stood, asked)
        .seen(election.at, times, None);
    Some(breach.refuted_if("the election had begun before the server heard from the leader"))
}

/// A server starts an election after it has followed a leader that is up and connected, leads still, has lost no
/// message, and has sent it nothing for that time.
fn silent_leader(story: &Story, followed: &[(&Election, Heard<'_>)]) -> Option<Breach> {
    let is_silent = |(election, heard): &&(&Election, Heard<'_>)| is_silent(story, election, heard);
    let silent: Vec<&(&Election, Heard<'_>)> = followed.iter().filter(is_silent).collect();
    let (election, heard) = silent.first().filter(|_| silent.len() >= ELECTIONS)?;
    let (server, leader) = (election.candidate.server, heard.last.from.server);
    let what = format!("server {leader} led, but was silent for longer than an election timeout");
    let sent = format!("server {leader} sent server {server} a call, and then nothing more");
    let stood = format!(
        "server {server} started an election in term {}, {} ms after that call",
        election.term,
        election.at.since(heard.last.sent.at).as_millis()
    );
    let times = format!("the first of {} such elections", silent.len());
    let breach = Breach::new(&leaders::SILENT, moment(election), leader, what)
        .seen(heard.last.sent.at, sent, [heard.last.id])
        .seen(election.at, stood, None)
        .seen(election.at, times, None);
    Some(breach.refuted_if("the leader's requests were lost, or it no longer led"))
}

/// Whether the leader that a candidate had heard was silent, for no reason that is known.
fn is_silent(story: &Story, election: &Election, heard: &Heard<'_>) -> bool {
    let (candidate, leader) = (election.candidate.server as usize, heard.last.from.server as usize);
    let since = heard.last.sent.at;
    let sent_more = story.sent_by(leader).rev().any(|call| {
        call.to as usize == candidate && call.sent > heard.last.sent && call.sent.at <= election.at
    });
    let leads = story.view_at(leader, election.at).is_some_and(|view| {
        view.is_leader
            && Some(view.term) == heard.last.args.term
            && view.incarnation == heard.last.from.incarnation
    });
    let up = story.up(election.at);
    let are_up = up.contains(&leader) && up.contains(&candidate);
    let was_answered = heard.last.replied().is_some_and(|at| at <= election.at);
    let is_long = election.at.since(since) >= SILENCE;
    is_long
        && !sent_more
        && leads
        && are_up
        && was_answered
        && story.settled_before(election.at) <= since
}

fn moment(election: &Election) -> Moment {
    Moment { place: usize::MAX, at: election.at }
}
