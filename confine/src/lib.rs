//! What somebody else's code may do on the grader's machine: next to nothing.
//!
//! A [`Confinement`] is made once and put on each [`Command`] that starts such code. It takes effect in the new
//! process before any of that code runs, it can't be taken off again, and all that the process starts inherits it.
//! There are two: [`Confinement::of_runs`] for a submission's tests, [`Confinement::of_builds`] for the compiler that
//! reads a submission's sources.
//!
//! | layer | a run | a build |
//! | --- | --- | --- |
//! | files (Landlock) | reads what its caller names and the system's libraries, writes nothing | reads what its caller names, the system and the compiler, writes to its target folder |
//! | system calls (seccomp) | a list of those that a test needs, and no others | all but those that reach beyond its own processes |
//! | limits (rlimits) | memory, CPU time, files' sizes, descriptors, no core dump | the same, larger |
//! | session | its own; it dies with the thread that started it | the same |
//! | user | another one, if the grader is root and the files can be reached | the grader's |
//!
//! What the machine lacks is left out: [`Confinement::lacks`] names it, for the grader to know.
//!
//! This crate knows neither tests nor cargo, and no student's build compiles it but `cargo lab`'s.

#![cfg(unix)]

#[cfg(target_os = "linux")]
mod calls;
#[cfg(target_os = "linux")]
mod files;
mod limits;
#[cfg(target_os = "linux")]
mod linux;

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// What a process may do.
#[derive(Debug)]
pub struct Confinement {
    kind: Kind,
    reads: Vec<PathBuf>,
    writes: Vec<PathBuf>,
    cpu: Duration,
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "it is Linux's"))]
    user: Option<u32>,
    #[cfg(target_os = "linux")]
    prepared: Option<linux::Prepared>,
}

/// What kind of code a process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Run,
    Build,
}

/// The user that runs have if the grader is root, and whose files nobody has: the number that Linux takes for "nobody".
const NOBODY: u32 = 65534;

impl Confinement {
    /// What a submission's tests may do: read `reads`, which are files or folders and have the test binary among them,
    /// and use `cpu` of CPU time in one process.
    ///
    /// # Errors
    /// If one of `reads` isn't there, or if the kernel refuses what it says it can.
    pub fn of_runs(reads: &[PathBuf], cpu: Duration) -> io::Result<Confinement> {
        let user = (is_root() && reads.iter().all(|path| can_be_reached(path))).then_some(NOBODY);
        Confinement::new(Kind::Run, reads, &[], cpu, user)
    }

    /// What the compiler may do with a submission's sources: read `reads`, write to `writes`, and use `cpu` of CPU time
    /// in each of its processes.
    ///
    /// # Errors
    /// As [`of_runs`](Confinement::of_runs).
    pub fn of_builds(
        reads: &[PathBuf],
        writes: &[PathBuf],
        cpu: Duration,
    ) -> io::Result<Confinement> {
        Confinement::new(Kind::Build, reads, writes, cpu, None)
    }

    fn new(
        kind: Kind,
        reads: &[PathBuf],
        writes: &[PathBuf],
        cpu: Duration,
        user: Option<u32>,
    ) -> io::Result<Confinement> {
        let (reads, writes) = (reads.to_vec(), writes.to_vec());
        #[cfg_attr(not(target_os = "linux"), expect(unused_mut, reason = "it is Linux's"))]
        let mut confinement = Confinement {
            kind,
            reads,
            writes,
            cpu,
            user,
            #[cfg(target_os = "linux")]
            prepared: None,
        };
        #[cfg(target_os = "linux")]
        {
            confinement.prepared = Some(linux::Prepared::of(&confinement)?);
        }
        Ok(confinement)
    }

    /// Has the process that `command` starts be confined. What it inherits besides its standard streams is closed:
    /// whoever passes it a descriptor must do so behind this call.
    ///
    /// # Errors
    /// If this process has no descriptors left.
    pub fn put_on(&self, command: &mut Command) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        if let Some(prepared) = &self.prepared {
            return prepared.put_on(command, self);
        }
        limits::put_on(command, self.kind, self.cpu);
        Ok(())
    }

    /// Whether the process may read `path`, by the rules for files: so a caller can find out that what is to be hidden
    /// isn't.
    #[must_use]
    pub fn can_read(&self, path: &Path) -> bool {
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let system: &[&str] = match self.kind {
            #[cfg(target_os = "linux")]
            Kind::Run => &files::OF_RUNS,
            #[cfg(target_os = "linux")]
            Kind::Build => &files::OF_BUILDS,
            #[cfg(not(target_os = "linux"))]
            _ => &["/"],
        };
        let allowed = self.reads.iter().chain(&self.writes).map(PathBuf::as_path);
        allowed
            .chain(system.iter().map(Path::new))
            .any(|folder| folder.canonicalize().is_ok_and(|folder| path.starts_with(folder)))
    }

    /// What can't be enforced on this machine, each in a few words. Empty if everything can.
    #[must_use]
    pub fn lacks(&self) -> Vec<String> {
        #[cfg(target_os = "linux")]
        return linux::lacks(self);
        #[cfg(not(target_os = "linux"))]
        vec!["files, system calls, signals (this system isn't Linux)".to_owned()]
    }
}

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Whether any user can read a file or folder, by its own permissions and those of all folders above it.
fn can_be_reached(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    let has = |path: &Path, bits: u32| {
        path.metadata().is_ok_and(|metadata| metadata.permissions().mode() & bits == bits)
    };
    let Ok(path) = path.canonicalize() else { return false };
    let own = if path.is_dir() { 0o005 } else { 0o004 };
    has(&path, own) && path.ancestors().skip(1).all(|folder| has(folder, 0o001))
}
