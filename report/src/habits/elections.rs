//! Instead of a leader: servers that hang, hide that they lead, or don't stand; candidates that don't win.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{
    COUNTED, Habit, PATIENCE, adds_up, ids, life_at, pre_votes, same_times, seconds, timers, turns,
    votes,
};
use crate::event::{Caller, Time};
use crate::explain::Case;
use crate::spec::rules::{all_servers, candidates, contract, leaders, request_vote};
use crate::spec::{Breach, refusals};
use crate::story::{Call, Election, Moment, Purpose, Story};
use crate::text::{count, list};

/// A server that answers nothing can do nothing else.
/// What refutes that a server hangs.
const HUNG_FOR_ANOTHER_REASON: &str =
    "the slow handlers ended by themselves, although nothing else had happened";

/// What refutes that a server leaves others out.
const ASKED_BEFORE: &str = "it had asked that server in an earlier term";

pub(super) const HANGING: &[Habit] =
    &[Habit::new(hangs, HUNG_FOR_ANOTHER_REASON), Habit::new(leaves_out, ASKED_BEFORE)];

pub(super) const HABITS: &[Habit] = &[
    Habit::new(hangs, HUNG_FOR_ANOTHER_REASON),
    Habit::new(leader_not_told, "it had given up its leadership, and still sent requests"),
    Habit::new(leaves_out, ASKED_BEFORE),
    Habit::new(votes::waits_for_all, "it became leader while replies were outstanding"),
    Habit::new(votes::vote_not_taken, "the reply was of no use any more when it was dropped"),
    Habit::new(votes::gives_up, "it became leader after a refusal, or after a slow vote"),
    Habit::new(votes::not_recognised, "it became leader as soon as another vote arrived"),
    Habit::new(
        adds_up::adds_up,
        "it waited for something else, or the times without a message from a leader are not usual timeouts",
    ),
    Habit::new(timers::too_long, "it waited for something other than its timer"),
    Habit::new(
        timers::silent_since_restart,
        "it sent something on its own after that restart, or servers without a snapshot were silent, too",
    ),
    Habit::new(
        timers::reset_by_stale_leader,
        "between two such requests there was enough time for its timer to fire",
    ),
    Habit::new(
        vote_refused,
        "the voter had the more up-to-date log, had already voted, or had just heard from its leader",
    ),
    Habit::new(
        timers::reset_by_refusal,
        "between two refusals there was enough time for its timer to fire",
    ),
    Habit::new(
        timers::same_term_again,
        "they are all the same request, sent again because it was lost",
    ),
    Habit::new(asks_nobody, "a message had told it of these terms"),
    Habit::new(votes::none_taken, "it doesn't need the replies to these calls"),
    Habit::new(
        pre_votes::all_refused,
        "a server had just heard from a leader, or its log was more up-to-date",
    ),
    pre_votes::RAISE,
    Habit::new(
        timers::dead,
        "in a longer run the server starts an election as soon as one of its calls returns: then the timer waits \
         for that call",
    ),
    Habit::new(
        older_request,
        "it asked that server in the new term before the older call had returned",
    ),
    Habit::new(turns::in_turn, "two of its calls were outstanding at the same time"),
    Habit::new(
        timers::not_restarted,
        "it started another election while requests were outstanding",
    ),
    Habit::new(of_former_term, "its requests of that term had been on their way for a long time"),
    Habit::new(replaced_at_once, "the leader's heartbeats were lost"),
    Habit::new(
        same_times::at_once,
        "each of these elections was over before the next began, because a refusal had a higher term",
    ),
    Habit::new(same_times::same_seed, "the servers waited for different lengths of time"),
    Habit::new(same_times::drawn_once, "one of them waited for a different time"),
    Habit::new(
        same_times::votes_split,
        "the candidates started their elections far apart, or the votes were refused for another reason",
    ),
    Habit::new(same_times::always_the_same, "the times between its elections differ"),
    Habit::new(timers::never_stands, "the other servers' timers are much shorter"),
];

