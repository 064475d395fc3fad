//! `cargo lab mutants`: how often the first explanation of a failure is right, on bugs that nobody chose.
//!
//! cargo-mutants lists the mutants of the reference Raft. This program runs them, which is faster: only the
//! Raft is built anew, and a mutant is left as soon as a few tests have failed.
//!
//! * `generate` asks cargo-mutants, and reads from the Raft's documentation which function has which rules.
//! * `scratch` is a copy of the workspace, into which one mutant at a time is put.
//! * `campaign` runs the tests on each mutant. `stored` is what is stored of it.
//! * `judgement` judges by where in the paper a finding points to; `report` puts it into words.

mod campaign;
mod generate;
mod judgement;
mod report;
mod scratch;
mod stored;

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::cargo::workspace;
use crate::cli;
use crate::error::Error;
use crate::exit::Exit;
use crate::output::{print, tell};
use crate::process::Seeds;
use crate::stop;
use crate::stored::{Campaign, Plan as _, Store, campaign_file};
use crate::zoo;
use campaign::Work;
use scratch::Scratch;
use stored::{Mutants, Plan};

/// The package that is mutated.
const PACKAGE: &str = "raft";

/// Runs a campaign, or shows one.
pub(crate) fn mutants(asked: &cli::Mutants) -> Result<Exit, Error> {
    if let Some(path) = &asked.report {
        print(&page(asked, &Campaign::read(path)?)?);
        return Ok(Exit::Passed);
    }
    stop::watch();
    let metadata = workspace(asked.build.manifest_path.as_deref())?;
    let root = metadata.workspace_root.as_std_path();
    let folder = metadata.target_directory.as_std_path().join("lab/mutants");
    let scratch = Scratch::make(root, &folder, asked.build.release)?;
    let mut mutants = generate::list(root)?;
    if let Some(name) = &asked.apply {
        let found = mutants.iter().find(|mutant| mutant.name.contains(name));
        let mutant = found.ok_or_else(|| Error::NoMutant(name.clone()))?;
        scratch.apply(mutant)?;
        print(&format!("{}\n", scratch.folder().display()));
        return Ok(Exit::Passed);
    }
    mutants.retain(|mutant| {
        asked.filters.is_empty() || asked.filters.iter().any(|piece| mutant.name.contains(piece))
    });
    // An order that is none of the source's: what comes of the first hundred says something of all.
    mutants.sort_by_key(|mutant| (hash(&mutant.name), mutant.name.clone()));

    tell("mutants: building the Raft as it is");
    let suite = scratch.build(&asked.tests)?.ok_or_else(|| Error::NotBuilt(PACKAGE.to_owned()))?;
    let rules = generate::rules(root)?;
    let plan = Plan {
        form: Plan::FORM,
        code: scratch.code()?,
        profile: if asked.build.release { "release" } else { "debug" }.to_owned(),
        seeds: Seeds { first: asked.seed, count: asked.iterations.get() },
        tests: suite.tests.iter().map(|test| test.name.clone()).collect(),
        mutants: mutants.iter().map(|mutant| mutant.known(&rules)).collect(),
    }
    .without_exploration();
    let path = campaign_file(asked.out.as_deref().unwrap_or(&folder), "mutants.jsonl");
    let (store, campaign) =
        if asked.resume { Store::resume(&path, &plan)? } else { Store::create(&path, plan)? };
    let until =
        asked.minutes.map(|minutes| Instant::now() + Duration::from_secs_f64(minutes * 60.0));
    let work = Work { scratch: &scratch, suite: &suite, mutants: &mutants, until };
    let (campaign, error) = work.run(store, campaign);
    print(&page(asked, &campaign)?);
    tell(&format!("stored in {}; --report prints it again", path.display()));
    if let Some(error) = error {
        return Err(error);
    }
    if let Some(exit) = stop::exit() {
        print("interrupted: these results are incomplete\n");
        return Ok(exit);
    }
    Ok(if campaign.control_fails() { Exit::Failed } else { Exit::Passed })
}

/// The report, beside the zoo's score if its results are given.
fn page(asked: &cli::Mutants, campaign: &Mutants) -> Result<String, Error> {
    let zoo = asked.zoo.as_deref().map(|path: &Path| zoo::explained(path)).transpose()?;
    Ok(report::report(campaign, zoo))
}

/// The same for the same text, wherever and whenever.
fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}
