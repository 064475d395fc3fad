//! `cargo lab why`: when a run's failure became inevitable, and what made it so.
//!
//! The run is made again up to a time, and from there on all that chance decides is drawn anew, some 30 times: the
//! share that fails, over that time, is a curve. It ends at one, and where it gets there nothing could save the
//! run any more. What chance decided in that interval is then changed, one thing at a time.
//!
//! * `points` says where to look, `stats` what some runs tell of all, `changes` what can be changed, `show` how
//!   it is printed. [`report::why`] is what is stored.
//! * A redraw's seeds come from the run's seed, the time and the redraw's number: the same command finds the same.
//! * The run without a change must have the history of the stored one, in each process and each time, and all runs that
//!   are redrawn from a time on the same beginning; else nothing that is found would be about this run, and it is refused.

mod changes;
mod points;
mod show;
mod stats;

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroU64;
use std::ops::RangeInclusive;
use std::path::Path;
use std::thread;

use children::settings;
use report::explain::{Evidence, Finding};
use report::story::Call;
use report::why::{Cause, Interval, Point, Relation, Share, Specified, Subject, Tally, Why};
use report::{
    Failure, Outcome, Record, Redraw, RunResult, Source, Story, Time, Variation, Verdict, explain,
    spec,
};

use crate::cli;
use crate::error::Error;
use crate::exit::Exit;
use crate::output::{print, tell};
use crate::pages::{self, Said};
use crate::process::{Launcher, Seeds, jobs, scratch};
use crate::replay;
use crate::stop;
use crate::suite::{self, LabTest, Suite};

use changes::{Candidate, candidates};
use points::{Count, Curve};
use stats::tally;

/// How many redraws make a point, if not said otherwise: so many of short runs, and fewer of long ones.
const REDRAWS: RangeInclusive<u64> = 4..=30;

/// How many calls the redraws of a point may make together, if not said otherwise. With this many the whole takes
/// seconds.
const CALLS: u64 = 80_000;

/// How many runs are made with only a part of what chance decides drawn anew, at most.
const SOURCE_RUNS: u64 = 20;

/// How many single changes are tried for each redraw of a point, at most.
const CHANGES: u64 = 4;

/// A millisecond in microseconds: the grain of the points.
const MS: u64 = 1000;

/// Finds out when a run's failure became inevitable, shows it, and stores it beside the run's history.
pub(crate) fn why(asked: &cli::Why) -> Result<Exit, Error> {
    if asked.run.conduct.is_real() {
        return Err(Error::NothingIsExact);
    }
    let cli::Run { test, seed, call, package, build, conduct, out } = &asked.run;
    stop::watch();
    let suite = suite::prepare(package, build, std::slice::from_ref(test))?.conducted(conduct);
    let test = replay::only(&suite, test)?.at(call.get());
    let stored = match replay::store(&suite, &test, *seed, out.as_deref())? {
        Ok(stored) => stored,
        Err(exit) => return Ok(exit),
    };
    let record = pages::read(&stored)?;
    let Some(failure) = record.failure.clone() else {
        print(&format!(
            "{}, seed {seed}: it didn't fail, so there is nothing to explain\n",
            test.title()
        ));
        return Ok(Exit::Passed);
    };
    let found = Runs {
        suite: &suite,
        test: &test,
        seed: *seed,
        jobs: jobs(asked.jobs),
        each: asked.redraws.map(NonZeroU64::get),
        record: &record,
    }
    .find(&failure, asked.points)?;
    print(&show::show(&found));
    let path = pages::why_beside(&stored);
    let text = serde_json::to_string_pretty(&found).expect("it is plain data");
    fs::write(&path, text).map_err(|error| Error::write(&path, error))?;
    tell(&format!("\nstored in {}, beside the run's history", path.display()));
    pages::draw_beside(&stored, Said::Where);
    Ok(Exit::Failed)
}

/// What makes the runs of one seed.
struct Runs<'a> {
    suite: &'a Suite,
    test: &'a LabTest,
    seed: u64,
    jobs: usize,
    /// How many redraws make a point; `None` for as many as take seconds.
    each: Option<u64>,
    record: &'a Record,
}

