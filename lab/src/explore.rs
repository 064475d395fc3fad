//! `cargo lab explore`: random faults until something is found, and the smallest plan that shows it.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use children::settings;
use indicatif::{ProgressBar, ProgressStyle};
use nemesis::{Plan, shrink_with};
use report::{FailureKind, RunResult, Verdict, without_numbers};
use tempfile::TempDir;

use crate::cli;
use crate::error::Error;
use crate::exit::Exit;
use crate::output::{print, tell};
use crate::pages::{self, Said};
use crate::process::{Ended, Launcher, Seeds, jobs, scratch};
use crate::stop;
use crate::suite::{self, LabTest, Suite};
use crate::table::wall;

/// The test that explores.
pub(crate) const TEST: &str = "TestExplore";

/// How long a process should be at work.
const CHUNK: Duration = Duration::from_secs(2);

/// The most runs that a process is given.
const CHUNK_MAX: u64 = 2_000;

/// With how many seeds a smaller plan is tried: most of what is wrong hangs on chance.
const TRIES: u64 = 8;

/// How long plans are made smaller.
const SHRINK: Duration = Duration::from_secs(90);

/// What is found in a run, as far as it is the same in another.
#[derive(Clone, Debug, PartialEq)]
struct Found {
    /// The first finding, or else the sentence without its numbers.
    what: String,
    /// The sentence.
    sentence: String,
    kind: FailureKind,
}

/// Explores until the time is over, or something is found.
pub(crate) fn explore(asked: &cli::Explore) -> Result<Exit, Error> {
    if env::var_os(settings::PLAN).is_some() {
        return Err(Error::OnePlan);
    }
    if asked.conduct.is_real() {
        return Err(Error::NothingRepeats);
    }
    stop::watch();
    let no_exploration = || Error::NoExploration(asked.package.clone());
    let suite = suite::prepare(&asked.package, &asked.build, &[TEST.to_owned()]);
    let suite = suite.map_err(|error| match error {
        Error::NoSuchTest { .. } => no_exploration(),
        error => error,
    })?;
    let suite = suite.conducted(&asked.conduct);
    let test = suite.tests.iter().find(|test| test.name == TEST).ok_or_else(no_exploration)?;
    let out = asked.out.clone().unwrap_or_else(|| suite.target.join("lab"));
    // Better now than when something is found.
    fs::create_dir_all(&out).map_err(|error| Error::write(&out, error))?;
    let jobs = jobs(asked.jobs);
    let first = asked.seed.unwrap_or_else(|| u64::from(rand::random::<u32>()));
    let search = Search { suite: &suite, test, jobs };
    tell(&format!(
        "{}: {TEST} for {}, seeds from {first} on, {jobs} at a time",
        suite.package,
        wall(asked.time())
    ));
    let explored = search.explore(first, asked.time())?;
    let Explored { runs, cpu, wall: took, found } = &explored;
    print(&format!("{runs} runs, {}, {:.1} s of CPU time\n", wall(*took), cpu.as_secs_f64()));
    let Some((seed, found)) = found else {
        if let Some(exit) = stop::exit() {
            print("interrupted: these results are incomplete\n");
            return Ok(exit);
        }
        print("nothing found\n");
        return Ok(Exit::Passed);
    };
    print(&format!("found with seed {seed}: {}\n", found.sentence));
    if found.kind == FailureKind::Tester {
        return Ok(Exit::Tester);
    }
    let plan = Plan::draw(*seed);
    if search.seed_with(&plan, found)? != Some(*seed) && !stop::is_asked() {
        print(&format!(
            "run alone, seed {seed} doesn't show it: the code under test keeps something from run to run, \
             or takes time from the machine's clock. LAB_CHECK_DETERMINISM=1 shows where two runs begin to differ\n"
        ));
        return Ok(Exit::Failed);
    }
    let smallest = search.shrink(&plan, found)?;
    if stop::is_asked() {
        print("interrupted: a smaller plan might also show the failure\n");
    }
    search.show(&smallest, found, &out)?;
    Ok(stop::exit().unwrap_or(Exit::Failed))
}

/// What came of exploring.
struct Explored {
    runs: u64,
    cpu: Duration,
    wall: Duration,
    /// The first seed with which something was found, and what.
    found: Option<(u64, Found)>,
}

struct Search<'a> {
    suite: &'a Suite,
    test: &'a LabTest,
    jobs: usize,
}

