//! Instead of a leader: servers that hang, hide that they lead, or don't stand; candidates that don't win.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{COUNTED, Habit, PATIENCE, ids, life_at, replication, seconds, timers};
use crate::event::Time;
use crate::explain::Case;
use crate::outcome::Outcome;
use crate::spec::rules::{all_servers, candidates, contract, followers, leaders, request_vote};
use crate::spec::{Breach, Rule, refusals};
use crate::story::{Call, Election, Purpose, Story};
use crate::text::{count, list};

/// A server that answers nothing can do nothing else.
pub(super) const HANGING: &[Habit] = &[Habit {
    rule: &all_servers::HANGS,
    refuted_by: "the handlers that took long ended by themselves, without anything else having happened",
    find: hangs,
}];

pub(super) const HABITS: &[Habit] = &[
    HANGING_HERE,
    Habit {
        rule: &contract::LEADER_NOT_TOLD,
        refuted_by: "it had given up its leadership, and sent on all the same",
        find: leader_not_told,
    },
    Habit {
        rule: &candidates::WAITS_FOR_ALL,
        refuted_by: "it had the votes, and led while replies were outstanding",
        find: waits_for_all,
    },
    Habit {
        rule: &contract::REPLY_NOT_TAKEN,
        refuted_by: "the reply was dropped when it was of no use any more",
        find: vote_not_taken,
    },
    Habit {
        rule: &candidates::GIVES_UP,
        refuted_by: "it led with a refusal among the replies, or after a vote that was slow",
        find: gives_up,
    },
    Habit {
        rule: &candidates::LEADS,
        refuted_by: "it led as soon as another vote came",
        find: not_recognised,
    },
    Habit {
        rule: &followers::TOO_LONG,
        refuted_by: "it waited for something else than its timer",
        find: timers::too_long,
    },
    Habit {
        rule: &followers::SILENT_SINCE_RESTART,
        refuted_by: "it sent something of its own in that life; servers without a snapshot were silent, too",
        find: timers::silent_since_restart,
    },
    Habit {
        rule: &followers::STALE_RESETS,
        refuted_by: "between two such requests there was time enough for its timer to fire",
        find: timers::reset_by_stale_leader,
    },
    Habit {
        rule: &followers::REFUSAL_RESETS,
        refuted_by: "between two refusals there was time enough for its timer to fire",
        find: timers::reset_by_refusal,
    },
    Habit {
        rule: &candidates::WITHOUT_NEW_TERM,
        refuted_by: "the requests are the same one, sent again because it was lost",
        find: timers::same_term_again,
    },
    Habit {
        rule: &followers::STANDS,
        refuted_by: "it stood once a call of its returned",
        find: timers::dead,
    },
    Habit {
        rule: &leaders::ONE_CALL,
        refuted_by: "it asked that server in the new term before the older call returned",
        find: older_request,
    },
    Habit {
        rule: &leaders::IN_TURN,
        refuted_by: "two of its calls were outstanding at the same time",
        find: replication::in_turn,
    },
    Habit {
        rule: &candidates::NOT_RESTARTED,
        refuted_by: "it stood again while requests were outstanding",
        find: timers::not_restarted,
    },
    Habit {
        rule: &request_vote::REFUSED,
        refuted_by: "the voter's log was better, it had voted, or it held to a leader of which it had heard",
        find: vote_refused,
    },
    Habit {
        rule: &leaders::REPLACED,
        refuted_by: "the leader's heartbeats were lost",
        find: replaced_at_once,
    },
    Habit {
        rule: &candidates::SAME_SEED,
        refuted_by: "the servers waited for different times",
        find: timers::same_seed,
    },
    Habit {
        rule: &candidates::SPLIT,
        refuted_by: "the candidates stood far apart, or the votes were refused for another reason",
        find: votes_split,
    },
    Habit {
        rule: &candidates::ALWAYS_THE_SAME,
        refuted_by: "the times between its elections differ",
        find: timers::always_the_same,
    },
    Habit {
        rule: &followers::STANDS,
        refuted_by: "the others' timers are much shorter",
        find: timers::never_stands,
    },
];

