//! Runs campaigns.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use report::{RunResult, Verdict, without_numbers};
use serde_json::Value;

use crate::campaigns::{self, Amount, Campaign, MIT, Role};
use crate::exempt;
use crate::stored::{self, Failed, Finding, Measured};
use crate::{Error, adapters};

/// Runs the campaigns of these names, of one adapter or of all, with so many seeds or with their own number.
pub(crate) fn measure(
    names: &[String],
    peer: Option<&str>,
    seeds: Option<u64>,
) -> Result<(), Error> {
    let known = |name: &String| campaigns::all().any(|campaign| campaign.of == name);
    if let Some(unknown) = names.iter().find(|name| !known(name)) {
        let mut all: Vec<&str> = campaigns::all().map(|campaign| campaign.of).collect();
        all.dedup();
        return Err(Error::NoCampaign(unknown.clone(), all.join(", ")));
    }
    let is_asked = |campaign: &&Campaign| {
        (names.is_empty() || names.iter().any(|name| campaign.of == name))
            && peer.is_none_or(|peer| campaign.peer == peer)
    };
    for campaign in campaigns::all().filter(is_asked) {
        let built = Built::new(campaign)?;
        let amount = seeds.map_or(campaign.amount, Amount::Runs);
        let is_right = campaign.role == Role::Right;
        let is_asked = |test: &&&str| !is_right || exempt::reason(campaign.peer, test).is_none();
        for test in campaign.tests.iter().filter(is_asked) {
            let measured = built.measure(campaign, test, amount)?;
            println!("{}: {test}: {} of {}", campaign.name, measured.failed, measured.runs);
            stored::add(measured)?;
        }
    }
    Ok(())
}

/// The programs with a peer's tests.
pub(crate) struct Built {
    /// Where each is, by its name.
    programs: BTreeMap<String, PathBuf>,
}

impl Built {
    /// Builds the tests of a campaign's peer.
    pub(crate) fn new(campaign: &Campaign) -> Result<Built, Error> {
        let Campaign { peer, patches, .. } = *campaign;
        let build = ["test", "--release", "--locked", "--no-run", "--message-format", "json"];
        let mut command = if patches.is_empty() {
            Command::new("cargo")
        } else {
            let mut patched = Command::new(adapters().join("patched"));
            patched.args([peer, patches]);
            patched
        };
        let names: BTreeSet<&str> = campaign.tests.iter().map(|test| program(test)).collect();
        let output = command
            .args(build)
            .args(names.iter().flat_map(|name| ["--test", name]))
            .current_dir(adapters().join(peer))
            .output()
            .map_err(|error| Error::Start { program: "cargo".to_owned(), error })?;
        let stdout = String::from_utf8_lossy(&output.stdout);
        let built = stdout.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let programs = built.filter_map(|it| {
            let name = it.get("target")?.get("name")?.as_str()?.to_owned();
            Some((name, it.get("executable")?.as_str()?.into()))
        });
        let programs: BTreeMap<String, PathBuf> = programs.collect();
        if output.status.success() && programs.len() == names.len() {
            return Ok(Built { programs });
        }
        let output = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(Error::Build { peer, patches, output })
    }

    /// The program with a test.
    pub(crate) fn program(&self, test: &str) -> &Path {
        &self.programs[program(test)]
    }

    /// Makes a test's runs, with the seeds from 1 on.
    fn measure(&self, campaign: &Campaign, test: &str, amount: Amount) -> Result<Measured, Error> {
        let before = children_cpu_seconds();
        let mut runs = Vec::new();
        match amount {
            Amount::Runs(seeds) => runs = self.run(campaign, test, 1, seeds)?,
            Amount::CpuMinutes(minutes) => {
                while children_cpu_seconds() - before < 60.0 * minutes as f64 {
                    let first = runs.len() as u64 + 1;
                    runs.extend(self.run(campaign, test, first, AT_ONCE)?);
                }
            }
        }
        Ok(summary(campaign, test, &runs, children_cpu_seconds() - before))
    }

