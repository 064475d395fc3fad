//! `cargo lab grade`: a folder of submissions, one command, one table.
//!
//! * `find` looks for submissions, `take` reads what counts of each (`archive`, `repository`), `check`
//!   refuses what takes in files from elsewhere, `shared` notes where servers could share state, `dependencies` says
//!   which crates aren't allowed.
//! * `workspace` is where they are built, one after the other for each job. `copy` is the grader's copy of the lab,
//!   whose manifests it has; `files` copies; `compiler` knows what a compiler may see of the environment, and what it
//!   says.
//! * `judge` takes one submission through all of that, runs its tests, and puts down what came of it in its folder.
//! * Some of the runs that passed are made again (`crate::sample`), and judged without the submission's code by
//!   `crate::judge`, with the tests that were built with the grader's own Raft.
//! * The table is made by `crate::standing` and `crate::sheet` from what the folders have, as `cargo lab merge` does.

mod archive;
mod check;
mod compiler;
mod copy;
pub(crate) mod dependencies;
mod files;
mod find;
mod judge;
mod repository;
mod shared;
mod take;
mod workspace;

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs::{self, File, TryLockError};
use std::path::{self, Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use children::settings;

use self::copy::Copy;
use self::find::Submission;
use self::judge::{Judged, Rules};
use self::workspace::{Built, Workspace, target_of};
use crate::cargo::workspace as metadata_of;
use crate::cli;
use crate::course::{Course, EXAMPLE, FILE};
use crate::error::Error;
use crate::exit::Exit;
use crate::judge::Judge;
use crate::leftovers;
use crate::output::{print, tell};
use crate::process::jobs;
use crate::record::{Done, End};
use crate::seeding::Key;
use crate::shard::Shard;
use crate::sheet::{Seeds, Sheet};
use crate::standing::{Merged, Outcome};
use crate::stop;
use crate::suite::{LabTest, Suite};
use crate::table::wall;

/// How long the grader's own build may take.
const OWN_BUILD: Duration = Duration::from_secs(3000);

/// Grades what is asked for, and shows the table.
pub(crate) fn grade(asked: &cli::Grade) -> Result<Exit, Error> {
    let Some(dir) = asked.dir.as_deref().filter(|_| !asked.example_course) else {
        print(EXAMPLE);
        return Ok(Exit::Passed);
    };
    stop::watch();
    leftovers::adopt();
    // Others of the same user can't look into this program's memory and environment then, unless that is root.
    #[cfg(target_os = "linux")]
    let _ = nix::sys::prctl::set_dumpable(false);
    let began = Instant::now();
    let submissions = chosen(asked, dir)?;
    begin_out(&asked.out, asked.resume)?;
    let metadata = metadata_of(asked.manifest_path.as_deref())?;
    let copy = Copy::of(&metadata)?;
    let course = course(asked.course.as_deref(), copy.root())?;
    let key = key(asked.key.as_deref())?;
    let target = PathBuf::from(&metadata.target_directory);
    let work = asked.work.clone().unwrap_or_else(|| target.join("lab").join("grade"));
    let _lock = lock(&work)?;
    let work = work.canonicalize().map_err(|error| Error::write(&work, error))?;

    let work_list = shared_out(&submissions, asked.shard.unwrap_or(Shard::ALL));
    let cores = jobs(asked.jobs);
    let workers = if asked.shared_target.is_some() { 1 } else { cores.min(work_list.len()).max(1) };
    tell(&format!("preparing {workers} workspaces in {}", work.display()));
    // Cargo is run in other folders.
    let shared = asked
        .shared_target
        .as_deref()
        .map(|path| path::absolute(path).unwrap_or_else(|_| path.to_owned()));
    let shared = shared.as_deref();
    let (workspaces, rules) =
        prepare(&copy, &course, key, &work, shared, workers, asked, (cores / workers).max(1))?;
    tell(&format!(
        "{} submissions, {} runs of {} tests each, seeds {}{}, {workers} at a time",
        work_list.len(),
        course.runs.each,
        rules.scheme.tests().count(),
        if rules.key.is_some() {
            "hidden".to_owned()
        } else {
            format!("from {} on", course.runs.seed)
        },
        asked.shard.map(|shard| format!(", part {shard}")).unwrap_or_default(),
    ));
    let error = judge_all(&rules, &workspaces, &work_list);

    let done: Vec<&Submission> = work_list.iter().map(|(submission, _)| *submission).collect();
    show(&rules, &done, Seeds::shown(asked.reveal))?;
    print(&format!("{}; results are in {}\n", wall(began.elapsed()), rules.out.display()));
    if let Some(error) = error {
        return Err(error);
    }
    if let Some(exit) = stop::exit() {
        print("interrupted: these results are incomplete; --resume continues\n");
        return Ok(exit);
    }
    Ok(Exit::Passed)
}

/// A judge of these tests of `suite` in the workspace around the current folder: they are built without its Raft.
pub(crate) fn judge_here(suite: &Suite, tests: &[LabTest]) -> Result<Judge, Error> {
    let target = &suite.target;
    let metadata = metadata_of(None)?;
    let copy = Copy::of(&metadata)?;
    // Within the copy, which has cargo's settings; what is built goes elsewhere if that is asked for.
    let work = copy.root().join("target").join("lab").join("judge");
    let _lock = lock(&work)?;
    let work = work.canonicalize().map_err(|error| Error::write(&work, error))?;
    let course = Course::default();
    let workspace = Workspace::make(&copy, &course, &work, 0, None, Some(target))?;
    workspace.put(&BTreeMap::from([("lib.rs".to_owned(), NO_RAFT.as_bytes().to_vec())]))?;
    let log = work.join("build.log");
    let names: BTreeSet<String> = tests.iter().map(|test| target_of(&test.binary)).collect();
    // The tests of another package may have other binaries there.
    let is_same = suite.package == copy::PACKAGE;
    let names: Vec<String> =
        if is_same { names.into_iter().collect() } else { vec!["*".to_owned()] };
    match workspace.build_own(&names, &log, OWN_BUILD)? {
        Built::Tests(suite) => {
            let folder = work.join("binaries");
            files::remove(&folder)?;
            Judge::new(&suite, &folder, &[workspace.tests()], judge::PATIENCE)
        }
        Built::Not { why } => Err(Error::NotPrepared(format!(
            "the tests can't be built without your Raft: {why}; {} has it all",
            log.display()
        ))),
    }
}

/// What stands in the place of a Raft where nobody's is to be called.
const NO_RAFT: &str = "\
//! No Raft: puppets stand in for the servers of the runs that are judged here.

use std::sync::Arc;

/// Nobody calls it.
pub fn make(
    _: Vec<labrpc::ClientEnd>,
    _: usize,
    _: Arc<raftapi::Persister>,
    _: raftapi::ApplyCh,
) -> Arc<dyn raftapi::Raft> {
    unreachable!(\"a run that is judged calls no Raft\")
}
";

/// The submissions that are asked for.
fn chosen(asked: &cli::Grade, dir: &Path) -> Result<Vec<Submission>, Error> {
    let (mut submissions, others) = find::submissions(dir)?;
    // Results that are in the same folder are no submission.
    let out = asked.out.canonicalize().ok();
    submissions.retain(|submission| {
        asked.out != submission.path
            && (out.is_none() || submission.path.canonicalize().ok() != out)
    });
    if !others.is_empty() {
        tell(&format!("note: these are no submissions: {}", others.join(", ")));
    }
    if let Some(name) =
        asked.only.iter().find(|name| !submissions.iter().any(|one| one.name == **name))
    {
        let names: Vec<&str> =
            submissions.iter().map(|submission| submission.name.as_str()).collect();
        let hint = crate::suite::suggestion(name, &names)
            .unwrap_or_else(|| format!("there are {}", names.join(", ")));
        let why = format!("none is called {name}; {hint}");
        return Err(Error::NoSubmissions { path: dir.to_owned(), why });
    }
    submissions.retain(|submission| asked.only.is_empty() || asked.only.contains(&submission.name));
    Ok(submissions)
}

/// Makes the folder for results. One that has some is taken only to go on.
fn begin_out(out: &Path, resumes: bool) -> Result<(), Error> {
    fs::create_dir_all(out).map_err(|error| Error::write(out, error))?;
    let mut entries = fs::read_dir(out).map_err(|error| Error::read(out, error))?;
    if !resumes && entries.next().is_some() {
        return Err(Error::Taken(out.to_owned()));
    }
    Ok(())
}

/// The course file that is asked for, or the one in the grader's copy.
fn course(asked: Option<&Path>, root: &Path) -> Result<Course, Error> {
    let own = root.join(FILE);
    match asked {
        Some(path) => Course::read(path),
        None if own.is_file() => Course::read(&own),
        None => Ok(Course::default()),
    }
}

/// The course's key.
fn key(asked: Option<&Path>) -> Result<Option<Key>, Error> {
    let (key, from) = match (asked, env::var_os(settings::COURSE_KEY)) {
        (Some(path), _) => {
            let bytes = fs::read(path).map_err(|error| Error::read(path, error))?;
            (Key::new(&bytes), path.display().to_string())
        }
        (None, Some(key)) => (Key::new(key.as_encoded_bytes()), settings::COURSE_KEY.to_owned()),
        (None, None) => return Ok(None),
    };
    if key.len() == 0 {
        return Err(Error::NotPrepared(format!("the course's key, from {from}, is empty")));
    }
    Ok(Some(key))
}

/// Takes the folder for workspaces, which nobody else may use meanwhile.
fn lock(work: &Path) -> Result<File, Error> {
    let path = work.join("lock");
    let write = |error| Error::write(&path, error);
    fs::create_dir_all(work).map_err(write)?;
    let file = File::options().create(true).append(true).open(&path).map_err(write)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::NotPrepared(format!(
            "another `cargo lab` is at work in {}; `cargo lab grade --work` names another folder",
            work.display()
        ))),
        Err(TryLockError::Error(error)) => Err(write(error)),
    }
}

