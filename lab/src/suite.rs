//! A package's tests: built once, listed, and chosen from.

use std::env;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cargo_metadata::{Message, Package, TargetKind};
use children::settings;

use crate::cargo::{self, cargo, workspace};
use crate::cli;
use crate::error::Error;
use crate::leftovers;

/// What a test's name begins with, if it is one of MIT's or made like them.
const PREFIX: &str = "Test";

/// How much alike two names must be for one to be suggested for the other.
const ALIKE: f64 = 0.6;

/// How much less alike than the best suggestion others may be.
const CLOSE: f64 = 0.1;

/// A package's tests.
#[derive(Debug)]
pub(crate) struct Suite {
    pub(crate) package: String,
    /// The package's folder, in which cargo runs its tests.
    pub(crate) folder: PathBuf,
    /// The folder that cargo builds into.
    pub(crate) target: PathBuf,
    pub(crate) tests: Vec<LabTest>,
    /// What the tests are told besides their variables, as by the options --strict and --real.
    pub(crate) switches: Vec<(&'static str, &'static str)>,
}

/// The few variables without which programs don't run: code that isn't the user's has no business with others.
const BARE: [&str; 6] = ["PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "LD_LIBRARY_PATH"];

/// A test.
#[derive(Clone, Debug)]
pub(crate) struct LabTest {
    /// The binary that has it.
    pub(crate) binary: PathBuf,
    /// Its path in there, such as `election_3a::TestReElection3A`.
    pub(crate) path: String,
    /// Its name.
    pub(crate) name: String,
    /// Which call of `config::test` in its function is meant, from 1. Each is a test of its own.
    pub(crate) call: u32,
}

impl Suite {
    /// The same, with runs that are made in this way.
    pub(crate) fn conducted(self, conduct: &cli::Conduct) -> Suite {
        Suite { switches: conduct.switches(), ..self }
    }

    /// The command that runs a test on so many seeds from the first on, and has its results written to
    /// `out`.
    pub(crate) fn command(&self, test: &LabTest, first: u64, count: u64, out: &Path) -> Command {
        let mut command = self.command_of(test);
        command
            .env(settings::SEED, first.to_string())
            .env(settings::ITERS, count.to_string())
            .env(settings::CALL, test.call.to_string())
            .env(settings::OUT, out)
            .envs(self.switches.iter().copied())
            .stdin(Stdio::null());
        command
    }

    /// The command that starts a test that isn't the user's: with few variables, and none that says what it is to do.
    pub(crate) fn bare_command(&self, test: &LabTest) -> Command {
        let mut command = self.command_of(test);
        let few = BARE.iter().filter_map(|name| Some((name, env::var_os(name)?)));
        command.env_clear().envs(few).env("CARGO_PKG_NAME", &self.package);
        command
    }

    /// The command that starts a test of the user's, which is told elsewhere what it is to do.
    pub(crate) fn open_command(&self, test: &LabTest) -> Command {
        let mut command = self.command_of(test);
        command.envs(self.switches.iter().copied());
        command
    }

    fn command_of(&self, test: &LabTest) -> Command {
        let mut command = Command::new(&test.binary);
        command
            .args([test.path.as_str(), "--exact", "--nocapture", "--include-ignored"])
            .current_dir(&self.folder)
            // Cargo tells a test which package it is of, and this program which it is itself.
            .env("CARGO_PKG_NAME", &self.package);
        command
    }
}

impl LabTest {
    /// Another call of its function.
    pub(crate) fn at(&self, call: u32) -> LabTest {
        LabTest { call, ..self.clone() }
    }

    /// What it is called in tables and lines.
    pub(crate) fn title(&self) -> String {
        match self.call {
            1 => self.name.clone(),
            call => format!("{}, call {call}", self.name),
        }
    }

    /// What its run with `seed` is called on disk.
    pub(crate) fn file_name(&self, seed: u64) -> String {
        match self.call {
            1 => format!("{}-{seed}", self.name),
            call => format!("{}-call{call}-{seed}", self.name),
        }
    }

    /// A test of which only its name is known.
    pub(crate) fn named(name: &str, call: u32) -> LabTest {
        LabTest { binary: PathBuf::new(), path: name.to_owned(), name: name.to_owned(), call }
    }

    /// A test, for the program's own.
    #[cfg(test)]
    pub(crate) fn for_tests(name: &str) -> LabTest {
        LabTest::named(name, 1)
    }

    /// Its binary couldn't be run.
    pub(crate) fn not_started(&self, error: io::Error) -> Error {
        Error::NotStarted { what: self.binary.display().to_string(), error }
    }
}

/// How cargo builds the tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Compile {
    /// Its messages go where they always go.
    Openly,
    /// Without a word, step by step into a folder of its own: code that isn't the user's and may not compile.
    Silently { target: PathBuf },
}

/// Builds the tests and chooses those that are asked for.
pub(crate) fn prepare(
    package: &str,
    asked: &cli::Build,
    filters: &[String],
) -> Result<Suite, Error> {
    prepare_as(&Compile::Openly, package, asked, filters)
}