    fn run(
        &self,
        campaign: &Campaign,
        test: &str,
        first: u64,
        seeds: u64,
    ) -> Result<Vec<RunResult>, Error> {
        let binary = self.program(test);
        let out = adapters().join("target/production");
        let results = out.join("results.jsonl");
        if results.exists() {
            fs::remove_file(&results).map_err(Error::file("remove", &results))?;
        }
        let output = Command::new(binary)
            .arg(test)
            .current_dir(adapters().join(campaign.peer))
            .envs(campaign.variables.iter().copied())
            .env("LAB_OUT", &out)
            .env("LAB_REPORT", "never")
            .env("LAB_SEED", first.to_string())
            .env("LAB_ITERS", seeds.to_string())
            .output()
            .map_err(|error| Error::Start { program: binary.display().to_string(), error })?;
        let text = fs::read_to_string(&results).unwrap_or_default();
        let runs = (1..).zip(text.lines()).map(|(line, text)| {
            serde_json::from_str(text).map_err(|error| Error::Stored {
                path: results.clone(),
                line,
                error,
            })
        });
        let mut runs = runs.collect::<Result<Vec<RunResult>, Error>>()?;
        let made = runs.len() as u64;
        if made != seeds {
            let output = String::from_utf8_lossy(&output.stdout).into_owned();
            let (test, peer) = (test.to_owned(), campaign.peer);
            return Err(Error::Runs { test, peer, made, asked: seeds, output });
        }
        runs.sort_by_key(|run| run.seed);
        Ok(runs)
    }
}

/// In which program a test is.
fn program(test: &str) -> &'static str {
    if MIT.contains(&test) { "lab3" } else { "extra" }
}

/// How many runs are made before the CPU time is looked at again.
const AT_ONCE: u64 = 500;

fn summary(campaign: &Campaign, test: &str, runs: &[RunResult], cpu_seconds: f64) -> Measured {
    let failed: Vec<Failed> = runs.iter().filter_map(failure).collect();
    let messages = failed.iter().map(|failed| without_numbers(&failed.message));
    let reasons = runs.iter().filter_map(|run| match &run.verdict {
        Verdict::Skipped { reason } => Some(without_numbers(reason)),
        Verdict::Passed(_) | Verdict::Failed { .. } => None,
    });
    let reasons = counted(reasons);
    // A run's findings and warnings, each once.
    let said = runs.iter().flat_map(|run| {
        let doubts = run.doubts.iter().map(|doubt| doubt.id.clone());
        let warnings = run.warnings.iter().map(|warning| without_numbers(warning));
        doubts.chain(warnings).collect::<BTreeSet<String>>()
    });
    Measured {
        campaign: campaign.name.to_owned(),
        test: test.to_owned(),
        runs: runs.len() as u64,
        failed: failed.len() as u64,
        skipped: reasons.iter().map(|(_, runs)| runs).sum(),
        reasons,
        cpu_seconds,
        messages: counted(messages),
        said: counted(said),
        first: failed.into_iter().next(),
    }
}

/// Each text and how often it is there, the most frequent first.
fn counted(texts: impl Iterator<Item = String>) -> Vec<(String, u64)> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    texts.for_each(|text| *counts.entry(text).or_default() += 1);
    let mut counts: Vec<(String, u64)> = counts.into_iter().collect();
    counts.sort_by_key(|&(_, times)| std::cmp::Reverse(times));
    counts
}

/// How a run failed, if it did.
fn failure(run: &RunResult) -> Option<Failed> {
    let Verdict::Failed { failure, explanation, .. } = &run.verdict else { return None };
    // What stands below a message's first line is about this run alone.
    let first_line = |text: &str| text.lines().next().unwrap_or_default().to_owned();
    let finding = explanation.findings.first().map(|finding| Finding {
        id: finding.id.clone(),
        confidence: finding.confidence,
        what: first_line(&finding.what),
    });
    Some(Failed { seed: run.seed, message: first_line(&failure.message), finding })
}

/// The CPU time that the ended child processes of this one have used, in seconds; 0 where the kernel doesn't say.
pub(crate) fn children_cpu_seconds() -> f64 {
    /// What the kernel counts such times in, on Linux.
    const TICKS_A_SECOND: f64 = 100.0;
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Behind the program's name, which may have spaces: the 16th and 17th field of all.
    let behind = stat.rsplit_once(')').map_or("", |(_, behind)| behind);
    let fields: Vec<f64> =
        behind.split_whitespace().skip(13).take(2).flat_map(str::parse).collect();
    fields.iter().sum::<f64>() / TICKS_A_SECOND
}
