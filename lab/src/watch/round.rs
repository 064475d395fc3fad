//! One round: build, and run the tests one after the other until the first run that fails.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use children::settings;
use report::{Record, RunResult, Verdict};

use crate::cli;
use crate::error::Error;
use crate::exit::Exit;
use crate::grade::dependencies;
use crate::output::{print, tell};
use crate::pages::{self, Said};
use crate::process::{Launcher, Seeds, jobs, scratch};
use crate::replay::store;
use crate::stop;
use crate::suite::{self, LabTest, Suite};

use super::show;
use super::sources::{Seen, Sources};

/// How many seeds of a test are run before it is looked whether a file has changed.
const AT_ONCE: u64 = 10;

/// What is done in rounds, and what is remembered from one to the next.
pub(super) struct Round<'a> {
    asked: &'a cli::Watch,
    /// How many were begun.
    pub(super) number: u64,
    /// The seed with which each test has failed last.
    failed: BTreeMap<String, u64>,
    /// Whether a page was opened.
    pub(super) has_opened: bool,
}

/// How a round ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// A file has changed meanwhile.
    Changed,
    /// The tests didn't build.
    NotRun,
    /// All runs passed. One of them may have shown that something is wrong all the same.
    Passed(Option<Box<RunResult>>),
    /// A run failed.
    Failed(Box<Failed>),
}

/// A run that failed.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) result: RunResult,
    /// How the run is shown again.
    pub(super) replay: String,
    pub(super) record: Option<Record>,
    pub(super) page: Option<PathBuf>,
}

impl Ended {
    pub(super) fn page(&self) -> Option<&Path> {
        match self {
            Ended::Failed(failed) => failed.page.as_deref(),
            _ => None,
        }
    }

    /// How the program ends if the user has had enough now.
    pub(super) fn exit(&self) -> Exit {
        match self {
            Ended::Passed(_) => Exit::Passed,
            Ended::Failed(_) => Exit::Failed,
            Ended::Changed | Ended::NotRun => Exit::NotBuilt,
        }
    }
}

impl<'a> Round<'a> {
    pub(super) fn new(asked: &'a cli::Watch) -> Round<'a> {
        Round { asked, number: 0, failed: BTreeMap::new(), has_opened: false }
    }

    /// Builds and runs, as long as the sources are as they were `seen`.
    pub(super) fn run(&mut self, sources: &Sources, seen: &Seen) -> Result<Ended, Error> {
        let asked = self.asked;
        self.number += 1;
        let suite = suite::prepare(&asked.package, &asked.build, &asked.filters)?;
        let suite = suite.conducted(&asked.conduct);
        let remark = dependencies::remark(&suite.folder)?;
        remark.iter().for_each(|remark| tell(&format!("note: {remark}")));
        let mut done = vec![false; suite.tests.len()];
        let mut doubted = None;
        for (place, test) in suite.tests.iter().enumerate() {
            let mut runs = 0;
            for seeds in self.seeds(test) {
                if sources.look() != *seen {
                    return Ok(Ended::Changed);
                }
                let results = self.run_seeds(&suite, test, seeds)?;
                runs += results.len();
                let failed = results.iter().find(|result| result.failure().is_some());
                if let Some(result) = failed {
                    print(&show::row(test, runs, Some(result.seed)));
                    print(&show::progress(&suite.tests, &done));
                    self.failed.insert(test.name.clone(), result.seed);
                    return self.keep(&suite, test, result.clone()).map(Ended::Failed);
                }
                doubted = doubted.or_else(|| {
                    results.into_iter().find(|result| !result.doubts.is_empty()).map(Box::new)
                });
            }
            done[place] = true;
            print(&show::row(test, runs, None));
        }
        print(&show::progress(&suite.tests, &done));
        Ok(Ended::Passed(doubted))
    }

    /// The seeds of a test, in portions. That with which it failed last is the first.
    fn seeds(&self, test: &LabTest) -> Vec<Seeds> {
        let count = self.asked.iterations.get();
        let first = self.asked.seed.unwrap_or_else(|| u64::from(rand::random::<u32>()));
        let again = self.failed.get(&test.name).filter(|_| self.asked.seed.is_none());
        let again = again.map(|&first| Seeds { first, count: 1 });
        let portions = (0..count).step_by(AT_ONCE as usize).map(|begun| Seeds {
            first: first.wrapping_add(begun),
            count: AT_ONCE.min(count - begun),
        });
        again.into_iter().chain(portions).collect()
    }

    /// Runs some seeds of a test.
    fn run_seeds(
        &self,
        suite: &Suite,
        test: &LabTest,
        seeds: Seeds,
    ) -> Result<Vec<RunResult>, Error> {
        let variables = vec![(settings::JOBS, jobs(self.asked.jobs).to_string())];
        let launcher = Launcher { suite, variables };
        let folder = scratch()?;
        let stopped = || Error::Stopped(stop::exit().unwrap_or(Exit::Interrupted));
        let ended = launcher.run(test, seeds, folder.path())?.ok_or_else(stopped)?;
        Ok(ended.complete(test, seeds)?.ok_or_else(stopped)?.lines)
    }

    /// Stores and draws a run that has failed.
    fn keep(&self, suite: &Suite, test: &LabTest, result: RunResult) -> Result<Box<Failed>, Error> {
        let asked = self.asked;
        let mut replay = format!("cargo lab replay {} --seed {}", test.name, result.seed);
        if asked.package != "raft" {
            replay.push_str(&format!(" -p {}", asked.package));
        }
        // By the real clock it would be another run.
        let stored = match asked.conduct.is_real() {
            true => None,
            false => store(suite, test, result.seed, asked.out.as_deref())?.ok(),
        };
        let record = stored.as_deref().and_then(|path| pages::read(path).ok());
        let page = stored.map(|path| {
            pages::draw_beside(&path, Said::Nothing);
            path.with_file_name(pages::LATEST)
        });
        Ok(Box::new(Failed { result, replay, record, page: page.filter(|page| page.exists()) }))
    }
}

impl Failed {
    /// What went wrong, and why.
    pub(super) fn verdict(&self) -> Option<(&report::Failure, &report::explain::Explanation)> {
        match &self.result.verdict {
            Verdict::Failed { failure, explanation, .. } => Some((failure, explanation)),
            _ => None,
        }
    }
}
