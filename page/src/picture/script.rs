//! The lanes of the test: what the script checked and changed, and who could talk to whom.

use report::story::Step;
use report::text::one_line;
use report::{Record, Story, Time};
use serde::Serialize;

/// A step in which the script checked something, or waited for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// When it began.
    pub at: u64,
    /// When the script went on, or the run ended.
    pub until: u64,
    /// What it is, in the tester's words.
    pub what: String,
    /// The script's line; `None` if it isn't known.
    pub line: Option<String>,
    /// Whether the run failed in it.
    pub has_failed: bool,
}

/// A look for a leader.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Look {
    /// When.
    pub at: u64,
    /// Which of the checker's looks, from 1.
    pub round: u32,
    /// How many it has.
    pub rounds: u32,
    /// The leader that it found.
    pub leader: Option<u32>,
}

/// A step in which the script changed the cluster or the network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// When.
    pub at: u64,
    /// What it is, in the tester's words.
    pub what: String,
    /// The script's line; `None` if it isn't known.
    pub line: Option<String>,
    /// Whether it changed the network as a whole.
    pub is_network: bool,
}

/// Which servers were alive and connected, from a change on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Up {
    /// Since when.
    pub at: u64,
    /// Which.
    pub servers: Vec<usize>,
    /// Whether they are a majority.
    pub is_majority: bool,
}

fn line(step: &Step) -> Option<String> {
    let (file, line) = step.line.as_ref()?;
    Some(format!("{}:{line}", one_line(file)))
}

pub(crate) fn checks(record: &Record, story: &Story, end: u64) -> Vec<Check> {
    let failed = record.failure.as_ref().and_then(|failure| story.step_at(failure.at));
    let failed = failed.map(|step| step.moment);
    let mut checks: Vec<Check> = Vec::new();
    for (place, step) in story.steps.iter().enumerate().filter(|(_, step)| !step.is_fault) {
        let until = story.steps.get(place + 1).map_or(end, |next| next.moment.at.0);
        let has_failed = failed == Some(step.moment);
        let until = match &record.failure {
            Some(failure) if has_failed && failure.at > Time(0) => until.max(failure.at.0),
            _ => until,
        };
        checks.push(Check {
            at: step.moment.at.0,
            until,
            what: one_line(&step.what).into_owned(),
            line: line(step),
            has_failed,
        });
    }
    checks
}

pub(crate) fn looks(story: &Story) -> Vec<Look> {
    let looks = story.looks.iter();
    let look = |look: &report::story::Look| Look {
        at: look.moment.at.0,
        round: look.round,
        rounds: look.rounds,
        leader: look.leader,
    };
    looks.map(look).collect()
}

pub(crate) fn faults(story: &Story) -> Vec<Fault> {
    let steps = story.steps.iter().filter(|step| step.is_fault);
    let fault = |step: &Step| Fault {
        at: step.moment.at.0,
        what: one_line(&step.what).into_owned(),
        line: line(step),
        is_network: step.network.is_some(),
    };
    // How every test begins is no news, unless it is about the network.
    let is_news = |fault: &Fault| fault.at > 0 || fault.is_network;
    steps.map(fault).filter(is_news).collect()
}

pub(crate) fn up(story: &Story) -> Vec<Up> {
    let links = story.links.iter().flatten().map(|link| link.moment.at);
    let lives = story.lives.iter().flatten();
    let lives = lives.flat_map(|life| [Some(life.from.at), life.until.map(|until| until.at)]);
    let mut times: Vec<Time> = links.chain(lives.flatten()).collect();
    times.sort_unstable();
    times.dedup();
    let mut up: Vec<Up> = Vec::new();
    for at in times {
        let servers = story.up(at);
        if up.last().is_none_or(|last| last.servers != servers) {
            let is_majority = servers.len() >= story.majority();
            up.push(Up { at: at.0, servers, is_majority });
        }
    }
    up
}
