//! Instead of an election: timers that are reset, dead, too long or all the same.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::elections::{present, requests, voters};
use super::{COUNTED, PATIENCE, after, ids, leads, life_at, seconds};
use crate::event::Time;
use crate::explain::Case;
use crate::outcome::Outcome;
use crate::spec::rules::{candidates, followers};
use crate::spec::{Breach, Rule};
use crate::story::{Call, Election, Moment, Purpose, Story, TaskEnd, View};
use crate::text::{count, list};

/// What a server does that asks for pre-votes: its timer has fired, though it doesn't stand yet.
const PRE_VOTE: &str = "asked whether it would get votes";

/// What a server does with a message of which nobody knows whether it asks for a vote, gives one, or is a leader's.
const UNREAD: &str = "sent or answered a message that can't be read";

fn is_unread(call: &Call) -> bool {
    call.purpose == Purpose::Other && !call.is_pre_vote()
}

/// When a server's election timer began anew, or should have, in its present life: it was born, it
/// stood, it asked for pre-votes, it voted, it heard its leader, or it led.
fn resets(case: &Case<'_>, server: usize, elections: &[Election]) -> Vec<(Time, &'static str)> {
    let story = case.story;
    let until = case.window.until;
    let Some(life) = life_at(story, server, until) else { return Vec::new() };
    let began = if story.saw_begin(life) { STARTED } else { "was already running" };
    let mut resets = vec![(life.from.at, began)];
    resets.extend(elections.iter().map(|election| (election.at, "started an election")));
    for call in story.handled_by(server) {
        let Some(handled) = call.handled.filter(|handled| *handled >= life.from) else { continue };
        if call.is_followed() {
            resets.push((handled.at, "heard from its leader"));
        } else if call.is_granted() {
            resets.push((handled.at, "gave its vote"));
        } else if may_have_reset(call) {
            resets.push((handled.at, UNREAD));
        }
    }
    for call in story.sent_by(server).filter(|call| call.sent >= life.from) {
        if call.is_pre_vote() {
            resets.push((call.sent.at, PRE_VOTE));
        } else if is_unread(call) {
            resets.push((call.sent.at, UNREAD));
        } else if call.is_leaders() && is_of_own_term(story, server, call) {
            // Whoever sends what the leader of its term sends waits for none, whatever it says of itself.
            resets.push((call.sent.at, "sent what a leader sends"));
        }
    }
    let views = &story.views[server];
    for (view, next) in views.iter().zip(views.iter().skip(1)) {
        if view.is_leader && [view, next].iter().all(|it| it.incarnation == life.incarnation) {
            resets.push((next.moment.at, "led"));
        }
    }
    if let Some(led) = super::leads(story, server, until) {
        resets.retain(|&(at, _)| at < led.since);
        resets.extend([(led.since, "led"), (until, "led")]);
    }
    resets.retain(|&(at, _)| at <= until);
    resets.sort();
    resets
}

/// That an incarnation of a server began.
const STARTED: &str = "was started";

/// Whether a request may have reset its receiver's timer, for all that can be read of the answer.
fn may_have_reset(call: &Call) -> bool {
    match call.purpose {
        // Who is in a later term has refused.
        Purpose::Vote => {
            let is_read = call.reply.vote_granted.is_some() || call.reply.term > call.args.term;
            call.handled.is_some() && !is_read
        }
        Purpose::Append | Purpose::Snapshot => call.says_nothing_back(),
        // By whatever names it may be a request for a vote, or a leader's word.
        Purpose::Other => !call.is_named_otherwise(),
    }
}

/// Whether a server sends a call in the term in which it is seen to be; also if what it was is missing.
pub(super) fn is_of_own_term(story: &Story, server: usize, call: &Call) -> bool {
    let view = story.view_at(server, call.sent.at);
    view.map_or(story.dropped > 0, |view| Some(view.term) == call.args.term)
}