const HANGING_HERE: Habit =
    Habit { rule: HANGING[0].rule, refuted_by: HANGING[0].refuted_by, find: HANGING[0].find };

/// How long a handler may take that waits for nothing but a lock that is soon free.
const SLOW: Duration = Duration::from_millis(300);

/// A server has taken requests and doesn't answer them for a long time.
pub(super) fn hangs(case: &Case<'_>) -> Option<Breach> {
    let story = case.story;
    let (from, until) = (case.window.from, case.window.until);
    let mut breach = Breach::new(&all_servers::HANGS, case.window.end(), 0, String::new());
    let mut never = false;
    breach.servers.clear();
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
        let text = format!(
            "{} reached server {server}; its handlers then hung for {} of the failing check's {} ({} of them)",
            first.method,
            seconds(covered),
            seconds(until.since(from)),
            hung.len()
        );
        breach.servers.push(server as u32);
        breach = breach.seen(first.delivered?.at, text, ids(hung.iter().map(|hung| hung.2)));
    }
    // What is answered in the end was only slow, for whatever reason.
    breach.what = match never {
        true => "a server takes requests and never answers them".to_owned(),
        false => "a server takes requests and answers them late".to_owned(),
    };
    (!breach.facts.is_empty()).then_some(breach)
}

/// Somebody leads, and `get_state` denies it.
fn leader_not_told(case: &Case<'_>) -> Option<Breach> {
    let story = case.story;
    for &server in &case.window.up {
        let mut terms: BTreeMap<u64, Vec<&Call>> = BTreeMap::new();
        let followed = story.sent_by(server).filter(|call| call.is_followed());
        for call in followed.filter(|call| case.window.contains(call.sent.at)) {
            terms.entry(call.args.term.unwrap_or(0)).or_default().push(call);
        }
        for (term, calls) in terms {
            let mut views = story.views[server].iter();
            let says_so = views.any(|view| view.is_leader && view.term == term);
            let (first, last) = (calls[0], calls[calls.len() - 1]);
            if says_so || last.sent.at.since(first.sent.at) <= COUNTED {
                continue;
            }
            let text = format!(
                "server {server} began to send {} in term {term}; {} were accepted until {} s",
                first.method,
                calls.len(),
                last.sent.at
            );
            let what =
                format!("server {server} leads term {term}, but its get_state never says so");
            let breach =
                Breach::new(&contract::LEADER_NOT_TOLD, case.window.end(), server as u32, what);
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

/// A candidate that had a majority of the votes and did not lead.
struct Cheated<'a> {
    election: &'a Election,
    /// When it had them.
    at: Time,
    voters: Vec<u32>,
    /// Its requests that were outstanding then.
    outstanding: Vec<&'a Call>,
    /// Until when it had not led.
    until: Time,
    /// Whether it started another election while some were still outstanding: it didn't wait for them.
    went_on: bool,
    /// Its request that was refused, or failed, before.
    refused: Option<&'a Call>,
}

fn cheated<'a>(
    case: &Case<'a>,
    voters: &'a BTreeMap<usize, Vec<Election>>,
) -> impl Iterator<Item = Cheated<'a>> {
    let (story, until) = (case.story, case.window.until);
    voters.iter().flat_map(move |(&server, elections)| {
        elections.iter().filter_map(move |election| {
            let mut arrived: Vec<(Time, u32)> = requests(story, election)
                .filter(|call| call.reply.vote_granted == Some(true))
                .filter_map(|call| Some((call.replied()?, call.to)))
                .filter(|&(at, _)| at <= until)
                .collect();
            arrived.sort();
            // Its own vote is one of them.
            let at = arrived.get(story.majority().checked_sub(2)?)?.0;
            let term = election.term;
            let views = &story.views[server];
            // Who has moved on to another term needs the votes no more.
            let moved_on = views.iter().find(|view| view.term > term);
            let moved_on = moved_on.map_or(until, |view| view.moment.at.min(until));
            let told = views.iter().find(|view| view.is_leader && view.term == term);
            let mut acts = story.sent_by(server);
            let acts = acts.find(|call| call.is_leaders() && call.args.term == Some(term));
            let leads = [told.map(|view| view.moment.at), acts.map(|call| call.sent.at)];
            let led_at = leads.into_iter().flatten().min().unwrap_or(moved_on).min(moved_on);
            let next = elections.iter().find(|next| next.at > election.at).map(|next| next.at);
            let all = || requests(story, election);
            let refused = all().find(|call| {
                let refused =
                    call.reply.vote_granted == Some(false) && call.reply.term <= Some(term);
                let Some((returned, outcome)) = call.returned else { return false };
                returned.at <= at && (outcome != Outcome::Replied || refused)
            });
            (led_at.since(at) > COUNTED && led_at >= case.window.from).then(|| Cheated {
                election,
                at,
                voters: arrived.iter().map(|&(_, voter)| voter).collect(),
                outstanding: all().filter(|call| call.is_outstanding(at)).collect(),
                until: led_at,
                went_on: next.is_some_and(|next| all().any(|call| call.is_outstanding(next))),
                refused,
            })
        })
    })
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
        for server in (0..story.servers as u32).filter(|it| *it != candidate.server) {
            let older = story.sent_by(candidate.server as usize).find(|call| {
                call.from == candidate
                    && call.to == server
                    && call.purpose == Purpose::Vote
                    && call.args.term < Some(election.term)
                    && call.is_outstanding(super::after(election.at, COUNTED))
            });
            found.extend(older.filter(|_| !asked.contains(&server)).map(|call| (election, call)));
        }
    }
    let &(election, older) = found.last()?;
    let (candidate, server) = (election.candidate.server, older.to);
    let what =
        format!("server {candidate} asks a server nothing as long as a call to it is outstanding");
    let sent = format!(
        "server {candidate} asked server {server} for its vote in term {}",
        older.args.term?
    );
    let text = format!(
        "it stood in term {}, and did not ask server {server}, whose answer was outstanding still",
        election.term
    );
    Some(
        Breach::new(&leaders::ONE_CALL, case.window.end(), candidate, what)
            .seen(older.sent.at, sent, [older.id])
            .seen(election.at, text, [older.id]),
    )
}

