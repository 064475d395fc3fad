//! `cargo lab zoo`: how many of the known bugs the tests catch.
//!
//! * `bugs` asks the package `zoo` which there are.
//! * `campaign` runs every test with each bug, and with none; `progress` shows how far it is.
//! * `stored` is what is stored, in a file of `crate::stored`. All that is shown is made from it.
//! * `score` says what catches a bug, `report` puts it into words.

mod bugs;
mod campaign;
mod progress;
mod report;
mod score;
mod stored;

use std::collections::BTreeSet;
use std::fs;
use std::hash::{DefaultHasher, Hasher as _};
use std::path::Path;

use crate::cli;
use crate::error::Error;
use crate::exit::Exit;
use crate::output::{print, tell};
use crate::process::{Seeds, jobs};
use crate::stop;
use crate::stored::{Store, campaign_file};
use crate::suite::{self, Suite};
use campaign::{UNKNOWN, Work};
pub(crate) use report::cell_text;
use report::{report, score};
use score::{Scored, Step};
pub(crate) use stored::Group;
use stored::{Campaign, Cell, FORM, Plan};

/// After so many runs of a test that hung, its other seeds aren't run: each takes seconds, where others
/// take milliseconds.
const ENOUGH_HUNG: u64 = 2;

/// Runs a campaign, or shows one.
pub(crate) fn zoo(asked: &cli::Zoo) -> Result<Exit, Error> {
    if let Some(path) = &asked.report {
        print(&report(&Campaign::read(path)?));
        return Ok(Exit::Passed);
    }
    if let Some(path) = &asked.slice {
        print(&slice(&Campaign::read(path)?));
        return Ok(Exit::Passed);
    }
    stop::watch();
    let suite = suite::prepare("zoo", &asked.build, &asked.tests)?;
    let bugs = bugs::ask(&asked.build, &asked.bugs)?;
    let count = asked.iterations.get();
    let plan = Plan {
        form: FORM,
        code: code(&suite)?,
        profile: if asked.build.release { "release" } else { "debug" }.to_owned(),
        seeds: Seeds { first: asked.seed, count },
        explore: asked.explore.unwrap_or(count),
        enough: asked.enough,
        enough_hung: ENOUGH_HUNG,
        tests: suite.tests.iter().map(|test| test.name.clone()).collect(),
        bugs,
    }
    .in_order();
    let out = asked.out.clone().unwrap_or_else(|| suite.target.join("lab"));
    let path = campaign_file(&out, "zoo.jsonl");
    let (store, campaign) =
        if asked.resume { Store::resume(&path, &plan)? } else { Store::create(&path, plan)? };

    let work = Work { suite: &suite, jobs: jobs(asked.jobs) };
    tell(&headline(&campaign, work.jobs));
    let (campaign, error) = work.run(store, campaign);

    print(&score(&campaign));
    print(&format!("\nstored in {}; --report shows it bug by bug\n", path.display()));
    if let Some(error) = error {
        return Err(error);
    }
    if let Some(exit) = stop::exit() {
        print("interrupted: these results are incomplete\n");
        return Ok(exit);
    }
    Ok(verdict(&campaign))
}

/// What the failures of bugs that aren't harmless are explained by, in a stored campaign.
pub(crate) fn explained(path: &Path) -> Result<Explained, Error> {
    let campaign = Campaign::read(path)?;
    let harmful = |cell: &&Cell| {
        campaign.plan.bugs.iter().any(|bug| bug.name == cell.bug && !bug.is_harmless())
    };
    let cells: Vec<&Cell> = campaign.cells.iter().filter(harmful).collect();
    let sum = |count: fn(&Cell) -> u64| cells.iter().map(|cell| count(cell)).sum::<u64>();
    Ok(Explained {
        bugs: cells.iter().map(|cell| cell.bug.as_str()).collect::<BTreeSet<_>>().len(),
        failures: sum(|cell| cell.failures),
        right: sum(|cell| cell.right),
        unknown: sum(|cell| cell.findings.get(UNKNOWN).copied().unwrap_or(0)),
    })
}

/// What the failures of a stored campaign are explained by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Explained {
    pub(crate) bugs: usize,
    pub(crate) failures: u64,
    /// The first finding names the bug.
    pub(crate) right: u64,
    /// There is none.
    pub(crate) unknown: u64,
}

/// For each bug that isn't harmless a run that fails: the bug, the test and the seed.
fn slice(campaign: &Campaign) -> String {
    let bugs = campaign.plan.bugs.iter().filter(|bug| !bug.is_harmless());
    let runs = bugs.filter_map(|bug| {
        let (test, run) = Scored::of(campaign, &bug.name)?.surest()?;
        let seed = campaign.plan.seeds.first.wrapping_add(run);
        Some(format!("{} {test} {seed}\n", bug.name))
    });
    runs.collect()
}

fn headline(campaign: &Campaign, jobs: usize) -> String {
    let Campaign { plan, cells } = campaign;
    let Plan { seeds: Seeds { first, count }, bugs, tests, .. } = plan;
    let done = match cells.len() {
        0 => String::new(),
        done => format!(", of which {done} pairs are done"),
    };
    format!(
        "zoo: the right Raft and {} bugs, {} tests of each{done}; {count} seeds from {first} on, {jobs} at a \
         time",
        bugs.len(),
        tests.len()
    )
}

/// What tells these test binaries from others.
fn code(suite: &Suite) -> Result<String, Error> {
    let binaries: BTreeSet<&Path> = suite.tests.iter().map(|test| test.binary.as_path()).collect();
    let mut hasher = DefaultHasher::new();
    for path in binaries {
        hasher.write(&fs::read(path).map_err(|error| Error::read(path, error))?);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

/// Whether the tests tell right from wrong.
fn verdict(campaign: &Campaign) -> Exit {
    let rafts = campaign.plan.rafts().filter_map(|raft| Scored::of(campaign, raft));
    let is_told = |scored: &Scored<'_>| match scored.bug {
        None => !scored.is_caught(Step::Explore),
        Some(bug) => bug.is_harmless() || scored.is_caught(Step::Explore),
    };
    let all: Vec<Scored<'_>> = rafts.collect();
    if campaign.cells.iter().any(|cell| cell.tester > 0) {
        Exit::Tester
    } else if all.iter().all(is_told) {
        Exit::Passed
    } else {
        Exit::Failed
    }
}
