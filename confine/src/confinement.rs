//! What is put on a command.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::limits;
use crate::rules::{Kind, Rules};

/// What a process may do.
#[derive(Debug)]
pub struct Confinement {
    rules: Rules,
    #[cfg(target_os = "linux")]
    prepared: crate::linux::Prepared,
}

/// The user that runs have if the grader is root, and whose files nobody has: the number that Linux takes for "nobody".
const NOBODY: u32 = 65534;

impl Confinement {
    /// What a submission's tests may do: read `reads`, which are files or folders, start those of them that are files,
    /// such as the test binary, and use `cpu` of CPU time in one process.
    ///
    /// # Errors
    /// If one of `reads` isn't there, or if the kernel refuses what it says it can.
    pub fn of_runs(reads: &[PathBuf], cpu: Duration) -> io::Result<Confinement> {
        let user = (nix::unistd::geteuid().is_root()
            && reads.iter().all(|path| can_be_reached(path)))
        .then_some(NOBODY);
        let (reads, writes) = (reads.to_vec(), Vec::new());
        let memory = limits::MEMORY_OF_RUN;
        Confinement::new(Rules { kind: Kind::Run, reads, writes, cpu, memory, user })
    }

    /// What the compiler may do with a submission's sources: read `reads`, write to `writes`, and use `cpu` of CPU time
    /// and so many bytes of `memory` in each of its processes.
    ///
    /// # Errors
    /// As [`of_runs`](Confinement::of_runs).
    pub fn of_builds(
        reads: &[PathBuf],
        writes: &[PathBuf],
        cpu: Duration,
        memory: u64,
    ) -> io::Result<Confinement> {
        let (reads, writes) = (reads.to_vec(), writes.to_vec());
        Confinement::new(Rules { kind: Kind::Build, reads, writes, cpu, memory, user: None })
    }

    /// What a program may do that only reads what somebody else has made, and writes to its standard streams: read
    /// `reads`, which have the program's own file among them, and use `cpu` of CPU time and so many bytes of `memory`. It
    /// starts no other program.
    ///
    /// # Errors
    /// As [`of_runs`](Confinement::of_runs).
    pub fn of_readers(reads: &[PathBuf], cpu: Duration, memory: u64) -> io::Result<Confinement> {
        let (reads, writes) = (reads.to_vec(), Vec::new());
        Confinement::new(Rules { kind: Kind::Reader, reads, writes, cpu, memory, user: None })
    }

    fn new(rules: Rules) -> io::Result<Confinement> {
        Ok(Confinement {
            #[cfg(target_os = "linux")]
            prepared: crate::linux::Prepared::of(&rules)?,
            rules,
        })
    }

    /// Has the process that `command` starts be confined. What it inherits besides its standard streams is closed:
    /// whoever passes it a descriptor must do so behind this call.
    ///
    /// # Errors
    /// If this process has no descriptors left.
    pub fn put_on(&self, command: &mut Command) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        return self.prepared.put_on(command, &self.rules);
        #[cfg(not(target_os = "linux"))]
        {
            crate::limits::put_on(command, &self.rules);
            Ok(())
        }
    }

    /// Whether the process may read `path`, by the rules for files: so a caller can find out that what is to be hidden
    /// isn't.
    #[must_use]
    pub fn can_read(&self, path: &Path) -> bool {
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let system: &[&str] = match self.rules.kind {
            #[cfg(target_os = "linux")]
            Kind::Run | Kind::Reader => &crate::files::OF_RUNS,
            #[cfg(target_os = "linux")]
            Kind::Build => &crate::files::OF_BUILDS,
            #[cfg(not(target_os = "linux"))]
            _ => &["/"],
        };
        let allowed = self.rules.reads.iter().chain(&self.rules.writes).map(PathBuf::as_path);
        allowed
            .chain(system.iter().map(Path::new))
            .any(|folder| folder.canonicalize().is_ok_and(|folder| path.starts_with(folder)))
    }

    /// What can't be enforced on this machine, each in a few words. Empty if everything can.
    #[must_use]
    pub fn lacks(&self) -> Vec<String> {
        #[cfg(target_os = "linux")]
        return self.prepared.lacks(&self.rules);
        #[cfg(not(target_os = "linux"))]
        vec!["files, system calls, signals (this system isn't Linux)".to_owned()]
    }
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