/// The times of the window for which a server's timer wasn't reset though it should have fired: when
/// they began and ended.
fn stretches(case: &Case<'_>, server: usize, elections: &[Election]) -> Vec<(Time, Time)> {
    let resets: Vec<Time> = resets(case, server, elections).iter().map(|&(at, _)| at).collect();
    let ends = resets.iter().skip(1).copied().chain([case.window.until]);
    let all = resets.iter().copied().zip(ends);
    // Whoever leads has no timer.
    let leads = |reset| super::leads(case.story, server, reset).is_some();
    all.filter(|&(reset, end)| end.since(reset) > PATIENCE && end > case.window.from)
        .filter(|&(reset, _)| !leads(reset))
        .collect()
}

/// When each of a server's elections began, and for how long it was waited for, while no request of its for votes was
/// outstanding that could have held it up.
fn timeouts(case: &Case<'_>, server: usize, elections: &[Election]) -> Vec<(Time, Duration)> {
    let resets = resets(case, server, elections);
    let mut timeouts = Vec::new();
    for election in elections {
        let before = resets[..resets.partition_point(|(at, _)| *at < election.at)].last();
        // It stands when it has the answers, and no timer tells it to.
        let is_known = |(_, why): &&(Time, &str)| ![PRE_VOTE, UNREAD].contains(why);
        let Some(&(reset, _)) = before.filter(is_known) else { continue };
        let before = elections[..elections.partition_point(|it| it.at < election.at)].last();
        // What came back within a few ms may have been waited for.
        let was_free = before.is_none_or(|before| {
            requests(case.story, before).all(|call| {
                call.returned.is_some_and(|(at, _)| election.at.since(at.at) > PATIENCE / 4)
            })
        });
        // What it refused meanwhile may have reset its timer.
        let since = Moment { at: reset, place: 0 };
        let heard = case.story.handled_since(server, since);
        let mut heard = heard.take_while(|(handled, _)| handled.at <= election.at);
        let heard_nothing = !heard
            .any(|(handled, call)| handled.at > reset && (call.is_leaders() || call.is_denied()));
        if was_free && heard_nothing {
            timeouts.push((election.at, election.at.since(reset)));
        }
    }
    timeouts
}

/// Whether a call was answered after `reset`, and not after `end`.
fn is_between(call: &Call, reset: Time, end: Time) -> bool {
    call.handled.is_some_and(|handled| handled.at > reset && handled.at <= end)
}

/// How long the timers of this run are, as far as it shows: the shortest and the longest that any server
/// waited before it stood.
fn waited(case: &Case<'_>) -> (Duration, Duration) {
    let all = present(case, 0..case.story.servers);
    let timeouts: Vec<(Time, Duration)> =
        all.iter().flat_map(|(&server, elections)| timeouts(case, server, elections)).collect();
    let of = timeouts.iter().map(|&(_, time)| time).filter(|&time| time <= PATIENCE);
    let (least, most) = (of.clone().min(), of.clone().max());
    // A few tell little of the longest.
    let most = most.filter(|_| of.count() >= GAPS);
    let least = least.unwrap_or(PATIENCE / 4);
    (least, most.map_or(PATIENCE, |most| most.max(2 * least)))
}

/// How unlikely it must be that a timer which is drawn anew each time never fired.
const UNLIKELY: f64 = 1e-5;

/// How rare it is at least that a timer outlasts a gap that is longer than any that is known.
const RARE: f64 = 0.05;

/// How many refusals are worth a line.
const GAPS: usize = 4;

/// How likely it is that a timer never fires between `reset` and `end` if what comes at `times` resets it; 0 if
/// some time between them is too long for any.
fn outlasts(
    (least, most): (Duration, Duration),
    times: impl Iterator<Item = Time>,
    (reset, end): (Time, Time),
) -> f64 {
    let mut last = reset;
    let gaps: Vec<Duration> =
        times.chain([end]).map(|at| at.since(std::mem::replace(&mut last, at))).collect();
    // A timeout is drawn from `least` to `most`: the longer a gap, the rarer it outlasts it.
    let outlasts = |gap: &Duration| {
        let span = most.saturating_sub(least).as_secs_f64().max(1e-3);
        (most.saturating_sub(*gap).as_secs_f64() / span).clamp(RARE, 1.0)
    };
    if gaps.iter().any(|&gap| gap > PATIENCE) { 0.0 } else { gaps.iter().map(outlasts).product() }
}