impl Runs<'_> {
    fn find(&self, failure: &Failure, points: usize) -> Result<Why, Error> {
        let story = Story::new(&self.record.to_history(), self.record.servers as usize);
        let curve = self.curve(&story, failure, points)?;
        let mut interval = interval(&curve);
        let (mut sources, mut causes, mut tried, mut left_out) = (Vec::new(), Vec::new(), 0, 0);
        if let Some(interval) = &mut interval {
            sources = self.sources(interval.open, curve.batch().min(SOURCE_RUNS))?;
            let (candidates, out) = self.candidates(&story, &curve, interval)?;
            left_out = out;
            tried = candidates.iter().map(|candidate| candidate.changes.len() as u64).sum();
            causes = self.causes(candidates)?;
            let effects = causes.iter().map(|cause| felt(&story, &cause.what, self.record.end));
            interval.felt = effects.fold(interval.felt, Time::max);
        }
        let points = curve.counts().iter();
        Ok(Why {
            format: Why::FORMAT,
            test: self.record.test.clone(),
            seed: self.seed,
            history: self.record.history.clone(),
            failure: failure.clone(),
            curve: points
                .map(|(&at, count)| Point {
                    at: Time(at * MS),
                    tally: tally(count.runs, count.failed),
                })
                .collect(),
            specification: specified(&story, failure, interval.as_ref()),
            interval,
            sources,
            tried,
            left_out,
            causes,
        })
    }

    /// The share that fails, over the time from which on all is drawn anew.
    fn curve(&self, story: &Story, failure: &Failure, points: usize) -> Result<Curve, Error> {
        // The run as its seed has it, twice in each of the processes.
        for result in self.vary(&vec![Variation::default(); 2 * self.jobs])?.iter().flatten() {
            self.is_the_run(result)?;
        }
        let mut redraws = Redraws { runs: self, points: BTreeMap::new() };
        let few = self.each.unwrap_or(u64::MAX).min(*REDRAWS.start());
        let mut made = redraws.make(vec![(0, few)])?;
        let each = self.each.unwrap_or_else(|| affordable(story, &made));
        // Long runs have fewer points, too.
        let points = if self.each.is_some() { points } else { points.min(each as usize + 6) };
        let mut curve = Curve::new(failure.at.0 / MS + 1, each, points);
        loop {
            for (at, result) in made {
                let failed = u64::from(result.failure().is_some());
                curve.add(at, Count { runs: 1, failed });
            }
            let next = curve.next();
            if next.is_empty() {
                return Ok(curve);
            }
            made = redraws.make(next)?;
        }
    }

    /// A run without a change has to be the stored one.
    fn is_the_run(&self, result: &RunResult) -> Result<(), Error> {
        let is_same = format!("{:016x}", result.history) == self.record.history;
        let end = self.record.end;
        if is_same || result.history == 0 { Ok(()) } else { Err(Error::NotReplayed { until: end }) }
    }

    /// What comes of it if only a part of what chance decides is drawn anew from `at` on, `each` times for each part.
    fn sources(&self, at: Time, each: u64) -> Result<Vec<Share>, Error> {
        let variations: Vec<Variation> = Source::ALL
            .into_iter()
            .flat_map(|source| (0..each).map(move |number| (source, number)))
            .map(|(source, number)| {
                let redraw = Some(Redraw { at, number, only: Some(source) });
                Variation { redraw, ..Variation::default() }
            })
            .collect();
        let results = self.vary(&variations)?;
        let mut counts = Source::ALL.map(|source| (source, Count::default()));
        for (result, place) in results.iter().zip(0..) {
            let Some(result) = result else { continue };
            let count = &mut counts[place / each as usize].1;
            count.runs += 1;
            count.failed += u64::from(result.failure().is_some());
        }
        let share = |(source, count): (Source, Count)| Share {
            source,
            tally: tally(count.runs, count.failed),
        };
        Ok(counts.into_iter().map(share).collect())
    }

    /// What chance decided within the interval. What servers drew isn't in the history, so a run is made for it.
    /// Also returns how many changes there are too many.
    fn candidates(
        &self,
        story: &Story,
        curve: &Curve,
        interval: &Interval,
    ) -> Result<(Vec<Candidate>, u64), Error> {
        let within = (interval.open, interval.lost);
        let watch = Variation { watch: Some(within), ..Variation::default() };
        let mut results = self.vary(&[watch])?;
        let draws = match results.pop().flatten() {
            Some(result) => {
                self.is_the_run(&result)?;
                result.draws
            }
            None => Vec::new(),
        };
        let jumps = curve.jumps().map(|jump| jump.map(|at| Time(at * MS)));
        let most = (curve.batch() * CHANGES) as usize;
        Ok(candidates(story, &draws, (within, &jumps), most))
    }

    /// Tries each change, and keeps what turned the verdict.
    fn causes(&self, candidates: Vec<Candidate>) -> Result<Vec<Cause>, Error> {
        let changes = candidates.iter().flat_map(|candidate| &candidate.changes);
        let variations: Vec<Variation> = changes.map(|(_, variation)| variation.clone()).collect();
        let mut results = self.vary(&variations)?.into_iter();
        let mut causes = Vec::new();
        for Candidate { what, was, changes } in candidates {
            let tried = changes.len() as u64;
            let mut turned = Vec::new();
            for change in changes {
                let result = results.next().flatten();
                if result.is_some_and(|result| result.failure().is_none()) {
                    turned.push(change);
                }
            }
            let Some((_, variation)) = turned.first().cloned() else { continue };
            let count = turned.len() as u64;
            let changed = turned.into_iter().map(|(words, _)| words).collect();
            causes.push(Cause { what, was, changed, variation, tried, turned: count });
        }
        Ok(causes)
    }

    /// Makes a run for each variation. `None` where it wasn't begun, as too many before it had hung or died.
    fn vary(&self, variations: &[Variation]) -> Result<Vec<Option<RunResult>>, Error> {
        let folder = scratch()?;
        // Neighbours take about as long as each other, so each process gets some of all.
        let share = |job| variations.iter().skip(job).step_by(self.jobs).cloned().collect();
        let shares: Vec<Vec<Variation>> = (0..self.jobs.min(variations.len())).map(share).collect();
        #[expect(clippy::disallowed_methods, reason = "nothing is simulated in this program")]
        let results: Vec<Result<_, Error>> = thread::scope(|scope| {
            let start = |(share, job): (_, usize)| {
                let folder = folder.path().join(job.to_string());
                scope.spawn(move || self.vary_share(share, &folder))
            };
            let threads: Vec<_> = shares.iter().map(Vec::as_slice).zip(0..).map(start).collect();
            threads.into_iter().map(|thread| thread.join().expect("it doesn't panic")).collect()
        });
        let mut all = vec![None; variations.len()];
        for (job, results) in results.into_iter().enumerate() {
            all.iter_mut()
                .skip(job)
                .step_by(self.jobs)
                .zip(results?)
                .for_each(|(it, its)| *it = its);
        }
        Ok(all)
    }

    fn vary_share(
        &self,
        variations: &[Variation],
        folder: &Path,
    ) -> Result<Vec<Option<RunResult>>, Error> {
        let write = |error| Error::write(folder, error);
        let out = folder.join("out");
        fs::create_dir_all(&out).map_err(write)?;
        let file = folder.join("variations.jsonl");
        fs::write(&file, Variation::write(variations)).map_err(write)?;
        let variables = vec![(settings::VARY, file.to_string_lossy().into_owned())];
        let launcher = Launcher { suite: self.suite, variables };
        let seeds = Seeds { first: self.seed, count: variations.len() as u64 };
        let ended = match launcher.run(self.test, seeds, &out)? {
            Some(ended) => ended.complete(self.test, seeds)?,
            None => None,
        };
        let Some(ended) = ended else {
            return Err(Error::Stopped(stop::exit().unwrap_or(Exit::Interrupted)));
        };
        let mut results: Vec<Option<RunResult>> = vec![None; variations.len()];
        for line in ended.lines {
            let place = seeds.place(line.seed) as usize;
            results[place] = Some(line);
        }
        Ok(results)
    }
}

