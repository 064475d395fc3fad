//! A campaign in words, in Markdown: the score, and what is known of each bug.

use std::collections::BTreeMap;

use askama::Template;
use report::{BugKind, KnownBug};

use super::score::{Scored, Step, wilson};
use super::stored::{Campaign, Cell, Group, Plan};
use crate::process::Seeds;
use crate::suite::part;
use crate::table::percent;

/// From which share of right first findings on a bug counts as explained.
const WELL_EXPLAINED: f64 = 0.9;

/// How many messages, findings or rules are shown.
const SHOWN: usize = 3;

const NONE: &str = "-";

#[derive(Template)]
#[template(path = "zoo-score.md")]
struct ScorePage {
    rafts: usize,
    /// How many Rafts have tests left to run.
    interrupted: usize,
    tester: u64,
    control: Option<Control>,
    columns: Vec<String>,
    sums: Vec<Sum>,
}

/// The right Raft.
struct Control {
    runs: u64,
    failures: u64,
    alarms: Vec<Alarm>,
}

/// A test that fails although it shouldn't.
struct Alarm {
    test: String,
    rate: String,
    messages: String,
}

/// How many bugs of a kind are caught.
struct Sum {
    name: String,
    bugs: usize,
    numbers: Vec<String>,
}

#[derive(Template)]
#[template(path = "zoo.md")]
struct Page<'a> {
    first: u64,
    count: u64,
    explore: u64,
    enough: u64,
    enough_hung: u64,
    profile: &'a str,
    score: String,
    has_extra: bool,
    has_explore: bool,
    bugs: Vec<Row<'a>>,
    uncaught: Vec<Uncaught<'a>>,
    harmless: Vec<Harmless<'a>>,
    well_explained: String,
    misled: Vec<Misled<'a>>,
    runs: u64,
    /// CPU seconds of all runs.
    cpu: String,
    /// CPU seconds of a pass of the right Raft's.
    pass: String,
}

struct Row<'a> {
    name: &'a str,
    part: &'a str,
    kind: BugKind,
    /// By MIT's tests alone, and by all but exploration.
    passes: String,
    mit: String,
    monitors: String,
    extra: String,
    explore: String,
    cpu: String,
    explained: String,
}

struct Uncaught<'a> {
    name: &'a str,
    part: &'a str,
    kind: BugKind,
    rule: String,
    runs: u64,
}

struct Harmless<'a> {
    name: &'a str,
    part: &'a str,
    reason: String,
    runs: u64,
    alarms: Vec<Alarm>,
}

struct Misled<'a> {
    name: &'a str,
    explained: String,
    findings: String,
}

/// The score alone.
pub(crate) fn score(campaign: &Campaign) -> String {
    let Campaign { plan, cells } = campaign;
    let bugs = scored(campaign);
    let control = Scored::control(campaign);
    let rafts = plan.rafts().count();
    let mut steps = vec![Step::Mit, Step::Monitors];
    steps.extend(plan.has(Group::Extra).then_some(Step::Extra));
    steps.extend(plan.has(Group::Explore).then_some(Step::Explore));
    let passes = plan.seeds.count;
    let columns = steps.iter().flat_map(|step| {
        let tests = match step {
            Step::Mit => "MIT's tests alone",
            Step::Monitors => "with rules",
            Step::Extra => "with scenarios",
            Step::Explore => "with exploration",
        };
        let all = match step {
            Step::Explore if plan.explore != passes => "in all runs".to_owned(),
            _ => format!("in {passes} passes"),
        };
        [format!("{tests}, one pass"), all]
    });
    let real = || bugs.iter().filter_map(|scored| Some((scored.bug?, scored)));
    let real = || real().filter(|(bug, _)| !bug.is_harmless());
    let mut sums: Vec<Sum> = Vec::new();
    for kind in [BugKind::Safety, BugKind::Liveness, BugKind::Service, BugKind::Budget] {
        let of_kind = real().filter(|(bug, _)| bug.kind == kind).map(|(_, scored)| scored);
        sums.push(sum(&kind.to_string(), &steps, &of_kind.collect::<Vec<_>>()));
    }
    sums.retain(|sum| sum.bugs > 0);
    sums.push(sum("all", &steps, &real().map(|(_, scored)| scored).collect::<Vec<_>>()));
    render(&ScorePage {
        rafts,
        interrupted: rafts - bugs.len() - usize::from(control.is_some()),
        tester: cells.iter().map(|cell| cell.tester).sum(),
        control: control.map(|control| Control {
            runs: control.runs(),
            failures: control.failures(),
            alarms: alarms(&control),
        }),
        columns: columns.collect(),
        sums,
    })
}