/// It takes too long until somebody stands.
pub(super) fn too_long(case: &Case<'_>) -> Option<Breach> {
    let mut breach = Breach::of_several(
        &followers::TOO_LONG,
        case.window.end(),
        "the election timeout is too long for the time that the test allows",
    );
    for (server, elections) in present(case, 0..case.story.servers) {
        let longest = timeouts(case, server, &elections).into_iter().max_by_key(|&(_, time)| time);
        let Some((at, longest)) = longest.filter(|&(_, time)| time > PATIENCE) else { continue };
        let text = format!(
            "server {server} started an election {} after the last event that restarts its timer",
            seconds(longest)
        );
        breach = breach.by(server as u32).seen(at, text, None);
    }
    breach.if_shown()
}

/// A leader of an earlier term keeps a server from standing.
pub(super) fn reset_by_stale_leader(case: &Case<'_>) -> Option<Breach> {
    let what = "messages from a leader of an earlier term keep a server from starting an election";
    let is_stale = |call: &Call| call.is_leaders() && call.args.term < call.reply.term;
    reset_by(case, (&followers::STALE_RESETS, what), (3, None), &is_stale, &|stale, time| {
        format!(
            "since then it answered {} of earlier terms, and started no election in {time}",
            count(stale, "AppendEntries call")
        )
    })
}

/// A server refuses others its vote, and starts no election of its own.
pub(super) fn reset_by_refusal(case: &Case<'_>) -> Option<Breach> {
    let what = "a server that refuses its vote starts no election itself";
    let is_refused = |call: &Call| call.is_vote() && call.is_denied();
    reset_by(
        case,
        (&followers::REFUSAL_RESETS, what),
        (2, Some(UNLIKELY)),
        &is_refused,
        &|refused, time| {
            format!(
                "since then it refused its vote {} and started no election of its own in {time}",
                count(refused, "time")
            )
        },
    )
}

/// What came `least` times or more kept servers from standing. With `unlikely`, it may also be another thing:
/// an older request that is outstanding, or a timer that is dead if it is less likely that it never fired.
fn reset_by(
    case: &Case<'_>,
    (rule, what): (&'static Rule, &str),
    (least, unlikely): (usize, Option<f64>),
    is_such: &dyn Fn(&Call) -> bool,
    text: &dyn Fn(usize, String) -> String,
) -> Option<Breach> {
    let story = case.story;
    let waited = waited(case);
    let mut breach = Breach::of_several(rule, case.window.end(), what);
    for (server, elections) in voters(case) {
        for (reset, end) in stretches(case, server, &elections) {
            let such: Vec<&Call> = story
                .handled_by(server)
                .filter(|call| is_such(call) && is_between(call, reset, end))
                .collect();
            let before = elections.iter().rev().find(|election| election.at <= reset);
            let held_up = before.is_some_and(|election| {
                requests(story, election).any(|call| call.is_outstanding(end))
            });
            let times = such.iter().filter_map(|call| call.handled).map(|handled| handled.at);
            let likely = outlasts(waited, times, (reset, end));
            if such.len() < least
                || likely <= unlikely.unwrap_or(0.0)
                || held_up && unlikely.is_some()
            {
                continue;
            }
            let is_new = life_at(story, server, end).is_some_and(|life| life.from.at == reset);
            let text = format!(
                "server {server} {}; {}",
                if is_new {
                    STARTED
                } else {
                    "last heard from its leader, voted or started an election"
                },
                text(such.len(), seconds(end.since(reset)))
            );
            breach = breach.by(server as u32).seen(reset, text, ids(such));
        }
    }
    breach.if_shown()
}

/// The task that has ended and may have been the timer's: no other one was spawned at its line, as one for each call or
/// each follower would be; and it began with the server, or ended when the timer was last reset.
fn timer_s_task<'a>(case: &Case<'a>, server: usize, reset: Time) -> Option<&'a TaskEnd> {
    let (story, until) = (case.story, case.window.until);
    let life = life_at(story, server, until)?;
    let own: Vec<&TaskEnd> = story
        .tasks
        .iter()
        .filter(|task| {
            let is_its = task.server.server as usize == server;
            is_its && task.server.incarnation == life.incarnation && task.moment.at <= until
        })
        .collect();
    let mut spawned: BTreeMap<_, usize> = BTreeMap::new();
    own.iter().for_each(|task| *spawned.entry(&task.spawned).or_default() += 1);
    let alone = || own.iter().copied().filter(|task| spawned[&task.spawned] == 1);
    let mut began = alone().filter(|task| task.began.since(life.from.at) < COUNTED);
    let mut ended = alone().filter(|task| after(task.moment.at, PATIENCE / 2) >= reset);
    began.next_back().or_else(|| ended.next_back())
}