/// What a shard has to do: submissions, and which part of their runs.
fn shared_out(submissions: &[Submission], shard: Shard) -> Vec<(&Submission, Shard)> {
    let pieces = submissions.len();
    let part = |(place, submission)| Some((submission, shard.of_piece(place, pieces)?));
    submissions.iter().enumerate().filter_map(part).collect()
}

/// Makes the workspaces, builds the tests with the grader's own Raft in the first, and finds out which there are.
#[expect(clippy::too_many_arguments, reason = "all that a command line says of it")]
fn prepare(
    copy: &Copy,
    course: &Course,
    key: Option<Key>,
    work: &Path,
    shared: Option<&Path>,
    workers: usize,
    asked: &cli::Grade,
    jobs: usize,
) -> Result<(Vec<Workspace>, Rules), Error> {
    let first = Workspace::make(copy, course, work, 0, None, shared)?;
    let log = work.join("build.log");
    // The first time everything has to be compiled, which isn't a submission's fault.
    let names = ["*".to_owned()];
    let mut suite = match first.build_own(&names, &log, OWN_BUILD.max(course.limits.build))? {
        Built::Tests(suite) => suite,
        Built::Not { .. } => return Err(Error::OwnNotBuilt { log }),
    };
    let all: Vec<String> = suite.tests.iter().map(|test| test.name.clone()).collect();
    let scheme = course.scheme(&all)?;
    let is_wanted = |name: &str| scheme.tests().any(|test| test == name);
    suite.tests.retain(|test| is_wanted(&test.name));
    let targets: BTreeSet<String> =
        suite.tests.iter().map(|test| target_of(&test.binary)).collect();
    tell_of_confinement(&first, &suite, course, asked.key.as_deref())?;
    let folder = work.join("judge");
    files::remove(&folder)?;
    let limit = judge::PATIENCE.min(course.limits.submission);
    let judge = Judge::new(&suite, &folder, &[first.tests()], limit)?;
    let sources = copy.sources()?;
    let out = asked.out.canonicalize().map_err(|error| Error::write(&asked.out, error))?;
    let rules = Rules {
        code: first.code()?,
        targets: targets.into_iter().collect(),
        judge,
        own: suite.tests,
        key,
        default_lib: sources.get("lib.rs").cloned().unwrap_or_default(),
        allowed: first.dependencies()?,
        scheme,
        out,
        jobs,
    };
    let mut workspaces = vec![first];
    for number in 1..workers {
        workspaces.push(Workspace::make(copy, course, work, number, Some(&workspaces[0]), shared)?);
    }
    Ok((workspaces, rules))
}

