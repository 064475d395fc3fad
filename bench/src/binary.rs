//! A package's test binary: built, run as a user runs it, and asked for its results.

use std::env;
use std::fs;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use cargo_metadata::Message;
use config::RunResult;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;

use crate::{Effort, Result};

/// How a binary is built.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Profile {
    Debug,
    Release,
}

/// The binary of a package's 28 tests.
#[derive(Debug)]
pub(crate) struct Binary {
    path: PathBuf,
}

/// What some seeds of a test took, or another command.
#[derive(Clone, Copy)]
pub(crate) struct Cost {
    /// CPU time of the command and of its processes.
    pub(crate) cpu: Duration,
    /// Real time.
    pub(crate) real: Duration,
}

impl Cost {
    /// More than anything costs.
    const MAX: Cost = Cost { cpu: Duration::MAX, real: Duration::MAX };

    /// The lower of both times.
    fn min(self, other: Cost) -> Cost {
        Cost { cpu: self.cpu.min(other.cpu), real: self.real.min(other.real) }
    }
}

/// The cargo that builds this.
pub(crate) fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Runs a command to its end. An error if that is a failure.
fn timed(what: &str, command: &mut Command) -> Result<Cost> {
    let (cpu, began) = (children_cpu()?, Instant::now());
    must_pass(what, command.status()?)?;
    Ok(Cost { cpu: children_cpu()? - cpu, real: began.elapsed() })
}

/// The same of a command whose output nobody needs.
pub(crate) fn take(what: &str, command: &mut Command) -> Result<Cost> {
    timed(what, command.stdout(Stdio::null()).stderr(Stdio::null()))
}

impl Binary {
    /// Builds the reference's tests.
    pub(crate) fn reference(profile: Profile) -> Result<Binary> {
        Binary::build("raft", "lab3", profile)
    }

    /// Builds the second Raft's tests, of which MIT's are a part.
    pub(crate) fn second(profile: Profile) -> Result<Binary> {
        Binary::build("zoo", "zoo", profile)
    }

    /// Builds the reference's tests in another checkout, whose target folder is its own.
    pub(crate) fn reference_of(checkout: &Path) -> Result<Binary> {
        Binary::build_in(checkout, "raft", "lab3", Profile::Release)
    }

    /// Builds the tests of a Raft as many students write it.
    pub(crate) fn student() -> Result<Binary> {
        Binary::build("bench", "student", Profile::Release)
    }

    /// The same in another checkout; `None` if that has no such Raft.
    pub(crate) fn student_of(checkout: &Path) -> Result<Option<Binary>> {
        let has_it = checkout.join("bench/tests/student").is_dir();
        let build = || Binary::build_in(checkout, "bench", "student", Profile::Release);
        has_it.then(build).transpose()
    }

    /// Builds the tests `name` of `package`, and finds the binary.
    fn build(package: &str, name: &str, profile: Profile) -> Result<Binary> {
        Binary::build_in(Path::new("."), package, name, profile)
    }

    fn build_in(checkout: &Path, package: &str, name: &str, profile: Profile) -> Result<Binary> {
        let mut cargo = cargo();
        cargo.current_dir(checkout);
        cargo.args(["test", "--package", package, "--test", name, "--no-run"]);
        cargo.args(["--message-format", "json-render-diagnostics"]);
        if profile == Profile::Release {
            cargo.arg("--release");
        }
        let mut cargo = cargo.stdout(Stdio::piped()).spawn()?;
        let stdout = cargo.stdout.take().expect("it was asked for");
        let mut binary = None;
        for message in Message::parse_stream(BufReader::new(stdout)) {
            if let Message::CompilerArtifact(artifact) = message?
                && artifact.target.name == name
            {
                // The last one: a library of the same name comes before its tests.
                binary = artifact.executable.or(binary);
            }
        }
        if !cargo.wait()?.success() {
            return Err(format!("failed to build the tests of the package {package}").into());
        }
        let binary =
            binary.ok_or_else(|| format!("cargo has built no test binary named {name}"))?;
        Ok(Binary { path: binary.into_std_path_buf() })
    }

    /// The command that runs the tests with `filter` in their names on the seeds from 1 to `seeds`,
    /// with `jobs` workers.
    fn command(&self, filter: &str, seeds: u64, jobs: u32) -> Command {
        let mut command = Command::new(&self.path);
        for (name, _) in env::vars_os() {
            if name.to_string_lossy().starts_with("LAB_") {
                command.env_remove(name);
            }
        }
        command
            .arg(filter)
            .env("LAB_SEED", "1")
            .env("LAB_ITERS", seeds.to_string())
            .env("LAB_JOBS", jobs.to_string())
            .stdout(Stdio::null());
        command
    }

    /// Starts the tests with `filter` in their names on the seeds from 1 to `seeds`, with `jobs`
    /// workers.
    pub(crate) fn start(&self, filter: &str, seeds: u64, jobs: u32) -> Result<Child> {
        Ok(self.command(filter, seeds, jobs).spawn()?)
    }

    /// What it costs to run the tests with `filter` in their names on the seeds from 1 to `seeds`, by
    /// each number of workers in `jobs`: the best of several measurements, which take turns.
    pub(crate) fn best<const N: usize>(
        &self,
        effort: Effort,
        filter: &str,
        seeds: u64,
        jobs: [u32; N],
    ) -> Result<[Cost; N]> {
        let rounds = match effort {
            Effort::Quick => 1,
            Effort::Full => 3,
        };
        let mut best = [Cost::MAX; N];
        for _ in 0..rounds {
            for (best, jobs) in best.iter_mut().zip(jobs) {
                *best = best.min(self.run(filter, seeds, jobs)?);
            }
        }
        Ok(best)
    }

    /// The names of the tests.
    pub(crate) fn tests(&self) -> Result<Vec<String>> {
        let output = Command::new(&self.path).args(["--list", "--format", "terse"]).output()?;
        must_pass("the list of tests", output.status)?;
        let text = String::from_utf8(output.stdout)?;
        let paths = text.lines().filter_map(|line| line.strip_suffix(": test"));
        Ok(paths.map(|path| path.rsplit("::").next().unwrap_or(path).to_owned()).collect())
    }

    /// The CPU time that the seeds from 1 to `seeds` take, in ms.
    pub(crate) fn cpu_ms(&self, filter: &str, seeds: u64) -> Result<f64> {
        Ok(self.run(filter, seeds, 1)?.cpu.as_secs_f64() * 1000.0)
    }

    fn run(&self, filter: &str, seeds: u64, jobs: u32) -> Result<Cost> {
        timed(filter, &mut self.command(filter, seeds, jobs))
    }

    /// Runs what [`Binary::start`] starts, and returns what came of each run.
    pub(crate) fn results(&self, filter: &str, seeds: u64, jobs: u32) -> Result<Vec<RunResult>> {
        let out = tempfile::tempdir()?;
        must_pass(filter, self.command(filter, seeds, jobs).env("LAB_OUT", out.path()).status()?)?;
        let lines = fs::read_to_string(out.path().join(report::RESULTS))?;
        let results: serde_json::Result<_> = lines.lines().map(serde_json::from_str).collect();
        Ok(results?)
    }
}

/// Fails if the tests with `filter` in their names have.
pub(crate) fn must_pass(filter: &str, status: ExitStatus) -> Result<()> {
    if status.success() { Ok(()) } else { Err(format!("{filter} has failed").into()) }
}

/// The CPU time of all processes that were waited for, and of those that these waited for.
pub(crate) fn children_cpu() -> Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Ok(Duration::from_micros(u64::try_from(micros)?))
}