/// A server's election timer fires no more.
pub(super) fn dead(case: &Case<'_>) -> Option<Breach> {
    let (story, until) = (case.story, case.window.until);
    let mut breach = Breach::of_several(
        &followers::STANDS,
        case.window.end(),
        "a server's election timer no longer fires",
    );
    for (server, elections) in voters(case) {
        let Some((reset, why)) = resets(case, server, &elections).pop() else { continue };
        let life = life_at(story, server, until).map_or(0, |life| life.incarnation);
        // A server that waits for replies is not dead.
        let own = elections.iter().flat_map(|election| requests(story, election));
        let unread = story.sent_by(server).filter(|call| is_unread(call));
        let own = own.chain(unread.filter(|call| call.from.incarnation == life));
        let free = own.map(|call| call.returned.map_or(until, |(returned, _)| returned.at)).max();
        if until.since(reset.max(free.unwrap_or(reset))) <= PATIENCE {
            continue;
        }
        breach.what = match elections.is_empty() {
            true => "a server's election timer has not fired: it is dead, or its timeout is longer than the test waits",
            false => "a server's election timer no longer fires, or its timeout has grown beyond what the test waits",
        }
        .into();
        let text = format!(
            "server {server} {why}; in the {} since then it has heard from no leader, given no vote and started no \
             election",
            seconds(until.since(reset))
        );
        breach = breach.by(server as u32).seen(reset, text, None);
        if let Some(task) = timer_s_task(case, server, reset) {
            let text = format!("server {server}'s task, spawned at {}, {}", task.place(), task.how);
            breach = breach.seen(task.moment.at, text, None);
        }
        let refused: Vec<&Call> = story
            .handled_by(server)
            .filter(|call| call.is_denied() && is_between(call, reset, until))
            .collect();
        if refused.len() >= GAPS {
            let (least, _) = waited(case);
            let text = format!(
                "in that time it refused its vote {}; the shortest time that any server waited before it started \
                 an election is {}",
                count(refused.len(), "time"),
                seconds(least)
            );
            breach = breach.seen(until, text, ids(refused));
        }
    }
    breach.if_shown()
}

/// A server that was restarted with a snapshot has sent nothing since, and servers that began without one do.
pub(super) fn silent_since_restart(case: &Case<'_>) -> Option<Breach> {
    let (story, until) = (case.story, case.window.until);
    let sends = |server: usize, life: u32| {
        let mut sent = story.sent_by(server).filter(|call| call.sent.at <= until);
        sent.any(|call| call.from.incarnation == life)
    };
    let began_with = |server: usize, life: &crate::story::Life| {
        let held = story.held_by(server as u32, life.from);
        held.max_by_key(|held| held.index).filter(|_| life.incarnation > 1)
    };
    for &server in &case.window.up {
        let life = *life_at(story, server, until)?;
        let Some(held) = began_with(server, &life) else { continue };
        // Others that began so may be as silent; without one, there is at least one that isn't.
        let others = || {
            story
                .lives
                .iter()
                .enumerate()
                .flat_map(|(other, lives)| lives.iter().map(move |life| (other, life)))
        };
        let is_usual = others().any(|(other, life)| {
            began_with(other, life).is_some() && sends(other, life.incarnation)
        });
        let works = others().find(|(other, life)| {
            began_with(*other, life).is_none() && sends(*other, life.incarnation)
        });
        let is_long = until.since(life.from.at) > PATIENCE;
        let heard = story.handled_by(server).any(|call| {
            let is_late = call.handled.is_some_and(|at| until.since(at.at) < PATIENCE);
            is_late && (call.is_leaders() || is_unread(call))
        });
        if sends(server, life.incarnation) || !is_long || is_usual || heard || works.is_none() {
            continue;
        }
        let what = format!(
            "server {server} does nothing on its own since it was restarted with a snapshot"
        );
        let held_text =
            format!("before a crash, server {server} had a snapshot up to index {}", held.index);
        let began = format!(
            "server {server} was restarted; in the {} since then it has sent nothing, though it heard from no \
             leader",
            seconds(until.since(life.from.at))
        );
        return Some(
            case.breach(&followers::SILENT_SINCE_RESTART, server as u32, what)
                .seen(held.moment.at, held_text, None)
                .seen(life.from.at, began, None),
        );
    }
    None
}

