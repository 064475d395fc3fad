//! What the test did, what each server did, and why the run failed.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{LABEL, count, detail, entry, list, named};
use crate::event::{Detail, Role, Time};
use crate::explain::{Explanation, Finding};
use crate::failure::{Failure, FailureKind};
use crate::story::{Act, Step, Story, View};
use crate::unreadable::unchecked;

/// The entries below a failure's sentence: `did`, `why`, `not so` and `server …`.
#[must_use]
pub fn summary(story: &Story, failure: &Failure, explanation: &Explanation) -> String {
    let mut text = String::new();
    gaps(&mut text, story);
    if let Some(did) = did(story, failure) {
        entry(&mut text, "did", &did);
    }
    why(&mut text, failure.kind, &explanation.findings);
    for note in &explanation.not_the_cause {
        entry(&mut text, NOT_SO, note);
    }
    for (server, lines) in servers(story, failure).iter().enumerate() {
        let (state, calls) = lines.split_first().expect("each server is something");
        entry(&mut text, &format!("{SERVER} {server}"), state);
        for line in calls {
            detail(&mut text, line);
        }
    }
    text
}

/// The entries `missing` and `unchecked`, where there is something to say: what isn't known of a run.
pub(super) fn gaps(text: &mut String, story: &Story) {
    if story.dropped > 0 {
        entry(text, "missing", &missing(story));
    }
    for rules in unchecked(story) {
        entry(text, "unchecked", rules);
    }
}

/// What is left of a run whose beginning was dropped.
fn missing(story: &Story) -> String {
    format!(
        "the {} oldest events, because the history grew too long: nothing before {} s is known, and little of \
         what depends on it",
        story.dropped, story.since
    )
}

/// What each server was at the failure; in further lines, the calls that it waited for.
#[must_use]
pub fn servers(story: &Story, failure: &Failure) -> Vec<Vec<String>> {
    // What is unsafe may be noticed only when the run is over.
    let at = if failure.at == Time(0) { story.end } else { failure.at.min(story.end) };
    let lines = |server| {
        let (mut state, calls) = (state(story, server, at), outstanding(story, server, at));
        if state == CRASHED && !calls.is_empty() {
            state.push_str("; calls from before the crash that haven't returned:");
        }
        std::iter::once(state).chain(log(story, server, at)).chain(calls).collect()
    };
    (0..story.servers).map(lines).collect()
}

/// What the script did last before the failure, and what it waited for; `None` if it did nothing.
#[must_use]
pub fn did(story: &Story, failure: &Failure) -> Option<String> {
    let is_before = |at: Time| failure.at == Time(0) || at <= failure.at;
    let check = story.step_at(failure.at)?;
    let faults = story.steps.iter().filter(|step| {
        step.is_fault && step.moment.at <= check.moment.at && step.moment.at > Time(0)
    });
    let last = faults.clone().next_back().map(|step| step.moment.at);
    let last: Vec<_> = faults.filter(|step| Some(step.moment.at) == last).collect();
    let mut did = String::new();
    if let Some(first) = last.first() {
        let at = first.moment.at;
        let when = format!("at {at} s ({})", who_is_up(story, at));
        let network = || list(last.iter().filter(|it| it.server.is_none()).map(|it| &it.what));
        let acts = acts(&last);
        did.push_str(&match last.iter().all(|step| step.server.is_some()) {
            true => format!("{acts} {when}; "),
            false if acts.is_empty() => format!("{when}: {}; ", network()),
            false => format!("{acts} {when}; {}; ", network()),
        });
    }
    let (begin, end) =
        (check.moment.at, if failure.at == Time(0) { story.end } else { failure.at });
    let looks = story.looks.iter().filter(|look| look.moment >= check.moment);
    let looks: Vec<_> = looks.filter(|look| is_before(look.moment.at)).collect();
    did.push_str(&match (begin.to_string(), end.to_string()) {
        (begin, end) if begin == end => format!("called {}() at {begin} s", check.what),
        (begin, end) => format!("ran {}() from {begin} to {end} s", check.what),
    });
    if !looks.is_empty() && looks.iter().all(|look| look.leader.is_none()) {
        did.push_str(&format!(": {}, no leader", count(looks.len(), "attempt")));
    }
    Some(did)
}

