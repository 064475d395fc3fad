//! Which files a process may read and write: Landlock's rules.

use std::io;
use std::path::Path;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, PathBeneath, PathFd, Ruleset,
    RulesetAttr as _, RulesetCreated, RulesetCreatedAttr as _, RulesetError, Scope,
};

use crate::rules::{Kind, Rules};

/// The newest form of Landlock whose rules are asked for. An older kernel is asked for those that it has.
const NEWEST: ABI = ABI::V6;

/// What every run reads besides what its caller names: the loader and the C library; what the tester asks the kernel
/// of its own threads and memory; how many CPUs there are.
pub(crate) const OF_RUNS: [&str; 11] = [
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/etc/ld.so.cache",
    "/nix/store",
    "/gnu/store",
    "/proc",
    "/sys/fs/cgroup",
    "/sys/devices/system/cpu",
    "/dev/urandom",
];

/// What every build reads: the system. No home is among it, nor a folder for temporary files.
pub(crate) const OF_BUILDS: [&str; 14] = [
    "/bin",
    "/sbin",
    "/lib",
    "/lib64",
    "/usr",
    "/etc",
    "/opt",
    "/nix/store",
    "/gnu/store",
    "/proc",
    "/sys/fs/cgroup",
    "/sys/devices/system/cpu",
    "/dev/urandom",
    "/dev/random",
];

/// What anybody may write to.
const NOTHING: &str = "/dev/null";

/// The rules of a confinement, for the process that is to have them.
pub(crate) fn rules(of: &Rules) -> io::Result<RulesetCreated> {
    let Rules { kind, reads, writes, .. } = of;
    let system = match kind {
        Kind::Run => &OF_RUNS[..],
        Kind::Build => &OF_BUILDS[..],
    };
    // What may be read may be started, too: a run's loader, a build's compiler. No more can be done by it.
    let read = AccessFs::from_read(NEWEST);
    let mut rules = Ruleset::default()
        .handle_access(AccessFs::from_all(NEWEST))
        .and_then(|rules| rules.handle_access(AccessNet::from_all(NEWEST)))
        .and_then(|rules| rules.scope(Scope::from_all(NEWEST)))
        .and_then(Ruleset::create)
        .map_err(failed)?;
    for path in system.iter().map(Path::new).filter(|path| path.exists()) {
        rules = allow(rules, path, read)?;
    }
    rules = allow(rules, Path::new(NOTHING), AccessFs::ReadFile | AccessFs::WriteFile)?;
    for path in reads {
        rules = allow(rules, path, read)?;
    }
    for path in writes {
        // Devices and their like are no business of a build.
        let devices = AccessFs::MakeChar | AccessFs::MakeBlock;
        rules = allow(rules, path, AccessFs::from_all(NEWEST) & !devices)?;
    }
    Ok(rules)
}

fn allow(
    rules: RulesetCreated,
    path: &Path,
    access: BitFlags<AccessFs>,
) -> io::Result<RulesetCreated> {
    let described = |error: &dyn std::fmt::Display| {
        io::Error::other(format!("{} can't be allowed: {error}", path.display()))
    };
    let parent = PathFd::new(path).map_err(|error| described(&error))?;
    let is_folder = path.is_dir();
    let access = if is_folder { access } else { access & AccessFs::from_file(NEWEST) };
    rules.add_rule(PathBeneath::new(parent, access)).map_err(|error| described(&error))
}

fn failed(error: RulesetError) -> io::Error {
    io::Error::other(error)
}
