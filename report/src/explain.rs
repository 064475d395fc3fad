//! Why a run failed: from its story to at most three findings, each with its evidence.
//!
//! [`explain`] is a pure function of the story and of what the failed [`Check`] demanded. It takes the first
//! rule that was broken before the failure; else the obligation that was overdue in the failing check, and
//! what its server did instead; else it says what is nearest to the failing check. An author of a rule can't
//! choose how sure it is: that follows from the kind of the rule and from what is seen.

mod doubts;
mod finding;
mod nearest;
mod overlooked;
mod red_herrings;
mod repeat;
mod window;

pub use finding::{Confidence, Evidence, Explanation, Finding};
pub use overlooked::overlooked;
pub use repeat::{Parted, PartedAt, not_repeatable};
pub use window::Window;

use std::borrow::Cow;

use crate::check::Check;
use crate::failure::{Failure, FailureKind};
use crate::habits;
use crate::spec::rules::{contract, leaders};
use crate::spec::{self, Breach, Kind, either};
use crate::story::Story;

/// How many findings are told.
const FINDINGS: usize = 3;

/// What a cause is looked for in.
pub(crate) struct Case<'a> {
    /// The run.
    pub(crate) story: &'a Story,
    /// How it failed.
    pub(crate) failure: &'a Failure,
    /// The failing check, from its beginning to the failure.
    pub(crate) window: Window,
    /// The rules that were broken until then, in order of time.
    pub(crate) breaches: &'a [Breach],
}

impl Case<'_> {
    /// What didn't happen until the failure breaks `rule`.
    pub(crate) fn breach(
        &self,
        rule: &'static spec::Rule,
        server: u32,
        what: impl Into<String>,
    ) -> Breach {
        Breach::new(rule, self.window.end(), server, what)
    }
}

/// Why the run of `story` failed.
#[must_use]
pub fn explain(story: &Story, failure: &Failure) -> Explanation {
    if failure.kind == FailureKind::Tester {
        return Explanation::default();
    }
    let with_answers = story.with_answers();
    // The sentence says it, but for what made a server do the same again and again.
    let is_said = failure.kind == FailureKind::Misuse && !does_again(&with_answers, failure);
    if is_said {
        return Explanation::default();
    }
    let proven = spec::judge(story);
    let mut breaches = match &with_answers {
        Cow::Owned(story) => likely(spec::judge(story), proven),
        Cow::Borrowed(_) => proven,
    };
    let story = &*with_answers;
    let window = Window::of(story, failure);
    breaches.retain(|breach| breach.at.at <= window.until);
    for breach in &mut breaches {
        breach.facts.retain(|fact| fact.at <= window.until);
    }
    let case = Case { story, failure, window, breaches: &breaches };
    let mut findings: Vec<Finding> = Vec::new();
    for breach in ranked(&case) {
        if findings.iter().all(|other| other.id != breach.rule.id) {
            let reading = doubts::reading(story, &breach.facts);
            let doubt = doubts::doubt(story, &breach.facts);
            let mut finding = breach.finding(doubt.as_ref());
            if finding.confidence != Confidence::Certain {
                finding.refuted_if = either([finding.refuted_if.take(), reading]);
            }
            findings.push(finding);
        }
    }
    findings.truncate(FINDINGS);
    if findings.is_empty() {
        findings.extend(nearest::unknown(&case));
    }
    Explanation { findings, not_the_cause: red_herrings::not_the_cause(&case) }
}

/// Whether a server did the same again and again.
fn does_again(story: &Story, failure: &Failure) -> bool {
    let window = Window::of(story, failure);
    !habits::find(&Case { story, failure, window, breaches: &[] }).is_empty()
}