/// The redrawn runs so far.
struct Redraws<'a> {
    runs: &'a Runs<'a>,
    /// For each point: how many runs were made, and the hash of the beginning that they have in common.
    points: BTreeMap<u64, (u64, Option<u64>)>,
}

impl Redraws<'_> {
    /// Makes so many more runs from each of these points on; returns each result with its point.
    fn make(&mut self, next: Vec<(u64, u64)>) -> Result<Vec<(u64, RunResult)>, Error> {
        let (mut from, mut variations) = (Vec::new(), Vec::new());
        for (at, runs) in next {
            let (made, _) = self.points.entry(at).or_default();
            let redraw = |number| Variation::redraw(Time(at * MS), number);
            variations.extend((*made..*made + runs).map(redraw));
            *made += runs;
            from.resize(variations.len(), at);
        }
        let results = from.into_iter().zip(self.runs.vary(&variations)?);
        let results: Vec<_> = results.filter_map(|(at, result)| Some((at, result?))).collect();
        for (at, result) in &results {
            // A run that took its process along has no history, nor has one that is too long.
            let Some(here) = result.prefix else { continue };
            let (_, common) = self.points.entry(*at).or_default();
            if *common.get_or_insert(here) != here {
                return Err(Error::NotReplayed { until: Time(at * MS) });
            }
        }
        Ok(results)
    }
}