/// A server goes to one term after the other of which nobody has told it, and asks nobody for a vote.
fn asks_nobody(case: &Case<'_>) -> Option<Breach> {
    let (story, until) = (case.story, case.window.until);
    let mut breach = Breach::of_several(
        &candidates::ASKS_NOBODY,
        case.window.end(),
        "a server starts elections but asks nobody for a vote",
    );
    for &server in &case.window.up {
        let life = life_at(story, server, until)?;
        // What can't be read may be a request for a vote; and who is alone needs none.
        if story.servers == 1 || story.sent_by(server).any(|call| !call.is_leaders()) {
            continue;
        }
        let hears = |term: u64, at: Moment| {
            // What can't be read may tell of any term.
            let tells = |told: Option<u64>, call: &Call| match call.purpose {
                Purpose::Other => told.is_none_or(|told| told >= term),
                _ => told >= Some(term),
            };
            let told = |call: &Call| {
                let asked = call.to as usize == server && call.delivered <= Some(at);
                let answered = call.from.server as usize == server
                    && call.returned.is_some_and(|(returned, _)| returned <= at);
                asked && call.delivered.is_some() && tells(call.args.term, call)
                    || answered && tells(call.reply.term, call)
            };
            story.calls.iter().any(told)
        };
        let views = story.views[server].iter().filter(|view| view.incarnation == life.incarnation);
        let views = views.filter(|view| view.moment.at <= until && !view.is_leader);
        let mut own = views.filter(|view| !hears(view.term, view.moment));
        // One may be the first step of somebody who was cut off at once.
        if let Some(last) = own.rfind(|view| view.term > 1) {
            let text = format!(
                "server {server} entered term {} on its own: no message had told it of that term, and it has \
                 never sent a request for a vote",
                last.term
            );
            breach = breach.by(server as u32).seen(last.moment.at, text, None);
        }
    }
    breach.if_shown()
}

/// In how many elections a server must have been left out.
const LEFT_OUT: usize = 3;

/// A server starts elections, and has never asked some of the others for a vote.
fn leaves_out(case: &Case<'_>) -> Option<Breach> {
    let story = case.story;
    let mut breach = Breach::of_several(
        &candidates::ASKS_NOBODY,
        case.window.end(),
        "a server starts elections but never asks some of the others for a vote",
    );
    for (server, elections) in voters(case) {
        let number = server as u32;
        let Some(last) = elections.last().filter(|_| elections.len() >= LEFT_OUT) else { continue };
        // What can't be read may have asked; and who waits for each reply may not come to ask all.
        let may_ask = |call: &Call| call.is_vote() || !call.is_leaders();
        let sent = story.sent_by(server).filter(|call| may_ask(call));
        let asked: BTreeSet<u32> = sent.map(|call| call.to).collect();
        let others = (0..story.servers as u32).filter(|&other| other != number);
        let left: Vec<u32> = others.filter(|other| !asked.contains(other)).collect();
        let answered = requests(story, last).all(|call| call.returned.is_some());
        if left.is_empty() || !answered {
            continue;
        }
        let whom = match asked.iter().any(|&to| to != number) {
            true => {
                format!("it has never asked {}", list(left.iter().map(|to| format!("server {to}"))))
            }
            false => "it has only asked itself".to_owned(),
        };
        let text = format!(
            "server {number} asked for votes in term {}, in its {} since it started; {whom}",
            last.term,
            ordinal(elections.len())
        );
        breach = breach.by(number).seen(last.at, text, ids(requests(story, last)));
    }
    breach.if_shown()
}

