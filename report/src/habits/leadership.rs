//! Instead of a leader that stays: elections that nobody needs, leaders that are silent; and times without
//! any leader.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Habit, applying, elections, leads, life_at, pre_votes, turns, up};
use crate::check::Check;
use crate::event::{Caller, Time};
use crate::explain::{Case, Window};
use crate::spec::rules::{all_servers, candidates, contract, followers, leaders};
use crate::spec::{self, Breach, Rule};
use crate::story::{Call, DEALT_WITH, Election, Moment, Purpose, Story, View};
use crate::text::count;

/// A server has come to lead without the votes that this takes, just now.
fn leads_unelected(case: &Case<'_>) -> Option<Breach> {
    let (story, until) = (case.story, case.window.until);
    let reads = spec::watchable(story).votes;
    up(&case.window).filter(|_| reads && story.dropped == 0).find_map(|server| {
        let led = leads(story, server as usize, until)?;
        let view = story.view_at(server as usize, until)?;
        let caller = Caller { server, incarnation: view.incarnation };
        let has_led = story.views[server as usize].iter().any(|before| {
            before.is_leader && before.term < led.term && before.incarnation == view.incarnation
        });
        let is_known = case.breaches.iter().any(|breach| {
            let is_such = [&contract::LEADER_ONLY_TOLD, &candidates::UNELECTED];
            breach.servers == [server] && is_such.iter().any(|rule| rule.id == breach.rule.id)
        });
        if has_led || is_known || story.is_elected(caller, Some(led.term), view.moment) {
            return None;
        }
        let votes =
            story.sent_by(server as usize).filter(|call| call.is_vote() && call.is_granted());
        let votes = votes
            .filter(|call| call.from == caller && call.replied().is_some_and(|at| at <= until));
        let what =
            format!("server {server} leads term {} without the votes of a majority", led.term);
        let says = format!("server {server} reported itself as the leader of term {}", led.term);
        let mut breach = case.breach(&candidates::WITHOUT_MAJORITY, server, what);
        for call in votes {
            let text = format!("server {}'s vote of term {} arrived", call.to, call.args.term?);
            breach = breach.seen(call.replied()?, text, [call.id]);
        }
        Some(breach.seen(led.since, says, None).sure_if(false))
    })
}

/// What refutes that a leader was silent.
const SENT_MEANWHILE: &str = "it sent something as a leader in one of these terms";

pub(super) const HABITS: &[Habit] = &[
    pre_votes::RAISE,
    Habit::new(
        despite_leader,
        "the leader that it heard from led an earlier term, or had been silent for long",
    ),
    applying::WAITS,
    Habit::new(silent, "the leader's requests were lost, or it no longer led"),
    Habit::new(leads_in_silence, SENT_MEANWHILE),
    Habit::new(
        turns::one_call,
        "two calls to that server were outstanding at the same time, or the leader had no reason to send more",
    ),
];

/// A server says, when the run fails, that it leads, and the votes of a majority haven't come in.
pub(super) const UNELECTED: &[Habit] = &[Habit::new(
    leads_unelected,
    "it received votes in a message that can't be read, or it only reports itself as the leader",
)];

/// A message told a server of a higher term, and it says that it is in an earlier one when it is asked.
fn told_of_term(case: &Case<'_>) -> Option<Breach> {
    let Check::TermAdopted { server } = case.failure.check else { return None };
    let story = case.story;
    let view = story.views[server as usize].last()?;
    let is_asked = |at: Time| at < view.moment.at && view.moment.at.since(at) >= DEALT_WITH;
    let tells = |call: &Call| {
        let request = call.delivered.filter(|_| call.to == server && call.life.is_none());
        let reply = call.replied().filter(|_| call.from.server == server);
        let request = request.map(|at| (at.at, call.args.term));
        let (at, term) = reply.map(|at| (at, call.reply.term)).or(request)?;
        let is_higher = term > Some(view.term) && call.dropped.is_none();
        (is_higher && is_asked(at)).then_some((at, term?))
    };
    let calls = story.calls.iter().filter(|call| call.purpose != Purpose::Other);
    let told = calls.filter_map(|call| Some((call, tells(call)?)));
    let (call, (at, term)) = told.max_by_key(|&(_, (at, _))| at)?;
    let what = format!("server {server} heard of term {term} and stayed in term {}", view.term);
    let teller = match call.from.server == server {
        true => format!("server {}'s reply to {}", call.to, call.method),
        false => format!("server {}'s request {}", call.from.server, call.method),
    };
    let text = format!("{teller} told server {server} of term {term}");
    let breach = case.breach(&all_servers::NOT_ADOPTED, server, what);
    let breach = breach.seen(at, text, [call.id]);
    let role = if view.is_leader { "the leader" } else { "a follower or a candidate" };
    let text = format!("its get_state says that it is {role} of term {}", view.term);
    Some(breach.seen(view.moment.at, text, None).sure_if(false))
}

