//! The workspaces that submissions are built in: one for each job, made from the grader's copy.
//!
//! Such a workspace has one package, `raft`, with the grader's tests, manifest and lock file. It uses the tester from
//! where the grader's copy has it, so that this is compiled once. A submission's sources take the place of the last
//! one's, and only they and the tests are compiled for it.

use std::env;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use cargo_metadata::{Metadata, MetadataCommand};
use toml::{Table, Value};

use super::take::Sources;
use crate::cargo::{cargo, output_for};
use crate::course::Course;
use crate::error::Error;
use crate::output::tell;
use crate::record::sha256;
use crate::suite::{Environment, LabTest, Suite, binaries, list_all};

/// The package.
const PACKAGE: &str = "raft";

/// From which size on a file isn't copied but linked: what is built once isn't written to again.
const LINKED: u64 = 64 << 10;

/// What is built of a submission alone, and is of no use for another.
const OWN: [&str; 4] = ["raft-", "libraft-", "lab3-", "extra-"];

/// What cargo's manifests call dependencies.
const DEPENDENCIES: [&str; 2] = ["dependencies", "dev-dependencies"];

/// Where the grader's copy is, and what its manifests say.
#[derive(Debug)]
pub(super) struct Copy {
    root: PathBuf,
    /// The folder of its package `raft`.
    package: PathBuf,
    root_manifest: Table,
    manifest: Table,
}

/// A workspace for submissions.
#[derive(Debug)]
pub(super) struct Workspace {
    folder: PathBuf,
    target: PathBuf,
    /// Where others were built, so that what all have in common needn't be built again.
    model: Option<PathBuf>,
}

/// What came of building.
#[derive(Debug)]
pub(super) enum Built {
    Tests(Suite),
    /// Why there are none.
    Not { why: String },
}

impl Copy {
    /// Finds the grader's copy.
    pub(super) fn of(metadata: &Metadata) -> Result<Copy, Error> {
        let root: PathBuf = metadata.workspace_root.clone().into();
        let packages = metadata.workspace_packages();
        let Some(package) = packages.iter().find(|package| package.name.as_str() == PACKAGE) else {
            let hint = format!("the workspace {} has none; run it in your copy of the lab", root.display());
            return Err(Error::NoPackage { package: PACKAGE.to_owned(), hint });
        };
        let package: PathBuf = package.manifest_path.parent().map(PathBuf::from).unwrap_or_default();
        let read = |folder: &Path| {
            let path = folder.join("Cargo.toml");
            let text = fs::read_to_string(&path).map_err(|error| Error::read(&path, error))?;
            let table = text.parse::<Table>();
            table.map_err(|error| Error::NotPrepared(format!("{} isn't right: {error}", path.display())))
        };
        Ok(Copy { root_manifest: read(&root)?, manifest: read(&package)?, root, package })
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The sources of its own Raft.
    pub(super) fn sources(&self) -> Result<Sources, Error> {
        let folder = self.package.join("src");
        let taken = super::take::take(&folder, b"").map_err(|why| {
            Error::NotPrepared(format!("{} isn't a Raft: {why}", folder.display()))
        })?;
        Ok(taken.sources)
    }

    /// The root manifest of a workspace for submissions: the grader's, with one member.
    fn workspace_manifest(&self) -> Table {
        let theirs = self.root_manifest.get("workspace").and_then(Value::as_table).cloned().unwrap_or_default();
        let mut workspace = Table::new();
        for key in ["resolver", "package", "dependencies", "lints"] {
            workspace.extend(theirs.get(key).map(|value| (key.to_owned(), value.clone())));
        }
        workspace.insert("members".to_owned(), Value::from(vec![PACKAGE]));
        for dependency in table_mut(&mut workspace, "dependencies").iter_mut() {
            make_absolute(dependency.1, &self.root);
        }
        let mut manifest = Table::new();
        manifest.insert("workspace".to_owned(), Value::Table(workspace));
        for key in ["profile", "patch"] {
            manifest.extend(self.root_manifest.get(key).map(|value| (key.to_owned(), value.clone())));
        }
        for patched in table_mut(&mut manifest, "patch").iter_mut().filter_map(|(_, table)| table.as_table_mut()) {
            patched.iter_mut().for_each(|(_, dependency)| make_absolute(dependency, &self.root));
        }
        manifest
    }

    /// The manifest of the package `raft` of the workspace number `number`.
    fn package_manifest(&self, course: &Course, number: usize) -> Table {
        let mut manifest = self.manifest.clone();
        let package = table_mut(&mut manifest, "package");
        // Where several share a target folder, cargo tells packages apart by name and version.
        package.insert("version".to_owned(), Value::from(format!("0.1.0+grade{number}")));
        for key in ["build", "autobins", "autoexamples", "autotests", "autobenches"] {
            package.insert(key.to_owned(), Value::from(false));
        }
        for key in ["build-dependencies", "bin", "example", "bench", "workspace", "profile"] {
            manifest.remove(key);
        }
        for key in DEPENDENCIES {
            for (_, dependency) in table_mut(&mut manifest, key).iter_mut() {
                make_absolute(dependency, &self.package);
            }
        }
        table_mut(&mut manifest, "dependencies").extend(course.dependencies.clone());
        // Refuses also what the compiler does without the word: no_mangle, link_section, extern blocks.
        let lints = Table::from_iter([("unsafe_code".to_owned(), Value::from("forbid"))]);
        manifest.insert("lints".to_owned(), Value::Table(Table::from_iter([("rust".to_owned(), Value::Table(lints))])));
        manifest
    }
}

fn table_mut<'a>(table: &'a mut Table, key: &str) -> &'a mut Table {
    let value = table.entry(key).or_insert_with(|| Value::Table(Table::new()));
    if !value.is_table() {
        *value = Value::Table(Table::new());
    }
    value.as_table_mut().expect("it is one")
}