/// What is likely in a run in which answers were found to their requests: certain is only what is so without that. And
/// what is certain without that stays.
fn likely(breaches: Vec<Breach>, proven: Vec<Breach>) -> Vec<Breach> {
    let is_same = |one: &Breach, other: &Breach| {
        (one.rule.id, &one.servers) == (other.rule.id, &other.servers)
    };
    let is_proven =
        |breach: &Breach| proven.iter().filter(|it| is_same(it, breach)).any(Breach::is_certain);
    let so_far = |breach: Breach| {
        let is_sure = is_proven(&breach);
        breach.sure_if(is_sure)
    };
    let mut all: Vec<Breach> = breaches.into_iter().map(so_far).collect();
    let is_missing = |own: &Breach| own.is_certain() && !all.iter().any(|it| is_same(it, own));
    let missing: Vec<Breach> = proven.iter().filter(|own| is_missing(own)).cloned().collect();
    all.extend(missing);
    all.sort_by_key(|breach| breach.at);
    all
}

/// What may be the cause, the more telling first.
fn ranked(case: &Case<'_>) -> Vec<Breach> {
    let mut ranked: Vec<Breach> = Vec::new();
    // What the check names exactly, unless the same server is proven to have broken another rule before.
    if let Check::Rule { id } = &case.failure.check
        && let Some(named) = case.breaches.iter().find(|breach| breach.rule.id == id)
    {
        let is_behind = |breach: &&Breach| {
            let is_told = breach.at == named.at && named.rule.is_consequence();
            breach.is_certain()
                && breach.servers == named.servers
                && (breach.at < named.at || is_told && !breach.rule.is_consequence())
        };
        let cause = case.breaches.iter().find(is_behind);
        ranked.extend(cause.into_iter().chain([named]).cloned());
    }
    let (rules, rest): (Vec<&Breach>, Vec<&Breach>) = case
        .breaches
        .iter()
        .partition(|breach| matches!(breach.rule.kind, Kind::Safety | Kind::Contract));
    let (consequences, mut causes): (Vec<&Breach>, Vec<&Breach>) =
        rules.into_iter().partition(|breach| breach.rule.is_consequence());
    let (fitting, costs): (Vec<_>, Vec<_>) =
        habits::find(case).into_iter().partition(|breach| breach.rule.kind != Kind::Budget);
    // What a server does wrong since its task has ended is the task's.
    let stuck = fitting.first().filter(|found| found.rule.id == contract::TASK_ENDED.id);
    let is_its = |cause: &Breach, stuck: &Breach| {
        let ended = stuck.facts.first().map(|fact| fact.at);
        cause.servers == stuck.servers && Some(cause.at.at) > ended && !cause.is_certain()
    };
    causes.retain(|cause| !stuck.is_some_and(|stuck| is_its(cause, stuck)));
    ranked.extend(first(&causes));
    // Of a server that does what it needn't, the check may tell more, unless the run shows what made it do that.
    let tells_why = |breach: &&Breach| {
        [&leaders::FORMER_TERM, &contract::LATE_REPLY].iter().any(|rule| rule.id == breach.rule.id)
    };
    let told = rest.iter().copied().find(tells_why);
    let odd = told.or(rest.first().copied()).cloned();
    let is_election = case.failure.check == Check::OneLeader;
    let (before, behind) = if is_election && told.is_none() { (None, odd) } else { (odd, None) };
    ranked.extend(before.into_iter().chain(fitting).chain(behind).chain(costs));
    // What is only seen because something else is broken accuses nobody of more.
    if ranked.is_empty() {
        ranked.extend(first(&consequences));
    }
    ranked
}

/// The first breach, or the one that really is behind it if that shows elsewhere; and the first that is
/// certain.
fn first(breaches: &[&Breach]) -> Vec<Breach> {
    let Some(first) = breaches.first() else { return Vec::new() };
    let behind = first.perhaps.and_then(|rule| {
        breaches.iter().find(|other| {
            other.rule.id == rule.id && other.perhaps.is_none() && other.servers == first.servers
        })
    });
    let certain = breaches.iter().find(|breach| breach.is_certain());
    let mut all: Vec<&Breach> =
        [Some(behind.unwrap_or(first)), certain].into_iter().flatten().copied().collect();
    // Of what a server shows by one step, and of what it does wrong in one way or another, what is certain says more.
    if let [first, certain] = &*all
        && first.servers == certain.servers
        && (first.at == certain.at
            || first.rule.alias.is_some() && first.rule.alias == certain.rule.alias)
    {
        all.reverse();
    }
    all.into_iter().cloned().collect()
}