pub(super) const TOLD: &[Habit] = &[Habit::new(
    told_of_term,
    "it waited for its disk before it adopted the term, or its get_state tells an earlier state",
)];

pub(super) const SILENCE: &[Habit] = &[Habit::new(leads_in_silence, SENT_MEANWHILE)];

pub(super) const DEPOSED: &[Habit] = &[
    Habit::new(higher_term_unhandled, "no message of a higher term has reached the leader"),
    Habit::new(not_told_of_successor, "the leader of the later term has sent it something"),
    Habit::new(hung_meanwhile, "all servers still answered while the leader was back"),
    Habit::new(in_turn_meanwhile, "the other servers had two calls outstanding at the same time"),
];

/// The same case from when the leader that isn't deposed could be reached again: with all that were alive.
fn meanwhile<'a>(case: &Case<'a>) -> Option<Case<'a>> {
    let (story, until) = (case.story, case.window.until);
    let mut links = story.links[former(case).next()?.server as usize].iter().rev();
    let from = links.find(|link| link.is_up && link.moment.at <= until)?.moment.at;
    let up = (0..story.servers).filter(|&server| story.is_alive(server, until)).collect();
    Some(Case { window: Window { from, up, ..case.window.clone() }, ..*case })
}

fn hung_meanwhile(case: &Case<'_>) -> Option<Breach> {
    elections::hangs(&meanwhile(case)?)
}

fn in_turn_meanwhile(case: &Case<'_>) -> Option<Breach> {
    turns::in_turn(&meanwhile(case)?)
}

/// The servers that say that they lead though they are not the last to do so, at the failure.
fn former<'a>(case: &'a Case<'_>) -> impl Iterator<Item = super::Leader> + 'a {
    let (story, until) = (case.story, case.window.until);
    up(&case.window).filter_map(move |server| leads(story, server as usize, until))
}

/// A message of a higher term has reached a leader, whose handler doesn't end.
fn higher_term_unhandled(case: &Case<'_>) -> Option<Breach> {
    let (story, until) = (case.story, case.window.until);
    former(case).find_map(|led| {
        let call = story.calls.iter().find(|call| {
            let came =
                call.delivered.is_some_and(|at| until.since(at.at) > SOON && at.at > led.since);
            let is_open = call.handled.is_none_or(|handled| handled.at > until);
            call.to == led.server && call.args.term > Some(led.term) && came && is_open
        })?;
        let what = format!("server {} gets requests and doesn't answer them", led.server);
        let text = format!(
            "{} of term {} from server {} reached server {}, whose handler hasn't ended since",
            call.method, call.args.term?, call.from.server, led.server
        );
        let says = format!("server {} still led term {}", led.server, led.term);
        let breach = case.breach(&all_servers::HANGS, led.server, what);
        Some(breach.seen(call.delivered?.at, text, [call.id]).seen(until, says, None))
    })
}

/// A later leader has sent a former one nothing since that can be reached, while a call to it is outstanding.
fn not_told_of_successor(case: &Case<'_>) -> Option<Breach> {
    let (story, until) = (case.story, case.window.until);
    former(case).find_map(|led| {
        let mut links = story.links[led.server as usize].iter().rev();
        let since = links.find(|link| link.moment.at <= until)?.moment.at;
        (0..story.servers).find_map(|other| {
            let view = story.views[other].iter().rev().find(|view| view.is_leader)?;
            let of_term = |other: &&View| other.is_leader && other.term == view.term;
            let led_since = story.views[other].iter().find(of_term)?.moment.at;
            let mut sent = story.sent_by(other).filter(|call| call.to == led.server);
            let call =
                sent.rfind(|call| call.args.term == Some(view.term) && call.sent.at <= until)?;
            let was_up = until.since(since.max(led_since)) > SOON;
            if view.term <= led.term
                || call.sent.at >= since
                || !call.is_outstanding(since)
                || !was_up
            {
                return None;
            }
            let what = turns::sends_nothing_meanwhile(other as u32);
            let sent = format!(
                "server {other}, the leader of term {}, sent server {} {}",
                view.term, led.server, call.method
            );
            let text = format!(
                "server {} could be reached again; but while that call was outstanding, server {other} sent it \
                 nothing",
                led.server
            );
            let breach = case.breach(&leaders::ONE_CALL, other as u32, what);
            Some(breach.seen(call.sent.at, sent, [call.id]).seen(since, text, None))
        })
    })
}

