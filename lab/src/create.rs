//! `cargo lab new`: a student's workspace. What it consists of is in [`layout`].

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{self, Path, PathBuf};
use std::process::Command;

use crate::adapter;
use crate::cargo::{FOR_THIS_PLATFORM, cargo};
use crate::cli;
use crate::course::{Course, EXAMPLE, FILE};
use crate::error::Error;
use crate::exit::Exit;
use crate::layout::{self, Files, Tester};
use crate::output::print;
use crate::written::Written;

/// Makes a student's workspace.
pub(crate) fn create(asked: &cli::New) -> Result<Exit, Error> {
    let dir = &*asked.dir;
    if !is_free(dir) {
        return Err(Error::NotEmpty(dir.to_owned()));
    }
    let checkout = checkout();
    if real_path(dir).starts_with(real_path(&checkout)) {
        let name = dir.file_name().unwrap_or("my-lab".as_ref());
        let instead = checkout.with_file_name(name);
        return Err(Error::InCheckout { dir: dir.to_owned(), checkout, instead });
    }
    if asked.adapter {
        adapter::create(dir)?;
        return Ok(Exit::Passed);
    }
    let tester = if asked.link { Tester::Linked } else { Tester::Copied };
    let mut files = layout::files(&checkout, tester, &mark(dir))?;
    if let Some(file) = &asked.course {
        add_course(file.as_deref(), &mut files)?;
    }
    for (name, content) in &files {
        write(&dir.join(name), content)?;
    }
    Written::of(tester, &files).save(dir)?;
    settle_versions(dir);
    let note = commit(dir).err();

    let shown = dir.display();
    print(&format!(
        "{shown} is ready. Write your code in {shown}/raft/src/raft.rs. Begin with\n\n  cd {shown}\n  \
         cargo test TestInitialElection3A\n\n"
    ));
    if let Some(note) = note {
        print(&format!("note: it has no git repository with a first commit: {note}\n"));
    }
    Ok(Exit::Passed)
}

/// Adds the course file, and the crates that it allows.
fn add_course(file: Option<&Path>, files: &mut Files) -> Result<(), Error> {
    let (text, allowed) = match file {
        Some(path) => {
            let text = fs::read_to_string(path).map_err(|error| Error::read(path, error))?;
            (text, Course::read(path)?.dependencies)
        }
        None => (EXAMPLE.to_owned(), toml::Table::new()),
    };
    files.insert(FILE.into(), text.into());
    if !allowed.is_empty() {
        let manifest = files.entry("raft/Cargo.toml".into()).or_default();
        let lines: String =
            allowed.iter().map(|(name, source)| format!("{name} = {source}\n")).collect();
        let head = "[dependencies]\n";
        *manifest = String::from_utf8_lossy(manifest)
            .replace(head, &format!("{head}# These are the course's.\n{lines}\n# And the lab's.\n"))
            .into();
    }
    Ok(())
}

/// Whether nothing is there that could be overwritten.
fn is_free(dir: &Path) -> bool {
    match fs::read_dir(dir) {
        Ok(mut entries) => entries.next().is_none(),
        Err(_) => dir.symlink_metadata().is_err(),
    }
}

/// A path without links, whose end needn't be there yet.
fn real_path(path: &Path) -> PathBuf {
    let path = path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let there = path.ancestors().find_map(|part| Some((part, part.canonicalize().ok()?)));
    match there {
        Some((part, real)) => real.join(path.strip_prefix(part).unwrap_or(Path::new(""))),
        None => path,
    }
}

/// Where this program's source is, and with it the tester's.
pub(crate) fn checkout() -> PathBuf {
    let manifest_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest_dir.parent().unwrap_or(manifest_dir).to_owned()
}

/// What tells this workspace's package from another's. Cargo itself goes by name, version and the
/// place within the workspace, which are the same in each.
pub(crate) fn mark(dir: &Path) -> String {
    let mut hasher = DefaultHasher::new();
    path::absolute(dir).unwrap_or_else(|_| dir.to_owned()).hash(&mut hasher);
    format!("{:08x}", hasher.finish() as u32)
}

/// Writes a file, and the folder that it is in.
pub(crate) fn write(path: &Path, content: &[u8]) -> Result<(), Error> {
    let parent = path.parent().unwrap_or(path);
    fs::create_dir_all(parent)
        .and_then(|()| fs::write(path, content))
        .map_err(|error| Error::write(path, error))
}

/// Has cargo strike from the Cargo.lock what isn't needed, so that the first build changes nothing.
pub(crate) fn settle_versions(dir: &Path) {
    // If cargo can't do it now it will later.
    let mut command = cargo();
    command.args(["metadata", "--format-version", "1", "--offline"]).args(FOR_THIS_PLATFORM);
    let _ = command.current_dir(dir).output();
}

/// Makes a git repository with a first commit. If that doesn't work, says why.
fn commit(dir: &Path) -> Result<(), String> {
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.args(arguments).current_dir(dir);
        for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
            command.env_remove(variable);
        }
        let output = command.output().map_err(|error| format!("git: {error}"))?;
        if output.status.success() {
            Ok(())
        } else {
            Err(format!("git {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr)))
        }
    };
    git(&["init", "--quiet"])?;
    git(&["add", "--all"])?;
    let message = ["commit", "--quiet", "--no-verify", "--message", "The skeleton"];
    // Who has never told git a name needn't now.
    let nobody = ["-c", "user.name=student", "-c", "user.email=student@localhost"];
    let knows_name = git(&["config", "user.name"]).and_then(|()| git(&["config", "user.email"]));
    match knows_name {
        Ok(()) => git(&message),
        Err(_) => git(&[&nobody[..], &message[..]].concat()),
    }
}