/// Makes a dependency's path one that means the same elsewhere.
fn make_absolute(dependency: &mut Value, folder: &Path) {
    if let Some(path) = dependency.get_mut("path")
        && let Some(text) = path.as_str()
    {
        let absolute = folder.join(text);
        let absolute = absolute.canonicalize().unwrap_or(absolute);
        *path = Value::from(absolute.to_string_lossy().into_owned());
    }
}

impl Workspace {
    /// Makes the workspace number `number` in the folder `work`; `model` is one that has been built, and `shared` a
    /// target folder for all.
    pub(super) fn make(
        copy: &Copy,
        course: &Course,
        work: &Path,
        number: usize,
        model: Option<&Workspace>,
        shared: Option<&Path>,
    ) -> Result<Workspace, Error> {
        let folder = work.join(format!("job-{number}"));
        let write = |name: &str, text: &[u8]| write_if_new(&folder.join(name), text);
        write("Cargo.toml", copy.workspace_manifest().to_string().as_bytes())?;
        write("raft/Cargo.toml", copy.package_manifest(course, number).to_string().as_bytes())?;
        let mut names = vec!["rust-toolchain.toml"];
        // A folder within the copy has cargo's settings from there.
        if !folder.starts_with(&copy.root) {
            names.push(".cargo/config.toml");
        }
        for name in names {
            if let Ok(text) = fs::read(copy.root.join(name)) {
                write(name, &text)?;
            }
        }
        let tests = folder.join("tests");
        remove(&tests)?;
        copy_folder(&copy.root.join("tests"), &tests).map_err(|error| Error::write(&tests, error))?;
        let target = shared.map_or_else(|| folder.join("target"), Path::to_owned);
        let workspace = Workspace { target, model: model.map(|model| model.target.clone()), folder };
        workspace.put(&copy.sources()?)?;
        workspace.settle_versions(copy, model)?;
        Ok(workspace)
    }