/// No election timeout of the lab's is as short: heartbeats come ten times a second.
const SOON: Duration = Duration::from_millis(150);

/// A server starts an election though it hears of its leader.
fn despite_leader(case: &Case<'_>) -> Option<Breach> {
    let (story, until) = (case.story, case.window.until);
    let despite = story.elections.iter().filter(|election| election.at <= until);
    let despite: Vec<(&Election, &Call, Time)> = despite
        .filter_map(|election| {
            let since = Moment { at: super::before(election.at, SOON), place: 0 };
            let soon = story.handled_since(election.candidate.server as usize, since);
            let soon = soon.take_while(|(handled, _)| handled.at <= election.at);
            let heard = soon.filter(|(_, call)| {
                call.is_append()
                    && call.answered_in == Some(election.candidate.incarnation)
                    && call.is_answered_in_its_term()
            });
            let (heard, call) = heard.last()?;
            let is_soon = election.at.since(heard.at) < SOON
                && call.args.term.is_some_and(|term| term < election.term);
            is_soon.then_some((election, call, heard.at))
        })
        .collect();
    let &(election, call, heard) = despite.last()?;
    let server = election.candidate.server;
    let answered = format!("server {server} answered the leader, server {}", call.from.server);
    // A follower's timer is another's fault than a candidate's that stays one.
    let stood_before: Vec<Option<&Election>> = despite
        .iter()
        .map(|(election, call, _)| stood_in(story, election.candidate, call))
        .collect();
    let breach = match stood_before.last().copied().flatten() {
        Some(own) if stood_before.iter().all(Option::is_some) => {
            let what = format!(
                "server {server} stayed a candidate though it heard from the leader of its term"
            );
            let stood = format!("server {server} asked for votes in term {}", own.term);
            let breach = case.breach(&candidates::LEADER_NOT_FOLLOWED, server, what);
            let asked = own.requests.first().map(|&place| story.calls[place].id);
            breach.seen(own.at, stood, asked).seen(
                heard,
                format!("{answered}, in that term"),
                [call.id],
            )
        }
        _ => {
            let what =
                format!("server {server} started an election though it heard from its leader");
            let breach = case.breach(&followers::DESPITE_LEADER, server, what);
            breach.seen(heard, answered, [call.id])
        }
    };
    Some(stood(case, breach, (heard, "after that"), election, despite[0].0, despite.len()))
}

/// The election in which a server was a candidate of the term of a leader's request.
fn stood_in<'a>(story: &'a Story, candidate: Caller, call: &Call) -> Option<&'a Election> {
    let mut own = story.elections.iter().filter(|own| own.candidate == candidate);
    own.find(|own| {
        Some(own.term) == call.args.term && Some(own.at) <= call.delivered.map(|it| it.at)
    })
}

/// The same breach, and a server stood for election some time after something.
fn stood(
    case: &Case<'_>,
    breach: Breach,
    (since, after): (Time, &str),
    election: &Election,
    first: &Election,
    times: usize,
) -> Breach {
    let asked = election.requests.first().map(|&place| case.story.calls[place].id);
    let server = election.candidate.server;
    let mut text = format!(
        "server {server} started an election in term {}, {} ms {after}",
        election.term,
        election.at.since(since).as_millis()
    );
    if times > 1 {
        let number = count(times, "election");
        text += &format!("; {number} started for this reason, the first at {} s", first.at);
    }
    breach.seen(election.at, text, asked)
}

/// How often a leader must have been silent, if none of the times was long.
const FEW: usize = 2;