/// How many redraws make a point, where a run makes as many calls as the one that failed, or as those that were drawn
/// anew from the beginning on and passed. Nothing here depends on how fast the machine is.
fn affordable(story: &Story, sample: &[(u64, RunResult)]) -> u64 {
    let passed = sample.iter().filter_map(|(_, result)| match result.verdict {
        Verdict::Passed(measured) => Some(measured.rpcs),
        Verdict::Skipped { .. } | Verdict::Failed { .. } => None,
    });
    let calls = passed.fold(story.calls.len() as u64, u64::max);
    // A point is looked at by halves.
    let each = (CALLS / calls.max(1) / 2 * 2).clamp(*REDRAWS.start(), *REDRAWS.end());
    if each < *REDRAWS.end() {
        tell(&format!(
            "{each} redraws from each point: a run of this test makes {calls} calls. --redraws {} is more certain, \
             and takes longer",
            REDRAWS.end()
        ));
    }
    each
}

/// When the failure became inevitable, by the curve.
fn interval(curve: &Curve) -> Option<Interval> {
    let bounds = curve.bounds()?;
    let counts = curve.counts();
    // Behind the last point is the failure itself.
    let at = counts.get(&bounds.lost).copied().unwrap_or_default();
    let mut since = Count::default();
    for (_, count) in counts.range(bounds.lost..) {
        since.runs += count.runs;
        since.failed += count.failed;
    }
    let tally = |count: Count| -> Tally { tally(count.runs, count.failed) };
    Some(Interval {
        open: Time(bounds.open * MS),
        last_pass: Time(bounds.last_pass * MS),
        lost: Time(bounds.lost * MS),
        felt: Time(bounds.lost * MS),
        at_lost: tally(at),
        since: tally(since),
    })
}

/// When something took effect, in a run that ended at `end`: when it had come to whom it concerns, and so had what these
/// servers sent because of it, at the same instant.
fn felt(story: &Story, what: &Subject, end: Time) -> Time {
    // Which server it made act, and when.
    let mut acts: Vec<(u32, Time)> = Vec::new();
    match what {
        Subject::Call { id, .. } => {
            let Some(call) = story.calls.iter().find(|call| call.id == *id) else { return end };
            let Some((returned, _)) = call.returned else { return end };
            acts.push((call.from.server, returned.at));
            acts.extend(call.delivered.map(|delivered| (call.to, delivered.at)));
        }
        // The timer that it set is most likely an election timer: this is the election.
        Subject::Draw { server, at } => {
            acts.push((*server, *at));
            let later = |call: &&Call| call.from.server == *server && call.sent.at > *at;
            let mut asked =
                story.calls.iter().filter(later).filter(|call| call.is_vote()).peekable();
            let term = asked.peek().and_then(|first| first.args.term);
            for call in asked.take_while(|call| call.args.term == term) {
                acts.push((*server, call.sent.at));
                let answered = call.returned.filter(|(_, outcome)| *outcome == Outcome::Replied);
                acts.extend(answered.map(|(returned, _)| (*server, returned.at)));
            }
        }
    }
    let sent_then = |call: &&Call| acts.contains(&(call.from.server, call.sent.at));
    let came = story.calls.iter().filter(sent_then).filter_map(|call| call.delivered);
    let came = came.map(|delivered| delivered.at);
    acts.iter().map(|&(_, at)| at).chain(came).max().unwrap_or(end)
}

/// What the explanation says first, and where that is.
fn specified(story: &Story, failure: &Failure, interval: Option<&Interval>) -> Option<Specified> {
    let finding = explain(story, failure).findings.into_iter().next()?;
    let Finding { id, confidence, what, evidence, .. } = finding;
    let breaches = spec::judge(story);
    let breach = breaches.iter().find(|breach| breach.rule.id == id && breach.at.at <= failure.at);
    let times = || evidence.iter().map(|Evidence { at, .. }| *at);
    let at = breach.map(|breach| breach.at.at).or_else(|| times().max())?;
    let from = times().min().map_or(at, |from| from.min(at));
    let mut relation =
        interval.map_or(Relation::CannotPass, |interval| interval.relation(from, at));
    // A rule that is broken all the time decides nothing until chance makes one of these steps count.
    let again = interval.filter(|_| relation == Relation::Before).and_then(|interval| {
        let again = spec::broken_between(story, &id, interval.open, interval.felt)?;
        Some(again.at)
    });
    if again.is_some() {
        relation = Relation::Within;
    }
    Some(Specified { id, what, confidence, from, at, again, relation })
}