/// That a candidate had its votes and did not lead.
fn had_votes(case: &Case<'_>, rule: &'static Rule, cheated: &Cheated<'_>, what: &str) -> Breach {
    let Cheated { election, at, voters, until, .. } = cheated;
    let server = election.candidate.server;
    let asked = format!("server {server} asked for votes in term {}", election.term);
    let text = format!(
        "it had its own vote and {}: {} of {}, a majority; it did not lead for the {} that followed",
        list(voters.iter().map(|voter| format!("server {voter}'s"))),
        voters.len() + 1,
        case.story.servers,
        seconds(until.since(*at))
    );
    Breach::new(rule, case.window.end(), server, format!("server {server} {what}"))
        .seen(election.at, asked, None)
        .seen(*at, text, ids(requests(case.story, election)))
}

/// A candidate has the votes, and looks at them only when all replies are in.
fn waits_for_all(case: &Case<'_>) -> Option<Breach> {
    let voters = voters(case);
    let all: Vec<Cheated<'_>> = cheated(case, &voters).collect();
    // Who went on once without the other replies doesn't wait for them.
    let goes_on = |server: u32| {
        let mut own = all.iter().filter(|it| it.election.candidate.server == server);
        own.any(|it| it.outstanding.is_empty() || it.went_on)
    };
    let found = all.iter().filter(|it| !goes_on(it.election.candidate.server));
    let longest = found.max_by_key(|cheated| cheated.until.since(cheated.at))?;
    let what = "had a majority of the votes and didn't lead while other replies were outstanding";
    let who = longest.outstanding.iter().map(|call| format!("server {}", call.to));
    let text = format!("still outstanding then: the requests to {}", list(who));
    let outstanding = ids(longest.outstanding.iter().copied());
    let breach = had_votes(case, &candidates::WAITS_FOR_ALL, longest, what);
    Some(breach.seen(longest.at, text, outstanding))
}