/// The same, built in another manner.
pub(crate) fn prepare_as(
    compile: &Compile,
    package: &str,
    asked: &cli::Build,
    filters: &[String],
) -> Result<Suite, Error> {
    let metadata = workspace(asked.manifest_path.as_deref())?;
    let packages = metadata.workspace_packages();
    let named = packages.iter().find(|other| other.name.as_str() == package);
    let Some(&built) = named else {
        let names: Vec<&str> = packages.iter().map(|package| package.name.as_str()).collect();
        let root = &metadata.workspace_root;
        let all = format!("{root} has {}", names.join(", "));
        let hint = suggestion(package, &names).unwrap_or(all);
        return Err(Error::NoPackage { package: package.to_owned(), hint });
    };
    let is_test = |kinds: &[TargetKind]| kinds.contains(&TargetKind::Test);
    if !built.targets.iter().any(|target| is_test(&target.kind)) {
        return Err(Error::NoTests(package.to_owned()));
    }
    let folder = built.manifest_path.parent().map(PathBuf::from).unwrap_or_default();
    let tests = choose(list_all(&build(compile, asked, built)?, &folder)?, package, filters)?;
    let target = metadata.target_directory.into_std_path_buf();
    Ok(Suite { package: package.to_owned(), folder, target, tests, switches: Vec::new() })
}

/// Has cargo build the package's test binaries.
fn build(compile: &Compile, asked: &cli::Build, package: &Package) -> Result<Vec<PathBuf>, Error> {
    let mut command = cargo();
    command.args(["test", "--no-run", "--test", "*"]);
    command.arg("--manifest-path").arg(&package.manifest_path);
    match compile {
        Compile::Openly => command.args(["--message-format", "json-render-diagnostics"]),
        Compile::Silently { target } => {
            // The package is built anew a hundred times, and its tests spend their time elsewhere.
            let profile = if asked.release { "release" } else { "dev" };
            let of_package = format!("profile.{profile}.package.{}", package.name);
            command
                .args(["--quiet", "--message-format", "json"])
                .args(["--config", &format!("{of_package}.opt-level=0")])
                .args(["--config", &format!("{of_package}.debug=\"line-tables-only\"")])
                .env("CARGO_TARGET_DIR", target)
                .env("CARGO_INCREMENTAL", "1")
        }
    };
    if asked.release {
        command.arg("--release");
    }
    let (status, messages) = cargo::output(command)?;
    let binaries = binaries(&messages)?;
    if status.success() { Ok(binaries) } else { Err(Error::NotBuilt(package.name.to_string())) }
}

/// The test binaries that cargo says it has built, in an order that doesn't depend on which was built first: machines that
/// share out runs must count them alike.
pub(crate) fn binaries(messages: &str) -> Result<Vec<PathBuf>, Error> {
    let failed = |error| Error::NotStarted { what: "cargo".to_owned(), error };
    let mut binaries = Vec::new();
    for message in Message::parse_stream(messages.as_bytes()) {
        if let Message::CompilerArtifact(artifact) = message.map_err(failed)?
            && artifact.target.kind.contains(&TargetKind::Test)
            && let Some(binary) = artifact.executable
        {
            binaries.push(binary.into());
        }
    }
    binaries.sort();
    Ok(binaries)
}

/// The tests that some binaries have: by parts, and within a part as the binary has them.
pub(crate) fn list_all(binaries: &[PathBuf], folder: &Path) -> Result<Vec<LabTest>, Error> {
    let mut tests = Vec::new();
    for binary in binaries {
        tests.extend(list(binary, folder)?);
    }
    tests.sort_by(|a, b| part(&a.name).cmp(part(&b.name)));
    Ok(tests)
}

/// The tests that a binary has.
fn list(binary: &Path, folder: &Path) -> Result<Vec<LabTest>, Error> {
    let failed = |error| Error::NotStarted { what: binary.display().to_string(), error };
    let mut command = Command::new(binary);
    command.args(["--list", "--format", "terse"]).current_dir(folder).stdout(Stdio::piped());
    let process = leftovers::spawn(&mut command).map_err(failed)?;
    let id = process.id();
    let output = process.wait_with_output();
    leftovers::is_waited_for(id);
    let output = output.map_err(failed)?;
    if !output.status.success() {
        return Err(Error::NotListed { binary: binary.to_owned(), status: output.status });
    }
    let list = String::from_utf8_lossy(&output.stdout);
    let test = |path: &str| {
        let name = path.rsplit("::").next().unwrap_or(path).to_owned();
        LabTest { binary: binary.to_owned(), path: path.to_owned(), name, call: 1 }
    };
    let tests = list.lines().filter_map(|line| line.strip_suffix(": test")).map(test);
    Ok(tests.filter(|test| test.name.starts_with(PREFIX)).collect())
}