/// Says in a line what of the confinement this machine can't enforce, and in another one if a submission's sources can
/// take in the key.
fn tell_of_confinement(
    workspace: &Workspace,
    suite: &Suite,
    course: &Course,
    key: Option<&Path>,
) -> Result<(), Error> {
    let of_build = workspace.confinement(course.limits.build)?;
    let mut lacks = workspace.confinement_of_runs(suite, course.limits.submission)?.lacks();
    lacks.extend(of_build.lacks());
    lacks.sort();
    lacks.dedup();
    if !lacks.is_empty() {
        tell(&format!(
            "note: submissions aren't fully confined. Not enforced on this machine: {}",
            lacks.join("; ")
        ));
    }
    if let Some(key) = key.filter(|key| of_build.can_read(key)) {
        let key = key.display();
        tell(&format!(
            "note: {key} is where the compiler reads other files; put the key elsewhere"
        ));
    }
    Ok(())
}

/// Judges all, as many at a time as there are workspaces.
fn judge_all(
    rules: &Rules,
    workspaces: &[Workspace],
    work: &[(&Submission, Shard)],
) -> Option<Error> {
    let (next, finished) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let error = Mutex::new(None);
    #[expect(clippy::disallowed_methods, reason = "nothing is simulated in this program")]
    thread::scope(|scope| {
        for workspace in workspaces {
            scope.spawn(|| {
                while let Some((submission, shard)) = work.get(next.fetch_add(1, Ordering::Relaxed))
                {
                    let error = || error.lock().unwrap_or_else(PoisonError::into_inner);
                    if stop::is_asked() || error().is_some() {
                        return;
                    }
                    let began = Instant::now();
                    match judge::judge(rules, workspace, submission, *shard) {
                        Ok(Judged::Done(done)) => {
                            let count = finished.fetch_add(1, Ordering::Relaxed) + 1;
                            let of = format!("{count:>3}/{}", work.len());
                            tell(&format!(
                                "{of}  {} ({})",
                                line(rules, submission, &done),
                                wall(began.elapsed())
                            ));
                        }
                        Ok(Judged::Stopped) => return,
                        Err(why) => drop(error().get_or_insert(why)),
                    }
                }
            });
        }
    });
    error.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// What is said of a submission when it has its verdict.
fn line(rules: &Rules, submission: &Submission, done: &Done) -> String {
    let name = &submission.name;
    match &done.end {
        End::NotBuilt { why } => format!("not built    {name}: {why}"),
        End::Refused { why } => format!("refused      {name}: {why}"),
        End::Run | End::OutOfTime { .. } => {
            let merged =
                Merged::read([&judge::results(&rules.out, submission)]).unwrap_or_default();
            match &merged.standings(&rules.scheme.course().rules)[..] {
                [standing] => {
                    let (word, points) =
                        (standing.outcome().word(), standing.points(&rules.scheme));
                    format!("{word:12} {name}: {} of {} points", points.sum, points.max)
                }
                _ => format!("done         {name}"),
            }
        }
    }
}

/// Shows the table of those submissions that anything is known of.
fn show(rules: &Rules, submissions: &[&Submission], seeds: Seeds) -> Result<(), Error> {
    let files = submissions.iter().map(|submission| judge::results(&rules.out, submission));
    let files: Vec<PathBuf> = files.filter(|file| file.exists()).collect();
    let standings = Merged::read(&files)?.standings(&rules.scheme.course().rules);
    print(&format!("{}\n", Sheet::new(&standings, &rules.scheme, seeds).table()));
    let count = |outcome| standings.iter().filter(|standing| standing.outcome() == outcome).count();
    let all = [
        Outcome::Passed,
        Outcome::Failed,
        Outcome::NotBuilt,
        Outcome::Refused,
        Outcome::Unjudged,
        Outcome::OutOfTime,
        Outcome::Unfinished,
    ];
    let counts = all.map(|outcome| (count(outcome), outcome.word()));
    let counts: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    print(&format!("{} submissions: {}\n", submissions.len(), counts.join(", ")));
    Ok(())
}
