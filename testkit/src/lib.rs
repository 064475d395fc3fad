//! What the harness's own tests have in common: they run tests of their own binary as a user would, in a
//! process and an environment of its own, and read what came of them.

mod judged;
mod victim;
pub mod written;

use std::env;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use report::RunResult;

pub use victim::{VICTIM_TEST, VICTIM_VARIABLE, Victim, Victims};

/// How long a process may take before it is killed, so that a tester that hangs fails its test.
const LIMIT: Duration = Duration::from_secs(300);

/// How often it is looked whether it has ended.
const LOOK: Duration = Duration::from_millis(10);

/// The exit code of a test binary whose tests have passed.
pub const PASSED: i32 = 0;

/// The exit code of a test binary of which a test has failed.
pub const FAILED: i32 = 101;

/// A test binary.
#[derive(Clone, Debug)]
pub struct TestBinary {
    path: PathBuf,
    package: String,
}

/// What came of a test binary's process.
#[derive(Debug)]
pub struct Ran {
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote of the runs, in its order.
    pub results: Vec<RunResult>,
    /// What it printed, by either way.
    pub output: String,
    /// What its id was.
    pub process_id: u32,
}

impl TestBinary {
    /// This very binary, which is of `package`: `env!("CARGO_PKG_NAME")`.
    ///
    /// # Panics
    /// If its path isn't known.
    #[must_use]
    pub fn this(package: &str) -> TestBinary {
        TestBinary::at(&env::current_exe().expect("this binary's path"), package)
    }

    /// The binary at `path`.
    #[must_use]
    pub fn at(path: &Path, package: &str) -> TestBinary {
        TestBinary { path: path.to_owned(), package: package.to_owned() }
    }

    /// The paths of its tests.
    ///
    /// # Panics
    /// If it can't be run, or doesn't list them.
    #[must_use]
    pub fn tests(&self) -> Vec<String> {
        let list = Command::new(&self.path).args(["--list", "--format", "terse"]).output();
        let list = String::from_utf8(list.expect("a test binary runs").stdout);
        let list = list.expect("the list of tests is text");
        list.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect()
    }

    /// Runs it with `arguments`, as the test runner takes them. Of the variables that the harness and the
    /// test runner read it has `variables` and no others.
    ///
    /// # Panics
    /// If it can't be run, or takes longer than five minutes.
    pub fn run<N, V>(&self, arguments: &[&str], variables: impl IntoIterator<Item = (N, V)>) -> Ran
    where
        N: AsRef<OsStr>,
        V: AsRef<OsStr>,
    {
        self.run_while(arguments, variables, |_| {})
    }

    /// The same; does `meanwhile` again and again with the process's id.
    ///
    /// # Panics
    /// As [`TestBinary::run`] does.
    pub fn run_while<N, V>(
        &self,
        arguments: &[&str],
        variables: impl IntoIterator<Item = (N, V)>,
        meanwhile: impl FnMut(u32),
    ) -> Ran
    where
        N: AsRef<OsStr>,
        V: AsRef<OsStr>,
    {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let printed = folder.path().join("printed");
        let file = File::options().create(true).append(true).open(&printed);
        let file = file.expect("a file in a new folder");
        // A shell that has no job control lets what runs in its background ignore Ctrl-C, and who ignores a signal
        // hands that on. `env` undoes it, and becomes the test binary.
        let mut command = if cfg!(target_os = "linux") {
            let mut command = Command::new("env");
            command.arg("--default-signal=INT").arg(&self.path);
            command
        } else {
            Command::new(&self.path)
        };
        command.args(arguments);
        for (name, _) in env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("LAB_") || text.starts_with("RUST_") || text == "COLUMNS" {
                command.env_remove(name);
            }
        }
        // Cargo sets this one; who runs the binary by hand has to do without.
        command.env("CARGO_PKG_NAME", &self.package);
        command.env("LAB_OUT", folder.path()).envs(variables);
        command.stdin(Stdio::null());
        command.stdout(file.try_clone().expect("a second handle")).stderr(file);
        let mut process = command.spawn().expect("a test binary runs");
        let status = wait(&mut process, meanwhile);
        let output = String::from_utf8_lossy(&fs::read(&printed).expect("the file")).into_owned();
        let Some(status) = status else {
            panic!("{arguments:?} took longer than {LIMIT:?}; it has printed:\n{output}")
        };
        let results = read(&folder.path().join(report::RESULTS));
        Ran { status, results, output, process_id: process.id() }
    }
}

/// Waits for the process's end; kills it when the limit is over, and returns `None`.
fn wait(process: &mut Child, mut meanwhile: impl FnMut(u32)) -> Option<ExitStatus> {
    let begun = Instant::now();
    while begun.elapsed() < LIMIT {
        if let Some(status) = process.try_wait().expect("the process is this one's child") {
            return Some(status);
        }
        meanwhile(process.id());
        #[expect(clippy::disallowed_methods, reason = "this is no simulated thread")]
        std::thread::sleep(LOOK);
    }
    process.kill().and_then(|()| process.wait()).expect("a process can be killed");
    None
}

fn read(path: &Path) -> Vec<RunResult> {
    // Where a test can't even begin there are no results.
    let results = fs::read_to_string(path).unwrap_or_default();
    let parse = |line| serde_json::from_str(line).expect("a line is a result");
    results.lines().map(parse).collect()
}

impl Ran {
    /// The results of the test at `path`.
    #[must_use]
    pub fn results_of(&self, path: &str) -> Vec<&RunResult> {
        self.results.iter().filter(|result| result.test == name(path)).collect()
    }

    /// The warnings of the test at `path`, of all its runs.
    #[must_use]
    pub fn warnings_of(&self, path: &str) -> Vec<&String> {
        self.results_of(path).into_iter().flat_map(|result| &result.warnings).collect()
    }

    /// Asserts that the output has each of `texts`.
    ///
    /// # Panics
    /// If it lacks one.
    #[track_caller]
    pub fn assert_says(&self, texts: &[&str]) {
        assert_says("the output", &self.output, texts);
    }

    /// Asserts how the process has ended.
    ///
    /// # Panics
    /// If it was otherwise.
    #[track_caller]
    pub fn assert_status(&self, code: i32) {
        assert_eq!(self.status.code(), Some(code), "{}", self.output);
    }
}

/// Asserts that a text, which `what` names, has each of `parts`.
///
/// # Panics
/// If it lacks one.
#[track_caller]
pub fn assert_says(what: &str, text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{what} doesn't say {part:?}:\n{text}");
    }
}

/// The name of the function at a path.
#[must_use]
pub fn name(path: &str) -> &str {
    path.rsplit("::").next().unwrap_or(path)
}
