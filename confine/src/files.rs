//! Which files a process may read and write: Landlock's rules.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, PathBeneath, PathFd, Ruleset,
    RulesetAttr as _, RulesetCreated, RulesetCreatedAttr as _, RulesetError, Scope,
};
use object::elf::{FileHeader32, FileHeader64};
use object::read::elf::{FileHeader, ProgramHeader as _};
use object::{Endianness, FileKind, ReadCache};

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
        Kind::Run | Kind::Reader => &OF_RUNS[..],
        Kind::Build => &OF_BUILDS[..],
    };
    // A build starts what it may read: cargo, the compiler, the linker. Others start the files that their caller names,
    // and these files' loaders.
    let start = match kind {
        Kind::Run | Kind::Reader => BitFlags::from(AccessFs::Execute),
        Kind::Build => BitFlags::empty(),
    };
    let read = AccessFs::from_read(NEWEST) & !start;
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
        if !start.is_empty() && path.is_file() {
            rules = allow(rules, path, read | start)?;
            if let Some(loader) = loader(path) {
                rules = allow(rules, &loader, read | start)?;
            }
        }
    }
    for path in writes {
        // Devices and their like are no business of a build.
        let devices = AccessFs::MakeChar | AccessFs::MakeBlock;
        rules = allow(rules, path, AccessFs::from_all(NEWEST) & !devices)?;
    }
    Ok(rules)
}

/// The loader that a program asks for, if it is one that does.
fn loader(program: &Path) -> Option<PathBuf> {
    let file = ReadCache::new(File::open(program).ok()?);
    match FileKind::parse(&file).ok()? {
        FileKind::Elf32 => loader_in::<FileHeader32<Endianness>>(&file),
        FileKind::Elf64 => loader_in::<FileHeader64<Endianness>>(&file),
        _ => None,
    }
}

fn loader_in<Header: FileHeader>(file: &ReadCache<File>) -> Option<PathBuf> {
    let header = Header::parse(file).ok()?;
    let endian = header.endian().ok()?;
    let parts = header.program_headers(endian, file).ok()?;
    let name = parts.iter().find_map(|part| part.interpreter(endian, file).ok()?)?;
    let path = PathBuf::from(OsStr::from_bytes(name));
    path.is_file().then_some(path)
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