    /// Has cargo strike from the lock file what isn't needed, and add what only the course allows.
    fn settle_versions(&self, copy: &Copy, model: Option<&Workspace>) -> Result<(), Error> {
        let to = self.folder.join("Cargo.lock");
        if let Some(model) = model {
            let lock = fs::read(model.folder.join("Cargo.lock")).map_err(|error| Error::read(&to, error))?;
            // The other one's own version stands in it.
            let lock = String::from_utf8_lossy(&lock).replace(&model.version(), &self.version());
            return write_if_new(&to, lock.as_bytes());
        }
        let lock = fs::read(copy.root.join("Cargo.lock")).map_err(|error| Error::read(&to, error))?;
        fs::write(&to, lock).map_err(|error| Error::write(&to, error))?;
        let settle = |offline: &[&str]| {
            let mut command = cargo();
            command.args(["metadata", "--format-version", "1"]).args(offline).current_dir(&self.folder);
            command.output().map_err(|error| Error::NotStarted { what: "cargo".to_owned(), error })
        };
        if settle(&["--offline"])?.status.success() {
            return Ok(());
        }
        tell("fetching crates that the course allows");
        let output = settle(&[])?;
        if output.status.success() {
            return Ok(());
        }
        Err(Error::NotPrepared(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
    }

    fn version(&self) -> String {
        let number = self.folder.to_string_lossy().rsplit('-').next().unwrap_or_default().to_owned();
        format!("0.1.0+grade{number}")
    }

    /// The crates that submissions may use.
    pub(super) fn dependencies(&self) -> Result<Vec<String>, Error> {
        let path = self.folder.join("raft/Cargo.toml");
        let text = fs::read_to_string(&path).map_err(|error| Error::read(&path, error))?;
        let manifest: Table = text.parse().unwrap_or_default();
        let names = manifest.get("dependencies").and_then(Value::as_table);
        Ok(names.map(|table| table.keys().cloned().collect()).unwrap_or_default())
    }

    /// Puts a submission's sources into it, in place of the last one's.
    pub(super) fn put(&self, sources: &Sources) -> Result<(), Error> {
        let folder = self.folder.join("raft/src");
        remove(&folder)?;
        for (path, bytes) in sources {
            let path = folder.join(path);
            let parent = path.parent().unwrap_or(&folder);
            fs::create_dir_all(parent)
                .and_then(|()| fs::write(&path, bytes))
                .map_err(|error| Error::write(&path, error))?;
        }
        Ok(())
    }

    /// Builds its tests, those of the test targets `names` or all, and lists them. What cargo says goes to `log`.
    pub(super) fn build(&self, names: &[String], log: &Path, limit: Duration) -> Result<Built, Error> {
        self.begin_target()?;
        let mut command = cargo();
        command
            .args(["test", "--no-run", "--package", PACKAGE, "--offline", "--locked", "--color", "never"])
            .args(["--message-format", "json-render-diagnostics"])
            .current_dir(&self.folder)
            .env("CARGO_TARGET_DIR", &self.target);
        if names.is_empty() {
            command.args(["--test", "*"]);
        }
        for name in names {
            command.args(["--test", name]);
        }
        without_secrets(&mut command);
        let file = File::create(log).map_err(|error| Error::write(log, error))?;
        let Some((status, messages)) = output_for(command, file, Instant::now() + limit)? else {
            let why = format!("building it took more than {}", humantime::format_duration(limit));
            return Ok(Built::Not { why });
        };
        if !status.success() {
            let text = fs::read(log).map_err(|error| Error::read(log, error))?;
            return Ok(Built::Not { why: first_error(&String::from_utf8_lossy(&text)) });
        }
        let folder = self.folder.join("raft");
        let tests = list_all(&binaries(&messages)?, &folder)?;
        Ok(Built::Tests(Suite {
            package: PACKAGE.to_owned(),
            folder,
            target: self.target.clone(),
            tests,
            environment: Environment::Bare,
        }))
    }

    /// Takes over what another workspace has built, before the first build.
    fn begin_target(&self) -> Result<(), Error> {
        let Some(model) = self.model.as_ref().filter(|model| **model != self.target && !self.target.exists()) else {
            return Ok(());
        };
        let part = self.folder.join("target.part");
        remove(&part)?;
        take_over(model, &part)
            .and_then(|()| fs::rename(&part, &self.target))
            .map_err(|error| Error::write(&self.target, error))
    }

    /// What tells everything that submissions are built with from other such: the manifests and the lock file, the
    /// tests, the tester's sources, the compiler.
    pub(super) fn code(&self) -> Result<String, Error> {
        let mut all = Vec::new();
        let mut metadata = MetadataCommand::new();
        metadata.manifest_path(self.folder.join("Cargo.toml"));
        metadata.other_options(vec!["--offline".to_owned(), "--locked".to_owned()]);
        let metadata = metadata.exec().map_err(|error| Error::NotPrepared(error.to_string()))?;
        let used = metadata.resolve.iter().flat_map(|resolve| &resolve.nodes).map(|node| &node.id);
        let used: Vec<_> = used.collect();
        let mut folders = vec![self.folder.join("tests")];
        for package in &metadata.packages {
            if package.source.is_none() && package.name.as_str() != PACKAGE && used.contains(&&package.id) {
                folders.extend(package.manifest_path.parent().map(PathBuf::from));
            }
        }
        folders.sort();
        for folder in folders {
            add_sources(&folder, &folder, &mut all).map_err(|error| Error::read(&folder, error))?;
        }
        // Where they are has no say in it.
        for name in ["Cargo.lock", "raft/Cargo.toml"] {
            let path = self.folder.join(name);
            let text = fs::read_to_string(&path).map_err(|error| Error::read(&path, error))?;
            let is_said = |line: &&str| !line.contains("path = \"/") && !line.starts_with("version = \"0.1.0+");
            all.extend(text.lines().filter(is_said).flat_map(|line| [line.as_bytes(), b"\n"].concat()));
        }
        let version = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())).arg("-V").output();
        all.extend(version.map(|output| output.stdout).unwrap_or_default());
        Ok(sha256(&all))
    }
}