/// Leaders are elected, and send nothing at all.
fn leads_in_silence(case: &Case<'_>) -> Option<Breach> {
    let (story, until) = (case.story, case.window.until);
    let mut reigns = Vec::new();
    for server in up(&case.window) {
        let views = story.lasting_views(server as usize).filter(|(view, ended)| {
            view.is_leader && view.moment.at <= until && *ended >= case.window.from
        });
        for (view, ended) in views {
            let ended = ended.min(until);
            let mut sent = story.sent_by(server as usize);
            let speaks = sent.any(|call| {
                call.is_leaders()
                    && call.from.incarnation == view.incarnation
                    && call.args.term == Some(view.term)
            });
            // Who wasn't elected only says that it leads.
            let caller = Caller { server, incarnation: view.incarnation };
            let is_elected = story.is_elected(caller, Some(view.term), view.moment);
            if is_elected && !speaks && ended.since(view.moment.at) > SOON {
                reigns.push((view.moment.at, ended, server, view.term));
            }
        }
    }
    reigns.sort();
    let longest = reigns.iter().map(|&(from, ended, ..)| ended.since(from)).max()?;
    let &(_, _, first, _) = reigns.first()?;
    if reigns.len() < FEW && longest < ALONE {
        return None;
    }
    // Who sent as the leader before has what it takes to send, and what sends is gone.
    let spoke = |&(from, _, server, _): &(Time, Time, u32, u64)| {
        let life = life_at(story, server as usize, from)?.incarnation;
        let mut before = story.sent_by(server as usize).take_while(|call| call.sent.at < from);
        before.find(|call| call.is_leaders() && call.from.incarnation == life)
    };
    let spoken: Vec<&Call> = reigns.iter().filter_map(spoke).collect();
    let mut breach = match spoken.first().filter(|_| spoken.len() == reigns.len()) {
        Some(before) => {
            let server = before.from.server;
            let what = format!("server {server} led again, but sent nothing as a leader this time");
            let text = format!(
                "server {server}, the leader of an earlier term, sent server {} a call",
                before.to
            );
            let breach = case.breach(&leaders::SILENT_AGAIN, server, what);
            breach.seen(before.sent.at, text, [before.id])
        }
        None => {
            let what = format!("server {first} led, but sent nothing as a leader");
            case.breach(&leaders::SILENT, first, what)
        }
    };
    for &(from, ended, server, term) in reigns.iter().take(3) {
        let ms = ended.since(from).as_millis();
        let text = format!("server {server} led term {term} for {ms} ms but sent nothing in it");
        breach = breach.seen(from, text, None);
    }
    Some(breach)
}

/// How many elections must have come of a silence that began with a failed call.
const FAILED: usize = 3;

/// A server starts an election because its leader, which is up and connected, has sent it nothing for long.
fn silent(case: &Case<'_>) -> Option<Breach> {
    let (story, until) = (case.story, case.window.until);
    // What leaders sent each server, in order.
    let heard = (0..story.servers).map(|server| {
        let all = story.handled_since(server, Moment { at: Time(0), place: 0 });
        all.filter(|(_, call)| call.is_leaders()).collect()
    });
    let heard: Vec<Vec<(Moment, &Call)>> = heard.collect();
    let before = story.elections.iter().filter(|election| election.at <= until);
    let silent = before.filter_map(|election| {
        let heard = &heard[election.candidate.server as usize];
        Some((election, silent_before(story, heard, election)?))
    });
    let silent: Vec<(&Election, &Call)> = silent.collect();
    let &(election, last) = silent.last()?;
    let (server, leader) = (election.candidate.server, last.from.server);
    // It may have waited for the last call, which was under way all the time.
    let waits = |it: &&(&Election, &Call)| it.1.is_outstanding(it.0.at);
    let waiting = silent.iter().filter(waits).count();
    let seldom = silent.iter().filter(|it| sends_seldom(story, it)).count();
    let is_waiting = waiting * 4 >= silent.len() * 3 && seldom * 2 < silent.len();
    let (election, last) = match is_waiting {
        true => *silent.iter().rfind(waits)?,
        false => (election, last),
    };
    // Or that call failed each time, which by chance few do.
    let has_failed = |&(election, last): &(&Election, &Call)| {
        last.failed().is_some_and(|(at, _)| at.at <= election.at)
    };
    let stops = silent.len() >= FAILED && silent.iter().all(has_failed);
    let (rule, what): (&'static Rule, String) = match (is_waiting, stops) {
        (true, _) => (&leaders::ONE_CALL, turns::sends_nothing_meanwhile(leader)),
        (_, true) => {
            let what = format!(
                "server {leader} led, but sent a server nothing more after a call had failed"
            );
            (&leaders::STOPS, what)
        }
        _ => (
            &leaders::SILENT,
            format!("server {leader} led, but was silent for longer than an election timeout"),
        ),
    };
    let sent = format!("server {leader}, the leader, sent server {server} a call");
    let mut breach = case.breach(rule, leader, what);
    breach = breach.seen(last.sent.at, sent, [last.id]);
    if let Some((at, outcome)) = last.failed().filter(|_| stops) {
        breach = breach.seen(at.at, format!("that call failed: {outcome}"), [last.id]);
    }
    if is_waiting {
        let text = "that call was still outstanding when server";
        breach =
            breach.seen(election.at, format!("{text} {server} started an election"), [last.id]);
    }
    let after =
        format!("after that call was sent; until then server {leader} had sent it nothing more");
    Some(stood(case, breach, (last.sent.at, &after), election, silent[0].0, silent.len()))
}