/// How often a candidate must have given up.
const FEW: usize = 2;

/// A candidate has given up before the votes came that would have made it the leader: because of a refusal,
/// or so soon that no vote can come in time.
fn gives_up(case: &Case<'_>) -> Option<Breach> {
    let story = case.story;
    let voters = voters(case);
    let all: Vec<Cheated<'_>> = cheated(case, &voters).collect();
    let refused: Vec<&Cheated<'_>> = all.iter().filter(|it| it.refused.is_some()).collect();
    if refused.len() == all.len()
        && let Some((it, call)) = refused.last().and_then(|it| Some((it, it.refused?)))
        && won_despite_refusal(story, &voters).is_none()
    {
        let (returned, outcome) = call.returned?;
        let (what, text) = match outcome {
            Outcome::Replied => (
                "had a majority of the votes, and had given up at a refusal",
                format!("before that server {} refused its vote", call.to),
            ),
            outcome => (
                "had a majority of the votes, and had given up at a call that failed",
                format!("before that its request to server {} had failed: {outcome}", call.to),
            ),
        };
        let breach = had_votes(case, &candidates::GIVES_UP, it, what);
        return Some(breach.seen(returned.at, text, [call.id]));
    }
    // All those that it had came late.
    let is_late = |it: &&Cheated<'_>| it.at.since(it.election.at) > COUNTED;
    if let Some(it) = all.last().filter(|_| all.len() >= FEW && all.iter().all(|it| is_late(&it))) {
        let what = "had a majority of the votes, and had given up before they came";
        let text = format!(
            "the deciding vote took {} to come; {} like that",
            seconds(it.at.since(it.election.at)),
            count(all.len(), "election")
        );
        return Some(had_votes(case, &candidates::GIVES_UP, it, what).seen(it.at, text, None));
    }
    // It stands again, in another term, before the votes are there.
    let mut early = Vec::new();
    for elections in voters.values() {
        for (one, next) in elections.iter().zip(elections.iter().skip(1)) {
            let within = case.window.contains(next.at);
            let granted = |call: &&Call| call.reply.vote_granted == Some(true);
            let later = requests(story, one).filter(granted).filter(|call| {
                call.returned
                    .is_some_and(|(at, outcome)| outcome == Outcome::Replied && at.at >= next.at)
            });
            let later: Vec<&Call> = later.collect();
            let soon = requests(story, one).filter(granted).count();
            if within
                && next.at.since(one.at) < COUNTED
                && soon + 1 >= story.majority()
                && !later.is_empty()
            {
                early.push((one, next, later));
            }
        }
    }
    let (one, next, later) = early.last().filter(|_| early.len() >= FEW)?;
    let server = one.candidate.server;
    let what = format!("server {server} stood again before the votes for it could come in");
    let breach = Breach::new(&candidates::GIVES_UP, case.window.end(), server, what);
    let gap = next.at.since(one.at).as_millis();
    let last = later.iter().filter_map(|call| call.replied()).max()?;
    Some(
        breach
            .seen(one.at, format!("server {server} asked for votes in term {}", one.term), None)
            .seen(next.at, format!("{gap} ms later it asked for votes in term {}", next.term), None)
            .seen(
                last,
                format!(
                    "of term {} a majority had voted for it: the last vote came then; {} like that",
                    one.term,
                    count(early.len(), "election")
                ),
                ids(later.iter().copied()),
            ),
    )
}