/// The test target that a test is of, by its binary's name: `lab3-0123456789abcdef`.
pub(super) fn target_of(test: &LabTest) -> String {
    let stem = test.binary.file_stem().unwrap_or_default().to_string_lossy();
    stem.rsplit_once('-').map_or(&*stem, |(name, _)| name).to_owned()
}

/// Takes from a command what its code could print: the course's key, and settings that aren't for it.
fn without_secrets(command: &mut Command) {
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("LAB_") {
            command.env_remove(name);
        }
    }
}

/// The first error among what cargo says, in a line.
fn first_error(log: &str) -> String {
    let mut lines = log.lines().skip_while(|line| !line.starts_with("error"));
    let Some(error) = lines.next() else {
        return log.lines().next_back().unwrap_or("cargo failed without a word").to_owned();
    };
    let place = lines.next().and_then(|line| line.trim().strip_prefix("--> "));
    place.map_or_else(|| error.to_owned(), |place| format!("{error}, at {place}"))
}

fn remove(folder: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::write(folder, error)),
        _ => Ok(()),
    }
}

/// Writes a file. One that is the same already isn't touched, so that cargo doesn't build anew what hangs on it.
fn write_if_new(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    let parent = path.parent().unwrap_or(path);
    fs::create_dir_all(parent).and_then(|()| fs::write(path, bytes)).map_err(|error| Error::write(path, error))
}

fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &to)?;
        } else {
            copy_with_time(&entry.path(), &to)?;
        }
    }
    Ok(())
}

/// Copies a file with the time of its last change, by which cargo goes.
fn copy_with_time(from: &Path, to: &Path) -> io::Result<()> {
    fs::copy(from, to)?;
    let changed = fs::metadata(from)?.modified().unwrap_or(SystemTime::UNIX_EPOCH);
    File::options().write(true).open(to)?.set_modified(changed)
}

