//! The workspaces that submissions are built in: one for each job, made from the grader's copy.
//!
//! Such a workspace has one package, `raft`, with the grader's tests, manifest and lock file. It uses the tester from
//! where the grader's copy has it, so that this is compiled once. A submission's sources take the place of the last
//! one's, and only they and the tests are compiled for it.

use std::collections::BTreeSet;
use std::env;
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use cargo_metadata::{Metadata, MetadataCommand};
use confine::Confinement;
use toml::{Table, Value};

use super::compiler::{files_read, first_error, library, without_secrets};
use super::copy::{Copy, PACKAGE};
use super::files::{add_sources, copy_folder, remove, take_over, write_if_new};
use super::take::Sources;
use crate::cargo::{FOR_THIS_PLATFORM, cargo, output_for};
use crate::course::Course;
use crate::error::Error;
use crate::output::tell;
use crate::record::sha256;
use crate::suite::{LabTest, Suite, binaries, list_all};

/// The folder for a compiler's temporary files, in the target folder.
const SCRATCH: &str = "scratch";

/// How much of what cargo says is looked at for the first error, in bytes.
const LOG: u64 = 16 << 20;

/// How much of its end, which says how the compiler ended.
const LAST: u64 = 64 << 10;

/// A workspace for submissions.
#[derive(Debug)]
pub(super) struct Workspace {
    folder: PathBuf,
    target: PathBuf,
    /// Where others were built, so that what all have in common needn't be built again.
    model: Option<PathBuf>,
    /// How much memory a build's process may take.
    memory: u64,
    /// What a build reads besides the workspace and the system: the tester, and what cargo has.
    tester: Vec<PathBuf>,
}