/// An election that was won though a request had been refused, or had failed, before.
fn won_despite_refusal<'a>(
    story: &Story,
    voters: &'a BTreeMap<usize, Vec<Election>>,
) -> Option<&'a Election> {
    voters.iter().find_map(|(&server, elections)| {
        elections.iter().find(|election| {
            let mut acts = story.sent_by(server);
            let term = Some(election.term);
            let led = acts.find(|call| call.is_leaders() && call.args.term == term);
            led.is_some_and(|led| {
                requests(story, election).any(|call| {
                    let is_vote = call.reply.vote_granted == Some(true);
                    !is_vote && call.returned.is_some_and(|(at, _)| at.at <= led.sent.at)
                })
            })
        })
    })
}

/// A vote came back, and the candidate had stopped waiting for it.
fn vote_not_taken(case: &Case<'_>) -> Option<Breach> {
    let voters = voters(case);
    let story = case.story;
    let mut lost = Vec::new();
    for election in voters.values().flatten().filter(|election| case.window.contains(election.at)) {
        let votes: BTreeSet<u32> = requests(story, election)
            .filter(|call| call.reply.vote_granted == Some(true))
            .map(|call| call.to)
            .collect();
        let dropped = requests(story, election)
            .filter(|call| call.reply.vote_granted == Some(true) && call.dropped.is_some());
        let dropped: Vec<&Call> = dropped.collect();
        let taken = votes.len() - dropped.len().min(votes.len());
        if votes.len() + 1 >= story.majority() && taken + 1 < story.majority() {
            lost.push((election, dropped));
        }
    }
    let (election, dropped) = lost.last()?;
    let server = election.candidate.server;
    let call = dropped.first()?;
    let what = format!("server {server} stopped waiting for votes that were given to it");
    Some(not_taken(case, server, call, what, lost.len()))
}

/// A reply that its caller had stopped waiting for.
pub(super) fn not_taken(
    case: &Case<'_>,
    server: u32,
    call: &Call,
    what: String,
    count_of: usize,
) -> Breach {
    let dropped = call.dropped.map_or(call.sent.at, |dropped| dropped.at);
    let waited = dropped.since(call.sent.at).as_millis();
    let sent = format!("server {server} sent {} to server {}", call.method, call.to);
    let gone = format!(
        "it waited for {waited} ms and took no reply; {} like that in the failing check",
        count(count_of, "time")
    );
    let breach = Breach::new(&contract::REPLY_NOT_TAKEN, case.window.end(), server, what)
        .seen(call.sent.at, sent, [call.id])
        .seen(dropped, gone, [call.id]);
    match call.handled {
        Some(handled) if handled.at >= dropped => {
            let text = format!("server {} answered it", call.to);
            breach.seen(handled.at, text, [call.id])
        }
        _ => breach,
    }
}

/// A candidate has the votes, and doesn't know it.
fn not_recognised(case: &Case<'_>) -> Option<Breach> {
    let voters = voters(case);
    let goes_on = |cheated: &Cheated<'_>| cheated.outstanding.is_empty() || cheated.went_on;
    let last = cheated(case, &voters).filter(goes_on).last()?;
    Some(had_votes(case, &candidates::LEADS, &last, "had a majority of the votes and never led"))
}

/// A server that was free to vote refused.
fn vote_refused(case: &Case<'_>) -> Option<Breach> {
    let found: Vec<_> = refusals(case.story).into_iter().collect();
    let within = |fact: &&crate::spec::Fact| case.window.contains(fact.at);
    let found: Vec<_> = found.iter().filter(within).collect();
    let first = found.first()?;
    let call = case.story.calls.iter().find(|call| first.calls.contains(&call.id))?;
    let what = format!(
        "servers that were free to vote refused their votes ({})",
        count(found.len(), "time")
    );
    let breach = Breach::new(&request_vote::REFUSED, case.window.end(), call.to, what);
    Some(breach.facts(found.into_iter().take(3).cloned()))
}