/// `2nd election`.
fn ordinal(n: usize) -> String {
    let ending = match (n % 10, n % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{n}{ending} election")
}

/// How long a handler may take that waits for nothing but a lock that is soon free.
const SLOW: Duration = Duration::from_millis(300);

/// A server has taken requests and doesn't answer them for a long time.
pub(super) fn hangs(case: &Case<'_>) -> Option<Breach> {
    let story = case.story;
    let (from, until) = (case.window.from, case.window.until);
    let mut breach = Breach::of_several(&all_servers::HANGS, case.window.end(), "");
    let mut never = false;
    for &server in &case.window.up {
        let life = life_at(story, server, until)?;
        // The requests whose handlers took long, and until when.
        let hung: Vec<(Time, Time, &Call)> = story
            .calls
            .iter()
            .filter(|call| call.to as usize == server)
            .filter_map(|call| {
                let delivered = call.delivered.filter(|delivered| *delivered >= life.from)?;
                let ended = call.handled.map_or(until, |handled| handled.at.min(until));
                let is_long = ended.since(delivered.at) > SLOW && ended > from;
                is_long.then_some((delivered.at.max(from), ended, call))
            })
            .collect();
        // For how long of the failing check some handler hung.
        let (mut covered, mut seen) = (Duration::ZERO, from);
        for &(began, ended, _) in &hung {
            covered += ended.since(began.max(seen));
            seen = seen.max(ended);
        }
        let Some((_, _, first)) = hung.first().filter(|_| covered > PATIENCE) else { continue };
        never |= hung
            .iter()
            .any(|&(began, ended, call)| call.handled.is_none() && ended.since(began) > PATIENCE);
        let meanwhile = match hung.iter().all(|hung| awaits_meanwhile(story, server, hung)) {
            true => "; during all this time, its own calls were outstanding",
            false => "",
        };
        let text = format!(
            "{} reached server {server}; for {} of the failing check's {}, it had requests that it didn't \
             answer ({}){meanwhile}",
            first.method,
            seconds(covered),
            seconds(until.since(from)),
            hung.len()
        );
        breach = breach.by(server as u32).seen(
            first.delivered?.at,
            text,
            ids(hung.iter().map(|hung| hung.2)),
        );
    }
    // What is answered in the end was only slow, for whatever reason.
    breach.what = match never {
        true => "a server gets requests and never answers them".to_owned(),
        false => "a server gets requests and answers them late".to_owned(),
    };
    breach.if_shown()
}

/// Whether a server had a call of its own outstanding from before a handler hung until it answered, or just before.
fn awaits_meanwhile(
    story: &Story,
    server: usize,
    &(began, ended, _): &(Time, Time, &Call),
) -> bool {
    story.sent_by(server).any(|own| {
        let returned = own.returned.map_or(ended, |(returned, _)| returned.at);
        own.sent.at <= began && returned > began && ended.since(returned.min(ended)) <= COUNTED
    })
}

/// Somebody leads, and `get_state` denies it.
fn leader_not_told(case: &Case<'_>) -> Option<Breach> {
    let story = case.story;
    for &server in &case.window.up {
        let mut terms: BTreeMap<u64, Vec<&Call>> = BTreeMap::new();
        // Where no answer can be read, what it sends is all that shows it.
        let as_leader = |call: &&Call| {
            let is_unread = call.is_leaders() && call.says_nothing_back();
            call.is_followed() || is_unread && timers::is_of_own_term(story, server, call)
        };
        let sent = story.sent_by(server).filter(as_leader);
        for call in sent.filter(|call| case.window.contains(call.sent.at)) {
            let Some(term) = call.args.term else { continue };
            terms.entry(term).or_default().push(call);
        }
        for (term, calls) in terms {
            let mut views = story.views[server].iter();
            let says_so = views.any(|view| view.is_leader && view.term == term);
            let (first, last) = (calls[0], calls[calls.len() - 1]);
            if says_so || last.sent.at.since(first.sent.at) <= COUNTED {
                continue;
            }
            let text = format!(
                "server {server} began to send {} in term {term}; it did so {} times until {} s",
                first.method,
                calls.len(),
                last.sent.at
            );
            let what =
                format!("server {server} leads term {term}, but its get_state never says so");
            let breach = case.breach(&contract::LEADER_NOT_TOLD, server as u32, what);
            return Some(breach.seen(first.sent.at, text, ids(calls)));
        }
    }
    None
}

/// The servers that could have elected a leader, each with the elections of its present life.
pub(super) fn voters(case: &Case<'_>) -> BTreeMap<usize, Vec<Election>> {
    present(case, case.window.up.iter().copied())
}

/// The elections of the present lives of `servers`.
pub(super) fn present(
    case: &Case<'_>,
    servers: impl Iterator<Item = usize>,
) -> BTreeMap<usize, Vec<Election>> {
    let mut voters: BTreeMap<usize, Vec<Election>> =
        servers.map(|server| (server, Vec::new())).collect();
    let until = case.window.until;
    for election in case.story.elections.iter().filter(|election| election.at <= until) {
        let server = election.candidate.server as usize;
        let life = life_at(case.story, server, until);
        if life.is_some_and(|life| life.incarnation == election.candidate.incarnation)
            && let Some(elections) = voters.get_mut(&server)
        {
            elections.push(election.clone());
        }
    }
    voters
}

pub(super) fn requests<'a>(
    story: &'a Story,
    election: &'a Election,
) -> impl Iterator<Item = &'a Call> {
    election.requests.iter().map(|&place| &story.calls[place])
}

/// A candidate asks a server nothing in a new term, as long as it hasn't had the answer of an earlier one.
fn older_request(case: &Case<'_>) -> Option<Breach> {
    let story = case.story;
    let voters = voters(case);
    let elections = voters.values().flatten().filter(|it| case.window.contains(it.at));
    let mut found = Vec::new();
    for election in elections {
        let candidate = election.candidate;
        let asked: BTreeSet<u32> = requests(story, election).map(|call| call.to).collect();
        let others = (0..story.servers as u32).filter(|it| *it != candidate.server);
        for server in others.filter(|it| !asked.contains(it)) {
            let older = story.sent_by(candidate.server as usize).find(|call| {
                call.from == candidate
                    && call.to == server
                    && call.is_vote()
                    && call.args.term < Some(election.term)
                    && call.is_outstanding(super::after(election.at, COUNTED))
            });
            found.extend(older.map(|call| (election, call)));
        }
    }
    let &(election, older) = found.last()?;
    let (candidate, server) = (election.candidate.server, older.to);
    let what = format!(
        "server {candidate} sends a server no request while an earlier call to that server is \
                 outstanding"
    );
    let sent = format!(
        "server {candidate} asked server {server} for its vote in term {}",
        older.args.term?
    );
    let text = format!(
        "it started an election in term {}, and did not ask server {server}, whose answer was still outstanding",
        election.term
    );
    Some(
        case.breach(&leaders::ONE_CALL, candidate, what)
            .seen(older.sent.at, sent, [older.id])
            .seen(election.at, text, [older.id]),
    )
}