/// What these steps did to servers: `cut off servers 0 and 2, and connected server 1`. They are of one instant.
fn acts(steps: &[&Step]) -> String {
    let mut of_server: BTreeMap<u32, Vec<Act>> = BTreeMap::new();
    for (act, server) in steps.iter().filter_map(|step| step.server) {
        of_server.entry(server).or_default().push(act);
    }
    let mut groups: Vec<(Vec<Act>, Vec<u32>)> = Vec::new();
    // In the order of the steps.
    for (_, server) in steps.iter().filter_map(|step| step.server) {
        let Some(acts) = of_server.remove(&server) else { continue };
        match groups.iter_mut().find(|(others, _)| *others == acts) {
            Some((_, servers)) => servers.push(server),
            None => groups.push((acts, vec![server])),
        }
    }
    let groups = groups.into_iter().map(|(acts, mut servers)| {
        servers.sort_unstable();
        format!("{} {}", list(acts.into_iter().map(Act::past)), named(servers))
    });
    clauses(groups.collect())
}

/// `one`; `one, and two`; `one, two, and three`: with a comma before each, as they have lists in themselves.
fn clauses(mut clauses: Vec<String>) -> String {
    match clauses.pop() {
        None => String::new(),
        Some(last) if clauses.is_empty() => last,
        Some(last) => format!("{}, and {last}", clauses.join(", ")),
    }
}

/// Which servers can reach each other at `at`.
fn who_is_up(story: &Story, at: Time) -> String {
    let up = story.up(at);
    match up.len() {
        0 => "no server up".to_owned(),
        n if n == story.servers && n > 1 => format!("all {n} servers up"),
        n if n >= story.majority() => format!("{} up: a majority", named(&up)),
        _ => format!("{} up: no majority", named(&up)),
    }
}

/// What a server was at `at`.
fn state(story: &Story, server: usize, at: Time) -> String {
    let link = if story.is_connected(server, at) { "connected" } else { "disconnected" };
    if story.dropped > 0 && !story.lives[server].iter().any(|life| life.from.at <= at) {
        return "unknown: it does nothing in the rest of the history".to_owned();
    }
    if !story.is_alive(server, at) {
        let was_started = story.lives[server].iter().any(|life| life.from.at <= at);
        return if was_started { CRASHED } else { "not started" }.to_owned();
    }
    let Some(view) = story.view_at(server, at) else {
        let lives = story.lives[server].iter().filter(|life| life.from.at <= at);
        return match lives.count() {
            0 | 1 if story.dropped > 0 => {
                format!("{link}, state not seen in the rest of the history")
            }
            0 | 1 => format!("{link}, state never seen"),
            _ => format!("{link}, restarted; its state has not been seen since"),
        };
    };
    let mut text = format!("{link}, term {}, {}", view.term, role(view));
    let election = story
        .elections
        .iter()
        .rfind(|election| election.candidate.server as usize == server && election.at <= at);
    if let Some(election) = election
        && election.term == view.term
        && !view.is_leader
    {
        let age = at.since(election.at).as_secs_f64();
        text.push_str(&format!("; asked for votes {age:.2} s ago"));
    }
    text
}

const CRASHED: &str = "crashed";

/// Who is asked within this time is asked when it happens.
const AT_ONCE: Duration = Duration::from_millis(10);

/// What a server says of its log and of what is done with it, if it tells: it is asked when the run ends. Of an empty log
/// there is nothing to say.
fn log(story: &Story, server: usize, at: Time) -> Option<String> {
    let view = story.views[server].last().filter(|view| view.moment.at >= at)?;
    let Detail { last_index, last_term, commit_index, last_applied, snapshot_index, .. } =
        view.detail.as_ref()?;
    if last_index.max(commit_index) == &0 {
        return None;
    }
    let snapshot = match snapshot_index {
        0 => String::new(),
        index => format!(", snapshot up to {index}"),
    };
    // A rule's breach is found when the run has ended.
    let asked = view.moment.at;
    let later = match asked.since(at) > AT_ONCE {
        true => format!("; all this at {asked} s"),
        false => String::new(),
    };
    Some(format!(
        "log up to index {last_index} (term {last_term}), committed up to {commit_index}, applied up to \
         {last_applied}{snapshot}{later}"
    ))
}

/// What a view says of the server's role, and of its vote if it tells.
fn role(view: &View) -> String {
    let leads = if view.is_leader { "leader" } else { "not leader" };
    let Some(detail) = &view.detail else { return leads.to_owned() };
    let name = match detail.role {
        Role::Follower => "follower",
        Role::Candidate => "candidate",
        Role::Leader => "leader",
    };
    let role = match (detail.role == Role::Leader) == view.is_leader {
        true => name.to_owned(),
        // What get_state says must stand, also where the two disagree.
        false => format!("{leads}, yet {name}"),
    };
    match detail.voted_for {
        Some(voted_for) => format!("{role}, voted for {voted_for}"),
        None => format!("{role}, no vote given"),
    }
}

