//! What a student's workspace consists of: every file, by its path in the workspace.
//!
//! A workspace stands alone. It has the tester's crates in a folder of their own, [`TESTER`], as sources: without
//! solutions, and without the tests of the tester. So it can be pushed, cloned and handed in. A *linked* one uses the
//! tester from the checkout that it was made by, for those who work on the tester itself.

mod guide;
mod manifests;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Error;

use self::manifests::Checkout;
pub(crate) use self::manifests::quoted;

/// The folder of the tester's crates in a workspace.
pub(crate) const TESTER: &str = "tester";

/// The crates that a workspace is made for: the tester, and the program `cargo lab`. It gets all that they need.
const WANTED: [&str; 2] = ["config", "lab"];

/// What is taken over as it is, file by file or as whole folders.
const COPIED: [(&str, &str); 6] = [
    ("handout/src", "raft/src"),
    ("tests", "tests"),
    ("clippy.toml", "clippy.toml"),
    ("rustfmt.toml", "rustfmt.toml"),
    ("rust-toolchain.toml", "rust-toolchain.toml"),
    ("Cargo.lock", "Cargo.lock"),
];

/// The licenses, under which the tester may be passed on.
const LICENSES: [&str; 2] = ["LICENSE-APACHE", "LICENSE-MIT"];

/// What the guide, and messages, send a reader to: pages of the checkout's `docs`, with their pictures and files.
const DOCS: [&str; 10] = [
    "containment.md",
    "explore.md",
    "extra.md",
    "failures.md",
    "grading",
    "grading.md",
    "mistakes.md",
    "pictures",
    "settings.md",
    "why.md",
];

/// Folders of a crate that only its own tests need.
const NOT_COPIED: [&str; 3] = ["tests", "benches", "target"];

/// What is made from a template.
const TEMPLATES: [(&str, &str); 6] = [
    ("README.md", include_str!("../templates/new/README.md")),
    (".gitignore", "/target\n"),
    (".github/workflows/test.yml", include_str!("../templates/new/github.yml")),
    (".gitlab-ci.yml", include_str!("../templates/new/gitlab.yml")),
    (".devcontainer/devcontainer.json", include_str!("../templates/new/devcontainer.json")),
    ("raft/Cargo.toml", include_str!("../templates/new/package.toml")),
];

const CONFIG_TOML: &str = include_str!("../templates/new/config.toml");

/// Where a workspace has its tester from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tester {
    /// It has a copy.
    Copied,
    /// It uses the checkout's, by an absolute path.
    Linked,
}

/// The files of a workspace, by path.
pub(crate) type Files = BTreeMap<PathBuf, Vec<u8>>;

/// Whether a workspace's student writes this file. All others are the tester's, and an upgrade replaces them.
pub(crate) fn is_students(path: &Path) -> bool {
    let first = path.iter().next().and_then(|name| name.to_str());
    matches!(first, Some("raft" | "README.md" | ".gitignore" | "Cargo.lock" | "lab.toml"))
}

/// The files of a workspace whose tester comes from `checkout`; `mark` tells its package `raft` from others'.
///
/// # Errors
///
/// If `checkout` has no skeleton, as it is where this program was built in a student's workspace; if a file can't be
/// read, or a Cargo.toml isn't as expected.
pub(crate) fn files(checkout: &Path, tester: Tester, mark: &str) -> Result<Files, Error> {
    if !checkout.join("handout").is_dir() {
        return Err(Error::NoSkeleton(checkout.to_owned()));
    }
    let manifests = Checkout::read(checkout)?;
    let crates = manifests.closure(&WANTED)?;
    let mut files = Files::new();
    for (name, text) in TEMPLATES {
        files.insert(name.into(), text.replace("{mark}", mark).into());
    }
    let dependencies = manifests.dependencies_of_skeleton()?;
    let package = files.entry("raft/Cargo.toml".into()).or_default();
    *package = String::from_utf8_lossy(package).replace("{dependencies}", &dependencies).into();
    for (from, to) in COPIED {
        copy(&checkout.join(from), Path::new(to), &mut files)?;
    }
    let mut lab = r#""run", "--package", "lab", "--""#.to_owned();
    let docs = match tester {
        Tester::Copied => Path::new(TESTER).join("docs"),
        Tester::Linked => checkout.join("docs"),
    };
    copy_guide(&checkout.join("guide/src"), Path::new("guide"), &docs, &mut files)?;
    match tester {
        Tester::Copied => {
            for name in DOCS {
                copy(&checkout.join("docs").join(name), &docs.join(name), &mut files)?;
            }
            for name in &crates {
                let to = Path::new(TESTER).join(name);
                copy_crate(&checkout.join(name), &to, &mut files)?;
                files.insert(to.join("Cargo.toml"), manifests.member(name)?.into());
            }
            for name in LICENSES {
                copy(&checkout.join(name), &Path::new(TESTER).join(name), &mut files)?;
            }
        }
        Tester::Linked => {
            let manifest = checkout.join("Cargo.toml");
            let path =
                manifest.to_str().ok_or_else(|| Error::NotUtf8(checkout.to_owned()))?.to_owned();
            lab = format!(
                r#""run", "--manifest-path", {}, "--package", "lab", "--""#,
                manifests::quoted(&path)
            );
        }
    }
    files.insert("Cargo.toml".into(), manifests.root(tester, &crates)?.into());
    files.insert(".cargo/config.toml".into(), CONFIG_TOML.replace("{lab}", &lab).into());
    Ok(files)
}

/// Reads a file or a whole folder.
fn copy(from: &Path, to: &Path, files: &mut Files) -> Result<(), Error> {
    if from.is_dir() {
        for name in entries(from)? {
            copy(&from.join(&name), &to.join(&name), files)?;
        }
    } else {
        let content = fs::read(from).map_err(|error| Error::read(from, error))?;
        files.insert(to.to_owned(), content);
    }
    Ok(())
}

/// Reads the guide's pages. What it calls `docs` is in the folder `docs`.
fn copy_guide(from: &Path, to: &Path, docs: &Path, files: &mut Files) -> Result<(), Error> {
    for name in entries(from)? {
        let (from, to) = (from.join(&name), to.join(&name));
        if from.is_dir() {
            copy_guide(&from, &to, docs, files)?;
        } else if name.ends_with(".md") {
            files.insert(to, guide::page(&from, docs, &DOCS)?.into());
        }
    }
    Ok(())
}

/// Reads what is needed to build the crate in the folder `from`, but for its Cargo.toml.
fn copy_crate(from: &Path, to: &Path, files: &mut Files) -> Result<(), Error> {
    for name in entries(from)? {
        if name != "Cargo.toml" && !NOT_COPIED.iter().any(|left| name == *left) {
            copy(&from.join(&name), &to.join(&name), files)?;
        }
    }
    Ok(())
}

/// The names in a folder, but for hidden ones.
fn entries(folder: &Path) -> Result<Vec<String>, Error> {
    let failed = |error| Error::read(folder, error);
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let name = name.into_string().map_err(|name| Error::NotUtf8(folder.join(name)))?;
        if !name.starts_with('.') {
            names.push(name);
        }
    }
    Ok(names)
}
