//! A copy of the workspace, into which one mutant at a time is put.
//!
//! It has a target folder of its own. It stays, so that the next campaign builds the Raft only.

use std::fs;
use std::hash::{DefaultHasher, Hasher as _};
use std::io;
use std::path::{Path, PathBuf};

use super::PACKAGE;
use super::generate::Mutant;
use crate::cli;
use crate::error::Error;
use crate::suite::{self, Compile, Suite};

/// What isn't copied: what cargo has built, and folders that no build needs.
const LEFT_OUT: [&str; 3] = ["target", ".git", ".ci"];

/// The copy.
#[derive(Debug)]
pub(crate) struct Scratch {
    /// The workspace that is copied.
    root: PathBuf,
    /// The copy, and beside it what is built.
    folder: PathBuf,
    target: PathBuf,
    release: bool,
}

impl Scratch {
    /// Copies the workspace at `root` into `folder`.
    pub(crate) fn make(root: &Path, folder: &Path, release: bool) -> Result<Scratch, Error> {
        let scratch = Scratch {
            root: root.to_owned(),
            folder: folder.join("workspace"),
            target: folder.join("target"),
            release,
        };
        copy(root, &scratch.folder).map_err(|error| Error::write(&scratch.folder, error))?;
        Ok(scratch)
    }

    /// The copied workspace.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// What tells this code from other code. The binaries can't: built step by step, they aren't the same
    /// each time.
    pub(crate) fn code(&self) -> Result<String, Error> {
        let mut hasher = DefaultHasher::new();
        hash(&self.root, &mut hasher).map_err(|error| Error::read(&self.root, error))?;
        Ok(format!("{:016x}", hasher.finish()))
    }

    /// Puts a mutant into the copy.
    pub(crate) fn apply(&self, mutant: &Mutant) -> Result<(), Error> {
        let from = self.root.join(&mutant.file);
        let text = fs::read_to_string(&from).map_err(|error| Error::read(&from, error))?;
        let other = || Error::NoMutants(format!("{} is of another text", mutant.name));
        let text = mutant.applied_to(&text).ok_or_else(other)?;
        let to = self.folder.join(&mutant.file);
        fs::write(&to, text).map_err(|error| Error::write(&to, error))
    }

    /// Takes the mutant out again.
    pub(crate) fn restore(&self, mutant: &Mutant) -> Result<(), Error> {
        let to = self.folder.join(&mutant.file);
        copy(&self.root.join(&mutant.file), &to).map_err(|error| Error::write(&to, error))
    }

    /// Builds the tests, and chooses those that `filters` select; `None` if they don't compile.
    pub(crate) fn build(&self, filters: &[String]) -> Result<Option<Suite>, Error> {
        let build = cli::Build { release: self.release, manifest_path: Some(self.folder.clone()) };
        let compile = Compile::Silently { target: self.target.clone() };
        match suite::prepare_as(&compile, PACKAGE, &build, filters) {
            Ok(suite) => Ok(Some(suite)),
            Err(Error::NotBuilt(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Copies a file or a folder. What is the same already isn't touched, so that cargo doesn't build it anew;
/// what is there and isn't in `from` stays.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if from.is_dir() {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from)? {
            let name = entry?.file_name();
            if !LEFT_OUT.iter().any(|left_out| name == *left_out) {
                copy(&from.join(&name), &to.join(&name))?;
            }
        }
        return Ok(());
    }
    let bytes = fs::read(from)?;
    if fs::read(to).is_ok_and(|old| old == bytes) { Ok(()) } else { fs::write(to, bytes) }
}

/// Hashes the sources in a folder. This program's own aren't among them: the tests don't have it.
fn hash(folder: &Path, hasher: &mut DefaultHasher) -> io::Result<()> {
    let entries: io::Result<Vec<_>> = fs::read_dir(folder)?.collect();
    let mut paths: Vec<PathBuf> = entries?.iter().map(fs::DirEntry::path).collect();
    paths.sort();
    for path in paths {
        let is_left_out = |name: &&str| path.file_name().is_some_and(|it| it == *name);
        let is_source =
            path.extension().is_some_and(|it| it == "rs" || it == "toml" || it == "lock");
        if path.is_dir() && !LEFT_OUT.iter().chain(&["lab"]).any(is_left_out) {
            hash(&path, hasher)?;
        } else if is_source && path.is_file() {
            hasher.write(&fs::read(&path)?);
        }
    }
    Ok(())
}