/// The calls that a server waited for at `at`, by method and target, each with the one that has been out for longest. To
/// many servers they are one line.
fn outstanding(story: &Story, server: usize, at: Time) -> Vec<String> {
    let mut lives = story.lives[server].iter().rev();
    let life = lives.find(|life| life.from.at <= at).map(|life| life.incarnation);
    let mut methods: BTreeMap<&str, BTreeMap<u32, (usize, Time)>> = BTreeMap::new();
    for call in story.sent_by(server) {
        if call.is_outstanding(at) && Some(call.from.incarnation) == life {
            let targets = methods.entry(&call.method).or_default();
            targets.entry(call.to).or_insert((0, call.sent.at)).0 += 1;
        }
    }
    let line = |method: &str, to: &str, count: usize, oldest: Time| {
        let age = at.since(oldest).as_secs_f64();
        match count {
            1 => format!("{method} to {to} outstanding for {age:.2} s"),
            n => format!("{n} {method} to {to} outstanding, for up to {age:.2} s"),
        }
    };
    let lines = methods.into_iter().flat_map(|(method, targets)| match targets.len() {
        0..MANY_TARGETS => {
            let each = targets.into_iter();
            each.map(|(to, (count, oldest))| line(method, &format!("server {to}"), count, oldest))
                .collect()
        }
        _ => {
            let to = named(targets.keys());
            let count = targets.values().map(|(count, _)| count).sum();
            let oldest = targets.values().map(|(_, oldest)| *oldest).min().unwrap_or(at);
            vec![line(method, &to, count, oldest)]
        }
    });
    lines.collect()
}

/// To so many servers, the calls of a method are one line.
const MANY_TARGETS: usize = 3;

fn why(text: &mut String, kind: FailureKind, findings: &[Finding]) {
    // Some sentences say themselves what is wrong.
    let says_why = matches!(
        kind,
        FailureKind::Panic | FailureKind::Misuse | FailureKind::Stuck | FailureKind::Tester
    );
    if findings.is_empty() && !says_why {
        entry(text, "why", "unknown: no known cause fits this run");
    }
    for (i, finding) in findings.iter().enumerate() {
        cause(text, if i == 0 { WHY } else { OR }, finding);
    }
}

/// The labels of the first finding, of the others, of what isn't the cause, and of a server with its number.
const WHY: &str = "why";
const OR: &str = "or";
const NOT_SO: &str = "not so";
const SERVER: &str = "server";

/// Puts a finding before the others in a [`summary`].
pub(crate) fn put_first(summary: &mut String, finding: &Finding) {
    let mut text = String::new();
    cause(&mut text, WHY, finding);
    // What stands in its place now, or after it.
    let [why, not_so, server] = [WHY, NOT_SO, SERVER].map(|label| {
        let begins = format!("  {label} ");
        let mut at = 0;
        let mut starts = summary.split_inclusive('\n').map(|line| {
            at += line.len();
            (at - line.len(), line)
        });
        starts.find(|(_, line)| line.starts_with(&begins)).map(|(at, _)| at)
    });
    if let Some(at) = why {
        let label = |label: &str| format!("  {label:<LABEL$} ");
        summary.replace_range(at..at + label(WHY).len(), &label(OR));
    }
    summary.insert_str(why.or(not_so).or(server).unwrap_or(summary.len()), &text);
}

/// A finding, as an entry with this label.
#[must_use]
pub fn finding(label: &str, finding: &Finding) -> String {
    let mut text = String::new();
    cause(&mut text, label, finding);
    text
}

/// A finding, in an entry.
fn cause(text: &mut String, label: &str, finding: &Finding) {
    entry(text, label, &format!("{}: {} [{}]", finding.confidence, finding.what, finding.id));
    for evidence in &finding.evidence {
        detail(text, &format!("{} s  {}", evidence.at, evidence.text));
    }
    detail(text, &format!("rule: {}", finding.rule));
    detail(text, &format!("look at: {}", finding.look));
    if let Some(normal) = &finding.normal {
        detail(text, &format!("a working run: {normal}"));
    }
    if let Some(refuted_if) = &finding.refuted_if {
        detail(text, &format!("wrong if: {refuted_if}"));
    }
}