impl Search<'_> {
    fn explore(&self, first: u64, time: Duration) -> Result<Explored, Error> {
        let bar = bar("exploring");
        let began = Instant::now();
        let mut explored =
            Explored { runs: 0, cpu: Duration::ZERO, wall: Duration::ZERO, found: None };
        // However short the time is, something is run in it.
        while explored.runs == 0 || (began.elapsed() < time && explored.found.is_none()) {
            let left = time.saturating_sub(began.elapsed()).min(CHUNK);
            let count = match explored.runs {
                0 => self.jobs as u64 * 4,
                runs => (left.as_secs_f64() * runs as f64 / began.elapsed().as_secs_f64()) as u64,
            };
            let seeds = Seeds {
                first: first.wrapping_add(explored.runs),
                count: count.clamp(1, CHUNK_MAX),
            };
            let Some(ended) = self.run(seeds, None)? else { break };
            let Some(ended) = ended.complete(self.test, seeds)? else { break };
            explored.runs += ended.lines.len() as u64;
            explored.cpu += ended.cpu;
            explored.found = first_found(&ended.lines);
            bar.set_message(format!("{} runs", explored.runs));
        }
        bar.finish_and_clear();
        explored.wall = began.elapsed();
        Ok(explored)
    }

    /// The smallest plan that can be found in some time with which the same is found.
    fn shrink(&self, plan: &Plan, found: &Found) -> Result<Plan, Error> {
        let bar = bar("making the plan smaller");
        let began = Instant::now();
        let mut error = None;
        let mut asked = 0;
        let smallest = shrink_with(plan, |candidate| {
            if error.is_some() || stop::is_asked() || began.elapsed() > SHRINK {
                return None;
            }
            asked += 1;
            bar.set_message(format!(
                "{asked} tried; {} on {}",
                counted(candidate.acts.len(), "act"),
                counted(candidate.servers, "server")
            ));
            let seed = self.seed_with(candidate, found).unwrap_or_else(|why| {
                error = Some(why);
                None
            });
            seed.map(|seed| Plan { seed, ..candidate.clone() })
        });
        bar.finish_and_clear();
        error.map_or(Ok(smallest), Err)
    }

    /// One of some seeds with which `plan` shows the same.
    fn seed_with(&self, plan: &Plan, found: &Found) -> Result<Option<u64>, Error> {
        let seeds = Seeds { first: plan.seed, count: TRIES };
        let Some(ended) = self.run(seeds, Some(plan))? else { return Ok(None) };
        let is_same =
            |line: &&RunResult| found_in(line).is_some_and(|other| other.what == found.what);
        Ok(ended.lines.iter().find(is_same).map(|line| line.seed))
    }

    /// Runs some seeds, with what they draw or with `plan`; `None` if it was stopped.
    fn run(&self, seeds: Seeds, plan: Option<&Plan>) -> Result<Option<Ended>, Error> {
        let folder = scratch()?;
        let mut variables = vec![(settings::JOBS, self.jobs.to_string())];
        if let Some(plan) = plan {
            let path = folder.path().join("plan.json");
            write(&path, &json(plan))?;
            variables.push((settings::PLAN, path.display().to_string()));
        }
        let launcher = Launcher { suite: self.suite, variables };
        launcher.run(self.test, seeds, folder.path())
    }

    /// Shows the run with `plan`, and leaves the plan and its script in `out`.
    fn show(&self, plan: &Plan, found: &Found, out: &Path) -> Result<(), Error> {
        let seed = plan.seed;
        let [plan_file, script_file] =
            [format!("plan-{seed}.json"), format!("found-{seed}.rs")].map(|name| out.join(name));
        write(&plan_file, &json(plan))?;
        // The test runs in another folder.
        let full = out.canonicalize().map_err(|error| Error::write(out, error))?;
        let folder =
            TempDir::with_prefix_in(".runs-", &full).map_err(|error| Error::write(out, error))?;
        let ended = self.follow(&plan_file, seed, folder.path())?;
        // It may be the same in other words than with the first plan.
        let again = ended.as_ref().and_then(|ended| found_in(ended.lines.first()?));
        let script = plan.script(&again.as_ref().unwrap_or(found).sentence);
        write(&script_file, &script)?;
        let (acts, servers) = (plan.acts.len(), plan.servers);
        let (acts, servers) = (counted(acts, "act"), counted(servers, "server"));
        let report = ended
            .map(|ended| pages::keep(ended, folder.path(), out, Said::Where))
            .unwrap_or_default();
        print(&format!(
            "\nthe smallest plan that shows it has {acts} on {servers}:\n\n{report}\nAs a test that you can \
             paste into a test file:\n\n{script}\nstored in {} and {}\n",
            plan_file.display(),
            script_file.display()
        ));
        Ok(())
    }

    /// Runs the plan of a file, which stays there for who wants to run it again.
    fn follow(&self, plan: &Path, seed: u64, folder: &Path) -> Result<Option<Ended>, Error> {
        let plan = plan.canonicalize().unwrap_or_else(|_| PathBuf::from(plan));
        let variables = vec![
            (settings::PLAN, plan.display().to_string()),
            (settings::REPORT, "always".to_owned()),
        ];
        let launcher = Launcher { suite: self.suite, variables };
        launcher.run(self.test, Seeds { first: seed, count: 1 }, folder)
    }
}

fn first_found(lines: &[RunResult]) -> Option<(u64, Found)> {
    let mut found = lines.iter().filter_map(|line| Some((line.seed, found_in(line)?)));
    found.next()
}

fn found_in(line: &RunResult) -> Option<Found> {
    let Verdict::Failed { failure, explanation, .. } = &line.verdict else { return None };
    let sentence = failure.message.lines().next().unwrap_or_default().to_owned();
    let what = match explanation.findings.first() {
        Some(finding) => finding.id.to_string(),
        None => without_numbers(&sentence),
    };
    Some(Found { what, sentence, kind: failure.kind })
}

/// `1 act`, `2 acts`.
fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn json(plan: &Plan) -> String {
    serde_json::to_string(plan).expect("a plan is plain data") + "\n"
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    fs::write(path, text).map_err(|error| Error::write(path, error))
}

/// A line that says what goes on, on a terminal.
fn bar(what: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {prefix}: {elapsed} gone, {msg}");
    let bar = ProgressBar::new_spinner();
    bar.set_style(style.expect("the template is well-formed"));
    bar.set_prefix(what);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
