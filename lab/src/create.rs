//! `cargo lab new`: a student's workspace.
//!
//! It has the tests, and the skeleton under the name `raft`. The tester and what it stands on are
//! used from where this program was built, by path, so that a newer tester needs no copying.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::path::{self, Path, PathBuf};
use std::process::Command;

use cargo_metadata::{Dependency, DependencyKind, Metadata};

use crate::cargo::{cargo, workspace};
use crate::error::Error;
use crate::exit::Exit;
use crate::output::print;

const WORKSPACE_TOML: &str = include_str!("../templates/new/workspace.toml");
const PACKAGE_TOML: &str = include_str!("../templates/new/package.toml");
const CONFIG_TOML: &str = include_str!("../templates/new/config.toml");
const README: &str = include_str!("../templates/new/README.md");

/// What is taken over as it is.
const COPIED: [(&str, &str); 7] = [
    ("handout/src", "raft/src"),
    ("tests/raft", "tests/raft"),
    ("tests/extra", "tests/extra"),
    ("tests/steps", "tests/steps"),
    ("clippy.toml", "clippy.toml"),
    ("rustfmt.toml", "rustfmt.toml"),
    ("Cargo.lock", "Cargo.lock"),
];

/// Makes a student's workspace in `dir`.
pub(crate) fn create(dir: &Path) -> Result<Exit, Error> {
    if !is_free(dir) {
        return Err(Error::NotEmpty(dir.to_owned()));
    }
    let checkout = checkout();
    if real_path(dir).starts_with(real_path(&checkout)) {
        let name = dir.file_name().unwrap_or("my-lab".as_ref());
        let instead = checkout.with_file_name(name);
        return Err(Error::InCheckout { dir: dir.to_owned(), checkout, instead });
    }
    let root = checkout.to_str().ok_or_else(|| Error::NotUtf8(checkout.clone()))?;
    let metadata = workspace(Some(&checkout))?;
    let package_toml = PACKAGE_TOML
        .replace("{mark}", &mark(dir))
        .replace("{dependencies}", &dependencies(&metadata, DependencyKind::Normal, |_| true))
        // Of what the skeleton's own tests need, the student's need the tester.
        .replace(
            "{dev-dependencies}",
            &dependencies(&metadata, DependencyKind::Development, |name| name == "config"),
        );
    let lab_manifest = quoted(&format!("{root}/Cargo.toml"));
    for (name, text) in [
        ("Cargo.toml", WORKSPACE_TOML),
        ("raft/Cargo.toml", &package_toml),
        (".cargo/config.toml", &CONFIG_TOML.replace("{lab-manifest}", &lab_manifest)),
        (".gitignore", "/target\n"),
        ("README.md", &README.replace("{checkout}", root)),
    ] {
        write(&dir.join(name), text)?;
    }
    for (from, to) in COPIED {
        let to = dir.join(to);
        copy(&checkout.join(from), &to).map_err(|error| Error::write(&to, error))?;
    }
    settle_versions(dir);
    let note = commit(dir).err();

    let shown = dir.display();
    print(&format!(
        "{shown} is ready. Your code goes into {shown}/raft/src/raft.rs; begin with\n\n  cd {shown}\n  \
         cargo test TestInitialElection3A\n\n"
    ));
    if let Some(note) = note {
        print(&format!("note: it has no git repository with a first commit: {note}\n"));
    }
    Ok(Exit::Passed)
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
fn checkout() -> PathBuf {
    let manifest_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest_dir.parent().unwrap_or(manifest_dir).to_owned()
}

/// What tells this workspace's package from another's. Cargo itself goes by name, version and the
/// place within the workspace, which are the same in each.
fn mark(dir: &Path) -> String {
    let mut hasher = DefaultHasher::new();
    path::absolute(dir).unwrap_or_else(|_| dir.to_owned()).hash(&mut hasher);
    format!("{:08x}", hasher.finish() as u32)
}

/// Those of the skeleton's dependencies that are `wanted`, as lines of another package's Cargo.toml.
fn dependencies(
    metadata: &Metadata,
    kind: DependencyKind,
    wanted: impl Fn(&str) -> bool,
) -> String {
    let packages = metadata.workspace_packages();
    let skeleton = packages.iter().find(|package| package.name.as_str() == "handout");
    let skeleton = skeleton.expect("the checkout has the skeleton that this was built with");
    let mut lines: Vec<String> = skeleton
        .dependencies
        .iter()
        .filter(|dependency| dependency.kind == kind && wanted(&dependency.name))
        .map(|dependency| format!("{} = {}", dependency.name, source(dependency)))
        .collect();
    lines.sort();
    lines.join("\n")
}

/// Where a dependency comes from: the checkout by its path, others by their version.
fn source(dependency: &Dependency) -> String {
    let version = dependency.req.to_string();
    let mut keys = match &dependency.path {
        Some(path) => vec![format!("path = {}", quoted(path.as_str()))],
        None => vec![format!("version = {}", quoted(version.trim_start_matches('^')))],
    };
    if !dependency.uses_default_features {
        keys.push("default-features = false".to_owned());
    }
    if !dependency.features.is_empty() {
        let features: Vec<String> = dependency.features.iter().map(|name| quoted(name)).collect();
        keys.push(format!("features = [{}]", features.join(", ")));
    }
    match &keys[..] {
        [_] if dependency.path.is_none() => quoted(version.trim_start_matches('^')),
        _ => format!("{{ {} }}", keys.join(", ")),
    }
}

/// A string as TOML has it, which for these is as JSON has it.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    let parent = path.parent().unwrap_or(path);
    fs::create_dir_all(parent)
        .and_then(|()| fs::write(path, text))
        .map_err(|error| Error::write(path, error))
}

/// Copies a file or a whole folder.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if from.is_dir() {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
        Ok(())
    } else {
        // The content alone: a checkout may be read-only.
        fs::write(to, fs::read(from)?)
    }
}

/// Has cargo strike from the Cargo.lock what isn't needed, so that the first build changes nothing.
fn settle_versions(dir: &Path) {
    // If cargo can't do it now it will later.
    let _ =
        cargo().args(["metadata", "--format-version", "1", "--offline"]).current_dir(dir).output();
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
