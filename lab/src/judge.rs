//! Runs judged without the code under test: a process that has none of it makes the run again, by its whole record.
//!
//! The process is a test binary that was built with another Raft, which is never called: puppets stand in for the
//! servers, and do what the record says. The script runs again, with its draws and its checks; so do the network and the
//! rules of the specification. The first event that isn't the record's ends the run.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use confine::Confinement;
use report::{RunResult, Verdict};

use crate::error::Error;
use crate::process::Seeds;
use crate::runs::foreign::{self, Asked};
use crate::suite::{LabTest, Suite};

/// Who judges runs.
#[derive(Debug)]
pub(crate) struct Judge {
    suite: Suite,
    /// Where binaries and records are.
    folder: PathBuf,
    confinement: Confinement,
    patience: Duration,
    records: AtomicU64,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// The run is what it says.
    Right,
    /// It isn't, for this reason.
    Wrong(String),
    /// That can't be told, for this reason.
    Unknown(String),
}

impl Judge {
    /// A judge with the binaries of `suite`, which are copied to the folder `folder` so that others may take their place.
    /// The sources are read for the lines in reports. A run may take so long.
    pub(crate) fn new(
        suite: &Suite,
        folder: &Path,
        sources: &[PathBuf],
        patience: Duration,
    ) -> Result<Judge, Error> {
        let write = |error| Error::write(folder, error);
        fs::create_dir_all(folder).map_err(write)?;
        // Another user's process reads what is in there.
        open_to_all(folder, 0o755)?;
        let folder = folder.canonicalize().map_err(write)?;
        let mut tests = suite.tests.clone();
        for test in &mut tests {
            let copy = folder.join(test.binary.file_name().unwrap_or_default());
            if !copy.exists() {
                fs::copy(&test.binary, &copy).map_err(|error| Error::write(&copy, error))?;
            }
            test.binary = copy;
        }
        let suite = Suite {
            package: suite.package.clone(),
            folder: suite.folder.clone(),
            target: suite.target.clone(),
            switches: Vec::new(),
            tests,
        };
        // The records are in the folder; of what is there, the binaries alone are started.
        let mut reads: Vec<PathBuf> = suite.tests.iter().map(|test| test.binary.clone()).collect();
        reads.sort();
        reads.dedup();
        reads.push(folder.clone());
        reads.extend_from_slice(sources);
        let confinement = Confinement::of_runs(&reads, patience)
            .map_err(|error| Error::NotPrepared(format!("the judge can't be confined: {error}")))?;
        Ok(Judge { suite, folder, confinement, patience, records: AtomicU64::new(0) })
    }

    /// Judges a run that has passed or was skipped, by its whole record as it was sent; `None` if this program was stopped.
    pub(crate) fn judge(
        &self,
        test: &LabTest,
        run: &RunResult,
        record: Option<&[u8]>,
    ) -> Result<Option<Judgement>, Error> {
        let Some(record) = record else {
            return Ok(Some(Judgement::Wrong("it has no record".to_owned())));
        };
        let Some(own) = self.suite.tests.iter().find(|own| own.name == test.name) else {
            let why = "the judge hasn't got its test".to_owned();
            return Ok(Some(Judgement::Unknown(why)));
        };
        let own = own.at(test.call);
        let number = self.records.fetch_add(1, Ordering::Relaxed);
        let path = self.folder.join(format!("record-{number}.json"));
        fs::write(&path, record).map_err(|error| Error::write(&path, error))?;
        open_to_all(&path, 0o644)?;
        let (seeds, late) = (Seeds { first: run.seed, count: 1 }, Instant::now() + self.patience);
        let confinement = Some(&self.confinement);
        let asked = Asked::Judgement(&path);
        let ran = foreign::run((&self.suite, &own), seeds, confinement, late, asked);
        // Whatever came of it, it isn't needed any more.
        let _ = fs::remove_file(&path);
        Ok(ran?.and_then(|ran| ran.lines.into_iter().next()).map(|again| compared(run, &again)))
    }
}

/// Judges a run by what came of it when it was made again without its servers' code.
fn compared(run: &RunResult, again: &RunResult) -> Judgement {
    match &again.verdict {
        Verdict::Passed(_) | Verdict::Skipped { .. }
            if again.verdict == run.verdict && again.history == run.history =>
        {
            Judgement::Right
        }
        Verdict::Passed(measured) => {
            let (theirs, ours) = (run.history, again.history);
            let what = match &run.verdict {
                Verdict::Passed(says) if says != measured => {
                    format!("it says that it has measured {says}, and that is {measured}")
                }
                Verdict::Skipped { reason } => {
                    format!("it says that it was skipped ({reason}), and it passes")
                }
                _ => format!("it says that its history is {theirs:016x}, and that is {ours:016x}"),
            };
            Judgement::Wrong(what)
        }
        Verdict::Skipped { reason } => Judgement::Unknown(reason.clone()),
        Verdict::Failed { failure, .. } => Judgement::Wrong(failure.message.clone()),
    }
}

fn open_to_all(path: &Path, mode: u32) -> Result<(), Error> {
    let open = fs::Permissions::from_mode(mode);
    fs::set_permissions(path, open).map_err(|error| Error::write(path, error))
}