/// What came of building.
#[derive(Debug)]
pub(super) enum Built {
    Tests(Suite),
    /// Why there are none.
    Not {
        why: String,
    },
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
        if !folder.starts_with(copy.root()) {
            names.push(".cargo/config.toml");
        }
        for name in names {
            if let Ok(text) = fs::read(copy.root().join(name)) {
                write(name, &text)?;
            }
        }
        let tests = folder.join("tests");
        remove(&tests)?;
        copy_folder(&copy.root().join("tests"), &tests)
            .map_err(|error| Error::write(&tests, error))?;
        let target = shared.map_or_else(|| folder.join("target"), Path::to_owned);
        fs::create_dir_all(&target).map_err(|error| Error::write(&target, error))?;
        let mut workspace = Workspace {
            target,
            model: model.map(|model| model.target.clone()),
            memory: course.limits.memory,
            tester: Vec::new(),
            folder,
        };
        workspace.put(&copy.sources()?)?;
        workspace.settle_versions(copy, model)?;
        workspace.tester = reads(&workspace.metadata()?, copy.root(), &workspace.folder);
        Ok(workspace)
    }

    /// What cargo knows of it.
    fn metadata(&self) -> Result<Metadata, Error> {
        let mut metadata = MetadataCommand::new();
        metadata.manifest_path(self.folder.join("Cargo.toml"));
        let options = ["--offline", "--locked"].into_iter().chain(FOR_THIS_PLATFORM);
        metadata.other_options(options.map(str::to_owned).collect::<Vec<_>>());
        metadata.exec().map_err(|error| Error::NotPrepared(error.to_string()))
    }

    /// Has cargo strike from the lock file what isn't needed, and add what only the course allows.
    fn settle_versions(&self, copy: &Copy, model: Option<&Workspace>) -> Result<(), Error> {
        let to = self.folder.join("Cargo.lock");
        if let Some(model) = model {
            let lock = fs::read(model.folder.join("Cargo.lock"))
                .map_err(|error| Error::read(&to, error))?;
            // The other one's own version stands in it.
            let lock = String::from_utf8_lossy(&lock).replace(&model.version(), &self.version());
            return write_if_new(&to, lock.as_bytes());
        }
        let lock =
            fs::read(copy.root().join("Cargo.lock")).map_err(|error| Error::read(&to, error))?;
        fs::write(&to, lock).map_err(|error| Error::write(&to, error))?;
        let settle = |offline: &[&str]| {
            let mut command = cargo();
            command
                .args(["metadata", "--format-version", "1"])
                .args(FOR_THIS_PLATFORM)
                .args(offline)
                .current_dir(&self.folder);
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
        let number =
            self.folder.to_string_lossy().rsplit('-').next().unwrap_or_default().to_owned();
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

    /// Builds the tests of the test targets `names` with the grader's own Raft, and lists them. What cargo says goes to
    /// `log`.
    pub(super) fn build_own(
        &self,
        names: &[String],
        log: &Path,
        limit: Duration,
    ) -> Result<Built, Error> {
        Ok(match self.build_binaries(names, log, limit, None)? {
            Ok(binaries) => Built::Tests(self.suite(list_all(&binaries, &self.package())?)),
            Err(why) => Built::Not { why },
        })
    }

    /// Builds a submission's tests, those of the test targets `names`, confined. Which tests they have, the grader knows
    /// from its `own`: nothing of a submission is run to find out. What cargo says goes to `log`.
    pub(super) fn build(
        &self,
        names: &[String],
        own: &[LabTest],
        log: &Path,
        limit: Duration,
    ) -> Result<Built, Error> {
        let binaries =
            match self.build_binaries(names, log, limit, Some(&self.confinement(limit)?))? {
                Ok(binaries) => binaries,
                Err(why) => return Ok(Built::Not { why }),
            };
        let tests = own.iter().filter_map(|test| {
            let target = target_of(&test.binary);
            let binary = binaries.iter().find(|binary| target_of(binary) == target)?;
            Some(LabTest { binary: binary.clone(), ..test.clone() })
        });
        Ok(Built::Tests(self.suite(tests.collect())))
    }

    /// The folder of the tests' sources.
    pub(super) fn tests(&self) -> PathBuf {
        self.folder.join("tests")
    }

    fn package(&self) -> PathBuf {
        self.folder.join("raft")
    }

    fn suite(&self, tests: Vec<LabTest>) -> Suite {
        Suite {
            switches: Vec::new(),
            package: PACKAGE.to_owned(),
            folder: self.package(),
            target: self.target.clone(),
            tests,
        }
    }

    /// What the tests of a submission, which has been built, may do: read their binaries and sources, and use `cpu` of
    /// CPU time in a process.
    pub(super) fn confinement_of_runs(
        &self,
        suite: &Suite,
        cpu: Duration,
    ) -> Result<Confinement, Error> {
        let mut reads: Vec<PathBuf> = suite.tests.iter().map(|test| test.binary.clone()).collect();
        reads.sort();
        reads.dedup();
        reads.extend([self.package().join("src"), self.folder.join("tests")]);
        Confinement::of_runs(&reads, cpu).map_err(not_confined)
    }

    /// What the compiler may do with a submission: read the workspace, the tester, the crates that cargo has fetched and
    /// the compiler, and write to the target folder.
    pub(super) fn confinement(&self, limit: Duration) -> Result<Confinement, Error> {
        let mut reads = self.tester.clone();
        reads.push(self.folder.clone());
        let scratch = self.target.join(SCRATCH);
        fs::create_dir_all(&scratch).map_err(|error| Error::write(&scratch, error))?;
        // Each of its processes may use all the time that all have together.
        Confinement::of_builds(&reads, std::slice::from_ref(&self.target), limit, self.memory)
            .map_err(not_confined)
    }

    /// Builds some test targets, and returns the binaries; or says why there are none.
    fn build_binaries(
        &self,
        names: &[String],
        log: &Path,
        limit: Duration,
        confinement: Option<&Confinement>,
    ) -> Result<Result<Vec<PathBuf>, String>, Error> {
        self.begin_target()?;
        let mut command = cargo();
        command
            .args([
                "test",
                "--no-run",
                "--package",
                PACKAGE,
                "--offline",
                "--locked",
                "--color",
                "never",
            ])
            .args(["--message-format", "json-render-diagnostics"])
            .current_dir(&self.folder)
            .env("CARGO_TARGET_DIR", &self.target);
        for name in names {
            command.args(["--test", name]);
        }
        without_secrets(&mut command);
        // A wrapper may leave a server behind, which would be taken for a submission's.
        command.env("RUSTC_WRAPPER", "").env("RUSTC_WORKSPACE_WRAPPER", "");
        if self.is_own_target() {
            command.env("CARGO_INCREMENTAL", "0");
        }
        if let Some(confinement) = confinement {
            command.env("TMPDIR", self.target.join(SCRATCH));
            confinement.put_on(&mut command).map_err(not_confined)?;
        }
        let file = File::create(log).map_err(|error| Error::write(log, error))?;
        let Some((status, messages)) = output_for(command, file, Instant::now() + limit)? else {
            let why = format!("building it took more than {}", humantime::format_duration(limit));
            return Ok(Err(why));
        };
        if !status.success() {
            let text = said(log).map_err(|error| Error::read(log, error))?;
            return Ok(Err(first_error(&String::from_utf8_lossy(&text), &status.to_string())));
        }
        if confinement.is_some()
            && let Some(file) = self.taken_from_elsewhere(&messages)?
        {
            return Ok(Err(format!(
                "the compiler took in {file}, which isn't one of the files in raft/src"
            )));
        }
        binaries(&messages).map(Ok)
    }

    /// A file that isn't the submission's own, and that the compiler read for its library all the same: by what it says
    /// itself of what it read. The check of the sources knows the usual ways, and not each macro's.
    fn taken_from_elsewhere(&self, messages: &str) -> Result<Option<String>, Error> {
        let Some(library) = library(messages, PACKAGE)? else { return Ok(None) };
        let said = library.with_extension("d");
        let stem = said.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let said = said.with_file_name(stem.strip_prefix("lib").unwrap_or(&stem));
        let Ok(text) = fs::read_to_string(&said) else { return Ok(None) };
        let sources = self.package().join("src");
        let sources = sources.canonicalize().unwrap_or(sources);
        Ok(files_read(&text).into_iter().find(|file| {
            let file = self.folder.join(file);
            !file.canonicalize().is_ok_and(|file| file.starts_with(&sources))
        }))
    }

    /// Whether nobody else builds into its target folder.
    fn is_own_target(&self) -> bool {
        self.target.starts_with(&self.folder)
    }

    /// Takes over what another workspace has built, before the first build.
    fn begin_target(&self) -> Result<(), Error> {
        let Some(model) =
            self.model.as_ref().filter(|model| **model != self.target && !self.target.exists())
        else {
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
        let metadata = self.metadata()?;
        let used = metadata.resolve.iter().flat_map(|resolve| &resolve.nodes).map(|node| &node.id);
        let used: Vec<_> = used.collect();
        let mut folders = vec![self.folder.join("tests")];
        for package in &metadata.packages {
            if package.source.is_none()
                && package.name.as_str() != PACKAGE
                && used.contains(&&package.id)
            {
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
            let is_said = |line: &&str| {
                !line.contains("path = \"/") && !line.starts_with("version = \"0.1.0+")
            };
            all.extend(
                text.lines().filter(is_said).flat_map(|line| [line.as_bytes(), b"\n"].concat()),
            );
        }
        let version =
            Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())).arg("-V").output();
        all.extend(version.map(|output| output.stdout).unwrap_or_default());
        Ok(sha256(&all))
    }
}

/// What cargo has said, as much as is looked at: the first of it, and the last.
fn said(log: &Path) -> io::Result<Vec<u8>> {
    let (mut file, mut text) = (File::open(log)?, Vec::new());
    file.by_ref().take(LOG).read_to_end(&mut text)?;
    let end = file.metadata()?.len().saturating_sub(LAST);
    if end >= LOG {
        text.push(b'\n');
        file.seek(SeekFrom::Start(end))?;
        file.take(LAST).read_to_end(&mut text)?;
    }
    Ok(text)
}

fn not_confined(error: io::Error) -> Error {
    Error::NotPrepared(format!("submissions can't be confined: {error}"))
}

/// The test target that a binary is of, by its name: `lab3-0123456789abcdef`.
pub(super) fn target_of(binary: &Path) -> String {
    let stem = binary.file_stem().unwrap_or_default().to_string_lossy();
    stem.rsplit_once('-').map_or(&*stem, |(name, _)| name).to_owned()
}

/// What a build in the workspace at `folder` reads besides that: the folders of all packages; what cargo looks for in
/// the folders above them; cargo's own files, but not its credentials; the compiler.
fn reads(metadata: &Metadata, root: &Path, folder: &Path) -> Vec<PathBuf> {
    let mut reads: Vec<PathBuf> = Vec::new();
    let mut above: BTreeSet<&Path> = folder.ancestors().chain(root.ancestors()).collect();
    for package in &metadata.packages {
        reads.extend(package.manifest_path.parent().map(PathBuf::from));
        if package.source.is_none() {
            // It may be of another workspace, from whose manifest it has its version.
            above.extend(package.manifest_path.as_std_path().ancestors().skip(1));
        }
    }
    let looked_for = [
        "Cargo.toml",
        "Cargo.lock",
        ".cargo/config.toml",
        ".cargo/config",
        "rust-toolchain.toml",
        "rust-toolchain",
    ];
    reads.extend(above.iter().flat_map(|folder| looked_for.map(|name| folder.join(name))));
    let home = |variable: &str, name: &str| {
        let home = env::var_os("HOME").map(|home| PathBuf::from(home).join(name));
        env::var_os(variable).map(PathBuf::from).or(home)
    };
    if let Some(cargo) = home("CARGO_HOME", ".cargo") {
        let own = ["bin", "registry", "git", "config.toml", "config", ".package-cache"];
        reads.extend(own.map(|name| cargo.join(name)));
    }
    reads.extend(home("RUSTUP_HOME", ".rustup"));
    let compiler = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    if let Ok(output) = Command::new(compiler).args(["--print", "sysroot"]).output() {
        reads.push(String::from_utf8_lossy(&output.stdout).trim().into());
    }
    reads.extend(
        env::var_os("CARGO").and_then(|cargo| Some(Path::new(&cargo).parent()?.to_owned())),
    );
    reads.retain(|path| path.is_absolute() && path.exists());
    reads.sort();
    reads.dedup();
    reads
}