/// Whether a leader sends a server more while a call is outstanding, or is silent towards another for long after its last
/// call to that had returned: then it sends seldom in any case. Of the term of one of its calls, until an election.
fn sends_seldom(story: &Story, &(election, of): &(&Election, &Call)) -> bool {
    let own = story.sent_by(of.from.server as usize).filter(|call| {
        let is_before = call.sent.at <= election.at;
        is_before && call.from == of.from && call.args.term == of.args.term && !call.is_vote()
    });
    let is_late = |before: &Call, until: Time| {
        let returned = before.returned.map(|(at, _)| at.at).filter(|&at| at <= until);
        returned.is_some_and(|returned| until.since(returned) >= SOON)
    };
    let mut last: BTreeMap<u32, &Call> = BTreeMap::new();
    let mut is_seldom = false;
    for call in own {
        let Some(before) = last.insert(call.to, call) else { continue };
        // What goes out at one instant waited for nothing.
        let is_under_way = before.is_outstanding(call.sent.at) && before.sent.at < call.sent.at;
        is_seldom |= is_late(before, call.sent.at) || is_under_way && call.to == of.to;
    }
    is_seldom || last.values().any(|before| is_late(before, election.at))
}

/// The last request of the leader that a candidate heard last, if that leader was there, leading, until the
/// election, and had sent it nothing more for longer than heartbeats may take.
fn silent_before<'a>(
    story: &'a Story,
    heard: &[(Moment, &'a Call)],
    election: &Election,
) -> Option<&'a Call> {
    let (candidate, at) = (election.candidate.server, election.at);
    let (_, heard) = heard[..heard.partition_point(|(handled, _)| handled.at <= at)].last()?;
    let is_of_life = heard.answered_in == Some(election.candidate.incarnation);
    let is_of_last_term = heard.args.term.is_some_and(|term| term + 1 == election.term);
    if !is_of_life || !is_of_last_term {
        return None;
    }
    let leader = heard.from.server as usize;
    let last = story
        .sent_by(leader)
        // Its heartbeats may be what nobody recognises.
        .filter(|call| call.from == heard.from && call.to == candidate && !call.is_vote())
        .rfind(|call| call.sent.at <= at)?;
    let since = last.sent.at;
    let view = story.view_at(leader, at)?;
    let leads = view.is_leader
        && Some(view.term) == heard.args.term
        && view.incarnation == heard.from.incarnation;
    let up = story.up(at);
    let are_up = up.contains(&leader) && up.contains(&(candidate as usize));
    (at.since(since) >= SOON && leads && are_up && story.settled_before(at) <= since)
        .then_some(last)
}

/// For how long nobody must have led: a right Raft has a leader sooner, but for rare bad luck.
const LEADERLESS: Duration = Duration::from_secs(2);

/// For how long a leader counts as one without an answer from any follower.
const ALONE: Duration = Duration::from_secs(1);

/// The longest time within `window` in which no server led whose followers answered, if it is long and a
/// majority was up.
pub(super) fn leaderless(story: &Story, window: &Window) -> Option<Window> {
    let mut reigns: Vec<(Time, Time)> = window.up.iter().flat_map(|&s| reigns(story, s)).collect();
    reigns.sort();
    reigns.push((window.until, window.until));
    let mut gaps = Vec::new();
    let mut led_until = window.from;
    for (begun, ended) in reigns {
        gaps.push((led_until, begun.min(window.until)));
        led_until = led_until.max(ended);
    }
    let (from, until) = gaps.into_iter().max_by_key(|&(from, until)| until.since(from))?;
    let settled = story.settled_before(until);
    let from = from.max(settled);
    let up = story.up(until);
    let is_long = until.since(from) >= LEADERLESS && up.len() >= story.majority();
    is_long.then_some(Window { from, until, settled, up })
}

/// When a server led: each time from when it began to, or had an answer from a follower, on.
fn reigns(story: &Story, server: usize) -> Vec<(Time, Time)> {
    let answered = story.sent_by(server).filter(|call| call.is_followed());
    let answered: Vec<(u64, Time)> =
        answered.filter_map(|call| Some((call.args.term?, call.replied()?))).collect();
    let mut reigns = Vec::new();
    for (view, until) in story.lasting_views(server).filter(|(view, _)| view.is_leader) {
        let begun = view.moment.at;
        let answers = answered.iter().filter(|&&(term, at)| term == view.term && begun <= at);
        let times = answers.map(|&(_, at)| at).filter(|&at| at < until);
        let lasting = |at: Time| (at, until.min(Time(at.0 + ALONE.as_micros() as u64)));
        reigns.extend([begun].into_iter().chain(times).map(lasting));
    }
    reigns
}