/// How often a candidate must have asked the same server in one term.
const AGAIN: usize = 3;

/// How soon a request is sent again that is only repeated.
const RETRIED: Duration = Duration::from_millis(120);

/// The elections that lasted too long in the failing check, and until when.
fn long_elections<'a>(
    case: &Case<'_>,
    voters: &'a BTreeMap<usize, Vec<Election>>,
) -> Vec<(&'a Election, Time)> {
    let all: Vec<Election> = voters.values().flatten().cloned().collect();
    let until = |election| case.story.stands_until(&all, election).min(case.window.until);
    let elections = voters.values().flatten().map(|election| (election, until(election)));
    let is_long = |election: &Election, until: Time| {
        until.since(election.at) > PATIENCE && until > case.window.from
    };
    elections.filter(|&(election, until)| is_long(election, until)).collect()
}

/// What a candidate asked each server in an election.
fn asked_of_each<'a>(
    story: &'a Story,
    election: &'a Election,
    until: Time,
) -> impl Iterator<Item = Vec<&'a Call>> {
    let to: BTreeSet<u32> = requests(story, election).map(|call| call.to).collect();
    to.into_iter().map(move |to| {
        let again = requests(story, election).filter(move |call| call.to == to);
        again.filter(|call| call.sent.at <= until).collect()
    })
}

/// Whether a candidate asked a server for its vote again and again, long after its timer should have fired, though no
/// request before had failed.
fn asks_on(election: &Election, asked: &[&Call]) -> bool {
    let timeout = after(election.at, PATIENCE / 2);
    let anew = |pair: &&[&Call]| {
        let [before, again] = **pair else { return false };
        again.sent.at > timeout
            && before.failed().is_none_or(|(failed, _)| failed.at > again.sent.at)
    };
    asked.windows(2).filter(anew).count() >= AGAIN
}

/// A candidate asks for votes again and again, and always in the same term.
pub(super) fn same_term_again(case: &Case<'_>) -> Option<Breach> {
    let story = case.story;
    let voters = voters(case);
    let what = "a candidate asks for votes again and again in the same term, in which the servers have already voted";
    let mut breach = Breach::of_several(&candidates::WITHOUT_NEW_TERM, case.window.end(), what);
    for (election, until) in long_elections(case, &voters) {
        let Some(asked) = asked_of_each(story, election, until).next() else { continue };
        // A request may be sent again at once if it gets lost (§5.5): that is no election, unless it goes on and on.
        let is_slow = |pair: &[&Call]| pair[1].sent.at.since(pair[0].sent.at) > RETRIED;
        if asked.len() < AGAIN || !asked.windows(2).all(is_slow) && !asks_on(election, &asked) {
            continue;
        }
        let (server, to) = (election.candidate.server, asked[0].to);
        let text = format!(
            "server {server} started an election in term {}, and asked server {to} {} times for its vote of that term, \
             within {}",
            election.term,
            asked.len(),
            seconds(until.since(election.at))
        );
        breach = breach.by(server).concluded(election.at, text, ids(asked));
    }
    breach.if_shown()
}