/// The whole report.
pub(crate) fn report(campaign: &Campaign) -> String {
    let Plan { seeds: Seeds { first, count }, explore, enough, enough_hung, profile, .. } =
        &campaign.plan;
    let all = scored(campaign);
    let with_bug = || all.iter().filter_map(|scored| Some((scored.bug?, scored)));
    let (harmless, real): (Vec<_>, Vec<_>) = with_bug().partition(|(bug, _)| bug.is_harmless());
    let uncaught = real.iter().filter(|(_, scored)| !scored.is_caught(Step::Explore));
    let mut misled: Vec<&(&KnownBug, &Scored<'_>)> =
        real.iter().filter(|(_, scored)| share_right(scored) < WELL_EXPLAINED).collect();
    misled.sort_by(|(_, a), (_, b)| share_right(a).total_cmp(&share_right(b)));
    render(&Page {
        first: *first,
        count: *count,
        explore: if campaign.plan.has(Group::Explore) { *explore } else { *count },
        enough: *enough,
        enough_hung: *enough_hung,
        profile,
        score: score(campaign),
        has_extra: campaign.plan.has(Group::Extra),
        has_explore: campaign.plan.has(Group::Explore),
        bugs: real.iter().map(|(bug, scored)| row(bug, scored)).collect(),
        uncaught: uncaught
            .map(|(bug, scored)| Uncaught {
                name: &bug.name,
                part: &bug.part,
                kind: bug.kind,
                rule: cell_text(&bug.rule),
                runs: scored.runs(),
            })
            .collect(),
        harmless: harmless
            .iter()
            .map(|(bug, scored)| Harmless {
                name: &bug.name,
                part: &bug.part,
                reason: bug.harmless.clone().unwrap_or_default(),
                runs: scored.runs(),
                alarms: alarms(scored),
            })
            .collect(),
        well_explained: percent(WELL_EXPLAINED),
        misled: misled
            .into_iter()
            .map(|(bug, scored)| Misled {
                name: &bug.name,
                explained: explained(scored),
                findings: others(bug, scored),
            })
            .collect(),
        runs: campaign.cells.iter().map(|cell| cell.runs).sum(),
        cpu: format!("{:.0}", campaign.cells.iter().map(|cell| cell.cpu).sum::<f64>()),
        pass: Scored::control(campaign).map_or(NONE.to_owned(), |control| {
            format!("{:.2}", control.cells.iter().map(|cell| cell.cpu_of(1)).sum::<f64>())
        }),
    })
}

fn render(page: &impl Template) -> String {
    let mut text = page.render().expect("writing to a string can't fail").trim_end().to_owned();
    text.push('\n');
    text
}

/// The bugs with which all tests have been run.
fn scored(campaign: &Campaign) -> Vec<Scored<'_>> {
    let bugs = campaign.plan.bugs.iter();
    bugs.filter_map(|bug| Scored::of(campaign, &bug.name)).collect()
}