/// Makes a target folder of another one, without what is a submission's own. Large files are linked.
fn take_over(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        let text = name.to_string_lossy();
        let (path, to) = (entry.path(), to.join(&name));
        if text == "incremental" || OWN.iter().any(|own| text.starts_with(own)) {
            continue;
        }
        let meta = entry.metadata()?;
        if meta.is_dir() {
            take_over(&path, &to)?;
        } else if meta.len() < LINKED || fs::hard_link(&path, &to).is_err() {
            copy_with_time(&path, &to)?;
        }
    }
    Ok(())
}

/// Adds the sources below a folder, each with its name.
fn add_sources(root: &Path, folder: &Path, all: &mut Vec<u8>) -> io::Result<()> {
    let entries: io::Result<Vec<_>> = fs::read_dir(folder)?.collect();
    let mut paths: Vec<PathBuf> = entries?.iter().map(fs::DirEntry::path).collect();
    paths.sort();
    for path in paths {
        let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
        if path.is_dir() {
            if name != "target" && name != "tests" {
                add_sources(root, &path, all)?;
            }
        } else if name.ends_with(".rs") {
            let bytes = fs::read(&path)?;
            all.extend(format!("{name} {}\n", bytes.len()).into_bytes());
            all.extend(bytes);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_submission_s_manifest_is_the_grader_s_without_what_builds() {
        let manifest: Table = r#"
            [package]
            name = "raft"
            version.workspace = true
            build = "build.rs"
            [dependencies]
            labrpc = { path = "../labrpc" }
            serde = "1"
            [build-dependencies]
            cc = "1"
            [lints]
            workspace = true
        "#
        .parse()
        .expect("a manifest");
        let copy = Copy {
            root: "/lab".into(),
            package: "/lab/raft".into(),
            root_manifest: Table::new(),
            manifest,
        };
        let course = Course::default();
        let made = copy.package_manifest(&course, 3);
        assert_eq!(made["package"]["build"], Value::from(false));
        assert_eq!(made["package"]["version"], Value::from("0.1.0+grade3"));
        assert_eq!(made["lints"]["rust"]["unsafe_code"], Value::from("forbid"));
        assert_eq!(made["dependencies"]["labrpc"]["path"], Value::from("/lab/raft/../labrpc"));
        assert!(!made.contains_key("build-dependencies"));
    }

    #[test]
    fn the_first_error_is_said_in_a_line() {
        let log = "   Compiling raft\nwarning: unused\nerror[E0308]: mismatched types\n  --> raft/src/lib.rs:1:5\n";
        assert_eq!(first_error(log), "error[E0308]: mismatched types, at raft/src/lib.rs:1:5");
        assert_eq!(first_error("error: no\n"), "error: no");
        assert_eq!(first_error(""), "cargo failed without a word");
    }

    #[test]
    fn a_target_folder_is_taken_over_without_what_is_a_submission_s() {
        let folder = tempfile::tempdir().expect("a folder");
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::create_dir_all(from.join("debug/deps")).expect("a folder");
        fs::create_dir_all(from.join("debug/incremental")).expect("a folder");
        for (name, len) in [("libconfig-1.rlib", 100_000), ("libraft-1.rlib", 9), ("config-1.d", 9), ("lab3-1", 9)] {
            fs::write(from.join("debug/deps").join(name), vec![0; len]).expect("a file");
        }
        take_over(&from, &to).expect("it works");
        let mut names: Vec<_> = fs::read_dir(to.join("debug/deps"))
            .expect("a folder")
            .map(|entry| entry.expect("an entry").file_name())
            .collect();
        names.sort();
        assert_eq!(names, ["config-1.d", "libconfig-1.rlib"]);
        assert!(!to.join("debug/incremental").exists());
        let time = |path: PathBuf| fs::metadata(path).expect("a file").modified().expect("a time");
        assert_eq!(time(from.join("debug/deps/config-1.d")), time(to.join("debug/deps/config-1.d")));
    }
}