/// A candidate asks for nothing new while its requests are outstanding.
pub(super) fn not_restarted(case: &Case<'_>) -> Option<Breach> {
    let story = case.story;
    let voters = voters(case);
    let what = "candidates did not start another election while RequestVote calls to unreachable servers \
                were outstanding";
    let mut breach = Breach::of_several(&candidates::NOT_RESTARTED, case.window.end(), what);
    for (election, until) in long_elections(case, &voters) {
        // Who asks again doesn't wait for the answers.
        if asked_of_each(story, election, until).any(|asked| asks_on(election, &asked)) {
            continue;
        }
        // What it waited for when its timer should have fired.
        let patience = after(election.at, PATIENCE / 2);
        let waiting: Vec<&Call> =
            requests(story, election).filter(|call| call.is_outstanding(patience)).collect();
        if waiting.is_empty() {
            continue;
        }
        let returned = waiting.iter().map(|call| match call.returned {
            Some((at, outcome)) if at.at <= case.window.until => match outcome {
                Outcome::Replied => format!("to server {} (replied at {} s)", call.to, at.at),
                _ => format!("to server {} (failed at {} s: {outcome})", call.to, at.at),
            },
            _ => format!("to server {} (no answer yet)", call.to),
        });
        let server = election.candidate.server;
        let text = format!(
            "server {server} asked for votes in term {} and started no other election for {}; \
             calls outstanding meanwhile: {}",
            election.term,
            seconds(until.since(election.at)),
            list(returned)
        );
        breach = breach.by(server).seen(election.at, text, ids(waiting));
    }
    let since = case.window.settled.max(case.window.from);
    let since_back = voters.iter().map(|(server, elections)| {
        let new = elections.iter().filter(|election| election.at >= since).count();
        format!("{new} by server {server}")
    });
    let since_back: Vec<String> = since_back.collect();
    let text = format!(
        "a majority was connected again; elections started since then: {}",
        since_back.join(", ")
    );
    Some(breach.if_shown()?.seen(case.window.settled, text, None))
}

/// How many elections the others may have begun meanwhile.
const OTHERS: usize = 12;

/// The others start one election after the other, and a server that could never does.
pub(super) fn never_stands(case: &Case<'_>) -> Option<Breach> {
    let voters: BTreeMap<usize, Vec<Election>> = voters(case);
    let within = |elections: &[Election]| {
        elections.iter().filter(|election| case.window.contains(election.at)).count()
    };
    let all: usize = voters.values().map(|elections| within(elections)).sum();
    // A leader has no such timer.
    let has_led = |server: usize| {
        let leads_then = |view: &View| view.is_leader && case.window.contains(view.moment.at);
        case.story.views[server].iter().any(leads_then)
            || leads(case.story, server, case.window.from).is_some()
    };
    // Nor has it stood in a former life.
    let stood = |server: usize| {
        let mut all = case.story.elections.iter().filter(|it| case.window.contains(it.at));
        all.any(|election| election.candidate.server as usize == server)
    };
    let is_silent = |&(&server, _): &(&usize, &Vec<Election>)| !stood(server) && !has_led(server);
    let (&server, elections) = voters.iter().find(is_silent)?;
    // A message that can't be read may be a request for a vote.
    let until = case.window.until;
    let mut sent = case.story.sent_by(server).filter(|call| case.window.contains(call.sent.at));
    // A server that asks for pre-votes has a timer that fires.
    if sent.any(|call| is_unread(call) || call.is_pre_vote()) {
        return None;
    }
    // A server that waits for replies may not be dead.
    let waits = elections.last().is_some_and(|election| {
        requests(case.story, election).any(|call| call.is_outstanding(until))
    });
    // Where many vote, some never come to start one.
    let silent = voters.iter().filter(is_silent).count();
    if all < OTHERS * silent || waits {
        return None;
    }
    let text = format!(
        "in the {} of the failing check, the other servers began {all} elections, and server {server} none",
        seconds(case.window.until.since(case.window.from))
    );
    let what = "a server's election timer no longer fires";
    Some(case.breach(&followers::STANDS, server as u32, what).seen(case.window.until, text, None))
}