/// Leaders are elected, and replaced before they are noticed.
fn replaced_at_once(case: &Case<'_>) -> Option<Breach> {
    let story = case.story;
    let voters = voters(case);
    let mut reigns = Vec::new();
    for &server in voters.keys() {
        let views = &story.views[server];
        for (view, next) in views.iter().zip(views.iter().skip(1)) {
            if view.is_leader && case.window.contains(view.moment.at) {
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
    let mut breach = Breach::new(&leaders::REPLACED, case.window.end(), first as u32, what);
    for &(from, server, term, until) in reigns.iter().take(2) {
        let deposed = voters.iter().flat_map(|(&by, elections)| {
            let within = |election: &&Election| election.term > term && election.at >= from;
            elections.iter().find(within).map(|election| (election.at, by, election.term))
        });
        let Some((at, by, next)) = deposed.min() else { continue };
        let mut heard = story.handled_by(by).rev().filter(|call| call.is_followed());
        let heard = heard.find_map(|call| call.handled.filter(|handled| handled.at <= at));
        let silence = match heard {
            Some(heard) => {
                format!("{} after it had last heard a leader", seconds(at.since(heard.at)))
            }
            None => "having heard no leader at all".to_owned(),
        };
        let led = seconds(until.since(from));
        let text = format!(
            "server {server} led term {term} for {led}; server {by} stood in term {next}, {silence}"
        );
        breach = breach.seen(from, text, None);
    }
    (!breach.facts.is_empty()).then_some(breach)
}

/// How close to each other two elections are that split the votes: within a few message delays.
const SAME_TIME: Duration = Duration::from_millis(30);

/// Several candidates stand at the same time, again and again.
fn votes_split(case: &Case<'_>) -> Option<Breach> {
    let voters = voters(case);
    let mut rounds: BTreeMap<u64, Vec<(Time, usize)>> = BTreeMap::new();
    let mut gaps: Vec<Duration> = Vec::new();
    for (&server, elections) in &voters {
        for election in elections.iter().filter(|election| case.window.contains(election.at)) {
            rounds.entry(election.term).or_default().push((election.at, server));
        }
        let pairs = elections.iter().zip(elections.iter().skip(1));
        gaps.extend(pairs.map(|(one, next)| next.at.since(one.at)));
    }
    let mut split = Vec::new();
    for (term, candidates) in &mut rounds {
        candidates.sort();
        let (first, last) = (candidates.first()?.0, candidates.last()?.0);
        if candidates.len() >= 2 && last.since(first) <= SAME_TIME {
            split.push((*term, candidates.clone()));
        }
    }
    let first = split.first().filter(|_| split.len() >= 3)?.1[0].1;
    let what = "several candidates stand at the same time, again and again, and split the votes";
    let mut breach =
        Breach::new(&candidates::SPLIT, case.window.end(), first as u32, what.to_owned());
    for (term, candidates) in split.iter().take(2) {
        let (at, _) = candidates[0];
        let who = list(candidates.iter().map(|(_, server)| format!("server {server}")));
        let span = candidates[candidates.len() - 1].0.since(at).as_secs_f64() * 1e3;
        breach = breach.seen(at, format!("{who} stood in term {term} within {span:.1} ms"), None);
    }
    if let (Some(min), Some(max)) = (gaps.iter().min(), gaps.iter().max()) {
        let text = format!(
            "{} of {} elections of the failing check were split like that; a server waited {} to {} for its \
             next election",
            split.len(),
            rounds.len(),
            seconds(*min),
            seconds(*max)
        );
        breach = breach.seen(case.window.until, text, None);
    }
    Some(breach)
}