fn sum(name: &str, steps: &[Step], bugs: &[&Scored<'_>]) -> Sum {
    let numbers = steps.iter().flat_map(|&step| {
        // An empty sum of floats would be -0.
        let one_pass = bugs.iter().fold(0.0, |sum, scored| sum + scored.one_pass(step));
        let caught = bugs.iter().filter(|scored| scored.is_caught(step)).count();
        [format!("{one_pass:.1}"), caught.to_string()]
    });
    Sum { name: name.to_owned(), bugs: bugs.len(), numbers: numbers.collect() }
}

fn alarms(scored: &Scored<'_>) -> Vec<Alarm> {
    let alarm = |(cell, failures): (&Cell, u64)| Alarm {
        test: cell.test.clone(),
        rate: format!("{failures} of {} runs", cell.runs),
        messages: most(&cell.messages),
    };
    scored.failing(Step::Explore).map(alarm).collect()
}

fn row<'a>(bug: &'a KnownBug, scored: &Scored<'_>) -> Row<'a> {
    let best = |group, step| {
        let best = scored.best(group, step);
        best.map_or(NONE.to_owned(), |(cell, failures)| {
            format!("`{}` {}", cell.test, rate(failures, cell.runs))
        })
    };
    let (alone, joined) = (best(Group::Mit, Step::Mit), best(Group::Mit, Step::Monitors));
    let of_mit = scored.cells.iter().filter(|cell| Group::of(&cell.test) == Group::Mit);
    let tripped = added(of_mit.map(|cell| &cell.monitors));
    let extra =
        scored.failing(Step::Explore).filter(|(cell, _)| Group::of(&cell.test) == Group::Extra);
    let extra: Vec<String> = extra
        .map(|(cell, failures)| {
            let name = Some(part(&cell.test)).filter(|part| part.starts_with('X'));
            let share = percent(failures as f64 / cell.runs as f64);
            format!("{} {share}", name.unwrap_or(&cell.test))
        })
        .collect();
    let explore = scored.best(Group::Explore, Step::Explore);
    Row {
        name: &bug.name,
        part: &bug.part,
        kind: bug.kind,
        monitors: if tripped.is_empty() {
            joined
        } else {
            format!("{joined}; {}", names(&tripped))
        },
        mit: alone,
        extra: if extra.is_empty() { NONE.to_owned() } else { extra.join(", ") },
        explore: explore.map_or(NONE.to_owned(), |(cell, failures)| rate(failures, cell.runs)),
        passes: {
            let [mit, all] = [Step::Mit, Step::Extra].map(|step| scored.passes(step));
            format!("{} of {}, {} of {}", mit.failing, mit.known, all.failing, all.known)
        },
        cpu: scored.cpu_to_catch().map_or(NONE.to_owned(), |seconds| format!("{seconds:.2}")),
        explained: explained(scored),
    }
}

/// A rate, and between which the true one lies.
fn rate(failures: u64, runs: u64) -> String {
    let (low, high) = wilson(failures, runs);
    let share = failures as f64 / runs.max(1) as f64;
    format!("{} ({} to {})", percent(share), percent(low), percent(high))
}

/// The share of failures that are explained by their cause. A bug that never fails misleads nobody.
fn share_right(scored: &Scored<'_>) -> f64 {
    match scored.failures() {
        0 => 1.0,
        failures => scored.right() as f64 / failures as f64,
    }
}

fn explained(scored: &Scored<'_>) -> String {
    match scored.failures() {
        0 => NONE.to_owned(),
        failures => format!("{} of {failures}", scored.right()),
    }
}

/// The first findings that don't name the bug.
fn others(bug: &KnownBug, scored: &Scored<'_>) -> String {
    let mut findings = added(scored.cells.iter().map(|cell| &cell.findings));
    findings.retain(|finding, _| !bug.causes.contains(finding));
    most(&findings)
}

/// Counts of several tests, added.
fn added<'a>(counts: impl Iterator<Item = &'a BTreeMap<String, u64>>) -> BTreeMap<String, u64> {
    let mut sum: BTreeMap<String, u64> = BTreeMap::new();
    for (name, count) in counts.flatten() {
        *sum.entry(name.clone()).or_default() += count;
    }
    sum
}

/// Those that came most often, with how often.
fn most(counts: &BTreeMap<String, u64>) -> String {
    let shown = ranked(counts).into_iter().take(SHOWN);
    let shown: Vec<String> =
        shown.map(|(text, count)| format!("{count} x {}", cell_text(text))).collect();
    let more = if counts.len() > SHOWN { ", …" } else { "" };
    format!("{}{more}", shown.join(", "))
}

/// Those that came most often.
fn names(counts: &BTreeMap<String, u64>) -> String {
    let shown: Vec<&str> =
        ranked(counts).into_iter().take(SHOWN).map(|(name, _)| name.as_str()).collect();
    shown.join(", ")
}

fn ranked(counts: &BTreeMap<String, u64>) -> Vec<(&String, &u64)> {
    let mut rows: Vec<_> = counts.iter().collect();
    rows.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    rows
}

/// A text as it stands in a table's cell.
pub(crate) fn cell_text(text: &str) -> String {
    text.replace('|', r"\|").replace('<', r"\<")
}