/// A server that was free to vote refused.
fn vote_refused(case: &Case<'_>) -> Option<Breach> {
    let found: Vec<_> = refusals(case.story).into_iter().collect();
    let within = |fact: &&crate::spec::Fact| case.window.contains(fact.at);
    let found: Vec<_> = found.iter().filter(within).collect();
    let first = found.first()?;
    let call = case.story.calls.iter().find(|call| first.calls.contains(&call.id))?;
    let what =
        format!("servers refused their votes without a reason ({})", count(found.len(), "time"));
    let breach = case.breach(&request_vote::REFUSED, call.to, what);
    Some(breach.facts(found.into_iter().take(3).cloned()))
}

/// How many requests of a former term are too many to have been under way when it ended.
const MANY_FORMER: usize = 8;

/// A server goes on with requests of a term in which it isn't any more.
fn of_former_term(case: &Case<'_>) -> Option<Breach> {
    let story = case.story;
    let seen_before =
        |server: usize, call: &Call| story.view_at(server, super::before(call.sent.at, COUNTED));
    case.window.up.iter().find_map(|&server| {
        let is_former = |call: &&Call| {
            (call.is_leaders() || call.is_vote())
                && case.window.contains(call.sent.at)
                && call.args.term.is_some()
                && seen_before(server, call).is_some_and(|view| {
                    view.incarnation == call.from.incarnation && call.args.term < Some(view.term)
                })
        };
        let former: Vec<&Call> = story.sent_by(server).filter(is_former).collect();
        let last = former.last().filter(|_| former.len() >= MANY_FORMER)?;
        let term = last.args.term?;
        let view = seen_before(server, last)?;
        let what = format!(
            "server {server} sends requests of term {term}, although it is in term {}",
            view.term
        );
        let seen = format!("server {server} was in term {}", view.term);
        let sent = format!(
            "server {server} sent server {} {} of term {term}; it sent {} like that in the failing check",
            last.to,
            last.method,
            count(former.len(), "request")
        );
        let breach = case.breach(&leaders::FORMER_TERM, server as u32, what);
        Some(breach.seen(view.moment.at, seen, None).seen(last.sent.at, sent, [last.id]))
    })
}

/// Leaders are elected, and replaced before they are noticed.
fn replaced_at_once(case: &Case<'_>) -> Option<Breach> {
    let story = case.story;
    let voters = voters(case);
    let mut reigns = Vec::new();
    for &server in voters.keys() {
        // Whose incarnation has ended, or who leads still, was replaced by nobody.
        let views = &story.views[server];
        for (view, next) in views.iter().zip(views.iter().skip(1)) {
            // A leader that is a follower of the same term later has given up: nobody replaced it.
            let is_replaced = view.incarnation == next.incarnation && next.term > view.term;
            if view.is_leader && is_replaced && case.window.contains(view.moment.at) {
                reigns.push((view.moment.at, server, view.term, next.moment.at));
            }
        }
    }
    reigns.sort();
    let &(_, first, ..) = reigns.first().filter(|_| reigns.len() >= 2)?;
    let what = format!(
        "leaders are elected and replaced before anybody notices ({} in the failing check)",
        count(reigns.len(), "leader")
    );
    let mut breach = case.breach(&leaders::REPLACED, first as u32, what);
    for &(from, server, term, until) in reigns.iter().take(2) {
        let deposed = voters.iter().filter_map(|(&by, elections)| {
            let within = |election: &&Election| election.term > term && election.at >= from;
            let first = elections.iter().find(within)?;
            Some((first.at, by, first.term, first.candidate.incarnation))
        });
        let Some((at, by, next, incarnation)) = deposed.min() else { continue };
        let by = Caller { server: by as u32, incarnation };
        let mut heard = story.answered_by(by).rev().filter(|call| call.is_followed());
        let heard = heard.find_map(|call| call.handled.filter(|handled| handled.at <= at));
        let silence = match heard {
            Some(heard) => {
                format!("{} after it had last heard from a leader", seconds(at.since(heard.at)))
            }
            None => "without having heard from any leader".to_owned(),
        };
        let led = seconds(until.since(from));
        let text = format!(
            "server {server} led term {term} for {led}; server {} started an election in term {next}, {silence}",
            by.server
        );
        breach = breach.seen(from, text, None);
    }
    breach.if_shown()
}