/// The part that a test belongs to: `3A` for `TestReElection3A`, `X01` for `TestFigure8X01`.
pub(crate) fn part(name: &str) -> &str {
    if let Some((_, number)) = name.rsplit_once('X')
        && number.len() == 2
        && number.bytes().all(|digit| digit.is_ascii_digit())
    {
        return &name[name.len() - 3..];
    }
    let digits = name.trim_end_matches(|c: char| c.is_ascii_uppercase());
    let word = digits.trim_end_matches(|c: char| c.is_ascii_digit());
    // The name's last digit is the part's; what stands before it is the name's own, as in Persist13C.
    let start = digits.len() - (digits.len() - word.len()).min(1);
    &name[start..]
}

/// What tests are called together: MIT's by their part, `3A`; the small ones of the guide, `steps`; all others,
/// `extra`.
pub(crate) fn group(name: &str) -> &str {
    match part(name) {
        part if part.starts_with('3') => part,
        _ if name.starts_with("TestStep") => "steps",
        _ => "extra",
    }
}

/// The tests that have one of `filters` in their path; all, without filters.
fn choose(tests: Vec<LabTest>, package: &str, filters: &[String]) -> Result<Vec<LabTest>, Error> {
    if tests.is_empty() {
        return Err(Error::NoTests(package.to_owned()));
    }
    let matches = |test: &LabTest, filter: &String| test.path.contains(filter.as_str());
    for filter in filters {
        if !tests.iter().any(|test| matches(test, filter)) {
            let names: Vec<&str> = tests.iter().map(|test| test.name.as_str()).collect();
            let mut words = names.clone();
            words.extend(tests.iter().map(|test| part(&test.name)));
            words.dedup();
            let all = format!("there are {}", names.join(", "));
            let hint = suggestion(filter, &words).unwrap_or(all);
            return Err(Error::NoSuchTest {
                package: package.to_owned(),
                filter: filter.clone(),
                hint,
            });
        }
    }
    let is_chosen =
        |test: &LabTest| filters.is_empty() || filters.iter().any(|filter| matches(test, filter));
    Ok(tests.into_iter().filter(is_chosen).collect())
}

/// What `word` was perhaps meant to be.
pub(crate) fn suggestion(word: &str, names: &[&str]) -> Option<String> {
    let word = word.to_lowercase();
    let score = |name: &str| {
        let name = name.to_lowercase();
        let is_piece = !word.is_empty() && name.contains(&word);
        if is_piece { 1.0 } else { strsim::normalized_levenshtein(&word, &name) }
    };
    let mut alike: Vec<(f64, &str)> = names.iter().map(|name| (score(name), *name)).collect();
    alike.sort_by(|a, b| b.0.total_cmp(&a.0));
    alike.dedup_by_key(|(_, name)| *name);
    let best = alike.first()?.0;
    let is_close = |(score, _): &&(f64, &str)| *score >= ALIKE && *score >= best - CLOSE;
    let shown: Vec<&str> = alike.iter().filter(is_close).take(3).map(|(_, name)| *name).collect();
    (!shown.is_empty()).then(|| format!("did you mean {}?", shown.join(" or ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_the_end_of_a_name() {
        assert_eq!(part("TestReElection3A"), "3A");
        assert_eq!(part("TestPersist13C"), "3C");
        assert_eq!(part("TestFigure8X01"), "X01");
        assert_eq!(part("TestMax13A"), "3A");
        assert_eq!(part("TestMine"), "");
        let tests = ["TestMax13A", "TestStep01RpcIsAnswered", "TestFigure8X01", "TestExplore"];
        assert_eq!(tests.map(group), ["3A", "steps", "extra", "extra"]);
        assert_eq!(part(""), "");
    }

    /// What cargo says of a test binary that it has built.
    fn built(name: &str) -> String {
        let target = serde_json::json!({
            "name": name, "kind": ["test"], "crate_types": ["bin"], "required-features": [], "src_path": "/main.rs",
            "edition": "2024", "doctest": false, "test": true, "doc": false,
        });
        let profile = serde_json::json!({
            "opt_level": "0", "debuginfo": 0, "debug_assertions": true, "overflow_checks": true, "test": true,
        });
        serde_json::json!({
            "reason": "compiler-artifact", "package_id": "raft", "manifest_path": "/Cargo.toml", "target": target,
            "profile": profile, "features": [], "filenames": [], "executable": format!("/deps/{name}"), "fresh": true,
        })
        .to_string()
    }

    #[test]
    fn the_order_of_binaries_is_not_that_of_building() {
        let found =
            |names: [&str; 3]| binaries(&names.map(built).join("\n")).expect("they are read");
        assert_eq!(found(["steps", "extra", "lab3"]), found(["lab3", "steps", "extra"]));
        assert_eq!(found(["lab3", "steps", "extra"])[2], Path::new("/deps/steps"));
    }

    #[test]
    fn what_was_meant_is_suggested() {
        let names = ["TestReElection3A", "TestManyElections3A", "TestFigure83C", "3A", "3C"];
        let suggest = |word| suggestion(word, &names);
        assert_eq!(
            suggest("3a").as_deref(),
            Some("did you mean TestReElection3A or TestManyElections3A or 3A?")
        );
        assert_eq!(suggest("TestReelection3A").as_deref(), Some("did you mean TestReElection3A?"));
        assert_eq!(suggest("xyz"), None);
    }
}
