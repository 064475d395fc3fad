//! Runs campaigns.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use report::{RunResult, Verdict, without_numbers};
use serde_json::Value;

use crate::campaigns::{CAMPAIGNS, Campaign};
use crate::stored::{self, Failed, Finding, Measured};
use crate::{Error, adapters};

/// Runs the campaigns of these names, with so many seeds or with their own number.
pub(crate) fn measure(names: &[String], seeds: Option<u64>) -> Result<(), Error> {
    let known = |name: &String| CAMPAIGNS.iter().any(|campaign| campaign.of == name);
    if let Some(unknown) = names.iter().find(|name| !known(name)) {
        let mut all: Vec<&str> = CAMPAIGNS.iter().map(|campaign| campaign.of).collect();
        all.dedup();
        return Err(Error::NoCampaign(unknown.clone(), all.join(", ")));
    }
    let is_asked =
        |campaign: &&Campaign| names.is_empty() || names.iter().any(|name| campaign.of == name);
    for campaign in CAMPAIGNS.iter().filter(is_asked) {
        let binary = build(campaign)?;
        for test in campaign.tests {
            let measured = run(campaign, &binary, test, seeds.unwrap_or(campaign.seeds))?;
            println!("{}: {test}: {} of {}", campaign.name, measured.failed, measured.runs);
            stored::add(measured)?;
        }
    }
    Ok(())
}

/// Builds the tests of a campaign's peer, and returns where the program is.
fn build(campaign: &Campaign) -> Result<PathBuf, Error> {
    let Campaign { peer, patches, .. } = *campaign;
    let build =
        ["test", "--release", "--locked", "--no-run", "--message-format", "json", "--test", "lab3"];
    let folder = adapters().join(peer);
    let mut command = if patches.is_empty() {
        Command::new("cargo")
    } else {
        let mut patched = Command::new(adapters().join("patched"));
        patched.args([peer, patches]);
        patched
    };
    let output = command
        .args(build)
        .current_dir(folder)
        .output()
        .map_err(|error| Error::Start { program: "cargo".to_owned(), error })?;
    let stdout = String::from_utf8_lossy(&output.stdout);
    let built = stdout.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut programs = built.filter_map(|it| Some(it.get("executable")?.as_str()?.to_owned()));
    match programs.next_back() {
        Some(program) if output.status.success() => Ok(program.into()),
        _ => {
            let output = String::from_utf8_lossy(&output.stderr).into_owned();
            Err(Error::Build { peer, patches, output })
        }
    }
}

/// Makes a test's runs, with the seeds from 1 on.
fn run(campaign: &Campaign, binary: &Path, test: &str, seeds: u64) -> Result<Measured, Error> {
    let out = adapters().join("target/production");
    let results = out.join("results.jsonl");
    if results.exists() {
        fs::remove_file(&results).map_err(Error::file("remove", &results))?;
    }
    let before = children_cpu_seconds();
    let output = Command::new(binary)
        .arg(test)
        .current_dir(adapters().join(campaign.peer))
        .envs(campaign.variables.iter().copied())
        .env("LAB_OUT", &out)
        .env("LAB_REPORT", "never")
        .env("LAB_SEED", "1")
        .env("LAB_ITERS", seeds.to_string())
        .output()
        .map_err(|error| Error::Start { program: binary.display().to_string(), error })?;
    let cpu_seconds = children_cpu_seconds() - before;
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
    let failed: Vec<Failed> = runs.iter().filter_map(failure).collect();
    let mut messages: BTreeMap<String, u64> = BTreeMap::new();
    for failure in &failed {
        *messages.entry(without_numbers(&failure.message)).or_default() += 1;
    }
    let mut messages: Vec<(String, u64)> = messages.into_iter().collect();
    messages.sort_by_key(|&(_, times)| std::cmp::Reverse(times));
    Ok(Measured {
        campaign: campaign.name.to_owned(),
        test: test.to_owned(),
        runs: made,
        failed: failed.len() as u64,
        cpu_seconds,
        first: failed.into_iter().next(),
        messages,
    })
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
fn children_cpu_seconds() -> f64 {
    /// What the kernel counts such times in, on Linux.
    const TICKS_A_SECOND: f64 = 100.0;
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Behind the program's name, which may have spaces: the 16th and 17th field of all.
    let behind = stat.rsplit_once(')').map_or("", |(_, behind)| behind);
    let fields: Vec<f64> =
        behind.split_whitespace().skip(13).take(2).flat_map(str::parse).collect();
    fields.iter().sum::<f64>() / TICKS_A_SECOND
}
